// The lists in the cache, kept in line with what happens: by themselves where a filter lets one tell, else by reading
// their beginning again. Never by reading all pages again: somebody may have scrolled through thousands.

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { api, got } from "@/api/client";
import type { ConversationPage, ConversationSummary } from "@/api/types";
import { type Filter, shows } from "@/inbox/filters";
import { listed, topped } from "./apply";

type Pages = InfiniteData<ConversationPage, string | null>;
const KEY = ["conversations"];
const lists = (queries: QueryClient) => queries.getQueriesData<Pages>({ queryKey: KEY });

/** Shows a changed conversation in every list; whether one of them should read its beginning again. */
export function changeLists(queries: QueryClient, changed: ConversationSummary): boolean {
  let asks = false;
  for (const [key, list] of lists(queries)) {
    if (!list) continue;
    const belongs = shows(key[1] as Filter, changed);
    const there = list.pages.some((page) => page.conversations.some(({ id }) => id === changed.id));
    // A live event tells neither the customer's name nor their words.
    asks ||= belongs === undefined || (belongs && !there);
    if (belongs !== undefined || there) queries.setQueryData<Pages>(key, listed(list, changed, belongs ?? true) as Pages);
  }
  return asks;
}

/** Reads the beginning of what is shown again; what is not shown is read when it is. */
export async function readTops(queries: QueryClient): Promise<void> {
  const shown = queries.getQueryCache().findAll({ queryKey: KEY, type: "active" });
  await queries.invalidateQueries({ queryKey: KEY, refetchType: "none" });
  await Promise.all(shown.map(async ({ queryKey }) => {
    const query = { ...(queryKey[1] as Filter), limit: TOP };
    const fresh = await got(api.GET("/api/v1/conversations", { params: { query } })).catch(() => null);
    if (fresh) queries.setQueryData<Pages>(queryKey, (list) => list && topped(list, fresh) as Pages);
  }));
}

// A screen's height and some more.
const TOP = 60;
