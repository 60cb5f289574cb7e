// How things look: each function makes the elements of one thing. Everything from outside goes in as text.

/** An element; strings among its children become text, nothing ever becomes markup. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Brings the children of `box` in line with `items`, leaving alone what did not change (focus, selection, readers). */
export function sync(box, items, key, build) {
  const there = new Map([...box.children].map((node) => [node.dataset.key, node]));
  let place = null;
  for (const item of items) {
    const looks = JSON.stringify(item);
    let node = there.get(key(item));
    there.delete(key(item));
    if (!node || node.dataset.looks !== looks) {
      const fresh = build(item);
      fresh.dataset.key = key(item);
      fresh.dataset.looks = looks;
      const focused = node?.contains(document.activeElement);
      node?.replaceWith(fresh);
      node = fresh;
      if (focused) node.querySelector("a, button, [tabindex]")?.focus({ preventScroll: true });
    }
    const next = place ? place.nextSibling : box.firstChild;
    if (next !== node) box.insertBefore(node, next);
    place = node;
  }
  for (const gone of there.values()) gone.remove();
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function when(ms) {
  const same = new Date(ms).toDateString() === new Date().toDateString();
  return el("time", { datetime: new Date(ms).toISOString(), title: full.format(ms) }, (same ? clock : day).format(ms));
}

export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How long it has been going on; `tick` moves it. */
const since = (ms) => el("span", { class: "since", "data-since": ms }, span(Date.now() - ms));

export function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    node.textContent = span(Date.now() - Number(node.dataset.since));
  }
}

export const goesOn = (conversation) => Boolean(conversation.call) && conversation.call.ended_at_ms === null;

/** Who it is, for people: a number, or the user part of a SIP address. */
export function caller(conversation) {
  const from = conversation.call?.from;
  if (!conversation.call) return "Message";
  if (!from) return "Number withheld";
  if (conversation.call.trunk === "browser") return "Browser";
  return /^sips?:([^@;]+)@/.exec(from)?.[1] ?? from;
}

const OUTCOMES = {
  resolved: ["Resolved", "good"], person: ["Taken by a person", "good"], ticket: ["Ticket", "warn"],
  best_effort: ["Best effort", "warn"], abandoned: ["Caller left", ""], lost: ["Cut off", "bad"],
};
const STATUSES = {
  needs_human: ["Needs a person", "bad"], waiting: ["Waiting on customer", ""], snoozed: ["Snoozed", ""],
};

export function tags(conversation) {
  const tag = ([text, kind]) => el("span", { class: `tag ${kind}` }, text);
  const { call, status, preview } = conversation;
  const live = goesOn(conversation);
  const shown = [];
  if (live) shown.push(tag([call.answered_at_ms === null ? "Ringing" : "On the line", "live"]));
  if (call?.outcome && OUTCOMES[call.outcome]) shown.push(tag(OUTCOMES[call.outcome]));
  if (STATUSES[status]) shown.push(tag(STATUSES[status]));
  if (conversation.handler === "human") shown.push(tag(["With a person", ""]));
  if (preview) shown.push(tag(["Test", ""]));
  return shown;
}

export function row({ conversation, selected }) {
  const { call } = conversation;
  const live = goesOn(conversation);
  const gist = conversation.summary ?? conversation.reason;
  const link = el("a", { class: "row", href: `#${conversation.id}`, "aria-current": selected && "true" },
    el("span", { class: "who" }, caller(conversation)),
    live ? since(call.answered_at_ms ?? call.started_at_ms) : when(conversation.created_at_ms),
    gist && el("span", { class: "gist" }, gist),
    el("span", { class: "tags" }, tags(conversation)));
  return el("li", {}, link);
}

