// A button with a list of things to do under it (ARIA menu button).

import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "./basics";
import { Icon, type IconName } from "./icons";

export type MenuItem = { label: ReactNode; icon?: IconName; danger?: boolean; checked?: boolean; onPick: () => void } | "line";
type Props = { label: string; icon?: IconName; text?: ReactNode; items: MenuItem[]; small?: boolean; up?: boolean; left?: boolean; disabled?: boolean };

export function Menu({ label, icon, text, items, small, up, left, disabled }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
    const elsewhere = (event: PointerEvent) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", elsewhere);
    return () => removeEventListener("pointerdown", elsewhere);
  }, [open]);

  function close() {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  }
  function onKey(event: KeyboardEvent) {
    if (!open) return;
    if (event.key === "Escape") return void (event.stopPropagation(), close());
    if (event.key === "Tab") return setOpen(false);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...box.current!.querySelectorAll<HTMLElement>("[role^=menuitem]")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[(at + step + rows.length) % rows.length]?.focus();
  }

  return (
    <div ref={box} className="relative" onKeyDown={onKey}>
      <Button
        look={text ? "plain" : "quiet"} icon={icon} small={small} aria-label={text ? undefined : label} title={label} disabled={disabled}
        aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => setOpen(!open)}
      >{text}</Button>
      {open && (
        <ul id={id} role="menu" aria-label={label} className={`rise absolute z-30 max-h-80 w-max max-w-72 min-w-48 overflow-y-auto rounded-lg border border-line bg-surface py-1 shadow-xl ${up ? "bottom-full mb-1" : "top-full mt-1"} ${left ? "left-0" : "right-0"}`}>
          {items.map((item, at) => item === "line" ? <li key={at} role="separator" className="my-1 border-t border-line" /> : (
            <li key={at} role="none">
              <button
                type="button" role={item.checked === undefined ? "menuitem" : "menuitemradio"} aria-checked={item.checked} tabIndex={-1}
                onClick={() => { close(); item.onPick(); }}
                className={`flex w-full items-center gap-2.5 px-3 py-1.5 text-left hover:bg-sunken focus:bg-sunken focus:outline-none max-md:min-h-11 ${item.danger ? "text-bad" : ""}`}
              >
                {item.icon && <Icon name={item.icon} size={16} className="shrink-0 text-soft" />}
                <span className="min-w-0 flex-1 truncate">{item.label}</span>
                {item.checked && <Icon name="check" size={15} />}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
