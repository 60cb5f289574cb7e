// How the agent is set at present. What stands in the configuration file is shown, and changed there.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Loading, Pill, Trouble } from "@/ui/basics";
import { agentsQuery } from "./queries";
import { ON_UNRESOLVED } from "./words";

const MODES: Record<string, string> = {
  automatic_when_safe: "Answers by itself what is clear and low-risk", draft_only: "Drafts only: a person approves every reply",
};

export function Overview() {
  const agents = useQuery(agentsQuery);
  if (agents.isPending) return <Loading />;
  if (agents.isError) return <Trouble error={agents.error} retry={() => void agents.refetch()} />;
  return (
    <div className="flex flex-col gap-4">
      {agents.data.agents.map((agent) => (
        <section key={agent.id} className="card p-4">
          <h2 className="text-base font-semibold">{agent.business}</h2>
          <dl className="mt-3 grid gap-x-6 gap-y-2.5 sm:grid-cols-2">
            <Fact name="Published">{agent.published ? <Pill tone="good">Yes: it answers customers</Pill> : <Pill tone="warn">No: everything waits for a person</Pill>}</Fact>
            <Fact name="Replies">{MODES[agent.mode] ?? agent.mode.replaceAll("_", " ")}</Fact>
            <Fact name="Calls">{agent.record_calls ? "Recorded, after a spoken notice" : "Not recorded"}</Fact>
            <Fact name="What it cannot resolve"><Link to="/settings/escalation" className="link">{ON_UNRESOLVED[agent.on_unresolved]}</Link></Fact>
            <Fact name="Revision">{agent.revision}</Fact>
          </dl>
          <p className="mt-4 text-xs text-soft">Name, greeting, publishing, reply mode and recording are set in <code className="font-mono">switchboard.toml</code>; <code className="font-mono">switchboard config reference</code> tells its keys.</p>
        </section>
      ))}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><dt className="text-xs text-soft">{name}</dt><dd>{children}</dd></div>;
}
