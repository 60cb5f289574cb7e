//! The console, as a person uses it (R32, R33, R39, R42): the first account, a customer's message that comes in live, a
//! draft that is approved, a takeover, a note, the end of the case; hostile words; a telephone's screen; WCAG 2.2 AA.

use std::path::Path;

use serde_json::{Value, json};

use super::chromium::{Microphone, Tab, is_there};
use super::house::{House, Setup, alone, eventually};

/// What a person does, in words: fields by their labels, buttons and links by their names.
const HANDS: &str = r#"
window.hands = (() => {
  const seen = (node) => node.checkVisibility({ visibilityProperty: true });
  const named = (selector, name) => [...document.querySelectorAll(selector)].find(
    (node) => seen(node) && ((node.getAttribute("aria-label") ?? node.textContent).trim() === name || node.title === name));
  const field = (label) => named("input, textarea", label)
    ?? document.getElementById(named("label", label)?.htmlFor ?? "");
  return {
    sees: (text) => document.body.innerText.includes(text),
    offers: (name) => Boolean(named("button:enabled, a[href]", name)),
    press: (name) => { const button = named("button:enabled, a[href]", name); button?.click(); return Boolean(button); },
    write: (label, text) => {
      const found = field(label);
      if (!found) return false;
      found.focus();
      found.select();
      document.execCommand("insertText", false, text);
      return found.value === text;
    },
    row: (text) => [...document.querySelectorAll("[data-row]")].find((row) => row.textContent.includes(text)),
    send: async (path, body) => {
      const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      return { status: answer.status, body: await answer.json() };
    },
  };
})();
"#;

const HOSTILE: &str = r#"<img src=x onerror="window.pwned=1"><script>window.pwned=2</script> hello"#;

struct Person(Tab);

impl Person {
    /// Opens the first account's link, the way the server printed it.
    fn first(house: &House) -> Person {
        let link = eventually("the server prints the link of the first account", || {
            let log = house.log();
            let link = log.split("/sign-in#setup=").nth(1)?.split_whitespace().next()?.to_owned();
            Some(link)
        });
        let address = format!("http://127.0.0.1:{}/sign-in#setup={link}", house.http_port());
        let mut person = Person(Tab::open(&address, &Microphone::Scripted));
        person.wakes();
        person.writes("Your name", "Ada Lind");
        person.writes("Email", "ada@example.com");
        person.writes("Password", "correct horse battery staple");
        person.finds_no_barrier("making the first account");
        person.presses("Make the account");
        person.until("the inbox is shown", "location.pathname === '/support'");
        person
    }

    /// After a page was loaded anew.
    fn wakes(&mut self) {
        self.0.run(HANDS);
    }

    fn until(&mut self, what: &str, script: &str) {
        self.0.until(what, script);
    }

    fn sees(&mut self, text: &str) {
        self.until(&format!("“{text}” is shown"), &format!("hands.sees({})", json!(text)));
    }

    fn presses(&mut self, name: &str) {
        self.until(&format!("“{name}” can be pressed"), &format!("hands.press({})", json!(name)));
    }

    fn writes(&mut self, label: &str, text: &str) {
        let script = format!("hands.write({}, {})", json!(label), json!(text));
        self.until(&format!("“{label}” takes words"), &script);
    }

    fn is_offered(&mut self, name: &str) {
        self.until(&format!("“{name}” is offered"), &format!("hands.offers({})", json!(name)));
    }

    fn opens(&mut self, path: &str) {
        let origin = self.0.run("location.origin");
        self.0.go(&format!("{}{path}", origin.as_str().unwrap()));
        self.wakes();
        self.until("the page is there", "document.querySelector('main h1, main h2') !== null");
    }

    /// A customer writes, by a program of the business; the conversation's id.
    fn gets_message(&mut self, thread: &str, name: &str, text: &str) -> String {
        let body = json!({ "external_id": thread, "contact": { "id": thread, "name": name }, "text": text });
        let answer = self.0.run(&format!("hands.send('/api/v1/intake/messages', {body})"));
        assert_eq!(answer["status"], 202, "{answer:#}");
        answer["body"]["conversation_id"].as_str().unwrap().to_owned()
    }

    fn reads(&mut self, path: &str) -> Value {
        self.0.run(&format!("fetch({}).then((answer) => answer.json())", json!(path)))
    }

    /// axe-core, which finds about half of what hinders people; where Node has brought it.
    fn finds_no_barrier(&mut self, place: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/node_modules/axe-core/axe.min.js");
        let Ok(axe) = std::fs::read_to_string(&file) else {
            return println!("skipped: axe-core is not installed (npm --prefix web ci)");
        };
        if self.0.run("typeof axe") != "object" {
            self.0.run(&format!("{axe}; 0"));
        }
        let found = self.0.run(
            "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })\
             .then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`))",
        );
        assert_eq!(found, json!([]), "{place}");
    }

