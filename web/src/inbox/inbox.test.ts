import { expect, it } from "vitest";
import type { Conversation, ConversationSummary, Message } from "@/api/types";
import { filterOf, inboxSearch, shows } from "./filters";
import { inOrder } from "./Messages";
import { caller, gistOf, nameOf } from "./names";
import { rolledBack, sendingId, settled } from "./queries";
import { conditionOf } from "./SaveView";

const summary = (more: Partial<ConversationSummary> = {}): ConversationSummary => ({
  id: "c", agent: "a", inbox: "i", channel: "api", status: "open", handler: "bot", label: "Open", preview: false, version: 3,
  created_at_ms: 1, updated_at_ms: 1, tags: [], ...more,
});
const message = (id: string, at: number, more: Partial<Message> = {}): Message => ({ id, author: "customer", text: id, at_ms: at, sources: [], attachments: [], ...more });
const whole = (more: Partial<Conversation> = {}): Conversation => ({ ...summary(), messages: [message("m1", 1)], tickets: [], ...more });
const ids = ({ messages }: Conversation) => messages.map(({ id }) => id);

it("reads the address, and leaves out what is none of ours", () => {
  expect(inboxSearch({ box: "mine", q: 42, channel: "pigeon", evil: "x" })).toEqual({ box: "mine", q: "42" });
});
it("asks the server for what the address says", () => {
  expect(filterOf({ box: "mine", channel: "phone" }, "Ada")).toEqual({ status: "open,needs_human,waiting,snoozed", assignee: "Ada", channel: "phone" });
  expect(filterOf({ box: "mine", view: "v" }, "Ada")).toEqual({ view: "v" });
});
it("knows by itself whether a live event belongs to a list, but for words and views", () => {
  expect(shows({ status: "open,waiting" }, summary())).toBe(true);
  expect(shows({ assignee: "Ada" }, summary({ assignee: "Bo" }))).toBe(false);
  expect(shows({ q: "lamp" }, summary())).toBeUndefined();
  expect(shows({ q: "lamp", status: "resolved" }, summary())).toBe(false);
});
it("saves what the list shows as a view", () => {
  expect(conditionOf({ box: "needs" }, "Ada")).toEqual({ status: "needs_human" });
  expect(conditionOf({ box: "snoozed", tag: "vip" }, "Ada")).toEqual({ all: [{ status: "snoozed" }, { tag: "vip" }] });
});
it("puts what the server holds in the place of what was shown ahead", () => {
  const ahead = whole({ messages: [message("m1", 1), message(sendingId(), 9, { author: "teammate" })] });
  expect(ids(settled(ahead, summary({ version: 4 }), message("m2", 2)))).toEqual(["m1", "m2"]);
  // The live stream may have brought it before the answer came.
  expect(ids(settled(whole({ messages: [message("m1", 1), message("m2", 2)] }), undefined, message("m2", 2)))).toEqual(["m1", "m2"]);
});
it("does not let an older answer overwrite what came by the stream", () => {
  expect(settled(whole({ version: 9, status: "resolved" }), summary({ version: 4 })).status).toBe("resolved");
});
it("takes a refused order back, and keeps what came meanwhile", () => {
  const before = whole();
  expect(rolledBack({ ...before, handler: "human" }, before)).toBe(before);
  const newer = whole({ version: 4, messages: [message("m1", 1), message("m2", 2), message(sendingId(), 3)] });
  expect(ids(rolledBack(newer, before))).toEqual(["m1", "m2"]);
});
it("tells who called", () => {
  expect(caller("sip:+4930123@198.51.100.7;user=phone", "pbx")).toBe("+4930123");
  expect(caller(null, "pbx")).toBe("Number withheld");
  expect(nameOf({ ...summary(), contact_name: "Ann" })).toBe("Ann");
  expect(gistOf({ ...summary(), last_words: "Hello" })).toBe("Hello");
});
it("shows what was done between the messages, and leaves out what they show themselves", () => {
  const base = { handler: "bot" as const, status: "open" as const };
  const entries = inOrder([message("m1", 1), message("m2", 5)], [
    { ...base, version: 2, at_ms: 3, actor: "Ada", act: { kind: "taken_over" } },
    { ...base, version: 3, at_ms: 5, actor: null, act: { kind: "customer_wrote", message: "m2" } },
  ]);
  expect(entries.map(({ message: said, line }) => said?.id ?? line)).toEqual(["m1", "Ada took over", "m2"]);
});
