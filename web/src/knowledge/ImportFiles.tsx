// Takes files in, one after another, each with how far it is.

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { ask, inWords, onceKey } from "@/api/client";
import type { ArticleView, Kind } from "@/api/types";
import { Button, Field, Pill } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { KIND } from "./words";

type Row = { file: File; state: "waits" | "is read" | "done" | "refused"; told?: string; article?: ArticleView };
const ENDINGS = ".pdf,.docx,.html,.htm,.md,.txt";
const BYTES_MAX = 10_000_000;

export function ImportFiles({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [rows, setRows] = useState<Row[]>([]);
  const [kind, setKind] = useState<Kind>("faq");
  const busy = rows.some(({ state }) => state === "waits" || state === "is read");
  const input = useRef<HTMLInputElement>(null);

  async function take(files: File[]) {
    const fresh = files.map((file): Row => ({ file, state: "waits" }));
    setRows((all) => [...all, ...fresh]);
    const change = (file: File, next: Partial<Row>) => setRows((all) => all.map((row) => (row.file === file ? { ...row, ...next } : row)));
    // One at a time: reading a manual takes the server its while.
    for (const { file } of fresh) {
      if (file.size > BYTES_MAX) {
        change(file, { state: "refused", told: "It is larger than 10 MB; split it." });
        continue;
      }
      change(file, { state: "is read" });
      try {
        const where = new URLSearchParams({ name: file.name, kind });
        const answer = await ask(`/api/v1/knowledge/files?${where}`, {
          method: "POST", body: file, headers: { "Content-Type": "application/octet-stream", "Idempotency-Key": onceKey() },
        });
        change(file, { state: "done", article: await answer.json() as ArticleView });
      } catch (error) {
        change(file, { state: "refused", told: inWords(error) });
      }
    }
    await queries.invalidateQueries({ queryKey: ["articles"] });
  }

  return (
    <Dialog title="Take files in" onClose={onClose}>
      <Field label="What they are" hint={KIND[kind].hint}>
        {(ids) => (
          <select {...ids} className="input" value={kind} disabled={busy} onChange={(event) => setKind(event.target.value as Kind)}>
            {Object.entries(KIND).map(([value, { name }]) => <option key={value} value={value}>{name}</option>)}
          </select>
        )}
      </Field>
      <div
        className="mt-4 rounded-lg border border-dashed border-edge p-6 text-center"
        onDragOver={(event) => event.preventDefault()} onDrop={(event) => { event.preventDefault(); if (!busy) void take([...event.dataTransfer.files]); }}
      >
        <p className="mb-2 text-soft">PDF, Word (.docx), HTML, Markdown or text; up to 10 MB each.</p>
        <Button icon="file" disabled={busy} onClick={() => input.current?.click()}>Choose files</Button>
        <input ref={input} type="file" multiple accept={ENDINGS} className="hidden" aria-label="Files" onChange={(event) => { void take([...event.target.files ?? []]); event.target.value = ""; }} />
      </div>
      <ul className="mt-3 flex flex-col gap-2" aria-live="polite">
        {rows.map(({ file, state, told, article }, at) => (
          <li key={at}>
            <p className="flex items-center gap-2">
              <span className="min-w-0 flex-1 truncate">{article ? <Link to="/knowledge/articles/$id" params={{ id: article.id }} className="link">{article.title}</Link> : file.name}</span>
              <Pill tone={state === "done" ? "good" : state === "refused" ? "bad" : "plain"}>{state === "done" ? `${article?.passages.length ?? 0} passages` : state}</Pill>
            </p>
            {state === "is read" && <div className="pulse mt-1 h-1 rounded-full bg-accent" />}
            {told && <p className="text-xs text-bad">{told}</p>}
          </li>
        ))}
      </ul>
      <Buttons><Button look={rows.length && !busy ? "main" : "plain"} onClick={onClose}>{busy ? "Close" : "Done"}</Button></Buttons>
    </Dialog>
  );
}
