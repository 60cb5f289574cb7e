// What the server found wrong, shown at the field it is about.

import { createContext, use } from "react";
import type { Fault } from "@/api/types";

const Context = createContext<Fault[]>([]);
export const Faults = Context;

/** Those of a place; with `within`, of what lies in it too. */
export function faultsAt(faults: Fault[], path: string, within = false): Fault[] {
  return faults.filter((fault) => fault.path === path || (within && (fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))));
}

export function useFault(path: string, within = false): string | undefined {
  const found = faultsAt(use(Context), path, within);
  return found.length ? found.map(({ problem, remedy }) => `${problem}; ${remedy}.`).join(" ") : undefined;
}

export function FaultLine({ at, within }: { at: string; within?: boolean }) {
  const text = useFault(at, within);
  return text ? <p role="alert" className="mt-1 text-xs text-bad">{text}</p> : null;
}
