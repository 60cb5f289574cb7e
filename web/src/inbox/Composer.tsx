// Where a teammate writes: to the customer, or to the team.

import { type Ref, useImperativeHandle, useRef, useState } from "react";
import type { Conversation } from "@/api/types";
import { useMe } from "@/session/session";
import { Button } from "@/ui/basics";
import { MacroMenu } from "./Macros";
import type { Acts } from "./acts";

export type ComposerHandle = { write: (kind: "reply" | "note") => void };
type Props = { one: Conversation; acts: Acts; onTyping: () => void; ref: Ref<ComposerHandle> };

// What is begun stays with its conversation while one looks at others.
const begun = new Map<string, { kind: "reply" | "note"; text: string }>();

export function Composer({ one, acts, onTyping, ref }: Props) {
  const me = useMe();
  const spoken = one.channel === "phone";
  const [{ kind, text }, setDraft] = useState(() => begun.get(one.id) ?? { kind: spoken ? "note" as const : "reply" as const, text: "" });
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const set = (next: { kind: "reply" | "note"; text: string }) => {
    if (next.text) begun.set(one.id, next);
    else begun.delete(one.id);
    setDraft(next);
  };
  useImperativeHandle(ref, () => ({
    write: (wanted) => {
      set({ kind: spoken ? "note" : wanted, text });
      field.current?.focus();
    },
  }));
  if (!me.may("work_cases")) return null;
  if (one.merged_into) return <p className="border-t border-line bg-surface px-4 py-3 text-soft">It was merged into another conversation, where it goes on.</p>;

  async function send() {
    const words = text.trim();
    if (!words || busy) return;
    setBusy(true);
    set({ kind, text: "" });
    try {
      await acts.write(kind, words);
    } catch {
      // What went wrong is said in a corner; nobody writes it twice.
      set({ kind, text });
    } finally {
      setBusy(false);
      field.current?.focus();
    }
  }
  const tab = (which: "reply" | "note", name: string) => (
    <button
      type="button" aria-pressed={kind === which} onClick={() => { set({ kind: which, text }); field.current?.focus(); }}
      className={`tap rounded-md px-2.5 py-0.5 font-medium ${kind === which ? (which === "note" ? "bg-note text-ink" : "bg-tint text-accent") : "text-soft hover:text-ink"}`}
    >{name}</button>
  );
  const note = kind === "note";
  return (
    <form
      className={`border-t border-line px-3 pt-2 pb-3 md:px-4 ${note ? "bg-note" : "bg-surface"}`}
      onSubmit={(event) => { event.preventDefault(); void send(); }}
    >
      <div className="mx-auto max-w-3xl">
        <div className="mb-1.5 flex items-center gap-1">
          {!spoken && tab("reply", "Reply")}
          {tab("note", "Note")}
          <span className="min-w-0 flex-1 truncate px-2 text-2xs text-soft max-sm:hidden">
            {note ? "For the team alone." : one.handler === "human" ? "Goes to the customer." : "Goes to the customer; the agent keeps silent afterwards."}
          </span>
          <span className="sm:hidden flex-1" />
          <MacroMenu acts={acts} onInsert={(words) => { set({ kind: spoken ? "note" : "reply", text: text ? `${text}\n${words}` : words }); field.current?.focus(); }} />
        </div>
        <div className="flex items-end gap-2">
          <textarea
            ref={field} rows={1} value={text} maxLength={20_000} aria-label={note ? "Note for the team" : "Reply to the customer"} placeholder={note ? "Write a note…" : "Write a reply…"}
            className="input field-sizing-content max-h-48 md:min-h-9"
            onChange={(event) => { set({ kind, text: event.target.value }); onTyping(); }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void send(); }
              if (event.key === "Escape") field.current?.blur();
            }}
          />
          <Button look="main" type="submit" icon={note ? "note" : "send"} busy={busy} disabled={!text.trim()} title="Ctrl and Enter" className="md:h-9">{note ? "Add" : "Send"}</Button>
        </div>
      </div>
    </form>
  );
}
