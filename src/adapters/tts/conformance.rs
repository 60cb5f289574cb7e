//! What every synthesiser must do, local or cloud; and the servers that stand in for providers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;

use super::deepgram::Deepgram;
use super::elevenlabs::ElevenLabs;
use super::fallback::{Fallback, Patience};
use super::hibari::HibariTts;
use super::openai::OpenAiTts;
use super::standin::{StandIn, asked, heard_all};
use super::streaming::StreamingTts;
use crate::adapters::cloud::Access;
use crate::adapters::models::{MODELS_DIR_ENV, Models};
use crate::adapters::stt::moonshine::Moonshine;
use crate::seams::tts::{Tts, TtsError, TtsRequest};

/// How a stand-in server treats a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Speak,
    /// 401 instead of a connection.
    Refuse,
    /// Takes the connection and says nothing, ever.
    HalfOpen,
    /// Takes the sentence and gives nothing.
    Mute,
    /// Says that it is done without any audio.
    Nothing,
    /// Breaks off after half a second of audio.
    BreakOff,
    /// Speaks, and closes the connection once it lies idle.
    HangUp,
}

/// Which provider a stand-in plays.
#[derive(Clone, Copy, Debug)]
enum Role {
    Deepgram,
    ElevenLabs,
    OpenAi,
}

const ROLES: [Role; 3] = [Role::Deepgram, Role::ElevenLabs, Role::OpenAi];
/// Half a second of something loud, 16 kHz.
const PIECE: [i16; 8_000] = [3_000; 8_000];

/// A server on loopback; the manner of each connection in turn, the last one for all others.
struct Server {
    address: String,
    texts: Arc<Mutex<Vec<String>>>,
}

async fn serve(role: Role, manners: &[Manner]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let texts = Arc::new(Mutex::new(Vec::new()));
    let (heard, mut manners) = (texts.clone(), VecDeque::from(manners.to_vec()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let manner = if manners.len() > 1 { manners.pop_front() } else { manners.front().copied() };
            tokio::spawn(connection(role, manner.unwrap_or(Manner::Speak), stream, heard.clone()));
        }
    });
    Server { address, texts }
}

async fn connection(role: Role, manner: Manner, mut stream: TcpStream, texts: Arc<Mutex<Vec<String>>>) {
    match (manner, role) {
        (Manner::HalfOpen, _) => std::future::pending::<()>().await,
        (Manner::Refuse, _) => {
            let _ = stream.read(&mut [0; 4_096]).await;
            let no = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\nConnection: close\r\n\r\nbad key";
            let _ = stream.write_all(no.as_bytes()).await;
        }
        (_, Role::OpenAi) => over_http(manner, stream, texts).await,
        _ => over_websocket(role, manner, stream, texts).await,
    }
}

async fn over_http(manner: Manner, mut stream: TcpStream, texts: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let body = loop {
        let mut bytes = [0; 4_096];
        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
        request.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str::<Value>(body) {
            break body;
        }
    };
    texts.lock().expect("unpoisoned").push(body["input"].as_str().unwrap_or_default().to_owned());
    if manner == Manner::Mute {
        return std::future::pending().await;
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let pieces = match manner {
        Manner::Nothing => 0,
        Manner::BreakOff => 1,
        _ => 3,
    };
    for _ in 0..pieces {
        // 24 kHz: half as many samples again.
        let audio: Vec<u8> = PIECE.iter().chain(&PIECE[..4_000]).flat_map(|s| s.to_le_bytes()).collect();
        let _ = stream.write_all(format!("{:x}\r\n", audio.len()).as_bytes()).await;
        let _ = stream.write_all(&audio).await;
        let _ = stream.write_all(b"\r\n").await;
    }
    if manner != Manner::BreakOff {
        let _ = stream.write_all(b"0\r\n\r\n").await;
    }
}

async fn over_websocket(role: Role, manner: Manner, stream: TcpStream, texts: Arc<Mutex<Vec<String>>>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        let complete = match role {
            Role::Deepgram => message["type"] == "Flush",
            _ => message["text"] == "",
        };
        if let Some(said) = message["text"].as_str().map(str::trim).filter(|said| !said.is_empty()) {
            texts.lock().expect("unpoisoned").push(said.to_owned());
        }
        if !complete || manner == Manner::Mute {
            continue;
        }
        let pieces = match manner {
            Manner::Nothing => 0,
            Manner::BreakOff => 1,
            _ => 3,
        };
        let audio: Vec<u8> = PIECE.iter().flat_map(|s| s.to_le_bytes()).collect();
        for _ in 0..pieces {
            let message = match role {
                Role::Deepgram => Message::Binary(audio.clone().into()),
                _ => Message::text(json!({"audio": STANDARD.encode(&audio), "isFinal": null}).to_string()),
            };
            let _ = socket.send(message).await;
        }
        if manner == Manner::BreakOff {
            return;
        }
        let done = match role {
            Role::Deepgram => json!({"type": "Flushed", "sequence_id": 0}),
            _ => json!({"isFinal": true}),
        };
        let _ = socket.send(Message::text(done.to_string())).await;
        if manner == Manner::HangUp {
            return;
        }
    }
}

