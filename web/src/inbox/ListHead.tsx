// Above the list: the boxes, the team's views, filters and search.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api } from "@/api/client";
import { useMe } from "@/session/session";
import { Button } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import { Menu, type MenuItem } from "@/ui/Menu";
import { useShortcuts } from "@/ui/shortcuts";
import { useSay } from "@/ui/toasts";
import { BOXES, CHANNELS, HANDLERS, type InboxSearch } from "./filters";
import { viewsQuery } from "./queries";
import { SaveView } from "./SaveView";
import { CHANNEL, HANDLER } from "./words";

export function ListHead() {
  const search = useSearch({ from: "/frame/support" });
  const go = useNavigate({ from: "/support" });
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(search.q ?? "");
  const [saving, setSaving] = useState(false);
  const views = useQuery(viewsQuery).data?.views ?? [];
  const remove = useMutation({
    mutationFn: (id: string) => api.DELETE("/api/v1/views/{id}", { params: { path: { id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["views"] }), onError: say.fail,
  });
  useEffect(() => setText(search.q ?? ""), [search.q]);
  const to = (change: Partial<InboxSearch>) => void go({ to: ".", search: (now) => clean({ ...now, ...change }) });
  const chosenView = views.find(({ id }) => id === search.view);
  const narrowed = [search.channel, search.handler, search.tag].filter(Boolean).length;

  useShortcuts("Inbox", [
    { keys: "/", does: "Search", act: () => field.current?.focus() },
    ...BOXES.map(({ box, name }, at) => ({ keys: `${at + 1}`, does: name, act: () => to({ box, view: undefined }) })),
  ]);
  function submit(event: FormEvent) {
    event.preventDefault();
    to({ q: text.trim() || undefined });
  }
  const radio = (label: string, on: boolean, change: Partial<InboxSearch>): MenuItem => ({ label, checked: on, onPick: () => to(change) });
  const items: MenuItem[] = [
    radio("Every channel", !search.channel, { channel: undefined }),
    ...CHANNELS.map((channel) => radio(CHANNEL[channel], search.channel === channel, { channel })),
    "line",
    radio("Whoever handles it", !search.handler, { handler: undefined }),
    ...HANDLERS.map((handler) => radio(`Handled by: ${HANDLER[handler]}`, search.handler === handler, { handler })),
    ...(search.tag ? ["line" as const, { label: `Any tag (now: ${search.tag})`, icon: "close" as const, onPick: () => to({ tag: undefined }) }] : []),
  ];
  const viewItems: MenuItem[] = [
    ...views.map(({ id, name }) => radio(name, id === search.view, { view: id === search.view ? undefined : id, box: undefined })),
    ...(me.may("work_cases") ? [
      ...(views.length ? ["line" as const] : []),
      { label: "Save what is shown as a view…", icon: "plus" as const, onPick: () => setSaving(true) },
      ...(chosenView ? [{ label: `Delete “${chosenView.name}”`, icon: "trash" as const, danger: true, onPick: () => { remove.mutate(chosenView.id); to({ view: undefined }); } }] : []),
    ] : []),
  ];
  return (
    <header className="border-b border-line px-3 pt-3">
      <form role="search" onSubmit={submit} className="flex items-center gap-1">
        <div className="relative min-w-0 flex-1">
          <Icon name="search" size={16} className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-soft" />
          <input
            ref={field} type="search" aria-label="Search messages, notes and transcripts" placeholder="Search" value={text}
            onChange={(event) => { setText(event.target.value); if (!event.target.value) to({ q: undefined }); }}
            className="input !pl-8"
          />
        </div>
        <Menu label={narrowed ? `Filters (${narrowed} on)` : "Filters"} icon="filter" items={items} />
        {viewItems.length > 0 && <Menu label="Saved views" icon="list" items={viewItems} />}
      </form>
      <div className="-mx-1 mt-1.5 flex overflow-x-auto [scrollbar-width:none]" role="group" aria-label="Boxes">
        {chosenView && <Tab on name={chosenView.name} onPick={() => to({ view: undefined })} />}
        {BOXES.map(({ box, name }) => (
          <Tab key={box} name={name} on={!search.view && (search.box ?? "all") === box} onPick={() => to({ box, view: undefined })} />
        ))}
      </div>
      {narrowed > 0 && (
        <p className="flex items-center gap-2 pb-1.5 text-xs text-soft">
          <span className="min-w-0 flex-1 truncate">Only: {[search.channel && CHANNEL[search.channel], search.handler && `handled by ${HANDLER[search.handler].toLowerCase()}`, search.tag && `tag ${search.tag}`].filter(Boolean).join(", ")}</span>
          <Button small look="quiet" onClick={() => to({ channel: undefined, handler: undefined, tag: undefined })}>Clear</Button>
        </p>
      )}
      {saving && <SaveView search={search} onClose={() => setSaving(false)} />}
    </header>
  );
}

const clean = (search: InboxSearch): InboxSearch =>
  Object.fromEntries(Object.entries(search).filter(([key, value]) => value !== undefined && !(key === "box" && value === "all")));

function Tab({ name, on, onPick }: { name: string; on: boolean; onPick: () => void }) {
  return (
    <button
      type="button" aria-pressed={on} onClick={onPick}
      className={`tap shrink-0 border-b-2 px-2.5 py-1.5 font-medium whitespace-nowrap ${on ? "border-accent text-accent" : "border-transparent text-soft hover:text-ink"}`}
    >{name}</button>
  );
}
