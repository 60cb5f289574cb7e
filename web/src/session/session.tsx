// Who uses the console.

import { queryOptions, useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useMemo } from "react";
import { api, got, Refusal } from "@/api/client";
import type { Permission, Role, Teammate } from "@/api/types";
import { may } from "./permissions";

export type Me = {
  /** As it stands beside what is done. */
  name: string;
  role: Role;
  /** `null` while nobody has an account: whoever is at the server's machine, or holds its token. */
  account: Teammate | null;
  /** Sees every inbox; others get no live events and read again instead. */
  everything: boolean;
  may: (permission: Permission) => boolean;
};

/** How the server takes whoever asks. */
export type Known =
  | { state: "account"; teammate: Teammate }
  | { state: "machine" }
  | { state: "token wanted" }
  | { state: "sign in" };

async function known(): Promise<Known> {
  try {
    const { teammate } = await got(api.GET("/api/v1/session"));
    return { state: "account", teammate };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Only somebody who signed in has an account; the machine itself is let in without.
    if (error.status === 403) return { state: "machine" };
    if (error.status !== 401) throw error;
  }
  const { needed } = await got(api.GET("/api/v1/setup"));
  return { state: needed ? "token wanted" : "sign in" };
}

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: known, staleTime: 60_000, retry: 1 });
export const useKnown = () => useQuery(sessionQuery);

const Context = createContext<Me | null>(null);

export function SessionProvider({ known, children }: { known: Known; children: ReactNode }) {
  const me = useMemo<Me>(() => {
    const account = known.state === "account" ? known.teammate : null;
    const role = account?.role ?? "owner";
    return {
      name: account?.name ?? "Desk", role, account, everything: !account?.inboxes,
      may: (permission) => may(role, permission),
    };
  }, [known]);
  return <Context value={me}>{children}</Context>;
}

export function useMe(): Me {
  const me = use(Context);
  if (!me) throw new Error("nobody is known outside of SessionProvider");
  return me;
}
