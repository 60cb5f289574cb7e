// Beside the thread: who the customer is, what state the case is in, its follow-ups.

import { Link } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "@/api/client";
import type { Contact, Conversation } from "@/api/types";
import { Attempts } from "@/calls/Attempts";
import { TicketCard } from "@/calls/TicketCard";
import { useMe } from "@/session/session";
import { Avatar, Button, Pill, Trouble, When } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { full } from "@/ui/time";
import { useSay } from "@/ui/toasts";
import type { Acts } from "./acts";
import type { Asking } from "./Dialogs";
import { gistOf, nameOf } from "./names";
import { contactQuery } from "./queries";
import { CHANNEL, HANDLER, STATUS, TAG } from "./words";

type Props = { one: Conversation; acts: Acts; shown: boolean; onClose: () => void; onAsk: (what: Asking) => void };

export function Details({ one, acts, shown, onClose, onAsk }: Props) {
  return (
    <aside aria-label="Customer and case" tabIndex={0} className={`scroll min-h-0 w-full border-line bg-surface lg:w-80 lg:shrink-0 lg:border-l ${shown ? "" : "hidden xl:block"}`}>
      <div className="flex items-center gap-2 border-b border-line px-2 py-2 xl:hidden">
        <Button look="quiet" icon="back" aria-label="Back to the conversation" onClick={onClose} />
        <h2 className="text-base font-semibold">Customer and case</h2>
      </div>
      <div className="flex flex-col gap-5 p-4">
        <Customer one={one} />
        {one.summary && <Part title="Summary"><p className="text-pretty">{one.summary}</p></Part>}
        {one.tickets.map((ticket) => <TicketCard key={ticket.id} ticket={ticket} conversation={one.id} />)}
        {one.call && one.call.attempts.length > 0 && <Attempts attempts={one.call.attempts} />}
        <Case one={one} acts={acts} onAsk={onAsk} />
      </div>
    </aside>
  );
}

export function Part({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section>
      <div className="mb-1.5 flex min-h-6 items-center justify-between gap-2"><h3 className="heading">{title}</h3>{action}</div>
      {children}
    </section>
  );
}

function Customer({ one }: { one: Conversation }) {
  const query = useQuery({ ...contactQuery(one.contact ?? ""), enabled: Boolean(one.contact) });
  const contact = query.data;
  const name = contact?.name ?? nameOf(one);
  const history = contact?.conversations.filter(({ id }) => id !== one.id) ?? [];
  return (
    <Part title="Customer">
      <div className="flex items-center gap-2.5"><Avatar name={name} /><p className="min-w-0 truncate font-semibold">{name}</p></div>
      {query.isError && <Trouble error={query.error} />}
      {contact && (
        <ul className="mt-2 flex flex-col gap-1">
          {contact.addresses.map(({ kind, value, proven }) => (
            <li key={`${kind} ${value}`} className="flex items-baseline gap-2">
              <span className="w-12 shrink-0 text-xs text-soft">{{ email: "Email", phone: "Phone", external: "ID" }[kind]}</span>
              <span className="min-w-0 [overflow-wrap:anywhere]">{value}</span>
              {proven && kind !== "external" && <Pill tone="good" title="This address has written or called from itself">proven</Pill>}
            </li>
          ))}
        </ul>
      )}
      {contact?.suggested.map((other) => <Suggested key={other.id} other={other} into={contact.id} />)}
      {history.length > 0 && (
        <>
          <h4 className="heading mt-3 mb-1">Before and beside</h4>
          <ul className="-mx-2">
            {history.slice(0, 12).map((row) => (
              <li key={row.id}>
                <Link to="/support/$id" params={{ id: row.id }} search={({ side: _side, ...search }) => search} className="tap flex items-center gap-2 rounded-md px-2 py-1 hover:bg-sunken">
                  <Icon name={row.channel === "phone" ? "phone" : "inbox"} size={14} className="text-soft" />
                  <span className="min-w-0 flex-1 truncate">{gistOf(row) || STATUS[row.status][0]}</span>
                  <When ms={row.created_at_ms} className="text-xs text-soft" />
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </Part>
  );
}

function Suggested({ other, into }: { other: Contact; into: string }) {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const merge = useMutation({
    mutationFn: () => api.POST("/api/v1/contacts/{id}/merge", { params: { path: { id: other.id } }, body: { into, teammate: me.name } }),
    onSuccess: () => { say.tell("They are one customer now."); return queries.invalidateQueries({ queryKey: ["contact"] }); },
    onError: say.fail,
  });
  const name = other.name ?? other.addresses[0]?.value ?? "another customer";
  return (
    <div className="mt-2 flex items-center gap-2 rounded-md bg-tint px-2.5 py-1.5">
      <p className="min-w-0 flex-1 text-xs">The same as <b>{name}</b>? They share an address.</p>
      {me.may("work_cases") && me.everything && (
        <Button small busy={merge.isPending} onClick={() => confirm(`Make “${name}” and this customer one? That cannot be undone.`) && merge.mutate()}>Merge</Button>
      )}
    </div>
  );
}

function Case({ one, acts, onAsk }: Omit<Props, "shown" | "onClose">) {
  const me = useMe();
  const works = me.may("work_cases") && !one.merged_into;
  const fact = (name: string, value: ReactNode) => (
    <div className="flex items-start gap-2"><dt className="w-20 shrink-0 text-xs leading-[1.375rem] text-soft">{name}</dt><dd className="min-w-0 flex-1 [overflow-wrap:anywhere]">{value}</dd></div>
  );
  return (
    <Part title="Case">
      <dl className="flex flex-col gap-1.5">
        {fact("Status", <Pill tone={STATUS[one.status][1]}>{STATUS[one.status][0]}</Pill>)}
        {one.snoozed_until_ms != null && one.status === "snoozed" && fact("Until", full.format(one.snoozed_until_ms))}
        {fact("Handled by", HANDLER[one.handler])}
        {fact("Assigned to", works
          ? <span className="flex items-center gap-2"><span className="min-w-0 flex-1 truncate">{one.assignee ?? "Nobody"}</span>
              {one.assignee !== me.name && <Button small onClick={() => acts.assign(me.name)}>Take it</Button>}
              <Button small onClick={() => onAsk("assign")}>{one.assignee ? "Change" : "Other"}</Button></span>
          : one.assignee ?? "Nobody")}
        {fact("Tags", <span className="flex flex-wrap items-center gap-1">
          {one.tags.map(({ kind, name }) => <Pill key={`${kind} ${name}`} title={TAG[kind]}>{name}</Pill>)}
          {works && <Button small look="quiet" icon="tag" onClick={() => onAsk("tags")}>{one.tags.length ? "Edit" : "Add"}</Button>}
        </span>)}
        {fact("Came by", CHANNEL[one.channel])}
        {one.call && fact("Dialled", one.call.to)}
        {one.call && fact("Trunk", one.call.trunk)}
        {one.thread && fact("Thread", one.thread)}
        {fact("Began", full.format(one.created_at_ms))}
        {one.previous && fact("Follows", <Link className="link" to="/support/$id" params={{ id: one.previous }}>an earlier conversation</Link>)}
        {one.merged_into && fact("Merged", <Link className="link" to="/support/$id" params={{ id: one.merged_into }}>into this one</Link>)}
      </dl>
    </Part>
  );
}
