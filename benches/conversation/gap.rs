//! The reply gap: from the caller's last voiced packet to the first voiced packet of the answer.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use switchboard::adapters::models::Models;
use switchboard::cli::demo::phone::Phone;
use switchboard::cli::demo::stage::{Stage, StageCall, sample_config};
use switchboard::domain::conversation::{Author, Message, TurnTimings};
use switchboard::domain::ids::{ConversationId, MessageId};
use switchboard::domain::turn::Verdict;
use tokio::sync::Mutex;

use super::corpus::{Clips, NUMBERS, PAUSED, PAUSES_MS, SPELLINGS, questions};
use super::figures::{Values, load, say_machine, spacing};

#[derive(clap::Args)]
pub struct Args {
    /// Turns answered from knowledge, over all calls.
    #[arg(long, default_value_t = 200)]
    turns: usize,
    /// Calls at once.
    #[arg(long, default_value_t = 1)]
    calls: usize,
    /// Turns with pauses, numbers and spellings, reported apart.
    #[arg(long, default_value_t = 24)]
    apart: usize,
    /// Cuts spoken answers after their first sentence, which saves a third of the time.
    #[arg(long)]
    short: bool,
    /// Prints every turn.
    #[arg(long)]
    verbose: bool,
}

/// One measured turn.
struct Turn {
    group: &'static str,
    asked: String,
    understood: String,
    /// `None` when the answer began before the caller had finished, or never.
    gap: Option<Duration>,
    cut_off: bool,
    verdict: Option<Verdict>,
    timings: Option<TurnTimings>,
    /// The answer had been said before in this run, so that its speech was kept.
    said_before: bool,
}

