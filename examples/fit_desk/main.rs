//! Fits the two small models of the desk and writes their numbers: `src/support/confidence.json` (eight features to a
//! probability) and `src/support/risk_head.json` (a sentence vector to a sensitive matter).
//!
//! `FIXTURES_DIR=… SWITCHBOARD_MODELS_DIR=… cargo run --example fit_desk [-- --dry-run] [-- --confidence-only]`
//!
//! Beside the weights it prints how those fitted on all other kinds of knowledge do on each kind that they never saw.
//!
//! Only the share of the fixtures that may be fitted on is read (see `switchboard eval --share`), with the utterances
//! in `own.tsv` beside this file, which are our own. Deterministic: the same fixtures give the same numbers.

mod knowledge_sets;
mod regression;
mod risk_rows;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use switchboard::adapters::embed::MiniLm;
use switchboard::adapters::models::Models;
use switchboard::support::Desk;
use switchboard::support::confidence::{FEATURES, Weights, sigmoid};
use switchboard::support::risk_head::{Class, RiskHead};

use regression::{Row, softmax_regression};

/// Probability of any matter together from which a text is held: on the fitted kinds of text it holds 98 % of the
/// risky with 4 % of the harmless.
const RISK_THRESHOLD: f32 = 0.25;

/// Which way each feature may speak: nearness and agreement for the entry, another's words against it, length either way.
const SIGNS: [i8; FEATURES] = [1, 1, 1, 1, -1, 0, 1, 1];

fn main() -> Result<()> {
    let fixtures = PathBuf::from(std::env::var_os("FIXTURES_DIR").context("set FIXTURES_DIR")?).join("answers");
    let model = MiniLm::open(&Models::resolve(None))?;
    let desk = Desk::new(Some(Arc::new(model)));
    let asked_for = |name: &str| std::env::args().any(|argument| argument == name);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/support");
    let write = |file: &str, text: String| match asked_for("--dry-run") {
        true => Ok(()),
        false => std::fs::write(folder.join(file), text + "\n"),
    };

    let kinds = knowledge_sets::kinds(&desk, &fixtures)?;
    leave_one_kind_out(&kinds);
    let confidence = fit_confidence(kinds.iter().flat_map(|(_, rows)| rows));
    println!("confidence: {:.3} + {:.3?}", confidence.bias, confidence.weights);
    write("confidence.json", serde_json::to_string_pretty(&confidence)?)?;
    if !asked_for("--confidence-only") {
        write("risk_head.json", serde_json::to_string(&fit_head(&desk, &fixtures)?)?)?;
    }
    Ok(())
}

/// Prints what weights that never saw a kind of knowledge would send of it, before the gate's other questions.
fn leave_one_kind_out(kinds: &[(&str, Vec<Row>)]) {
    for (kind, unseen) in kinds {
        let seen = kinds.iter().filter(|(name, _)| name != kind);
        let weights = fit_confidence(seen.flat_map(|(_, rows)| rows));
        let best_right = unseen.iter().filter(|row| row.y == 1).count();
        print!("{kind}, unseen: {} questions, best entry right for {best_right};", unseen.len());
        for threshold in [0.9, 0.8] {
            let sent = unseen.iter().filter(|row| probability(&weights, &row.x) >= threshold);
            let wrong = sent.clone().filter(|row| row.y == 0).count();
            print!(" at {threshold} sent {}, wrong {wrong};", sent.count());
        }
        println!();
    }
}

fn probability(weights: &Weights, x: &[f32]) -> f32 {
    sigmoid(weights.bias + x.iter().zip(weights.weights).map(|(x, weight)| x * weight).sum::<f32>())
}

fn fit_confidence<'a>(rows: impl Iterator<Item = &'a Row>) -> Weights {
    let rows: Vec<Row> = rows.cloned().collect();
    let (mean, deviation) = regression::standardise(&rows);
    let scaled: Vec<Row> = rows
        .iter()
        .map(|row| Row {
            x: row.x.iter().zip(&mean).zip(&deviation).map(|((x, m), d)| (x - m) / d).collect(),
            y: row.y,
            weight: row.weight,
        })
        .collect();
    let model = softmax_regression(&scaled, 2, 1.0, 2_000, &SIGNS);
    let mut weights = [0.0; FEATURES];
    let mut bias = model[1].bias - model[0].bias;
    for (at, weight) in weights.iter_mut().enumerate() {
        *weight = (model[1].weights[at] - model[0].weights[at]) / deviation[at];
        bias -= *weight * mean[at];
    }
    Weights { bias, weights }
}

fn fit_head(desk: &Desk, fixtures: &std::path::Path) -> Result<RiskHead> {
    let (rows, topics) = risk_rows::rows(desk, fixtures)?;
    println!("risk head: {} utterances, {} classes", rows.len(), topics.len());
    let model = softmax_regression(&rows, topics.len(), 10.0, 600, &[]);
    let round = |x: f32| (x * 1000.0).round() / 1000.0;
    let class = |(fitted, topic): (regression::Fitted, _)| Class {
        topic,
        bias: round(fitted.bias),
        weights: fitted.weights.into_iter().map(round).collect(),
    };
    Ok(RiskHead { threshold: RISK_THRESHOLD, classes: model.into_iter().zip(topics).map(class).collect() })
}
