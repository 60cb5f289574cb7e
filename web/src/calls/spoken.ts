import type { Message } from "@/api/types";

// How people speak on the telephone: a breath, and three words a second.
const BEGIN_MS = 400;
const WORD_MS = 330;

/** When somebody began to say it: the agent's words are noted as they begin, a caller's once they have ended. */
export function spokenAt({ author, at_ms: at, text }: Message): number {
  if (author === "agent") return at;
  return at - BEGIN_MS - WORD_MS * text.split(/\s+/).filter(Boolean).length;
}