#[derive(Default)]
struct Findings {
    turns: Vec<Turn>,
    spacing_ms: Vec<f64>,
    answers: HashSet<String>,
    strange_packets: u64,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = sample_config(folder.path())?;
    if args.short {
        shorten(&folder.path().join("knowledge"))?;
    }
    let stage = Arc::new(Stage::open(config, Models::resolve(None)).await?);
    let clips = Arc::new(Clips::default());
    let asked: Arc<Vec<String>> = Arc::new(questions());
    println!("Reply gap, {} turns, {} call(s) at once. {} questions.", args.turns, args.calls, asked.len());
    for text in asked.iter() {
        clips.of(&stage, text).await?;
    }
    say_machine();
    let began = Instant::now();
    let findings = Arc::new(Mutex::new(Findings::default()));
    let counter = Arc::new(AtomicUsize::new(0));
    let good = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..args.calls {
        let (stage, clips, asked, findings) = (stage.clone(), clips.clone(), asked.clone(), findings.clone());
        let (counter, good, verbose, turns) = (counter.clone(), good.clone(), args.verbose, args.turns);
        callers.spawn(async move {
            // Callers do not all begin in the same moment.
            tokio::time::sleep(Duration::from_millis(700) * caller as u32).await;
            while good.load(Ordering::Relaxed) < turns && counter.load(Ordering::Relaxed) < turns * 2 {
                let mut call = stage.call().await?;
                call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
                let mut seen = HashSet::new();
                for _ in 0..TURNS_A_CALL {
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    let text = &asked[number % asked.len()];
                    let clip = clips.of(&stage, text).await?;
                    let turn = ask(&stage, &mut call, "question", text, &clip, &mut seen, &findings).await?;
                    let answered = turn.verdict == Some(Verdict::Send) && turn.gap.is_some();
                    good.fetch_add(usize::from(answered), Ordering::Relaxed);
                    if verbose {
                        show(&turn);
                    }
                    findings.lock().await.turns.push(turn);
                    call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
                    if !answered || call.is_over() || good.load(Ordering::Relaxed) >= turns {
                        // A clarifying question or an offer would be part of the next turn: begin afresh.
                        break;
                    }
                }
                keep_spacing(&call.phone, &findings).await;
                call.hang_up().await;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    let load_then = load();
    apart(&args, &stage, &clips, &findings).await?;
    let findings = findings.lock().await;
    report(&findings, began.elapsed(), &load_then);
    drop(findings);
    if let Ok(stage) = Arc::try_unwrap(stage).map_err(|_| ()) {
        stage.close().await;
    }
    Ok(())
}

/// Leaves the first sentence of each spoken answer.
fn shorten(knowledge: &Path) -> anyhow::Result<()> {
    for file in std::fs::read_dir(knowledge)? {
        let path = file?.path();
        let text = std::fs::read_to_string(&path)?;
        let cut = |line: &str| match line.strip_prefix("Spoken: ") {
            // "Yes." alone would be no answer.
            Some(words) => match words[12.min(words.len())..].find(". ") {
                Some(end) => format!("Spoken: {}", &words[..12 + end + 1]),
                None => line.to_owned(),
            },
            None => line.to_owned(),
        };
        std::fs::write(&path, text.lines().map(cut).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(())
}

/// Numbers, spellings and sentences with pauses: a call each, since most of them are not answered.
async fn apart(args: &Args, stage: &Stage, clips: &Clips, findings: &Mutex<Findings>) -> anyhow::Result<()> {
    let groups: [(&'static str, &[&[&str]]); 3] =
        [("pause inside", PAUSED), ("number", NUMBERS), ("spelling", SPELLINGS)];
    for number in 0..args.apart {
        let (group, texts) = groups[number % groups.len()];
        let round = number / groups.len();
        let parts = texts[round % texts.len()];
        let pause = Duration::from_millis(PAUSES_MS[(round + round / PAUSES_MS.len()) % PAUSES_MS.len()] as u64);
        let clip = clips.paused(stage, parts, pause).await?;
        let mut call = stage.call().await?;
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        let text = format!("{} ({} ms)", parts.join(" … "), pause.as_millis());
        let turn = ask(stage, &mut call, group, &text, &clip, &mut HashSet::new(), findings).await?;
        if args.verbose {
            show(&turn);
        }
        findings.lock().await.turns.push(turn);
        call.hang_up().await;
    }
    Ok(())
}

async fn ask(
    stage: &Stage,
    call: &mut StageCall,
    group: &'static str,
    text: &str,
    clip: &[i16],
    seen: &mut HashSet<MessageId>,
    findings: &Mutex<Findings>,
) -> anyhow::Result<Turn> {
    let began = Instant::now();
    let reply = call.ask(clip, PATIENCE).await;
    let spoke = call.phone.look(|wire| wire.last_voice_sent_at).unwrap_or(began);
    // Voice of ours between the caller's first word and their last: they were cut off.
    let cut_off = call.phone.look(|wire| wire.voice_after(began)).is_some_and(|at| at < spoke);
    // The message is stored with its timings as it begins to be heard.
    let mut messages = Vec::new();
    for _ in 0..STORED_TRIES {
        messages = new_messages(stage, call.conversation, seen).await?;
        if reply.is_none() || messages.iter().any(|message| message.timings.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen.extend(messages.iter().map(|message| message.id));
    let answer = messages.iter().rev().find(|message| message.timings.is_some());
    let timings = answer.and_then(|answer| answer.timings);
    let gap = reply.map(|reply| reply.gap).and_then(|first| {
        let told = Duration::from_secs_f32(timings?.reply_gap_ms?.max(0.0) / 1000.0);
        if told < first + FILLER_SIGN {
            return Some(first);
        }
        // What was heard first was a filler; the answer followed.
        let from = spoke + told - FILLER_SIGN / 2;
        call.phone.look(|wire| wire.voice_after(from)).map(|at| at - spoke)
    });
    let understood: Vec<&str> =
        messages.iter().filter(|m| m.author == Author::Customer).map(|message| message.text.as_str()).collect();
    let said_before = match answer {
        Some(answer) => !findings.lock().await.answers.insert(answer.text.clone()),
        None => false,
    };
    Ok(Turn {
        group,
        asked: text.to_owned(),
        understood: understood.join(" / "),
        gap: gap.filter(|_| !cut_off),
        cut_off,
        verdict: answer.and_then(Message::verdict),
        timings,
        said_before,
    })
}

async fn new_messages(
    stage: &Stage,
    conversation: ConversationId,
    seen: &HashSet<MessageId>,
) -> anyhow::Result<Vec<Message>> {
    let view = stage.house.store.conversation(conversation).await?;
    let messages = view.map(|view| view.messages).unwrap_or_default();
    Ok(messages.into_iter().filter(|message| !seen.contains(&message.id)).collect())
}

async fn keep_spacing(phone: &Phone, findings: &Mutex<Findings>) {
    let (between, strange) = phone.look(|wire| (spacing(wire), wire.strange_packets));
    let mut findings = findings.lock().await;
    findings.spacing_ms.extend(between);
    findings.strange_packets += strange;
}

fn show(turn: &Turn) {
    let ms = |part: Option<f32>| part.map_or("-".to_owned(), |ms| format!("{ms:.0}"));
    let timings = turn.timings.unwrap_or_default();
    println!(
        "  {:>5} ms  {:?}{}  end {} stt {} desk {} tts {} told {}{}  {:?} → {:?}",
        turn.gap.map_or("-".to_owned(), |gap| gap.as_millis().to_string()),
        turn.verdict,
        if turn.cut_off { " CUT OFF" } else { "" },
        ms(timings.end_of_turn_ms),
        ms(timings.recognition_ms),
        ms(timings.desk_ms),
        ms(timings.synthesis_ms),
        ms(timings.reply_gap_ms),
        if timings.prepared { " prepared" } else { "" },
        turn.asked,
        turn.understood,
    );
}

fn report(findings: &Findings, took: Duration, load_then: &str) {
    let questions: Vec<&Turn> = findings.turns.iter().filter(|turn| turn.group == "question").collect();
    let sent: Vec<&Turn> =
        questions.iter().filter(|turn| turn.verdict == Some(Verdict::Send) && turn.gap.is_some()).copied().collect();
    let gaps = |turns: &[&Turn]| -> Values {
        turns.iter().filter_map(|turn| turn.gap).map(|gap| gap.as_secs_f64() * 1000.0).collect()
    };
    let part = |part: fn(&TurnTimings) -> Option<f32>| -> Values {
        sent.iter().filter_map(|turn| part(turn.timings.as_ref()?)).map(f64::from).collect()
    };
    println!("\n{} turns in {:.0} s, load at the end {load_then}", findings.turns.len(), took.as_secs_f64());
    gaps(&sent).show("reply gap");
    for (name, before) in [("  answer said first time", false), ("  answer said before", true)] {
        let turns: Vec<&Turn> = sent.iter().filter(|turn| turn.said_before == before).copied().collect();
        gaps(&turns).show(name);
    }
    println!("parts, told by the house from the caller's last voiced frame as it heard it:");
    part(|timings| timings.end_of_turn_ms).show("  end of turn");
    part(|timings| timings.recognition_ms).show("  recognition");
    part(|timings| timings.desk_ms).show("  desk");
    part(|timings| timings.synthesis_ms).show("  words ordered to heard");
    part(|timings| timings.reply_gap_ms).show("  reply gap as told");
    let beside: Values = sent
        .iter()
        .filter_map(|turn| Some(turn.gap?.as_secs_f64() * 1000.0 - f64::from(turn.timings?.reply_gap_ms?)))
        .collect();
    beside.show("  wire beyond told");
    let mean = |part: fn(&TurnTimings) -> Option<f32>| {
        let values: Vec<f32> = sent.iter().filter_map(|turn| part(turn.timings.as_ref()?)).collect();
        values.iter().sum::<f32>() / values.len().max(1) as f32
    };
    println!(
        "means: end of turn {:.0}, recognition {:.0}, desk {:.0}, synthesis {:.0} ms; prepared {} of {}",
        mean(|timings| timings.end_of_turn_ms),
        mean(|timings| timings.recognition_ms),
        mean(|timings| timings.desk_ms),
        mean(|timings| timings.synthesis_ms),
        sent.iter().filter(|turn| turn.timings.is_some_and(|timings| timings.prepared)).count(),
        sent.len()
    );
    let not_sent = questions.iter().filter(|turn| turn.verdict != Some(Verdict::Send)).count();
    let lost = questions.iter().filter(|turn| turn.verdict.is_none() && turn.gap.is_none() && !turn.cut_off).count();
    let cut = questions.iter().filter(|turn| turn.cut_off).count();
    println!("not answered from knowledge: {not_sent} (no reply {lost}), cut off: {cut}");
    for group in ["pause inside", "number", "spelling"] {
        let turns: Vec<&Turn> = findings.turns.iter().filter(|turn| turn.group == group).collect();
        gaps(&turns).show(group);
        println!("{:<26} cut off {} of {}", "", turns.iter().filter(|turn| turn.cut_off).count(), turns.len());
    }
    let spacing: Values = findings.spacing_ms.iter().copied().collect();
    spacing.show("outgoing packet spacing");
    println!("packets of a type not agreed on: {}", findings.strange_packets);
}

/// Turns before a caller hangs up and calls again.
const TURNS_A_CALL: usize = 10;
/// The agent has finished when it has been quiet for so long: longer than its pauses between sentences.
const PAUSE: Duration = Duration::from_millis(700);
const LONGEST_SPEECH: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(8);
/// Voice this much before the answer began is another's: a filler.
const FILLER_SIGN: Duration = Duration::from_millis(250);
/// How often the store is asked for the message that is being heard.
const STORED_TRIES: usize = 50;
