// What was said and what was done, in order.

import { Fragment } from "react";
import type { Conversation, Event, Message } from "@/api/types";
import { spokenAt } from "@/calls/spoken";
import { goesOn } from "./names";
import type { Acts } from "./acts";
import { DraftCard } from "./DraftCard";
import { MessageItem } from "./MessageItem";
import { clock, longDay } from "@/ui/time";
import { event as eventWords } from "./words";

type Props = {
  one: Conversation; events: Event[]; hearing?: string; acts: Acts;
  /** Messages chosen to be split off; `null` while none are to be. */
  picked: Set<string> | null; onPick: (picked: Set<string>) => void;
  /** Where the recording is, in epoch milliseconds, while it plays. */
  playedMs: number | null; onSeek?: (atMs: number) => void;
};
type Entry = { at: number; key: string; message?: Message; line?: string };

export function Messages({ one, events, hearing, acts, picked, onPick, playedMs, onSeek }: Props) {
  const entries = inOrder(one.messages, events);
  const live = goesOn(one);
  const playing = playedMs === null ? undefined : one.messages.findLast((message) => spokenAt(message) <= playedMs)?.id;
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    onPick(next);
  };
  let day = "";
  return (
    <div role="log" aria-label="Messages"><ol className="flex flex-col gap-3">
      {entries.map(({ at, key, message, line }) => {
        const today = new Date(at).toDateString();
        const begins = today !== day;
        day = today;
        return (
          <Fragment key={key}>
            {begins && <li className="my-1 text-center text-2xs font-medium text-soft">{longDay.format(at)}</li>}
            {line !== undefined && <li className="text-center text-2xs text-soft">{line} · <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time></li>}
            {message && (picked
              ? <li><label className={`flex items-start gap-3 rounded-lg p-1 ${picked.has(message.id) ? "bg-tint" : ""}`}>
                  <input type="checkbox" className="mt-3 size-5 accent-[var(--accent)]" checked={picked.has(message.id)} onChange={() => toggle(message.id)} aria-label={`Choose: ${message.text.slice(0, 80)}`} />
                  <div className="min-w-0 flex-1"><MessageItem message={message} /></div>
                </label></li>
              : message.author === "draft" && message.draft === "waiting"
                ? <li><DraftCard draft={message} acts={acts} closed={Boolean(one.merged_into)} /></li>
                : <li><MessageItem message={message} live={live} playing={message.id === playing} onSeek={onSeek} /></li>)}
          </Fragment>
        );
      })}
      {live && hearing && (
        <li aria-live="off" className="flex flex-col items-start gap-0.5">
          <span className="text-2xs text-soft">The customer is speaking</span>
          <p className="pulse max-w-[85%] rounded-2xl rounded-bl-md border border-dashed border-edge px-3.5 py-2 italic">{hearing}</p>
        </li>
      )}
    </ol></div>
  );
}

/** Messages and what was done beside them, by time. */
export function inOrder(messages: Message[], events: Event[]): Entry[] {
  const entries: Entry[] = messages.map((message) => ({ at: message.at_ms, key: message.id, message }));
  for (const { act, actor, at_ms, version } of events) {
    const line = eventWords(act, actor);
    if (line) entries.push({ at: at_ms, key: `v${version}`, line });
  }
  return entries.sort((a, b) => a.at - b.at);
}
