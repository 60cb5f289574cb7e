import { Link } from "@tanstack/react-router";
import type { Conversation, Viewer } from "@/api/types";
import { useMe } from "@/session/session";
import { Avatar, Button, Pill } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { Menu, type MenuItem } from "@/ui/Menu";
import type { Acts } from "./acts";
import type { Asking } from "./Dialogs";
import { gistOf, goesOn } from "./names";
import { useName } from "./useName";
import { STATUS } from "./words";

type Props = { one: Conversation; acts: Acts; others: Viewer[]; onAsk: (what: Asking) => void; onSide: () => void; onSplit: () => void };

export function ThreadHead({ one, acts, others, onAsk, onSide, onSplit }: Props) {
  const me = useMe();
  const works = me.may("work_cases") && !one.merged_into;
  const resolved = one.status === "resolved";
  const [status, tone] = STATUS[one.status];
  const name = useName(one);
  const human = one.handler === "human";
  // A call that goes on is taken over on its own card, by voice.
  const speaks = goesOn(one);
  const more: MenuItem[] = [
    { label: "Assign…", icon: "person", onPick: () => onAsk("assign") },
    { label: "Tags…", icon: "tag", onPick: () => onAsk("tags") },
    { label: "Snooze…", icon: "clock", onPick: () => onAsk("snooze") },
    { label: "Macros…", icon: "bolt", onPick: () => onAsk("macros") },
    "line",
    ...(me.everything ? [{ label: "Merge into another…", icon: "merge" as const, onPick: () => onAsk("merge") }] : []),
    ...(one.messages.length > 1 && !one.call ? [{ label: "Split messages off…", icon: "split" as const, onPick: onSplit }] : []),
  ];
  return (
    <header className="border-b border-line bg-surface px-2 py-2 md:px-4">
      <div className="flex items-center gap-2">
        <Link to="/support" search={({ side: _side, ...search }) => search} aria-label="Back to the list" className="btn btn-quiet btn-icon md:hidden"><Icon name="back" /></Link>
        <div className="min-w-0 flex-1">
          <div className="flex items-center gap-2">
            <h2 className="truncate text-base font-semibold">{name}</h2>
            <span className="max-sm:hidden"><Pill tone={tone}>{status}</Pill></span>
            {one.preview && <span className="max-sm:hidden"><Pill title="A test: it is in no figures">Test</Pill></span>}
          </div>
          <p className="truncate text-xs text-soft">
            <span className="sm:hidden">{status}{" · "}</span>
            {one.reason ? `A person is wanted: ${one.reason}` : human ? `With ${one.assignee ?? "a teammate"}` : one.handling ?? gistOf(one)}
          </p>
        </div>
        <Others others={others} />
        {works && (
          <div className="flex items-center gap-1.5">
            <span className="contents max-sm:hidden">
              {!speaks && (human
                ? <Button icon="bot" onClick={acts.release} title="Give back to the agent (t)">Release</Button>
                : <Button look={one.status === "needs_human" ? "main" : "plain"} icon="person" onClick={acts.takeOver} title="Take over (t)">Take over</Button>)}
            </span>
            <Button icon={resolved ? "undo" : "check"} onClick={resolved ? acts.reopen : acts.resolve} title={`${resolved ? "Reopen" : "Resolve"} (e)`} aria-label={resolved ? "Reopen" : "Resolve"} className="max-sm:w-11 max-sm:px-0">
              <span className="max-sm:hidden">{resolved ? "Reopen" : "Resolve"}</span>
            </Button>
            <Menu label="More to do" icon="more" items={more} />
          </div>
        )}
        <Button look="quiet" icon="person" className="xl:hidden" aria-label="Customer and case" title="Customer and case" onClick={onSide} />
      </div>
      {works && !speaks && (
        <div className="mt-2 flex gap-2 px-1 sm:hidden">
          {human
            ? <Button icon="bot" className="flex-1" onClick={acts.release}>Release to the agent</Button>
            : <Button look={one.status === "needs_human" ? "main" : "plain"} icon="person" className="flex-1" onClick={acts.takeOver}>Take over</Button>}
        </div>
      )}
    </header>
  );
}

function Others({ others }: { others: Viewer[] }) {
  if (!others.length) return null;
  const types = others.filter(({ typing }) => typing).map(({ teammate }) => teammate);
  const text = types.length ? `${types.join(", ")} ${types.length > 1 ? "are" : "is"} writing…` : `${others.map(({ teammate }) => teammate).join(", ")} looks on`;
  return (
    <span className="flex items-center gap-1.5 text-xs text-soft" role="status" title={text}>
      <span className="flex -space-x-2">{others.slice(0, 3).map(({ teammate }) => <Avatar key={teammate} name={teammate} />)}</span>
      <span className="max-md:sr-only max-w-40 truncate">{text}</span>
    </span>
  );
}
