// How the inbox names things.

import type { Act, AttemptOutcome, CallOutcome, Channel, Handler, Status, SupervisionMode, TagKind, Verdict } from "@/api/types";
import type { Tone } from "@/ui/basics";

type Word = [text: string, tone: Tone];

export const STATUS: Record<Status, Word> = {
  open: ["Open", "accent"], needs_human: ["Needs a person", "bad"], waiting: ["Waiting on customer", "plain"],
  snoozed: ["Snoozed", "plain"], resolved: ["Resolved", "good"],
};
export const HANDLER: Record<Handler, string> = { bot: "Agent", human: "Teammate", none: "Nobody" };
export const CHANNEL: Record<Channel, string> = {
  phone: "Phone", api: "Message", widget: "Website", email: "Email", slack: "Slack", telegram: "Telegram", discord: "Discord",
};
export const VERDICT: Record<Verdict, Word> = {
  send: ["Sent", "good"], clarify: ["Asked back", "plain"], hold: ["Held for a person", "warn"], handoff: ["Handed off", "warn"],
};
export const OUTCOME: Record<CallOutcome, Word> = {
  resolved: ["Resolved", "good"], person: ["Taken by a person", "good"], voicemail: ["Voice message", "warn"],
  callback: ["Call back", "warn"], ticket: ["Ticket", "warn"], best_effort: ["Best effort", "warn"],
  abandoned: ["Caller left", "plain"], lost: ["Cut off", "bad"],
};
export const ATTEMPT: Record<AttemptOutcome, Word> = {
  accepted: ["Accepted", "good"], declined: ["Declined", "warn"], no_key: ["Pressed nothing", "warn"], busy: ["Busy", "warn"],
  no_answer: ["No answer", "warn"], rejected: ["Rejected", "warn"], voicemail_detected: ["Answering machine", "warn"],
  screened: ["Screened", "warn"], human_hung_up: ["Hung up", "warn"], caller_hung_up: ["Caller left first", "plain"],
  superseded: ["Taken by another", "plain"], failed: ["Failed", "bad"], lost: ["Cut off", "bad"],
};
export const TAG: Record<TagKind, string> = { priority: "Priority", department: "Department", issue_type: "Issue", custom: "Tag" };

const SUPERVISION: Record<SupervisionMode, string> = {
  listen: "to listen", whisper: "to whisper to the colleague", whisper_customer: "to speak to the customer", barge: "to speak with all",
};

/** What happened, as one line between the messages; `null` for what the messages show themselves. */
export function event(act: Act | null | undefined, actor: string | null | undefined): string | null {
  if (!act) return null;
  const who = actor ?? "The agent";
  switch (act.kind) {
    case "taken_over": return `${who} took over`;
    case "released": return `${who} gave it back to the agent`;
    case "assigned": return act.to ? (act.to === actor ? `${who} took it on` : `${who} assigned it to ${act.to}`) : `${who} took the assignment off`;
    case "snoozed": return `${who} snoozed it`;
    case "woken": return "The snooze ended";
    case "resolved": return `${who} resolved it`;
    case "reopened": return `${who} reopened it`;
    case "tagged": return act.tags.length ? `${who} set the tags ${act.tags.map(({ name }) => name).join(", ")}` : `${who} took all tags off`;
    case "merged_into": return `${who} merged it into another conversation`;
    case "absorbed": return `${who} merged another conversation into this one`;
    case "split": return `${who} moved messages into a conversation of their own`;
    case "draft_discarded": return `${who} discarded the draft`;
    case "draft_approved": return `${who} approved the draft${act.edited ? ", edited" : ""}`;
    case "supervisor_joined": return `${who} joined the call ${SUPERVISION[act.mode]}`;
    case "supervision_changed": return `${who} went on ${SUPERVISION[act.mode]}`;
    case "supervisor_left": return `${who} left the call`;
    case "call_transferred": return act.to ? `${who} had ${act.to} called` : `${who} had the people on call rung`;
    case "call_ended": return `${who} ended the call`;
    // The messages stand for themselves.
    case "customer_wrote": case "bot_replied": case "bot_held": case "drafted": case "teammate_replied": case "noted": return null;
  }
}
