// Own drawings, 20 by 20, in the colour of the text.

import type { SVGProps } from "react";

const PATHS = {
  inbox: "M3 11.5 5 4.5h10l2 7v4H3zm0 0h4l1 2h4l1-2h4",
  book: "M4 4.5c2.5-.8 4.5-.6 6 .7 1.5-1.3 3.5-1.5 6-.7v11c-2.5-.8-4.5-.6-6 .7-1.5-1.3-3.5-1.5-6-.7zm6 .7v11",
  settings: "M4 6h7m4 0h1M4 14h1m4 0h7M11 4v4m4-2a2 2 0 1 1-4 0 2 2 0 0 1 4 0M9 14a2 2 0 1 1-4 0 2 2 0 0 1 4 0",
  phone: "M5 3.500h2.500l1.2 3.2-1.6 1.300c.8 1.9 2 3.1 3.9 3.900l1.3-1.6 3.2 1.200V15c0 .9-.7 1.6-1.6 1.600C8.2 16.3 3.7 11.8 3.4 5.100c0-.9.7-1.6 1.6-1.600z",
  hangup: "M2.5 11.500c4.5-4 10.5-4 15 0l-2 2.2-3-1.500v-2c-1.7-.5-3.3-.5-5 0v2l-3 1.500z",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zm4.5-1.500L17 17",
  back: "M12 4.5 6.5 10l5.5 5.5",
  next: "M8 4.5 13.5 10 8 15.5",
  close: "M5 5l10 10M15 5 5 15",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  plus: "M10 4v12M4 10h12",
  check: "m4 10.5 4 4 8-9",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zm0-11v4.200l2.8 1.6",
  tag: "M3.5 3.500h6l7 7-6 6-7-7zM7 7h.01",
  note: "M4.5 3.500h11v9l-4 4h-7zm11 9h-4v4",
  send: "M3 10 17 3.5 13 17l-3.5-5.500zm6.5 1.500L17 3.5",
  person: "M10 10a3.2 3.2 0 1 0 0-6.400A3.2 3.2 0 0 0 10 10zm-6.5 7c.5-3.3 3-5 6.5-5s6 1.7 6.5 5",
  people: "M7.5 9.500a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600zm-5.5 7c.4-3 2.5-4.5 5.5-4.500s5.1 1.5 5.5 4.500M13 9.300a2.5 2.5 0 0 0 0-4.900m2 12.100H18c-.3-2.3-1.4-3.7-3.4-4.2",
  bot: "M5 7.500h10v8H5zm5 0V4.500M10 4h.01M8 11h.01M12 11h.01M3 10.500v2m14-2v2",
  play: "M6.5 4v12l9.5-6z",
  pause: "M7 4.500v11m6-11v11",
  merge: "M6 4v3c0 3 4 3 4 6v3m4-12v3c0 3-4 3-4 6m-2.5 1L10 16.500l2.5-2.5",
  split: "M10 16v-5M10 11C10 8 6 8 6 4.500m4 6.500c0-3 4-3 4-6.500M4 6l2-2 2 2m4 0 2-2 2 2",
  bolt: "M11 2.5 4.5 11.500H9L8.5 17.500l6.5-9h-4.500z",
  trash: "M4 5.500h12M8 5V3.500h4V5M5.5 5.500l.7 11h7.600l.7-11M8.5 8.500v5m3-5v5",
  up: "m4.5 12 5.5-5.5 5.5 5.5", down: "M4.5 8 10 13.5 15.5 8",
  file: "M5 2.500h6.500L15.5 6.500v11H5zm6.5 0v4h4",
  globe: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM3 10h14M10 3c5 4 5 10 0 14-5-4-5-10 0-14z",
  filter: "M3.5 5h13M6 10h8m-5 5h2",
  undo: "M7.5 4 4 7.5 7.5 11M4 7.500h7.500a4.5 4.5 0 0 1 0 9H8",
  eye: "M2.5 10C6 4.5 14 4.5 17.5 10 14 15.5 6 15.5 2.5 10zM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  key: "M12.5 11.500a4 4 0 1 0-3.5-2L3.5 15v2H6l.5-1.500H8l.5-2h1.500zM13.5 6.500h.01",
  list: "M7.5 5H17M7.5 10H17M7.5 15H17M3.5 5h.01M3.5 10h.01M3.5 15h.01",
  question: "M7.5 7.500c0-3.3 5-3.3 5 0 0 2-2.5 2-2.5 4.200M10 15h.01",
  mic: "M10 12a2.5 2.5 0 0 0 2.5-2.500v-4a2.5 2.5 0 0 0-5 0v4A2.5 2.5 0 0 0 10 12zm-5-2.500a5 5 0 0 0 10 0M10 14.500V17",
  keypad: "M5 4.500h.01M10 4.500h.01M15 4.500h.01M5 9.500h.01M10 9.500h.01M15 9.500h.01M5 14.500h.01M10 14.500h.01M15 14.500h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18, ...rest }: { name: IconName; size?: number } & SVGProps<SVGSVGElement>) {
  const bold = ["more", "keypad"].includes(name) ? 2.6 : 1.6;
  return (
    <svg
      viewBox="0 0 20 20" width={size} height={size} fill={name === "play" ? "currentColor" : "none"} stroke="currentColor"
      strokeWidth={bold} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" className="shrink-0" {...rest}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="8" fill="#0b6b63" />
      <circle cx="10" cy="11" r="3" fill="#fff" /><circle cx="22" cy="21" r="3" fill="#fff" />
      <path d="M10 11c0 9 12 1 12 10" fill="none" stroke="#fff" strokeWidth="2.4" />
    </svg>
  );
}
