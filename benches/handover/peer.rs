//! A telephone of a thread for signalling and one for audio, which notes when each message and packet is on the wire.
//! It says SIP no better than a measurement needs: one call at a time over UDP, G.711 µ-law, keys by RFC 4733.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use md5::{Digest, Md5};
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A message as it came.
#[derive(Clone)]
pub struct Message {
    pub at: Instant,
    pub text: String,
}

impl Message {
    pub fn starts(&self, with: &str) -> bool {
        self.text.starts_with(with)
    }

    fn header(&self, name: &str) -> Vec<&str> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        head.lines().filter(named).collect()
    }

    fn value(&self, name: &str) -> String {
        let line = self.header(name).first().copied().unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    }

    /// Where its session description wants audio.
    fn audio(&self) -> Option<SocketAddr> {
        let port = self.text.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
        Some((Ipv4Addr::LOCALHOST, port).into())
    }
}

/// One telephone.
pub struct Peer {
    pub name: String,
    pub address: SocketAddr,
    socket: UdpSocket,
    messages: UnboundedReceiver<Message>,
    pub audio: Audio,
    stop: Arc<AtomicBool>,
    /// The INVITE that is to be answered, or was.
    invited: Option<Message>,
    /// What was sent last in the call that it made: Call-ID, From, To, the other side's Contact.
    made: Option<[String; 4]>,
}

impl Peer {
    pub fn start(name: &str) -> anyhow::Result<Peer> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let (tell, messages) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (listening, stopped) = (socket.try_clone()?, stop.clone());
        listening.set_read_timeout(Some(Duration::from_millis(200)))?;
        std::thread::Builder::new().name("phone".into()).spawn(move || {
            let _ = rustix::process::setpriority_process(None, NICE);
            let mut datagram = [0; 65_536];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = listening.recv_from(&mut datagram) else { continue };
                let message = Message { at: Instant::now(), text: String::from_utf8_lossy(&datagram[..length]).into() };
                for reply in at_once(&message) {
                    let _ = listening.send_to(reply.as_bytes(), from);
                }
                if tell.send(message).is_err() {
                    return;
                }
            }
        })?;
        let audio = Audio::start(stop.clone())?;
        Ok(Peer { name: name.to_owned(), address, socket, messages, audio, stop, invited: None, made: None })
    }

    pub fn uri(&self) -> String {
        format!("sip:{}@{}", self.name, self.address)
    }

    /// Waits for a message that begins so.
    pub async fn until(&mut self, starts: &str) -> anyhow::Result<Message> {
        let wanted = async {
            loop {
                let message = self.messages.recv().await.context("the telephone has stopped")?;
                if message.starts("INVITE ") {
                    self.invited = Some(message.clone());
                }
                if message.starts(starts) {
                    return Ok(message);
                }
            }
        };
        match tokio::time::timeout(PATIENCE, wanted).await {
            Ok(message) => message,
            Err(_) => bail!("{} waited in vain for {starts}", self.name),
        }
    }

    /// Calls the house under another name each time; the INVITE's own time.
    pub fn invite(&mut self, house: SocketAddr, caller: &str, called: &str) -> anyhow::Result<Instant> {
        let (id, from, to) = (
            format!("{caller}-{}", COUNTER.fetch_add(1, Ordering::Relaxed)),
            format!("<sip:{caller}@127.0.0.1>;tag={caller}"),
            format!("<sip:{called}@{house}>"),
        );
        let text = self.request("INVITE", &format!("sip:{called}@{house}"), &id, &from, &to, 1, &self.description());
        self.made = Some([id, from, to, String::new()]);
        let at = Instant::now();
        self.socket.send_to(text.as_bytes(), house)?;
        Ok(at)
    }

    /// Waits for the 200 of its call, and acknowledges it.
    pub async fn answered(&mut self, house: SocketAddr) -> anyhow::Result<Instant> {
        let id = self.made.as_ref().context("a call")?[0].clone();
        let answer = loop {
            let answer = self.until("SIP/2.0 200").await?;
            // The end of the call before is answered too.
            if answer.value("Call-ID") == id && answer.value("CSeq").ends_with("INVITE") {
                break answer;
            }
        };
        self.audio.state().remote = answer.audio();
        let [id, from, to, contact] = self.made.as_mut().context("a call")?;
        *to = answer.value("To");
        *contact = answer.value("Contact").trim_matches(['<', '>']).split('>').next().unwrap_or_default().to_owned();
        let (id, from, to, contact) = (id.clone(), from.clone(), to.clone(), contact.clone());
        let ack = self.request("ACK", &contact, &id, &from, &to, 1, "");
        self.socket.send_to(ack.as_bytes(), house)?;
        Ok(answer.at)
    }

    /// Hangs up the call that it made; the BYE's own time.
    pub fn bye(&mut self, house: SocketAddr) -> anyhow::Result<Instant> {
        let [id, from, to, contact] = self.made.take().context("a call")?;
        let bye = self.request("BYE", &contact, &id, &from, &to, 2, "");
        let at = Instant::now();
        self.socket.send_to(bye.as_bytes(), house)?;
        self.audio.reset();
        Ok(at)
    }

    /// Registers with the house by digest, and is then called over the way it came by.
    pub async fn register(&mut self, house: SocketAddr, password: &str) -> anyhow::Result<()> {
        let (uri, id) = (format!("sip:{house}"), format!("register-{}", self.name));
        let from = format!("<sip:{}@{house}>", self.name);
        let tagged = format!("{from};tag=phone");
        let first = self.request("REGISTER", &uri, &id, &tagged, &from, 1, "");
        self.socket.send_to(first.as_bytes(), house)?;
        let challenge = self.until("SIP/2.0 401").await?;
        let asked = challenge.header("WWW-Authenticate");
        let asked = asked.iter().find(|line| line.contains("algorithm=MD5")).context("MD5 is offered")?;
        let value = |name: &str| asked.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        let (realm, nonce) = value("realm").zip(value("nonce")).context("a realm and a nonce")?;
        let hash = |text: String| -> String { Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
        let (who, what) = (hash(format!("{}:{realm}:{password}", self.name)), hash(format!("REGISTER:{uri}")));
        let response = hash(format!("{who}:{nonce}:00000001:abc:auth:{what}"));
        let authorization = format!(
            "Authorization: Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abc\"\r\nContact:",
            self.name
        );
        let second = self.request("REGISTER", &uri, &id, &tagged, &from, 2, "").replacen("Contact:", &authorization, 1);
        self.socket.send_to(second.as_bytes(), house)?;
        self.until("SIP/2.0 200").await.map(drop)
    }

    /// Picks up the call that rings.
    pub fn pick_up(&mut self, house: SocketAddr) -> anyhow::Result<()> {
        let invite = self.invited.take().context("nobody calls")?;
        self.audio.state().remote = invite.audio();
        let text = response(&invite, 200, "OK", &self.uri(), &self.description());
        self.socket.send_to(text.as_bytes(), house)?;
        Ok(())
    }

    fn description(&self) -> String {
        let port = self.audio.port;
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
        )
    }

    #[allow(clippy::too_many_arguments)] // The lines of a request.
    fn request(&self, method: &str, uri: &str, id: &str, from: &str, to: &str, cseq: u32, body: &str) -> String {
        let branch = COUNTER.fetch_add(1, Ordering::Relaxed);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <{}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.uri(),
            body.len(),
        )
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What a telephone answers by itself: it rings, and takes every end for an end.
fn at_once(message: &Message) -> Vec<String> {
    let contact = "sip:phone@127.0.0.1";
    match message.text.split(' ').next() {
        Some("INVITE") => vec![response(message, 180, "Ringing", contact, "")],
        Some("CANCEL") => {
            let ended = Message { text: message.text.replace(" CANCEL\r\n", " INVITE\r\n"), ..message.clone() };
            vec![response(message, 200, "OK", contact, ""), response(&ended, 487, "Request Terminated", contact, "")]
        }
        Some("BYE") => vec![response(message, 200, "OK", contact, "")],
        _ => Vec::new(),
    }
}

