// Canned responses and macros: a menu beside the text, and a dialog that searches, runs and makes them.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, inWords } from "@/api/client";
import type { ShownMacro, Step } from "@/api/types";
import { Button, Empty, Field, Toggle } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { Menu, type MenuItem } from "@/ui/Menu";
import { useSay } from "@/ui/toasts";
import type { Acts } from "./acts";
import { macrosQuery } from "./queries";

/** What a macro does, in a line. */
export function inShort({ does }: ShownMacro): string {
  const steps = (does.steps ?? []).map((step) => {
    if (step === "resolve") return "resolve";
    if ("add_tag" in step) return `tag ${step.add_tag.name}`;
    if ("remove_tag" in step) return `untag ${step.remove_tag}`;
    if ("assign" in step) return `assign to ${step.assign}`;
    return `snooze ${step.snooze_minutes} min`;
  });
  return [does.reply && "reply", does.note && "note", ...steps].filter(Boolean).join(", ");
}

export function MacroMenu({ acts, onInsert }: { acts: Acts; onInsert: (words: string) => void }) {
  const [asking, setAsking] = useState(false);
  const macros = useQuery(macrosQuery).data?.macros ?? [];
  const items: MenuItem[] = [
    ...macros.slice(0, 30).map((macro): MenuItem => {
      const { reply, note, steps } = macro.does;
      // A canned response alone is put into the text, to be looked over; whatever else a macro does is run.
      const canned = reply && !note && !steps?.length;
      return { label: macro.name, icon: canned ? "note" : "bolt", onPick: () => (canned ? onInsert(reply) : acts.run(macro)) };
    }),
    ...(macros.length ? ["line" as const] : []),
    { label: "All macros…", icon: "list", onPick: () => setAsking(true) },
  ];
  return (
    <>
      <Menu label="Macros and canned responses (m)" icon="bolt" small up items={items} />
      {asking && <MacroDialog acts={acts} onClose={() => setAsking(false)} />}
    </>
  );
}

export function MacroDialog({ acts, onClose }: { acts: Acts; onClose: () => void }) {
  const [words, setWords] = useState("");
  const [making, setMaking] = useState(false);
  const say = useSay();
  const queries = useQueryClient();
  const all = useQuery(macrosQuery).data?.macros ?? [];
  const found = all.filter((macro) => `${macro.name} ${macro.does.reply ?? ""}`.toLowerCase().includes(words.toLowerCase()));
  const remove = useMutation({
    mutationFn: (id: string) => api.DELETE("/api/v1/macros/{id}", { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["macros"] }), onError: say.fail,
  });
  const run = (macro: ShownMacro) => { acts.run(macro); onClose(); };
  if (making) return <NewMacroDialog onClose={() => setMaking(false)} />;
  return (
    <Dialog title="Macros" onClose={onClose} wide>
      <form className="flex gap-2" onSubmit={(event) => { event.preventDefault(); if (found[0]) run(found[0]); }}>
        <input className="input" aria-label="Search macros" placeholder="Search; Enter runs the first" value={words} onChange={(event) => setWords(event.target.value)} autoFocus />
        <Button icon="plus" onClick={() => setMaking(true)}>New</Button>
      </form>
      {!all.length && <Empty icon="bolt" title="No macros yet">A macro replies, tags, assigns, snoozes or resolves at one press.</Empty>}
      <ul className="mt-3 divide-y divide-line">
        {found.map((macro) => (
          <li key={macro.id} className="flex items-center gap-2 py-2">
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{macro.name}</p>
              <p className="truncate text-xs text-soft">{inShort(macro)}{macro.does.reply && `: ${macro.does.reply}`}</p>
            </div>
            <Button look="quiet" icon="trash" aria-label={`Delete ${macro.name}`} title="Delete" onClick={() => confirm(`Delete “${macro.name}” for the whole team?`) && remove.mutate(macro.id)} />
            <Button onClick={() => run(macro)}>Run</Button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function NewMacroDialog({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState({ name: "", reply: "", note: "", tag: "", resolve: false });
  const steps: Step[] = [
    ...(form.tag.trim() ? [{ add_tag: { kind: "custom" as const, name: form.tag.trim() } }] : []),
    ...(form.resolve ? ["resolve" as const] : []),
  ];
  const make = useMutation({
    mutationFn: () => api.POST("/api/v1/macros", { body: { name: form.name, does: { reply: form.reply.trim() || null, note: form.note.trim() || null, steps } } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["macros"] });
      onClose();
    },
  });
  const text = (key: "name" | "reply" | "note" | "tag") => ({ className: "input", value: form[key], onChange: (event: { target: { value: string } }) => setForm({ ...form, [key]: event.target.value }) });
  function submit(event: FormEvent) {
    event.preventDefault();
    make.mutate();
  }
  return (
    <Dialog title="New macro" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Name">{(ids) => <input {...ids} {...text("name")} required maxLength={60} autoFocus />}</Field>
        <Field label="Reply to the customer" hint="With nothing else below it is a canned response: it is put into the text, to be looked over.">{(ids) => <textarea {...ids} {...text("reply")} rows={3} />}</Field>
        <Field label="Note for the team">{(ids) => <textarea {...ids} {...text("note")} rows={2} />}</Field>
        <Field label="Tag to set">{(ids) => <input {...ids} {...text("tag")} maxLength={40} />}</Field>
        <Toggle checked={form.resolve} onChange={(resolve) => setForm({ ...form, resolve })}>Resolve the conversation</Toggle>
        {make.isError && <p role="alert" className="text-bad">{inWords(make.error)}</p>}
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={make.isPending}>Save</Button></Buttons>
      </form>
    </Dialog>
  );
}
