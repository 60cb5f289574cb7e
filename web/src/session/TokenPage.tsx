import { type FormEvent, useState } from "react";
import { giveToken, hasToken } from "@/api/client";
import { Button, Field } from "@/ui/basics";
import { Gate } from "./Gate";

/** While nobody has an account, whoever is not at the server's machine shows its token. */
export function TokenPage({ onGiven }: { onGiven: () => void }) {
  const [token, setToken] = useState("");
  function give(event: FormEvent) {
    event.preventDefault();
    giveToken(token);
    onGiven();
  }
  return (
    <Gate title="Bootstrap token" lead={<>Nobody has an account here yet. Open the Accounts link that the server printed, or give the token of the file <code className="font-mono text-xs">bootstrap-token</code> in its data folder.</>}>
      <form onSubmit={give} className="flex flex-col gap-4">
        <Field label="Token" error={hasToken() && "This token was not taken."}>
          {(ids) => <input {...ids} className="input" type="password" autoComplete="off" spellCheck={false} required value={token} onChange={(event) => setToken(event.target.value)} />}
        </Field>
        <Button look="main" type="submit">Continue</Button>
      </form>
    </Gate>
  );
}
