// What the agent would say, for a person to edit, approve or throw away.

import { useState } from "react";
import type { Message } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Pill } from "@/ui/basics";
import { Icon } from "@/ui/icons";
import type { Acts } from "./acts";

export function DraftCard({ draft, acts, closed }: { draft: Message; acts: Acts; closed: boolean }) {
  const me = useMe();
  const [text, setText] = useState(draft.text);
  const [busy, setBusy] = useState(false);
  const works = me.may("work_cases") && !closed;
  const edited = text !== draft.text;
  async function approve() {
    setBusy(true);
    // What went wrong is said in a corner; the text stays.
    await acts.approve(draft, edited ? text : null).catch(() => {});
    setBusy(false);
  }
  return (
    <section aria-label="Draft reply" className="card border-accent p-3 shadow-sm">
      <p className="flex flex-wrap items-center gap-2">
        <Icon name="bot" size={16} className="text-accent" />
        <span className="font-semibold">Draft of the agent</span>
        {draft.confidence != null && <Pill>{Math.round(draft.confidence * 100)} % sure</Pill>}
        {draft.reason && <span className="min-w-0 text-xs text-soft">Held: {draft.reason}</span>}
      </p>
      <textarea
        aria-label="Text of the draft" className="input mt-2 field-sizing-content min-h-16" value={text} disabled={!works || busy}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void approve(); }}
      />
      {draft.sources.length > 0 && <p className="mt-1 text-xs text-soft">From: {draft.sources.map(({ question }) => question).join(" · ")}</p>}
      {works && (
        <div className="mt-2 flex flex-wrap justify-end gap-2">
          <Button look="danger" icon="trash" disabled={busy} onClick={() => acts.discard(draft)}>Discard</Button>
          {edited && <Button icon="undo" disabled={busy} onClick={() => setText(draft.text)}>As it was</Button>}
          <Button look="main" icon="send" busy={busy} disabled={!text.trim()} onClick={() => void approve()}>{edited ? "Send as edited" : "Approve and send"}</Button>
        </div>
      )}
    </section>
  );
}
