// What happened in the background, said in a corner and to readers of the screen.

import { createContext, type ReactNode, use, useCallback, useRef, useState } from "react";
import { inWords } from "@/api/client";
import { Button } from "./basics";

type Toast = { id: number; text: string; bad: boolean; undo?: () => void };
type Say = { tell: (text: string, undo?: () => void) => void; fail: (error: unknown) => void };

// Long enough to read two lines and to reach the button.
const SHOWN_MS = 6_000;
const Context = createContext<Say | null>(null);

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(0);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((one) => one.id !== id)), []);
  const add = useCallback((toast: Omit<Toast, "id">) => {
    const id = (next.current += 1);
    setToasts((all) => [...all.slice(-2), { ...toast, id }]);
    setTimeout(() => drop(id), toast.bad ? SHOWN_MS * 2 : SHOWN_MS);
  }, [drop]);
  const say = useRef<Say>({
    tell: (text, undo) => add({ text, bad: false, undo }),
    fail: (error) => add({ text: inWords(error), bad: true }),
  });
  return (
    <Context value={say.current}>
      {children}
      <div className="pointer-events-none fixed inset-x-3 bottom-20 z-50 flex flex-col items-center gap-2 md:bottom-4" aria-live="polite">
        {toasts.map(({ id, text, bad, undo }) => (
          <div key={id} className={`rise pointer-events-auto flex max-w-lg items-center gap-2 rounded-lg border py-1 pr-1 pl-3 shadow-lg ${bad ? "border-bad bg-bad-bg text-bad" : "border-line bg-surface"}`}>
            <span className="py-1">{text}</span>
            {undo && <Button small look="quiet" icon="undo" onClick={() => { undo(); drop(id); }}>Undo</Button>}
            <Button small look="quiet" icon="close" aria-label="Dismiss" onClick={() => drop(id)} />
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useSay(): Say {
  const say = use(Context);
  if (!say) throw new Error("toasts are said inside of Toasts alone");
  return say;
}
