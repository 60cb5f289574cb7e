// The small parts that everything is made of.

import { type ButtonHTMLAttributes, type ReactNode, useEffect, useId, useState } from "react";
import { inWords } from "@/api/client";
import { Icon, type IconName } from "./icons";
import { clock, full, shortDay } from "./time";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: "main" | "plain" | "quiet" | "danger";
  icon?: IconName;
  small?: boolean;
  /** An order is on its way. */
  busy?: boolean;
};

export function Button({ look = "plain", icon, small, busy, className = "", children, ...rest }: ButtonProps) {
  const alone = icon && !children ? "btn-icon" : "";
  return (
    <button
      type="button" {...rest} disabled={rest.disabled || busy} aria-busy={busy || undefined}
      className={`btn btn-${look} ${small ? "btn-small" : ""} ${alone} ${className}`}
    >
      {icon && <Icon name={icon} size={small ? 15 : 17} />}
      {children}
    </button>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad" | "accent";
const TONES: Record<Tone, string> = {
  plain: "bg-sunken text-soft", good: "bg-good-bg text-good", warn: "bg-warn-bg text-warn", bad: "bg-bad-bg text-bad",
  accent: "bg-tint text-accent",
};

export function Pill({ tone = "plain", children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span title={title} className={`inline-flex max-w-full items-center gap-1 truncate rounded px-1.5 text-2xs leading-[1.15rem] font-medium ${TONES[tone]}`}>
      {children}
    </span>
  );
}

/** A moment, by the viewer's clock. */
export function When({ ms, className = "" }: { ms: number; className?: string }) {
  const today = new Date(ms).toDateString() === new Date().toDateString();
  return (
    <time dateTime={new Date(ms).toISOString()} title={full.format(ms)} className={className}>
      {(today ? clock : shortDay).format(ms)}
    </time>
  );
}

/** Says what is not there, and what to do about it. */
export function Empty({ icon, title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="m-auto flex max-w-sm flex-col items-center gap-2 px-6 py-12 text-center">
      {icon && <span className="mb-1 grid size-11 place-items-center rounded-full bg-tint text-accent"><Icon name={icon} size={22} /></span>}
      <p className="text-base font-semibold">{title}</p>
      <div className="text-soft text-pretty">{children}</div>
    </div>
  );
}

export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="m-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-md bg-bad-bg px-3 py-2 text-bad">
      <span className="min-w-0 flex-1">{inWords(error)}</span>
      {retry && <Button small onClick={retry}>Try again</Button>}
    </div>
  );
}

/** Grey rows where text will be; said to readers once. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3 p-4">
      {Array.from({ length: rows }, (_, at) => <div key={at} className="pulse h-9 rounded-md bg-sunken" />)}
    </div>
  );
}

type FieldProps = { label: string; hint?: ReactNode; error?: ReactNode; children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode };

/** A label, its field, and what is wrong with it. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const told = error || hint ? `${id}-told` : undefined;
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="label">{label}</label>
      {children({ id, "aria-describedby": told, ...(error ? { "aria-invalid": true as const } : {}) })}
      {error ? <p id={told} className="mt-1 text-xs text-bad">{error}</p> : hint && <p id={told} className="mt-1 text-xs text-soft">{hint}</p>}
    </div>
  );
}

export function Toggle({ checked, onChange, disabled, children }: { checked: boolean; onChange: (on: boolean) => void; disabled?: boolean; children: ReactNode }) {
  return (
    <label className="tap flex items-center gap-2.5">
      <input type="checkbox" className="size-4 accent-[var(--accent)] max-md:size-5" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
      <span>{children}</span>
    </label>
  );
}

export function Avatar({ name, machine }: { name: string; machine?: boolean }) {
  const letters = name.split(/\s+/).filter((word) => /\p{L}/u.test(word)).slice(0, 2).map((word) => word.match(/\p{L}/u)![0]).join("");
  return (
    <span aria-hidden="true" className={`grid size-7 shrink-0 place-items-center rounded-full text-2xs font-semibold uppercase ${machine ? "bg-tint text-accent" : "bg-sunken text-soft"}`}>
      {machine ? <Icon name="bot" size={16} /> : letters || <Icon name="person" size={15} />}
    </span>
  );
}

/** Seconds that go on counting while something lasts. */
export function Since({ ms }: { ms: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const beat = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(beat);
  }, []);
  return <span className="tabular-nums">{span(now - ms)}</span>;
}

export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(seconds % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
