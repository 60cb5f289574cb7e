// One live stream for the whole console. Lists and conversations in the cache follow it.

import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useRef, useState } from "react";
import { ask } from "@/api/client";
import type { Conversation, LiveEvent, Viewer } from "@/api/types";
import { useMe } from "@/session/session";
import { applied } from "./apply";
import { changeLists, readTops } from "./lists";
import { follow, type Line } from "./stream";

/** What is heard at the moment, and who looks on: by conversation. Lost with the page, as it should be. */
export type Passing = { hearing: Map<string, string>; viewers: Map<string, Viewer[]>; subscribe: (on: () => void) => () => void };

const LineContext = createContext<Line>("reconnecting");
const PassingContext = createContext<Passing | null>(null);

// Many events of one call, or a list whose filter only the server can judge, are read again once.
const REREAD_MS = 400;
// Who sees some inboxes alone gets no live events.
const POLL_MS = 8_000;

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const me = useMe();
  const [line, setLine] = useState<Line>("live");
  const [shownAgain, setShownAgain] = useState(0);
  const passing = useRef<Passing & { tell: () => void }>(null);
  if (!passing.current) {
    const listeners = new Set<() => void>();
    passing.current = {
      hearing: new Map(), viewers: new Map(),
      tell: () => listeners.forEach((on) => on()),
      subscribe: (on) => { listeners.add(on); return () => void listeners.delete(on); },
    };
  }

  useEffect(() => {
    const stop = new AbortController();
    const { hearing, viewers, tell } = passing.current!;
    let reread: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      clearTimeout(reread);
      reread = setTimeout(() => void readTops(queries), REREAD_MS);
    };
    function onEvent(event: LiveEvent | { kind: "missed" }) {
      if (event.kind === "missed") {
        void queries.invalidateQueries({ queryKey: ["conversation"] });
        return again();
      }
      const id = event.conversation_id;
      if (event.kind === "hearing") hearing.set(id, event.text);
      if (event.kind === "message" && event.message.author === "customer") hearing.delete(id);
      if (event.kind === "call_ended") hearing.delete(id);
      if (event.kind === "presence") viewers.set(id, event.viewers);
      if (event.kind === "hearing" || event.kind === "presence" || event.kind === "message" || event.kind === "call_ended") tell();
      queries.setQueryData<Conversation>(["conversation", id], (known) => known && applied(known, event));
      if (event.kind === "call_ended" || event.kind === "call_answered") void queries.invalidateQueries({ queryKey: ["conversation", id] });
      if (event.kind.startsWith("call_")) again();
      if (event.kind === "conversation" && changeLists(queries, event.conversation)) again();
    }

    if (me.everything) {
      void follow({
        open: (headers, signal) => ask("/api/v1/events", { headers, signal }),
        onLine: (now) => {
          setLine((before) => {
            if (now === "live" && before === "reconnecting") {
              again();
              void queries.invalidateQueries({ queryKey: ["conversation"] });
            }
            return now;
          });
        },
        onEvent: (event) => onEvent(event as LiveEvent), signal: stop.signal,
      });
    }
    // A page that a browser keeps for "back" would keep its connection too, of which there are only six for a host.
    const hide = () => stop.abort();
    const show = (event: PageTransitionEvent) => event.persisted && setShownAgain((times) => times + 1);
    addEventListener("pagehide", hide);
    addEventListener("pageshow", show);
    const poll = me.everything ? undefined : setInterval(() => {
      void readTops(queries);
      void queries.invalidateQueries({ queryKey: ["conversation"] });
    }, POLL_MS);
    if (shownAgain) onEvent({ kind: "missed" });
    return () => {
      stop.abort();
      removeEventListener("pagehide", hide);
      removeEventListener("pageshow", show);
      clearTimeout(reread);
      clearInterval(poll);
    };
  }, [queries, me.everything, shownAgain]);

  return <LineContext value={line}><PassingContext value={passing.current}>{children}</PassingContext></LineContext>;
}

export const useLine = (): Line => use(LineContext);

/** What passes in one conversation. */
export function usePassing(id: string): { hearing?: string; viewers: Viewer[] } {
  const passing = use(PassingContext)!;
  const [, draw] = useState(0);
  useEffect(() => passing.subscribe(() => draw((count) => count + 1)), [passing]);
  return { hearing: passing.hearing.get(id), viewers: passing.viewers.get(id) ?? [] };
}