/** The head of one conversation. */
export function head(conversation) {
  const { call } = conversation;
  const facts = [el("span", {}, full.format(conversation.created_at_ms))];
  if (call) {
    facts.push(el("span", {}, `to ${call.to}`), el("span", {}, `by ${call.trunk}`));
    const began = call.answered_at_ms ?? call.started_at_ms;
    if (goesOn(conversation)) facts.push(since(began));
    else facts.push(el("span", {}, `${span(call.ended_at_ms - began)} long`));
  }
  const gaps = (conversation.messages ?? []).map((m) => m.timings_ms?.reply_gap).filter((gap) => gap != null).sort((a, b) => a - b);
  if (gaps.length) facts.push(el("span", {}, `median reply gap ${Math.round(gaps[Math.floor((gaps.length - 1) / 2)])} ms`));
  return el("div", {},
    el("div", { class: "case" }, el("h2", { tabindex: "-1" }, caller(conversation)), tags(conversation)),
    el("p", { class: "case-facts" }, facts), gist(conversation));
}

function gist(conversation) {
  if (!conversation.summary && !conversation.reason) return null;
  return el("section", { class: "card gist-card", "aria-label": "Summary" },
    conversation.summary && el("p", {}, conversation.summary),
    conversation.reason && el("p", { class: "faint" }, `A person is wanted: ${conversation.reason}`));
}

const AUTHORS = { customer: "Customer", agent: "Agent", draft: "Draft, not sent", teammate: "Teammate", note: "" };
const VERDICTS = { send: ["Sent", "good"], clarify: ["Asked back", ""], hold: ["Held for a person", "warn"], handoff: ["Handed off", "warn"] };

export function turn({ message, live }) {
  const ours = ["agent", "teammate", "draft"].includes(message.author);
  const kind = message.author === "note" ? "note" : `${ours ? "ours" : ""} ${message.author}`;
  const by = message.author !== "note" && el("p", { class: "said-by" },
    el("span", {}, AUTHORS[message.author] ?? message.author),
    el("time", { datetime: new Date(message.at_ms).toISOString() }, exact.format(message.at_ms)));
  return el("li", { class: `turn ${kind}` }, by, bubble(message, live), why(message), gap(message.timings_ms));
}

/** What was said; of what the agent meant to say, the part that nobody heard is struck out. */
function bubble({ author, text, heard_text: heard }, live) {
  if (author !== "agent" || heard === null || heard === text) {
    const saying = author === "agent" && heard === null && live;
    return el("p", { class: "bubble" }, text, saying && el("span", { class: "cut" }, "being said…"));
  }
  let same = 0;
  while (same < heard.length && heard[same] === text[same]) same += 1;
  return el("p", { class: "bubble" }, text.slice(0, same), el("span", { class: "unheard" }, text.slice(same)),
    el("span", { class: "cut" }, same ? "interrupted here" : "not heard"));
}

function why({ verdict, reason, confidence, sources }) {
  if (!verdict) return null;
  const [word, kind] = VERDICTS[verdict] ?? [verdict, ""];
  const list = sources.map((source) => el("li", {}, source.question, " ",
    el("span", { class: "faint h" }, `${source.source}, ${source.score.toFixed(2)}`)));
  return el("div", { class: "why" },
    el("span", { class: `tag ${kind}` }, word),
    confidence !== null && el("span", {}, `${Math.round(confidence * 100)} % sure`),
    reason && el("span", {}, reason),
    list.length > 0 && el("details", {},
      el("summary", {}, `${list.length} ${list.length === 1 ? "source" : "sources"}`), el("ul", { class: "sources" }, list)));
}

// A second is what a caller would call slow; the ticks are the aims for the median and the slowest.
const BAR_MS = 1000;
const TICKS_MS = [300, 600];

