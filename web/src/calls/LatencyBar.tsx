// How long the caller waited for a reply, and on what.

import type { Timings } from "@/api/types";

// A second is what a caller would call slow; the marks are the aims for the median and the slowest.
const SCALE_MS = 1_000;
const MARKS_MS = [300, 600];

type Part = { name: string; ms: number; color: string };

/** The parts that took time of the gap, in order; the rest is what none of them accounts for. Pure, for tests. */
export function parts({ end_of_turn, recognition, desk, synthesis, prepared, reply_gap }: Timings): Part[] {
  const total = reply_gap ?? 0;
  // What was prepared before the end of the turn was certain took none of it.
  const all: [string, number | null | undefined, string][] = prepared
    ? [["end of turn", end_of_turn, "bg-soft/50"]]
    : [["end of turn", end_of_turn, "bg-soft/50"], ["recognition", recognition, "bg-accent/45"], ["desk", desk, "bg-accent/70"], ["synthesis", synthesis, "bg-accent"]];
  const shown: Part[] = [];
  let used = 0;
  for (const [name, ms, color] of all) {
    const width = Math.min(ms ?? 0, total - used);
    if (width <= 0) continue;
    used += width;
    shown.push({ name, ms: width, color });
  }
  if (total - used > 0.5) shown.push({ name: "rest", ms: total - used, color: "bg-warn/40" });
  return shown;
}

export function LatencyBar({ timings }: { timings: Timings }) {
  const total = timings.reply_gap ?? 0;
  const scale = Math.max(SCALE_MS, total);
  const shown = parts(timings);
  const words = shown.map(({ name, ms }) => `${name} ${Math.round(ms)} ms`).join(", ");
  const tone = total > 600 ? "text-warn" : "text-soft";
  return (
    <details className="w-60 max-w-[85%] px-1 text-2xs">
      <summary className={`tap flex min-h-6 list-none items-center gap-2 [&::-webkit-details-marker]:hidden ${tone}`} title={`Answered after ${Math.round(total)} ms: ${words}. Marks at 300 and 600 ms.`}>
        <span className="w-14 text-right tabular-nums">{Math.round(total)} ms</span>
        <span className="relative flex h-1.5 flex-1 overflow-hidden rounded-full bg-sunken" role="img" aria-label={`Answered after ${Math.round(total)} milliseconds: ${words}`}>
          {shown.map(({ name, ms, color }) => <span key={name} className={color} style={{ width: `${(ms / scale) * 100}%` }} />)}
          {MARKS_MS.map((at) => <span key={at} className="absolute inset-y-0 w-px bg-ink/40" style={{ left: `${(at / scale) * 100}%` }} />)}
        </span>
      </summary>
      <ul className="mt-1 flex flex-wrap gap-x-3 text-soft">
        {shown.map(({ name, ms, color }) => <li key={name} className="flex items-center gap-1"><i className={`size-2 rounded-full ${color}`} />{name} {Math.round(ms)} ms</li>)}
        {timings.prepared && <li>prepared before the end was certain</li>}
        {timings.buffer != null && <li>buffer before it {Math.round(timings.buffer)} ms</li>}
      </ul>
    </details>
  );
}
