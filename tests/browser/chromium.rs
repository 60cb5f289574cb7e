//! Chromium with one tab, driven over the DevTools protocol.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::hosts::Place;
use super::house::{Process, eventually};

/// What a tab hears is recorded at this rate.
pub const HEARD_RATE_HZ: u32 = 16_000;

/// Where the distribution puts it.
fn program() -> Option<&'static str> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

/// Whether there is one; otherwise the reason is printed.
pub fn is_there() -> bool {
    if program().is_none() {
        println!("skipped: Chromium is not installed (Debian: chromium)");
    }
    program().is_some()
}

/// A browser with one tab.
pub struct Tab {
    socket: WebSocket<TcpStream>,
    next: u64,
    folder: TempDir,
    _process: Process,
}

/// What is plugged in.
pub enum Microphone {
    /// A device that plays this file from the moment it is asked for.
    Device(PathBuf),
    /// Whatever [`Tab::say`] says.
    Scripted,
    /// None at all.
    None,
    /// One that the user does not allow.
    Denied,
}

impl Tab {
    /// Opens a page.
    pub fn open(url: &str, microphone: &Microphone) -> Tab {
        Tab::open_with(url, microphone, "")
    }

    /// Opens a page after this script.
    pub fn open_with(url: &str, microphone: &Microphone, before: &str) -> Tab {
        Tab::open_at(&Place::default(), url, microphone, before)
    }

    /// The same, at this place.
    pub fn open_at(place: &Place, url: &str, microphone: &Microphone, before: &str) -> Tab {
        let folder = tempfile::tempdir().unwrap();
        let mut command = place.command(program().unwrap());
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
            .args(["--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"])
            // Certificates of tests lead to no root that it knows.
            .args(["--disable-dev-shm-usage", "--mute-audio", "--window-size=390,844", "--ignore-certificate-errors"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match microphone {
            Microphone::Device(file) => {
                command.args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]);
                command.arg(format!("--use-file-for-fake-audio-capture={}%noloop", file.display()));
            }
            Microphone::Scripted => {
                command.arg("--use-fake-ui-for-media-stream");
            }
            Microphone::None => {}
            Microphone::Denied => {
                command.arg("--deny-permission-prompts");
            }
        }
        let process = Process::spawn(command.arg("about:blank"));
        let port_file = folder.path().join("DevToolsActivePort");
        let port: u16 =
            eventually("Chromium listens", || std::fs::read_to_string(&port_file).ok()?.lines().next()?.parse().ok());
        let target = eventually("Chromium has a tab", || page_target(place, port));
        let stream = place.connect(port).unwrap();
        let (socket, _) = client(target, stream).unwrap();
        let mut tab = Tab { socket, next: 0, folder, _process: process };
        tab.command("Page.enable", json!({}));
        let script = if matches!(microphone, Microphone::Scripted) {
            [before, EARS, MOUTH].concat()
        } else {
            [before, EARS].concat()
        };
        tab.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
        tab.go(url);
        tab
    }

    /// Goes to another page.
    pub fn go(&mut self, url: &str) {
        self.command("Page.navigate", json!({ "url": url }));
        eventually("the page is loaded", || (self.run("document.readyState") == "complete").then_some(()));
    }

