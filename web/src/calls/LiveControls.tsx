// What one can do with a call that goes on: listen, speak, take it over, have people rung, end it.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got, inWords } from "@/api/client";
import type { LiveCall, SupervisionMode } from "@/api/types";
import { useListening } from "@/phone/Listening";
import { useMe } from "@/session/session";
import { Button } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";

const READ_EVERY_MS = 2_000;
const MODES: { mode: SupervisionMode; name: string; hint: string; withPerson?: boolean }[] = [
  { mode: "listen", name: "Listen", hint: "Nobody hears you or is told." },
  { mode: "whisper", name: "Whisper", hint: "Your colleague alone hears you.", withPerson: true },
  { mode: "barge", name: "Speak", hint: "Everybody hears you." },
];

export function LiveControls({ conversation }: { conversation: string }) {
  const me = useMe();
  const listening = useListening();
  const queries = useQueryClient();
  const [ending, setEnding] = useState(false);
  const { data } = useQuery({
    queryKey: ["calls"], queryFn: () => got(api.GET("/api/v1/calls")), refetchInterval: READ_EVERY_MS,
  });
  const teammate = me.account ? null : me.name;
  const order = useMutation({
    mutationFn: (send: () => Promise<unknown>) => send(),
    onSettled: () => queries.invalidateQueries({ queryKey: ["calls"] }),
  });
  const call = data?.calls.find((one) => one.conversation === conversation);
  if (!call) return null;
  const path = { id: call.id };
  const here = listening.place?.call === call.id;
  const supervisor = call.supervisors[0];
  const mine = here && supervisor ? supervisor.mode : null;
  const withPerson = call.stands === "with_person";
  const send = (what: () => Promise<unknown>) => order.mutate(what);
  const body = { teammate };
  const trouble = listening.trouble || (order.error ? inWords(order.error) : "");
  const takeOver = () => here
    ? send(() => api.POST("/api/v1/calls/{id}/take-over", { params: { path }, body }))
    : listening.takeOver(call);
  return (
    <div className="mt-3 border-t border-line pt-3">
      <p className="text-xs text-soft">{stands(call)}{supervisor && !here && ` ${supervisor.by} ${supervisor.mode === "listen" ? "listens" : "speaks"} too.`}</p>
      <div className="mt-2 flex flex-wrap gap-2">
        {me.may("supervise") && !here && !supervisor && <Button small icon="eye" onClick={() => listening.join(call, "listen")}>Listen in</Button>}
        {mine && (
          <span role="group" aria-label="How you take part" className="flex flex-wrap gap-1">
            {MODES.filter(({ withPerson: only }) => !only || withPerson).map(({ mode, name, hint }) => (
              <Button key={mode} small title={hint} aria-pressed={mine === mode} look={mine === mode ? "main" : "plain"}
                onClick={() => send(() => api.PATCH("/api/v1/calls/{id}/supervision", { params: { path }, body: { mode, teammate } }))}>{name}</Button>
            ))}
          </span>
        )}
        {me.may("work_cases") && (
          <>
            {!(here && !supervisor) && <Button small icon="person" busy={order.isPending} onClick={takeOver}>Take over</Button>}
            {withPerson && <Button small icon="bot" onClick={() => send(() => api.POST("/api/v1/calls/{id}/hand-back", { params: { path }, body }))}>Give back to the agent</Button>}
            {!withPerson && <Button small icon="people" onClick={() => send(() => api.POST("/api/v1/calls/{id}/transfer", { params: { path }, body }))}>Ring people</Button>}
            <Button small look="danger" icon="hangup" onClick={() => setEnding(true)}>End</Button>
          </>
        )}
        {here && <Button small icon="close" onClick={listening.leave}>Leave</Button>}
      </div>
      {trouble && <p role="alert" className="mt-2 rounded-md bg-bad-bg px-3 py-2 text-bad">{trouble}</p>}
      {ending && (
        <Dialog title="End this call?" onClose={() => setEnding(false)}>
          <p>The caller is told in one sentence, and the line is closed. The case stays in the inbox.</p>
          <Buttons>
            <Button onClick={() => setEnding(false)}>Not now</Button>
            <Button look="danger" onClick={() => {
              setEnding(false);
              send(() => api.POST("/api/v1/calls/{id}/end", { params: { path }, body }));
            }}>End the call</Button>
          </Buttons>
        </Dialog>
      )}
    </div>
  );
}

const STANDS: Record<LiveCall["stands"], string> = {
  ringing: "It rings.", reception: "The dialplan has the caller.", conversing: "The caller is with the agent.",
  thinking: "The agent looks for an answer.", taking_details: "The agent takes the case down.",
  asking: "The agent asks something.", taking_message: "The caller leaves a message.",
  calling_people: "People are being rung.", with_person: "The caller is with a person.", ending: "It is about to end.",
};

function stands(call: LiveCall): string {
  return STANDS[call.stands];
}
