//! A caller who speaks into an answer: how soon the agent is silent, whether anything stale follows, and whether
//! coughs, noises and "mhm" leave it speaking.

use std::time::{Duration, Instant};

use switchboard::adapters::models::Models;
use switchboard::cli::demo::phone::{VOICED_DBFS, Wire};
use switchboard::cli::demo::stage::{Stage, StageCall, sample_config};
use switchboard::domain::conversation::Author;

use super::corpus::{Clips, noise};
use super::figures::{Values, load, say_machine};

#[derive(clap::Args)]
pub struct Args {
    /// Interruptions by questions.
    #[arg(long, default_value_t = 50)]
    times: usize,
    /// Coughs, noises and backchannels.
    #[arg(long, default_value_t = 24)]
    noises: usize,
}

/// What became of one interruption.
struct Interrupted {
    silent_after: Duration,
    /// Voiced packets after the silence, by when they came after the caller's first.
    stale_ms: Vec<u128>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::open(sample_config(folder.path())?, Models::resolve(None)).await?;
    let clips = Clips::default();
    println!("Interruption to silence, {} interruptions; {} noises.", args.times, args.noises);
    say_machine();
    let mut times = Values::default();
    let (mut stale, mut missed, mut tried) = (0, 0, 0);
    while tried < args.times {
        let mut call = stage.call().await?;
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        if !asked(&stage, &clips, &mut call, LONG_ANSWERS[tried % LONG_ANSWERS.len()]).await? {
            call.hang_up().await;
            tried += 1;
            missed += 1;
            continue;
        }
        // The answer to an interrupting question is the next one to be interrupted.
        for _ in 0..INTERRUPTIONS_A_CALL {
            let clip = clips.of(&stage, INTERRUPTING[tried % INTERRUPTING.len()]).await?;
            tried += 1;
            tokio::time::sleep(Duration::from_millis(1000 + (tried as u64 * 370) % 1000)).await;
            match interrupt(&mut call, &clip).await {
                Some(interrupted) => {
                    times.add(interrupted.silent_after);
                    stale += interrupted.stale_ms.len();
                    if !interrupted.stale_ms.is_empty() {
                        let said = INTERRUPTING[(tried - 1) % INTERRUPTING.len()];
                        let silent_ms = interrupted.silent_after.as_millis();
                        println!("  \"{said}\": silent after {silent_ms} ms, voiced at {:?} ms", interrupted.stale_ms);
                    }
                }
                None => {
                    missed += 1;
                    break;
                }
            }
            if tried >= args.times || call.is_over() {
                break;
            }
        }
        call.hang_up().await;
    }
    times.show("interruption to silence");
    println!("stale voiced packets afterwards: {stale}; answers that were over or not given: {missed}");
    noises(&args, &stage, &clips).await?;
    println!("load at the end {}", load());
    stage.close().await;
    Ok(())
}

/// Asks and waits for the answer's first sound.
async fn asked(stage: &Stage, clips: &Clips, call: &mut StageCall, question: &str) -> anyhow::Result<bool> {
    let clip = clips.of(stage, question).await?;
    Ok(call.ask(&clip, PATIENCE).await.is_some())
}

async fn interrupt(call: &mut StageCall, clip: &[i16]) -> Option<Interrupted> {
    let mark = Instant::now();
    // An agent that has just paused between two sentences is not interrupted: this one is not counted.
    if call.phone.look(Wire::last_voice).is_none_or(|at| at.elapsed() > Duration::from_millis(60)) {
        return None;
    }
    let reply = call.ask(clip, PATIENCE).await?;
    call.phone.look(|wire| {
        let began = wire.own_voice_after(mark)?;
        let ended = wire.last_voice_sent_at?;
        let voiced: Vec<Instant> = wire
            .arrivals
            .iter()
            .filter(|(at, level)| *at >= mark && *at < ended + reply.gap && *level > VOICED_DBFS)
            .map(|(at, _)| *at)
            .collect();
        // Words have gaps of up to 150 ms; the first longer one is silence.
        let last =
            voiced.windows(2).find(|pair| pair[1] - pair[0] > SILENCE).map(|pair| pair[0]).or(voiced.last().copied());
        let last = last.unwrap_or(began).max(began);
        let stale_ms = voiced.iter().filter(|at| **at > last).map(|at| (*at - began).as_millis()).collect();
        Some(Interrupted { silent_after: last - began, stale_ms })
    })
}

