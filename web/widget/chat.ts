// The chat in its frame: begins or goes on with a visit, shows the thread, sends what is written.

import { bubble, onItsWay, type Hands } from "./bubbles";
import { el, icon, keepFocus } from "./dom";
import { Line, Refused, Server } from "./server";
import { became, empty, newest, next, pause, told, unread, withdrawn, written } from "./thread";
import type { News, Pending, Standing, Visit } from "./types";

type Hello = { kind: "hello"; page?: string; identity?: Record<string, string>; open: boolean };
type Stored = { token?: string; pending?: Pending[]; read?: number };

const TYPING_MS = 4_000;
const TYPED_LAPSES_MS = 10_000;
const TEXT_PX_MAX = 120;
const FILE_BYTES_MAX = 10_000_000;
const STANDING: Record<Standing, string> = {
  agent: "You are talking with our assistant.", waiting: "A colleague will reply to you here.",
  person: "You are talking with a person.", done: "This matter is closed; write again whenever you like.",
};

const server = new Server();
const widget = location.pathname.split("/")[2] ?? "";
let site = "";
let page: string | undefined;
let identity: Record<string, string> | undefined;
let visit: Visit | undefined;
let thread = empty();
let open = false;
let online = true;
let sending = false;
let failures = 0;
let typedAt = 0;
let typingEnds: ReturnType<typeof setTimeout> | undefined;

const line = new Line(server, () => thread.after, hear, (up) => {
  online = up;
  if (up) void send();
  show();
});

// --- What this browser keeps ---------------------------------------------------------------------------------------

/** Whoever shares a browser shares nothing else: each known visitor has a drawer of their own. */
const drawer = () => `switchboard:${widget}:${identity ? (identity["user_id"] ?? subject(identity["token"]) ?? "") : ""}`;

