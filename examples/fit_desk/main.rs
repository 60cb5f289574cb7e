//! Fits the two small models of the desk and writes their numbers: `src/support/confidence.json` (eight features to a
//! probability) and `src/support/risk_head.json` (a sentence vector to a sensitive matter).
//!
//! `FIXTURES_DIR=… SWITCHBOARD_MODELS_DIR=… cargo run --example fit_desk [-- --dry-run]`
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
use switchboard::support::confidence::{FEATURES, Weights};
use switchboard::support::risk_head::{Class, RiskHead};

use regression::{Row, softmax_regression};

/// Probability of any matter together from which a text is held: on the fitted kinds of text it holds 98 % of the
/// risky with 4 % of the harmless.
const RISK_THRESHOLD: f32 = 0.25;

/// Which way each feature may speak: nearness and agreement for the entry, unknown words against it, length either way.
const SIGNS: [i8; FEATURES] = [1, 1, 1, 1, -1, 0, 1, 1];

fn main() -> Result<()> {
    let fixtures = PathBuf::from(std::env::var_os("FIXTURES_DIR").context("set FIXTURES_DIR")?).join("answers");
    let model = MiniLm::open(&Models::resolve(None))?;
    let desk = Desk::new(Some(Arc::new(model)));
    let dry = std::env::args().any(|argument| argument == "--dry-run");

    let confidence = fit_confidence(&desk, &fixtures)?;
    let head = fit_head(&desk, &fixtures)?;
    if dry {
        return Ok(());
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/support");
    std::fs::write(folder.join("confidence.json"), serde_json::to_string_pretty(&confidence)? + "\n")?;
    std::fs::write(folder.join("risk_head.json"), serde_json::to_string(&head)? + "\n")?;
    Ok(())
}

fn fit_confidence(desk: &Desk, fixtures: &std::path::Path) -> Result<Weights> {
    let rows = knowledge_sets::rows(desk, fixtures)?;
    println!("confidence: {} questions", rows.len());
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
    println!("confidence: {bias:.3} + {weights:.3?}");
    Ok(Weights { bias, weights })
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
