import { expect, it } from "vitest";
import { Refusal } from "@/api/client";
import { follow, type Line, messages } from "./stream";

const body = (...chunks: string[]) => new ReadableStream<Uint8Array>({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
    controller.close();
  },
});
const answer = (...chunks: string[]) => new Response(body(...chunks));

it("reads messages however the network cuts them", async () => {
  const read = [];
  for await (const message of messages(body(": hi\n\nid: 4\nda", "ta: {\"a\":", "1}\n", "\nevent: x\ndata: {}\n\n"))) read.push(message);
  expect(read).toEqual([{ id: "4", data: "{\"a\":1}" }, { id: undefined, data: "{}" }]);
});

it("goes on after the last event it has seen, and waits longer each time it fails", async () => {
  const stop = new AbortController();
  const asked: (string | undefined)[] = [];
  const lines: Line[] = [];
  const events: unknown[] = [];
  const waits: number[] = [];
  const answers = [() => answer("id: 7\ndata: {\"n\":1}\n\n"), () => { throw new Refusal("gone", 0); }, () => { throw new Refusal("gone", 0); }, () => answer("id: 8\ndata: {\"n\":2}\n\n")];
  await follow({
    open: (headers) => {
      asked.push(headers["Last-Event-ID"]);
      const next = answers.shift();
      if (!next) stop.abort();
      return Promise.resolve().then(() => next?.() ?? answer());
    },
    onLine: (line) => lines.push(line), onEvent: (event) => events.push(event), signal: stop.signal,
    wait: (ms) => { waits.push(ms); return Promise.resolve(); },
  });
  expect(events).toEqual([{ n: 1 }, { n: 2 }]);
  expect(asked).toEqual([undefined, "7", "7", "7", "8"]);
  expect(lines.slice(0, 5)).toEqual(["live", "reconnecting", "reconnecting", "reconnecting", "live"]);
  expect(waits[2]!).toBeGreaterThan(waits[0]!);
});

it("does not ask again where it is not let in", async () => {
  const lines: Line[] = [];
  await follow({ open: () => Promise.reject(new Refusal("not yours", 403)), onLine: (line) => lines.push(line), onEvent: () => {}, signal: new AbortController().signal });
  expect(lines).toEqual(["refused"]);
});