    /// R39: nothing runs out of a telephone's width.
    fn fits(&mut self, place: &str) {
        let wide = self.0.run("document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{place} is {wide} pixels wider than the screen");
    }
}

/// A house of its own with its first account; `None` where something is missing.
fn begun() -> Option<(House, Person)> {
    let house = House::start(Setup { published: true, ..Setup::default() });
    let (_, page) = house.get("/").unwrap();
    if !String::from_utf8_lossy(&page).contains("/assets/") {
        println!("skipped: the console is not built in (Node 20.19 or newer with npm builds it)");
        return None;
    }
    let person = Person::first(&house);
    Some((house, person))
}

/// The main job of an inbox, on a desk's screen: R32, R33, R42.
#[test]
fn a_message_comes_in_live_and_is_worked_on_to_its_end() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some((_house, mut ada)) = begun() else { return };
    ada.0.command_for_size(1440, 900);
    ada.sees("No conversations yet");

    let id = ada.gets_message("order-7", "Noor Haddad", "I can't log in to my account any more.");
    ada.until("the row appears by itself", "hands.row('Noor Haddad')?.textContent.includes('Needs a person')");
    ada.finds_no_barrier("the inbox");
    ada.until("it can be opened", "(hands.row('Noor Haddad').click(), true)");
    ada.sees("Draft of the agent");
    ada.sees("touches access to an account");
    ada.finds_no_barrier("a conversation with a draft");

    ada.writes("Text of the draft", "Please choose “Forgot password” on the sign-in page.");
    ada.presses("Send as edited");
    ada.sees("Agent, approved by Ada Lind");
    ada.presses("Take over");
    ada.is_offered("Release");
    ada.presses("Note");
    ada.writes("Note for the team", "She had two accounts; merged.");
    ada.presses("Add");
    ada.sees("Note by Ada Lind");
    ada.presses("Resolve");
    ada.is_offered("Reopen");

    // The page shows at once what the server agrees to a moment later.
    let path = format!("/api/v1/conversations/{id}");
    let resolved =
        format!("fetch({path:?}).then((answer) => answer.json()).then(({{ status }}) => status === 'resolved')");
    ada.until("the server holds it resolved", &resolved);
    let case = ada.reads(&path);
    assert_eq!((&case["status"], &case["assignee"]), (&json!("resolved"), &json!("Ada Lind")));
    let said = |author: &str| {
        let of = case["messages"].as_array().unwrap().iter().filter(|message| message["author"] == author);
        of.map(|message| message["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said("agent").last().unwrap(), "Please choose “Forgot password” on the sign-in page.");
    assert_eq!(said("note"), ["She had two accounts; merged."]);

    // The customer writes once more; whoever looks sees it without doing anything.
    ada.gets_message("order-7", "Noor Haddad", "It works now, thank you!");
    ada.sees("It works now, thank you!");
}

/// W1: what customers write and call themselves is text, wherever it is shown.
#[test]
fn hostile_words_are_shown_and_do_nothing() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some((_house, mut ada)) = begun() else { return };
    ada.0.command_for_size(1440, 900);
    let id = ada.gets_message("t-1", "<img src=x onerror=\"window.pwned=3\">", HOSTILE);
    ada.until("the row appears", "hands.row('onerror') !== undefined");
    ada.opens(&format!("/support/{id}"));
    ada.sees("<script>window.pwned=2</script> hello");
    ada.sees("<img src=x onerror=\"window.pwned=3\">");
    assert_eq!(ada.0.run("typeof window.pwned"), "undefined");
    assert_eq!(ada.0.run("document.querySelectorAll('#root script, #root img').length"), 0);
}

/// R39, WCAG 2.2 AA: every page, on a telephone and on a desk, in the light and in the dark.
#[test]
fn every_page_fits_a_telephone_and_hinders_nobody() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some((_house, mut ada)) = begun() else { return };
    let id = ada.gets_message("t-1", "Priya Raman", "What are your opening hours?");
    let pages = [
        "/support".to_owned(),
        format!("/support/{id}"),
        format!("/support/{id}?side=true"),
        "/knowledge".into(),
        "/knowledge/new".into(),
        "/knowledge/gaps".into(),
        "/knowledge/try".into(),
        "/settings".into(),
        "/settings/escalation".into(),
        "/settings/team".into(),
        "/settings/tokens".into(),
        "/settings/audit".into(),
        "/settings/account".into(),
    ];
    for (width, height, dark) in [(390, 844, true), (1440, 900, false)] {
        ada.0.command_for_size(width, height);
        ada.0.darken(dark);
        for page in &pages {
            ada.opens(page);
            ada.until("nothing is loading", "document.querySelector('[role=status][aria-label=Loading]') === null");
            let place = format!("{page} at {width} pixels, {}", if dark { "dark" } else { "light" });
            ada.fits(&place);
            ada.finds_no_barrier(&place);
        }
    }
}
