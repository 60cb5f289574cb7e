// Which conversations are listed: what stands in the address, what is asked of the server, and what a live event may
// decide by itself.

import type { Channel, ConversationSummary, Handler, Status } from "@/api/types";

export type Box = "all" | "needs" | "mine" | "open" | "snoozed" | "resolved";
export type InboxSearch = { box?: Box; view?: string; q?: string; channel?: Channel; handler?: Handler; tag?: string; side?: true };
/** As the server takes them. */
export type Filter = { status?: string; assignee?: string; channel?: Channel; handler?: Handler; tag?: string; view?: string; q?: string };

export const BOXES: { box: Box; name: string; statuses: Status[] }[] = [
  { box: "all", name: "All", statuses: [] },
  { box: "needs", name: "Needs a person", statuses: ["needs_human"] },
  { box: "mine", name: "Mine", statuses: ["open", "needs_human", "waiting", "snoozed"] },
  { box: "open", name: "Open", statuses: ["open", "needs_human", "waiting"] },
  { box: "snoozed", name: "Snoozed", statuses: ["snoozed"] },
  { box: "resolved", name: "Resolved", statuses: ["resolved"] },
];
export const CHANNELS: Channel[] = ["phone", "api", "widget", "email", "slack", "telegram", "discord"];
export const HANDLERS: Handler[] = ["bot", "human", "none"];

/** The address's part after the question mark; what is none of ours is left out. */
export function inboxSearch(search: Record<string, unknown>): InboxSearch {
  const text = (key: string) => {
    const value = search[key];
    return typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;
  };
  const known: InboxSearch = {
    box: BOXES.find(({ box }) => box === search["box"] && box !== "all")?.box,
    view: text("view"), q: text("q"), tag: text("tag"),
    channel: CHANNELS.find((channel) => channel === search["channel"]),
    handler: HANDLERS.find((handler) => handler === search["handler"]),
    side: search["side"] === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

export function filterOf(search: InboxSearch, me: string): Filter {
  const { view, q, channel, handler, tag } = search;
  const statuses = view ? [] : BOXES.find(({ box }) => box === (search.box ?? "all"))!.statuses;
  const filter: Filter = {
    status: statuses.length ? statuses.join(",") : undefined,
    assignee: search.box === "mine" && !view ? me : undefined, view, q, channel, handler, tag,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** Whether a list shows a conversation; `undefined` where only the server can tell (words, saved views). */
export function shows(filter: Filter, one: ConversationSummary): boolean | undefined {
  const { status, assignee, channel, handler, tag } = filter;
  const all = (!status || status.split(",").includes(one.status))
    && (!assignee || one.assignee === assignee) && (!channel || one.channel === channel)
    && (!handler || one.handler === handler) && (!tag || one.tags.some(({ name }) => name === tag));
  return all && (filter.q || filter.view) ? undefined : all;
}
