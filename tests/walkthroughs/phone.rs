//! A telephone: baresip without a screen, told over its control port what to do.
//!
//! It plays one file at a time into the call and records what it hears.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::audio;
use super::hosts::Place;
use super::house::{House, Process, eventually, free_port};

/// What a phone does when it rings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WhenRung {
    PicksUp,
    Rings,
}

/// An account, and where the phone that has it stands.
#[derive(Clone, Default)]
pub struct Account {
    /// Its address in angle brackets, where it is not one of a phone beside the house.
    pub address: Option<String>,
    /// Its parameters, each with its semicolon.
    pub parameters: String,
    /// Of its address, with its semicolon.
    pub transport: &'static str,
    /// What it can speak; PCMU where nothing is said.
    pub codecs: &'static str,
    /// Modules that these need.
    pub modules: &'static [&'static str],
    pub place: Place,
}

/// One telephone.
pub struct Phone {
    /// Its user name, which the house notes as the caller.
    pub name: String,
    control: TcpStream,
    events: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
    _process: Process,
}

impl Phone {
    /// A phone that calls.
    pub fn caller(name: &str) -> Phone {
        Phone::start(name, free_port(), WhenRung::Rings)
    }

    /// A phone that has called, and heard the whole greeting.
    pub fn greeted(house: &House, name: &str) -> Phone {
        let mut phone = Phone::caller(name);
        phone.dial(&house.uri());
        house.until_said(name, "How can I help you?");
        phone
    }

    /// A phone that is called at this port.
    pub fn start(name: &str, sip_port: u16, when_rung: WhenRung) -> Phone {
        Phone::with_account(name, sip_port, when_rung, &Account::default())
    }

    /// The same with an account of its own.
    pub fn with_account(name: &str, sip_port: u16, when_rung: WhenRung, account: &Account) -> Phone {
        let folder = tempfile::tempdir().unwrap();
        let (process, control) =
            eventually("the phone starts", || run(folder.path(), name, sip_port, when_rung, account));
        let events = Arc::new(Mutex::new(Vec::new()));
        let (reader, seen) = (control.try_clone().unwrap(), events.clone());
        // Ends with the connection, which ends with the process.
        std::thread::spawn(move || read_events(reader, &seen));
        Phone { name: name.to_owned(), control, events, folder, _process: process }
    }

    /// A phone that registers. It gives up at a challenge with SHA-256; when it comes again, later than at once, it is asked
    /// with MD5 alone.
    pub fn registered(name: &str, sip_port: u16, account: &Account) -> Phone {
        let first = Phone::with_account(name, sip_port, WhenRung::PicksUp, account);
        let later = Instant::now() + Duration::from_secs(3);
        eventually("three seconds pass", || (Instant::now() >= later).then_some(()));
        drop(first);
        Phone::with_account(name, sip_port, WhenRung::PicksUp, account)
    }

    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
        self.wait_for("CALL_ESTABLISHED");
    }

    /// Dials without waiting for an answer.
    pub fn ring(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Says this from now on, in place of what it is saying.
    pub fn say(&mut self, file: &Path) {
        self.command("ausrc", &format!("aufile,{}", file.display()));
    }

    /// Presses keys at the pace of a finger: baresip drops what is left of an event when the next one comes.
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.command("sndcode", &key.to_string());
            std::thread::park_timeout(KEY_LASTS);
        }
    }

    /// Asks the other side to talk to somebody else (REFER).
    pub fn transfer(&mut self, uri: &str) {
        self.command("transfer", uri);
    }

    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Waits for an event of this type; its parameter.
    pub fn wait_for(&self, event: &str) -> String {
        eventually(&format!("{} sees {event}", self.name), || self.event(event))
    }

    /// The parameter of the first event of this type.
    pub fn event(&self, event: &str) -> Option<String> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let found = events.iter().find(|seen| seen["type"] == event)?;
        Some(found["param"].as_str().unwrap_or_default().to_owned())
    }

    /// What it has heard so far, at the rate of its codec.
    pub fn heard(&self) -> Vec<i16> {
        let files = fs::read_dir(self.folder.path().join("heard")).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        paths.sort();
        let bytes = paths.last().map(|path| fs::read(path).unwrap()).unwrap_or_default();
        // The length in the header is written at the end of the call; the samples are there before.
        bytes.get(WAV_HEADER..).unwrap_or_default().as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    /// Waits until something was said to it from this sample on, and is over; how much it has heard by then.
    pub fn until_spoken_to(&self, from: usize) -> usize {
        eventually(&format!("{} hears somebody", self.name), || {
            let heard = self.heard();
            audio::has_spoken(&heard, from).then_some(heard.len())
        })
    }

    /// A netstring around JSON, as the control port wants it.
    fn command(&mut self, command: &str, parameter: &str) {
        let text = json!({"command": command, "params": parameter}).to_string();
        write!(self.control, "{}:{text},", text.len()).unwrap();
    }
}

