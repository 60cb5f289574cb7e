import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Pill, Since, When } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { conversationQuery } from "./queries";
import { gistOf, goesOn, nameOf, type Row } from "./names";
import { OUTCOME, STATUS } from "./words";

/** One conversation in the list. */
export const ConversationRow = memo(function ConversationRow({ one }: { one: Row }) {
  const queries = useQueryClient();
  // Whoever points at it will most likely open it: then it is there at once.
  const read = () => void queries.prefetchQuery(conversationQuery(one.id));
  const live = goesOn(one);
  const [status, tone] = STATUS[one.status];
  const outcome = one.call?.outcome ? OUTCOME[one.call.outcome] : undefined;
  return (
    <Link
      to="/support/$id" params={{ id: one.id }} search={({ side: _side, ...search }) => search} data-row={one.id} onPointerEnter={read} onFocus={read}
      className="block h-full border-b border-line px-4 py-2.5 hover:bg-sunken focus-visible:-outline-offset-2"
      activeProps={{ className: "bg-tint hover:!bg-tint shadow-[inset_3px_0_var(--accent)]" }}
    >
      <span className="flex items-center gap-2">
        <Icon name={one.channel === "phone" ? "phone" : "inbox"} size={15} className={live ? "pulse text-accent" : "text-soft"} aria-label={one.channel === "phone" ? "Call" : "Message"} />
        <span className="min-w-0 flex-1 truncate font-semibold">{nameOf(one)}</span>
        <span className="text-xs text-soft tabular-nums">
          {live ? <Since ms={one.call!.answered_at_ms ?? one.call!.started_at_ms} /> : <When ms={one.created_at_ms} />}
        </span>
      </span>
      <span className="mt-0.5 line-clamp-1 text-soft [overflow-wrap:anywhere]">{gistOf(one) || " "}</span>
      <span className="mt-1 flex items-center gap-1.5 overflow-hidden">
        {live && <Pill tone="accent">{one.call!.answered_at_ms == null ? "Ringing" : "On the line"}</Pill>}
        {!live && <Pill tone={tone}>{status}</Pill>}
        {outcome && outcome[0] !== status && <Pill tone={outcome[1]}>{outcome[0]}</Pill>}
        {one.preview && <Pill>Test</Pill>}
        {one.tags.slice(0, 3).map(({ name }) => <Pill key={name}>{name}</Pill>)}
        <span className="flex-1" />
        {one.assignee && <span className="truncate text-2xs text-soft">{one.assignee}</span>}
      </span>
    </Link>
  );
});
