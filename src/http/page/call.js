// The call page: one call over WebRTC. The offer goes out before any candidate is known, since the server finds the
// browser by its checks; so a call begins one round trip after the click.

import { TokenWanted, ask, giveToken, goesToSignIn, messages } from "./line.js";
import { el, span, sync } from "./shown.js";

const $ = (id) => document.getElementById(id);
const CALLS = "/api/v1/browser-calls";
let call = null;

// ---- what can go wrong, in words

const TROUBLES = {
  NotAllowedError: "Your browser does not let this page use the microphone. Allow it (beside the address), then call again.",
  NotFoundError: "No microphone was found. Connect one, then call again.",
  NotReadableError: "The microphone is in use by another program. End that, then call again.",
  OverconstrainedError: "This microphone cannot be used. Choose another in your browser’s settings.",
  SecurityError: "Your browser does not let this page use the microphone.",
};
const ENDS = {
  ended_by_us: "The call has ended.", ended_by_caller: "You hung up.", refused: "The call was not taken.",
  lost: "The connection was lost.",
};

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text ?? "";
}

async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give the microphone only to pages that come by HTTPS or from this machine. Open this page so.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch (error) {
    throw new Error(TROUBLES[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
}

// ---- a call

async function place() {
  if (call) return;
  const mine = { began: performance.now(), turns: new Map(), hearing: "", phase: "connecting", joinedMs: null };
  call = mine;
  trouble(null);
  draw();
  try {
    const [stream, setup] = await Promise.all([microphone(), ask(`${CALLS}/setup`).then((answer) => answer.json())]);
    mine.stream = stream;
    if (call !== mine) return void release(mine);
    mine.asked = performance.now();
    mine.peer = new RTCPeerConnection({ iceServers: setup.ice_servers, bundlePolicy: "max-bundle" });
    for (const track of mine.stream.getAudioTracks()) mine.sender = mine.peer.addTrack(track, mine.stream);
    mine.peer.ontrack = ({ track, streams }) => {
      $("voice").srcObject = streams[0] ?? new MediaStream([track]);
      // The first packet of sound, not the first promise of one.
      track.onunmute = () => {
        mine.joinedMs ??= performance.now() - mine.asked;
        draw();
      };
    };
    mine.peer.oniceconnectionstatechange = () => {
      if (["disconnected", "failed"].includes(mine.peer.iceConnectionState)) reconnect(mine);
    };
    await mine.peer.setLocalDescription(await mine.peer.createOffer());
    const answer = await ask(CALLS, { method: "POST", body: mine.peer.localDescription.sdp, headers: { "Content-Type": "application/sdp" } });
    mine.path = answer.headers.get("Location");
    mine.etag = answer.headers.get("ETag");
    const sdp = await answer.text();
    if (call !== mine) return void release(mine);
    watch(mine);
    await mine.peer.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    if (call === mine) call = null;
    release(mine);
    if (error instanceof TokenWanted) return void wantToken();
    trouble(error.message);
  }
  draw();
}

/** Lets go of everything, and tells the server at once: it would notice only seconds later. */
function release(mine) {
  mine.over = true;
  mine.stream?.getTracks().forEach((track) => track.stop());
  mine.peer?.close();
  if (mine.path && !mine.told) {
    mine.told = true;
    ask(mine.path, { method: "DELETE", keepalive: true }).catch(() => {});
  }
}

function hangUp() {
  if (!call) return;
  const mine = call;
  mine.phase = "ended_by_caller";
  finish(mine);
}

function finish(mine) {
  if (mine.over) return;
  release(mine);
  if (call === mine) call = null;
  last = mine;
  draw();
}
let last = null;

// ---- a change of network

/** New credentials of both sides; sound and conversation go on where they were. */
async function reconnect(mine) {
  if (mine.over || mine.restarting || !mine.path) return;
  mine.restarting = true;
  draw();
  for (let tries = 0; tries < 10 && !mine.over; tries += 1) {
    try {
      await mine.peer.setLocalDescription(await mine.peer.createOffer({ iceRestart: true }));
      const lines = mine.peer.localDescription.sdp.split("\r\n");
      const pick = (name) => lines.find((line) => line.startsWith(name));
      const fragment = [pick("a=ice-ufrag:"), pick("a=ice-pwd:"), pick("m=audio"), pick("a=mid:"), ""].join("\r\n");
      const answer = await ask(mine.path, { method: "PATCH", body: fragment, headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" } });
      mine.etag = answer.headers.get("ETag") ?? mine.etag;
      const theirs = await answer.text();
      const value = (name) => theirs.split("\r\n").find((line) => line.startsWith(name));
      const sdp = mine.peer.remoteDescription.sdp.split("\r\n").map((line) => {
        if (line.startsWith("a=ice-ufrag:")) return value("a=ice-ufrag:");
        if (line.startsWith("a=ice-pwd:")) return value("a=ice-pwd:");
        return line;
      }).join("\r\n");
      await mine.peer.setRemoteDescription({ type: "answer", sdp });
      mine.restarts = (mine.restarts ?? 0) + 1;
      break;
    } catch (error) {
      if (error.status === 404) return void lose(mine);
      if (mine.peer.signalingState === "have-local-offer") await mine.peer.setLocalDescription({ type: "rollback" }).catch(() => {});
      await new Promise((done) => setTimeout(done, Math.min(500 * 2 ** tries, 4_000)));
    }
  }
  mine.restarting = false;
  draw();
}

function lose(mine) {
  mine.phase = "lost";
  mine.told = true;
  finish(mine);
}

// ---- what is said

async function watch(mine) {
  for (let tries = 0; !mine.over && tries < 20; tries += 1) {
    try {
      const answer = await ask(`${mine.path}/events`);
      for await (const { data } of messages(answer.body, () => {})) {
        tries = 0;
        hear(mine, JSON.parse(data));
        if (mine.over) return;
      }
    } catch (error) {
      if (error.status === 404) return void lose(mine);
    }
    await new Promise((done) => setTimeout(done, 500));
  }
}

function hear(mine, event) {
  if (event.kind === "hearing") mine.hearing = event.text;
  if (event.kind === "turn") {
    if (event.author === "customer") mine.hearing = "";
    mine.turns.set(event.id, event);
  }
  if (event.kind === "state") {
    mine.phase = event.phase;
    if (event.phase === "live") mine.liveAt ??= Date.now();
    if (event.phase in ENDS) {
      mine.told = true;
      return void finish(mine);
    }
  }
  draw();
}

// ---- how it looks

const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const NAMES = { customer: "You", agent: "Agent", teammate: "Colleague" };

function turn({ author, text, heard_text: heard, at_ms: at, reply_gap_ms: gap }) {
  const cut = author === "agent" && heard !== null && heard !== text;
  let same = 0;
  while (cut && same < heard.length && heard[same] === text[same]) same += 1;
  const said = cut ? [text.slice(0, same), el("span", { class: "unheard" }, text.slice(same)), el("span", { class: "cut" }, "interrupted here")] : [text];
  return el("li", { class: `turn ${author === "customer" ? "ours" : ""} ${author}` },
    el("p", { class: "said-by" }, el("span", {}, NAMES[author]), el("time", { datetime: new Date(at).toISOString() }, exact.format(at))),
    el("p", { class: "bubble" }, said),
    gap == null ? null : el("p", { class: "took" }, `answered after ${Math.round(gap)} ms`));
}

function draw() {
  const shown = call ?? last;
  const names = { connecting: ["Connecting…", "warn"], ringing: ["Connecting…", "warn"], live: ["Connected", "good"] };
  let [text, kind] = call ? names[call.phase] ?? ["Ending…", ""] : [last ? ENDS[last.phase] ?? "Not connected" : "Not connected", ""];
  if (call?.restarting) [text, kind] = ["Reconnecting…", "warn"];
  $("state").textContent = text;
  $("state").className = `pill ${kind}`;
  $("call").hidden = Boolean(call);
  $("call").textContent = last ? "Call again" : "Call";
  $("hang-up").hidden = !call;
  $("in-call").hidden = !call || call.phase !== "live";
  if (!call) {
    $("keypad").hidden = true;
    $("keys").setAttribute("aria-expanded", "false");
    $("mute").setAttribute("aria-pressed", "false");
    $("mute").textContent = "Mute";
  }
  $("hint").hidden = Boolean(call) && call.phase === "live";
  const turns = shown ? [...shown.turns.values()].sort((a, b) => a.at_ms - b.at_ms) : [];
  if (call?.hearing) turns.push({ id: "hearing", hearing: call.hearing });
  const near = $("phone").scrollHeight - $("phone").scrollTop - $("phone").clientHeight < 160;
  sync($("turns"), turns, (item) => item.id, (item) => item.hearing === undefined ? turn(item)
    : el("li", { class: "turn ours hearing", "aria-live": "off" }, el("p", { class: "bubble" }, item.hearing)));
  if (near && turns.length) $("phone").scrollTop = $("phone").scrollHeight;
}

async function wantToken() {
  if (await goesToSignIn()) return;
  $("token-form").hidden = false;
  $("phone").hidden = true;
  $("token").focus();
}

// ---- buttons

for (const key of "123456789*0#") {
  const button = el("button", { type: "button", "aria-label": { "*": "star", "#": "hash" }[key] ?? key }, key);
  button.addEventListener("click", () => call?.sender?.dtmf?.insertDTMF(key, 160, 70));
  $("keypad").append(button);
}
$("call").addEventListener("click", place);
$("hang-up").addEventListener("click", hangUp);
$("mute").addEventListener("click", () => {
  const muted = $("mute").getAttribute("aria-pressed") !== "true";
  call?.stream?.getAudioTracks().forEach((track) => { track.enabled = !muted; });
  $("mute").setAttribute("aria-pressed", String(muted));
  $("mute").textContent = muted ? "Unmute" : "Mute";
});
$("keys").addEventListener("click", () => {
  $("keypad").hidden = !$("keypad").hidden;
  $("keys").setAttribute("aria-expanded", String(!$("keypad").hidden));
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  giveToken($("token").value);
  $("token").value = "";
  $("token-form").hidden = true;
  $("phone").hidden = false;
  place();
});
addEventListener("pagehide", () => call && release(call));
addEventListener("online", () => call && reconnect(call));
navigator.connection?.addEventListener?.("change", () => call?.phase === "live" && reconnect(call));
setInterval(() => { $("since").textContent = call?.liveAt ? span(Date.now() - call.liveAt) : ""; }, 500);
draw();

/** For tests and the curious: how the present or last call goes. */
window.switchboard = {
  now: () => {
    const shown = call ?? last;
    return { phase: shown?.phase ?? null, joinedMs: shown?.joinedMs ?? null, restarts: shown?.restarts ?? 0, turns: shown ? [...shown.turns.values()] : [] };
  },
  stats: async () => [...(await call?.peer?.getStats() ?? new Map()).values()],
  reconnect: () => call && reconnect(call),
};
