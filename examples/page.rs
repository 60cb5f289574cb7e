//! The live page with made-up calls, for work on the page: `cargo run --example page -- 127.0.0.1:8080`.
//!
//! One call goes on for ever: the caller speaks, the agent answers, again and again. Given `token` as well, the page
//! asks for one (it is printed); given `empty`, nobody has called yet.

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/desk.rs"]
mod desk;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::config::http::HttpConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::call::{Attempt, AttemptOutcome, Call, CallOutcome, Recording};
use switchboard::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status, TurnTimings};
use switchboard::domain::ids::{AgentId, AttemptId, CallId, ConversationId, InboxId, MessageId, RecordingId, TicketId};
use switchboard::domain::ticket::{Field, Ticket, TicketKind, TicketStatus};
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{Decision, Reason, RiskTopic, Source, Verdict};
use switchboard::http::{Parts, Server, router};
use switchboard::seams::bus::{Bus, LiveKind};
use switchboard::seams::clock::{Clock, Ids};
use switchboard::seams::fakes::MemoryStore;
use switchboard::seams::shown::ShownMessage;
use switchboard::seams::store::Store;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into()).parse()?;
    let given = |word: &str| std::env::args().skip(2).any(|argument| argument == word);
    let config = HttpConfig { listen, loopback_needs_token: given("token"), ..HttpConfig::default() };
    let (agent, inbox) = (AgentId(SystemIds.next()), InboxId(SystemIds.next()));
    let store = MemoryStore::with_agent(settings(agent), inbox);
    let now = SystemClock.epoch().0;
    let recordings = std::env::temp_dir().join(format!("page-example-{}", std::process::id()));
    std::fs::create_dir_all(&recordings)?;
    tone(&recordings.join("tone.wav"))?;
    let scene = Scene { store: store.clone(), agent, inbox };
    let mut live = None;
    if !given("empty") {
        scene.missed(now - 90_000_000).await;
        scene.dispute(now - 7_200_000).await;
        scene.cut(now - 3_900_000).await;
        scene.answered(now - 1_500_000).await;
        live = Some(scene.live(now - 42_000).await);
    }
    let bus = Arc::new(LocalBus::new(SystemClock.epoch()));
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, std::path::Path::new("acme")).await?;
    println!("http://{}/", server.address()?);
    println!("{}", desk::TOKEN);
    let agent = Arc::new(ArcSwap::from_pointee(settings(agent)));
    let parts = Parts {
        recordings_dir: recordings.clone(),
        shutdown: shutdown.clone(),
        ..desk::api(Arc::new(store), bus.clone(), agent, config)
    };
    tokio::select! {
        () = server.run(router(parts), shutdown.clone()) => {}
        () = talk(&scene, &*bus, live) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    std::fs::remove_dir_all(recordings)?;
    Ok(())
}

struct Scene {
    store: MemoryStore,
    agent: AgentId,
    inbox: InboxId,
}

impl Scene {
    async fn call(
        &self,
        at: i64,
        from: Option<&str>,
        lasted: Option<(i64, CallOutcome)>,
        change: impl FnOnce(&mut Conversation),
    ) -> (Conversation, Call) {
        let mut conversation = Conversation {
            id: ConversationId(SystemIds.next()),
            agent: self.agent,
            inbox: self.inbox,
            channel: Channel::Phone,
            status: if lasted.is_some() { Status::Resolved } else { Status::Open },
            handler: Handler::Bot,
            reason: None,
            summary: None,
            preview: false,
            version: 1,
            created_at: EpochMs(at),
            updated_at: EpochMs(at),
            casework: Default::default(),
        };
        change(&mut conversation);
        let call = Call {
            id: CallId(SystemIds.next()),
            conversation: conversation.id,
            from: from.map(Into::into),
            to: "+49 30 5550100".into(),
            trunk: "loopback".into(),
            started_at: EpochMs(at),
            answered_at: Some(EpochMs(at + 900)),
            ended_at: lasted.map(|(ms, _)| EpochMs(at + ms)),
            outcome: lasted.map(|(_, outcome)| outcome),
        };
        let mut unit = self.store.begin().await.unwrap();
        unit.insert_conversation(&conversation).await.unwrap();
        unit.save_call(&call).await.unwrap();
        if lasted.is_some() {
            let recording = Recording {
                id: RecordingId(SystemIds.next()),
                call: call.id,
                file: "tone.wav".into(),
                started_at: EpochMs(at + 3_000),
                duration_ms: Some(4_000),
            };
            unit.save_recording(&recording).await.unwrap();
        }
        unit.commit().await.unwrap();
        (conversation, call)
    }

