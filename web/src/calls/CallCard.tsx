// One card for a call, which changes in place: ringing, on the line, being handed over, ended with its recording.

import { lazy, type RefObject, Suspense, useState } from "react";
import type { Call, Conversation } from "@/api/types";
import { OUTCOME } from "@/inbox/words";
import { Pill, Since, span, type Tone } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { clock } from "@/ui/time";
import { Attempts } from "./Attempts";
import { LiveControls } from "./LiveControls";
import type { Mark, Seekable } from "./Player";

const Player = lazy(() => import("./Player"));
type Props = { one: Conversation; player: RefObject<Seekable | null>; onPlayed: (atMs: number | null) => void };

export function CallCard({ one, player, onPlayed }: Props) {
  const call = one.call!;
  const [word, tone, live] = stateOf(call);
  const [chosen, setChosen] = useState(0);
  const recording = call.recordings[chosen];
  const began = call.answered_at_ms ?? call.started_at_ms;
  const gaps = one.messages.flatMap(({ timings_ms: timings }) => timings?.reply_gap ?? []).sort((a, b) => a - b);
  return (
    <section aria-label="Call" className="card p-3 shadow-sm">
      <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
        <span className={`grid size-8 place-items-center rounded-full ${live ? "pulse bg-accent text-on-accent" : "bg-sunken text-soft"}`}><Icon name="phone" size={16} /></span>
        <span className="font-semibold">{call.trunk === "browser" ? "Call from a browser" : "Phone call"}</span>
        <Pill tone={tone}>{word}</Pill>
        <span className="text-soft tabular-nums">{live ? <Since ms={began} /> : `${clock.format(call.started_at_ms)}, ${span((call.ended_at_ms ?? began) - began)} long`}</span>
        {gaps.length > 0 && <span className="text-xs text-soft" title="Half of the replies came sooner">typical reply after {Math.round(gaps[Math.floor((gaps.length - 1) / 2)]!)} ms</span>}
      </p>
      {live && call.attempts.length > 0 && <div className="mt-3"><Attempts attempts={call.attempts} /></div>}
      {live && <LiveControls conversation={one.id} />}
      {!live && recording && (
        <div className="mt-3">
          {call.recordings.length > 1 && (
            <label className="mb-2 flex items-center gap-2 text-xs text-soft">Recording
              <select className="input !w-auto" value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
                {call.recordings.map(({ id, started_at_ms }, at) => <option key={id} value={at}>{at + 1}, from {clock.format(started_at_ms)}</option>)}
              </select>
            </label>
          )}
          <Suspense fallback={<div className="h-16" />}><Player key={recording.id} recording={recording} marks={marksOf(one)} player={player} onPlayed={onPlayed} /></Suspense>
        </div>
      )}
      {!live && !recording && <p className="mt-2 text-xs text-soft">It was not recorded.</p>}
    </section>
  );
}

/** What the call is at: for people, with its colour, and whether it goes on. */
export function stateOf(call: Call): [string, Tone, boolean] {
  if (call.ended_at_ms != null) {
    const [word, tone] = call.outcome ? OUTCOME[call.outcome] : (["Ended", "plain"] as const);
    return [word, tone, false];
  }
  if (call.answered_at_ms == null) return ["Ringing", "accent", true];
  const last = call.attempts.at(-1);
  if (last?.outcome === "accepted") return ["With a person", "good", true];
  if (last && last.outcome == null) return [`Ringing ${last.destination}`, "warn", true];
  return ["On the line", "accent", true];
}

/** Where the caller cut in, and where somebody was rung. */
export function marksOf(one: Conversation): Mark[] {
  const cut = one.messages.filter(({ author, text, heard_text: heard }) => author === "agent" && heard != null && heard !== text);
  return [
    ...cut.map(({ at_ms: atMs, heard_text: heard }): Mark => ({ atMs, kind: "interruption", name: heard ? `Interrupted after “${heard.slice(-40)}”` : "Not heard" })),
    ...(one.call?.attempts ?? []).map(({ started_at_ms: atMs, destination }): Mark => ({ atMs, kind: "transfer", name: `${destination} is rung` })),
  ];
}
