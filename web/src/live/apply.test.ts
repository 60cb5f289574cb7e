import { describe, expect, it } from "vitest";
import type { Conversation, ConversationSummary, LiveEvent, Message } from "@/api/types";
import { applied, listed, topped } from "./apply";

const summary = (id: string, created: number, more: Partial<ConversationSummary> = {}): ConversationSummary => ({
  id, agent: "a", inbox: "i", channel: "api", status: "open", handler: "bot", label: "Open", preview: false, version: 1,
  created_at_ms: created, updated_at_ms: created, tags: [], ...more,
});
const message = (id: string, at: number, more: Partial<Message> = {}): Message => ({ id, author: "customer", text: id, at_ms: at, sources: [], attachments: [], ...more });
const whole = (more: Partial<Conversation> = {}): Conversation => ({ ...summary("c", 1), messages: [message("m1", 1), message("m3", 3)], tickets: [], ...more });
const event = (told: object): LiveEvent => ({ id: 1, at_ms: 9, conversation_id: "c", ...told }) as LiveEvent;
const pages = (...lists: ConversationSummary[][]) => ({ pages: lists.map((conversations, at) => ({ conversations, next_cursor: at === lists.length - 1 ? null : "more" })), pageParams: [] });
const ids = (list: Parameters<typeof listed>[0]) => list.pages.map((page) => page.conversations.map(({ id }) => id));

describe("a conversation after a live event", () => {
  it("takes a message in where its time is", () => {
    const after = applied(whole(), event({ kind: "message", message: message("m2", 2) }));
    expect(after.messages.map(({ id }) => id)).toEqual(["m1", "m2", "m3"]);
  });
  it("changes a message that it knows in place", () => {
    const after = applied(whole(), event({ kind: "message", message: message("m1", 1, { heard_text: "half" }) }));
    expect(after.messages).toHaveLength(2);
    expect(after.messages[0]?.heard_text).toBe("half");
  });
  it("is not thrown back by an event that is older than what it knows", () => {
    const known = whole({ version: 5, handler: "human" });
    expect(applied(known, event({ kind: "conversation", conversation: summary("c", 1, { version: 4 }) }))).toBe(known);
  });
  it("keeps recordings and tries, which the list's form of a call does not have", () => {
    const call = { id: "k", to: "+1", trunk: "t", started_at_ms: 1, attempts: [{ id: "a1", destination: "Anna", started_at_ms: 2 }], recordings: [{ id: "r", url: "/r", started_at_ms: 1 }], recording_url: "/r" };
    const told = { ...call, attempts: [], recordings: [], recording_url: null, ended_at_ms: 9 };
    const after = applied(whole({ call }), event({ kind: "conversation", conversation: summary("c", 1, { version: 2, call: told }) }));
    expect(after.call).toMatchObject({ ended_at_ms: 9, recording_url: "/r", attempts: [{ id: "a1" }] });
  });
  it("follows tries to reach a person and tickets as they change", () => {
    const call = { id: "k", to: "+1", trunk: "t", started_at_ms: 1, attempts: [], recordings: [] };
    let one = applied(whole({ call }), event({ kind: "attempt", attempt: { id: "a1", destination: "Anna", started_at_ms: 2 } }));
    one = applied(one, event({ kind: "attempt", attempt: { id: "a1", destination: "Anna", started_at_ms: 2, outcome: "busy" } }));
    expect(one.call?.attempts).toEqual([{ id: "a1", destination: "Anna", started_at_ms: 2, outcome: "busy" }]);
  });
});

describe("a list after a conversation changed", () => {
  it("shows the change in place, and keeps what only the list knows", () => {
    const known = { ...summary("b", 2), contact_name: "Ann" };
    const after = listed(pages([summary("a", 3), known]), summary("b", 2, { version: 2, status: "resolved" }), true);
    expect(after.pages[0]?.conversations[1]).toMatchObject({ status: "resolved", contact_name: "Ann" });
  });
  it("puts a new one on top", () => {
    expect(ids(listed(pages([summary("a", 3)], [summary("b", 2)]), summary("new", 4), true))).toEqual([["new", "a"], ["b"]]);
  });
  it("takes out what no longer belongs to it", () => {
    expect(ids(listed(pages([summary("a", 3), summary("b", 2)]), summary("a", 3, { version: 2 }), false))).toEqual([["b"]]);
  });
  it("leaves one alone that is older than the first page", () => {
    const list = pages([summary("a", 9), summary("b", 8)], [summary("d", 1)]);
    expect(ids(listed(list, summary("c", 5), true))).toEqual(ids(list));
  });
  it("keeps what is older when its beginning is read again", () => {
    const list = pages([summary("b", 8), summary("c", 7)], [summary("d", 2)]);
    const fresh = { conversations: [summary("a", 9), summary("b", 8)], next_cursor: "8_b" };
    expect(ids(topped(list, fresh))).toEqual([["a", "b", "c"], ["d"]]);
    expect(ids(topped(list, { conversations: [summary("a", 9)], next_cursor: null }))).toEqual([["a"]]);
  });
  it("begins with the first there is", () => {
    expect(ids(listed(pages([]), summary("a", 1), true))).toEqual([["a"]]);
  });
});
