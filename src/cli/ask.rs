//! `switchboard ask`: a question put to the desk, as a caller or a writer would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::adapters::embed::MiniLm;
use crate::adapters::knowledge_folder;
use crate::adapters::models::Models;
use crate::domain::agent::Agent;
use crate::domain::ids::AgentId;
use crate::domain::knowledge::Entry;
use crate::domain::time::EpochMs;
use crate::domain::turn::{ChannelTraits, Reason, Source, Turn, TurnInput, Verdict};
use crate::seams::embed::Embedder;
use crate::support::sensitivity::default_sensitivity;
use crate::support::{Desk, unresolved};

/// Arguments of `ask`.
#[derive(clap::Args)]
pub struct Args {
    /// The question.
    text: String,
    /// A folder of Markdown knowledge; without one, the sample business answers.
    #[arg(long, value_name = "DIR")]
    knowledge: Option<PathBuf>,
    /// Answer as on a call: short and without markup.
    #[arg(long)]
    call: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The folder of models.
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    answer: String,
    sources: &'a [Source],
    confidence: f32,
    verdict: Verdict,
    reason: Reason,
    why: String,
    features: &'a [f32],
    desk_ms: f32,
}

/// Answers one question with the gate of a published agent that is automatic when safe.
pub fn run(args: Args) -> anyhow::Result<()> {
    let sample = knowledge_folder::sample_business(default_sensitivity);
    let entries = match &args.knowledge {
        Some(folder) => read_folder(folder)?,
        None => sample.entries,
    };
    let agent = automatic_agent(sample.business);
    let desk = Desk::new(open_embedder(args.models_dir.as_deref()));
    desk.set_knowledge(agent.id, entries)?;
    let channel = if args.call { ChannelTraits::PHONE } else { ChannelTraits::API };
    let now = EpochMs(jiff::Timestamp::now().as_millisecond());
    let input = TurnInput { text: args.text, history: Vec::new(), offered: None, channel, now };
    let turn = desk.turn(&agent, &input);
    if args.json { print_json(&turn) } else { print_plain(&turn) }
}

fn print_json(turn: &Turn) -> anyhow::Result<()> {
    let decision = &turn.decision;
    let answer = Answer {
        answer: turn.sentences.join(" "),
        sources: &decision.sources,
        confidence: decision.confidence,
        verdict: decision.verdict,
        reason: decision.reason,
        why: unresolved::explain(decision.reason),
        features: &decision.features,
        desk_ms: decision.desk_ms,
    };
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn print_plain(turn: &Turn) -> anyhow::Result<()> {
    let decision = &turn.decision;
    let what = match decision.verdict {
        Verdict::Send => "answer",
        Verdict::Clarify => "ask back",
        Verdict::Hold => "draft for a person",
        Verdict::HandOff => "for a person",
    };
    if !turn.sentences.is_empty() {
        println!("{}\n", turn.sentences.join(" "));
    }
    println!("{what}: {} (confidence {:.2})", unresolved::explain(decision.reason), decision.confidence);
    for source in &decision.sources {
        println!("  {:.2}  {}  [{}]", source.score, source.question, source.source);
    }
    Ok(())
}

/// Reads a folder; files that cannot be used are named on standard error and left out.
pub fn read_folder(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let loaded = knowledge_folder::load(folder, default_sensitivity)?;
    for problem in &loaded.problems {
        eprintln!("left out: {problem}");
    }
    anyhow::ensure!(!loaded.entries.is_empty(), "no knowledge was found in {}", folder.display());
    Ok(loaded.entries)
}

/// The embedding model, or a warning on standard error that words alone decide.
pub fn open_embedder(models_dir: Option<&Path>) -> Option<Arc<dyn Embedder>> {
    match MiniLm::open(&Models::resolve(models_dir)) {
        Ok(model) => Some(Arc::new(model)),
        Err(error) => {
            eprintln!("{error}\nuntil then answers are found by words alone and none is sent without asking back");
            None
        }
    }
}

/// A published agent that is automatic when safe, as replays and questions from the command line are judged.
pub fn automatic_agent(business: &str) -> Agent {
    Agent::automatic(AgentId(Uuid::nil()), business)
}
