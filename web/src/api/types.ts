// The nouns of the API: generated ones by their names, and the two that its document leaves open.

import type { Attempt, ConversationSummary, Message, Ticket, Viewer } from "@api";

export type * from "@api";

/** What the live stream tells (`GET /api/v1/events`). */
export type LiveEvent = { id: number; at_ms: number; conversation_id: string } & (
  | { kind: "call_ringing" | "call_answered" | "call_ended" }
  | { kind: "hearing"; text: string }
  | { kind: "message"; message: Message }
  | { kind: "conversation"; conversation: ConversationSummary }
  | { kind: "attempt"; attempt: Attempt }
  | { kind: "ticket"; ticket: Ticket }
  | { kind: "presence"; viewers: Viewer[] }
);

/** Opening times, as they are written. */
export type Schedule = { time_zone: string; hours: string[]; closed?: string[]; open?: string[] };
export type TransferBy = "bridged" | "blind" | "attended";
export type Rung = { when?: Schedule } & (
  | { do: "ring"; targets: string[]; ring_seconds: number; transfer?: TransferBy }
  | { do: "voicemail" | "callback" | "flag" | "best_effort" }
);
export type Person = { id: string; name: string; destinations: string[]; do_not_disturb?: boolean };
export type Rota = { id: string; shifts: { person: string; when: Schedule }[] };
export type FieldSpec = { name: string; question: string; kind: "text" | "digits" | "number" | "email" };

/** What happens to cases that the agent cannot resolve (`GET /api/v1/agents/{id}/escalation`). */
export type Policy = {
  on_unresolved: "escalate" | "flag" | "decide";
  escalate_topics: string[];
  callback_topics: string[];
  ladder: Rung[];
  people: Person[];
  rotas: Rota[];
  spoken_summary: boolean;
  accept_by_key: boolean;
  transfer: TransferBy;
  meanwhile: "tone" | "music";
  fields: FieldSpec[];
  allowed_prefixes: string[];
};
export type Escalation = Policy & { revision: number };
export type Agent = Policy & {
  id: string; revision: number; business: string; published: boolean; mode: string; record_calls: boolean;
};
