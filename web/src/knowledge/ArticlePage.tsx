// One article: its form, what is searched of it, and all its revisions.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { api, ask, got, onceKey, Refusal } from "@/api/client";
import type { Article, ArticleView, NewArticle } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Empty, Loading, Pill, Trouble } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { fromNow, full } from "@/ui/time";
import { useSay } from "@/ui/toasts";
import { ArticleForm, EMPTY, formOf } from "./ArticleForm";
import { articleQuery, revisionsQuery } from "./queries";
import { CHANGE, KIND, originOf, SENSITIVITY } from "./words";

const Back = () => <Link to="/knowledge" className="link tap mb-3 inline-flex items-center">All articles</Link>;

export function NewArticlePage() {
  const go = useNavigate();
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: (body: NewArticle) => got(api.POST("/api/v1/knowledge/articles", { params: { header: { "idempotency-key": onceKey() } }, body })),
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ["articles"] });
      await go({ to: "/knowledge/articles/$id", params: { id } });
    },
  });
  return (
    <>
      <Back />
      <h2 className="mb-4 text-base font-semibold">New article</h2>
      <ArticleForm begin={EMPTY} save="Save" busy={make.isPending} error={make.error} onSave={make.mutate} />
    </>
  );
}

export function ArticlePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const query = useQuery(articleQuery(id));
  if (query.isPending) return <Loading />;
  if (query.isError) {
    return query.error instanceof Refusal && query.error.status === 404
      ? <Empty icon="question" title="There is no such article"><Link to="/knowledge" className="link">All articles</Link></Empty>
      : <Trouble error={query.error} retry={() => void query.refetch()} />;
  }
  return <Shown key={`${id} ${query.data.revision}`} article={query.data} />;
}

