// When something holds: weekly hours in a time zone, and days that differ.

import type { Schedule } from "@/api/types";
import { Field } from "@/ui/basics";
import { FaultLine, useFault } from "./faults";
import { LinesField } from "./LinesField";

const ZONES = (Intl as { supportedValuesOf?: (key: string) => string[] }).supportedValuesOf?.("timeZone") ?? [];
export const freshSchedule = (): Schedule => ({ time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", hours: ["Mon-Fri 09:00-17:00"] });

type Props = { value: Schedule; at: string; disabled?: boolean; onChange: (value: Schedule) => void };

export function ScheduleFields({ value, at, disabled, onChange }: Props) {
  const zone = useFault(`${at}.time_zone`);
  return (
    <div className="mt-2 grid gap-3 rounded-md bg-sunken p-3 sm:grid-cols-2">
      <Field label="Time zone" error={zone}>{(ids) => (
        <>
          <input {...ids} className="input" list={`${ids.id}-zones`} disabled={disabled} value={value.time_zone} onChange={(event) => onChange({ ...value, time_zone: event.target.value })} />
          <datalist id={`${ids.id}-zones`}>{ZONES.map((name) => <option key={name} value={name} />)}</datalist>
        </>
      )}</Field>
      <LinesField label="Weekly hours" hint="None: always, but for the days below." placeholder="Mon-Fri 09:00-17:00" value={value.hours} at={`${at}.hours`} disabled={disabled} onChange={(hours) => onChange({ ...value, hours })} />
      <LinesField label="Closed days" placeholder="2026-12-25" value={value.closed ?? []} at={`${at}.closed`} disabled={disabled} onChange={(closed) => onChange({ ...value, closed })} />
      <LinesField label="Open all day" placeholder="2026-12-06" value={value.open ?? []} at={`${at}.open`} disabled={disabled} onChange={(open) => onChange({ ...value, open })} />
      <div className="sm:col-span-2"><FaultLine at={at} /></div>
    </div>
  );
}
