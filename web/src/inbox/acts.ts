// The orders a teammate can give on a conversation, in one place for buttons, menus and keys.

import { api } from "@/api/client";
import type { Conversation, Message, NewTag } from "@/api/types";
import { useMe } from "@/session/session";
import { type Order, sendingId, useOrder } from "./queries";

export function useActs(one: Conversation) {
  const me = useMe();
  const order = useOrder(one.id);
  const path = { id: one.id };
  const give = (what: Order) => order.mutate(what);
  const reopen: Order = {
    send: (body) => api.POST("/api/v1/conversations/{id}/reopen", { params: { path }, body }),
    looks: (now) => ({ ...now, status: "open", resolved_at_ms: null }),
  };
  return {
    busy: order.isPending,
    takeOver: () => give({
      send: (body) => api.POST("/api/v1/conversations/{id}/take-over", { params: { path }, body }),
      looks: (now) => ({ ...now, handler: "human", assignee: now.assignee ?? me.name }), done: "It is yours; the agent keeps silent.",
    }),
    release: () => give({
      send: (body) => api.POST("/api/v1/conversations/{id}/release", { params: { path }, body }),
      looks: (now) => ({ ...now, handler: "bot" }), done: "The agent answers again.",
    }),
    resolve: () => give({
      send: (body) => api.POST("/api/v1/conversations/{id}/resolve", { params: { path }, body }),
      looks: (now) => ({ ...now, status: "resolved" }), done: "Resolved.", undo: () => give(reopen),
    }),
    reopen: () => give(reopen),
    assign: (to: string | null) => give({
      send: (base) => api.POST("/api/v1/conversations/{id}/assign", { params: { path }, body: { ...base, to } }),
      looks: (now) => ({ ...now, assignee: to }),
    }),
    snooze: (until_ms: number) => give({
      send: (base) => api.POST("/api/v1/conversations/{id}/snooze", { params: { path }, body: { ...base, until_ms } }),
      looks: (now) => ({ ...now, status: "snoozed", snoozed_until_ms: until_ms }), done: "Snoozed; it comes back by itself.",
    }),
    tag: (tags: NewTag[]) => give({
      send: (base) => api.PUT("/api/v1/conversations/{id}/tags", { params: { path }, body: { ...base, tags } }),
      looks: (now) => ({ ...now, tags }),
    }),
    write: (kind: "reply" | "note", text: string) => order.mutateAsync({
      send: (base) => api.POST("/api/v1/conversations/{id}/messages", { params: { path }, body: { ...base, kind, text } }),
      looks: (now) => ({ ...now, messages: [...now.messages, ahead(kind, text, me.name)] }),
    }),
    approve: (draft: Message, text: string | null) => order.mutateAsync({
      send: (base) => api.POST("/api/v1/conversations/{id}/drafts/{draft}/approve", { params: { path: { ...path, draft: draft.id } }, body: { ...base, text } }),
      done: "Sent.",
    }),
    discard: (draft: Message) => give({
      send: (body) => api.POST("/api/v1/conversations/{id}/drafts/{draft}/discard", { params: { path: { ...path, draft: draft.id } }, body }),
      looks: (now) => ({ ...now, messages: now.messages.map((message) => (message.id === draft.id ? { ...message, draft: "discarded" as const } : message)) }),
    }),
    run: (macro: { id: string; name: string }) => give({
      send: (body) => api.POST("/api/v1/conversations/{id}/macros/{macro}", { params: { path: { ...path, macro: macro.id } }, body }),
      done: `“${macro.name}” was run.`,
    }),
    merge: (into: string) => order.mutateAsync({
      send: (base) => api.POST("/api/v1/conversations/{id}/merge", { params: { path }, body: { ...base, into } }), done: "Merged.",
    }),
    split: (messages: string[]) => order.mutateAsync({
      send: (base) => api.POST("/api/v1/conversations/{id}/split", { params: { path }, body: { ...base, messages } }),
      done: "They are a conversation of their own now.",
    }),
  };
}
export type Acts = ReturnType<typeof useActs>;

/** What was just written, before the server has said that it holds it. */
function ahead(kind: "reply" | "note", text: string, by: string): Message {
  return {
    id: sendingId(), author: kind === "note" ? "note" : "teammate", text, by, at_ms: Date.now(), sources: [], attachments: [],
    delivery: kind === "note" ? null : "queued",
  };
}
