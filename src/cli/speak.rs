//! `switchboard speak`: a text as a WAV file.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::adapters::models::Models;
use crate::adapters::tts::hibari::{HibariTts, VOICES};
use crate::seams::tts::{Tts, TtsRequest};

/// Arguments of `speak`.
#[derive(clap::Args)]
pub struct Args {
    /// What to say.
    text: String,
    /// The WAV file to write: 16 kHz, mono, 16 bits.
    #[arg(long)]
    out: PathBuf,
    /// Which voice: agent or caller.
    #[arg(long)]
    voice: Option<String>,
    /// How fast, 0.5 to 2; 1 is the voice's own pace.
    #[arg(long, default_value_t = 1.0)]
    speed: f32,
    /// The folder of models.
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// Speaks, writes, and prints how long it is and how long it took.
pub fn run(args: Args) -> anyhow::Result<()> {
    if let Some(name) = args.voice.as_deref().filter(|name| VOICES.iter().all(|voice| voice.name != *name)) {
        let known: Vec<&str> = VOICES.iter().map(|voice| voice.name).collect();
        bail!("there is no voice {name}; there are {}", known.join(", "));
    }
    let tts = HibariTts::load(&Models::resolve(args.models_dir.as_deref()), 1)?;
    let started = Instant::now();
    let mut stream = tts.speak(TtsRequest { text: args.text, speed: args.speed, voice: args.voice });
    let (mut first, mut samples) = (None, Vec::<i16>::new());
    while let Some(chunk) = stream.blocking_recv() {
        first.get_or_insert_with(|| started.elapsed());
        samples.extend_from_slice(&chunk?.clip);
    }
    let took = started.elapsed();
    write_wav(&args.out, &samples).with_context(|| format!("cannot write {}", args.out.display()))?;
    let seconds = samples.len() as f64 / f64::from(media::ENGINE_RATE_HZ);
    let first = first.unwrap_or_default();
    println!(
        "{}: {seconds:.2} s of speech in {:.0} ms, the first of it after {:.0} ms",
        args.out.display(),
        took.as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3,
    );
    Ok(())
}

fn write_wav(path: &std::path::Path, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: media::ENGINE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for &sample in samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()
}
