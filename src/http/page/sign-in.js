// Signing in, the first account (#setup=…) and taking an invitation (#invitation=…).

const $ = (id) => document.getElementById(id);
const [, way, link] = /^#(setup|invitation)=(.+)$/.exec(location.hash) ?? [];
// The link is a secret: it stays neither in the address nor in the history.
if (link) history.replaceState(null, "", location.pathname);

if (way) {
  $("title").textContent = way === "setup" ? "Make the first account" : "Choose a password";
  $("go").textContent = "Continue";
  $("lead").hidden = false;
  $("lead").textContent = way === "setup"
    ? "It may do everything: invite others, change settings, read every case. Afterwards nobody gets in without an account."
    : "At least twelve characters; several words are easiest to remember.";
  $("password").autocomplete = "new-password";
  $("name-line").hidden = way !== "setup";
  $("email-line").hidden = way === "invitation";
}

function say(words) {
  $("said").textContent = words;
  $("said").hidden = false;
}

function asked() {
  const [name, email, password] = [$("name").value, $("email").value, $("password").value];
  if (way === "setup") return ["/api/v1/setup", { link, name, email, password }];
  if (way === "invitation") return ["/api/v1/invitation", { link, password }];
  return ["/api/v1/session", { email, password, code: $("code").value || undefined }];
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [path, body] = asked();
  $("go").disabled = true;
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), cache: "no-store",
    });
    if (answer.ok) return location.assign(new URLSearchParams(location.search).get("to") === "/call" ? "/call" : "/");
    const problem = await answer.json();
    if (problem.type === "urn:switchboard:code-wanted") {
      $("code-line").hidden = false;
      $("code").focus();
    }
    say(problem.detail);
  } catch {
    say("The server does not answer. Try again in a moment.");
  } finally {
    $("go").disabled = false;
  }
});
