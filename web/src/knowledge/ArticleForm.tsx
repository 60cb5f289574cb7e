// What an article holds, to be written and changed.

import { type FormEvent, useState } from "react";
import { Refusal, inWords } from "@/api/client";
import type { Article, Kind, NewArticle, Sensitivity } from "@/api/types";
import { Button, Field } from "@/ui/basics";
import { localInput } from "@/ui/time";
import { KIND, SENSITIVITY } from "./words";

type Form = { title: string; body: string; kind: Kind; questions: string; spoken: string; sensitivity: Sensitivity | ""; validUntil: string };
export const EMPTY: Form = { title: "", body: "", kind: "faq", questions: "", spoken: "", sensitivity: "", validUntil: "" };

export const formOf = (article: Article): Form => ({
  title: article.title, body: article.body, kind: article.kind, questions: article.questions.join("\n"), spoken: article.spoken ?? "",
  sensitivity: article.sensitivity ?? "", validUntil: article.valid_until_ms == null ? "" : localInput(article.valid_until_ms),
});
export const contentOf = (form: Form): NewArticle => ({
  title: form.title.trim(), body: form.body, kind: form.kind,
  questions: form.questions.split("\n").map((line) => line.trim()).filter(Boolean),
  spoken: form.spoken.trim() || null, sensitivity: form.sensitivity || null,
  valid_until_ms: form.validUntil ? new Date(form.validUntil).getTime() : null,
});

type Props = { begin: Form; save: string; busy: boolean; error: unknown; disabled?: boolean; bodyFixed?: boolean; onSave: (content: NewArticle) => void };

export function ArticleForm({ begin, save, busy, error, disabled, bodyFixed, onSave }: Props) {
  const [form, setForm] = useState(begin);
  const bind = (key: keyof Form) => ({ className: "input", disabled, value: form[key], onChange: (event: { target: { value: string } }) => setForm({ ...form, [key]: event.target.value }) });
  const changed = JSON.stringify(form) !== JSON.stringify(begin);
  function submit(event: FormEvent) {
    event.preventDefault();
    onSave(contentOf(form));
  }
  const faults = error instanceof Refusal ? error.faults : [];
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label={form.kind === "faq" ? "Question" : "Title"}>{(ids) => <input {...ids} {...bind("title")} required maxLength={200} />}</Field>
      <Field label={form.kind === "faq" ? "Answer" : "Text"} hint={bodyFixed ? "It follows its file or page." : "Markdown. A heading that is a question begins an answer of its own."}>
        {(ids) => <textarea {...ids} {...bind("body")} required className="input field-sizing-content min-h-40 font-mono text-[0.8125rem] leading-5" />}
      </Field>
      <Field label="Other ways to ask it" hint="One on each line.">{(ids) => <textarea {...ids} {...bind("questions")} className="input field-sizing-content min-h-16" />}</Field>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label="Kind" hint={KIND[form.kind].hint}>{(ids) => <select {...ids} {...bind("kind")}>{Object.entries(KIND).map(([value, { name }]) => <option key={value} value={value}>{name}</option>)}</select>}</Field>
        <Field label="Who answers" hint="As the agent is set, where nothing is chosen.">{(ids) => (
          <select {...ids} {...bind("sensitivity")}><option value="">As usual</option>{Object.entries(SENSITIVITY).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select>
        )}</Field>
        <Field label="Valid until" hint="Afterwards it is not used.">{(ids) => <input {...ids} {...bind("validUntil")} type="datetime-local" />}</Field>
      </div>
      <Field label="As it is spoken" hint="On calls, in place of the text; short, without lists.">{(ids) => <textarea {...ids} {...bind("spoken")} className="input field-sizing-content min-h-12" />}</Field>
      {error != null && (
        <div role="alert" className="rounded-md bg-bad-bg px-3 py-2 text-bad">
          {inWords(error)}
          {faults.map(({ path, problem, remedy }) => <p key={path}>{path}: {problem}; {remedy}.</p>)}
        </div>
      )}
      {!disabled && <div className="flex justify-end gap-2">{changed && <Button onClick={() => setForm(begin)}>As it was</Button>}<Button look="main" type="submit" busy={busy} disabled={!changed}>{save}</Button></div>}
    </form>
  );
}
