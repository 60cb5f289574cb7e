//! `switchboard transcribe`: what is said in WAV files, with the recogniser that calls use.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::adapters::models::Models;
use crate::adapters::stt::moonshine::{Moonshine, SAMPLE_RATE_HZ};
use crate::adapters::stt::transcribe_whole;
use crate::adapters::stt::wav::read_wav;

/// Arguments of `transcribe`.
#[derive(clap::Args)]
pub struct Args {
    /// WAV files: any rate, any number of channels (they are mixed).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON array: file, text, seconds of audio, milliseconds taken (or file and error).
    #[arg(long)]
    json: bool,
    /// The folder of models.
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// One file's line of the JSON answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Heard { file: &'a Path, text: String, seconds: f64, took_ms: f64 },
    Failed { file: &'a Path, error: String },
}

/// Transcribes each file; a file that cannot be read is reported and the others go on.
pub fn run(args: Args) -> anyhow::Result<()> {
    let models = Models::resolve(args.models_dir.as_deref());
    let mut recogniser = Moonshine::load(&models)
        .with_context(|| format!("the recogniser could not be started from {}", models.dir().display()))?;
    let mut lines = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let line = match transcribe(&mut recogniser, file) {
            Ok(line) => line,
            Err(error) => Line::Failed { file, error: format!("{error:#}") },
        };
        match &line {
            Line::Failed { file, error } => eprintln!("{}: {error}", file.display()),
            Line::Heard { text, .. } if !args.json && args.files.len() == 1 => println!("{text}"),
            Line::Heard { file, text, .. } if !args.json => println!("{}: {text}", file.display()),
            Line::Heard { .. } => {}
        }
        lines.push(line);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    }
    let failed = lines.iter().filter(|line| matches!(line, Line::Failed { .. })).count();
    if failed > 0 {
        bail!("{failed} of {} files could not be transcribed", lines.len());
    }
    Ok(())
}

fn transcribe<'a>(recogniser: &mut Moonshine, file: &'a Path) -> anyhow::Result<Line<'a>> {
    let samples = read_wav(file)?;
    let begun = Instant::now();
    let text = transcribe_whole(recogniser, &samples)?;
    let took_ms = begun.elapsed().as_secs_f64() * 1000.0;
    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE_HZ);
    Ok(Line::Heard { file, text, seconds: rounded(seconds, 1000.0), took_ms: rounded(took_ms, 10.0) })
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
