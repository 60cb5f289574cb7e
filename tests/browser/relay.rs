//! Browsers whose network lets nothing through but the way to a TURN server (coturn).

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::audio::{self, assert_words};
use super::calls::{page, until_said, used_candidate};
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there};
use super::house::{House, Process, Setup, alone, eventually, free_port};

const CALLER: &str = "browser@127.0.0.1";
const SECRET: &str = "a secret shared with the relay";

/// A relay that gives an allocation to whoever has credentials signed with the secret; `None` with a printed reason where it
/// is not installed.
fn relay(port: u16, folder: &Path) -> Option<Process> {
    let paths = ["/usr/bin/turnserver", "/usr/sbin/turnserver", "/usr/local/bin/turnserver"];
    let Some(program) = paths.into_iter().find(|path| Path::new(path).exists()) else {
        println!("skipped: coturn is not installed (Debian: coturn)");
        return None;
    };
    let log = folder.join("log");
    let relay = Process::spawn(
        Command::new(program)
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
            .args(["--allow-loopback-peers", "--use-auth-secret", "--realm=relay.example.com", "--simple-log"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--static-auth-secret={SECRET}"))
            .arg(format!("--userdb={}", folder.join("users").display()))
            .arg(format!("--pidfile={}", folder.join("pid").display()))
            .arg(format!("--log-file={}", log.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    eventually("the relay listens", || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    Some(relay)
}

/// Every connection of the page goes by the relay or not at all.
const BY_RELAY_ALONE: &str = r#"
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(setup) { super({ ...setup, iceTransportPolicy: "relay" }); }
};
"#;

/// How many addresses the relay gives for the credentials that we told, signed like this.
const ADDRESSES: &str = r#"(async (change) => {
  const { ice_servers } = await (await fetch("/api/v1/browser-calls/setup")).json();
  const peer = new RTCPeerConnection({ iceServers: await Promise.all(ice_servers.map(change)) });
  peer.addTransceiver("audio");
  let found = 0;
  const done = new Promise((over) => {
    peer.onicecandidate = ({ candidate }) => { if (candidate?.candidate) found += 1; else if (!candidate) over(); };
  });
  await peer.setLocalDescription();
  await done;
  peer.close();
  return found;
})"#;

/// A server's credentials for another name, signed as `src/webrtc/turn.rs` does it.
const SIGNED: &str = r#"(async (server, username, secret) => {
  const bytes = (text) => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(username)));
  return { ...server, username, credential: btoa(String.fromCharCode(...signature)) };
})"#;

/// R1, R47: a browser that reaches nothing but a TURN server holds a call through it, with credentials that end by
/// themselves; without the right ones the relay gives it no way.
#[test]
fn a_browser_calls_through_a_relay_by_credentials_that_end() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let Some(_relay) = relay(port, folder.path()) else { return };
    let config = format!(
        "[browser]\nice_servers = [\"turn:127.0.0.1:{port}?transport=udp\"]\nturn_secret = \"{SECRET}\"\n\
         turn_ttl_seconds = 600\n"
    );
    let house = House::start(Setup { published: true, config: Some(config), ..Setup::default() });
    let mut tab = Tab::open_with(&page(&house), &Microphone::Scripted, BY_RELAY_ALONE);
    assert!(tab.run(&format!("{ADDRESSES}((server) => server)")).as_u64().unwrap() > 0);
    let signed = |until: &str| format!("{ADDRESSES}((server) => {SIGNED}(server, '{until}:us', '{SECRET}'))");
    assert!(tab.run(&signed("2000000000")).as_u64().unwrap() > 0);
    assert_eq!(tab.run(&signed("1000000000")), 0, "credentials that have ended");
    let forged = "(server) => ({ ...server, credential: 'bm90IHNpZ25lZA==' })";
    assert_eq!(tab.run(&format!("{ADDRESSES}({forged})")), 0, "credentials that nobody signed");

    tab.click("#call");
    tab.until_phase("live");
    until_said(&house, "How can I help you?", 1);
    assert_eq!(used_candidate(&mut tab, "candidateType"), "relay");
    tab.say(&audio::spoken("What are your opening hours?"));
    until_said(&house, "Saturday", 2);
    let heard = audio::transcribe(&tab.heard(), HEARD_RATE_HZ);
    assert_words(&heard, &["automated", "monday", "saturday"]);
    tab.click("#hang-up");
    house.until_over(CALLER);
}
