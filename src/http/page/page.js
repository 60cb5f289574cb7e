// The live page: a list of conversations, the chosen one whole, both moved by live events.

import { TokenWanted, ask, follow, giveToken, goesToSignIn, hasAccounts, hasToken, json, playable } from "./line.js";
import { attempts, caller, el, empty, goesOn, head, hearing, row, sync, tick, ticket, turn } from "./shown.js";

const $ = (id) => document.getElementById(id);
const list = new Map();
const heard = new Map();
let open = null;
let chosen = location.hash.slice(1);
let nextCursor = null;
let listState = "loading";
let openError = null;
let players = new Map();

// ---- the list

async function loadList(cursor = null) {
  try {
    const page = await json(`/api/v1/conversations?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    for (const conversation of page.conversations) list.set(conversation.id, conversation);
    // Reading the first page again leaves the place reached by "earlier ones" as it is.
    if (cursor || listState !== "shown") nextCursor = page.next_cursor;
    listState = "shown";
  } catch (error) {
    if (error instanceof TokenWanted) return wantToken();
    if (listState !== "shown") listState = error.message;
  }
  drawList();
}

function drawList() {
  const all = [...list.values()].sort((a, b) => b.created_at_ms - a.created_at_ms || (a.id < b.id ? 1 : -1));
  const live = all.filter(goesOn).length;
  if (listState === "loading") {
    sync($("list"), [1, 2, 3, 4], String, () => el("li", { class: "loading-row", "aria-hidden": "true" }));
  } else {
    sync($("list"), all.map((conversation) => ({ conversation, selected: conversation.id === chosen })), (item) => item.conversation.id, row);
  }
  const troubled = listState !== "loading" && listState !== "shown";
  const note = troubled ? `The list could not be read. ${listState}` : "Nobody has called yet. A call appears here while it rings.";
  $("list-note").hidden = !troubled && (listState === "loading" || list.size > 0);
  $("list-note").textContent = note;
  $("count").textContent = live ? `${live} on the line` : "";
  $("more").hidden = !nextCursor;
  document.title = live ? `(${live}) Switchboard` : "Switchboard";
  if (!chosen) drawOpen();
}

// ---- the chosen one

async function loadOpen() {
  const id = chosen;
  if (!id) return;
  try {
    const conversation = await json(`/api/v1/conversations/${encodeURIComponent(id)}`);
    // Somebody may have chosen another meanwhile.
    if (id !== chosen) return;
    [open, openError] = [conversation, null];
    const { messages: _messages, tickets: _tickets, ...summary } = conversation;
    list.set(id, summary);
    drawList();
  } catch (error) {
    if (error instanceof TokenWanted) return wantToken();
    if (id === chosen) openError = error.message;
  }
  drawOpen();
}

function drawOpen() {
  const box = $("detail");
  $("desk").classList.toggle("open", Boolean(chosen));
  if (!chosen) return void box.replaceChildren(welcome());
  const back = el("button", { type: "button", class: "back quiet" }, "‹ All calls");
  back.addEventListener("click", () => { location.hash = ""; });
  if (!open) {
    const text = openError ? empty("This conversation cannot be shown", openError) : el("p", { class: "note", role: "status" }, "Loading…");
    return void box.replaceChildren(back, text);
  }
  const near = box.scrollHeight - box.scrollTop - box.clientHeight < 120;
  if (box.dataset.shows !== open.id) {
    box.replaceChildren(back, el("div", { id: "head" }), el("div", { id: "player" }),
      el("div", { role: "log", "aria-label": "Transcript" }, el("ul", { id: "turns", class: "turns" })), el("div", { id: "side", class: "side" }));
    box.dataset.shows = open.id;
  }
  const live = goesOn(open);
  const shape = { ...open, tickets: [], messages: open.messages.map(({ timings_ms }) => ({ timings_ms })) };
  sync($("head"), [shape], () => "head", head);
  drawPlayer(open.call?.recording_url, live);
  const turns = open.messages.map((message) => ({ message, live }));
  const saying = heard.get(open.id);
  if (live && saying) turns.push({ hearing: saying });
  sync($("turns"), turns, (item) => item.message?.id ?? "hearing", (item) => item.message ? turn(item) : hearing(item.hearing));
  const side = open.tickets.map((shown) => ({ id: shown.id, build: () => ticket(shown, left(shown), clipButton), shown }));
  if (open.call?.attempts.length) side.push({ id: "tries", build: () => attempts(open.call.attempts), shown: open.call.attempts });
  sync($("side"), side, (item) => item.id, (item) => item.build());
  if (near && live) box.scrollTop = box.scrollHeight;
}

const left = ({ recording_url: url }) => url && recording(url, "Message that was left");

function welcome() {
  delete $("detail").dataset.shows;
  if (listState === "loading") return el("p", { class: "unseen" }, "Loading");
  if (listState !== "shown") return empty("No answer", "The server did not give the list of conversations. This page tries again by itself.");
  if (!list.size) return empty("No conversations yet", "Call the number of this desk, press “Call the agent” above, or run “switchboard demo”. The call appears here while it rings.");
  return empty("Choose a conversation", "What was said, the agent’s reasons and the recording are shown here, live while it goes on.");
}

/** A finished recording gets one player, which goes on playing while the rest is drawn anew. */
function drawPlayer(url, live) {
  const box = $("player");
  if (!url || live) return void box.replaceChildren();
  if (box.dataset.url === url && box.firstChild) return;
  box.dataset.url = url;
  box.replaceChildren(recording(url, "Recording of the call"));
}

/** One clip plays at a time: the same button stops it. */
const clips = new Audio();
let playing = null;
clips.addEventListener("timeupdate", () => playing && clips.currentTime >= playing.until && clips.pause());
clips.addEventListener("pause", () => {
  playing?.button.classList.remove("on");
  playing = null;
});

function clipButton({ recording_url: url, from_ms: from, to_ms: to }, name) {
  const button = el("button", { type: "button", class: "quiet clip", "aria-label": `Listen to how “${name}” was said` }, "▶");
  button.addEventListener("click", async () => {
    const again = playing?.button === button;
    clips.pause();
    if (again) return;
    try {
      if (hasToken() && !players.has(url)) players.set(url, await playable(url));
      const source = hasToken() ? players.get(url) : url;
      clips.src = `${source}#t=${from / 1000}`;
      await clips.play();
      playing = { button, until: to / 1000 };
      button.classList.add("on");
    } catch (error) {
      button.disabled = true;
      button.title = `The recording cannot be played. ${error.message}`;
    }
  });
  return button;
}

