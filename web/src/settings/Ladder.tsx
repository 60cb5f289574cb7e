// The rungs, in the order in which they are tried.

import { useState } from "react";
import type { Policy, Rung, TransferBy } from "@/api/types";
import { Button, Field, Toggle } from "@/ui/basics";
import { FaultLine, useFault } from "./faults";
import { LinesField } from "./LinesField";
import { changed, moved, without } from "./lists";
import { freshSchedule, ScheduleFields } from "./ScheduleFields";
import { RUNG, TRANSFER } from "./words";

type Props = { policy: Policy; disabled: boolean; onChange: (policy: Policy) => void };
const RING_SECONDS = 18;
const freshRung = (action: Rung["do"]): Rung => (action === "ring" ? { do: "ring", targets: [], ring_seconds: RING_SECONDS } : { do: action });

export function Ladder({ policy, disabled, onChange }: Props) {
  const [dragged, setDragged] = useState<number | null>(null);
  const set = (ladder: Rung[]) => onChange({ ...policy, ladder });
  const names = [
    ...policy.people.map(({ id, name }) => ({ target: `person:${id}`, name })),
    ...policy.rotas.map(({ id }) => ({ target: `rota:${id}`, name: `Rota ${id}` })),
  ];
  return (
    <>
      <ol className="flex flex-col gap-3">
        {policy.ladder.map((rung, at) => (
          <li
            key={at} draggable={!disabled} onDragStart={(event) => { setDragged(at); event.dataTransfer.effectAllowed = "move"; }} onDragEnd={() => setDragged(null)}
            onDragOver={(event) => dragged !== null && event.preventDefault()}
            onDrop={(event) => { event.preventDefault(); if (dragged !== null) set(moved(policy.ladder, dragged, at)); setDragged(null); }}
            className={`card p-3 ${dragged === at ? "opacity-50" : ""}`}
          >
            <div className="flex items-center gap-2">
              <span aria-hidden="true" className={`grid size-7 shrink-0 place-items-center rounded-full bg-tint font-semibold text-accent ${disabled ? "" : "cursor-grab"}`} title="Drag to another place">{at + 1}</span>
              <select aria-label={`What rung ${at + 1} does`} className="input min-w-0 flex-1" value={rung.do} disabled={disabled} onChange={(event) => set(changed(policy.ladder, at, { ...freshRung(event.target.value as Rung["do"]), ...(rung.when ? { when: rung.when } : {}) }))}>
                {Object.entries(RUNG).map(([value, { name }]) => <option key={value} value={value}>{name}</option>)}
              </select>
              {!disabled && (
                <>
                  <Button look="quiet" icon="up" aria-label={`Move rung ${at + 1} up`} disabled={at === 0} onClick={() => set(moved(policy.ladder, at, at - 1))} />
                  <Button look="quiet" icon="down" aria-label={`Move rung ${at + 1} down`} disabled={at === policy.ladder.length - 1} onClick={() => set(moved(policy.ladder, at, at + 1))} />
                  <Button look="quiet" icon="trash" aria-label={`Take rung ${at + 1} out`} onClick={() => set(without(policy.ladder, at))} />
                </>
              )}
            </div>
            <p className="mt-1 text-xs text-soft">{RUNG[rung.do].hint}</p>
            <RungFields rung={rung} at={`ladder[${at}]`} names={names} disabled={disabled} onChange={(next) => set(changed(policy.ladder, at, next))} />
          </li>
        ))}
      </ol>
      {!policy.ladder.length && <p className="text-soft">No rungs: what the agent cannot resolve becomes a ticket.</p>}
      <FaultLine at="ladder" />
      {!disabled && <Button icon="plus" className="mt-3" onClick={() => set([...policy.ladder, freshRung(policy.ladder.some(({ do: action }) => action === "ring") ? "flag" : "ring")])}>Add a rung</Button>}
    </>
  );
}

type FieldsProps = { rung: Rung; at: string; names: { target: string; name: string }[]; disabled: boolean; onChange: (rung: Rung) => void };

function RungFields({ rung, at, names, disabled, onChange }: FieldsProps) {
  const seconds = useFault(`${at}.ring_seconds`);
  return (
    <>
      {rung.do === "ring" && (
        <>
          <div className="mt-2 grid gap-3 sm:grid-cols-[1fr_8rem]">
            <LinesField label="Whom" hint="+49…, sip:…, person:… or rota:…, one on each line; all are rung together." value={rung.targets} at={`${at}.targets`} disabled={disabled} onChange={(targets) => onChange({ ...rung, targets })} />
            <Field label="Ring for (seconds)" error={seconds} hint="A mobile’s own mailbox picks up after about 20.">{(ids) => <input {...ids} className="input" type="number" min={5} max={120} disabled={disabled} value={rung.ring_seconds} onChange={(event) => onChange({ ...rung, ring_seconds: Number(event.target.value) })} />}</Field>
          </div>
          {!disabled && names.length > 0 && (
            <p className="mt-2 flex flex-wrap gap-1.5">
              {names.filter(({ target }) => !rung.targets.includes(target)).map(({ target, name }) => <Button key={target} small icon="plus" onClick={() => onChange({ ...rung, targets: [...rung.targets, target] })}>{name}</Button>)}
            </p>
          )}
          <div className="mt-2"><Field label="How the call reaches them">{(ids) => (
            <select
              {...ids} className="input" disabled={disabled} value={rung.transfer ?? ""}
              onChange={(event) => { const { transfer: _transfer, ...rest } = rung; onChange(event.target.value ? { ...rest, transfer: event.target.value as TransferBy } : rest); }}
            >
              <option value="">As below for all</option>{Object.entries(TRANSFER).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
            </select>
          )}</Field></div>
        </>
      )}
      <div className="mt-2">
        <Toggle checked={Boolean(rung.when)} disabled={disabled} onChange={(on) => { const { when: _when, ...rest } = rung; onChange((on ? { ...rest, when: freshSchedule() } : rest) as Rung); }}>Only at certain times</Toggle>
        {rung.when && <ScheduleFields value={rung.when} at={`${at}.when`} disabled={disabled} onChange={(when) => onChange({ ...rung, when })} />}
      </div>
      <FaultLine at={at} />
    </>
  );
}