function Shown({ article }: { article: ArticleView }) {
  const { id, revision, origin, page } = article;
  const me = useMe();
  const say = useSay();
  const go = useNavigate();
  const queries = useQueryClient();
  const file = useRef<HTMLInputElement>(null);
  const writes = me.may("write_knowledge");
  const path = { params: { path: { id } } };
  const settled = async (next: ArticleView, told: string) => {
    queries.setQueryData(articleQuery(id).queryKey, next);
    say.tell(told);
    await Promise.all(["articles", "revisions", "gaps"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  };
  const save = useMutation({
    mutationFn: (body: NewArticle) => got(api.PUT("/api/v1/knowledge/articles/{id}", { ...path, body: { ...body, revision } })),
    onSuccess: (next) => settled(next, "Saved; questions find it from now on."),
  });
  const refresh = useMutation({
    mutationFn: () => got(api.POST("/api/v1/knowledge/articles/{id}/refresh", path)),
    onSuccess: (next) => settled(next, next.revision > revision ? "The page has changed; its new text is in." : "The page has not changed."), onError: say.fail,
  });
  const replace = useMutation({
    mutationFn: async (with_: File) => {
      const where = new URLSearchParams({ name: with_.name, revision: String(revision) });
      const answer = await ask(`/api/v1/knowledge/articles/${id}/file?${where}`, { method: "PUT", body: with_, headers: { "Content-Type": "application/octet-stream" } });
      return await answer.json() as ArticleView;
    },
    onSuccess: (next) => settled(next, "The new file is in."), onError: say.fail,
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/v1/knowledge/articles/{id}", path),
    onSuccess: async () => {
      say.tell("Deleted. It can be restored from the deleted ones.");
      queries.removeQueries({ queryKey: ["article", id] });
      await queries.invalidateQueries({ queryKey: ["articles"] });
      await go({ to: "/knowledge" });
    },
    onError: say.fail,
  });
  return (
    <>
      <Back />
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <h2 className="min-w-0 flex-1 text-base font-semibold [overflow-wrap:anywhere]">{article.title}</h2>
        {article.deleted && <Pill tone="bad">Deleted</Pill>}
        {writes && !article.deleted && (
          <>
            {origin.from === "page" && <Button icon="undo" busy={refresh.isPending} onClick={() => refresh.mutate()}>Fetch anew</Button>}
            {origin.from === "file" && <Button icon="file" busy={replace.isPending} onClick={() => file.current?.click()}>New file</Button>}
            <Button look="danger" icon="trash" busy={remove.isPending} onClick={() => confirm(`Delete “${article.title}”? The agent no longer uses it; it can be restored.`) && remove.mutate()}>Delete</Button>
          </>
        )}
        <input ref={file} type="file" className="hidden" aria-label="New file" onChange={(event) => { const chosen = event.target.files?.[0]; if (chosen) replace.mutate(chosen); event.target.value = ""; }} />
      </div>
      <p className="mb-4 text-xs text-soft">
        {originOf(origin)} · revision {revision} by {article.by}, {full.format(article.updated_at_ms)}
        {page && <> · fetched every {page.refresh_hours} hours, next {fromNow(page.next_at_ms)}</>}
        {page?.failure && <span className="text-bad"> · the last try failed: {page.failure}</span>}
      </p>
      <ArticleForm begin={formOf(article)} save="Save" busy={save.isPending} error={save.error} disabled={!writes || article.deleted} bodyFixed={origin.from !== "written"} onSave={save.mutate} />
      <Passages article={article} />
      <Revisions article={article} onRestored={settled} />
    </>
  );
}

function Passages({ article }: { article: ArticleView }) {
  if (!article.passages.length) return null;
  return (
    <details className="card mt-6 p-4">
      <summary className="font-semibold">What questions find: {article.passages.length === 1 ? "1 passage" : `${article.passages.length} passages`}</summary>
      <ul className="mt-3 flex flex-col gap-3">
        {article.passages.map(({ entry, question, answer, sensitivity }) => (
          <li key={entry} className="border-l-2 border-line pl-3">
            <p className="font-medium">{question} {sensitivity !== "auto" && <Pill tone="warn">{SENSITIVITY[sensitivity]}</Pill>}</p>
            {answer ? <p className="prose-text text-soft">{answer}</p> : <p className="text-soft">Never shown to customers.</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Revisions({ article, onRestored }: { article: ArticleView; onRestored: (next: ArticleView, told: string) => Promise<void> }) {
  const me = useMe();
  const say = useSay();
  const [shown, setShown] = useState<Article | null>(null);
  const revisions = useQuery(revisionsQuery(article.id)).data?.revisions ?? [];
  const restore = useMutation({
    mutationFn: (revision: number) => got(api.POST("/api/v1/knowledge/articles/{id}/restore", { params: { path: { id: article.id } }, body: { revision } })),
    onSuccess: async (next, revision) => {
      setShown(null);
      await onRestored(next, `Revision ${revision} is back, as revision ${next.revision}.`);
    },
    onError: say.fail,
  });
  if (revisions.length < 2 && !article.deleted) return null;
  return (
    <section className="card mt-4 p-4" aria-label="Revisions">
      <h3 className="mb-2 font-semibold">Revisions</h3>
      <ol className="divide-y divide-line">
        {revisions.map((one) => (
          <li key={one.revision} className="flex flex-wrap items-center gap-2 py-1.5">
            <span className="min-w-0 flex-1 truncate"><span className="tabular-nums">{one.revision}</span> · {CHANGE[one.change.did]} by {one.by}<span className="text-soft"> · {full.format(one.updated_at_ms)}</span></span>
            <Button small look="quiet" icon="eye" onClick={() => setShown(one)}>Look</Button>
            {me.may("write_knowledge") && !one.deleted && (one.revision !== article.revision || article.deleted) && (
              <Button small icon="undo" busy={restore.isPending} onClick={() => restore.mutate(one.revision)}>Restore</Button>
            )}
          </li>
        ))}
      </ol>
      {shown && (
        <Dialog title={`Revision ${shown.revision}`} onClose={() => setShown(null)} wide>
          <p className="mb-2 text-xs text-soft">{KIND[shown.kind].name} · {CHANGE[shown.change.did]} by {shown.by}, {full.format(shown.updated_at_ms)}</p>
          <h3 className="font-semibold">{shown.title}</h3>
          <p className="prose-text mt-2">{shown.body}</p>
          <Buttons><Button onClick={() => setShown(null)}>Close</Button></Buttons>
        </Dialog>
      )}
    </section>
  );
}
