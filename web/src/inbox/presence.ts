// Who else looks at a conversation, told every now and then.

import { useCallback, useEffect, useRef } from "react";
import { api } from "@/api/client";
import { usePassing } from "@/live/LiveProvider";
import { useMe } from "@/session/session";

// The server forgets somebody after 30 s without a word.
const BEAT_MS = 10_000;
const TYPING_MS = 4_000;

export function usePresence(id: string) {
  const me = useMe();
  const { viewers } = usePassing(id);
  const typed = useRef(0);
  const tell = useCallback((here: boolean) => {
    const typing = here && Date.now() - typed.current < TYPING_MS;
    const body = { teammate: me.name, here, typing };
    void api.POST("/api/v1/conversations/{id}/presence", { params: { path: { id } }, body, keepalive: !here }).catch(() => {});
  }, [id, me.name]);
  useEffect(() => {
    tell(true);
    const beat = setInterval(() => tell(true), BEAT_MS);
    return () => {
      clearInterval(beat);
      tell(false);
    };
  }, [tell]);
  const typing = useCallback(() => {
    const before = typed.current;
    typed.current = Date.now();
    if (typed.current - before > TYPING_MS) tell(true);
  }, [tell]);
  return { others: viewers.filter(({ teammate }) => teammate !== me.name), typing };
}
