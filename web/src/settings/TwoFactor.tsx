// The second factor: six digits of an authenticator (RFC 6238).

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, got, inWords } from "@/api/client";
import type { SecondFactorBegun } from "@/api/types";
import { Button, Field, Pill } from "@/ui/basics";
import { useSay } from "@/ui/toasts";

export function TwoFactor({ on, onChange }: { on: boolean; onChange: () => void }) {
  const say = useSay();
  const [password, setPassword] = useState("");
  const [begun, setBegun] = useState<SecondFactorBegun | null>(null);
  const [code, setCode] = useState("");
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const begin = useMutation({
    mutationFn: () => got(api.POST("/api/v1/account/two-factor", { body: { password } })),
    onSuccess: (next) => { setBegun(next); setPassword(""); },
  });
  const confirm = useMutation({
    mutationFn: () => got(api.PUT("/api/v1/account/two-factor", { body: { code } })),
    onSuccess: ({ recovery_codes }) => { setRecovery(recovery_codes); setBegun(null); setCode(""); onChange(); },
  });
  const off = useMutation({
    mutationFn: () => api.POST("/api/v1/account/two-factor/off", { body: { password } }),
    onSuccess: () => { setPassword(""); setRecovery(null); say.tell("It is off."); onChange(); },
  });
  const submit = (act: { mutate: () => void }) => (event: FormEvent) => { event.preventDefault(); act.mutate(); };
  const first = on ? off : begin;
  return (
    <section className="card p-4">
      <h2 className="mb-2 flex items-center gap-2 font-semibold">Second factor <Pill tone={on ? "good" : "plain"}>{on ? "On" : "Off"}</Pill></h2>
      {recovery && (
        <div role="alert" className="mb-3 rounded-md bg-warn-bg p-3">
          <p>Write these down: each signs you in once, should your telephone be lost. They are shown this once.</p>
          <ul className="mt-2 grid grid-cols-2 gap-1 font-mono">{recovery.map((one) => <li key={one}>{one}</li>)}</ul>
        </div>
      )}
      {begun ? (
        <form onSubmit={submit(confirm)} className="flex flex-col gap-3">
          <p>Add this account to your authenticator: on a telephone <a className="link" href={begun.uri}>open it there</a>, or type the key in:</p>
          <p className="rounded-md bg-sunken p-2 font-mono [overflow-wrap:anywhere]">{begun.secret}</p>
          <Field label="The six digits it shows" error={confirm.isError && inWords(confirm.error)}>{(ids) => <input {...ids} className="input !w-40" inputMode="numeric" autoComplete="one-time-code" required maxLength={6} value={code} onChange={(event) => setCode(event.target.value)} />}</Field>
          <div className="flex gap-2"><Button look="main" type="submit" busy={confirm.isPending}>Turn on</Button><Button onClick={() => setBegun(null)}>Cancel</Button></div>
        </form>
      ) : (
        <form onSubmit={submit(first)} className="flex flex-wrap items-end gap-2">
          <div className="min-w-52 flex-1"><Field label={`Your password, to turn it ${on ? "off" : "on"}`} error={first.isError && inWords(first.error)}>{(ids) => <input {...ids} className="input" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />}</Field></div>
          <Button type="submit" className="md:h-9" busy={first.isPending} disabled={!password}>{on ? "Turn off" : "Set up"}</Button>
        </form>
      )}
    </section>
  );
}
