//! The usual SIP clients of browsers, JsSIP and SIP.js as they are published, registered and calling over a WebSocket.
//!
//! They are bundled into one script by `npm ci && npm run build` in `tests/browser/sip_clients`, as `scripts/test` does;
//! without that script these tests are skipped with a printed reason.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::audio::{self, assert_words};
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there};
use super::house::{House, Setup, alone, free_port, messages};

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

/// R1, RFC 7118: each of them registers, calls, asks aloud, hears the answer, and hangs up.
#[test]
fn the_usual_sip_clients_of_browsers_register_and_hold_a_conversation() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(page) = page() else { return };
    let port = free_port();
    let phone = |name: &str| format!("[[sip.phones]]\nname = \"{name}\"\npassword = \"long enough\"\n");
    let config = format!("[sip]\nws_listen = \"127.0.0.1:{port}\"\n{}{}", phone("jssip"), phone("sipjs"));
    let house = House::start(Setup { published: true, config: Some(config), ..Setup::default() });
    for client in ["jssip", "sipjs"] {
        let mut tab = Tab::open(&page, &Microphone::Scripted);
        tab.until("the clients are loaded", "typeof clients === 'object'");
        tab.run(&format!(
            "window.client = clients.{client}({{ socket: 'ws://127.0.0.1:{port}', user: '{client}', \
             password: 'long enough', host: '127.0.0.1' }}); 0"
        ));
        tab.until(&format!("{client} is registered"), "clients.seen.includes('registered')");
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
        tab.run("client.hangUp(); 0");
        house.until_over(client);
    }
}
