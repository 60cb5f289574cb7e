import type { Article, Kind, Origin, Sensitivity } from "@/api/types";

export const KIND: Record<Kind, { name: string; hint: string }> = {
  faq: { name: "Question and answer", hint: "One question, one answer that can be read out." },
  policy: { name: "Policy", hint: "What holds: returns, warranty, delivery. Each section answers a question of its own." },
  product: { name: "Product page", hint: "What a thing is and does." },
  internal: { name: "Internal guidance", hint: "Steers what the agent may answer; no customer ever sees a word of it." },
};
export const SENSITIVITY: Record<Sensitivity, string> = { auto: "May be answered by the agent", review: "A person looks first", human: "A person answers" };
export const CHANGE: Record<Article["change"]["did"], string> = { created: "Created", edited: "Edited", refreshed: "Fetched anew", restored: "Restored", deleted: "Deleted" };

export function originOf(origin: Origin): string {
  switch (origin.from) {
    case "written": return "Written here";
    case "file": return origin.name;
    case "page": return origin.url;
  }
}
