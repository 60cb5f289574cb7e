import type { Permission, Policy, Role, Rung, TransferBy } from "@/api/types";

export const ON_UNRESOLVED: Record<Policy["on_unresolved"], string> = {
  escalate: "Rings people, by the ladder", flag: "Leaves a ticket", decide: "Decides case by case",
};
export const RUNG: Record<Rung["do"], { name: string; hint: string }> = {
  ring: { name: "Ring people", hint: "All of them together; the first who accepts wins." },
  voicemail: { name: "Voice message", hint: "The caller leaves a message, which becomes a ticket." },
  callback: { name: "Call back", hint: "The caller is asked for number and time." },
  flag: { name: "Ticket", hint: "What was collected becomes a ticket." },
  best_effort: { name: "Best effort", hint: "The best honest answer, and nothing else." },
};
export const TRANSFER: Record<TransferBy, string> = {
  bridged: "Bridged: the audio goes through us, recorded and taken back when lost",
  blind: "Blind: the caller’s side calls them in our place", attended: "Attended: they accept first, then the caller’s side calls them",
};
export const FIELD = { text: "Any words", digits: "Digits", number: "Telephone number", email: "Email address" } as const;
export const ROLE: Record<Role, { name: string; hint: string }> = {
  viewer: { name: "Viewer", hint: "Looks on." }, teammate: { name: "Teammate", hint: "Works on cases and on the knowledge." },
  admin: { name: "Admin", hint: "Decides how things are set, and who is on the team." },
  owner: { name: "Owner", hint: "As an admin, and makes other owners." },
};
export const PERMISSION: Record<Permission, string> = {
  read_cases: "Read conversations, tickets, recordings and live events", work_cases: "Reply, take over, assign, call back",
  supervise: "Listen to live calls, whisper and speak",
  intake: "Bring messages in and fetch replies", read_knowledge: "Read articles and gaps", write_knowledge: "Write and delete articles",
  read_settings: "Read settings", change_settings: "Change settings", manage_team: "Manage teammates and tokens",
  read_audit: "Read the audit log", own_account: "Their own account", read_metrics: "Read the metrics",
};
