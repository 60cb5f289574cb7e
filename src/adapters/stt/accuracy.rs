//! How well and how fast the model recognises recorded human speech; prints its findings.

use std::path::PathBuf;
use std::time::Instant;

use super::moonshine::Moonshine;
use super::wav::read_wav;
use super::word_errors::{telephone, word_errors, words};
use crate::adapters::models::{MODELS_DIR_ENV, Models};

/// The model, where the environment names a models folder.
pub(super) fn model() -> Option<Moonshine> {
    if std::env::var_os(MODELS_DIR_ENV).is_none() {
        eprintln!("skipped: {MODELS_DIR_ENV} names no models folder");
        return None;
    }
    Some(Moonshine::load(&Models::resolve(None)).expect("the models folder is whole"))
}

/// Recorded utterances with what is said in them, where the environment names the fixtures.
pub(super) fn utterances() -> Vec<(String, Vec<f32>, String)> {
    let Some(fixtures) = std::env::var_os("FIXTURES_DIR") else {
        eprintln!("skipped: FIXTURES_DIR names no fixtures");
        return Vec::new();
    };
    let folder = PathBuf::from(fixtures).join("speech");
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).expect("a manifest");
    let line = |line: &str| {
        let mut columns = line.split('\t');
        let (file, text) = (columns.next()?.to_string(), columns.next()?.to_string());
        let samples = read_wav(&folder.join(&file)).expect("a WAV file");
        Some((file, samples, text))
    };
    manifest.lines().skip(1).filter_map(line).collect()
}

/// The recogniser's share of R45 and the word error rates that the local stack is held to.
#[test]
fn recorded_speech_is_recognised_wide_and_through_a_telephone() {
    let Some(mut model) = model() else { return };
    let utterances = utterances();
    for (band, limit_percent) in [("wide", 15.0), ("telephone", 20.0)] {
        let (mut errors, mut said, mut audio_s, mut took_s) = (0, 0, 0.0, 0.0);
        for (file, samples, text) in &utterances {
            let samples = if band == "wide" { samples.clone() } else { telephone(samples) };
            let begun = Instant::now();
            let decoded = model.decode(&samples, &[]).expect("decodes");
            took_s += begun.elapsed().as_secs_f64();
            audio_s += samples.len() as f64 / 16_000.0;
            let reference = words(text);
            let wrong = word_errors(&reference, &words(&decoded.text));
            errors += wrong;
            said += reference.len();
            println!("{band} {file}: {wrong} wrong, confidence {:.2}: {}", decoded.confidence, decoded.text);
        }
        if said > 0 {
            let percent = 100.0 * errors as f64 / said as f64;
            println!("{band}: WER {percent:.1} % ({errors}/{said}), real-time factor {:.3}", took_s / audio_s);
            assert!(percent <= limit_percent, "{band}: {percent:.1} %");
        }
    }
}

/// Growing audio is decoded over and over; what is already known costs one step.
#[test]
fn drafts_save_steps_and_keep_the_words() {
    let Some(mut model) = model() else { return };
    let (mut errors, mut errors_drafted, mut time, mut time_drafted) = (0, 0, 0.0, 0.0);
    for (file, samples, text) in utterances() {
        let samples = telephone(&samples);
        for part in [0.5, 0.8, 1.0] {
            let begin = &samples[..(samples.len() as f64 * part) as usize];
            let earlier = model.decode(begin, &[]).expect("decodes");
            let mut timed = |draft: &[u32]| {
                let begun = Instant::now();
                let decoded = model.decode(&samples, draft).expect("decodes");
                (word_errors(&words(&text), &words(&decoded.text)), begun.elapsed().as_secs_f64() * 1000.0)
            };
            let ((plain, plain_ms), (drafted, drafted_ms)) = (timed(&[]), timed(&earlier.tokens));
            println!(
                "{file} after {part}: {plain_ms:.0} ms and {plain} wrong, with a draft {drafted_ms:.0} ms, {drafted}"
            );
            errors += plain;
            errors_drafted += drafted;
            time += plain_ms;
            time_drafted += drafted_ms;
        }
    }
    println!("{errors} wrong in {time:.0} ms; with drafts {errors_drafted} in {time_drafted:.0} ms");
    assert!(errors_drafted <= errors + 3, "one word a round");
}
