//! The usual SIP clients of browsers, JsSIP and SIP.js as they are published, registered and calling over a WebSocket.
//!
//! They are bundled into one script by `npm ci && npm run build` in `tests/browser/sip_clients`, as `scripts/test` does;
//! without that script these tests are skipped with a printed reason.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::certificates::Authority;
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there};
use super::house::{House, Setup, alone, eventually, free_port, messages};
use super::phone::Phone;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/sip_clients/dist/clients.js");

/// Serves a page with both clients from this machine, until the process ends; its address.
fn page() -> Option<String> {
    if !Path::new(SCRIPT).exists() {
        println!("skipped: {SCRIPT} is not built (npm ci && npm run build)");
        return None;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            let is_script = String::from_utf8_lossy(&head[..read]).starts_with("GET /clients.js");
            let (kind, body) = match is_script {
                true => ("text/javascript", std::fs::read(SCRIPT).unwrap()),
                false => {
                    ("text/html", b"<!doctype html><meta charset=utf-8><script src=/clients.js></script>".to_vec())
                }
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&body);
        }
    });
    Some(format!("http://{address}/"))
}

/// A house with these phones, whom pages reach at this port over WebSockets.
fn house(names: &[&str], wss: bool, escalate_to: Option<String>) -> (House, String, Authority) {
    let (port, authority) = (free_port(), Authority::new());
    let ours = authority.issue(&["127.0.0.1"]);
    let listen = if wss {
        let (certificate, key) = (ours.certificate, ours.key);
        format!("wss_listen = \"127.0.0.1:{port}\"\ncertificate_file = {certificate:?}\nkey_file = {key:?}\n")
    } else {
        format!("ws_listen = \"127.0.0.1:{port}\"\n")
    };
    let phone = |name: &&str| format!("[[sip.phones]]\nname = \"{name}\"\npassword = \"long enough\"\n");
    let config = format!("[sip]\n{listen}{}", names.iter().map(phone).collect::<String>());
    let setup = Setup { published: true, escalate_to, config: Some(config), ..Setup::default() };
    let scheme = if wss { "wss" } else { "ws" };
    (House::start(setup), format!("{scheme}://127.0.0.1:{port}"), authority)
}

/// A page with one of the clients, registered.
fn registered(page: &str, client: &str, socket: &str) -> Tab {
    let mut tab = Tab::open(page, &Microphone::Scripted);
    tab.until("the clients are loaded", "typeof clients === 'object'");
    tab.run(&format!(
        "window.client = clients.{client}({{ socket: '{socket}', user: '{client}', \
         password: 'long enough', host: '127.0.0.1' }}); 0"
    ));
    tab.until(&format!("{client} is registered"), "clients.seen.includes('registered')");
    tab
}

/// R1, RFC 7118: each of them registers, over TLS as well, calls, asks aloud, hears the answer, holds and resumes (each a
/// re-INVITE), asks again, and hangs up.
#[test]
fn the_usual_sip_clients_of_browsers_register_and_hold_a_conversation() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(page) = page() else { return };
    for (client, wss) in [("jssip", false), ("sipjs", true)] {
        let (house, socket, _authority) = house(&[client], wss, None);
        let mut tab = registered(&page, client, &socket);
        tab.run("client.call('sip:support@127.0.0.1'); 0");
        tab.until(&format!("{client} is answered"), "clients.seen.includes('confirmed')");
        house.until_said(client, "How can I help you?");
        tab.say(&audio::spoken("What are your opening hours?"));
        let conversation = house.until_said(client, "Saturday");
        let asked = messages(&conversation, "customer");
        assert_eq!(audio::plain(asked[0]["text"].as_str().unwrap()), "what are your opening hours");
        let heard = audio::transcribe(&tab.heard(), HEARD_RATE_HZ);
        println!("{client} heard: {heard}");
        assert_words(&heard, &["automated", "help", "monday", "saturday"]);
        assert_eq!(tab.run("client.hold()"), true, "{client}");
        assert_eq!(tab.run("client.resume()"), true, "{client}");
        tab.say(&audio::spoken("How long does delivery take?"));
        house.until_said(client, "working days");
        tab.run("client.hangUp(); 0");
        house.until_over(client);
    }
}

/// R3, R10: each of them is rung as the telephone of the person whom a caller asks for: it hears what the call is about,
/// takes it by a key (an event in the audio from the one, INFO from the other), and speaks with the caller both ways.
#[test]
fn the_usual_sip_clients_of_browsers_are_rung_and_joined_with_a_caller() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(page) = page() else { return };
    for client in ["jssip", "sipjs"] {
        let (house, socket, _authority) = house(&[client], false, Some(format!("sip:{client}@127.0.0.1")));
        let mut person = registered(&page, client, &socket);
        let mut caller = Phone::caller("asker");
        caller.dial(&house.uri());
        house.until_said("asker", "How can I help you?");
        caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
        person.until(&format!("{client} is rung and picks up"), "clients.seen.includes('confirmed')");
        let introduced = until_spoken_to(&mut person, 0);
        person.run("client.press('1'); 0");
        house.until("asker", "the person has taken the call", |conversation| {
            conversation["call"]["attempts"][0]["outcome"] == "accepted"
        });
        let heard = audio::transcribe(&person.heard()[..introduced], HEARD_RATE_HZ);
        println!("{client} heard first: {heard}");
        assert_words(&heard, &["press"]);
        let so_far = caller.heard().len();
        person.say(&audio::spoken("This is Peter from the workshop speaking."));
        let spoken = caller.until_spoken_to(so_far);
        assert_words(&audio::transcribe(&caller.heard()[so_far..spoken], LINE_RATE_HZ), &["workshop"]);
        let so_far = person.heard().len();
        caller.say(&audio::spoken("The yellow shade fell from the table."));
        let spoken = until_spoken_to(&mut person, so_far);
        let heard = audio::transcribe(&person.heard()[so_far..spoken], HEARD_RATE_HZ);
        assert_words(&heard, &["yellow", "table"]);
        caller.hang_up();
        person.until(&format!("{client} is told of the end"), "clients.seen.includes('ended')");
        let conversation = house.until_over("asker");
        assert_eq!(conversation["call"]["outcome"], "person", "{conversation:#}");
    }
}

/// Waits until somebody was heard in the page from this sample on, and is silent again; how much was heard by then.
pub fn until_spoken_to(tab: &mut Tab, from: usize) -> usize {
    eventually("the page hears somebody", || {
        let heard = tab.heard();
        let voiced = audio::voiced(heard.get(from..)?, HEARD_RATE_HZ);
        let quiet = voiced.iter().rev().take_while(|voiced| !**voiced).count();
        (voiced.contains(&true) && quiet > 45).then_some(heard.len())
    })
}
