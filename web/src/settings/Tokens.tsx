// Programs that may use the API.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, got, inWords, onceKey } from "@/api/client";
import type { MadeToken, Permission } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Empty, Field, Loading, Pill, Toggle, Trouble } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { full } from "@/ui/time";
import { useSay } from "@/ui/toasts";
import { Secret } from "./Secret";
import { PERMISSION } from "./words";

const DAYS = { "30": "30 days", "90": "90 days", "365": "A year", "": "Until it is taken back" };
// What is a person's own is no scope of a program.
const SCOPES = (Object.keys(PERMISSION) as Permission[]).filter((scope) => scope !== "own_account");

export function Tokens() {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const list = useQuery({ queryKey: ["tokens"], queryFn: () => got(api.GET("/api/v1/tokens")) });
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const again = () => queries.invalidateQueries({ queryKey: ["tokens"] });
  const remove = useMutation({ mutationFn: (id: string) => api.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } }), onSuccess: again, onError: say.fail });
  if (list.isPending) return <Loading />;
  if (list.isError) return <Trouble error={list.error} retry={() => void list.refetch()} />;
  return (
    <>
      <div className="mb-4 flex items-center gap-3"><p className="flex-1 text-soft">For programs of your own: the website that brings messages in, or what scrapes the metrics.</p><Button look="main" icon="plus" onClick={() => setMaking(true)}>New token</Button></div>
      {!list.data.tokens.length ? <Empty icon="key" title="No tokens">A token lets a program use the API, with no more than it is given.</Empty> : (
        <ul className="card divide-y divide-line">
          {list.data.tokens.map((one) => (
            <li key={one.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
              <div className="min-w-48 flex-1"><p className="font-medium">{one.name}</p><p className="text-xs text-soft">by {one.by}, {full.format(one.created_at_ms)}{one.expires_at_ms != null && ` · until ${full.format(one.expires_at_ms)}`}</p></div>
              <p className="flex flex-wrap gap-1">{one.scopes.map((scope) => <Pill key={scope} title={PERMISSION[scope]}>{scope}</Pill>)}</p>
              <Button small look="danger" icon="trash" onClick={() => confirm(`Take “${one.name}” back? Programs that use it stop at once.`) && remove.mutate(one.id)}>Take back</Button>
            </li>
          ))}
        </ul>
      )}
      {making && <Make onClose={() => setMaking(false)} mayScope={me.may} onDone={(next) => { setMaking(false); setMade(next); void again(); }} />}
      {made && <Secret title={made.name} text={made.secret} onClose={() => setMade(null)}>This is the token. It is shown this once; send it as <code className="font-mono text-xs">Authorization: Bearer …</code>.</Secret>}
    </>
  );
}

function Make({ mayScope, onClose, onDone }: { mayScope: (scope: Permission) => boolean; onClose: () => void; onDone: (made: MadeToken) => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Permission[]>(["intake"]);
  const [days, setDays] = useState<keyof typeof DAYS>("365");
  const make = useMutation({
    mutationFn: () => got(api.POST("/api/v1/tokens", {
      params: { header: { "idempotency-key": onceKey() } }, body: { name, scopes, expires_at_ms: days ? Date.now() + Number(days) * 86_400_000 : null },
    })),
    onSuccess: onDone,
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    make.mutate();
  }
  return (
    <Dialog title="New token" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="What it is for" error={make.isError && inWords(make.error)}>{(ids) => <input {...ids} className="input" required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} autoFocus />}</Field>
        <fieldset>
          <legend className="label">What it may do</legend>
          {SCOPES.filter(mayScope).map((scope) => <Toggle key={scope} checked={scopes.includes(scope)} onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((one) => one !== scope))}>{PERMISSION[scope]}</Toggle>)}
        </fieldset>
        <Field label="Holds for">{(ids) => <select {...ids} className="input" value={days} onChange={(event) => setDays(event.target.value as keyof typeof DAYS)}>{Object.entries(DAYS).reverse().map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select>}</Field>
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={make.isPending} disabled={!scopes.length}>Make the token</Button></Buttons>
      </form>
    </Dialog>
  );
}
