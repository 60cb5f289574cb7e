// Calls one's own agent from the console, with what is said and how long each answer took.

import { Link } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { inWords } from "@/api/client";
import type { ConversationPage } from "@/api/types";
import { heardParts } from "@/calls/heard";
import { goesOn } from "@/inbox/names";
import { Button, Pill, Since, type Tone } from "@/ui/basics";
import { BrowserCall, type CallState, isOver, type Phase, type SpokenTurn } from "./browserCall";
import { useDock } from "./Dock";

const WORDS: Record<Phase, [string, Tone]> = {
  connecting: ["Connecting…", "warn"], ringing: ["Connecting…", "warn"], live: ["Connected", "good"],
  ended_by_us: ["The agent hung up", "plain"], ended_by_caller: ["You hung up", "plain"], refused: ["The call was not taken", "bad"],
  lost: ["The connection was lost", "bad"],
};
const KEYS = [..."123456789*0#"];

export default function CallPanel() {
  const dock = useDock();
  const voice = useRef<HTMLAudioElement>(null);
  const call = useRef<BrowserCall>(null);
  const [state, setState] = useState<CallState | null>(null);
  const [trouble, setTrouble] = useState("");
  const [keys, setKeys] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const on = state !== null && !isOver(state.phase);

  useEffect(() => {
    const end = () => call.current?.release();
    const network = () => void call.current?.reconnect();
    addEventListener("pagehide", end);
    addEventListener("online", network);
    return () => {
      removeEventListener("pagehide", end);
      removeEventListener("online", network);
      call.current?.hangUp();
    };
  }, []);
  useEffect(() => { if (box.current) box.current.scrollTop = box.current.scrollHeight; }, [state?.turns, state?.hearing]);

  async function place() {
    setTrouble("");
    setKeys(false);
    const placed = new BrowserCall(voice.current!, (now) => { if (call.current === placed) setState(now); });
    call.current = placed;
    setState(placed.state);
    try {
      await placed.place();
    } catch (error) {
      setState(null);
      setTrouble(inWords(error));
    }
  }

  const [word, tone] = state?.restarting ? (["Reconnecting…", "warn"] as const) : state ? WORDS[state.phase] : (["Not connected", "plain"] as const);
  return (
    <section aria-label="Call your agent" className="rise fixed inset-x-0 bottom-0 z-40 flex max-h-[85dvh] flex-col border-t border-line bg-surface shadow-2xl md:inset-x-auto md:right-4 md:bottom-4 md:h-[34rem] md:max-h-[calc(100dvh-2rem)] md:w-96 md:rounded-xl md:border">
      <header className="flex items-center gap-2 border-b border-line py-2 pr-2 pl-4">
        <h2 className="flex-1 truncate text-base font-semibold">Call your agent</h2>
        <span role="status"><Pill tone={tone}>{word}{state?.phase === "live" && state.liveAt !== null && <> · <Since ms={state.liveAt} /></>}</Pill></span>
        <Button look="quiet" icon="close" aria-label={on ? "Hang up and close" : "Close"} onClick={dock.hide} />
      </header>
      <audio ref={voice} autoPlay />
      <div ref={box} className="scroll min-h-40 flex-1 p-4" tabIndex={0} role="region" aria-label="What is said">
        {!state && !trouble && <p className="text-soft text-pretty">Speak with it as a customer would, through your microphone. Ask for the opening hours, or say that you want a person. The call appears in the inbox while it goes on.</p>}
        {trouble && <p role="alert" className="rounded-md bg-bad-bg px-3 py-2 text-bad">{trouble}</p>}
        {state && (
          <div role="log"><ol className="flex flex-col gap-2.5">
            {state.turns.map((turn) => <Turn key={turn.id} turn={turn} />)}
            {state.hearing && <li aria-live="off" className="pulse ml-auto max-w-[85%] rounded-2xl rounded-br-md border border-dashed border-edge px-3.5 py-2 italic">{state.hearing}</li>}
            {state.phase === "live" && !state.turns.length && !state.hearing && <li className="text-soft">The agent is about to speak.</li>}
          </ol></div>
        )}
      </div>
      {keys && on && (
        <div role="group" aria-label="Keypad" className="grid grid-cols-3 gap-1.5 border-t border-line p-3">
          {KEYS.map((key) => <Button key={key} className="h-11" aria-label={{ "*": "star", "#": "hash" }[key] ?? key} onClick={() => call.current?.key(key)}>{key}</Button>)}
        </div>
      )}
      <footer className="flex flex-wrap items-center gap-2 border-t border-line p-3 max-md:pb-[max(0.75rem,env(safe-area-inset-bottom))]">
        {on && state ? (
          <>
            <Button look="danger" icon="hangup" className="flex-1" onClick={() => call.current?.hangUp()}>Hang up</Button>
            <Button icon="mic" aria-pressed={state.muted} onClick={() => call.current?.mute(!state.muted)}>{state.muted ? "Unmute" : "Mute"}</Button>
            <Button icon="keypad" aria-label="Keypad" aria-expanded={keys} onClick={() => setKeys(!keys)} />
          </>
        ) : <Button look="main" icon="phone" className="flex-1 md:h-10" onClick={() => void place()}>{state || trouble ? "Call again" : "Call"}</Button>}
        <ToTheCall state={state} />
      </footer>
    </section>
  );
}

function Turn({ turn: { author, text, heard_text: heard, reply_gap_ms: gap } }: { turn: SpokenTurn }) {
  const mine = author === "customer";
  const parts = heardParts(text, author === "agent" ? heard : null);
  return (
    <li className={`flex max-w-[85%] flex-col ${mine ? "ml-auto items-end" : "items-start"}`}>
      <span className="px-1 text-2xs text-soft">{mine ? "You" : author === "agent" ? "Agent" : "Colleague"}{gap != null && <span className="tabular-nums"> · after {Math.round(gap)} ms</span>}</span>
      <p className={`prose-text rounded-2xl px-3.5 py-2 ${mine ? "rounded-br-md bg-accent text-on-accent" : "rounded-bl-md bg-sunken"}`}>
        {parts.heard}{parts.unheard && <s className="text-soft">{parts.unheard}</s>}
      </p>
    </li>
  );
}

/** The call's own place in the inbox. The page of a caller is not told it; the newest call of a browser is ours. */
function ToTheCall({ state }: { state: CallState | null }) {
  const queries = useQueryClient();
  if (!state || state.liveAt === null) return null;
  const began = state.liveAt;
  const lists = queries.getQueriesData<{ pages: ConversationPage[] }>({ queryKey: ["conversations"] });
  const all = lists.flatMap(([, list]) => list?.pages.flatMap((page) => page.conversations) ?? []);
  const mine = all.find((one) => one.call?.trunk === "browser" && Math.abs(one.call.started_at_ms - began) < 15_000 && (goesOn(one) || isOver(state.phase)));
  return mine ? <Link to="/support/$id" params={{ id: mine.id }} className="btn btn-plain max-md:hidden">Show it</Link> : null;
}
