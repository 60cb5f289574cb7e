// One call from the page over WebRTC. The offer goes out before any candidate is known, since the server finds the
// browser by its checks; so a call begins one round trip after the click.

import { ask, Refusal } from "@/api/client";
import type { Author } from "@/api/types";
import { messages } from "@/live/stream";

const CALLS = "/api/v1/browser-calls";
const TRIES_MAX = 20;

export type SpokenTurn = { id: string; author: Author; text: string; heard_text: string | null; at_ms: number; reply_gap_ms: number | null };
export type Phase = "connecting" | "ringing" | "live" | "ended_by_us" | "ended_by_caller" | "refused" | "lost";
export type CallState = {
  phase: Phase; turns: SpokenTurn[]; hearing: string; conversation: string | null; liveAt: number | null;
  joinedMs: number | null; restarting: boolean; muted: boolean;
};
type Told =
  | { kind: "hearing"; text: string }
  | ({ kind: "turn" } & SpokenTurn)
  | { kind: "state"; phase: Phase };

const TROUBLES: Record<string, string> = {
  NotAllowedError: "Your browser does not let this page use the microphone. Allow it (beside the address), then call again.",
  NotFoundError: "No microphone was found. Connect one, then call again.",
  NotReadableError: "The microphone is in use by another program. End that, then call again.",
  OverconstrainedError: "This microphone cannot be used. Choose another in your browser’s settings.",
  SecurityError: "Your browser does not let this page use the microphone.",
};
export const isOver = (phase: Phase): boolean => !["connecting", "ringing", "live"].includes(phase);

async function microphone(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give the microphone only to pages that come by HTTPS or from this machine. Open this page so.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new Error(TROUBLES[name] ?? `The microphone cannot be used: ${message}`);
  }
}

async function dial(offer: string): Promise<{ path?: string; sdp: string }> {
  const answer = await ask(CALLS, { method: "POST", body: offer, headers: { "Content-Type": "application/sdp" } });
  return { path: answer.headers.get("Location") ?? undefined, sdp: await answer.text() };
}

export class BrowserCall {
  state: CallState = { phase: "connecting", turns: [], hearing: "", conversation: null, liveAt: null, joinedMs: null, restarting: false, muted: false };
  private peer?: RTCPeerConnection;
  private stream?: MediaStream;
  private sender?: RTCRtpSender;
  private path?: string;
  private told = false;

  constructor(
    private readonly voice: HTMLAudioElement,
    private readonly onChange: (state: CallState) => void,
    /** Brings our offer to the server: as a call of one's own, or to join another. */
    private readonly open: (offer: string) => Promise<{ path?: string; sdp: string }> = dial,
  ) {}

