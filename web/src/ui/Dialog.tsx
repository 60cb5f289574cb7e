// A dialog of the browser's own: it holds the focus, ends with Escape, and gives the focus back.

import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./basics";

type Props = { title: string; onClose: () => void; children: ReactNode; wide?: boolean };

export function Dialog({ title, onClose, children, wide }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={box} aria-labelledby={heading} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => event.target === box.current && onClose()}
      className={`max-h-[min(90dvh,48rem)] w-[calc(100vw-1.5rem)] rounded-xl border border-line bg-surface p-0 shadow-2xl ${wide ? "max-w-2xl" : "max-w-md"}`}
    >
      <div className="flex max-h-[inherit] flex-col">
        <header className="flex items-center gap-3 border-b border-line py-2 pr-2 pl-4">
          <h2 id={heading} className="flex-1 text-base font-semibold">{title}</h2>
          <Button look="quiet" icon="close" aria-label="Close" onClick={onClose} />
        </header>
        <div className="scroll p-4">{children}</div>
      </div>
    </dialog>
  );
}

export function Buttons({ children }: { children: ReactNode }) {
  return <div className="mt-4 flex flex-wrap justify-end gap-2">{children}</div>;
}
