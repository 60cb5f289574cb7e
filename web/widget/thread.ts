// What stands in the chat, pure: messages the server told and those on their way, each once and in order.

import type { Message, News, Pending, Standing } from "./types";

export type Thread = {
  messages: Message[]; pending: Pending[]; after: number | null; read: number; standing: Standing; typing: boolean;
};

export const empty = (pending: Pending[] = [], read = 0): Thread => ({
  // What was on its way when the page went is sent again, under its name.
  messages: [], pending: pending.map((one) => (one.state === "taken" ? { ...one, state: "waiting" } : one)), after: null, read, standing: "agent", typing: false,
});

/** The thread after a piece of news. Told twice, a message stands there once. */
export function told(thread: Thread, news: News): Thread {
  switch (news.kind) {
    case "message": {
      const { message } = news;
      if (thread.messages.some(({ seq }) => seq === message.seq)) return thread;
      const messages = [...thread.messages, message].sort((a, b) => a.seq - b.seq);
      const pending = thread.pending.filter(({ client_id }) => client_id !== message.client_id);
      const typing = thread.typing && message.from === "you";
      return { ...thread, messages, pending, typing, after: Math.max(thread.after ?? 0, message.seq) };
    }
    case "standing":
      return { ...thread, standing: news.with };
    case "typing":
      return { ...thread, typing: news.typing };
    case "caught":
      return { ...thread, after: Math.max(thread.after ?? 0, news.up_to) };
    case "over":
      return thread;
  }
}

export const written = (thread: Thread, one: Pending): Thread => ({ ...thread, pending: [...thread.pending, one] });

/** What became of a message on its way. One that the server told back meanwhile stays as told. */
export const became = (thread: Thread, id: string, state: Pending["state"], why?: string): Thread => ({
  ...thread,
  pending: thread.pending.map((one) => (one.client_id === id ? { ...one, state, ...(why === undefined ? {} : { why }) } : one)),
});

export const withdrawn = (thread: Thread, id: string): Thread => ({ ...thread, pending: thread.pending.filter((one) => one.client_id !== id) });

/** The next to be sent: one at a time, so that they keep their order. */
export const next = (thread: Thread): Pending | undefined => thread.pending.find(({ state }) => state === "waiting");

/** Everything of ours up to here has been on the screen. */
export const newest = (thread: Thread): number => thread.messages.findLast(({ from }) => from !== "you")?.seq ?? 0;

export const unread = (thread: Thread): number => thread.messages.filter(({ from, seq }) => from !== "you" && seq > thread.read).length;

/** Until the next try, in milliseconds: longer each time, and never all browsers at once. */
export const pause = (failures: number, chance: number): number => Math.min(30_000, 1_000 * 2 ** Math.min(failures, 10)) * (0.5 + chance / 2);

/** Text with its addresses apart, so that they become links and nothing becomes anything else. */
export function parts(text: string): { text: string; url?: string }[] {
  const found: { text: string; url?: string }[] = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/g)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: match[0], url: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}
