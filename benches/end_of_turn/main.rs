//! How often a caller is cut off, against how long a caller waits: the trade of one knob.
//!
//! ```text
//! export SWITCHBOARD_MODELS_DIR=… FIXTURES_DIR=…
//! cargo test --bench end_of_turn               # the curve
//! cargo test --bench end_of_turn -- --verbose  # every cut-off as well
//! ```
//!
//! Utterances go through 8 kHz µ-law, the listener of a call and the local recogniser, in simulated time: a
//! transcript is known a fixed number of frames after it was asked for, whatever the machine's load. Delay
//! is counted from the last frame above −45 dBFS to the end of the turn, at which a prepared reply goes out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on ends")]

mod corpus;

use std::collections::{BTreeMap, HashMap, VecDeque};

use media::{FRAME_MS, Frame, HeardFrame};
use switchboard::adapters::models::Models;
use switchboard::adapters::stt::moonshine::Moonshine;
use switchboard::adapters::tts::hibari::HibariTts;
use switchboard::seams::stt::{HeardId, Want};
use switchboard::voice::turn_taking::{EndOfTurnSettings, Listener, Listening};

use corpus::Utterance;

/// A recogniser takes about this long for a few seconds with a draft on the machine of the figures: 80 ms.
const RECOGNITION_FRAMES: usize = 4;
const PATIENCE: [f32; 5] = [0.5, 0.75, 1.0, 1.4, 2.0];

fn main() {
    let verbose = std::env::args().any(|argument| argument == "--verbose");
    let models = Models::resolve(None);
    let tts = HibariTts::load(&models, 1).expect("the synthesiser loads");
    let utterances = corpus::utterances(&tts);
    let mut ear = Ear { model: Moonshine::load(&models).expect("the recogniser loads"), known: HashMap::new() };
    println!("{} utterances", utterances.len());
    println!("patience  cut off        median delay of finished questions / statements / all, p95 of all");
    for patience in PATIENCE {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for (index, utterance) in utterances.iter().enumerate() {
            let outcome = run(&mut ear, index, utterance, patience);
            let group = groups.entry(utterance.group).or_default();
            group.utterances += 1;
            if let Some(text) = outcome.cut_off {
                group.cut_off += 1;
                if verbose {
                    println!("  {patience}: cut off after \"{text}\": {}", utterance.text);
                }
            }
            group.delays_ms.extend(outcome.delay_ms);
            if outcome.delay_ms.is_none() && verbose {
                println!("  {patience}: never ended: {}", utterance.text);
            }
        }
        let total: usize = groups.values().map(|group| group.utterances).sum();
        let cut: usize = groups.values().map(|group| group.cut_off).sum();
        let mut all: Vec<u32> = groups.values().flat_map(|group| group.delays_ms.iter().copied()).collect();
        println!(
            "{patience:>8}  {cut:>3} = {:>4.1} %  {:>5} ms / {} ms / {} ms, {} ms",
            100.0 * cut as f64 / total as f64,
            groups["question"].percentile(50),
            groups["statement"].percentile(50),
            percentile(&mut all, 50),
            percentile(&mut all, 95),
        );
        if patience == 1.0 {
            for (name, group) in &groups {
                let (count, cut) = (group.utterances, group.cut_off);
                println!("          {name:<14} {cut:>3} of {count:>3} cut off, {:>5} ms", group.percentile(50));
            }
        }
    }
}

#[derive(Default)]
struct Group {
    utterances: usize,
    cut_off: usize,
    delays_ms: Vec<u32>,
}

impl Group {
    fn percentile(&self, percent: usize) -> u32 {
        percentile(&mut self.delays_ms.clone(), percent)
    }
}

fn percentile(values: &mut [u32], percent: usize) -> u32 {
    values.sort_unstable();
    values.get(values.len() * percent / 100).or(values.last()).copied().unwrap_or_default()
}

struct Outcome {
    /// The words at which the caller was cut off first.
    cut_off: Option<String>,
    /// From the last sound to the end of the turn.
    delay_ms: Option<u32>,
}

/// The recogniser, which remembers what it has decoded: the settings share most of it.
struct Ear {
    model: Moonshine,
    known: HashMap<(usize, usize, usize), (String, f32)>,
}

impl Ear {
    fn decode(&mut self, index: usize, frames: &[Frame], from: usize, until: usize) -> (String, f32) {
        let model = &mut self.model;
        let decode = || {
            let samples: Vec<f32> = frames[from..until]
                .iter()
                .flat_map(|frame| frame.0)
                .map(|sample| f32::from(sample) / 32_768.0)
                .collect();
            let decoded = model.decode(&samples, &[]).expect("decodes");
            if decoded.confidence < 0.45 { (String::new(), 0.0) } else { (decoded.text, decoded.confidence) }
        };
        self.known.entry((index, from, until)).or_insert_with(decode).clone()
    }
}

fn run(ear: &mut Ear, index: usize, utterance: &Utterance, patience: f32) -> Outcome {
    let mut listener = Listener::new(EndOfTurnSettings { patience });
    let mut outcome = Outcome { cut_off: None, delay_ms: None };
    let mut began = (HeardId(0), 0);
    let mut pending: VecDeque<(usize, HeardId, Want, usize)> = VecDeque::new();
    for (at, frame) in utterance.frames.iter().enumerate() {
        let heard = HeardFrame { frame: *frame, concealed: false, spoken: Frame::SILENCE, speaking: false };
        listener.frame(&heard);
        while pending.front().is_some_and(|(due, ..)| *due <= at) {
            let Some((_, heard, want, until)) = pending.pop_front() else { break };
            if heard == began.0 {
                let (text, confidence) = ear.decode(index, &utterance.frames, began.1, until);
                let audio_ms = (until - began.1) as u32 * FRAME_MS;
                listener.transcript(heard, want, &text, audio_ms, Some(confidence), false);
            }
        }
        while let Some(effect) = listener.poll() {
            match effect {
                Listening::Begin { heard, lead_frames, .. } => began = (heard, at.saturating_sub(lead_frames)),
                Listening::AskTranscript(Want::Partial) => {}
                Listening::AskTranscript(want) => pending.push_back((at + RECOGNITION_FRAMES, began.0, want, at + 1)),
                Listening::TurnEnded { text, .. } if at < utterance.end => {
                    outcome.cut_off.get_or_insert(text);
                }
                Listening::TurnEnded { .. } => {
                    outcome.delay_ms.get_or_insert((at + 1 - utterance.end) as u32 * FRAME_MS);
                }
                _ => {} // Holds, prepared replies and ends of utterances change no figure.
            }
        }
    }
    outcome
}
