// Elements by hand. Text goes in as text: nothing here, and nothing in this frame, reads HTML.

type Child = Node | string | null | undefined | false;

export function el<K extends keyof HTMLElementTagNameMap>(name: K, set: Record<string, unknown> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(set)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value as EventListener);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(key, String(value));
  }
  node.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  close: "M6 6l12 12M18 6L6 18", send: "M4 12l16-8-6 16-3-7z", clip: "M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.5 3.5 0 0 1 5 5l-9 9a2 2 0 0 1-3-3l8-8",
  mic: "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3", stop: "M7 7h10v10H7z", file: "M6 3h8l5 5v13H6zM14 3v5h5",
};

export function icon(name: keyof typeof PATHS): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", PATHS[name]);
  return svg;
}

/** Focus stays within while the chat is open, as in any dialog. */
export function keepFocus(event: KeyboardEvent, within: HTMLElement): void {
  if (event.key !== "Tab") return;
  const all = [...within.querySelectorAll<HTMLElement>("a[href], button:enabled, input:enabled, textarea:enabled, audio[controls], [tabindex='0']")].filter((one) => one.checkVisibility());
  const [first, last] = [all[0], all.at(-1)];
  const from = event.shiftKey ? first : last;
  if (!from || document.activeElement !== from) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}
