// One's own place on a live call: listening, speaking, or having taken it over. It stays while one walks through the
// console, and a line above every page says so.

import { Link } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useRef, useState } from "react";
import { api, got, inWords } from "@/api/client";
import type { LiveCall, SupervisionMode } from "@/api/types";
import { useMe } from "@/session/session";
import { Button } from "@/ui/basics";
import { BrowserCall, type CallState, isOver } from "./browserCall";

type Place = { call: string; conversation: string };
type Listening = {
  place: Place | null;
  state: CallState | null;
  trouble: string;
  join: (call: LiveCall, mode: SupervisionMode) => void;
  takeOver: (call: LiveCall) => void;
  leave: () => void;
  mute: (muted: boolean) => void;
};
const Context = createContext<Listening | null>(null);

export function ListeningProvider({ children }: { children: ReactNode }) {
  const me = useMe();
  const queries = useQueryClient();
  const voice = useRef<HTMLAudioElement>(null);
  const line = useRef<BrowserCall>(null);
  const [place, setPlace] = useState<Place | null>(null);
  const [state, setState] = useState<CallState | null>(null);
  const [trouble, setTrouble] = useState("");
  // Programs and this machine say for whom they act; people are known.
  const teammate = me.account ? null : me.name;

  useEffect(() => {
    const end = () => line.current?.release();
    const network = () => void line.current?.reconnect();
    addEventListener("pagehide", end);
    addEventListener("online", network);
    return () => {
      removeEventListener("pagehide", end);
      removeEventListener("online", network);
      line.current?.hangUp();
    };
  }, []);

  async function come(call: LiveCall, open: (offer: string) => Promise<{ media?: string | null; answer?: string | null }>) {
    line.current?.hangUp();
    setTrouble("");
    const mine: BrowserCall = new BrowserCall(voice.current!, (now) => {
      if (line.current !== mine) return;
      setState(now);
      if (isOver(now.phase)) setPlace(null);
    }, async (offer) => {
      const { media, answer } = await open(offer);
      return { path: media ?? undefined, sdp: answer ?? "" };
    });
    line.current = mine;
    setPlace({ call: call.id, conversation: call.conversation });
    try {
      await mine.place();
    } catch (error) {
      setPlace(null);
      setTrouble(inWords(error));
    }
    void queries.invalidateQueries({ queryKey: ["calls"] });
  }

  const listening: Listening = {
    place, state, trouble,
    join: (call, mode) => void come(call, (offer) => got(api.POST("/api/v1/calls/{id}/supervision", {
      params: { path: { id: call.id } }, body: { via: "browser", mode, offer, teammate },
    }))),
    takeOver: (call) => void come(call, (offer) => got(api.POST("/api/v1/calls/{id}/take-over", {
      params: { path: { id: call.id } }, body: { via: "browser", offer, teammate },
    }))),
    leave: () => line.current?.hangUp(),
    mute: (muted) => line.current?.mute(muted),
  };
  return (
    <Context value={listening}>
      {children}
      <audio ref={voice} autoPlay />
    </Context>
  );
}

export function useListening(): Listening {
  const listening = use(Context);
  if (!listening) throw new Error("live calls are joined inside of ListeningProvider alone");
  return listening;
}

/** Says on every page that one is on a call. */
export function OnTheCall() {
  const { place, state, leave, mute } = useListening();
  if (!place || !state) return null;
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-tint px-4 py-1.5">
      <span className="min-w-0 flex-1">
        {state.phase === "live" ? "You are on a live call. " : "Joining the call… "}
        <Link to="/support/$id" params={{ id: place.conversation }} className="underline">Show it</Link>
      </span>
      <Button small icon="mic" aria-pressed={state.muted} onClick={() => mute(!state.muted)}>{state.muted ? "Unmute" : "Mute"}</Button>
      <Button small look="danger" icon="hangup" onClick={leave}>Leave</Button>
    </div>
  );
}
