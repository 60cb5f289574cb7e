//! `switchboard serve` as a process of its own, and its API.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::hosts::Place;

/// A condition that has not come by then never will; generous for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// The right to run, one test after another; `None`, with the reason printed, where something is missing.
pub fn alone() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    if std::env::var_os("SWITCHBOARD_MODELS_DIR").is_none() {
        println!("skipped: SWITCHBOARD_MODELS_DIR names no folder of models");
        return None;
    }
    for (program, package) in [("baresip", "baresip-core"), ("sipp", "sip-tester")] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            println!("skipped: {program} is not installed (Debian: {package})");
            return None;
        }
    }
    Some(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Waits for a condition.
pub fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, condition)
}

fn within<T>(patience: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(met) = condition() {
            return met;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A port that is free for UDP and TCP.
pub fn free_port() -> u16 {
    eventually("a free port", || {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
    })
}

/// A child process that ends with its owner, and with this process however that ends.
pub struct Process {
    child: Child,
    /// Kills the child once its own standard input is closed, which the end of this process does.
    watchdog: Child,
}

impl Process {
    pub fn spawn(command: &mut Command) -> Process {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let watch = format!("read _; kill -9 {}", child.id());
        let watchdog = Command::new("sh")
            .args(["-c", &watch])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Process { child, watchdog }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog first: afterwards the number may belong to somebody else.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a house is set up.
#[derive(Clone, Default)]
pub struct Setup {
    pub published: bool,
    pub escalate_to: Option<String>,
    /// What stands in its configuration file.
    pub config: Option<String>,
    /// The text of a dialplan.
    pub dialplan: Option<&'static str>,
    pub place: Place,
}

/// A running house.
pub struct House {
    pub process: Process,
    pub sip_port: u16,
    http_port: u16,
    setup: Setup,
    data: TempDir,
}

/// The published house without a destination to ring, shared by the tests that leave it as it was.
pub fn shared() -> &'static House {
    static SHARED: OnceLock<House> = OnceLock::new();
    SHARED.get_or_init(|| House::start(Setup { published: true, ..Setup::default() }))
}

impl House {
    pub fn start(setup: Setup) -> House {
        let data = tempfile::tempdir().unwrap();
        let (sip_port, http_port) = (free_port(), free_port());
        let process = run(&setup, data.path(), sip_port, http_port);
        let mut house = House { process, sip_port, http_port, setup, data };
        house.wait_until_ready();
        house
    }

    /// Kills the process in the middle of everything and starts another on the same data.
    pub fn crash_and_restart(&mut self) {
        self.process.signal("KILL");
        self.exit_status();
        self.process = run(&self.setup, self.data.path(), self.sip_port, self.http_port);
        self.wait_until_ready();
    }

    /// Waits until the process has ended.
    pub fn exit_status(&mut self) -> ExitStatus {
        eventually("the process ends", || self.process.ended())
    }

    fn wait_until_ready(&mut self) {
        // Its phrases are spoken before it is, which takes every processor.
        within(PATIENCE * 3, "the house is ready", || {
            if let Some(status) = self.process.ended() {
                panic!("switchboard ended with {status}: {}", self.log());
            }
            self.get("/health").filter(|(status, _)| *status == 200)
        });
    }

    pub fn address(&self) -> String {
        format!("{}:{}", self.setup.place.address, self.sip_port)
    }

    pub fn uri(&self) -> String {
        format!("sip:support@{}", self.address())
    }

    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default()
    }

    /// A GET; the status and the body, `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        let mut stream = self.setup.place.connect(self.http_port).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n\r\n", self.http_port).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let status = std::str::from_utf8(&answer[..head]).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_off(head + 4)))
    }

    /// A POST of JSON; the status and the body.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let mut stream = self.setup.place.connect(self.http_port).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.http_port,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    pub fn get_json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).expect("the API answers");
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// The newest conversation with this caller, whole.
    pub fn conversation(&self, caller: &str) -> Option<Value> {
        let listed = self.get_json("/api/v1/conversations?limit=200");
        let from =
            |conversation: &&Value| conversation["call"]["from"].as_str().is_some_and(|from| from.contains(caller));
        let found = listed["conversations"].as_array().unwrap().iter().find(from)?;
        Some(self.get_json(&format!("/api/v1/conversations/{}", found["id"].as_str().unwrap())))
    }

    /// Waits until the conversation with this caller is as wanted.
    pub fn until(&self, caller: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(conversation) = self.conversation(caller) {
                if wanted(&conversation) {
                    return conversation;
                }
                last = conversation;
            }
            std::thread::park_timeout(Duration::from_millis(60));
        }
        panic!("waited in vain until {what}; the conversation: {last:#}")
    }

    /// Waits until the agent has said something that holds these words, to its end.
    pub fn until_said(&self, caller: &str, words: &str) -> Value {
        self.until(caller, &format!("“{words}” was said"), |conversation| {
            messages(conversation, "agent")
                .iter()
                .any(|message| message["heard_text"].as_str().is_some_and(|heard| heard.contains(words)))
        })
    }

    pub fn until_over(&self, caller: &str) -> Value {
        // The recording's length is the last thing written.
        self.until(caller, "the call is over and its recording complete", |conversation| {
            let call = &conversation["call"];
            let complete =
                |recordings: &Vec<Value>| recordings.iter().all(|recording| recording["duration_ms"].is_i64());
            !call["outcome"].is_null() && call["recordings"].as_array().is_some_and(complete)
        })
    }

    /// The recording of a call: caller and agent, each with its samples, and the rate.
    pub fn recording(&self, conversation: &Value) -> (Vec<i16>, Vec<i16>, u32) {
        let url = conversation["call"]["recording_url"].as_str().expect("there is a recording");
        let (status, body) = self.get(url).unwrap();
        assert_eq!(status, 200);
        let mut reader = hound::WavReader::new(body.as_slice()).unwrap();
        let spec = reader.spec();
        assert_eq!(spec.channels, 2, "caller on the left, agent on the right");
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        let channel = |side: usize| samples.iter().skip(side).step_by(2).copied().collect();
        (channel(0), channel(1), spec.sample_rate)
    }
}

