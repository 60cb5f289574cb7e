// One conversation: its head, what was said, where one writes, and what belongs to it.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { Refusal } from "@/api/client";
import type { Conversation, Event } from "@/api/types";
import { CallCard } from "@/calls/CallCard";
import { usePassing } from "@/live/LiveProvider";
import { useMe } from "@/session/session";
import { Button, Empty, Loading, Trouble } from "@/ui/basics";
import { useShortcuts } from "@/ui/shortcuts";
import { type Acts, useActs } from "./acts";
import { Composer, type ComposerHandle } from "./Composer";
import { Details } from "./Details";
import { type Asking, Dialogs } from "./Dialogs";
import { Messages } from "./Messages";
import { nameOf, goesOn } from "./names";
import { usePresence } from "./presence";
import { conversationQuery, eventsQuery } from "./queries";
import { ThreadHead } from "./ThreadHead";

export function ThreadPane() {
  const { id } = useParams({ from: "/frame/support/$id" });
  const query = useQuery(conversationQuery(id));
  if (query.isPending) return <div className="flex-1 bg-paper"><Loading rows={6} /></div>;
  if (query.isError && !query.data) {
    const gone = query.error instanceof Refusal && query.error.status === 404;
    return gone
      ? <Empty icon="question" title="There is no such conversation">It was deleted, or it is in an inbox that is not yours.</Empty>
      : <div className="flex-1"><Trouble error={query.error} retry={() => void query.refetch()} /></div>;
  }
  return <Thread key={id} one={query.data!} />;
}

function Thread({ one }: { one: Conversation }) {
  const { side } = useSearch({ from: "/frame/support" });
  const go = useNavigate({ from: "/support/$id" });
  const acts = useActs(one);
  const [asking, setAsking] = useState<Asking>(null);
  const [picked, setPicked] = useState<Set<string> | null>(null);
  const composer = useRef<ComposerHandle>(null);
  const events = useQuery(eventsQuery(one.id, one.version)).data?.events ?? [];
  useMovedMessages(one.id, events);
  const { hearing } = usePassing(one.id);
  const { others, typing } = usePresence(one.id);
  const log = useStickToEnd(one, hearing);
  const player = useRef<{ seek: (atMs: number) => void } | null>(null);
  const [playedMs, setPlayedMs] = useState<number | null>(null);
  useThreadKeys(one, acts, setAsking, composer);
  useEffect(() => { document.title = `${nameOf(one)} · Switchboard`; return () => { document.title = "Switchboard"; }; }, [one]);
  const seek = useCallback((atMs: number) => player.current?.seek(atMs), []);
  const showSide = (on: boolean) => void go({ search: (now) => ({ ...now, side: on || undefined }) });

  return (
    <>
      <section aria-label="Conversation" className={`flex min-h-0 min-w-0 flex-1 flex-col ${side ? "max-lg:hidden" : ""}`}>
        <ThreadHead one={one} acts={acts} others={others} onAsk={setAsking} onSide={() => showSide(true)} onSplit={() => setPicked(new Set())} />
        <div ref={log.box} onScroll={log.onScroll} className="scroll min-h-0 flex-1" tabIndex={0} role="region" aria-label="What was said">
          <div className="mx-auto flex w-full max-w-3xl flex-col gap-3 px-4 py-4">
            {one.call && <CallCard one={one} player={player} onPlayed={setPlayedMs} />}
            <Messages one={one} events={events} hearing={hearing} acts={acts} picked={picked} onPick={setPicked} playedMs={playedMs} onSeek={one.call?.recordings.length ? seek : undefined} />
          </div>
        </div>
        {picked
          ? <SplitBar picked={picked} onCancel={() => setPicked(null)} onSplit={() => void acts.split([...picked]).then(() => setPicked(null), () => {})} />
          : <Composer ref={composer} one={one} acts={acts} onTyping={typing} />}
      </section>
      <Details one={one} acts={acts} shown={Boolean(side)} onClose={() => showSide(false)} onAsk={setAsking} />
      <Dialogs asking={asking} one={one} acts={acts} onClose={() => setAsking(null)} />
    </>
  );
}

function SplitBar({ picked, onCancel, onSplit }: { picked: Set<string>; onCancel: () => void; onSplit: () => void }) {
  return (
    <div className="flex flex-wrap items-center gap-2 border-t border-line bg-tint px-4 py-2.5">
      <p className="min-w-40 flex-1">{picked.size ? `${picked.size} chosen` : "Choose the messages of the other matter"}</p>
      <Button onClick={onCancel}>Cancel</Button>
      <Button look="main" icon="split" disabled={!picked.size} onClick={onSplit}>Move them out</Button>
    </div>
  );
}

/** Messages that were moved out or taken in, by whomever, are told by no event of their own: it is read again. */
function useMovedMessages(id: string, events: Event[]) {
  const queries = useQueryClient();
  const moved = events.findLast(({ act }) => act?.kind === "split" || act?.kind === "absorbed")?.version;
  const known = useRef<number | undefined | null>(null);
  useEffect(() => {
    // What was so when it was opened is in what was read.
    if (known.current !== null && known.current !== moved) void queries.invalidateQueries({ queryKey: ["conversation", id] });
    if (events.length) known.current = moved;
  }, [queries, id, moved, events.length]);
}

/** New words are followed while one reads at the end, and nobody is torn away who reads further up. */
function useStickToEnd(one: Conversation, hearing: string | undefined) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const last = one.messages.at(-1)?.id;
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [last, hearing, one.messages.length]);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 90;
  };
  return { box, onScroll };
}

function useThreadKeys(one: Conversation, acts: Acts, ask: (what: Asking) => void, composer: React.RefObject<ComposerHandle | null>) {
  const me = useMe();
  const go = useNavigate();
  const back = { keys: "u / Escape", does: "Back to the list", act: () => void go({ to: "/support", search: ({ side: _side, ...rest }) => rest }) };
  useShortcuts("Conversation", !me.may("work_cases") ? [back] : [
    { keys: "r", does: "Write a reply", act: () => composer.current?.write("reply") },
    { keys: "n", does: "Write a note", act: () => composer.current?.write("note") },
    { keys: "m", does: "Macros", act: () => ask("macros") },
    // A call that goes on is taken over on its card.
    ...(goesOn(one) ? [] : [{ keys: "t", does: one.handler === "human" ? "Give back to the agent" : "Take over", act: () => (one.handler === "human" ? acts.release() : acts.takeOver()) }]),
    { keys: "a", does: "Assign", act: () => ask("assign") },
    { keys: "l", does: "Tags", act: () => ask("tags") },
    { keys: "s", does: "Snooze", act: () => ask("snooze") },
    { keys: "e", does: one.status === "resolved" ? "Reopen" : "Resolve", act: () => (one.status === "resolved" ? acts.reopen() : acts.resolve()) },
    back,
  ]);
}
