//! How often a caller is cut off, against how long a caller waits: the trade of one knob.
//!
//! ```text
//! export SWITCHBOARD_MODELS_DIR=… FIXTURES_DIR=…
//! cargo test --bench end_of_turn                   # the curve
//! cargo test --bench end_of_turn -- --verbose      # every cut-off at patience 1.0 as well
//! cargo test --bench end_of_turn -- --patience 1.0 # one point of it
//! cargo test --bench end_of_turn -- --dump FILE    # every pause with its words and how it sounds
//! ```
//!
//! Utterances go through 8 kHz µ-law, the listener of a call and the local models, in simulated time: an
//! answer is known a fixed number of frames after it was asked for, whatever the machine's load. Delay is
//! counted from the last frame above −45 dBFS to the end of the turn, at which a prepared reply goes out.
//! The waits were tuned on every other text; the rest is told apart.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on ends")]

mod corpus;
mod dump;

use std::collections::{BTreeMap, HashMap, VecDeque};

use media::{FRAME_MS, Frame, HeardFrame};
use switchboard::adapters::end_of_turn::SmartTurn;
use switchboard::adapters::models::Models;
use switchboard::adapters::stt::moonshine::Moonshine;
use switchboard::adapters::tts::hibari::HibariTts;
use switchboard::seams::stt::{HeardId, Want};
use switchboard::voice::turn_taking::{EndOfTurnSettings, Listener, Listening};

use corpus::Utterance;

/// A recogniser takes about this long for a few seconds with a draft on the machine of the figures: 80 ms.
const RECOGNITION_FRAMES: usize = 4;
/// The judge of melody takes 83 ms there, on another thread.
const MELODY_FRAMES: usize = 5;
const PATIENCE: [f32; 6] = [0.5, 0.75, 1.0, 1.4, 2.0, 3.0];
const TURNS_A_CALL: usize = 6;

fn main() {
    let verbose = std::env::args().any(|argument| argument == "--verbose");
    let patiences = std::env::args().skip_while(|argument| argument != "--patience").nth(1);
    let patiences: Vec<f32> = match patiences {
        Some(list) => list.split(',').map(|patience| patience.parse().expect("a factor")).collect(),
        None => PATIENCE.into(),
    };
    let dumped = std::env::args().skip_while(|argument| argument != "--dump").nth(1);
    let models = Models::resolve(None);
    let tts = HibariTts::load(&models, 1).expect("the synthesiser loads");
    let utterances = corpus::utterances(&tts);
    let mut ear = Ear {
        model: Moonshine::load(&models).expect("the recogniser loads"),
        judge: SmartTurn::load(&models).expect("the judge of melody loads"),
        decoded: HashMap::new(),
        judged: HashMap::new(),
    };
    println!("{} utterances", utterances.len());
    if let Some(file) = dumped {
        return dump::pauses(&mut ear, &utterances, &file);
    }
    for (melody, one_caller) in [(false, false), (true, false), (true, true)] {
        let what = if melody { "words and melody" } else { "words alone" };
        println!("{what}{}", if one_caller { ", calls of six turns" } else { "" });
        println!(
            "patience  texts     cut off: whole, with pauses   delay: questions p50, p95; statements p50; p95 of all"
        );
        for &patience in &patiences {
            curve_point(&mut ear, &utterances, Setting { patience, melody, one_caller }, verbose && patience == 1.0);
        }
    }
}

/// What is tried.
#[derive(Clone, Copy)]
struct Setting {
    patience: f32,
    melody: bool,
    /// Six utterances of a group are one call, whose listener remembers who was cut off.
    one_caller: bool,
}