/// A client of a stand-in; stalls are short, since these tests run on real time and real sockets.
fn client(role: Role, address: &str) -> Arc<dyn Tts> {
    let scheme = if matches!(role, Role::OpenAi) { "http" } else { "ws" };
    let access = Access::to_stand_in(&format!("{role:?}"), &format!("{scheme}://{address}"));
    let runtime = Handle::current();
    match role {
        Role::Deepgram => Arc::new(StreamingTts::new(Deepgram { voice: "v".into() }, access, runtime)),
        Role::ElevenLabs => {
            Arc::new(StreamingTts::new(ElevenLabs { voice: "v".into(), model: "m".into() }, access, runtime))
        }
        Role::OpenAi => Arc::new(OpenAiTts::new(access, "m".into(), "v".into(), runtime).expect("a client")),
    }
}

/// What the seam promises.
async fn conforms(tts: &dyn Tts) {
    let hello = heard_all(tts.speak(asked("Hello, how can I help you today?"))).await.expect("speech");
    assert!(hello.len() > 8_000, "{} gave {} samples", tts.name(), hello.len());
    let first_sound = hello.iter().position(|s| s.unsigned_abs() > 180).expect("not silence");
    assert!(first_sound <= 320, "{} begins after {first_sound} samples", tts.name());
    let (one, two) = (tts.speak(asked("One.")), tts.speak(asked("Two.")));
    let (one, two) = tokio::join!(heard_all(one), heard_all(two));
    assert!(!one.expect("speech").is_empty() && !two.expect("speech").is_empty());
    for nothing in ["", " \n", "🎉"] {
        assert!(heard_all(tts.speak(asked(nothing))).await.expect("no error").is_empty(), "{nothing:?}");
    }
    for odd in ["qzxwv 你好 <>&%$", "+44 20 7946 0958", "A", "?!", "\u{202e}\0"] {
        assert!(heard_all(tts.speak(asked(odd))).await.is_ok(), "{} fails on {odd:?}", tts.name());
    }
    drop(tts.speak(asked("Nobody hears this.")));
    assert!(heard_all(tts.speak(asked("Still there."))).await.is_ok());
}

#[tokio::test]
async fn every_cloud_voice_does_what_the_seam_promises() {
    for role in ROLES {
        let server = serve(role, &[Manner::Speak]).await;
        conforms(&*client(role, &server.address)).await;
        let texts = server.texts.lock().expect("unpoisoned").clone();
        assert_eq!(texts[0], "Hello, how can I help you today?", "{role:?}");
    }
}

