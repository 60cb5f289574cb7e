// Who changed what.

import { useInfiniteQuery } from "@tanstack/react-query";
import { api, got } from "@/api/client";
import type { AuditEntry } from "@/api/types";
import { Button, Empty, Loading, Trouble } from "@/ui/basics";
import { full } from "@/ui/time";

export function Audit() {
  const list = useInfiniteQuery({
    queryKey: ["audit"], staleTime: 0,
    queryFn: ({ pageParam }) => got(api.GET("/api/v1/audit", { params: { query: { limit: 50, cursor: pageParam ?? undefined } } })),
    initialPageParam: null as string | null, getNextPageParam: (page) => page.next_cursor ?? null,
  });
  if (list.isPending) return <Loading />;
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />;
  const entries = list.data.pages.flatMap((page) => page.entries);
  if (!entries.length) return <Empty icon="list" title="Nothing was changed yet">Each change of settings, team and knowledge is written down here with who made it.</Empty>;
  return (
    <>
      <ul className="card divide-y divide-line">
        {entries.map((entry) => <Entry key={entry.id} entry={entry} />)}
      </ul>
      {list.hasNextPage && <Button className="mx-auto mt-4 !flex" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Earlier ones</Button>}
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const shown = (value: unknown) => (value == null ? "nothing" : JSON.stringify(value, null, 2));
  return (
    <li>
      <details className="px-4 py-2.5">
        <summary className="tap flex list-none flex-wrap items-center gap-x-3 [&::-webkit-details-marker]:hidden">
          <span className="font-medium">{entry.who}</span><code className="min-w-0 flex-1 font-mono text-xs text-soft [overflow-wrap:anywhere]">{entry.act}</code>
          <time className="text-xs text-soft" dateTime={new Date(entry.at_ms).toISOString()}>{full.format(entry.at_ms)}</time>
        </summary>
        <div className="mt-2 grid gap-3 md:grid-cols-2">
          {(["before", "after"] as const).map((side) => (
            <div key={side}><h3 className="heading">{side === "before" ? "Before" : "After"}</h3><pre tabIndex={0} className="mt-1 max-h-72 overflow-auto rounded-md bg-sunken p-2 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">{shown(entry[side])}</pre></div>
          ))}
        </div>
      </details>
    </li>
  );
}
