// What the desk would do with a question, before a customer asks it.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, got } from "@/api/client";
import type { PreviewedTurn } from "@/api/types";
import { VERDICT } from "@/inbox/words";
import { Button, Empty, Loading, Pill, Trouble } from "@/ui/basics";
import { SENSITIVITY } from "./words";

type Asked = { q: string; on: "message" | "call" };

export function TryIt() {
  const [form, setForm] = useState<Asked>({ q: "", on: "message" });
  const [asked, setAsked] = useState<Asked | null>(null);
  const found = useQuery({
    queryKey: ["preview", asked], enabled: asked !== null, staleTime: 0,
    queryFn: () => got(api.GET("/api/v1/knowledge/search", { params: { query: asked! } })),
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (form.q.trim()) setAsked({ ...form, q: form.q.trim() });
  }
  return (
    <>
      <form onSubmit={submit} className="flex flex-wrap items-center gap-2">
        <input className="input min-w-48 flex-1" aria-label="Question" placeholder="Ask as a customer would" maxLength={2000} required value={form.q} onChange={(event) => setForm({ ...form, q: event.target.value })} />
        <select className="input !w-auto" aria-label="Asked by" value={form.on} onChange={(event) => setForm({ ...form, on: event.target.value as Asked["on"] })}><option value="message">in a message</option><option value="call">on a call</option></select>
        <Button look="main" type="submit" icon="search">Try</Button>
      </form>
      {!asked && <Empty icon="question" title="Try a question">You see what the agent would answer, how sure it is, and what it would have read. Nothing is sent and nothing is kept.</Empty>}
      {asked && found.isPending && <Loading />}
      {found.isError && <Trouble error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <div className="mt-5 flex flex-col gap-4" aria-live="polite">
          <Turn name="The agent as it is set" turn={found.data.now} />
          {JSON.stringify(found.data.now) !== JSON.stringify(found.data.if_automatic) && <Turn name="Were it published and answering by itself" turn={found.data.if_automatic} />}
          <section>
            <h2 className="heading mb-2">Passages, nearest first</h2>
            {!found.data.passages.length && <p className="text-soft">Nothing in the knowledge is near.</p>}
            <ol className="flex flex-col gap-2">
              {found.data.passages.map((passage) => (
                <li key={passage.entry} className="card p-3">
                  <p className="flex flex-wrap items-center gap-2">
                    <span className="min-w-0 flex-1 font-medium">{passage.article ? <Link to="/knowledge/articles/$id" params={{ id: passage.article.id }} className="link">{passage.question}</Link> : passage.question}</span>
                    {passage.sensitivity !== "auto" && <Pill tone="warn">{SENSITIVITY[passage.sensitivity]}</Pill>}
                    <span className="text-xs text-soft tabular-nums">{passage.score.toFixed(2)}</span>
                  </p>
                  {passage.answer && <p className="prose-text mt-1 line-clamp-4 text-soft">{passage.answer}</p>}
                  <p className="mt-1 text-xs text-soft">{passage.source}</p>
                </li>
              ))}
            </ol>
          </section>
        </div>
      )}
    </>
  );
}

function Turn({ name, turn: { verdict, reason, confidence, answer } }: { name: string; turn: PreviewedTurn }) {
  const [word, tone] = VERDICT[verdict];
  const would = { send: "Would be sent", clarify: "Would ask back", hold: "Would be held for a person", handoff: "Would be handed off" }[verdict];
  return (
    <section className="card p-4">
      <h2 className="heading">{name}</h2>
      <p className="mt-2 flex flex-wrap items-center gap-2"><Pill tone={tone} title={word}>{would}</Pill><span className="text-soft">{Math.round(confidence * 100)} % sure. {reason}.</span></p>
      {answer && <p className="prose-text mt-2 rounded-2xl rounded-bl-md bg-ours px-3.5 py-2">{answer}</p>}
    </section>
  );
}
