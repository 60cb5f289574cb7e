// What the server tells a visitor's browser.

export type File = { id: string; name: string; media_type: string; size_bytes: number };
export type Message = {
  seq: number; id: string; from: "you" | "agent" | "person"; name: string | null; text: string; at_ms: number;
  client_id: string | null; sources: { title: string; url: string }[]; files: File[];
};
export type Standing = "agent" | "waiting" | "person" | "done";
export type News =
  | { kind: "message"; message: Message }
  | { kind: "standing"; with: Standing }
  | { kind: "typing"; typing: boolean }
  | { kind: "caught"; up_to: number }
  | { kind: "over" };
export type Asked = { name: string; label: string; required: boolean };
export type Visit = {
  token?: string; title: string; greeting: string; reply_time: string; ask: Asked[]; complete: boolean; known: boolean; call_button: boolean;
};
/** A message of the visitor's that the server has not told back yet. */
export type Pending = { client_id: string; text: string; files: File[]; at_ms: number; state: "waiting" | "taken" | "refused"; why?: string };
