//! What the gateway itself adds to the reply gap, and costs: providers are stand-ins of fixed delays that keep a log.
//!
//! Its share of a turn is the way of the caller's last loud packet to the recogniser, from the final result to the
//! request for speech (less the desk's own time), and from the first speech to the first loud packet on the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use switchboard::adapters::models::Models;
use switchboard::adapters::tts::cached::Cached;
use switchboard::app::House;
use switchboard::cli::demo::stage::{Stage, StageCall, sample_config};
use switchboard::seams::tts::{Tts, TtsRequest};

use super::figures::{Values, load, processor_time, say_machine, spacing};
use super::stand_ins::{FixedStt, FixedTts, LOUD_DBFS, Log};

#[derive(clap::Args)]
pub struct Args {
    /// Calls at once.
    #[arg(long, default_value_t = 40)]
    calls: usize,
    /// Turns of each call, half of them with speech in one burst, half with speech at its pace.
    #[arg(long, default_value_t = 10)]
    turns: usize,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = sample_config(folder.path())?;
    config.agent.record_calls = false;
    config.sip.limits.calls_per_second = 1_000;
    config.sip.limits.calls_per_second_per_source = 1_000;
    let mut house = House::open(config, Models::resolve(None)).await?;
    let request = TtsRequest { text: QUESTION.to_owned(), speed: 1.0, voice: Some("caller".to_owned()) };
    let mut stream = house.speech.phrases.speak(request);
    let mut clip = Vec::new();
    while let Some(chunk) = stream.recv().await {
        clip.extend_from_slice(&chunk?.clip);
    }
    let clip: Arc<[i16]> = cut_loud(&clip).into();
    let log = Arc::new(Log::default());
    let calls = AtomicUsize::new(0);
    house.speech.stt = Arc::new(FixedStt { text: QUESTION.to_owned(), delay: RECOGNITION, log: log.clone(), calls });
    let voice =
        Arc::new(FixedTts { delay: SYNTHESIS, length: SPEECH, streams: AtomicBool::new(false), log: log.clone() });
    // Nothing is kept: every sentence is a request.
    let tts: Arc<dyn Tts> = voice.clone();
    house.speech.phrases = Arc::new(Cached::new(tts, 0));
    let stage = Stage::around(house).await?;
    println!("The gateway's share, {} calls at once, {} turns each.", args.calls, args.turns);
    println!("stand-ins: recognition {RECOGNITION:?} after the last loud frame, synthesis {SYNTHESIS:?}");
    say_machine();
    let mut live = Vec::new();
    for _ in 0..args.calls {
        live.push(stage.call().await?);
    }
    tokio::time::sleep(GREETING).await;
    let quiet = cost(IDLE).await;
    show_cost("connected, nobody speaks", quiet, IDLE, args.calls);
    for streams in [false, true] {
        voice.streams.store(streams, Ordering::Relaxed);
        measure(&args, &stage, &log, &clip, &mut live, streams).await?;
    }
    let between: Values = live.iter().flat_map(|call| call.phone.look(spacing)).collect();
    between.show("outgoing packet spacing");
    let strange: u64 = live.iter().map(|call| call.phone.look(|wire| wire.strange_packets)).sum();
    println!("packets of a type not agreed on: {strange}; load at the end {}", load());
    for call in live {
        call.hang_up().await;
    }
    stage.close().await;
    Ok(())
}

