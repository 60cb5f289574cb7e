// What the inbox reads, and the orders it gives.

import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, got } from "@/api/client";
import type { ActDone, Conversation, ConversationSummary, Message } from "@/api/types";
import { useMe } from "@/session/session";
import { useSay } from "@/ui/toasts";
import { changeLists } from "@/live/lists";
import type { Filter } from "./filters";

const PAGE = 60;

export const listQuery = (filter: Filter) => infiniteQueryOptions({
  queryKey: ["conversations", filter],
  queryFn: ({ pageParam, signal }) => got(api.GET("/api/v1/conversations", {
    params: { query: { ...filter, limit: PAGE, cursor: pageParam ?? undefined } }, signal,
  })),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
});

export const conversationQuery = (id: string) => queryOptions({
  queryKey: ["conversation", id],
  queryFn: ({ signal }) => got(api.GET("/api/v1/conversations/{id}", { params: { path: { id } }, signal })),
});

/** Read again with each version; what was known stands meanwhile. */
export const eventsQuery = (id: string, version: number) => queryOptions({
  queryKey: ["events", id, version],
  queryFn: ({ signal }) => got(api.GET("/api/v1/conversations/{id}/events", { params: { path: { id }, query: { limit: 200 } }, signal })),
  placeholderData: (before) => before,
});

export const contactQuery = (id: string) => queryOptions({
  queryKey: ["contact", id],
  queryFn: ({ signal }) => got(api.GET("/api/v1/contacts/{id}", { params: { path: { id } }, signal })),
});

export const viewsQuery = queryOptions({ queryKey: ["views"], queryFn: () => got(api.GET("/api/v1/views")) });
export const macrosQuery = queryOptions({ queryKey: ["macros"], queryFn: () => got(api.GET("/api/v1/macros")) });
export const teammatesQuery = queryOptions({ queryKey: ["teammates"], queryFn: () => got(api.GET("/api/v1/teammates")), staleTime: 5 * 60_000 });

/** Who acts, upon what they saw. */
export type Base = { teammate: string; version: number };
export type Order = {
  send: (base: Base) => Promise<{ data?: ActDone | Message }>;
  /** How it will look once the server has agreed; taken back when it does not. */
  looks?: (conversation: Conversation) => Conversation;
  /** Said once it is done. */
  done?: string;
  undo?: () => void;
};

const isDone = (answer: ActDone | Message): answer is ActDone => "conversation" in answer;

/** Gives orders on a conversation: shown at once, taken back with a word where the server refuses. */
export function useOrder(id: string) {
  const queries = useQueryClient();
  const me = useMe();
  const say = useSay();
  const key = conversationQuery(id).queryKey;
  return useMutation({
    // One after another, so that none is refused for what the one before it changed.
    scope: { id: `conversation ${id}` },
    mutationFn: async ({ send }: Order) => {
      const version = queries.getQueryData(key)?.version ?? 0;
      return (await send({ teammate: me.name, version })).data!;
    },
    onMutate: ({ looks }) => {
      const before = queries.getQueryData(key);
      if (before && looks) queries.setQueryData(key, looks(before));
      return { before: looks ? before : undefined };
    },
    onSuccess: async (answer, { done, undo }) => {
      if (done) say.tell(done, undo);
      await (isDone(answer) ? settle(answer.conversation, answer.message ?? undefined) : settle(undefined, answer));
    },
    onError: (error, _order, context) => {
      if (context?.before) queries.setQueryData(key, rolledBack(queries.getQueryData(key), context.before));
      say.fail(error);
      void queries.invalidateQueries({ queryKey: key });
    },
  });

  async function settle(summary?: ConversationSummary, message?: Message) {
    queries.setQueryData(key, (known) => known && settled(known, summary, message));
    if (summary) changeLists(queries, summary);
    // A message alone does not tell the version that the next order is given upon.
    if (!summary) await queries.invalidateQueries({ queryKey: key });
  }
}

const SENDING = "sending-";
export const sendingId = (): string => `${SENDING}${Math.random()}`;
export const isSending = (id: string): boolean => id.startsWith(SENDING);

/** What the server answered takes the place of what was shown ahead. */
export function settled(known: Conversation, summary?: ConversationSummary, message?: Message): Conversation {
  let { messages } = known;
  if (message) {
    messages = messages.filter(({ id }) => !isSending(id) && id !== message.id);
    const place = messages.findLastIndex(({ at_ms }) => at_ms <= message.at_ms);
    messages = messages.toSpliced(place + 1, 0, message);
  }
  const newer = summary && summary.version >= known.version ? summary : undefined;
  return { ...known, ...newer, call: known.call, messages };
}

/** As it was before a refused order, with what has come by the live stream since. */
export function rolledBack(now: Conversation | undefined, before: Conversation): Conversation {
  if (!now || now.version <= before.version) return before;
  return { ...now, messages: now.messages.filter(({ id }) => !isSending(id)) };
}
