// The panel in which one calls one's own agent; it stays while one walks through the console.

import { createContext, lazy, type ReactNode, Suspense, use, useMemo, useState } from "react";

type Dock = { shown: boolean; show: () => void; hide: () => void };
const Context = createContext<Dock | null>(null);
const CallPanel = lazy(() => import("./CallPanel"));

export function DockProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState(false);
  const dock = useMemo<Dock>(() => ({ shown, show: () => setShown(true), hide: () => setShown(false) }), [shown]);
  return (
    <Context value={dock}>
      {children}
      {shown && <Suspense fallback={null}><CallPanel /></Suspense>}
    </Context>
  );
}

export function useDock(): Dock {
  const dock = use(Context);
  if (!dock) throw new Error("the dock is opened inside of DockProvider alone");
  return dock;
}