    async fn say(&self, conversation: ConversationId, message: Message) -> Message {
        let mut unit = self.store.begin().await.unwrap();
        let message = Message { conversation, ..message };
        unit.insert_message(&message).await.unwrap();
        unit.commit().await.unwrap();
        message
    }

    async fn answered(&self, at: i64) {
        let (conversation, _) = self
            .call(at, Some("+49 171 5550187"), Some((94_000, CallOutcome::Resolved)), |conversation| {
                conversation.summary = Some(
                    "Asked when the shop opens on Saturdays and whether a service can be booked for the same day."
                        .into(),
                );
            })
            .await;
        let id = conversation.id;
        self.say(
            id,
            said(
                at + 1_000,
                Author::Agent,
                "Hello, this is the automated desk of Harbour Bikes. This call is recorded. How can I help?",
            ),
        )
        .await;
        self.say(id, said(at + 9_000, Author::Customer, "Hi, um, when are you open on Saturday?")).await;
        self.say(
            id,
            reply(
                at + 9_290,
                "On Saturdays we are open from ten to four. During the week we open at nine.",
                Verdict::Send,
                Reason::ClearAndLowRisk,
                0.97,
                288.0,
            ),
        )
        .await;
        self.say(id, said(at + 19_000, Author::Customer, "And can I get it serviced the same day?")).await;
        let mut cut = reply(
            at + 19_410,
            "A basic service takes about two hours, and you can wait for it. A full service takes two days, and we lend you a bike meanwhile.",
            Verdict::Send,
            Reason::ClearAndLowRisk,
            0.93,
            412.0,
        );
        cut.heard_text = Some("A basic service takes about two hours, and you can wait".into());
        self.say(id, cut).await;
        self.say(id, said(at + 26_000, Author::Customer, "Oh great, the brakes then.")).await;
        self.say(
            id,
            reply(
                at + 26_700,
                "Do you mean a brake adjustment, or new brake pads?",
                Verdict::Clarify,
                Reason::Ambiguous,
                0.74,
                655.0,
            ),
        )
        .await;
    }

    async fn dispute(&self, at: i64) {
        let (conversation, call) = self
            .call(
                at,
                Some("sip:maria.gonzalez@pbx.example.com"),
                Some((163_000, CallOutcome::Ticket)),
                |conversation| {
                    conversation.status = Status::NeedsHuman;
                    conversation.summary =
                        Some("Was charged twice for order 4471 and wants the second charge back.".into());
                    conversation.reason = Some("a bill or charge is disputed".into());
                },
            )
            .await;
        let id = conversation.id;
        self.say(
            id,
            said(at + 9_000, Author::Customer, "You charged my card twice for the same order, that's not OK."),
        )
        .await;
        self.say(
            id,
            reply(
                at + 9_300,
                "I'm sorry about that. A colleague has to look at this. Let me try to reach one.",
                Verdict::HandOff,
                Reason::Risk(RiskTopic::BillingDispute),
                0.41,
                310.0,
            ),
        )
        .await;
        let mut draft = reply(
            at + 9_301,
            "Duplicate charges are refunded within five working days.",
            Verdict::Hold,
            Reason::EntrySensitivity,
            0.88,
            0.0,
        );
        (draft.author, draft.timings) = (Author::Draft, None);
        self.say(id, draft).await;
        self.say(id, said(at + 60_000, Author::Note, "Nobody could be reached; the case was taken as a ticket.")).await;
        let attempt = |from: i64, destination: &str, outcome, ring_ms| Attempt {
            id: AttemptId(SystemIds.next()),
            call: call.id,
            destination: destination.into(),
            started_at: EpochMs(at + from),
            ring_ms: Some(ring_ms),
            outcome: Some(outcome),
            said: None,
        };
        let field = |name: &str, value: &str, confirmed| Field { confirmed, ..Field::unconfirmed(name, value) };
        let ticket = Ticket {
            id: TicketId(SystemIds.next()),
            conversation: id,
            kind: TicketKind::FollowUp,
            status: TicketStatus::Pending,
            reason: "Charged twice for order 4471".into(),
            fields: vec![
                field("name", "Maria González", true),
                field("number", "+34 600 555 019", true),
                field("reason", "double charge", false),
            ],
            created_at: EpochMs(at + 150_000),
            due_at: None,
            recording: None,
            callback: None,
            notes: String::new(),
            version: 1,
        };
        let mut unit = self.store.begin().await.unwrap();
        unit.save_attempt(&attempt(20_000, "sip:anna@office.example.com", AttemptOutcome::NoAnswer, 25_000))
            .await
            .unwrap();
        unit.save_attempt(&attempt(46_000, "+49 30 5550144", AttemptOutcome::Declined, 6_000)).await.unwrap();
        unit.save_ticket(&ticket).await.unwrap();
        unit.commit().await.unwrap();
    }