fn response(request: &Message, status: u16, phrase: &str, contact: &str, body: &str) -> String {
    let mut lines = vec![format!("SIP/2.0 {status} {phrase}")];
    lines.extend(["Via", "From", "Call-ID", "CSeq"].iter().flat_map(|name| request.header(name)).map(str::to_owned));
    let to = request.value("To");
    let tagged = if to.contains(";tag=") { to } else { format!("{to};tag=phone") };
    lines.push(format!("To: {tagged}\r\nContact: <{contact}>"));
    if !body.is_empty() {
        lines.push("Content-Type: application/sdp".to_owned());
    }
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", lines.join("\r\n"), body.len())
}

/// The audio of a telephone.
#[derive(Clone)]
pub struct Audio {
    pub port: u16,
    shared: Arc<Mutex<State>>,
}

/// What is sent and was heard.
#[derive(Default)]
pub struct State {
    remote: Option<SocketAddr>,
    /// Payloads to be said, µ-law, 20 ms each.
    to_say: VecDeque<Vec<u8>>,
    /// The payload byte of a packet when nothing is to be said; silence at first.
    mark: Option<u8>,
    key: Option<(u8, u8)>,
    /// When the last packet of what was to be said left.
    pub said_at: Option<Instant>,
    /// When the first packet of the newest key left.
    pub pressed_at: Option<Instant>,
    /// When each packet arrived, with its most frequent byte where that fills it.
    pub heard: Vec<(Instant, Option<u8>)>,
}