function subject(token: string | undefined): string | undefined {
  try {
    return JSON.parse(atob((token?.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {
    return undefined;
  }
}

function stored(): Stored {
  try {
    return JSON.parse(localStorage.getItem(drawer()) ?? "{}");
  } catch {
    return {};
  }
}

function keep(): void {
  try {
    localStorage.setItem(drawer(), JSON.stringify({ token: server.token, pending: thread.pending, read: thread.read }));
  } catch {
    // Nothing can be kept here; the chat lasts as long as the page.
  }
}

// --- The visit -----------------------------------------------------------------------------------------------------

async function begin(): Promise<void> {
  line.close();
  const { token, pending, read } = stored();
  thread = empty(pending, read);
  for (let failed = 0; ; failed++) {
    try {
      visit = token && failed === 0 ? await server.goOn(token) : await server.begin(site, page, identity);
      break;
    } catch (error) {
      const refused = error instanceof Refused ? error : undefined;
      if (refused?.status === 401 && failed === 0) continue;
      if (refused && refused.status < 500 && refused.status !== 429) return fail(refused.message);
      online = false;
      show();
      await new Promise((done) => setTimeout(done, Math.max(refused?.waitMs ?? 0, pause(failed, Math.random()))));
      // A visit that was begun goes on; only who is told that it is over begins another one.
      if (token && refused?.status !== 401) failed = -1;
    }
  }
  keep();
  build(visit);
  line.open();
}

function hear(news: News): void {
  if (news.kind === "over") {
    server.token = "";
    keep();
    void begin();
    return;
  }
  thread = told(thread, news);
  if (news.kind === "message" && news.message.from !== "you") {
    line.sign({ delivered: news.message.seq });
    if (news.message.from === "person") thread = { ...thread, typing: false };
  }
  if (news.kind === "typing") {
    clearTimeout(typingEnds);
    typingEnds = setTimeout(() => { thread = { ...thread, typing: false }; show(); }, TYPED_LAPSES_MS);
  }
  look();
}

/** What stands on an open screen has been read. */
function look(): void {
  const seen = newest(thread);
  if (open && document.visibilityState === "visible" && seen > thread.read) {
    thread = { ...thread, read: seen };
    line.sign({ read: seen });
  }
  keep();
  show();
}

// --- Writing -------------------------------------------------------------------------------------------------------

function write(text: string, files: Pending["files"] = []): void {
  thread = written(thread, { client_id: crypto.randomUUID(), text, files, at_ms: Date.now(), state: "waiting" });
  look();
  void send();
}

/** One after the other, so that they keep their order; what gets no answer is sent again under its name. */
async function send(): Promise<void> {
  if (sending) return;
  sending = true;
  for (let one = next(thread); one; one = next(thread)) {
    const { client_id, text, files } = one;
    try {
      await server.send(client_id, text, files.map(({ id }) => id));
      thread = became(thread, client_id, "taken");
      failures = 0;
    } catch (error) {
      const refused = error instanceof Refused ? error : undefined;
      if (refused && refused.status >= 400 && refused.status < 500 && refused.status !== 429 && refused.status !== 401) {
        thread = became(thread, client_id, "refused", refused.message);
      } else {
        setTimeout(() => void send(), Math.max(refused?.waitMs ?? 0, pause(failures++, Math.random())));
        break;
      }
    }
    look();
  }
  sending = false;
  look();
}

async function bring(file: Blob, name: string): Promise<void> {
  if (file.size > FILE_BYTES_MAX) return tell("A file may have 10 MB; choose a smaller one.");
  tell(`Uploading ${name}…`);
  try {
    write("", [await server.bring(file, name)]);
    tell("");
  } catch (error) {
    tell(error instanceof Refused ? error.message : "The file could not be sent; try again once you are connected.");
  }
}

async function record(button: HTMLButtonElement): Promise<void> {
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    return tell("The microphone cannot be used; allow it in your browser.");
  }
  const recorder = new MediaRecorder(stream);
  const heard: Blob[] = [];
  const face = (name: "mic" | "stop", label: string) => { button.replaceChildren(icon(name)); button.setAttribute("aria-label", label); button.title = label; };
  recorder.ondataavailable = ({ data }) => heard.push(data);
  recorder.onstop = () => {
    stream.getTracks().forEach((track) => track.stop());
    face("mic", "Record a voice note");
    button.onclick = () => void record(button);
    tell("");
    const kind = recorder.mimeType.split(";")[0] ?? "";
    void bring(new Blob(heard, { type: kind }), `voice note.${kind.endsWith("mp4") ? "m4a" : kind.endsWith("ogg") ? "ogg" : "webm"}`);
  };
  recorder.start();
  face("stop", "Stop and send the voice note");
  tell("Recording…");
  button.onclick = () => recorder.stop();
  // Five minutes of speech are far below the size that is taken.
  setTimeout(() => recorder.state === "recording" && recorder.stop(), 300_000);
}

// --- The screen ----------------------------------------------------------------------------------------------------

const main = document.getElementById("chat")!;
const list = el("ol", {});
const log = el("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0" }, list);
const standing = el("p", { class: "standing" });
const banner = el("p", { class: "banner", role: "status" });
const typing = el("p", { class: "typing", "aria-live": "polite" });
const note = el("p", { class: "note", role: "status" });
const shown = new Map<string, HTMLElement>();
const hands: Hands = {
  fetch: (id) => server.fetch(id),
  retry: (id) => { thread = became(thread, id, "waiting"); look(); void send(); },
  drop: (id) => { thread = withdrawn(thread, id); look(); },
};
const tell = (words: string) => { note.textContent = words; note.hidden = words === ""; };

function head(title: string): HTMLElement {
  const close = el("button", { type: "button", class: "round", "aria-label": "Close chat", title: "Close chat", onclick: shut }, icon("close"));
  return el("header", {}, el("div", {}, el("h1", {}, title), standing), close);
}

function build(visit: Visit): void {
  shown.clear();
  list.replaceChildren();
  tell("");
  main.replaceChildren(head(visit.title), banner, ...(visit.complete ? [log, typing, note, composer(visit)] : [form(visit)]));
  standing.hidden = !visit.complete;
  show();
  if (open) focus();
}

function composer(visit: Visit): HTMLElement {
  const text = el("textarea", { id: "text", rows: 1, maxlength: 10_000, placeholder: "Write a message…", "aria-label": "Message", enterkeyhint: "send" });
  const grow = () => { text.style.height = "auto"; text.style.height = `${Math.min(text.scrollHeight + 2, TEXT_PX_MAX)}px`; text.style.overflowY = text.scrollHeight > TEXT_PX_MAX ? "auto" : "hidden"; };
  const submit = (event: Event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (words === "") return;
    write(words);
    text.value = "";
    typedAt = 0;
    grow();
    text.focus();
  };
  text.addEventListener("input", () => {
    grow();
    const now = Date.now();
    if (now - typedAt > TYPING_MS) line.sign({ typing: true });
    typedAt = now;
  });
  text.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event); });
  const file = el("input", { type: "file", hidden: true, tabindex: -1, "aria-label": "File" });
  file.addEventListener("change", () => {
    for (const one of file.files ?? []) void bring(one, one.name);
    file.value = "";
  });
  const round = (name: "clip" | "mic", label: string) => el("button", { type: "button", class: "round", "aria-label": label, title: label }, icon(name));
  const clip = round("clip", "Attach a file");
  clip.onclick = () => file.click();
  const mic = round("mic", "Record a voice note");
  mic.onclick = () => void record(mic);
  const person = el("button", { type: "button", class: "plain", onclick: () => write("I would like to talk to a person.") }, "Talk to a person");
  const call = visit.call_button && el("a", { class: "plain", href: "/call", target: "_blank", rel: "noopener" }, "Call us");
  return el("form", { onsubmit: submit },
    el("div", { class: "row" }, person, call),
    el("div", { class: "row write" }, clip, "MediaRecorder" in window && mic, file, text, el("button", { type: "submit", class: "round main", "aria-label": "Send", title: "Send" }, icon("send"))));
}