    async fn missed(&self, at: i64) {
        let (conversation, _) = self.call(at, None, Some((4_000, CallOutcome::Abandoned)), |_| {}).await;
        self.say(
            conversation.id,
            said(at + 1_000, Author::Agent, "Hello, this is the automated desk of Harbour Bikes."),
        )
        .await;
    }

    async fn cut(&self, at: i64) {
        self.call(at, Some("+44 20 7946 0958"), Some((21_000, CallOutcome::Lost)), |conversation| {
            conversation.summary = Some("<img src=x onerror=alert(1)> & other text that must stay text".into());
        })
        .await;
    }

    async fn live(&self, at: i64) -> ConversationId {
        let (conversation, _) = self.call(at, Some("+49 30 5550123"), None, |_| {}).await;
        self.say(
            conversation.id,
            said(at + 1_000, Author::Agent, "Hello, this is the automated desk of Harbour Bikes. How can I help?"),
        )
        .await;
        conversation.id
    }
}

/// The caller speaks and is answered, for ever.
async fn talk(scene: &Scene, bus: &dyn Bus, id: Option<ConversationId>) {
    let Some(id) = id else { return std::future::pending().await };
    let words: Vec<&str> = "Hello, I wanted to ask whether you rent out cargo bikes for a weekend".split(' ').collect();
    loop {
        for end in 1..=words.len() {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let text = words[..end].join(" ");
            bus.publish(SystemClock.epoch(), id, LiveKind::Hearing { text });
        }
        let now = SystemClock.epoch();
        let heard = scene.say(id, said(now.0, Author::Customer, &format!("{}?", words.join(" ")))).await;
        bus.publish(now, id, LiveKind::Message { message: ShownMessage::json(&heard) });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let answer = reply(
            now.0 + 300,
            "Yes. A cargo bike for a weekend costs sixty euros, with a deposit of two hundred.",
            Verdict::Send,
            Reason::ClearAndLowRisk,
            0.95,
            300.0,
        );
        let answer = scene.say(id, answer).await;
        bus.publish(now, id, LiveKind::Message { message: ShownMessage::json(&answer) });
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
}

fn said(at: i64, author: Author, text: &str) -> Message {
    Message {
        id: MessageId(SystemIds.next()),
        conversation: ConversationId(uuid::Uuid::nil()),
        author,
        text: text.into(),
        heard_text: (author == Author::Agent).then(|| text.into()),
        at: EpochMs(at),
        decision: None,
        timings: None,
        post: Default::default(),
    }
}

fn reply(at: i64, text: &str, verdict: Verdict, reason: Reason, confidence: f32, gap: f32) -> Message {
    let source = |question: &str, score| Source {
        entry: "faq#1".into(),
        question: question.into(),
        source: "opening-hours.md".into(),
        score,
        article: None,
    };
    let decision = Decision {
        verdict,
        reason,
        confidence,
        sources: vec![source("When are you open?", 0.91), source("Can I come on a holiday?", 0.62)],
        features: vec![],
        desk_ms: 2.4,
        writer: None,
    };
    let timings = TurnTimings {
        buffer_ms: Some(40.0),
        end_of_turn_ms: Some(gap * 0.62),
        recognition_ms: Some(48.0),
        desk_ms: Some(2.4),
        synthesis_ms: Some(71.0),
        reply_gap_ms: Some(gap),
        prepared: gap < 295.0,
    };
    Message { decision: Some(decision), timings: Some(timings), ..said(at, Author::Agent, text) }
}

fn settings(id: AgentId) -> Agent {
    Agent { greeting: "How can I help?".into(), record_calls: true, ..Agent::automatic(id, "Harbour Bikes") }
}

fn tone(file: &std::path::Path) -> anyhow::Result<()> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file, spec)?;
    for n in 0..64_000 {
        let sample = (n as f32 * 440.0 * std::f32::consts::TAU / 16_000.0).sin() * 6_000.0;
        wav.write_sample(sample as i16)?;
        wav.write_sample(0i16)?;
    }
    wav.finalize()?;
    Ok(())
}
