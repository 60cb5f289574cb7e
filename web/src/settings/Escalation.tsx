// What happens to cases that the agent cannot resolve. Saved as a whole, upon the revision that was read.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, got, inWords, Refusal } from "@/api/client";
import type { Agent, Escalation as Saved, FieldSpec, Policy, TransferBy } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Field, Loading, Toggle, Trouble } from "@/ui/basics";
import { useSay } from "@/ui/toasts";
import { Faults, FaultLine } from "./faults";
import { Ladder } from "./Ladder";
import { LinesField } from "./LinesField";
import { changed, without } from "./lists";
import { People, Rotas } from "./People";
import { agentsQuery } from "./queries";
import { FIELD, ON_UNRESOLVED, TRANSFER } from "./words";

export function Escalation() {
  const agents = useQuery(agentsQuery);
  const [chosen, setChosen] = useState(0);
  if (agents.isPending) return <Loading />;
  if (agents.isError) return <Trouble error={agents.error} retry={() => void agents.refetch()} />;
  const agent = agents.data.agents[chosen];
  if (!agent) return <p className="text-soft">There is no agent.</p>;
  return (
    <>
      {agents.data.agents.length > 1 && (
        <select aria-label="Agent" className="input mb-4 !w-auto" value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
          {agents.data.agents.map(({ id, business }, at) => <option key={id} value={at}>{business}</option>)}
        </select>
      )}
      <Form key={`${agent.id} ${agent.revision}`} agent={agent} />
    </>
  );
}

/** The decisions of an agent, without what it is besides. */
export function policyOf(agent: Agent): Policy {
  const { on_unresolved, escalate_topics, callback_topics, ladder, people, rotas, spoken_summary, accept_by_key, transfer, meanwhile, fields, allowed_prefixes } = agent;
  return { on_unresolved, escalate_topics, callback_topics, ladder, people, rotas, spoken_summary, accept_by_key, transfer, meanwhile, fields, allowed_prefixes };
}

