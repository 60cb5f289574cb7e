//! What every cloud recogniser must do, against servers that stand in for providers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use media::Frame;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;

use super::deepgram::Deepgram;
use super::elevenlabs::ElevenLabs;
use super::fallback::{Fallback, Patience};
use super::openai::OpenAiStt;
use super::standin::{Act, StandIn};
use super::streaming::StreamingStt;
use crate::adapters::cloud::Access;
use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttSession, Want};

/// How a stand-in server treats a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Answer,
    /// 401 instead of a connection.
    Refuse,
    /// Takes the connection and says nothing, ever.
    HalfOpen,
    /// Takes the audio and tells nothing.
    Mute,
    /// Closes after some audio.
    BreakOff,
}

/// Which provider a stand-in plays.
#[derive(Clone, Copy, Debug)]
enum Role {
    Deepgram,
    ElevenLabs,
    OpenAi,
}

const ROLES: [Role; 3] = [Role::Deepgram, Role::ElevenLabs, Role::OpenAi];

async fn serve(role: Role, manner: Manner) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let audio_bytes = Arc::new(AtomicUsize::new(0));
    let counted = audio_bytes.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(role, manner, stream, counted.clone()));
        }
    });
    (address, audio_bytes)
}

async fn connection(role: Role, manner: Manner, mut stream: TcpStream, audio_bytes: Arc<AtomicUsize>) {
    match (manner, role) {
        (Manner::HalfOpen, _) => std::future::pending::<()>().await,
        (Manner::Refuse, _) => {
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ =
                stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
        (_, Role::OpenAi) => over_http(manner, stream, audio_bytes).await,
        _ => over_websocket(role, manner, stream, audio_bytes).await,
    }
}

/// Answers with what it heard: how many milliseconds of audio.
async fn over_http(manner: Manner, mut stream: TcpStream, audio_bytes: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    // The last boundary of a multipart body ends with "--".
    while !request.ends_with(b"--\r\n") {
        let mut bytes = [0; 16_384];
        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
        request.extend_from_slice(&bytes[..count]);
    }
    match manner {
        Manner::Mute => std::future::pending().await,
        Manner::BreakOff => return,
        _ => {}
    }
    // The length of the audio stands at the end of the 44-byte header.
    let file = request.windows(4).position(|w| w == b"RIFF").expect("a WAV file");
    let length = u32::from_le_bytes(request[file + 40..file + 44].try_into().expect("four bytes"));
    audio_bytes.store(length as usize, Ordering::Relaxed);
    let body = json!({"text": format!("heard {} ms", length / 32)}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}

async fn over_websocket(role: Role, manner: Manner, stream: TcpStream, audio_bytes: Arc<AtomicUsize>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let words = |text: &str, settled: bool, answers: bool| match role {
        Role::Deepgram => json!({
            "type": "Results", "start": 0.0, "duration": 60.0, "is_final": settled, "speech_final": false,
            "from_finalize": answers, "channel": {"alternatives": [{"transcript": text, "confidence": 0.9}]},
        }),
        _ => json!({"message_type": if settled { "committed_transcript" } else { "partial_transcript" }, "text": text}),
    };
    while let Some(Ok(message)) = socket.next().await {
        let (audio, finish) = match &message {
            Message::Binary(audio) => (audio.len(), false),
            Message::Text(text) => {
                let value: Value = serde_json::from_str(text).expect("JSON");
                let audio = value["audio_base_64"]
                    .as_str()
                    .map_or(0, |audio| audio.len() / 4 * 3 - audio.bytes().filter(|b| *b == b'=').count());
                (audio, value["type"] == "Finalize" || value["commit"] == true)
            }
            _ => continue,
        };
        let heard = audio_bytes.fetch_add(audio, Ordering::Relaxed) + audio;
        if manner == Manner::BreakOff && heard > 20_000 {
            return;
        }
        if manner == Manner::Mute {
            continue;
        }
        let reply = if finish { words("heard all", true, true) } else { words("heard", false, false) };
        if (finish || audio > 0) && socket.send(Message::text(reply.to_string())).await.is_err() {
            return;
        }
    }
}

fn client(role: Role, address: &str) -> Arc<dyn Stt> {
    let scheme = if matches!(role, Role::OpenAi) { "http" } else { "ws" };
    let access = Access::to_stand_in(&format!("{role:?}"), &format!("{scheme}://{address}"));
    let (runtime, settle) = (Handle::current(), Duration::from_millis(300));
    let language = "en".to_owned();
    match role {
        Role::Deepgram => {
            let form = Deepgram { model: "m".into(), language, endpointing_ms: 300 };
            Arc::new(StreamingStt::new(form, access, settle, runtime))
        }
        Role::ElevenLabs => {
            Arc::new(StreamingStt::new(ElevenLabs { model: "m".into(), language }, access, settle, runtime))
        }
        Role::OpenAi => Arc::new(OpenAiStt::new(access, "m".into(), language, runtime).expect("a client")),
    }
}

/// A second of an utterance, and its final transcript asked for.
fn say_something(session: &mut SttSession) {
    for _ in 0..10 {
        session.input.push(&Frame::SILENCE);
    }
    session.input.begin(HeardId(7), 4);
    for _ in 0..45 {
        session.input.push(&Frame([900; media::FRAME_SAMPLES]));
    }
    session.input.transcribe(Want::Final);
}

/// The next final transcript, or how the recogniser failed.
async fn outcome(session: &mut SttSession) -> Result<(String, u32), SttError> {
    loop {
        match session.events.recv().await.expect("an event") {
            SttEvent::Transcript { heard, want: Want::Final, text, audio_ms, .. } => {
                assert_eq!(heard, HeardId(7));
                return Ok((text, audio_ms));
            }
            SttEvent::Transcript { .. } => {}
            SttEvent::Failed(error) => return Err(error),
        }
    }
}

#[tokio::test]
async fn every_cloud_recogniser_answers_for_the_utterance() {
    for role in ROLES {
        let (address, audio_bytes) = serve(role, Manner::Answer).await;
        let mut session = client(role, &address).open().expect("open");
        say_something(&mut session);
        let (text, audio_ms) = outcome(&mut session).await.expect("a transcript");
        assert!(text.starts_with("heard"), "{text}");
        assert_eq!(audio_ms, 1_000, "{role:?}");
        // A stream hears everything, a request only the utterance.
        let expected = if matches!(role, Role::OpenAi) { 50 * 640 } else { 55 * 640 };
        assert_eq!(audio_bytes.load(Ordering::Relaxed), expected, "{role:?}");
    }
}

/// P1: each way to fail is told as what it is, and soon.
#[tokio::test]
async fn every_failure_of_a_cloud_recogniser_is_told() {
    for role in ROLES {
        for manner in [Manner::Refuse, Manner::HalfOpen, Manner::Mute, Manner::BreakOff] {
            let (address, _) = serve(role, manner).await;
            let mut session = client(role, &address).open().expect("open");
            say_something(&mut session);
            let error = outcome(&mut session).await.expect_err("it failed");
            assert_eq!(matches!(error, SttError::Refused { .. }), manner == Manner::Refuse, "{role:?}: {error}");
        }
    }
}

/// P1: with a recogniser behind it, each of them ends in a transcript of the whole utterance.
#[tokio::test]
async fn every_failure_of_a_cloud_recogniser_is_covered_by_the_one_behind_it() {
    for role in ROLES {
        for manner in [Manner::Refuse, Manner::HalfOpen, Manner::Mute, Manner::BreakOff] {
            let (address, _) = serve(role, manner).await;
            let local = Arc::new(StandIn::new(vec![Act::Answer]));
            let stt = Fallback::new(client(role, &address), local, Patience::default(), Handle::current());
            let mut session = stt.open().expect("open");
            say_something(&mut session);
            let text = loop {
                // The caller's silence goes on while the provider is waited for.
                session.input.push(&Frame::SILENCE);
                match tokio::time::timeout(Duration::from_millis(5), session.events.recv()).await {
                    Ok(Some(SttEvent::Transcript { want: Want::Final, text, .. })) => break text,
                    Ok(Some(SttEvent::Failed(error))) => panic!("the call was told of {error}"),
                    // Nothing yet, or a partial transcript.
                    _ => {}
                }
            };
            let frames = text.split(' ').next().and_then(|n| n.parse::<u32>().ok()).expect("the stand-in's form");
            assert!(frames >= 50, "{role:?} {manner:?}: {text}");
        }
    }
}
