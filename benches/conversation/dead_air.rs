//! The longest silence while the agent owes the next word, with each provider stalled in turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use switchboard::adapters::models::Models;
use switchboard::adapters::tts::cached::Cached;
use switchboard::app::{House, business};
use switchboard::cli::demo::phone::VOICED_DBFS;
use switchboard::cli::demo::stage::{Stage, sample_config};
use switchboard::domain::conversation::Author;
use switchboard::seams::tts::Tts;
use switchboard::support::Desk;

use super::corpus::Clips;
use super::figures::{load, say_machine};
use super::stand_ins::{Stall, StallingEmbedder, StallingStt, StallingTts};

#[derive(clap::Args)]
pub struct Args {
    /// Calls for each provider.
    #[arg(long, default_value_t = 3)]
    calls: usize,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let models = Models::resolve(None);
    let mut house = House::open(sample_config(folder.path())?, models.clone()).await?;
    let stalls: [(&str, Stall); 3] =
        [("recognition", Stall::default()), ("desk", Stall::default()), ("synthesis", Stall::default())];
    house.speech.stt = Arc::new(StallingStt(house.speech.stt.clone(), stalls[0].1.clone()));
    let embedder = switchboard::app::speech::embedder(&models);
    let embedder = embedder.map(|inner| Arc::new(StallingEmbedder(inner, stalls[1].1.clone())) as _);
    house.desk = Arc::new(Desk::new(embedder));
    let knowledge = house.config.agent.knowledge.clone();
    house.library = house.library.on_desk(house.desk.clone());
    business::knowledge(knowledge.as_deref(), &house.library).await?;
    let voice: Arc<dyn Tts> =
        Arc::new(StallingTts(house.speech.phrases.clone(), stalls[2].1.clone(), Default::default()));
    // The shelf of phrases stays before what stalls, as it does for a provider.
    house.speech.phrases = Arc::new(Cached::new(voice, 64 << 20));
    let stage = Stage::around(house).await?;
    let clips = Clips::default();
    for question in QUESTIONS {
        clips.of(&stage, question).await?;
    }
    println!("Longest silence while the agent owes the next word, each provider stalled in turn.");
    say_machine();
    for (name, stall) in &stalls {
        let mut longest = Duration::ZERO;
        for round in 0..args.calls {
            let mut call = stage.call().await?;
            call.wait_for_quiet(Duration::from_millis(700), Duration::from_secs(30)).await;
            let clip = clips.of(&stage, QUESTIONS[round % QUESTIONS.len()]).await?;
            stall.store(true, Ordering::Relaxed);
            call.phone.say(&clip);
            tokio::time::sleep(Duration::from_millis(clip.len() as u64 / 16) + WATCHED).await;
            stall.store(false, Ordering::Relaxed);
            let view = stage.house.store.conversation(call.conversation).await?;
            let said: Vec<String> = view
                .map(|view| view.messages)
                .unwrap_or_default()
                .into_iter()
                .skip(1)
                .map(|message| {
                    let author = if message.author == Author::Customer { "caller" } else { "agent" };
                    format!("{author}: {} [{}]", message.text, message.heard_text.unwrap_or_default())
                })
                .collect();
            let silences = call.phone.look(|wire| {
                let from = wire.last_voice_sent_at?;
                let mut voiced: Vec<Instant> =
                    wire.arrivals.iter().filter(|(at, l)| *at > from && *l > VOICED_DBFS).map(|(at, _)| *at).collect();
                voiced.insert(0, from);
                voiced.push(from + WATCHED);
                Some(
                    voiced
                        .windows(2)
                        .map(|pair| pair[1].saturating_duration_since(pair[0]))
                        .filter(|s| *s > Duration::from_millis(400))
                        .collect::<Vec<_>>(),
                )
            });
            let silences = silences.unwrap_or_default();
            println!(
                "  {name}: silences over 0.4 s {:?} ms; {said:?}",
                silences.iter().map(Duration::as_millis).collect::<Vec<_>>()
            );
            longest = longest.max(silences.first().copied().unwrap_or_default());
            call.hang_up().await;
        }
        println!("{name:<12} stalled: first word of any kind after at most {} ms", longest.as_millis());
    }
    println!("load at the end {}", load());
    stage.close().await;
    Ok(())
}

/// Not in the knowledge word for word, so that the desk has to look.
const QUESTIONS: [&str; 3] = [
    "Could you please tell me when you are open on Saturdays?",
    "I would like to know how long a delivery takes.",
    "Are you open today?",
];
/// How long the call is watched.
const WATCHED: Duration = Duration::from_secs(12);
