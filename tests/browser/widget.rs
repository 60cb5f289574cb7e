//! The chat on a page of the business's own, as a visitor uses it (R11, R33, R39): a page of another origin names the
//! script; a question is answered by the agent, a person is asked for and replies; it goes on after the page is loaded
//! anew and after hours without a network; WCAG 2.2 AA down to 320 pixels.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use super::chromium::{Microphone, Tab, is_there};
use super::house::{House, Setup, alone, eventually};

/// What a visitor does in the frame, in words.
const HANDS: &str = r#"
globalThis.hands ??= (() => {
  const named = (name) => [...document.querySelectorAll("button, a, textarea, input")].find(
    (node) => node.checkVisibility() && (node.getAttribute("aria-label") ?? node.textContent).trim() === name);
  return {
    sees: (text) => document.body.innerText.includes(text),
    press: (name) => { const found = named(name); found?.click(); return Boolean(found); },
    write: (text) => {
      const field = named("Message");
      if (!field) return false;
      field.focus();
      field.value = text;
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      return hands.press("Send");
    },
    said: () => [...document.querySelectorAll("li.bubble[data-seq] .text")].map((node) => node.textContent),
  };
})();
"#;

/// A page of the business on a port, and so an origin, of its own.
struct Shop {
    origin: String,
}

impl Shop {
    fn open() -> (Shop, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        (Shop { origin }, listener)
    }

    fn serve(listener: TcpListener, house: &House, widget: &str) {
        let script = format!("http://127.0.0.1:{}/widget.js", house.http_port());
        let page = format!(
            "<!doctype html><html lang=en><meta name=viewport content=\"width=device-width\"><title>Shop</title><style>* {{ color: red !important; display: block }}</style>\
             <main><h1>Our shop</h1><p>Lamps.</p></main><script src=\"{script}\" data-widget=\"{widget}\" async></script>"
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let _ = stream.read(&mut [0; 4_096]);
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                );
            }
        });
    }
}

/// A house with a widget, and a visitor on the shop's page.
struct Visit {
    tab: Tab,
    shop: Shop,
    house: House,
}

impl Visit {
    fn begin(settings: Value) -> Option<Visit> {
        let house = House::start(Setup { published: true, ..Setup::default() });
        let (_, page) = house.get("/").unwrap();
        if !String::from_utf8_lossy(&page).contains("/assets/") {
            println!("skipped: the console is not built in (Node 20.19 or newer with npm builds it)");
            return None;
        }
        let (shop, listener) = Shop::open();
        let mut settings = settings;
        settings["origins"] = json!([shop.origin]);
        let new = json!({ "kind": "widget", "name": "shop", "settings": settings });
        let (status, account) = house.post("/api/v1/channels", &new);
        assert_eq!(status, 201, "{account:#}");
        Shop::serve(listener, &house, account["id"].as_str().unwrap());
        let tab = Tab::open(&shop.origin, &Microphone::Scripted);
        Some(Visit { tab, shop, house })
    }

    fn frame(&mut self, script: &str) -> Value {
        self.tab.run_in("/widget/", &format!("{HANDS}{script}"))
    }

    fn until(&mut self, what: &str, script: &str) {
        eventually(what, || (self.frame(script) == true).then_some(()));
    }

    fn sees(&mut self, text: &str) {
        self.until(&format!("“{text}” is shown"), &format!("hands.sees({})", json!(text)));
    }

    fn presses(&mut self, name: &str) {
        self.until(&format!("“{name}” can be pressed"), &format!("hands.press({})", json!(name)));
    }

    fn writes(&mut self, text: &str) {
        self.until("a message can be written", &format!("hands.write({})", json!(text)));
    }

    fn launcher(&mut self, script: &str) -> Value {
        self.tab
            .run(&format!("document.getElementById('switchboard-widget')?.shadowRoot.querySelector('button'){script}"))
    }

    fn opens(&mut self) {
        let button = "document.getElementById('switchboard-widget')?.shadowRoot.querySelector('button')";
        self.tab.until("the launcher is there", &format!("Boolean({button})"));
        self.until("the chat is built", "document.querySelector('header') !== null");
        self.launcher(".click()");
    }

    fn case(&self) -> Value {
        let listed = self.house.get_json("/api/v1/conversations");
        self.house.get_json(&format!("/api/v1/conversations/{}", listed["conversations"][0]["id"].as_str().unwrap()))
    }

    fn ann(&self, act: &str, mut body: Value) {
        body["teammate"] = json!("Ann");
        let (status, answer) =
            self.house.post(&format!("/api/v1/conversations/{}/{act}", self.case()["id"].as_str().unwrap()), &body);
        assert!(status < 300, "{answer:#}");
    }

    /// axe-core, in the frame; where Node has brought it.
    fn finds_no_barrier(&mut self, place: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/node_modules/axe-core/axe.min.js");
        let Ok(axe) = std::fs::read_to_string(&file) else {
            return println!("skipped: axe-core is not installed (npm --prefix web ci)");
        };
        self.until("nothing moves", "document.getAnimations().every(({ playState }) => playState !== 'running')");
        let found = self.frame(&format!(
            "{axe};\naxe.run(document, {{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }})\
             .then(({{ violations }}) => violations.map(({{ id, nodes }}) => `${{id}}: ${{nodes.map(({{ html }}) => html).join(' ')}}`))"
        ));
        assert_eq!(found, json!([]), "{place}");
    }
}