/// The messages of an author, oldest first.
pub fn messages<'a>(conversation: &'a Value, author: &str) -> Vec<&'a Value> {
    conversation["messages"].as_array().unwrap().iter().filter(|message| message["author"] == author).collect()
}

/// What an author said, all of it.
pub fn texts(conversation: &Value, author: &str) -> String {
    let texts = messages(conversation, author).into_iter().map(|message| message["text"].as_str().unwrap().to_owned());
    texts.collect::<Vec<_>>().join(" | ")
}

/// The value of a ticket's field.
pub fn field(conversation: &Value, name: &str) -> Option<String> {
    let fields = conversation["tickets"][0]["fields"].as_array()?;
    let field = fields.iter().find(|field| field["name"] == name)?;
    field["value"].as_str().map(str::to_owned)
}

fn run(setup: &Setup, data: &Path, sip_port: u16, http_port: u16) -> Process {
    let knowledge = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/adapters/knowledge_folder/sample");
    let rtp_first = free_port().min(60_000);
    let log = File::options().create(true).append(true).open(data.join("log")).unwrap();
    let mut command = setup.place.command(env!("CARGO_BIN_EXE_switchboard"));
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(data)
        .args([
            "--sip-listen",
            &format!("{}:{sip_port}", setup.place.address),
            "--http-listen",
            &format!("127.0.0.1:{http_port}"),
        ])
        .arg("--knowledge")
        .arg(knowledge)
        .env("SWITCHBOARD_MEDIA__RTP_PORTS", format!("{rtp_first}-{}", rtp_first + 1_000))
        .env("SWITCHBOARD_AGENT__BUSINESS", "Bright Harbour Lamps")
        // What keeps it from talking to strangers is its own doing.
        .env_remove("ORT_DISABLE_TELEMETRY")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    if setup.published {
        command.arg("--publish");
    }
    if let Some(dialplan) = setup.dialplan {
        let folder = data.join("dialplans");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("plan.toml"), dialplan).unwrap();
        command.arg("--dialplans").arg(folder);
    }
    if let Some(to) = &setup.escalate_to {
        command.args(["--escalate-to", to]);
    }
    if let Some(text) = &setup.config {
        let file = data.join("config.toml");
        std::fs::write(&file, text).unwrap();
        command.arg("--config").arg(file);
    }
    Process::spawn(&mut command)
}