function recording(url, label) {
  const player = el("audio", { controls: true, preload: hasToken() ? "none" : "metadata", "aria-label": label });
  if (!hasToken()) {
    player.src = url;
    return player;
  }
  // The player cannot send the token: the file is fetched once somebody asks for it.
  const button = el("button", { type: "button", class: "quiet" }, "Load the recording");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      if (!players.has(url)) players.set(url, await playable(url));
      player.src = players.get(url);
      button.replaceWith(player);
      player.focus();
    } catch (error) {
      button.disabled = false;
      button.textContent = `The recording cannot be loaded. ${error.message}`;
    }
  });
  return button;
}

// ---- live

function put(rows, shown, order) {
  const at = rows.findIndex((known) => known.id === shown.id);
  if (at >= 0) rows[at] = shown;
  else rows.push(shown);
  rows.sort((a, b) => order(a) - order(b) || (a.id < b.id ? -1 : 1));
}

function onEvent(event) {
  const id = event.conversation_id;
  const mine = open && id === open.id;
  switch (event.kind) {
    case "missed":
      return void reload();
    case "hearing":
      heard.set(id, event.text);
      break;
    case "message":
      if (event.message.author === "customer") heard.delete(id);
      if (mine) put(open.messages, event.message, (message) => message.at_ms);
      break;
    case "conversation": {
      const call = event.conversation.call;
      list.set(id, { ...list.get(id), ...event.conversation, call: call ?? list.get(id)?.call ?? null });
      // The list's form of a call knows neither recordings nor tries.
      if (mine) Object.assign(open, event.conversation, { call: call ? { ...call, recording_url: open.call?.recording_url ?? null, recordings: open.call?.recordings ?? [], attempts: open.call?.attempts ?? [] } : open.call });
      break;
    }
    case "attempt":
      if (mine && open.call) put(open.call.attempts, event.attempt, (attempt) => attempt.started_at_ms);
      break;
    case "ticket":
      if (mine) put(open.tickets, event.ticket, (shown) => shown.created_at_ms);
      break;
    case "call_ringing":
    case "call_answered":
    case "call_ended":
      if (event.kind === "call_ended") heard.delete(id);
      refresh(id, event.kind);
      break;
    default:
      // A newer server may tell more than this page knows.
      break;
  }
  if (!list.has(id)) refresh(id, null);
  drawSoon();
}

