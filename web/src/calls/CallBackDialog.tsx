import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, inWords } from "@/api/client";
import type { Ticket } from "@/api/types";
import { agentsQuery } from "@/settings/queries";
import { Button, Field } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { useSay } from "@/ui/toasts";

/** The teammate's telephone rings first; once they have pressed 1 the customer is rung and joined. */
export function CallBackDialog({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  const say = useSay();
  const people = useQuery(agentsQuery).data?.agents[0]?.people ?? [];
  const [teammate, setTeammate] = useState("");
  const call = useMutation({
    mutationFn: () => api.POST("/api/v1/tickets/{id}/call", { params: { path: { id: ticket.id } }, body: { teammate: teammate.trim() } }),
    onSuccess: () => {
      say.tell("The telephone of whoever calls rings now.");
      onClose();
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    call.mutate();
  }
  return (
    <Dialog title={`Call ${ticket.callback?.number ?? "the customer"} back`} onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Who calls" hint="Their telephone rings first and says whom it is about; after the key the customer is rung." error={call.isError && inWords(call.error)}>
          {(ids) => (
            <>
              <input {...ids} className="input" list="who-calls" required placeholder="person:anna, +49…, sip:…" value={teammate} onChange={(event) => setTeammate(event.target.value)} />
              <datalist id="who-calls">{people.map(({ id, name }) => <option key={id} value={`person:${id}`}>{name}</option>)}</datalist>
            </>
          )}
        </Field>
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" icon="phone" type="submit" busy={call.isPending}>Call</Button></Buttons>
      </form>
    </Dialog>
  );
}