fn curve_point(ear: &mut Ear, utterances: &[Utterance], setting: Setting, verbose: bool) {
    let patience = setting.patience;
    let mut listener = Listener::new(EndOfTurnSettings { patience });
    let mut groups: BTreeMap<(bool, &str), Group> = BTreeMap::new();
    for (index, utterance) in utterances.iter().enumerate() {
        if !setting.one_caller || index % TURNS_A_CALL == 0 {
            listener = Listener::new(EndOfTurnSettings { patience });
        }
        let outcome = run(ear, &mut listener, index, utterance, setting);
        let group = groups.entry((utterance.tuned_on, utterance.group)).or_default();
        group.utterances += 1;
        group.cut_off += usize::from(outcome.cut_off.is_some());
        if let (Some(text), true) = (&outcome.cut_off, verbose) {
            println!("  cut off after \"{text}\": {}", utterance.text);
        }
        if outcome.delay_ms.is_none() && verbose {
            println!("  never ended: {}", utterance.text);
        }
        group.delays_ms.extend(outcome.delay_ms);
    }
    for tuned_on in [true, false] {
        let of = |names: &[&str]| {
            let mut sum = Group::default();
            for ((_, _), group) in groups.iter().filter(|((on, name), _)| *on == tuned_on && names.contains(name)) {
                sum.utterances += group.utterances;
                sum.cut_off += group.cut_off;
                sum.delays_ms.extend(&group.delays_ms);
            }
            sum
        };
        let (whole, paused) = (of(&WHOLE), of(&PAUSED));
        let mut all = [whole.delays_ms.as_slice(), &paused.delays_ms].concat();
        println!(
            "{:>8}  {:<8}  {:>8} = {:>4.1} %, {:>9} = {:>4.1} %   {:>4}, {:>4} ms; {:>4} ms; {:>4} ms",
            patience,
            if tuned_on { "tuned on" } else { "others" },
            whole.share(),
            whole.percent(),
            paused.share(),
            paused.percent(),
            of(&["question"]).percentile(50),
            of(&["question"]).percentile(95),
            of(&["statement"]).percentile(50),
            percentile(&mut all, 95),
        );
    }
    if patience == 1.0 {
        for ((tuned_on, name), group) in &groups {
            let texts = if *tuned_on { "tuned on" } else { "others" };
            println!("    {texts:<8}  {name:<14} {:>7} cut off, {:>5} ms", group.share(), group.percentile(50));
        }
    }
}

const WHOLE: [&str; 3] = ["question", "statement", "human whole"];
const PAUSED: [&str; 5] = ["pause inside", "number", "spelling", "human pause", "human number"];

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

    fn share(&self) -> String {
        format!("{} of {}", self.cut_off, self.utterances)
    }

    fn percent(&self) -> f64 {
        100.0 * self.cut_off as f64 / self.utterances.max(1) as f64
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

/// The models, which remember what they have heard: the settings share most of it.
struct Ear {
    model: Moonshine,
    judge: SmartTurn,
    decoded: HashMap<Piece, (String, f32)>,
    judged: HashMap<Piece, f32>,
}

/// An utterance by its place, and the frames of it from one to another.
type Piece = (usize, usize, usize);

impl Ear {
    fn decode(&mut self, frames: &[Frame], piece: Piece) -> (String, f32) {
        let model = &mut self.model;
        let decode = || {
            let samples: Vec<f32> = frames[piece.1..piece.2]
                .iter()
                .flat_map(|frame| frame.0)
                .map(|sample| f32::from(sample) / 32_768.0)
                .collect();
            let decoded = model.decode(&samples, &[]).expect("decodes");
            if decoded.confidence < 0.45 { (String::new(), 0.0) } else { (decoded.text, decoded.confidence) }
        };
        self.decoded.entry(piece).or_insert_with(decode).clone()
    }

    fn judge(&mut self, frames: &[Frame], piece: Piece) -> f32 {
        let judge = &mut self.judge;
        let judge = || {
            let samples: Vec<i16> = frames[piece.1..piece.2].iter().flat_map(|frame| frame.0).collect();
            judge.judge(&samples).expect("judges")
        };
        *self.judged.entry(piece).or_insert_with(judge)
    }
}

/// What was asked: when the answer is due, of which utterance, what (nothing for its melody), up to which frame.
type Asked = (usize, HeardId, Option<Want>, usize);

fn run(ear: &mut Ear, listener: &mut Listener, index: usize, utterance: &Utterance, setting: Setting) -> Outcome {
    let mut outcome = Outcome { cut_off: None, delay_ms: None };
    let mut began = (HeardId(0), 0);
    let mut pending: VecDeque<Asked> = VecDeque::new();
    for (at, frame) in utterance.frames.iter().enumerate() {
        let heard = HeardFrame { frame: *frame, concealed: false, spoken: Frame::SILENCE, speaking: false };
        listener.frame(&heard);
        while let Some(place) = pending.iter().position(|(due, ..)| *due <= at) {
            let Some((_, heard, want, until)) = pending.remove(place) else { break };
            if heard != began.0 {
                continue;
            }
            let (piece, audio_ms) = ((index, began.1, until), (until - began.1) as u32 * FRAME_MS);
            if let Some(want) = want {
                let (text, confidence) = ear.decode(&utterance.frames, piece);
                listener.transcript(heard, want, &text, audio_ms, Some(confidence), false);
            } else {
                listener.melody(heard, audio_ms, ear.judge(&utterance.frames, piece));
            }
        }
        while let Some(effect) = listener.poll() {
            match effect {
                Listening::Begin { heard, lead_frames, .. } => began = (heard, at.saturating_sub(lead_frames)),
                Listening::AskTranscript(Want::Partial) => {}
                Listening::AskTranscript(want) => {
                    pending.push_back((at + RECOGNITION_FRAMES, began.0, Some(want), at + 1));
                }
                Listening::AskMelody(_) if setting.melody => {
                    pending.push_back((at + MELODY_FRAMES, began.0, None, at + 1));
                }
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
