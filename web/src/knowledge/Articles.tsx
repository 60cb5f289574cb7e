// All articles, and the ways in which new ones come.

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Kind } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Empty, Loading, Pill, Trouble, When } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { ImportFiles } from "./ImportFiles";
import { ImportPage } from "./ImportPage";
import { articlesQuery } from "./queries";
import { KIND, originOf, SENSITIVITY } from "./words";

export function Articles() {
  const me = useMe();
  const writes = me.may("write_knowledge");
  const [kind, setKind] = useState<Kind | "">("");
  const [deleted, setDeleted] = useState(false);
  const [importing, setImporting] = useState<"files" | "page" | null>(null);
  const list = useInfiniteQuery(articlesQuery({ kind: kind || undefined, deleted: deleted || undefined }));
  const articles = list.data?.pages.flatMap((page) => page.articles) ?? [];
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <select aria-label="Kind of article" className="input !w-auto" value={kind} onChange={(event) => setKind(event.target.value as Kind | "")}>
          <option value="">Every kind</option>
          {Object.entries(KIND).map(([value, { name }]) => <option key={value} value={value}>{name}</option>)}
        </select>
        <label className="tap flex items-center gap-2 px-1 text-soft"><input type="checkbox" className="size-4 accent-[var(--accent)]" checked={deleted} onChange={(event) => setDeleted(event.target.checked)} />Deleted ones</label>
        <span className="flex-1" />
        {writes && (
          <>
            <Button icon="file" onClick={() => setImporting("files")}>Files</Button>
            <Button icon="globe" onClick={() => setImporting("page")}>Page</Button>
            <Link to="/knowledge/new" className="btn btn-main"><Icon name="plus" size={17} />Write</Link>
          </>
        )}
      </div>
      {list.isPending ? <Loading /> : list.isError ? <Trouble error={list.error} retry={() => void list.refetch()} /> : !articles.length ? (
        <Empty icon="book" title={deleted ? "Nothing was deleted" : "No articles yet"}>
          {!deleted && <>Write the first one, or take in files and pages of your website. What lies in the server’s knowledge folder is used beside them.</>}
        </Empty>
      ) : (
        <ul className="card divide-y divide-line overflow-hidden">
          {articles.map((article) => (
            <li key={article.id}>
              <Link to="/knowledge/articles/$id" params={{ id: article.id }} className="flex items-center gap-3 px-4 py-2.5 hover:bg-sunken focus-visible:-outline-offset-2">
                <Icon name={article.origin.from === "written" ? "note" : article.origin.from === "file" ? "file" : "globe"} className="text-soft" />
                <span className="min-w-0 flex-1">
                  <span className="block truncate font-medium">{article.title}</span>
                  <span className="block truncate text-xs text-soft">{KIND[article.kind].name} · {originOf(article.origin)} · revision {article.revision} by {article.by}</span>
                </span>
                {article.deleted && <Pill tone="bad">Deleted</Pill>}
                {article.sensitivity && article.sensitivity !== "auto" && <span className="max-sm:hidden"><Pill tone="warn">{SENSITIVITY[article.sensitivity]}</Pill></span>}
                {article.valid_until_ms != null && article.valid_until_ms < Date.now() && <Pill tone="warn">No longer valid</Pill>}
                <When ms={article.updated_at_ms} className="text-xs text-soft" />
              </Link>
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <Button className="mx-auto mt-4 !flex" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>More</Button>}
      {importing === "files" && <ImportFiles onClose={() => setImporting(null)} />}
      {importing === "page" && <ImportPage onClose={() => setImporting(null)} />}
    </>
  );
}
