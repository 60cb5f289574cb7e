// The list: only the rows in sight are drawn, further pages are read as they come near.

import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { useMe } from "@/session/session";
import { Empty, Loading, Trouble } from "@/ui/basics";
import { useShortcuts } from "@/ui/shortcuts";
import { ConversationRow } from "./ConversationRow";
import { filterOf } from "./filters";
import { listQuery } from "./queries";

// Two lines of text and one of marks; all alike, so that nothing jumps.
const ROW_PX = 84;
const AHEAD = 12;

export function ConversationList() {
  const search = useSearch({ from: "/frame/support" });
  const chosen = useParams({ strict: false, select: (params) => params.id });
  const me = useMe();
  const go = useNavigate();
  const filter = useMemo(() => filterOf(search, me.name), [search, me.name]);
  const list = useInfiniteQuery(listQuery(filter));
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.conversations) ?? [], [list.data]);
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW_PX, overscan: AHEAD, getItemKey: (at) => rows[at]!.id,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= rows.length - AHEAD) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  function step(by: 1 | -1) {
    const at = rows.findIndex(({ id }) => id === chosen);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (!next) return;
    virtual.scrollToIndex(rows.indexOf(next));
    void go({ to: "/support/$id", params: { id: next.id }, search: ({ side: _side, ...rest }) => rest });
  }
  useShortcuts("List", [
    { keys: "j / ArrowDown", does: "Next conversation", act: () => step(1) },
    { keys: "k / ArrowUp", does: "Conversation before", act: () => step(-1) },
  ]);

  if (list.isPending) return <Loading rows={7} />;
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />;
  if (!rows.length) return <Nothing filtered={Object.keys(filter).length > 0} searched={search.q} />;
  return (
    <div ref={box} className="scroll min-h-0 flex-1" tabIndex={0} role="region" aria-label="Conversations">
      <ul className="relative" style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => (
          <li key={item.key} className="absolute inset-x-0 top-0" style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }} aria-setsize={hasNextPage ? -1 : rows.length} aria-posinset={item.index + 1}>
            <ConversationRow one={rows[item.index]!} />
          </li>
        ))}
      </ul>
      {isFetchingNextPage && <p role="status" className="p-3 text-center text-soft">Reading more…</p>}
    </div>
  );
}

function Nothing({ filtered, searched }: { filtered: boolean; searched?: string }) {
  if (searched) return <Empty icon="search" title="Nothing found">No message, note or transcript holds “{searched}”.</Empty>;
  if (filtered) return <Empty icon="check" title="Nothing here">No conversation is in this state. New ones appear by themselves.</Empty>;
  return <Empty icon="inbox" title="No conversations yet">Press “Call your agent” and ask it something: the call appears here while it rings. Customers’ messages come in as well.</Empty>;
}
