// Questions that found no answer, and what teammates answered to them.

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, got, inWords, onceKey } from "@/api/client";
import type { Gap, GapState, Proposal } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Empty, Field, Loading, Pill, Trouble, When } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { useSay } from "@/ui/toasts";
import { gapsQuery, proposalsQuery } from "./queries";

const STATES: Record<GapState, string> = { open: "Open", answered: "Answered", dismissed: "Dismissed" };
type Writing = { gap: string; title: string; body: string; questions: string[] };

export function Gaps() {
  const me = useMe();
  const say = useSay();
  const queries = useQueryClient();
  const [state, setState] = useState<GapState>("open");
  const [writing, setWriting] = useState<Writing | null>(null);
  const list = useInfiniteQuery(gapsQuery(state));
  const proposals = useQuery(proposalsQuery).data?.proposals ?? [];
  const gaps = list.data?.pages.flatMap((page) => page.gaps) ?? [];
  const writes = me.may("write_knowledge");
  const dismiss = useMutation({
    mutationFn: ({ id, dismissed }: { id: string; dismissed: boolean }) => api.PATCH("/api/v1/knowledge/gaps/{id}", { params: { path: { id } }, body: { dismissed } }),
    onSuccess: (_answer, { id, dismissed }) => {
      if (dismissed) say.tell("Dismissed.", () => dismiss.mutate({ id, dismissed: false }));
      return queries.invalidateQueries({ queryKey: ["gaps"] });
    },
    onError: say.fail,
  });
  return (
    <>
      {state === "open" && writes && proposals.length > 0 && (
        <section className="mb-6">
          <h2 className="heading mb-2">Answers of teammates that could be articles</h2>
          <ul className="flex flex-col gap-2">
            {proposals.map((proposal) => <ProposalCard key={proposal.message} proposal={proposal} onTake={() => setWriting({ gap: proposal.gap, title: proposal.title, body: proposal.body, questions: [] })} />)}
          </ul>
        </section>
      )}
      <div role="group" aria-label="State" className="mb-3 flex gap-1">
        {(Object.keys(STATES) as GapState[]).map((one) => <Button key={one} small aria-pressed={state === one} className={state === one ? "!border-accent !bg-tint !text-accent" : ""} onClick={() => setState(one)}>{STATES[one]}</Button>)}
      </div>
      {list.isPending ? <Loading /> : list.isError ? <Trouble error={list.error} retry={() => void list.refetch()} /> : !gaps.length ? (
        <Empty icon="check" title={state === "open" ? "No answer is missing" : "Nothing here"}>{state === "open" && "Questions that the agent cannot answer gather here, the most asked first."}</Empty>
      ) : (
        <ul className="flex flex-col gap-2">
          {gaps.map((gap) => (
            <li key={gap.id} className="card p-3">
              <div className="flex flex-wrap items-start gap-2">
                <p className="min-w-40 flex-1 font-medium [overflow-wrap:anywhere]">{gap.label}</p>
                <Pill>{gap.asked === 1 ? "asked once" : `asked ${gap.asked} times`}</Pill>
                <When ms={gap.last_at_ms} className="text-xs text-soft" />
              </div>
              <Examples gap={gap} />
              <div className="mt-2 flex flex-wrap gap-2">
                {gap.article && <Link to="/knowledge/articles/$id" params={{ id: gap.article }} className="btn btn-plain btn-small">Its article</Link>}
                {writes && gap.state !== "answered" && <Button small look="main" icon="plus" onClick={() => setWriting({ gap: gap.id, title: gap.label, body: gap.answers[0]?.text ?? "", questions: gap.examples.map(({ text }) => text) })}>Write the missing article</Button>}
                {writes && gap.state === "open" && <Button small look="quiet" onClick={() => dismiss.mutate({ id: gap.id, dismissed: true })}>Needs none</Button>}
                {writes && gap.state === "dismissed" && <Button small icon="undo" onClick={() => dismiss.mutate({ id: gap.id, dismissed: false })}>It does after all</Button>}
              </div>
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <Button className="mx-auto mt-4 !flex" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>More</Button>}
      {writing && <Write writing={writing} onClose={() => setWriting(null)} />}
    </>
  );
}

function Examples({ gap }: { gap: Gap }) {
  return (
    <ul className="mt-1 flex flex-col gap-0.5 text-xs text-soft">
      {gap.examples.slice(0, 4).map(({ text, conversation, message }) => (
        <li key={message} className="truncate">“{text}” <Link to="/support/$id" params={{ id: conversation }} className="link">where</Link></li>
      ))}
      {gap.answers.slice(0, 2).map(({ message, by, text }) => <li key={message} className="line-clamp-2">{by ?? "A teammate"} answered: {text}</li>)}
    </ul>
  );
}

function ProposalCard({ proposal, onTake }: { proposal: Proposal; onTake: () => void }) {
  return (
    <li className="card border-accent p-3">
      <p className="font-medium">{proposal.title}</p>
      <p className="prose-text mt-1 line-clamp-4 text-soft">{proposal.body}</p>
      <p className="mt-2 flex flex-wrap items-center gap-2 text-xs text-soft">
        <span className="flex-1">by {proposal.by ?? "a teammate"}, <Link to="/support/$id" params={{ id: proposal.conversation }} className="link">in this conversation</Link>; asked {proposal.asked} {proposal.asked === 1 ? "time" : "times"}</span>
        <Button small look="main" onClick={onTake}>Make it an article</Button>
      </p>
    </li>
  );
}

function Write({ writing, onClose }: { writing: Writing; onClose: () => void }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const [form, setForm] = useState({ title: writing.title, body: writing.body });
  const make = useMutation({
    mutationFn: () => got(api.POST("/api/v1/knowledge/gaps/{id}/article", { params: { path: { id: writing.gap }, header: { "idempotency-key": onceKey() } }, body: form })),
    onSuccess: async ({ id }) => {
      await Promise.all(["gaps", "proposals", "articles"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
      onClose();
      await go({ to: "/knowledge/articles/$id", params: { id } });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    make.mutate();
  }
  return (
    <Dialog title="Write the missing article" onClose={onClose} wide>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Question">{(ids) => <input {...ids} className="input" required maxLength={200} value={form.title} onChange={(event) => setForm({ ...form, title: event.target.value })} />}</Field>
        <Field label="Answer" hint={writing.questions.length > 0 && `It will be found by: ${writing.questions.slice(0, 4).map((text) => `“${text}”`).join(", ")}`} error={make.isError && inWords(make.error)}>
          {(ids) => <textarea {...ids} className="input field-sizing-content min-h-32" required value={form.body} onChange={(event) => setForm({ ...form, body: event.target.value })} />}
        </Field>
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={make.isPending}>Save</Button></Buttons>
      </form>
    </Dialog>
  );
}