/// R11, R13, R33: the whole way on a page of another origin, and again after the page was loaded anew.
#[test]
fn a_visitor_asks_the_agent_then_a_person_and_comes_back() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(mut visit) = Visit::begin(json!({ "title": "Lamp shop", "greeting": "Hello! What can we do for you?" }))
    else {
        return;
    };
    visit.tab.command_for_size(1_440, 900);
    visit.opens();
    visit.sees("What can we do for you?");
    visit.writes("What are your opening hours?");
    visit.until("the agent answers", "hands.said().length === 2");
    visit.sees("Assistant");
    visit.tab.picture("widget-1440-answered");

    visit.presses("Talk to a person");
    visit.sees("A colleague will reply to you here.");
    visit.ann("take-over", json!({}));
    visit.sees("You are talking with a person.");
    visit.ann("messages", json!({ "kind": "note", "text": "Sounds nice." }));
    visit.ann("messages", json!({ "text": "Hello, Ann here. <b>Which lamp?</b>" }));
    visit.sees("Hello, Ann here. <b>Which lamp?</b>");
    assert_eq!(visit.frame("hands.sees('Sounds nice')"), false);
    assert_eq!(visit.frame("document.querySelectorAll('.text b').length"), 0, "words are words");
    eventually("it is read", || {
        let case = visit.case();
        let last = case["messages"].as_array().unwrap().last().unwrap().clone();
        (last["delivery"] == "read").then_some(())
    });

    // Closed, the launcher counts; by keyboard it is opened again.
    let said = visit.frame("hands.said()");
    visit.tab.press("Escape");
    visit.frame("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))");
    eventually("it is closed", || (visit.launcher(".ariaExpanded") == "false").then_some(()));
    visit.ann("messages", json!({ "text": "Are you still there?" }));
    eventually("the launcher counts", || (visit.launcher(".ariaLabel") == "Open chat, 1 unread").then_some(()));
    visit.tab.picture("widget-1440-unread");

    let origin = visit.shop.origin.clone();
    visit.tab.go(&origin);
    visit.opens();
    visit.sees("Are you still there?");
    let mut expected = said.as_array().unwrap().clone();
    expected.push(json!("Are you still there?"));
    assert_eq!(visit.frame("hands.said()"), json!(expected), "nothing is lost and nothing is there twice");
}

/// R11: without a network what is written waits, and what others wrote meanwhile is not missed.
#[test]
fn words_written_without_a_network_arrive_once() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(mut visit) = Visit::begin(json!({})) else { return };
    visit.opens();
    visit.writes("I would like to talk to a person");
    visit.sees("A colleague will reply");
    visit.tab.offline(true);
    visit.sees("You are offline.");
    visit.writes("Are you there?");
    visit.sees("Waits for the connection");
    visit.ann("messages", json!({ "text": "Yes, I am." }));
    visit.tab.picture("widget-offline");
    visit.tab.offline(false);
    visit.sees("Yes, I am.");
    visit.until("what was written is sent", "hands.said().includes('Are you there?')");
    assert_eq!(visit.frame("hands.said().filter((text) => text === 'Are you there?').length"), 1);
    assert_eq!(visit.frame("hands.sees('You are offline.')"), false);
}

/// R39, WCAG 2.2 AA: the form, the chat and a refusal, on the smallest telephone, a usual one and a desk, light and dark.
#[test]
fn the_chat_fits_320_pixels_and_hinders_nobody() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let ask = json!([{ "name": "email", "label": "Your email", "required": true }, { "name": "order", "label": "Order number" }]);
    let Some(mut visit) =
        Visit::begin(json!({ "ask": ask, "call_button": true, "reply_time": "We usually reply within an hour." }))
    else {
        return;
    };
    visit.tab.command_for_size(320, 568);
    visit.opens();
    visit.until("the chat has the whole screen", "innerWidth === 320 && innerHeight === 568");
    visit.sees("Start the chat");
    visit.finds_no_barrier("the form");
    visit.tab.picture("widget-320-form");
    visit.until(
        "the form is filled in",
        "(document.querySelector('[name=email]').value = 'zoe@example.com', hands.press('Start the chat'))",
    );
    visit.writes(
        "Hello! Do you have https://example.com/a-very-long-address-that-does-not-fit-one-line-of-a-telephone in blue?",
    );
    visit.until("it is answered or held", "hands.said().length >= 1");
    for (width, height, dark) in [(320, 568, false), (320, 568, true), (390, 844, false), (1_440, 900, true)] {
        visit.tab.command_for_size(width, height);
        visit.tab.darken(dark);
        let place = format!("{width} pixels, {}", if dark { "dark" } else { "light" });
        visit.until("nothing runs out of the frame", "document.documentElement.scrollWidth <= innerWidth");
        visit.finds_no_barrier(&place);
        visit.tab.picture(&format!("widget-{width}-{}", if dark { "dark" } else { "light" }));
    }
    // Focus goes round within the chat.
    let steps = "(async () => { const all = [...document.querySelectorAll('#chat a[href], #chat button, #chat textarea, #chat [tabindex=\"0\"]')]\
                 .filter((one) => one.checkVisibility()); all.at(-1).focus();\
                 const event = new KeyboardEvent('keydown', { key: 'Tab', bubbles: true, cancelable: true });\
                 document.activeElement.dispatchEvent(event); return document.activeElement === all[0]; })()";
    assert_eq!(visit.frame(steps), true);
}
