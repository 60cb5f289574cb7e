//! How long a turn takes: `SWITCHBOARD_MODELS_DIR=… cargo bench --bench desk`. One thread; the aim is under 30 ms at p95
//! without a language model. Each question is new to the desk, so that its vector is never remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use divan::Bencher;
use switchboard::adapters::embed::MiniLm;
use switchboard::adapters::knowledge_folder::sample_business;
use switchboard::adapters::models::Models;
use switchboard::cli::ask::automatic_agent;
use switchboard::domain::knowledge::Entry;
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{ChannelTraits, TurnInput};
use switchboard::seams::embed::{EmbedError, Embedder};
use switchboard::support::Desk;
use switchboard::support::sensitivity::default_sensitivity;

fn main() {
    divan::main();
}

fn input(text: String) -> TurnInput {
    TurnInput { text, history: Vec::new(), offered: None, channel: ChannelTraits::PHONE, now: EpochMs(0) }
}

/// The whole turn with the model, on the sample business.
#[divan::bench]
fn a_turn_on_the_sample_business(bencher: Bencher) {
    let Ok(model) = MiniLm::open(&Models::resolve(None)) else {
        return eprintln!("skipped: no models; set SWITCHBOARD_MODELS_DIR");
    };
    let desk = Desk::new(Some(Arc::new(model)));
    let agent = automatic_agent("the shop");
    desk.set_knowledge(agent.id, sample_business(default_sensitivity).entries).expect("the sample embeds");
    let number = AtomicUsize::new(0);
    bencher
        .with_inputs(|| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            input(format!("could you tell me how long it takes until lamp {number} gets delivered to my place"))
        })
        .bench_local_values(|input| desk.turn(&agent, &input));
}

/// Everything but the model, on a large knowledge: 2,000 entries with five questions each.
#[divan::bench]
fn a_turn_without_the_model_on_ten_thousand_questions(bencher: Bencher) {
    let desk = Desk::new(Some(Arc::new(Spread)));
    let agent = automatic_agent("the shop");
    let sample = sample_business(default_sensitivity).entries;
    let entries = (0..2_000).map(|number| {
        let model = &sample[number % sample.len()];
        Entry {
            id: number.to_string(),
            question: format!("{} number {number}", model.question),
            alternatives: (0..4).map(|variant| format!("{} {number} {variant}", model.question)).collect(),
            ..model.clone()
        }
    });
    desk.set_knowledge(agent.id, entries.collect()).expect("the stand-in embeds");
    let number = AtomicUsize::new(0);
    bencher
        .with_inputs(|| {
            input(format!("how long does delivery take for number {}", number.fetch_add(1, Ordering::Relaxed)))
        })
        .bench_local_values(|input| desk.turn(&agent, &input));
}

/// Vectors of the right size without a model.
struct Spread;

impl Embedder for Spread {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let value =
            |text: &str, at: usize| f32::from(text.as_bytes().get(at % text.len().max(1)).copied().unwrap_or(1));
        Ok(texts.iter().map(|text| (0..384).map(|at| value(text, at) / 2_000.0).collect()).collect())
    }
}
