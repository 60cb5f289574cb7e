import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, got } from "@/api/client";
import type { GapState, Kind } from "@/api/types";

export const articlesQuery = (filter: { kind?: Kind; deleted?: boolean }) => infiniteQueryOptions({
  queryKey: ["articles", filter],
  queryFn: ({ pageParam }) => got(api.GET("/api/v1/knowledge/articles", { params: { query: { ...filter, limit: 50, cursor: pageParam ?? undefined } } })),
  initialPageParam: null as string | null, getNextPageParam: (page) => page.next_cursor ?? null,
});
export const articleQuery = (id: string) => queryOptions({
  queryKey: ["article", id], queryFn: () => got(api.GET("/api/v1/knowledge/articles/{id}", { params: { path: { id } } })),
});
export const revisionsQuery = (id: string) => queryOptions({
  queryKey: ["revisions", id], queryFn: () => got(api.GET("/api/v1/knowledge/articles/{id}/revisions", { params: { path: { id }, query: { limit: 100 } } })),
});
export const gapsQuery = (state: GapState) => infiniteQueryOptions({
  queryKey: ["gaps", state],
  queryFn: ({ pageParam }) => got(api.GET("/api/v1/knowledge/gaps", { params: { query: { state, cursor: pageParam ?? undefined } } })),
  initialPageParam: null as string | null, getNextPageParam: (page) => page.next_cursor ?? null,
});
export const proposalsQuery = queryOptions({ queryKey: ["proposals"], queryFn: () => got(api.GET("/api/v1/knowledge/proposals")) });
