// The line to the server: answers, streams, and the token for those who are not on its machine.

const KEY = "switchboard-token";
let token = read();

/** Thrown when the server wants the token. */
export class TokenWanted extends Error {}

export function giveToken(text) {
  token = text.trim();
  // Kept for this tab alone; a browser that forbids it asks again next time.
  try { sessionStorage.setItem(KEY, token); } catch { /* asked again */ }
}

/** Whether anybody has an account here. */
export async function hasAccounts() {
  const setup = await fetch("/api/v1/setup", { cache: "no-store" }).then((answer) => answer.json()).catch(() => ({ needed: true }));
  return !setup.needed;
}

/** Where there are accounts, whoever is not known signs in, and comes back here; true when that is where we go. */
export async function goesToSignIn() {
  const goes = await hasAccounts();
  if (goes) location.assign(`/sign-in?to=${encodeURIComponent(location.pathname)}`);
  return goes;
}

function read() {
  try { return sessionStorage.getItem(KEY) ?? ""; } catch { return ""; }
}

/** The answer to a request with the token, should there be one; throws what the server says is wrong. */
export async function ask(path, { headers = {}, ...rest } = {}) {
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { ...rest, headers, cache: "no-store" });
  if (answer.status === 401) throw new TokenWanted();
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail ?? `The server answered ${answer.status}.`), { status: answer.status });
  }
  return answer;
}

/** The messages of an event stream (HTML standard, section 9.2.6). */
export async function* messages(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const message = {};
      for (const line of text.slice(0, end).split("\n")) {
        const [, name, content] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (name === "data") message.data = (message.data ?? "") + content;
        if (name === "id") message.id = content;
      }
      text = text.slice(end + 2);
      if (message.data) yield message;
    }
  }
}
