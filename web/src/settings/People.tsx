// Who can be rung, and who is on duty when.

import type { Person, Policy, Rota } from "@/api/types";
import { Button, Field, Toggle } from "@/ui/basics";
import { FaultLine, useFault } from "./faults";
import { LinesField } from "./LinesField";
import { changed, moved, without } from "./lists";
import { freshSchedule, ScheduleFields } from "./ScheduleFields";

type Props = { policy: Policy; disabled: boolean; onChange: (policy: Policy) => void };

/** A name as an id: "Anna Berg" is anna-berg. */
export const idOf = (name: string): string => name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40);

export function People({ policy, disabled, onChange }: Props) {
  const set = (people: Person[]) => onChange({ ...policy, people });
  return (
    <>
      <ul className="flex flex-col gap-3">
        {policy.people.map((person, at) => <PersonCard key={at} person={person} at={`people[${at}]`} disabled={disabled} onChange={(next) => set(changed(policy.people, at, next))} onRemove={() => set(without(policy.people, at))} />)}
      </ul>
      <FaultLine at="people" />
      {!disabled && <Button icon="plus" className="mt-3" onClick={() => set([...policy.people, { id: "", name: "", destinations: [] }])}>Add a person</Button>}
    </>
  );
}

function PersonCard({ person, at, disabled, onChange, onRemove }: { person: Person; at: string; disabled: boolean; onChange: (next: Person) => void; onRemove: () => void }) {
  const [name, id] = [useFault(`${at}.name`), useFault(`${at}.id`)];
  // The id follows the name until it was given one of its own.
  const follows = person.id === idOf(person.name);
  return (
    <li className="card p-3">
      <div className="grid gap-3 sm:grid-cols-[1fr_10rem_1fr_auto]">
        <Field label="Name" error={name}>{(ids) => <input {...ids} className="input" disabled={disabled} value={person.name} onChange={(event) => onChange({ ...person, name: event.target.value, ...(follows ? { id: idOf(event.target.value) } : {}) })} />}</Field>
        <Field label="Id" error={id}>{(ids) => <input {...ids} className="input font-mono" disabled={disabled} value={person.id} onChange={(event) => onChange({ ...person, id: event.target.value })} />}</Field>
        <LinesField label="Telephones, first to last" placeholder="+49… or sip:…" value={person.destinations} at={`${at}.destinations`} disabled={disabled} onChange={(destinations) => onChange({ ...person, destinations })} />
        {!disabled && <Button look="quiet" icon="trash" className="sm:mt-5" aria-label={`Take ${person.name || "this person"} out`} onClick={onRemove} />}
      </div>
      <div className="mt-2"><Toggle checked={Boolean(person.do_not_disturb)} disabled={disabled} onChange={(do_not_disturb) => onChange({ ...person, do_not_disturb })}>Not to be disturbed at present</Toggle></div>
      <FaultLine at={at} />
    </li>
  );
}

export function Rotas({ policy, disabled, onChange }: Props) {
  const set = (rotas: Rota[]) => onChange({ ...policy, rotas });
  return (
    <>
      <ul className="flex flex-col gap-3">
        {policy.rotas.map((rota, at) => (
          <RotaCard key={at} rota={rota} at={`rotas[${at}]`} people={policy.people} disabled={disabled} onChange={(next) => set(changed(policy.rotas, at, next))} onRemove={() => set(without(policy.rotas, at))} />
        ))}
      </ul>
      <FaultLine at="rotas" />
      {!disabled && <Button icon="plus" className="mt-3" disabled={!policy.people.length} title={policy.people.length ? undefined : "Add a person first"} onClick={() => set([...policy.rotas, { id: "", shifts: [] }])}>Add a rota</Button>}
    </>
  );
}

type RotaProps = { rota: Rota; at: string; people: Person[]; disabled: boolean; onChange: (next: Rota) => void; onRemove: () => void };

function RotaCard({ rota, at, people, disabled, onChange, onRemove }: RotaProps) {
  const id = useFault(`${at}.id`);
  const set = (shifts: Rota["shifts"]) => onChange({ ...rota, shifts });
  return (
    <li className="card p-3">
      <div className="flex items-start gap-2">
        <div className="flex-1"><Field label="Id" error={id} hint="Of the shifts that are open, the first is on duty.">{(ids) => <input {...ids} className="input font-mono" disabled={disabled} value={rota.id} placeholder="night" onChange={(event) => onChange({ ...rota, id: event.target.value })} />}</Field></div>
        {!disabled && <Button look="quiet" icon="trash" className="mt-5" aria-label={`Take rota ${rota.id} out`} onClick={onRemove} />}
      </div>
      <ol className="mt-3 flex flex-col gap-3">
        {rota.shifts.map((shift, index) => (
          <li key={index} className="border-l-2 border-line pl-3">
            <div className="flex items-center gap-2">
              <select aria-label={`Who has shift ${index + 1}`} className="input flex-1" disabled={disabled} value={shift.person} onChange={(event) => set(changed(rota.shifts, index, { ...shift, person: event.target.value }))}>
                {!people.some((one) => one.id === shift.person) && <option value={shift.person}>{shift.person || "Choose a person"}</option>}
                {people.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
              </select>
              {!disabled && (
                <>
                  <Button look="quiet" icon="up" aria-label={`Move shift ${index + 1} up`} disabled={index === 0} onClick={() => set(moved(rota.shifts, index, index - 1))} />
                  <Button look="quiet" icon="trash" aria-label={`Take shift ${index + 1} out`} onClick={() => set(without(rota.shifts, index))} />
                </>
              )}
            </div>
            <ScheduleFields value={shift.when} at={`${at}.shifts[${index}].when`} disabled={disabled} onChange={(when) => set(changed(rota.shifts, index, { ...shift, when }))} />
            <FaultLine at={`${at}.shifts[${index}].person`} />
          </li>
        ))}
      </ol>
      {!disabled && <Button small icon="plus" className="mt-2" onClick={() => set([...rota.shifts, { person: people[0]?.id ?? "", when: freshSchedule() }])}>Add a shift</Button>}
      <FaultLine at={at} /><FaultLine at={`${at}.shifts`} />
    </li>
  );
}