/// Starts baresip; `None` when it ends at once, because somebody else took its control port in between.
fn run(
    folder: &Path,
    name: &str,
    sip_port: u16,
    when_rung: WhenRung,
    account: &Account,
) -> Option<(Process, TcpStream)> {
    let (control_port, place) = (free_port(), &account.place);
    write_settings(folder, name, [sip_port, control_port], when_rung, account);
    let mut process = Process::spawn(
        place
            .command("baresip")
            .args(["-4", "-f"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    let control = eventually("the phone's control port opens, or it ends", || {
        if process.ended().is_some() {
            return Some(None);
        }
        place.connect(control_port).ok().map(Some)
    });
    Some((process, control?))
}

/// How long a finger stays on a key and finds the next.
const KEY_LASTS: Duration = Duration::from_millis(250);
/// Bytes of the header that sndfile writes before 16-bit samples.
const WAV_HEADER: usize = 44;

fn write_settings(
    folder: &Path,
    name: &str,
    [sip_port, control_port]: [u16; 2],
    when_rung: WhenRung,
    account: &Account,
) {
    let heard = folder.join("heard");
    fs::create_dir_all(&heard).unwrap();
    let modules = ["g711.so", "sndfile.so", "aufile.so"].iter().chain(account.modules);
    let modules: String = modules.map(|module| format!("module {module}\n")).collect();
    let applications = ["menu.so", "account.so", "ctrl_tcp.so"].map(|module| format!("module_app {module}\n")).concat();
    let mode = if when_rung == WhenRung::PicksUp { "auto" } else { "manual" };
    let Account { address, parameters, transport, codecs, .. } = account;
    let codecs = if codecs.is_empty() { "PCMU" } else { codecs };
    // What it plays has to be of its codec's rate.
    let rate = if codecs == "PCMU" { audio::LINE_RATE_HZ } else { audio::WIDE_RATE_HZ };
    let settings = format!(
        "sip_listen {}:{sip_port}\naudio_source aufile,{}\naudio_player none\naudio_alert none\n\
         rtp_ports 10000-19999\nmodule_path {}\n{modules}snd_path {}\n{applications}\
         ctrl_tcp_listen 127.0.0.1:{control_port}\n",
        account.place.address,
        audio::silence(rate).display(),
        module_folder(),
        heard.display(),
    );
    fs::write(folder.join("config"), settings).unwrap();
    let address = address.clone().unwrap_or_else(|| format!("<sip:{name}@127.0.0.1{transport}>;regint=0"));
    let account = format!("{address};audio_codecs={codecs};answermode={mode}{parameters}\n");
    fs::write(folder.join("accounts"), account).unwrap();
}

/// Where the distribution keeps baresip's modules.
fn module_folder() -> &'static str {
    let known = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib64/baresip/modules"];
    known.into_iter().find(|folder| Path::new(folder).is_dir()).expect("baresip has a folder of modules")
}

fn read_events(mut control: TcpStream, seen: &Mutex<Vec<Value>>) {
    let mut buffer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(len @ 1..) = control.read(&mut part) {
        buffer.extend_from_slice(&part[..len]);
        while let Some((message, used)) = netstring(&buffer) {
            if let Ok(value) = serde_json::from_slice::<Value>(message)
                && value["event"] == true
            {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(value);
            }
            buffer.drain(..used);
        }
    }
}

/// The first whole netstring, and how many bytes it takes with its frame.
fn netstring(buffer: &[u8]) -> Option<(&[u8], usize)> {
    let colon = buffer.iter().position(|byte| *byte == b':')?;
    let len: usize = std::str::from_utf8(&buffer[..colon]).ok()?.parse().ok()?;
    let message = buffer.get(colon + 1..colon + 1 + len)?;
    (buffer.len() > colon + 1 + len).then_some((message, colon + len + 2))
}