    /// Runs a script in the page; its value.
    pub fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let answer = self.command("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Runs a script in a frame of the page whose address holds this; its value, or nothing while there is no such frame.
    pub fn run_in(&mut self, part: &str, script: &str) -> Value {
        let tree = self.command("Page.getFrameTree", json!({}));
        let frames = tree["frameTree"]["childFrames"].as_array().cloned().unwrap_or_default();
        let frame =
            frames.iter().map(|child| &child["frame"]).find(|frame| frame["url"].as_str().unwrap().contains(part));
        let Some(frame) = frame else { return Value::Null };
        let world = self.command("Page.createIsolatedWorld", json!({ "frameId": frame["id"] }));
        let asked = json!({
            "expression": script, "contextId": world["executionContextId"], "awaitPromise": true, "returnByValue": true,
            "userGesture": true,
        });
        let answer = self.command("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Takes the network away, or gives it back.
    pub fn offline(&mut self, offline: bool) {
        self.command("Network.enable", json!({}));
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.command("Network.emulateNetworkConditions", conditions);
    }

    /// Presses a key of the keyboard.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            _ => 0,
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.command("Input.dispatchKeyEvent", event);
        }
    }

    /// Keeps what is on the screen as a picture, where the variable `SCREENSHOTS_DIR` names a folder.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS_DIR") else { return };
        let shot = self.command("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    /// Waits until a script says so.
    pub fn until(&mut self, what: &str, script: &str) -> Value {
        eventually(what, || {
            let value = self.run(script);
            (!value.is_null() && value != false).then_some(value)
        })
    }

    pub fn click(&mut self, selector: &str) {
        self.run(&format!("document.querySelector({selector:?}).click()"));
    }

    /// The screen of a telephone, say.
    pub fn command_for_size(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.command("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the screen's owner prefers.
    pub fn darken(&mut self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", media);
    }

    /// How the page's call goes.
    pub fn call(&mut self) -> Value {
        self.run("switchboard.now()")
    }

    /// Waits until the call is in this phase.
    pub fn until_phase(&mut self, phase: &str) {
        self.until(&format!("the page shows {phase}"), &format!("switchboard.now().phase === {phase:?}"));
    }

    /// Says a file into the scripted microphone.
    pub fn say(&mut self, file: &Path) {
        // Without the long silence after it.
        let (samples, rate) = read(file);
        let end = samples.iter().rposition(|sample| *sample != 0).map_or(0, |last| last + 1);
        let bytes: Vec<u8> = samples[..end].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.run(&format!("testMouth.say({:?}, {rate})", STANDARD.encode(bytes)));
    }

    /// What it has heard so far.
    pub fn heard(&mut self) -> Vec<i16> {
        let text = self.run("testEars.heard()");
        let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
        bytes.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let text = json!({ "id": id, "method": method, "params": parameters }).to_string();
        self.socket.send(Message::text(text)).unwrap();
        loop {
            // Events come in between.
            if let Message::Text(text) = self.socket.read().unwrap() {
                let answer: Value = serde_json::from_str(&text).unwrap();
                if answer["id"] == id {
                    assert!(answer["error"].is_null(), "{method}: {answer}");
                    return answer["result"].clone();
                }
            }
        }
    }
}

fn page_target(place: &Place, port: u16) -> Option<String> {
    let mut stream = place.connect(port).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let targets: Value = serde_json::from_slice(&answer[body..]).ok()?;
    let page = targets.as_array()?.iter().find(|target| target["type"] == "page")?.clone();
    Some(page["webSocketDebuggerUrl"].as_str()?.to_owned())
}

fn read(file: &Path) -> (Vec<i16>, u32) {
    let mut reader = hound::WavReader::open(file).unwrap();
    let rate = reader.spec().sample_rate;
    (reader.samples().map(Result::unwrap).collect(), rate)
}

/// A file for a microphone that plays it from the moment it is asked for: silence, and then this.
pub fn microphone_file(said: &Path, after: Duration, folder: &Path) -> PathBuf {
    let (samples, rate) = read(said);
    assert_eq!(48_000 % rate, 0);
    let times = (48_000 / rate) as usize;
    let file = folder.join("microphone.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&file, spec).unwrap();
    for _ in 0..after.as_millis() * 48 {
        writer.write_sample(0i16).unwrap();
    }
    let mut before = 0;
    for sample in samples.into_iter().take(30 * rate as usize) {
        for step in 1..=times {
            let (from, to) = (i64::from(before), i64::from(sample));
            writer.write_sample((from + (to - from) * step as i64 / times as i64) as i16).unwrap();
        }
        before = sample;
    }
    writer.finalize().unwrap();
    file
}

/// Records what the page plays, from the first moment it has it.
const EARS: &str = r#"
window.testEars = (() => {
  const parts = [];
  let attached = null;
  setInterval(() => {
    const stream = document.getElementById("voice")?.srcObject;
    if (!stream || stream === attached) return;
    attached = stream;
    const context = new AudioContext({ sampleRate: 16000 });
    const node = context.createScriptProcessor(1024, 1, 1);
    node.onaudioprocess = (event) => parts.push(Int16Array.from(event.inputBuffer.getChannelData(0), (s) => Math.max(-1, Math.min(1, s)) * 32767));
    context.createMediaStreamSource(stream).connect(node);
    node.connect(context.destination);
  }, 5);
  return {
    heard: () => {
      let text = "";
      for (const part of parts) for (const byte of new Uint8Array(part.buffer)) text += String.fromCharCode(byte);
      return btoa(text);
    },
  };
})();
"#;

/// A microphone that says what a test gives it, and is silent otherwise.
const MOUTH: &str = r#"
window.testMouth = (() => {
  let context = null;
  let out = null;
  const open = async () => {
    context ??= new AudioContext({ sampleRate: 48000 });
    if (!out) {
      out = context.createMediaStreamDestination();
      // A room is never quite silent, and without anything to play Chromium sends nothing, not even keys.
      const room = new ConstantSourceNode(context, { offset: 0.0002 });
      room.connect(out);
      room.start();
    }
    await context.resume();
  };
  navigator.mediaDevices.getUserMedia = async () => {
    await open();
    return new MediaStream(out.stream.getAudioTracks().map((track) => track.clone()));
  };
  return {
    say: async (text, rate) => {
      await open();
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const samples = new Int16Array(bytes.buffer);
      const buffer = context.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(Float32Array.from(samples, (s) => s / 32768), 0);
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(out);
      source.start();
    },
  };
})();
"#;
