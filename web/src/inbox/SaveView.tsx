import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, inWords } from "@/api/client";
import type { Condition } from "@/api/types";
import { useMe } from "@/session/session";
import { Button, Field } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";
import { BOXES, type InboxSearch } from "./filters";

/** What the list shows now, as a condition. */
export function conditionOf(search: InboxSearch, me: string): Condition {
  const statuses = BOXES.find(({ box }) => box === (search.box ?? "all"))!.statuses;
  const all: Condition[] = [];
  if (statuses.length === 1) all.push({ status: statuses[0]! });
  if (statuses.length > 1) all.push({ any: statuses.map((status) => ({ status })) });
  if (search.box === "mine") all.push({ assignee: me });
  if (search.channel) all.push({ channel: search.channel });
  if (search.handler) all.push({ handler: search.handler });
  if (search.tag) all.push({ tag: search.tag });
  return all.length === 1 ? all[0]! : { all };
}

export function SaveView({ search, onClose }: { search: InboxSearch; onClose: () => void }) {
  const [name, setName] = useState("");
  const me = useMe();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => api.POST("/api/v1/views", { body: { name, filter: conditionOf(search, me.name) } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["views"] });
      onClose();
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <Dialog title="Save as a view" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name" hint="The whole team sees it. Words of a search are not part of a view." error={save.isError && inWords(save.error)}>
          {(ids) => <input {...ids} className="input" required maxLength={60} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <Buttons><Button onClick={onClose}>Cancel</Button><Button look="main" type="submit" busy={save.isPending}>Save</Button></Buttons>
      </form>
    </Dialog>
  );
}
