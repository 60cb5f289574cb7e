import { describe, expect, it } from "vitest";
import { became, empty, newest, next, parts, pause, told, unread, withdrawn, written } from "./thread";
import type { Message, Pending } from "./types";

const message = (seq: number, more: Partial<Message> = {}): Message =>
  ({ seq, id: `m${seq}`, from: "agent", name: null, text: "Hello", at_ms: seq, client_id: null, sources: [], files: [], ...more });
const pending = (client_id: string): Pending => ({ client_id, text: "Hi", files: [], at_ms: 1, state: "waiting" });
const tell = (thread: ReturnType<typeof empty>, one: Message) => told(thread, { kind: "message", message: one });

describe("the thread", () => {
  it("shows a message once, in its place, however often and in whichever order it is told", () => {
    let thread = empty();
    for (const seq of [3, 1, 3, 2, 1]) thread = tell(thread, message(seq));
    expect(thread.messages.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(thread.after).toBe(3);
  });
  it("puts what the server told back in the place of what was on its way, before or after the answer", () => {
    const own = message(7, { from: "you", client_id: "a" });
    const answered = tell(became(written(empty(), pending("a")), "a", "taken"), own);
    const toldFirst = became(tell(written(empty(), pending("a")), own), "a", "taken");
    for (const thread of [answered, toldFirst]) expect([thread.messages.length, thread.pending]).toEqual([1, []]);
  });
  it("sends what was on its way when the page went again, in order", () => {
    const before = became(written(written(empty(), pending("a")), pending("b")), "a", "taken");
    const after = empty(before.pending, 4);
    expect([after.pending.map(({ state }) => state), next(after)?.client_id, after.read]).toEqual([["waiting", "waiting"], "a", 4]);
  });
  it("keeps what was refused until it is tried again or taken out", () => {
    const thread = became(written(empty(), pending("a")), "a", "refused", "Too long.");
    expect([next(thread), thread.pending[0]?.why, withdrawn(thread, "a").pending]).toEqual([undefined, "Too long.", []]);
  });
  it("counts what came and was not seen", () => {
    let thread = { ...empty(), read: 1 };
    for (const one of [message(1), message(2), message(3, { from: "you" }), message(4)]) thread = { ...tell(thread, one), read: 1 };
    expect([unread(thread), newest(thread)]).toEqual([2, 4]);
  });
  it("waits longer after each failure and never longer than half a minute", () => {
    expect([pause(0, 0), pause(0, 1), pause(3, 1), pause(1_000, 1)]).toEqual([500, 1_000, 8_000, 30_000]);
  });
});

it("makes links of web addresses alone", () => {
  expect(parts("See https://a.example/b?c=1. Or (http://d.example)")).toEqual([
    { text: "See " }, { text: "https://a.example/b?c=1", url: "https://a.example/b?c=1" }, { text: ". Or (" },
    { text: "http://d.example", url: "http://d.example" }, { text: ")" },
  ]);
  expect(parts("javascript:alert(1) <b>x</b>")).toEqual([{ text: "javascript:alert(1) <b>x</b>" }]);
});