/** Reads one conversation again, to show and to tell what happened to it. */
async function refresh(id, kind) {
  if (id === chosen) await loadOpen();
  else {
    const conversation = await json(`/api/v1/conversations/${id}`).catch(() => null);
    if (!conversation) return;
    const { messages: _messages, tickets: _tickets, ...summary } = conversation;
    list.set(id, summary);
    drawSoon();
  }
  const shown = list.get(id);
  const told = { call_ringing: "New call from", call_ended: "Call ended:" }[kind];
  if (shown && told) $("announce").textContent = `${told} ${caller(shown)}`;
}

let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawList();
    if (chosen && open?.id === chosen) drawOpen();
  });
}

function reload() {
  loadList();
  loadOpen();
}

// ---- around it

const LINES = { live: ["Live", "good"], reconnecting: ["Reconnecting…", "warn"], token: ["Token wanted", "warn"] };

function onLine(state) {
  const [text, kind] = LINES[state];
  $("line").textContent = text;
  $("line").className = `pill ${kind}`;
  if (state === "live") reload();
  if (state === "token") wantToken();
}

async function drawHealth() {
  const answer = await fetch("/health", { cache: "no-store" }).then((health) => health.json()).catch(() => null);
  const box = $("health");
  box.hidden = !answer || answer.status === "ready";
  if (!answer || box.hidden) return;
  const missing = answer.missing.map(({ part, why }) => `${part}: ${why}`).join("; ");
  box.textContent = answer.status === "draining" ? "Ending: no further calls" : "Not taking calls";
  box.title = missing;
  box.className = "pill bad";
}

/** Whoever is signed in may sign out. */
async function drawAccount() {
  if (!await hasAccounts()) return;
  const me = await fetch("/api/v1/session", { cache: "no-store" }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  if (!me) return;
  const button = el("button", { type: "button", class: "quiet small", title: me.teammate.email }, "Sign out");
  button.addEventListener("click", async () => {
    await ask("/api/v1/session", { method: "DELETE" }).catch(() => {});
    location.assign("/sign-in");
  });
  $("line").before(button);
}

async function wantToken() {
  if (await goesToSignIn()) return;
  $("token-wrong").hidden = !hasToken();
  $("token-form").hidden = false;
  $("desk").hidden = true;
  $("token").focus();
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  giveToken($("token").value);
  $("token").value = "";
  $("token-form").hidden = true;
  $("desk").hidden = false;
  follow({ state: onLine, event: onEvent });
});

$("more").addEventListener("click", () => loadList(nextCursor));

addEventListener("hashchange", () => {
  const before = chosen;
  const id = location.hash.slice(1);
  // The skip link leads to the conversation, it does not choose one.
  if (id === "detail") return void history.replaceState(null, "", `#${chosen}`);
  [chosen, open, openError] = [id, null, null];
  drawList();
  drawOpen();
  // Where the list gives way to the conversation, so does the focus; beside it, it stays in the list.
  const alone = getComputedStyle($("detail").previousElementSibling).display === "none";
  if (chosen) loadOpen().then(() => alone && document.querySelector("main h2")?.focus({ preventScroll: true }));
  else document.querySelector(`a[href="#${CSS.escape(before)}"]`)?.focus();
});

addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const within = event.target.closest?.(".row");
  if (!step || event.ctrlKey || event.metaKey || event.altKey || !within) return;
  const rows = [...document.querySelectorAll(".row")];
  rows[rows.indexOf(within) + step]?.focus();
  event.preventDefault();
});

setInterval(tick, 1_000);
setInterval(drawHealth, 10_000);
drawList();
drawOpen();
drawHealth();
drawAccount();
loadList();
loadOpen();
follow({ state: onLine, event: onEvent });