  private set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.onChange(this.state);
  }
  private get over(): boolean {
    return isOver(this.state.phase);
  }

  /** Calls; throws what goes wrong, in words. */
  async place(): Promise<void> {
    try {
      const [stream, setup] = await Promise.all([microphone(), ask(`${CALLS}/setup`).then((answer) => answer.json())]);
      this.stream = stream;
      if (this.over) return this.release();
      const asked = performance.now();
      const peer = new RTCPeerConnection({ iceServers: setup.ice_servers, bundlePolicy: "max-bundle" });
      this.peer = peer;
      for (const track of stream.getAudioTracks()) this.sender = peer.addTrack(track, stream);
      peer.ontrack = ({ track, streams }) => {
        this.voice.srcObject = streams[0] ?? new MediaStream([track]);
        // The first packet of sound, not the first promise of one.
        track.onunmute = () => this.state.joinedMs === null && this.set({ joinedMs: performance.now() - asked });
      };
      peer.oniceconnectionstatechange = () => {
        if (["disconnected", "failed"].includes(peer.iceConnectionState)) void this.reconnect();
      };
      await peer.setLocalDescription(await peer.createOffer());
      const { path, sdp } = await this.open(peer.localDescription!.sdp);
      this.path = path;
      if (this.over) return this.release();
      void this.watch();
      await peer.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      this.finish("lost");
      throw error;
    }
  }

  hangUp = (): void => this.finish("ended_by_caller");

  mute(muted: boolean): void {
    this.stream?.getAudioTracks().forEach((track) => { track.enabled = !muted; });
    this.set({ muted });
  }

  key(digit: string): void {
    this.sender?.dtmf?.insertDTMF(digit, 160, 70);
  }

  private finish(phase: Phase): void {
    if (!this.over) this.set({ phase, hearing: "" });
    this.release();
  }

  /** Lets go of everything, and tells the server at once: it would notice only seconds later. */
  release(): void {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.peer?.close();
    if (this.path && !this.told) {
      this.told = true;
      ask(this.path, { method: "DELETE", keepalive: true }).catch(() => {});
    }
  }

  /** After a change of network: new credentials of both sides; sound and conversation go on where they were. */
  async reconnect(): Promise<void> {
    const { peer, path } = this;
    if (this.over || this.state.restarting || !path || !peer) return;
    this.set({ restarting: true });
    for (let tries = 0; tries < 10 && !this.over; tries += 1) {
      try {
        await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
        const answer = await ask(path, {
          method: "PATCH", body: fragmentOf(peer.localDescription!.sdp),
          headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
        });
        await peer.setRemoteDescription({ type: "answer", sdp: withCredentials(peer.remoteDescription!.sdp, await answer.text()) });
        break;
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return this.lose();
        if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" }).catch(() => {});
        await pause(Math.min(500 * 2 ** tries, 4_000));
      }
    }
    this.set({ restarting: false });
  }

  private lose(): void {
    this.told = true;
    this.finish("lost");
  }

  /** Follows what is said, until the call is over. */
  private async watch(): Promise<void> {
    for (let tries = 0; !this.over && tries < TRIES_MAX; tries += 1) {
      try {
        const answer = await ask(`${this.path}/events`);
        for await (const { data } of messages(answer.body!)) {
          tries = 0;
          this.hear(JSON.parse(data) as Told);
          if (this.over) return;
        }
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return this.lose();
      }
      await pause(500);
    }
  }

  private hear(told: Told): void {
    if (told.kind === "hearing") return this.set({ hearing: told.text });
    if (told.kind === "turn") {
      return this.set({ turns: withTurn(this.state.turns, told), hearing: told.author === "customer" ? "" : this.state.hearing });
    }
    if (told.kind !== "state") return;
    if (isOver(told.phase)) {
      this.told = true;
      return this.finish(told.phase);
    }
    this.set({ phase: told.phase, liveAt: told.phase === "live" ? this.state.liveAt ?? Date.now() : this.state.liveAt });
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Turns by their time, each once, in its newest form. */
export function withTurn(turns: SpokenTurn[], turn: SpokenTurn): SpokenTurn[] {
  return [...turns.filter(({ id }) => id !== turn.id), turn].sort((a, b) => a.at_ms - b.at_ms);
}

const lineOf = (sdp: string, name: string) => sdp.split("\r\n").find((line) => line.startsWith(name));

/** What a restart tells (RFC 8840): the new credentials alone. */
export const fragmentOf = (sdp: string): string =>
  [...["a=ice-ufrag:", "a=ice-pwd:", "m=audio", "a=mid:"].map((name) => lineOf(sdp, name)), ""].join("\r\n");

/** The description of before, with the credentials of a fragment. */
export function withCredentials(sdp: string, fragment: string): string {
  const renewed = ["a=ice-ufrag:", "a=ice-pwd:"];
  const changed = (line: string) => {
    const name = renewed.find((known) => line.startsWith(known));
    return (name && lineOf(fragment, name)) ?? line;
  };
  return sdp.split("\r\n").map(changed).join("\r\n");
}
