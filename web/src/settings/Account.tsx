// One's own account: password, second factor, where one is signed in.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, got, inWords } from "@/api/client";
import { sessionQuery, useMe } from "@/session/session";
import { Button, Field, Loading, Pill, Trouble } from "@/ui/basics";
import { full } from "@/ui/time";
import { useSay } from "@/ui/toasts";
import { TwoFactor } from "./TwoFactor";
import { ROLE } from "./words";

export function Account() {
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const say = useSay();
  const out = useMutation({
    mutationFn: () => api.DELETE("/api/v1/session"),
    onSuccess: async () => {
      queries.clear();
      await go({ to: "/sign-in" });
    },
    onError: say.fail,
  });
  if (!me.account) return <p className="text-soft">Nobody has an account yet.</p>;
  return (
    <div className="flex flex-col gap-4">
      <section className="card flex flex-wrap items-center gap-3 p-4">
        <div className="min-w-0 flex-1"><h2 className="text-base font-semibold">{me.account.name}</h2><p className="text-soft">{me.account.email} · {ROLE[me.role].name}</p></div>
        <Button busy={out.isPending} onClick={() => out.mutate()}>Sign out</Button>
      </section>
      <Password />
      <TwoFactor on={me.account.two_factor} onChange={() => void queries.invalidateQueries(sessionQuery)} />
      <Sessions />
    </div>
  );
}

function Password() {
  const say = useSay();
  const [form, setForm] = useState({ old: "", new: "" });
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: () => api.PUT("/api/v1/account/password", { body: form }),
    onSuccess: () => {
      setForm({ old: "", new: "" });
      say.tell("Changed. Other sessions have ended.");
      return queries.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    change.mutate();
  }
  const bind = (key: keyof typeof form) => ({ className: "input", type: "password", required: true, maxLength: 200, value: form[key], onChange: (event: { target: { value: string } }) => setForm({ ...form, [key]: event.target.value }) });
  return (
    <section className="card p-4">
      <h2 className="mb-3 font-semibold">Password</h2>
      <form onSubmit={submit} className="grid gap-3 sm:grid-cols-2">
        <Field label="The present one" error={change.isError && inWords(change.error)}>{(ids) => <input {...ids} {...bind("old")} autoComplete="current-password" />}</Field>
        <Field label="The new one" hint="At least twelve characters.">{(ids) => <input {...ids} {...bind("new")} autoComplete="new-password" />}</Field>
        <div><Button type="submit" busy={change.isPending} disabled={!form.old || !form.new}>Change</Button></div>
      </form>
    </section>
  );
}

function Sessions() {
  const say = useSay();
  const queries = useQueryClient();
  const list = useQuery({ queryKey: ["sessions"], queryFn: () => got(api.GET("/api/v1/sessions")) });
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sessions"] }), onError: say.fail,
  });
  return (
    <section className="card p-4">
      <h2 className="mb-2 font-semibold">Where you are signed in</h2>
      {list.isPending ? <Loading rows={1} /> : list.isError ? <Trouble error={list.error} /> : (
        <ul className="divide-y divide-line">
          {list.data.sessions.map((one) => (
            <li key={one.id} className="flex items-center gap-3 py-2">
              <div className="min-w-0 flex-1"><p className="truncate" title={one.browser}>{browserOf(one.browser)} {one.current && <Pill tone="good">this one</Pill>}</p><p className="text-xs text-soft">from {one.from}, since {full.format(one.created_at_ms)}</p></div>
              {!one.current && <Button small busy={end.isPending} onClick={() => end.mutate(one.id)}>End</Button>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** "Firefox on Linux", out of what a browser calls itself. */
export function browserOf(agent: string): string {
  const name = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS|Linux)/.exec(agent)?.[1];
  const known = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" }[name ?? ""];
  return known ? `${known}${system ? ` on ${system}` : ""}` : agent || "An unknown program";
}