async fn measure(
    args: &Args,
    stage: &Stage,
    log: &Log,
    clip: &[i16],
    live: &mut [StageCall],
    streams: bool,
) -> anyhow::Result<()> {
    log.recognised.lock().expect("nobody panics while writing the log").clear();
    log.spoken.lock().expect("nobody panics while writing the log").clear();
    let turns = args.turns.div_ceil(2);
    let begin = Instant::now();
    let before = processor_times();
    for turn in 0..turns {
        for (number, call) in live.iter().enumerate() {
            // Callers speak one after the other, so that a reply and its request are known by their times.
            let due = begin + TURN * turn as u32 + TURN * number as u32 / args.calls as u32;
            tokio::time::sleep_until(due.into()).await;
            call.phone.say(clip);
        }
    }
    let span = TURN * turns as u32;
    tokio::time::sleep_until((begin + span).into()).await;
    let after = processor_times();
    tokio::time::sleep(TURN).await;
    let mut desk = std::collections::HashMap::new();
    for (number, call) in live.iter().enumerate() {
        let view = stage.house.store.conversation(call.conversation).await?;
        let messages = view.map(|view| view.messages).unwrap_or_default();
        let ms: Vec<f32> = messages.iter().filter_map(|m| m.timings.as_ref()?.desk_ms).collect();
        desk.insert(number, ms.iter().sum::<f32>() / ms.len().max(1) as f32);
    }
    let (mut to_ear, mut to_request, mut to_wire, mut share) =
        (Values::default(), Values::default(), Values::default(), Values::default());
    let spoken = log.spoken.lock().expect("nobody panics while writing the log").clone();
    let recognised = log.recognised.lock().expect("nobody panics while writing the log").clone();
    let mut lost = turns * live.len() - recognised.len().min(turns * live.len());
    for heard in recognised {
        let Some(call) = live.get(heard.call) else { continue };
        let Some(spoken) = spoken.iter().find(|spoken| spoken.asked >= heard.told) else {
            lost += 1;
            continue;
        };
        let found = call.phone.look(|wire| {
            let sent = wire.departures.iter().rev().find(|(at, level)| *at <= heard.last_push && *level > LOUD_DBFS)?.0;
            Some((sent, wire.voice_after(spoken.first_chunk)?))
        });
        let Some((sent, on_wire)) = found.filter(|(_, on_wire)| *on_wire < spoken.first_chunk + TURN / 4) else {
            lost += 1;
            continue;
        };
        let desk = Duration::from_secs_f32(desk[&heard.call] / 1000.0);
        let parts =
            [heard.last_push - sent, (spoken.asked - heard.told).saturating_sub(desk), on_wire - spoken.first_chunk];
        to_ear.add(parts[0]);
        to_request.add(parts[1]);
        to_wire.add(parts[2]);
        share.add(parts.iter().sum());
    }
    println!("\nspeech {}:", if streams { "at its pace" } else { "in one burst" });
    to_ear.show("  last packet → recogniser");
    to_request.show("  final → request (no desk)");
    to_wire.show("  first speech → wire");
    share.show("  the gateway's share");
    println!(
        "  turns without a reply: {lost}; desk {:.2} ms mean",
        desk.values().sum::<f32>() / desk.len().max(1) as f32
    );
    let cost: Vec<Duration> = after.iter().zip(before).map(|(after, before)| *after - before).collect();
    show_cost("  processor", [cost[0], cost[1], cost[2]], span, live.len());
    Ok(())
}

/// All threads but the callers', the media threads, the callers'.
fn processor_times() -> [Duration; 3] {
    let (all, media, phones) = (processor_time(&[]), processor_time(&["media"]), processor_time(&["phone"]));
    [all.saturating_sub(phones), media, phones]
}

async fn cost(span: Duration) -> [Duration; 3] {
    let before = processor_times();
    tokio::time::sleep(span).await;
    let after = processor_times();
    [0, 1, 2].map(|part| after[part].saturating_sub(before[part]))
}

fn show_cost(name: &str, cost: [Duration; 3], span: Duration, calls: usize) {
    let share = |time: Duration| 100.0 * time.as_secs_f64() / span.as_secs_f64() / calls as f64;
    println!(
        "{name}: {:.3} % of a core per call, media {:.3} % of it (the callers' {:.3} % left out)",
        share(cost[0]),
        share(cost[1]),
        share(cost[2])
    );
}

/// Ends with its last loud frame, so that no quiet tail blurs when the caller stopped.
fn cut_loud(clip: &[i16]) -> Vec<i16> {
    let loud = |frame: &[i16]| switchboard::cli::demo::phone::level_dbfs(frame) > LOUD_DBFS + 12.0;
    let frames: Vec<&[i16]> = clip.chunks_exact(320).collect();
    let first = frames.iter().position(|frame| loud(frame)).unwrap_or(0);
    let last = frames.iter().rposition(|frame| loud(frame)).unwrap_or(0);
    frames[first..=last].concat()
}

/// Known to the knowledge word for word.
const QUESTION: &str = "What are your opening hours?";
const RECOGNITION: Duration = Duration::from_millis(150);
const SYNTHESIS: Duration = Duration::from_millis(100);
/// How long each sentence of the stand-in is.
const SPEECH: Duration = Duration::from_millis(600);
/// From one question of a caller to the next.
const TURN: Duration = Duration::from_secs(6);
const GREETING: Duration = Duration::from_secs(6);
const IDLE: Duration = Duration::from_secs(6);