/** The reply gap and its parts. What was prepared before the end of the turn was certain took none of it. */
function gap(timings) {
  if (timings?.reply_gap == null) return null;
  const total = timings.reply_gap;
  const parts = [["listen", "end of turn", timings.end_of_turn], ["recognise", "recognition", timings.recognition],
    ["thinking", "desk", timings.desk], ["speak", "synthesis", timings.synthesis]].filter(([, , ms]) => ms != null);
  const counted = timings.prepared ? parts.filter(([kind]) => kind === "listen") : parts;
  const scale = Math.max(BAR_MS, total);
  let used = 0;
  const bar = el("div", { class: "bar", role: "img", "aria-label": `Reply gap ${Math.round(total)} milliseconds`, title: "Marks at 300 and 600 ms" });
  for (const [kind, , ms] of [...counted, ["rest", "", Math.max(0, total - counted.reduce((sum, [, , ms]) => sum + ms, 0))]]) {
    const width = Math.min(ms, total - used);
    used += width;
    if (width <= 0) continue;
    const piece = el("i", { class: kind });
    piece.style.width = `${(width / scale) * 100}%`;
    bar.append(piece);
  }
  for (const at of TICKS_MS) {
    const mark = el("span", { class: "tick" });
    mark.style.left = `${(at / scale) * 100}%`;
    bar.append(mark);
  }
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  const legend = parts.map(([kind, name, value]) => el("li", { class: kind }, `${name} ${ms(value)}`));
  if (timings.buffer != null) legend.push(el("li", { class: "aside" }, `buffer before it ${ms(timings.buffer)}`));
  return el("div", { class: "gap" },
    el("div", { class: "gap-line" }, el("b", {}, `${Math.round(total)} ms`), bar),
    el("ul", { class: "parts", "aria-label": "Parts of the reply gap" }, legend,
      timings.prepared && el("li", { class: "aside" }, "prepared before the end was certain")));
}

export function hearing(text) {
  return el("li", { class: "turn hearing", "aria-live": "off" }, el("p", { class: "said-by" }, "Customer is speaking"), el("p", { class: "bubble" }, text));
}

const TICKETS = { pending: ["Pending", "warn"], in_progress: ["In progress", ""], done: ["Done", "good"] };

const KINDS = { follow_up: "Ticket", voicemail: "Voice message", callback: "Call back" };

/** `message` is the player of the message that was left, if there is one; `hear` makes the button that plays a clip. */
export function ticket(shown, message, hear) {
  const [word, kind] = TICKETS[shown.status] ?? [shown.status, ""];
  const fact = (name, ...value) => [el("dt", {}, name), el("dd", {}, ...value)];
  const callback = shown.callback;
  const asked = callback && (callback.at_ms ? full.format(callback.at_ms) : callback.time);
  const rows = shown.fields.flatMap((field) => [el("dt", {}, field.name),
    el("dd", {}, field.value, field.confirmed ? "" : el("span", { class: "faint" }, " (not confirmed)"),
      field.clip ? hear(field.clip, field.name) : "")]);
  return el("section", { class: "card" }, el("h3", {}, KINDS[shown.kind] ?? "Ticket"),
    el("dl", { class: "facts" }, fact("status", el("span", { class: `tag ${kind}` }, word)),
      shown.due_at_ms ? fact("due", full.format(shown.due_at_ms)) : [],
      callback ? fact("call", callback.number, asked ? el("span", { class: "faint" }, ` ${asked}`) : "") : [],
      fact("why", shown.reason), rows),
    message);
}

const TRIES = {
  accepted: ["Accepted", "good"], declined: ["Declined", "warn"], no_key: ["Pressed nothing", "warn"], busy: ["Busy", "warn"],
  no_answer: ["No answer", "warn"], rejected: ["Rejected", "warn"], voicemail_detected: ["Answering machine", "warn"],
  screened: ["Screened", "warn"], human_hung_up: ["Hung up", "warn"], caller_hung_up: ["Caller left first", ""],
  superseded: ["Taken by another", ""], failed: ["Failed", "bad"], lost: ["Cut off", "bad"],
};

export function attempts(list) {
  const items = list.map((attempt) => {
    const [word, kind] = attempt.outcome === null ? ["Ringing", "live"] : TRIES[attempt.outcome] ?? [attempt.outcome, ""];
    return el("li", {},
      el("div", { class: "to" }, el("span", {}, attempt.destination), el("span", { class: `tag ${kind}` }, word)),
      el("p", { class: "faint" }, exact.format(attempt.started_at_ms), attempt.ring_ms === null ? "" : `, rang ${span(attempt.ring_ms)}`),
      attempt.said && el("p", { class: "faint" }, `Told: ${attempt.said}`));
  });
  return el("section", { class: "card" }, el("h3", {}, "Tries to reach a person"), el("ul", { class: "tries" }, items));
}

export const empty = (title, text) => el("div", { class: "empty" }, el("h2", {}, title), el("p", {}, text));
