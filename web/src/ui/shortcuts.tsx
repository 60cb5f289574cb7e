// Keys: each part of the console names its own, and "?" lists those that work at the moment.

import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useState } from "react";
import { Dialog } from "./Dialog";

export type Shortcut = { keys: string; does: string; act: (event: KeyboardEvent) => void };
type Registry = { groups: Map<string, () => Shortcut[]> };
const Context = createContext<Registry | null>(null);

// A second key of a pair ("g k") comes within this time.
const PAIR_MS = 900;

export function Shortcuts({ children }: { children: ReactNode }) {
  const registry = useMemo<Registry>(() => ({ groups: new Map() }), []);
  const [listed, setListed] = useState(false);
  const before = useRef({ key: "", at: 0 });
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || writes(event.target)) return;
      if (document.querySelector("dialog[open], [role=menu]")) return;
      if (event.key === "?") return setListed(true);
      const now = performance.now();
      const pair = now - before.current.at < PAIR_MS ? `${before.current.key} ${event.key}` : "";
      before.current = { key: event.key, at: now };
      const all = [...registry.groups.values()].flatMap((group) => group());
      const hit = all.find(({ keys }) => keys === pair) ?? all.find(({ keys }) => keys.split(" / ").includes(event.key));
      if (!hit) return;
      event.preventDefault();
      hit.act(event);
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [registry]);
  return (
    <Context value={registry}>
      {children}
      {listed && (
        <Dialog title="Keys" onClose={() => setListed(false)} wide>
          <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
            {[...registry.groups].map(([name, group]) => (
              <section key={name}>
                <h3 className="heading mb-2">{name}</h3>
                <dl className="flex flex-col gap-1.5">
                  {group().map(({ keys, does }) => (
                    <div key={keys} className="flex items-center gap-3">
                      <dt className="w-20 shrink-0"><kbd className="rounded border border-line bg-sunken px-1.5 py-0.5 font-mono text-xs whitespace-nowrap">{shown(keys)}</kbd></dt>
                      <dd>{does}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
        </Dialog>
      )}
    </Context>
  );
}

/** As it stands on the keys themselves. */
const shown = (keys: string) => keys.replace("ArrowDown", "↓").replace("ArrowUp", "↑").replace("Escape", "Esc");

const writes = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** While shown, these keys work. */
export function useShortcuts(group: string, shortcuts: Shortcut[]): void {
  const registry = use(Context);
  const latest = useRef(shortcuts);
  useEffect(() => { latest.current = shortcuts; });
  useEffect(() => {
    registry?.groups.set(group, () => latest.current);
    return () => void registry?.groups.delete(group);
  }, [registry, group]);
}
