// The live stream (Server-Sent Events, HTML standard section 9.2), followed for ever and resumed where it broke.

import { Refusal } from "@/api/client";

export type Line = "live" | "reconnecting" | "refused";

// Longer than two signs of life of the server; a line that is silent for so long is dead.
const SILENCE_MS = 40_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

type Message = { id?: string; data: string };
type Follow = {
  /** Opens the stream; the header says from where on. */
  open: (headers: Record<string, string>, signal: AbortSignal) => Promise<Response>;
  onLine: (line: Line) => void;
  /** Gets `{kind: "missed"}` where something was lost. */
  onEvent: (event: unknown) => void;
  signal: AbortSignal;
  wait?: (ms: number) => Promise<void>;
};

export async function follow({ open, onLine, onEvent, signal, wait = pause }: Follow): Promise<void> {
  let last: string | undefined;
  for (let failures = 0; !signal.aborted; failures += 1) {
    const stop = new AbortController();
    const end = () => stop.abort();
    signal.addEventListener("abort", end);
    let watch: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(end, SILENCE_MS);
    };
    try {
      alive();
      const answer = await open(last === undefined ? {} : { "Last-Event-ID": last }, stop.signal);
      onLine("live");
      failures = 0;
      for await (const { id, data } of messages(answer.body!, alive)) {
        if (id !== undefined) last = id;
        onEvent(JSON.parse(data));
      }
    } catch (error) {
      // Who may not listen at all need not ask again.
      if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return onLine("refused");
    } finally {
      clearTimeout(watch);
      signal.removeEventListener("abort", end);
    }
    if (signal.aborted) return;
    onLine("reconnecting");
    // Spread, so that many pages do not come back in the same moment.
    await wait(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]! * (0.75 + Math.random() / 2));
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** The messages of an event stream. */
export async function* messages(body: ReadableStream<Uint8Array>, alive: () => void = () => {}): AsyncGenerator<Message> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const message = read(text.slice(0, end));
      text = text.slice(end + 2);
      if (message) yield message;
    }
  }
}

function read(block: string): Message | undefined {
  let data: string | undefined;
  let id: string | undefined;
  for (const line of block.split("\n")) {
    const [, name, content = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") data = data === undefined ? content : `${data}\n${content}`;
    if (name === "id") id = content;
  }
  return data === undefined ? undefined : { id, data };
}
