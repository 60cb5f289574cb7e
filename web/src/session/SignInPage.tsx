// Signing in, the first account (#setup=…) and taking an invitation (#invitation=…).

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api, inWords, Refusal } from "@/api/client";
import { Button, Field } from "@/ui/basics";
import { Gate } from "./Gate";

type Way = "sign in" | "setup" | "invitation";
const WORDS: Record<Way, { title: string; lead?: string; go: string }> = {
  "sign in": { title: "Sign in", go: "Sign in" },
  setup: {
    title: "Make the first account", go: "Make the account",
    lead: "It may do everything: invite others, change settings, read every case. Afterwards nobody gets in without an account.",
  },
  invitation: { title: "Choose a password", go: "Continue", lead: "With it you sign in from now on." },
};

/** The link's secret is read once, and stays neither in the address nor in the history. */
function fromLink(): { way: Way; link: string } {
  const [, way, link] = /^#(setup|invitation)=(.+)$/.exec(location.hash) ?? [];
  return way && link ? { way: way as Way, link } : { way: "sign in", link: "" };
}

export function SignInPage() {
  const [{ way, link }] = useState(fromLink);
  const { to } = useSearch({ from: "/sign-in" });
  const go = useNavigate();
  const queries = useQueryClient();
  const [form, setForm] = useState({ name: "", email: "", password: "", code: "" });
  const [wantsCode, setWantsCode] = useState(false);
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => { if (link) history.replaceState(history.state, "", location.pathname + location.search); }, [link]);

  const { name, email, password, code } = form;
  const send = () => {
    if (way === "setup") return api.POST("/api/v1/setup", { body: { link, name, email, password } });
    if (way === "invitation") return api.POST("/api/v1/invitation", { body: { link, password } });
    return api.POST("/api/v1/session", { body: { email, password, code: code || undefined } });
  };
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      await send();
      queries.clear();
      // The call page is no part of the console.
      if (to === "/call") return location.assign(to);
      await go({ to: to?.startsWith("/") && !to.startsWith("//") ? to : "/support" });
    } catch (error) {
      if (error instanceof Refusal && error.type === "urn:switchboard:code-wanted") setWantsCode(true);
      setSaid(inWords(error));
    } finally {
      setBusy(false);
    }
  }
  const field = (key: keyof typeof form) => ({ className: "input", value: form[key], onChange: (event: { target: { value: string } }) => setForm({ ...form, [key]: event.target.value }) });
  const chooses = way !== "sign in";
  return (
    <Gate title={WORDS[way].title} lead={WORDS[way].lead}>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        {way === "setup" && <Field label="Your name">{(ids) => <input {...ids} {...field("name")} autoComplete="name" maxLength={100} required />}</Field>}
        {way !== "invitation" && <Field label="Email">{(ids) => <input {...ids} {...field("email")} type="email" autoComplete="username" required />}</Field>}
        <Field label="Password" hint={chooses && "At least twelve characters; several words are easiest to remember."}>
          {(ids) => <input {...ids} {...field("password")} type="password" autoComplete={chooses ? "new-password" : "current-password"} maxLength={200} required />}
        </Field>
        {wantsCode && <Field label="Code of your authenticator, or a recovery code">{(ids) => <input {...ids} {...field("code")} autoComplete="one-time-code" maxLength={40} autoFocus />}</Field>}
        {said && <p role="alert" className="rounded-md bg-bad-bg px-3 py-2 text-bad">{said}</p>}
        <Button look="main" type="submit" busy={busy} className="md:h-10">{WORDS[way].go}</Button>
      </form>
    </Gate>
  );
}
