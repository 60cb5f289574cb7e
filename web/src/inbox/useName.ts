import { useQuery } from "@tanstack/react-query";
import type { ConversationSummary } from "@/api/types";
import { nameOf } from "./names";
import { contactQuery } from "./queries";

/** The customer's name, once it is known. */
export function useName(one: ConversationSummary): string {
  const contact = useQuery({ ...contactQuery(one.contact ?? ""), enabled: Boolean(one.contact) });
  return contact.data?.name ?? nameOf(one);
}
