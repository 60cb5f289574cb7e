// Who is on the team, and what they may do.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, got, inWords, onceKey } from "@/api/client";
import type { Invited, Role, Teammate, TeammateChange } from "@/api/types";
import { teammatesQuery } from "@/inbox/queries";
import { useMe } from "@/session/session";
import { Avatar, Button, Field, Loading, Pill, Trouble } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { Menu, type MenuItem } from "@/ui/Menu";
import { useSay } from "@/ui/toasts";
import { Secret } from "./Secret";
import { ROLE } from "./words";

const ROLES = Object.keys(ROLE) as Role[];

export function Team() {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const list = useQuery(teammatesQuery);
  const [inviting, setInviting] = useState(false);
  const [invited, setInvited] = useState<Invited | null>(null);
  const manages = me.may("manage_team") && me.everything;
  const again = () => queries.invalidateQueries({ queryKey: ["teammates"] });
  const change = useMutation({
    mutationFn: ({ id, body }: { id: string; body: TeammateChange }) => api.PATCH("/api/v1/teammates/{id}", { params: { path: { id } }, body }),
    onSuccess: again, onError: say.fail,
  });
  const invite = useMutation({
    mutationFn: (id: string) => got(api.POST("/api/v1/teammates/{id}/invitation", { params: { path: { id } } })),
    onSuccess: async (made) => { setInvited(made); await again(); }, onError: say.fail,
  });
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE("/api/v1/teammates/{id}/sessions", { params: { path: { id } } }),
    onSuccess: () => say.tell("They are signed out everywhere."), onError: say.fail,
  });
  if (list.isPending) return <Loading />;
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />;
  const grants = ROLES.filter((role) => role !== "owner" || me.role === "owner");
  const items = (one: Teammate): MenuItem[] => [
    ...grants.map((role): MenuItem => ({ label: ROLE[role].name, checked: one.role === role, onPick: () => change.mutate({ id: one.id, body: { role } }) })),
    "line",
    { label: one.invited ? "A new invitation link" : "A link for a new password", icon: "key", onPick: () => invite.mutate(one.id) },
    { label: "Sign out everywhere", icon: "close", onPick: () => end.mutate(one.id) },
    one.disabled
      ? { label: "Let in again", icon: "check", onPick: () => change.mutate({ id: one.id, body: { disabled: false } }) }
      : { label: "Lock out", icon: "trash", danger: true, onPick: () => confirm(`Lock ${one.name} out? They are signed out at once; what they did stays.`) && change.mutate({ id: one.id, body: { disabled: true } }) },
  ];
  return (
    <>
      <div className="mb-4 flex items-center gap-3"><p className="flex-1 text-soft">Roles decide what somebody may do; the server holds everybody to theirs.</p>{manages && <Button look="main" icon="plus" onClick={() => setInviting(true)}>Invite</Button>}</div>
      <ul className="card divide-y divide-line">
        {list.data.teammates.map((one) => (
          <li key={one.id} className="flex items-center gap-3 px-4 py-2.5">
            <Avatar name={one.name} />
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-center gap-x-2"><span className="truncate font-medium">{one.name}</span>{one.id === me.account?.id && <Pill>you</Pill>}{one.disabled && <Pill tone="bad">Locked out</Pill>}{one.invited && <Pill tone="warn">Invited</Pill>}{one.two_factor && <Pill tone="good">Two factors</Pill>}</p>
              <p className="truncate text-xs text-soft">{one.email}{one.inboxes && ` · sees ${one.inboxes.length === 1 ? "one inbox" : `${one.inboxes.length} inboxes`}`}</p>
            </div>
            <Pill tone="accent" title={ROLE[one.role].hint}>{ROLE[one.role].name}</Pill>
            {manages && <Menu label={`Change ${one.name}`} icon="more" items={items(one)} />}
          </li>
        ))}
      </ul>
      {!list.data.teammates.length && <p className="text-soft">Nobody yet. The Accounts link that the server printed makes the first account.</p>}
      {inviting && <Invite roles={grants} onClose={() => setInviting(false)} onDone={(made) => { setInviting(false); setInvited(made); void again(); }} />}
      {invited && (
        <Secret title={`Invitation for ${invited.teammate.name}`} onClose={() => setInvited(null)} text={`${location.origin}/sign-in#invitation=${invited.invitation}`}>
          Send this link to {invited.teammate.email}. It holds for a week, is shown this once, and lets whoever opens it choose the password.
        </Secret>
      )}
    </>
  );
}

function Invite({ roles, onClose, onDone }: { roles: Role[]; onClose: () => void; onDone: (made: Invited) => void }) {
  const [form, setForm] = useState({ name: "", email: "", role: "teammate" as Role });
  const make = useMutation({
    mutationFn: () => got(api.POST("/api/v1/teammates", { params: { header: { "idempotency-key": onceKey() } }, body: form })), onSuccess: onDone,
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    make.mutate();
  }
  return (
    <Dialog title="Invite" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Name">{(ids) => <input {...ids} className="input" required maxLength={100} value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} autoFocus />}</Field>
        <Field label="Email" error={make.isError && inWords(make.error)}>{(ids) => <input {...ids} className="input" type="email" required value={form.email} onChange={(event) => setForm({ ...form, email: event.target.value })} />}</Field>
        <Field label="Role" hint={ROLE[form.role].hint}>{(ids) => <select {...ids} className="input" value={form.role} onChange={(event) => setForm({ ...form, role: event.target.value as Role })}>{roles.map((role) => <option key={role} value={role}>{ROLE[role].name}</option>)}</select>}</Field>
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={make.isPending}>Make the invitation</Button></Buttons>
      </form>
    </Dialog>
  );
}
