// Messages as they are seen.

import { el, icon } from "./dom";
import { parts } from "./thread";
import type { File as Kept, Message, Pending } from "./types";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SIZES = ["B", "kB", "MB"];
const shownInline = /^(image\/(png|jpeg|gif|webp|avif|bmp)|audio\/)/;

export type Hands = { fetch: (id: string) => Promise<Blob>; retry: (id: string) => void; drop: (id: string) => void };

const link = (url: string, text: string) => el("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, text);

export function bubble(message: Message, hands: Hands): HTMLElement {
  const { from, name, text, at_ms, sources, files } = message;
  const who = from === "you" ? "You" : (name ?? (from === "agent" ? "Assistant" : "Team"));
  return el("li", { class: `bubble ${from}`, "data-seq": message.seq },
    el("p", { class: "by" }, `${who} · `, el("time", { datetime: new Date(at_ms).toISOString() }, clock.format(at_ms))),
    text !== "" && el("p", { class: "text" }, ...words(text)),
    ...files.map((file) => shownFile(file, hands)),
    sources.length > 0 && el("p", { class: "sources" }, "Source: ", ...sources.flatMap(({ url, title }, index) => [index > 0 ? ", " : "", link(url, title)])),
  );
}

const STATES = { waiting: "Sending…", taken: "Sent", refused: "Not sent" };

export function onItsWay(one: Pending, online: boolean, hands: Hands): HTMLElement {
  const refused = one.state === "refused";
  return el("li", { class: "bubble you way", "data-state": one.state },
    el("p", { class: "by" }, "You · ", !online && one.state === "waiting" ? "Waits for the connection" : STATES[one.state]),
    one.text !== "" && el("p", { class: "text" }, ...words(one.text)),
    ...one.files.map((file) => el("p", { class: "file" }, icon("file"), file.name)),
    refused && el("p", { class: "why" }, one.why ?? "", " ",
      el("button", { type: "button", class: "link", onclick: () => hands.retry(one.client_id) }, "Try again"), " ",
      el("button", { type: "button", class: "link", onclick: () => hands.drop(one.client_id) }, "Remove")),
  );
}

const words = (text: string) => parts(text).map((part) => (part.url ? link(part.url, part.text) : part.text));

function shownFile(file: Kept, hands: Hands): HTMLElement {
  const step = Math.min(2, Math.floor(Math.log10(Math.max(1, file.size_bytes)) / 3));
  const size = `${Math.round(file.size_bytes / 1_000 ** step)} ${SIZES[step]}`;
  const place = el("div", { class: "file" });
  const download = el("button", { type: "button", class: "link" }, icon("file"), `${file.name} (${size})`);
  download.addEventListener("click", async () => {
    const url = URL.createObjectURL(await hands.fetch(file.id));
    el("a", { href: url, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  });
  place.append(download);
  if (shownInline.test(file.media_type)) {
    hands.fetch(file.id).then((blob) => {
      const src = URL.createObjectURL(blob);
      place.prepend(file.media_type.startsWith("audio/") ? el("audio", { controls: true, src, "aria-label": file.name }) : el("img", { src, alt: file.name }));
    }, () => {});
  }
  return place;
}
