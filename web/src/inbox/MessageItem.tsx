// One message, with why it was said.

import { Link } from "@tanstack/react-router";
import type { Message } from "@/api/types";
import { heardParts } from "@/calls/heard";
import { LatencyBar } from "@/calls/LatencyBar";
import { spokenAt } from "@/calls/spoken";
import { Pill } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { exact, full } from "@/ui/time";
import { Attachments } from "./Attachments";
import { isSending } from "./queries";
import { VERDICT } from "./words";

type Props = { message: Message; live?: boolean; playing?: boolean; onSeek?: (atMs: number) => void };

const LOOKS: Record<Message["author"], { side: string; bubble: string; who: string }> = {
  customer: { side: "items-start", bubble: "bg-surface border border-line rounded-bl-md", who: "Customer" },
  agent: { side: "items-end", bubble: "bg-ours rounded-br-md", who: "Agent" },
  teammate: { side: "items-end", bubble: "bg-accent text-on-accent rounded-br-md", who: "Teammate" },
  draft: { side: "items-end", bubble: "border border-dashed border-edge text-soft rounded-br-md", who: "Draft" },
  note: { side: "items-stretch", bubble: "bg-note border border-note-line !max-w-full", who: "Note" },
};
const DRAFTS = { waiting: "waits", approved: "approved", discarded: "discarded", outdated: "outdated by what came after" } as const;
const DELIVERY = { queued: "queued", sent: "", delivered: "delivered", read: "read", failed: "could not be delivered" } as const;

export function MessageItem({ message, live, playing, onSeek }: Props) {
  const { author, by, at_ms: at, draft, delivery } = message;
  const look = LOOKS[author];
  const name = by ? (author === "agent" ? `Agent, approved by ${by}` : author === "note" ? `Note by ${by}` : by) : look.who;
  const told = isSending(message.id) ? "sending…" : [draft && author === "draft" && DRAFTS[draft], delivery && DELIVERY[delivery]].filter(Boolean).join(", ");
  return (
    <article className={`flex flex-col gap-0.5 ${look.side} ${isSending(message.id) ? "opacity-70" : ""}`}>
      <p className="flex items-center gap-1.5 px-1 text-2xs text-soft">
        {author === "agent" && <Icon name="bot" size={13} />}{author === "note" && <Icon name="note" size={13} />}
        <span>{name}</span>
        {onSeek
          ? <button type="button" className="min-h-6 min-w-6 tabular-nums hover:text-accent hover:underline" title="Play from here" onClick={() => onSeek(spokenAt(message))}>{exact.format(at)}</button>
          : <time dateTime={new Date(at).toISOString()} title={full.format(at)} className="tabular-nums">{exact.format(at)}</time>}
        {told && <span className={delivery === "failed" ? "text-bad" : ""}>{told}</span>}
      </p>
      <div className={`prose-text max-w-[85%] rounded-2xl px-3.5 py-2 ${look.bubble} ${playing ? "outline-2 outline-offset-1 outline-accent" : ""}`}>
        <Said message={message} live={live} />
        <Attachments files={message.attachments} />
      </div>
      <Why message={message} />
      {message.timings_ms?.reply_gap != null && <LatencyBar timings={message.timings_ms} />}
    </article>
  );
}

/** Of what the agent meant to say, the part that nobody heard is struck out. */
function Said({ message: { author, text, heard_text: heard }, live }: { message: Message; live?: boolean }) {
  if (author !== "agent" || heard == null || heard === text) {
    const saying = author === "agent" && heard === null && live;
    return <>{text}{saying && <em className="pulse ml-2 text-xs text-soft">being said…</em>}</>;
  }
  const parts = heardParts(text, heard);
  return (
    <>
      {parts.heard}<s className="text-soft">{parts.unheard}</s>
      <span className="ml-2 inline-block rounded bg-warn-bg px-1.5 text-2xs text-warn">{parts.heard ? "interrupted here" : "not heard"}</span>
    </>
  );
}

function Why({ message: { verdict, confidence, reason, sources } }: { message: Message }) {
  if (!verdict) return null;
  const [word, tone] = VERDICT[verdict];
  return (
    <details className="max-w-[85%] px-1 text-2xs text-soft">
      <summary className="tap flex min-h-6 list-none flex-wrap items-center gap-x-2 gap-y-0.5 [&::-webkit-details-marker]:hidden">
        <Pill tone={tone}>{word}</Pill>
        {confidence != null && <span>{Math.round(confidence * 100)} % sure</span>}
        {reason && <span>{reason}</span>}
        {sources.length > 0 && <span className="underline decoration-dotted underline-offset-2">{sources.length === 1 ? "1 source" : `${sources.length} sources`}</span>}
      </summary>
      {sources.length > 0 && (
        <ul className="mt-1 flex flex-col gap-1 border-l-2 border-line pl-2">
          {sources.map((source) => (
            <li key={source.entry}>
              {source.article ? <Link to="/knowledge/articles/$id" params={{ id: source.article.id }} className="link">{source.question}</Link> : source.question}
              {" "}<span className="tabular-nums">({source.source}, {source.score.toFixed(2)})</span>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
