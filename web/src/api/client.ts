// Requests to the server, typed by its own document; refusals become errors that say what to do.

import createClient from "openapi-fetch";
import type { Fault, paths } from "@api";

const KEY = "switchboard-token";
let token = kept();

function kept(): string {
  try { return sessionStorage.getItem(KEY) ?? ""; } catch { return ""; }
}

/** The bootstrap token, for whoever is not on the server's machine while nobody has an account. Kept for this tab. */
export function giveToken(text: string): void {
  token = text.trim();
  try { sessionStorage.setItem(KEY, token); } catch { /* asked for again */ }
}
export const hasToken = (): boolean => token !== "";

/** A refusal of the server, or that it did not answer. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** The HTTP status; 0 where there was no answer. */
    readonly status: number,
    readonly type: string = "about:blank",
    /** What is to be mended, each with its place. */
    readonly faults: Fault[] = [],
  ) {
    super(message);
  }
}

/** Asks; throws what the server says is wrong. */
export async function ask(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, { ...init, cache: "no-store" });
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  let answer: Response;
  try {
    answer = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Refusal("The server does not answer. Check that it runs, then try again.", 0);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({})) as { detail?: string; type?: string; problems?: Fault[] };
  const detail = problem.detail ?? `The server answered ${answer.status}.`;
  throw new Refusal(detail, answer.status, problem.type, problem.problems);
}

// Relative addresses would not do where there is no page, as in tests.
const baseUrl = typeof location === "undefined" ? "http://localhost" : location.origin;
export const api = createClient<paths>({ baseUrl, fetch: (request: Request) => ask(request) });

/** The content of an answer; `ask` has thrown where there is none. */
export async function got<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** A key under which one order is carried out once, however often it is sent. */
export const onceKey = (): string => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

/** A recording for a player, which cannot send the token: the address itself, or a copy of the file. */
export async function playable(url: string): Promise<string> {
  if (!token) return url;
  return URL.createObjectURL(await (await ask(url)).blob());
}

/** What went wrong, for people. */
export const inWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));
