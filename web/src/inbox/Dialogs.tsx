// What an order asks before it is given: to whom, until when, which tags, into which.

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, got } from "@/api/client";
import type { Conversation, NewTag, TagKind } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Empty, Field, When } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { Icon } from "@/ui/icons";
import { fromNow, full, localInput, morning, untilMonday } from "@/ui/time";
import type { Acts } from "./acts";
import { MacroDialog } from "./Macros";
import { gistOf, nameOf } from "./names";
import { contactQuery, teammatesQuery } from "./queries";
import { STATUS, TAG } from "./words";

export type Asking = "assign" | "snooze" | "tags" | "merge" | "macros" | null;
type Props = { one: Conversation; acts: Acts; onClose: () => void };

export function Dialogs({ asking, ...props }: Props & { asking: Asking }) {
  switch (asking) {
    case "assign": return <Assign {...props} />;
    case "snooze": return <Snooze {...props} />;
    case "tags": return <Tags {...props} />;
    case "merge": return <Merge {...props} />;
    case "macros": return <MacroDialog acts={props.acts} onClose={props.onClose} />;
    case null: return null;
  }
}

const ROW = "flex w-full items-center gap-3 rounded-md px-3 py-2 text-left hover:bg-sunken max-md:min-h-11";

function Assign({ one, acts, onClose }: Props) {
  const me = useMe();
  const teammates = useQuery(teammatesQuery).data?.teammates.filter(({ disabled }) => !disabled) ?? [];
  const names = [...new Set([me.name, ...teammates.map(({ name }) => name)])];
  const pick = (to: string | null) => { acts.assign(to); onClose(); };
  return (
    <Dialog title="Assign" onClose={onClose}>
      <ul className="flex flex-col">
        {names.map((name) => (
          <li key={name}><button type="button" className={ROW} onClick={() => pick(name)}>
            <Icon name="person" /><span className="min-w-0 flex-1 truncate">{name}{name === me.name && " (you)"}</span>
            {one.assignee === name && <Icon name="check" />}
          </button></li>
        ))}
        {one.assignee && <li><button type="button" className={ROW} onClick={() => pick(null)}><Icon name="close" />Nobody</button></li>}
      </ul>
    </Dialog>
  );
}

function Snooze({ acts, onClose }: Props) {
  const [at, setAt] = useState(() => localInput(morning(1)));
  const hour = 3_600_000;
  const times: [string, number][] = [
    ["An hour", Date.now() + hour], ["Four hours", Date.now() + 4 * hour], ["Tomorrow morning", morning(1)],
    ["Monday morning", morning(untilMonday())],
  ];
  const pick = (ms: number) => { acts.snooze(ms); onClose(); };
  function submit(event: FormEvent) {
    event.preventDefault();
    pick(new Date(at).getTime());
  }
  return (
    <Dialog title="Snooze until" onClose={onClose}>
      <ul>
        {times.map(([name, ms]) => (
          <li key={name}><button type="button" className={ROW} onClick={() => pick(ms)}><Icon name="clock" /><span className="flex-1">{name}</span><span className="text-xs text-soft">{full.format(ms)}</span></button></li>
        ))}
      </ul>
      <form onSubmit={submit} className="mt-3 flex items-end gap-2 border-t border-line pt-3">
        <div className="flex-1"><Field label="Another time">{(ids) => <input {...ids} className="input" type="datetime-local" required min={localInput(Date.now())} value={at} onChange={(event) => setAt(event.target.value)} />}</Field></div>
        <Button type="submit" look="main" className="md:h-9">Snooze</Button>
      </form>
      <p className="mt-2 text-xs text-soft">It comes back by itself, and at once when the customer writes.</p>
    </Dialog>
  );
}

function Tags({ one, acts, onClose }: Props) {
  const [tags, setTags] = useState<NewTag[]>(one.tags);
  const [kind, setKind] = useState<TagKind>("custom");
  const [name, setName] = useState("");
  const withNew = () => {
    const fresh = name.trim().toLowerCase();
    return fresh && !tags.some((tag) => tag.kind === kind && tag.name === fresh) ? [...tags, { kind, name: fresh }] : tags;
  };
  function add(event: FormEvent) {
    event.preventDefault();
    setTags(withNew());
    setName("");
  }
  return (
    <Dialog title="Tags" onClose={onClose}>
      <ul className="mb-3 flex flex-wrap gap-1.5">
        {tags.map((tag) => (
          <li key={`${tag.kind} ${tag.name}`} className="flex items-center rounded-md bg-sunken pl-2">
            <span className="text-xs"><span className="text-soft">{TAG[tag.kind]}: </span>{tag.name}</span>
            <Button small look="quiet" icon="close" aria-label={`Take ${tag.name} off`} onClick={() => setTags(tags.filter((other) => other !== tag))} />
          </li>
        ))}
        {!tags.length && <li className="text-soft">No tags yet.</li>}
      </ul>
      <form onSubmit={add} className="flex items-end gap-2">
        <Field label="Kind">{(ids) => (
          <select {...ids} className="input" value={kind} onChange={(event) => setKind(event.target.value as TagKind)}>
            {Object.entries(TAG).map(([value, word]) => <option key={value} value={value}>{word}</option>)}
          </select>
        )}</Field>
        <div className="flex-1"><Field label="Name">{(ids) => <input {...ids} className="input" maxLength={40} value={name} onChange={(event) => setName(event.target.value)} autoFocus />}</Field></div>
        <Button type="submit" icon="plus" aria-label="Add the tag" className="md:h-9" />
      </form>
      <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" onClick={() => { acts.tag(withNew()); onClose(); }}>Save</Button></Buttons>
    </Dialog>
  );
}

/** Into another of the same customer, or whatever a search finds. */
function Merge({ one, acts, onClose }: Props) {
  const [words, setWords] = useState("");
  const contact = useQuery({ ...contactQuery(one.contact ?? ""), enabled: Boolean(one.contact) });
  const found = useQuery({
    queryKey: ["merge into", words], enabled: words.length > 2,
    queryFn: () => got(api.GET("/api/v1/conversations", { params: { query: { q: words, limit: 20 } } })),
  });
  const rows = (words.length > 2 ? found.data?.conversations : contact.data?.conversations) ?? [];
  const others = rows.filter((row) => row.id !== one.id && !row.merged_into && row.channel === one.channel);
  return (
    <Dialog title="Merge into" onClose={onClose}>
      <p className="mb-3 text-soft">All messages of this conversation move there, and this one is closed. That cannot be undone.</p>
      <input className="input" type="search" aria-label="Search conversations" placeholder="Search words of the other conversation" value={words} onChange={(event) => setWords(event.target.value)} />
      <ul className="mt-2">
        {others.map((row) => (
          <li key={row.id}><button
            type="button" className={ROW}
            onClick={() => void acts.merge(row.id).then(onClose, () => {})}
          >
            <span className="min-w-0 flex-1"><span className="block truncate font-medium">{nameOf(row)}</span><span className="block truncate text-xs text-soft">{gistOf(row)}</span></span>
            <span className="text-right text-xs text-soft">{STATUS[row.status][0]}<br /><When ms={row.created_at_ms} /> · {fromNow(row.created_at_ms)}</span>
          </button></li>
        ))}
      </ul>
      {!others.length && <Empty title="Nothing to merge with">{words.length > 2 ? "No other conversation holds these words." : "This customer has no other conversation of this kind; search for one."}</Empty>}
    </Dialog>
  );
}