function form(visit: Visit): HTMLElement {
  const wrong = el("p", { class: "why", role: "alert" });
  const types: Record<string, string> = { email: "email", phone: "tel" };
  const fields = visit.ask.map(({ name, label, required }) =>
    el("label", {}, required ? label : `${label} (optional)`, el("input", { name, type: types[name] ?? "text", required, maxlength: 500, autocomplete: { email: "email", phone: "tel", name: "name" }[name] ?? "off" })));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target as HTMLFormElement)].map(([name, value]) => [name, String(value)]));
    try {
      const filled = await server.fillIn(given);
      // Only the parts that a visit begins with are told anew.
      build({ ...visit, complete: filled.complete });
    } catch (error) {
      wrong.textContent = error instanceof Refused ? error.message : "There is no connection; try again in a moment.";
    }
  };
  return el("form", { class: "ask", onsubmit: submit, novalidate: false }, el("p", {}, visit.greeting), ...fields, wrong, el("button", { type: "submit", class: "plain main" }, "Start the chat"));
}

function fail(words: string): void {
  main.replaceChildren(head("Chat"), el("p", { class: "fail", role: "alert" }, words));
}

function show(): void {
  parent.postMessage({ kind: "unread", count: open ? 0 : unread(thread) }, site || "*");
  if (!visit) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const wanted: [string, () => HTMLElement][] = [
    ["greeting", () => el("li", { class: "bubble agent" }, el("p", { class: "text" }, visit!.greeting), visit!.reply_time !== "" && el("p", { class: "by" }, visit!.reply_time))],
    ...thread.messages.map((message): [string, () => HTMLElement] => [`m${message.seq}`, () => bubble(message, hands)]),
    ...thread.pending.map((one): [string, () => HTMLElement] => [`p${one.client_id}${one.state}${online}`, () => onItsWay(one, online, hands)]),
  ];
  const keys = new Set(wanted.map(([key]) => key));
  for (const [key, node] of shown) if (!keys.has(key)) { node.remove(); shown.delete(key); }
  let before: Element | null = null;
  for (const [key, make] of wanted) {
    let node = shown.get(key);
    if (!node) shown.set(key, (node = make()));
    const place: Element | null = before ? before.nextElementSibling : list.firstElementChild;
    if (place !== node) list.insertBefore(node, place);
    before = node;
  }
  const fresh = thread.messages.length === 0 && thread.pending.length === 0;
  standing.textContent = fresh ? "" : STANDING[thread.standing];
  banner.textContent = online ? "" : "You are offline. What you write is sent once you are connected again.";
  banner.hidden = online;
  typing.textContent = thread.typing ? "Somebody is typing…" : "";
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const shut = () => parent.postMessage({ kind: "close" }, site || "*");
const focus = () => (main.querySelector<HTMLElement>("textarea, input:not([hidden]), button") ?? main).focus();

addEventListener("message", ({ source, origin, data }: MessageEvent<Hello | { kind: "opened" | "closed" }>) => {
  if (source !== parent) return;
  if (data.kind === "hello") {
    const same = site === origin && JSON.stringify(identity) === JSON.stringify(data.identity);
    [site, page, identity, open] = [origin, data.page, data.identity, data.open];
    if (!same) void begin();
  } else if (origin === site && (data.kind === "opened" || data.kind === "closed")) {
    open = data.kind === "opened";
    if (open) {
      log.scrollTop = log.scrollHeight;
      focus();
    }
    look();
  }
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") shut();
  keepFocus(event, main);
});
addEventListener("online", () => { if (visit) line.open(); });
addEventListener("offline", () => { line.close(); online = false; show(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") { line.hurry(); look(); } });
parent.postMessage({ kind: "ready" }, "*");