impl Audio {
    fn start(stop: Arc<AtomicBool>) -> anyhow::Result<Audio> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = socket.local_addr()?.port();
        let shared = Arc::new(Mutex::new(State::default()));
        let (receiving, heard, stopped) = (socket.try_clone()?, shared.clone(), stop.clone());
        receiving.set_read_timeout(Some(Duration::from_millis(200)))?;
        std::thread::Builder::new().name("phone".into()).spawn(move || {
            let _ = rustix::process::setpriority_process(None, NICE);
            let mut datagram = [0; 2048];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, _)) = receiving.recv_from(&mut datagram) else { continue };
                let at = Instant::now();
                let payload = datagram.get(12..length).unwrap_or_default();
                let first = payload.first().copied();
                let filled = payload.len() == SAMPLES && payload.iter().all(|byte| Some(*byte) == first);
                lock(&heard).heard.push((at, first.filter(|_| filled)));
            }
        })?;
        let saying = shared.clone();
        std::thread::Builder::new().name("phone".into()).spawn(move || {
            let _ = rustix::process::setpriority_process(None, NICE);
            let mut rtp = Rtp { socket, sequence: 1, timestamp: 160 };
            let mut due = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                due += Duration::from_millis(20);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                rtp.packet(&mut lock(&saying));
            }
        })?;
        Ok(Audio { port, shared })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }

    /// Says this (16 kHz).
    pub fn say(&self, clip: &[i16]) {
        use audio_codec::Encoder;
        let narrow: Vec<i16> =
            clip.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16).collect();
        let coded = audio_codec::pcmu::PcmuEncoder::new().encode(&narrow);
        let mut state = self.state();
        state.said_at = None;
        state.to_say.extend(coded.chunks_exact(SAMPLES).map(<[u8]>::to_vec));
    }

    /// Presses a digit.
    pub fn press(&self, digit: u8) {
        let mut state = self.state();
        state.pressed_at = None;
        state.key = Some((digit, 0));
    }

    /// Sends packets full of this byte from now on, by which they are known wherever they arrive.
    pub fn mark(&self, byte: u8) {
        self.state().mark = Some(byte);
    }

    /// When the first packet full of this byte arrived after `from`.
    pub fn marked_after(&self, from: Instant, byte: u8) -> Option<Instant> {
        self.state().heard.iter().find(|(at, mark)| *at >= from && *mark == Some(byte)).map(|(at, _)| *at)
    }

    /// Forgets the call.
    pub fn reset(&self) {
        *self.state() = State::default();
    }
}

struct Rtp {
    socket: UdpSocket,
    sequence: u16,
    timestamp: u32,
}

impl Rtp {
    fn packet(&mut self, state: &mut State) {
        let Some(remote) = state.remote else { return };
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, 0];
        let is_speech = !state.to_say.is_empty();
        let key = state.key;
        if key.is_none() {
            self.timestamp = self.timestamp.wrapping_add(SAMPLES as u32);
        }
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(0x5057_0002_u32.to_be_bytes());
        if let Some((digit, sent)) = key {
            // RFC 4733: a key of 60 ms, as short as one may be, since the telephone says nothing meanwhile; no packet is lost.
            packet[1] = 101 | if sent == 0 { 0x80 } else { 0 };
            let duration = (u16::from(sent) + 1) * SAMPLES as u16;
            packet.extend([digit, if sent >= KEY_PACKETS - 1 { 0x8a } else { 10 }]);
            packet.extend(duration.to_be_bytes());
            state.key = (sent < KEY_PACKETS - 1).then_some((digit, sent + 1));
            if state.key.is_none() {
                self.timestamp = self.timestamp.wrapping_add((u32::from(KEY_PACKETS) - 1) * SAMPLES as u32);
            }
        } else {
            packet.extend(state.to_say.pop_front().unwrap_or_else(|| vec![state.mark.unwrap_or(SILENCE); SAMPLES]));
        }
        let at = Instant::now();
        let _ = self.socket.send_to(&packet, remote);
        if key.is_some_and(|(_, sent)| sent == 0) {
            state.pressed_at = Some(at);
        }
        if is_speech && state.to_say.is_empty() {
            state.said_at = Some(at);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

static COUNTER: AtomicU32 = AtomicU32::new(1);
/// Samples of a packet at 8 kHz.
const SAMPLES: usize = 160;
/// Packets of a key.
const KEY_PACKETS: u8 = 3;
/// µ-law for no sound.
const SILENCE: u8 = 0xff;
/// A telephone does not wait for a processor that the house is using; without the privilege its times are a little late.
const NICE: i32 = -10;
/// What has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(30);
