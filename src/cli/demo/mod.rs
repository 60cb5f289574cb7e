//! `switchboard demo`: a scripted call, without a phone.
//!
//! A synthesised caller with a voice of its own reaches a sample business over real SIP and RTP on loopback; the
//! conversation is printed as it happens, with the gap between the caller's last sound and the answer's first.

pub mod caller;
pub mod phone;
pub mod stage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::broadcast;

use crate::adapters::models::Models;
use crate::seams::bus::{LiveEvent, LiveKind};

use stage::{Stage, sample_config};

/// Arguments of `demo`.
#[derive(clap::Args)]
pub struct Args {
    /// Where the recording is left.
    #[arg(long, value_name = "FILE", default_value = "switchboard-demo.wav")]
    out: PathBuf,
    /// What the caller says, instead of the script; may be given several times.
    #[arg(long = "say", value_name = "TEXT")]
    lines: Vec<String>,
    /// The folder of models.
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// Holds the conversation.
pub fn run(args: Args) -> anyhow::Result<()> {
    super::runtime()?.block_on(converse(args))
}

async fn converse(args: Args) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("switchboard-demo-{}", std::process::id()));
    println!("Loading the models and a sample business …");
    let stage = Stage::open(sample_config(&folder)?, Models::resolve(args.models_dir.as_deref())).await?;
    let lines = if args.lines.is_empty() { SCRIPT.map(str::to_owned).to_vec() } else { args.lines };
    let mut clips = Vec::new();
    for line in &lines {
        clips.push(stage.caller_says(line).await?);
    }
    let (_, live) = stage.house.bus.subscribe(None);
    let printer = tokio::spawn(print(live));
    println!("Calling sip:support on loopback\n");
    let mut call = stage.call().await?;
    call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
    let mut gaps_ms = Vec::new();
    for clip in &clips {
        let reply = call.ask(clip, PATIENCE).await;
        match reply {
            Some(reply) => {
                println!("           … {} ms", reply.gap.as_millis());
                gaps_ms.push(reply.gap.as_millis());
            }
            None => println!("           … no reply within {} s", PATIENCE.as_secs()),
        }
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        if call.is_over() {
            break;
        }
    }
    call.hang_up().await;
    let recordings = stage.house.config.recordings_dir();
    let folder = stage.close().await;
    printer.abort();
    let recording = std::fs::read_dir(&recordings)?.flatten().next().context("the call left no recording")?;
    std::fs::copy(recording.path(), &args.out).with_context(|| format!("{} cannot be written", args.out.display()))?;
    std::fs::remove_dir_all(folder)?;
    gaps_ms.sort_unstable();
    if let Some(median) = gaps_ms.get(gaps_ms.len() / 2) {
        println!("\nReply gap on the wire: {median} ms in the middle of {} turns.", gaps_ms.len());
    }
    println!("Recording: {} (left the caller, right the agent).", args.out.display());
    Ok(())
}

/// Prints messages as they are stored and heard.
async fn print(mut live: broadcast::Receiver<LiveEvent>) {
    while let Ok(event) = live.recv().await {
        let LiveKind::Message { message } = event.kind else { continue };
        let field = |name: &str| message.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        match field("author").as_str() {
            "customer" => println!("  Caller   {}", field("text")),
            // An agent's message is printed once it is known what was heard of it.
            "agent" if message.get("heard_text").is_some_and(|heard| heard.is_string()) => {
                println!("  Agent    {}", field("heard_text"));
            }
            "draft" => println!("  (draft)  {}", field("text")),
            _ => {}
        }
    }
}

/// What the caller says.
const SCRIPT: [&str; 6] = [
    "When are you open on Saturday?",
    "How long does delivery take?",
    "Sorry, what was that?",
    "I want my money back for a broken lamp.",
    "My name is Anna Miller.",
    "Goodbye.",
];
/// The agent has finished when it has been quiet for so long.
const PAUSE: Duration = Duration::from_millis(900);
/// No speech of the agent is longer.
const LONGEST_SPEECH: Duration = Duration::from_secs(30);
/// The caller waits for an answer for so long.
const PATIENCE: Duration = Duration::from_secs(8);
