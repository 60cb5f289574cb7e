import type { ConversationSummary, ListedConversation } from "@/api/types";

/** A row of the list knows more than a live event tells. */
export type Row = ConversationSummary & Partial<Pick<ListedConversation, "contact_name" | "last_words">>;

/** The caller: a number, or the user part of a SIP address. */
export function caller(from: string | null | undefined, trunk: string): string {
  if (!from) return "Number withheld";
  if (trunk === "browser") return "Call from a browser";
  return /^sips?:([^@;]+)@/.exec(from)?.[1] ?? from;
}

/** Who it is, for people. */
export function nameOf(one: Row): string {
  if (one.contact_name) return one.contact_name;
  return one.call ? caller(one.call.from, one.call.trunk) : "A customer";
}

/** What it is about, in a line. */
export const gistOf = (one: Row): string => one.summary ?? one.last_words ?? one.reason ?? (one.call ? `Call to ${one.call.to}` : "");

export const goesOn = (one: ConversationSummary): boolean => Boolean(one.call && one.call.ended_at_ms == null);