function Form({ agent }: { agent: Agent }) {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const begin = policyOf(agent);
  const [policy, setPolicy] = useState(begin);
  const disabled = !me.may("change_settings") || !me.everything;
  const dirty = JSON.stringify(policy) !== JSON.stringify(begin);
  const save = useMutation({
    mutationFn: async () => (await got(api.PUT("/api/v1/agents/{id}/escalation", {
      params: { path: { id: agent.id } }, body: { ...policy, revision: agent.revision } as never,
    }))) as unknown as Saved,
    onSuccess: async ({ revision }) => {
      say.tell(`Saved as revision ${revision}. Calls that come in from now on follow it.`);
      await queries.invalidateQueries(agentsQuery);
    },
  });
  const faults = save.error instanceof Refusal ? save.error.faults : [];
  const overtaken = save.error instanceof Refusal && save.error.status === 409;
  const trouble = useRef<HTMLDivElement>(null);
  useEffect(() => trouble.current?.scrollIntoView({ block: "center" }), [save.error]);
  const parts = { policy, disabled, onChange: setPolicy };
  const put = (change: Partial<Policy>) => setPolicy({ ...policy, ...change });
  return (
    <Faults value={faults}>
      <div className="flex flex-col gap-6">
        <Part title="What the agent cannot resolve">
          <Field label="It" hint="A person who is asked for, or a risk, always goes the way of people.">{(ids) => (
            <select {...ids} className="input" disabled={disabled} value={policy.on_unresolved} onChange={(event) => put({ on_unresolved: event.target.value as Policy["on_unresolved"] })}>
              {Object.entries(ON_UNRESOLVED).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
            </select>
          )}</Field>
          <FaultLine at="on_unresolved" />
          <div className="mt-3 grid gap-3 sm:grid-cols-2">
            <LinesField label="Topics that always go to a person" placeholder="water damage" value={policy.escalate_topics} at="escalate_topics" disabled={disabled} onChange={(escalate_topics) => put({ escalate_topics })} />
            <LinesField label="Topics that are called back" placeholder="an offer for a restaurant" value={policy.callback_topics} at="callback_topics" disabled={disabled} onChange={(callback_topics) => put({ callback_topics })} />
          </div>
        </Part>
        <Part title="The ladder" lead="Tried from the top until one ends the case."><Ladder {...parts} /></Part>
        <Part title="People" lead="Whom rungs and rotas name."><People {...parts} /></Part>
        <Part title="Rotas" lead="Who is on duty when."><Rotas {...parts} /></Part>
        <Part title="Handing a call over">
          <div className="flex flex-col gap-2">
            <Toggle checked={policy.spoken_summary} disabled={disabled} onChange={(spoken_summary) => put({ spoken_summary })}>Whoever picks up hears a summary first</Toggle>
            <Toggle checked={policy.accept_by_key} disabled={disabled} onChange={(accept_by_key) => put({ accept_by_key })}>They press a key, or say so, to be joined</Toggle>
            <div className="mt-1 grid gap-3 sm:grid-cols-2">
              <Field label="How the call reaches them">{(ids) => <select {...ids} className="input" disabled={disabled} value={policy.transfer} onChange={(event) => put({ transfer: event.target.value as TransferBy })}>{Object.entries(TRANSFER).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select>}</Field>
              <Field label="The caller hears meanwhile">{(ids) => <select {...ids} className="input" disabled={disabled} value={policy.meanwhile} onChange={(event) => put({ meanwhile: event.target.value as Policy["meanwhile"] })}><option value="tone">A quiet tone now and then</option><option value="music">Hold music</option></select>}</Field>
            </div>
            <LinesField label="Prefixes that may be dialled" hint="None: the countries of our own numbers." placeholder="+49" value={policy.allowed_prefixes} at="allowed_prefixes" disabled={disabled} onChange={(allowed_prefixes) => put({ allowed_prefixes })} />
          </div>
        </Part>
        <Part title="Asked for beside name, number and reason"><FieldSpecs {...parts} /></Part>
      </div>
      {save.isError && (
        <div ref={trouble} role="alert" className="mt-4 rounded-md bg-bad-bg p-3 text-bad">
          <p>{inWords(save.error)}</p>
          <ul className="list-disc pl-5">{faults.map(({ path, problem, remedy }) => <li key={`${path} ${problem}`}><code className="font-mono text-xs">{path}</code>: {problem}; {remedy}.</li>)}</ul>
          {overtaken && <Button small className="mt-2" onClick={() => void queries.invalidateQueries(agentsQuery)}>Read it again; what you changed is lost</Button>}
        </div>
      )}
      {!disabled && (
        <div className="sticky bottom-0 mt-6 flex items-center justify-end gap-2 border-t border-line bg-paper py-3">
          <span className="flex-1 text-xs text-soft">Revision {agent.revision}{dirty && ", with changes that are not saved"}</span>
          {dirty && <Button icon="undo" onClick={() => { setPolicy(begin); save.reset(); }}>As it was</Button>}
          <Button look="main" busy={save.isPending} disabled={!dirty} onClick={() => save.mutate()}>Save</Button>
        </div>
      )}
    </Faults>
  );
}

function Part({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  return <section><h2 className="text-base font-semibold">{title}</h2>{lead && <p className="text-soft">{lead}</p>}<div className="mt-3">{children}</div></section>;
}

function FieldSpecs({ policy, disabled, onChange }: { policy: Policy; disabled: boolean; onChange: (policy: Policy) => void }) {
  const set = (fields: FieldSpec[]) => onChange({ ...policy, fields });
  return (
    <>
      <ul className="flex flex-col gap-3">
        {policy.fields.map((field, at) => {
          const put = (change: Partial<FieldSpec>) => set(changed(policy.fields, at, { ...field, ...change }));
          return (
            <li key={at} className="card grid gap-3 p-3 sm:grid-cols-[9rem_1fr_10rem_auto]">
              <Field label="Name">{(ids) => <input {...ids} className="input font-mono" placeholder="order_number" disabled={disabled} value={field.name} onChange={(event) => put({ name: event.target.value })} />}</Field>
              <Field label="Question, as it is spoken">{(ids) => <input {...ids} className="input" placeholder="What is your order number?" disabled={disabled} value={field.question} onChange={(event) => put({ question: event.target.value })} />}</Field>
              <Field label="Answer">{(ids) => <select {...ids} className="input" disabled={disabled} value={field.kind} onChange={(event) => put({ kind: event.target.value as FieldSpec["kind"] })}>{Object.entries(FIELD).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select>}</Field>
              {!disabled && <Button look="quiet" icon="trash" className="sm:mt-5" aria-label={`Take ${field.name || "this field"} out`} onClick={() => set(without(policy.fields, at))} />}
              <div className="sm:col-span-4"><FaultLine at={`fields[${at}]`} within /></div>
            </li>
          );
        })}
      </ul>
      <FaultLine at="fields" />
      {!disabled && <Button icon="plus" className={policy.fields.length ? "mt-3" : ""} onClick={() => set([...policy.fields, { name: "", question: "", kind: "text" }])}>Add a field</Button>}
    </>
  );
}
