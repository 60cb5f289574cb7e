import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, got, inWords, onceKey } from "@/api/client";
import type { Kind } from "@/api/types";
import { Button, Field } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { KIND } from "./words";

/** A page of the business's website, fetched now and then. */
export function ImportPage({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const [form, setForm] = useState({ url: "", kind: "faq" as Kind, hours: "24" });
  const take = useMutation({
    mutationFn: () => got(api.POST("/api/v1/knowledge/pages", {
      params: { header: { "idempotency-key": onceKey() } },
      body: { url: form.url.trim(), kind: form.kind, refresh_hours: Number(form.hours) },
    })),
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ["articles"] });
      onClose();
      await go({ to: "/knowledge/articles/$id", params: { id } });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    take.mutate();
  }
  return (
    <Dialog title="Take a page in" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="Address" error={take.isError && inWords(take.error)}>{(ids) => <input {...ids} type="url" className="input" required placeholder="https://example.com/help" value={form.url} onChange={(event) => setForm({ ...form, url: event.target.value })} />}</Field>
        <Field label="What it is" hint={KIND[form.kind].hint}>{(ids) => (
          <select {...ids} className="input" value={form.kind} onChange={(event) => setForm({ ...form, kind: event.target.value as Kind })}>
            {Object.entries(KIND).map(([value, { name }]) => <option key={value} value={value}>{name}</option>)}
          </select>
        )}</Field>
        <Field label="Look for changes every so many hours">{(ids) => <input {...ids} type="number" min={1} max={8760} className="input" required value={form.hours} onChange={(event) => setForm({ ...form, hours: event.target.value })} />}</Field>
        {take.isPending && <p role="status" className="text-soft">The page is fetched and read; that takes up to half a minute.</p>}
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={take.isPending}>Take in</Button></Buttons>
      </form>
    </Dialog>
  );
}
