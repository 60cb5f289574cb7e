// What the frame asks of its server. The address of the frame names the widget; a token says which visit it is.

import { pause } from "./thread";
import type { File as Kept, News, Visit } from "./types";

const base = location.pathname.replace(/\/$/, "");

export class Refused extends Error {
  constructor(readonly status: number, message: string, readonly waitMs = 0) {
    super(message);
  }
}

export class Server {
  token = "";

  private async ask(method: string, path: string, body?: BodyInit, kind?: string, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { ...(kind ? { "Content-Type": kind } : {}), ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}) };
    const answer = await fetch(`${base}${path}`, { method, headers, credentials: "omit", ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? "That did not work; try again.", 1_000 * Number(answer.headers.get("Retry-After") ?? 0));
  }

  private json(method: string, path: string, body: unknown): Promise<Response> {
    return this.ask(method, path, JSON.stringify(body), "application/json");
  }

  async begin(origin: string, page: string | undefined, identity: unknown): Promise<Visit> {
    this.token = "";
    const visit: Visit = await (await this.json("POST", "/sessions", { origin, page, identity: identity ?? null })).json();
    this.token = visit.token ?? "";
    return visit;
  }

  async goOn(token: string): Promise<Visit> {
    this.token = token;
    return (await this.ask("GET", "/session")).json();
  }

  async fillIn(fields: Record<string, string>): Promise<Visit> {
    return (await this.json("PUT", "/session", { fields })).json();
  }

  async send(client_id: string, text: string, files: string[]): Promise<void> {
    await this.json("POST", "/messages", { client_id, text, files });
  }

  async bring(file: Blob, name: string): Promise<Kept> {
    return (await this.ask("POST", `/files?name=${encodeURIComponent(name)}`, file, "application/octet-stream")).json();
  }

  async fetch(id: string): Promise<Blob> {
    return (await this.ask("GET", `/files/${id}`)).blob();
  }

  async sign(signs: object): Promise<void> {
    await this.json("POST", "/signs", signs);
  }

  async events(after: number | null, signal: AbortSignal): Promise<Response> {
    return this.ask("GET", `/events${after === null ? "" : `?after=${after}`}`, undefined, undefined, signal);
  }

  async poll(after: number | null, signal: AbortSignal): Promise<News[]> {
    const from = after === null ? "" : `&after=${after}`;
    return (await (await this.ask("GET", `/messages?wait_ms=25000${from}`, undefined, undefined, signal)).json()).news;
  }
}

type Told = (news: News) => void;
export type Way = "socket" | "events" | "poll";

/** Keeps a line to the server open: a socket; where none is let through, events; behind both, asking again and again. */
export class Line {
  private failures = 0;
  private way: Way = "socket";
  private socket: WebSocket | undefined;
  private stop = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = true;

  constructor(private server: Server, private after: () => number | null, private told: Told, private up: (up: boolean) => void) {}

  open(): void {
    this.close();
    this.closed = false;
    this.stop = new AbortController();
    void this.run();
  }

  /** At once, where it waits for its next try. */
  hurry(): void {
    if (!this.closed && this.timer !== undefined) this.open();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stop.abort();
    this.socket?.close();
    this.socket = undefined;
  }

  /** Signs go the shortest way; those that get lost are told again with the next ones. */
  sign(signs: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(signs));
    else void this.server.sign(signs).catch(() => {});
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    let heard = false;
    const told = (news: News) => {
      if (signal.aborted) return;
      heard = true;
      this.failures = 0;
      if (news.kind === "caught") this.up(true);
      this.told(news);
    };
    try {
      if (this.way === "socket") await this.bySocket(told, signal);
      else if (this.way === "events") await this.byEvents(told, signal);
      else for (const news of await this.server.poll(this.after(), signal)) told(news);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) told({ kind: "over" });
    }
    if (signal.aborted || this.closed) return;
    const polled = this.way === "poll" && heard;
    if (!polled) this.up(false);
    // A way that never told anything is not let through; the next one may be.
    if (!heard && ++this.failures >= 2 && navigator.onLine) this.way = this.way === "socket" ? "events" : this.way === "events" ? "poll" : "socket";
    this.timer = setTimeout(() => { this.timer = undefined; void this.run(); }, polled ? 0 : pause(this.failures, Math.random()));
  }

  private bySocket(told: Told, signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${base}/socket`);
      this.socket = socket;
      socket.onopen = () => socket.send(JSON.stringify({ token: this.server.token, after: this.after() }));
      socket.onmessage = ({ data }) => told(JSON.parse(data));
      socket.onclose = () => done();
      signal.addEventListener("abort", () => socket.close());
    });
  }

  private async byEvents(told: Told, signal: AbortSignal): Promise<void> {
    const reader = (await this.server.events(this.after(), signal)).body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:")) told(JSON.parse(line.slice(5)));
    }
  }
}
