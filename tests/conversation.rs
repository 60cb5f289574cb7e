//! A whole spoken conversation over real RTP on loopback: recognised, answered and spoken by the real models.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard::adapters::media_node::Node;
use switchboard::adapters::models::Models;
use switchboard::app::{House, business};
use switchboard::cli::demo::phone::{Phone, Phones};
use switchboard::config::Config;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegCommand, LegSpec, MediaNode};
use switchboard::seams::signaling::*;
use switchboard::seams::tts::{Tts, TtsRequest};

struct NoDialog;

#[async_trait::async_trait]
impl Dialog for NoDialog {
    async fn ring(&self) -> Result<(), SignalingError> { Ok(()) }
    async fn answer(&self) -> Result<(), SignalingError> { Ok(()) }
    async fn reject(&self, _: u16, _: &str) -> Result<(), SignalingError> { Ok(()) }
    async fn hang_up(&self) -> Result<(), SignalingError> { Ok(()) }
}

struct NoSignaling;

#[async_trait::async_trait]
impl Signaling for NoSignaling {
    async fn dial(&self, _: DialOrder) -> Result<OutgoingCall, SignalingError> { Err(SignalingError::NoTrunk) }
}

fn params(remote: std::net::SocketAddr) -> media::StreamParams {
    media::StreamParams {
        remote,
        remote_rtcp: None,
        codec: media::Codec::Pcmu,
        payload_type: 0,
        accepted: [(0, media::Codec::Pcmu)].into_iter().collect(),
        dtmf: Some(media::DtmfFormat { payload_type: 101, clock_rate_hz: 8000 }),
        comfort_noise_payload_type: None,
        packet_ms: 20,
        direction: media::Direction::SendRecv,
        source_rule: media::SourceRule::FromSdp,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn talk() {
    tracing_subscriber::fmt().with_env_filter("info,switchboard=debug").with_test_writer().init();
    let Ok(models) = std::env::var("SWITCHBOARD_MODELS_DIR") else { eprintln!("skipped: no models"); return };
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
    business::published(&mut config.agent);
    config.agent.knowledge = Some("src/adapters/knowledge_folder/sample".into());
    config.agent.business = "Bright Harbour Lamps".into();
    config.media.rtp_bind = "127.0.0.1".parse().unwrap();
    let house = House::open(config.clone(), Models::new(models)).await.unwrap();
    house.speak_ready().await;
    let node = Node::start(&config.media).unwrap();
    let desk = house.front_desk(Arc::new(NoSignaling)).unwrap();
    let phones = Phones::default();
    let spec = |id: u128| LegSpec { leg: LegId(uuid::Uuid::from_u128(id)), bind: "127.0.0.1".parse().unwrap(), advertised: None, ports: 20000..=29999, beside: None, inband_dtmf: false };
    let ours = node.open(spec(1)).await.unwrap();
    let theirs = phones.open(spec(2)).await.unwrap();
    ours.control.send(LegCommand::Configure(Box::new(params(theirs.advertised)))).ok().unwrap();
    theirs.control.send(LegCommand::Configure(Box::new(params(ours.advertised)))).ok().unwrap();
    let phone = phones.newest().unwrap();
    let (_events_in, events) = tokio::sync::mpsc::channel(8);
    let (calls, incoming) = tokio::sync::mpsc::channel(8);
    let (_drain, draining) = tokio::sync::watch::channel(false);
    tokio::spawn(desk.clone().run(incoming, draining, Duration::from_secs(1)));
    let party = |n: &str| Party { number: None, uri: n.into(), display_name: None };
    let info = CallInfo { from: Some(party("sip:a@x")), to: party("sip:b@x"), trunk: "loopback".into(), sip_call_id: "1".into(), diverted_by: None };
    calls.send(IncomingCall { info, leg: ours, dialog: Box::new(NoDialog), events }).await.unwrap();
    quiet(&phone, Duration::from_millis(900)).await;
    for question in std::env::var("QUESTIONS").unwrap_or("When are you open on Saturday?|Do you ship to Austria?|How long does delivery take?|Goodbye.".into()).split('|') {
        let mut stream = house.speech.phrases.speak(TtsRequest { text: question.into(), speed: 1.0, voice: Some("caller".into()) });
        let before = phone.wire().heard.len();
        while let Some(chunk) = stream.recv().await { phone.say(&chunk.unwrap().clip); }
        while phone.is_speaking() { tokio::time::sleep(Duration::from_millis(5)).await; }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let spoke = phone.wire().last_voice_sent_at.unwrap();
        let gap = loop {
            if let Some(at) = phone.look(|wire| wire.voice_after(spoke)) { break at - spoke }
            if spoke.elapsed() > Duration::from_secs(6) { println!("NO ANSWER to {question}"); break Duration::ZERO }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        quiet(&phone, Duration::from_millis(1200)).await;
        let wire = phone.wire();
        println!("{question} -> gap {gap:?}, heard {} ms", (wire.heard.len() - before) / 8);
    }
    let list = house.store.conversations(None, 10).await.unwrap();
    let view = house.store.conversation(list[0].0.id).await.unwrap().unwrap();
    for message in &view.messages { println!("{:?}: {} [{:?}] {:?} {:?}", message.author, message.text, message.heard_text, message.decision.as_ref().map(|d| (d.verdict, d.confidence)), message.timings); }
    println!("{:?} {:?}", view.conversation.status, view.recordings);
}

async fn quiet(phone: &Phone, time: Duration) {
    let began = Instant::now();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    while began.elapsed() < Duration::from_secs(30) {
        if phone.look(|wire| wire.last_voice()).is_none_or(|at| at.elapsed() > time) { return }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
