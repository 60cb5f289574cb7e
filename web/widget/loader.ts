// <script src="https://desk.example.com/widget.js" data-widget="ID" async></script>
//
// Puts a button on the page and, behind it, a frame of ours that holds the chat. The page's styles do not reach either,
// and nothing of the page does but its address and, where the site says so, who visits:
//   data-user-id, data-signature   the site's own name for the visitor, and its HMAC-SHA256 made on the site's server
//   data-token                     or a token (JWT, HS256) that tells the same and ends by itself
// The page can call switchboard.open(), .close() and .identify({ user_id, signature } or { token }).

(() => {
  const script = document.currentScript as HTMLScriptElement | null;
  const id = script?.dataset["widget"];
  if (!script || !id || "switchboard" in window) return;
  const base = new URL(script.src).origin;
  const { userId, signature, token } = script.dataset;
  let identity: unknown = token ? { token } : userId && signature ? { user_id: userId, signature } : undefined;
  let open = false;
  let unread = 0;

  const styles = new CSSStyleSheet();
  styles.replaceSync(`
    :host { all: initial; position: fixed; z-index: 2147483000; inset: auto 0 0 auto; font: 14px system-ui, sans-serif; }
    [hidden] { display: none !important; }
    button { all: unset; position: fixed; right: 20px; bottom: 20px; width: 56px; height: 56px; border-radius: 50%; display: grid; place-items: center; cursor: pointer; background: #0b6b63; color: #fff; box-shadow: 0 2px 10px rgb(0 0 0 / .3); }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #0b6b63; }
    svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    b { position: absolute; top: -4px; right: -4px; min-width: 20px; height: 20px; box-sizing: border-box; padding: 0 5px; border-radius: 10px; background: #ad231b; color: #fff; font: bold 12px/20px system-ui, sans-serif; text-align: center; }
    iframe { position: fixed; right: 20px; bottom: 88px; width: min(400px, calc(100vw - 40px)); height: min(640px, calc(100dvh - 108px)); border: 0; border-radius: 16px; box-shadow: 0 6px 32px rgb(0 0 0 / .3); background: #fff; color-scheme: light dark; }
    @media (prefers-color-scheme: dark) { button { background: #62cabe; color: #04211d; } iframe { background: #131513; } }
    @media (max-width: 480px) { iframe { inset: 0; width: 100%; height: 100%; border-radius: 0; } .open { display: none; } }
    .told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }`);

  const make = <K extends keyof HTMLElementTagNameMap>(name: K, set: Partial<HTMLElementTagNameMap[K]>) => Object.assign(document.createElement(name), set);
  const host = make("div", { id: "switchboard-widget" });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [styles];
  const button = make("button", { type: "button" });
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = picture.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const badge = make("b", { hidden: true });
  const told = make("div", { className: "told" });
  told.setAttribute("role", "status");
  const frame = make("iframe", { title: "Chat", hidden: true, allow: "microphone", src: `${base}/widget/${encodeURIComponent(id)}` });
  button.append(picture, badge);
  root.append(button, told, frame);

  const say = (message: object) => frame.contentWindow?.postMessage(message, base);
  const show = () => {
    frame.hidden = !open;
    button.className = open ? "open" : "";
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", open ? "Close chat" : unread ? `Open chat, ${unread} unread` : "Open chat");
    line.setAttribute("d", open ? "M6 9l6 6 6-6" : "M4 5h16v11H9l-5 4z");
    badge.hidden = open || !unread;
    badge.textContent = unread > 9 ? "9+" : String(unread);
  };
  const turn = (to: boolean) => {
    open = to;
    show();
    say({ kind: open ? "opened" : "closed" });
    if (open) frame.focus();
    else button.focus();
  };
  button.addEventListener("click", () => turn(!open));
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== base) return;
    if (data.kind === "ready") say({ kind: "hello", page: location.href.split("#")[0], identity, open });
    if (data.kind === "close") turn(false);
    if (data.kind === "unread") {
      if (data.count > unread && !open) told.textContent = `${data.count} unread in chat`;
      unread = data.count;
      show();
    }
  });
  show();
  const put = () => document.body.append(host);
  if (document.body) put();
  else addEventListener("DOMContentLoaded", put);
  Object.defineProperty(window, "switchboard", {
    value: {
      open: () => turn(true),
      close: () => turn(false),
      identify: (who: unknown) => {
        identity = who;
        say({ kind: "hello", page: location.href.split("#")[0], identity, open });
      },
    },
  });
})();