/// Sounds that are no turn: the answer must be heard to its end.
async fn noises(args: &Args, stage: &Stage, clips: &Clips) -> anyhow::Result<()> {
    let ms = Duration::from_millis;
    let sounds = [
        ("cough", noise(ms(280), ms(15), 0.5, 0.35)),
        ("two coughs", [noise(ms(220), ms(10), 0.5, 0.35), vec![0; 3_200], noise(ms(260), ms(10), 0.4, 0.35)].concat()),
        ("knock", noise(ms(60), ms(2), 0.8, 0.1)),
        ("noise burst", noise(ms(500), ms(60), 0.3, 0.8)),
        ("rumble", noise(ms(900), ms(200), 0.6, 0.03)),
        ("mhm", clips.of(stage, "Mhm.").await?.to_vec()),
        ("uh-huh", clips.of(stage, "Uh huh.").await?.to_vec()),
        ("okay", clips.of(stage, "Okay.").await?.to_vec()),
    ];
    let mut held_ms = Values::default();
    let mut stopped: Vec<&str> = Vec::new();
    let mut counted = 0;
    for number in 0..args.noises {
        let (name, sound) = &sounds[number % sounds.len()];
        let mut call = stage.call().await?;
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        if asked(stage, clips, &mut call, LONG_ANSWERS[number % LONG_ANSWERS.len()]).await? {
            tokio::time::sleep(ms(1000 + (number as u64 * 290) % 800)).await;
            let mark = Instant::now();
            call.phone.say(sound);
            call.wait_for_quiet(ms(2500), LONGEST_SPEECH).await;
            counted += 1;
            held_ms.add(longest_silence(&call.phone.wire(), mark, mark + ms(1500)));
            if !last_words_whole(stage, &call).await? {
                stopped.push(name);
            }
        }
        call.hang_up().await;
    }
    println!("false stops: {} of {counted} {stopped:?}", stopped.len());
    held_ms.show("  silence around the noise");
    Ok(())
}

/// Whether the agent's last message was heard to its end.
pub async fn last_words_whole(stage: &Stage, call: &StageCall) -> anyhow::Result<bool> {
    let conversation = call.conversation;
    let view = stage.house.store.conversation(conversation).await?;
    let messages = view.map(|view| view.messages).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message.author == Author::Agent);
    Ok(last.is_some_and(|last| last.heard_text.as_ref() == Some(&last.text)))
}

fn longest_silence(wire: &Wire, from: Instant, until: Instant) -> Duration {
    let voiced = wire.arrivals.iter().filter(|(at, level)| *at >= from && *at <= until && *level > VOICED_DBFS);
    let mut last = from;
    let mut longest = Duration::ZERO;
    for (at, _) in voiced {
        longest = longest.max(*at - last);
        last = *at;
    }
    longest.max(until - last)
}

/// Answered in two sentences or a long one.
const LONG_ANSWERS: [&str; 4] = [
    "What are your opening hours?",
    "How long does delivery take?",
    "Do you deliver abroad?",
    "Can I collect my order at the shop?",
];
const INTERRUPTING: [&str; 5] = [
    "Wait, what are your opening hours?",
    "No, I mean, how long does delivery take?",
    "Sorry, do you deliver abroad?",
    "Stop, can I collect my order at the shop?",
    "How much does delivery cost?",
];
const INTERRUPTIONS_A_CALL: usize = 8;
const SILENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(700);
const LONGEST_SPEECH: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(6);