/// P1: each way to fail is told as what it is, and soon.
#[tokio::test]
async fn every_failure_of_a_cloud_voice_is_told() {
    for role in ROLES {
        for manner in [Manner::Refuse, Manner::HalfOpen, Manner::Mute, Manner::Nothing, Manner::BreakOff] {
            let server = serve(role, &[manner]).await;
            let outcome = heard_all(client(role, &server.address).speak(asked("Hello there."))).await;
            let error = outcome.expect_err("it failed");
            assert_eq!(matches!(error, TtsError::Refused { .. }), manner == Manner::Refuse, "{role:?}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let gone = heard_all(client(role, "127.0.0.1:1").speak(asked("Hello."))).await;
        assert!(matches!(gone, Err(TtsError::Stalled { .. })), "nobody listens there: {gone:?}");
    }
}

/// P1: with a voice behind it, each of them ends in a whole sentence.
#[tokio::test]
async fn every_failure_of_a_cloud_voice_is_covered_by_the_voice_behind_it() {
    for role in ROLES {
        for manner in [Manner::Refuse, Manner::HalfOpen, Manner::Mute, Manner::Nothing, Manner::BreakOff] {
            let server = serve(role, &[manner]).await;
            let local = Arc::new(StandIn::speaking());
            let tts =
                Fallback::new(client(role, &server.address), local.clone(), Patience::default(), Handle::current());
            let heard = heard_all(tts.speak(asked("You can return anything within thirty days."))).await;
            assert!(heard.expect("speech").len() > 16_000, "{role:?} {manner:?}");
            let rest = local.last_text();
            match manner {
                Manner::BreakOff => assert_eq!(rest, "can return anything within thirty days.", "{role:?}"),
                _ => assert_eq!(rest, "You can return anything within thirty days.", "{role:?} {manner:?}"),
            }
        }
    }
}

/// A connection that the provider closed while it lay idle costs nothing but a new one.
#[tokio::test]
async fn a_kept_connection_that_was_closed_is_opened_anew() {
    for manner in [Manner::Speak, Manner::HangUp] {
        let server = serve(Role::Deepgram, &[manner]).await;
        let tts = client(Role::Deepgram, &server.address);
        for _ in 0..3 {
            assert!(heard_all(tts.speak(asked("Hello."))).await.is_ok());
        }
    }
}

/// The local voice, where its model is.
#[tokio::test]
async fn the_local_voice_does_what_the_seam_promises() {
    let Some(tts) = local_voice() else { return };
    conforms(&tts).await;
    let agent = asked("Hello, how can I help you today?");
    let caller = TtsRequest { voice: Some("caller".into()), ..agent.clone() };
    let agent = heard_all(tts.speak(agent)).await.expect("speech");
    let caller = heard_all(tts.speak(caller)).await.expect("speech");
    assert!((pitch_hz(&agent) - pitch_hz(&caller)).abs() > 40.0, "{} {}", pitch_hz(&agent), pitch_hz(&caller));
    for samples in [&agent, &caller] {
        let level = level_dbfs(samples);
        assert!((-24.0..=-17.0).contains(&level), "{level} dBFS");
        assert!(samples.iter().all(|s| s.unsigned_abs() < 32_700));
    }
}

/// Speech comes in pieces, the first after a few words; a slower speed makes it longer.
#[tokio::test]
async fn the_local_voice_begins_with_a_short_piece_and_heeds_the_speed() {
    let Some(tts) = local_voice() else { return };
    let long = "You can return anything within thirty days, as long as it is unused and in its original box, and \
                the money is back on your account within a week. Is there anything else?";
    let mut stream = tts.speak(asked(long));
    let (first, mut rest) = (stream.recv().await.expect("speech").expect("speech").clip.len(), 0);
    while let Some(chunk) = stream.recv().await {
        rest += chunk.expect("speech").clip.len();
    }
    assert!(first < 16_000 * 4 && rest > first, "{first} {rest}");
    let slow = TtsRequest { speed: 0.8, ..asked(long) };
    let slow = heard_all(tts.speak(slow)).await.expect("speech").len() as f32;
    assert!((1.1..1.4).contains(&(slow / (first + rest) as f32)), "{slow}");
}

/// What is spoken is understood by our own recogniser: numbers, codes, dates, and both voices.
#[tokio::test]
async fn what_the_local_voice_says_is_understood() {
    let Some(tts) = local_voice() else { return };
    let models = Models::resolve(None);
    let mut recogniser = Moonshine::load(&models).expect("the recogniser's model");
    let cases = [
        ("You can return it within 30 days.", ["return", "30", "days"]),
        ("We are open Mon-Fri 9-17.", ["monday", "friday", "5"]),
        ("Your order AB-1234 was shipped on 2026-03-05.", ["1234", "march", "5"]),
        ("Please call us on +44 20 7946 0958.", ["call", "7946", "0958"]),
        ("It costs $12.50, or 15% less today.", ["12.50", "15", "less"]),
        ("Write to help@example.com.", ["write", "help", "example"]),
    ];
    for (text, expected) in cases {
        for voice in [None, Some("caller".to_owned())] {
            let request = TtsRequest { voice: voice.clone(), ..asked(text) };
            let samples = heard_all(tts.speak(request)).await.expect("speech");
            // As in a call, the recogniser hears a little of the silence before; without it, it mistakes first sounds.
            let spoken = samples.iter().map(|s| f32::from(*s) / 32_768.0);
            let samples: Vec<f32> = std::iter::repeat_n(0.0, 8_000).chain(spoken).collect();
            let heard = recogniser.decode(&samples, &[]).expect("recognised").text.to_lowercase();
            let digits: String = heard.chars().filter(|c| !" -".contains(*c)).collect();
            for word in expected {
                assert!(heard.contains(word) || digits.contains(word), "{text:?} in {voice:?} was heard as {heard:?}");
            }
        }
    }
}

fn local_voice() -> Option<HibariTts> {
    if std::env::var_os(MODELS_DIR_ENV).is_none() {
        eprintln!("skipped: {MODELS_DIR_ENV} is not set");
        return None;
    }
    Some(HibariTts::load(&Models::resolve(None), 1).expect("the voice's model"))
}

/// The median pitch of the loud parts, by autocorrelation between 70 and 300 Hz.
fn pitch_hz(samples: &[i16]) -> f32 {
    let mut pitches: Vec<f32> = samples
        .chunks_exact(800)
        .filter(|part| level_dbfs(part) > -25.0)
        .map(|part| {
            let at =
                |lag: usize| part.iter().zip(&part[lag..]).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum::<f32>();
            let lag = (53..228).max_by(|a, b| at(*a).total_cmp(&at(*b))).expect("lags");
            16_000.0 / lag as f32
        })
        .collect();
    pitches.sort_by(f32::total_cmp);
    pitches[pitches.len() / 2]
}

/// Level of what is not silence.
fn level_dbfs(samples: &[i16]) -> f32 {
    let power = |part: &[i16]| part.iter().map(|s| (f32::from(*s) / 32_768.0).powi(2)).sum::<f32>() / part.len() as f32;
    let loud: Vec<f32> = samples.chunks(320).map(power).filter(|p| *p > 3e-5).collect();
    10.0 * (loud.iter().sum::<f32>() / loud.len().max(1) as f32).max(1e-12).log10()
}
