// What a live event changes in what is shown. Pure: given the same, the same comes out.

import type { Call, Conversation, ConversationPage, ConversationSummary, LiveEvent } from "@/api/types";

/** A conversation after an event of its own; the same object where nothing changed. */
export function applied(conversation: Conversation, event: LiveEvent): Conversation {
  switch (event.kind) {
    case "message":
      return { ...conversation, messages: put(conversation.messages, event.message, (one) => one.at_ms) };
    case "ticket":
      return { ...conversation, tickets: put(conversation.tickets, event.ticket, (one) => one.created_at_ms) };
    case "attempt": {
      const { call } = conversation;
      if (!call) return conversation;
      return { ...conversation, call: { ...call, attempts: put(call.attempts, event.attempt, (one) => one.started_at_ms) } };
    }
    case "conversation":
      // Events may come later than the answer to an order of ours.
      if (event.conversation.version < conversation.version) return conversation;
      return { ...conversation, ...event.conversation, call: sameCall(conversation.call, event.conversation.call) };
    default:
      return conversation;
  }
}

/** The list's form of a call knows neither recordings nor tries. */
function sameCall(known: Call | null | undefined, told: Call | null | undefined): Call | null {
  if (!told) return known ?? null;
  if (!known || known.id !== told.id) return told;
  const { recording_url, recordings, attempts } = known;
  return { ...told, recording_url, recordings, attempts };
}

type Listed = { pages: ConversationPage[]; pageParams: unknown[] };

/**
 * A list after a conversation changed: moved in place, put on top, or taken out, as `belongs` says. The newest stand
 * first; a conversation that is older than what was read so far comes with its page.
 */
export function listed(list: Listed, changed: ConversationSummary, belongs: boolean): Listed {
  let found = false;
  const pages = list.pages.map((page) => {
    const at = page.conversations.findIndex((one) => one.id === changed.id);
    if (at < 0) return page;
    found = true;
    const known = page.conversations[at]!;
    if (changed.version < known.version) return page;
    const conversations = [...page.conversations];
    if (belongs) conversations[at] = { ...known, ...changed, call: changed.call ?? known.call ?? null };
    else conversations.splice(at, 1);
    return { ...page, conversations };
  });
  const [first, ...rest] = pages;
  if (found || !belongs || !first) return { ...list, pages };
  const newest = first.conversations[0];
  if (newest && newest.created_at_ms > changed.created_at_ms) {
    const conversations = put(first.conversations, changed, (one) => -one.created_at_ms);
    // Older than the whole first page: it stands on a page that will be read.
    if (conversations.at(-1)?.id === changed.id && first.next_cursor) return list;
    return { ...list, pages: [{ ...first, conversations }, ...rest] };
  }
  return { ...list, pages: [{ ...first, conversations: [changed, ...first.conversations] }, ...rest] };
}

/** A list whose beginning was read again: what was read stands first, what is older stays as it is. */
export function topped(list: Listed, fresh: ConversationPage): Listed {
  const last = fresh.conversations.at(-1);
  if (!fresh.next_cursor || !last) return { pages: [fresh], pageParams: [null] };
  const read = new Set(fresh.conversations.map(({ id }) => id));
  const older = (one: ConversationSummary) => !read.has(one.id)
    && (one.created_at_ms < last.created_at_ms || (one.created_at_ms === last.created_at_ms && one.id < last.id));
  const pages = list.pages.map((page) => ({ ...page, conversations: page.conversations.filter(older) }));
  const [first, ...rest] = pages;
  // Where nothing follows that was known, the list goes on after what was just read.
  if (!first || pages.every(({ conversations }) => !conversations.length)) return { pages: [fresh], pageParams: [null] };
  return { ...list, pages: [{ ...first, conversations: [...fresh.conversations, ...first.conversations] }, ...rest] };
}

/** Replaces the one of the same id, or adds it in its place. */
function put<T extends { id: string }>(rows: T[], one: T, order: (row: T) => number): T[] {
  const at = rows.findIndex((row) => row.id === one.id);
  if (at >= 0) return rows.with(at, one);
  const place = rows.findLastIndex((row) => order(row) <= order(one));
  return rows.toSpliced(place + 1, 0, one);
}
