// A follow-up: what was collected, by when, what became of it; the customer is called back from here.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { api, got, Refusal } from "@/api/client";
import type { Conversation, Ticket, TicketChange, TicketStatus } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Pill, type Tone } from "@/ui/basics";
import { fromNow, full, localInput } from "@/ui/time";
import { useSay } from "@/ui/toasts";
import { ClipButton } from "./ClipButton";
import { CallBackDialog } from "./CallBackDialog";

const Player = lazy(() => import("./Player"));
const KIND = { follow_up: "Ticket", voicemail: "Voice message", callback: "Call back" } as const;
const STATUS: Record<TicketStatus, [string, Tone]> = { pending: ["Pending", "warn"], in_progress: ["In progress", "accent"], done: ["Done", "good"] };
type Change = Pick<TicketChange, "status" | "notes" | "due_at_ms">;

export function TicketCard({ ticket, conversation }: { ticket: Ticket; conversation: string }) {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const works = me.may("work_cases");
  const [calling, setCalling] = useState(false);
  const [notes, setNotes] = useState(ticket.notes);
  const player = useRef(null);
  useEffect(() => setNotes(ticket.notes), [ticket.notes]);
  const key = ["conversation", conversation];
  const show = (next: Ticket) => queries.setQueryData<Conversation>(key, (known) => known && { ...known, tickets: known.tickets.map((one) => (one.id === next.id ? next : one)) });
  const save = useMutation({
    mutationFn: (change: Change) => got(api.PATCH("/api/v1/tickets/{id}", {
      params: { path: { id: ticket.id }, header: { "If-Match": `"${ticket.version}"` } }, body: change,
    })),
    onMutate: (change) => { show({ ...ticket, ...change } as Ticket); return ticket; },
    onSuccess: show,
    onError: (error, _change, before) => {
      if (before) show(before);
      say.fail(error instanceof Refusal && error.status === 409 ? new Error("Somebody changed the ticket meanwhile; look again.") : error);
      void queries.invalidateQueries({ queryKey: key });
    },
  });
  const [word, tone] = STATUS[ticket.status];
  const overdue = ticket.due_at_ms != null && ticket.status !== "done" && ticket.due_at_ms < Date.now();
  const { callback } = ticket;
  return (
    <section className="card p-3" aria-label={KIND[ticket.kind]}>
      <p className="flex items-center gap-2"><span className="flex-1 font-semibold">{KIND[ticket.kind]}</span><Pill tone={tone}>{word}</Pill></p>
      <p className="mt-1 text-soft">{ticket.reason}</p>
      {ticket.fields.length > 0 && (
        <dl className="mt-2 flex flex-col gap-1">
          {ticket.fields.map(({ name, value, confirmed, clip }) => (
            <div key={name} className="flex min-h-7 items-center gap-2">
              <dt className="w-20 shrink-0 text-xs text-soft">{name.replaceAll("_", " ")}</dt>
              <dd className="flex min-w-0 flex-1 flex-wrap items-center gap-x-1.5"><span className="min-w-0 [overflow-wrap:anywhere]">{value}</span>{!confirmed && <Pill tone="warn" title="The caller did not say that it was read back rightly">not confirmed</Pill>}</dd>
              {clip && <ClipButton clip={clip} name={name} />}
            </div>
          ))}
        </dl>
      )}
      {callback && <p className="mt-2">Call <b className="font-semibold tabular-nums">{callback.number}</b>{callback.at_ms != null ? `, ${full.format(callback.at_ms)}` : callback.time ? `, ${callback.time}` : ""}</p>}
      {ticket.recording_url && (
        <div className="mt-2"><Suspense fallback={null}><Player recording={{ id: ticket.id, url: ticket.recording_url, started_at_ms: ticket.created_at_ms }} marks={[]} player={player} onPlayed={nothing} /></Suspense></div>
      )}
      {works ? (
        <>
          <div className="mt-3 flex flex-wrap gap-2" role="group" aria-label="Status of the ticket">
            {(Object.keys(STATUS) as TicketStatus[]).map((status) => (
              <Button key={status} small aria-pressed={ticket.status === status} className={ticket.status === status ? "!border-accent !bg-tint !text-accent" : ""} onClick={() => ticket.status !== status && save.mutate({ status })}>{STATUS[status][0]}</Button>
            ))}
          </div>
          <label className="mt-3 block"><span className={`label ${overdue ? "!text-bad" : ""}`}>Due{ticket.due_at_ms != null && ` ${fromNow(ticket.due_at_ms)}`}</span>
            <input type="datetime-local" className="input" value={ticket.due_at_ms == null ? "" : localInput(ticket.due_at_ms)} onChange={(event) => event.target.value && save.mutate({ due_at_ms: new Date(event.target.value).getTime() })} />
          </label>
          <label className="mt-2 block"><span className="label">Notes</span>
            <textarea className="input field-sizing-content md:min-h-9" value={notes} onChange={(event) => setNotes(event.target.value)} onBlur={() => notes !== ticket.notes && save.mutate({ notes })} />
          </label>
          {callback && ticket.status !== "done" && <Button look="main" icon="phone" className="mt-3 w-full" onClick={() => setCalling(true)}>Call back</Button>}
        </>
      ) : (ticket.notes || ticket.due_at_ms != null) && (
        <p className="mt-2 text-soft">{ticket.due_at_ms != null && `Due ${full.format(ticket.due_at_ms)}. `}{ticket.notes}</p>
      )}
      {calling && <CallBackDialog ticket={ticket} onClose={() => setCalling(false)} />}
    </section>
  );
}

const nothing = () => {};
