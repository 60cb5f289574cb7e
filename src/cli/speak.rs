//! `switchboard speak`: a text as a WAV file.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use crate::adapters::tts::hibari::{HibariTts, VOICES};
use crate::seams::tts::{Tts, TtsRequest};

/// Speaks a text with the local voice into a WAV file.
#[derive(Args)]
pub struct Speak {
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
    #[arg(long, env = "SWITCHBOARD_MODELS_DIR")]
    models_dir: PathBuf,
}

impl Speak {
    /// Speaks, writes, and prints how long it is and how long it took.
    pub fn run(self) -> anyhow::Result<()> {
        if let Some(name) = self.voice.as_deref().filter(|name| VOICES.iter().all(|voice| voice.name != *name)) {
            let known: Vec<&str> = VOICES.iter().map(|voice| voice.name).collect();
            bail!("there is no voice {name}; there are {}", known.join(", "));
        }
        let tts = HibariTts::load(&self.models_dir, 1)?;
        let started = Instant::now();
        let mut stream = tts.speak(TtsRequest { text: self.text, speed: self.speed, voice: self.voice });
        let (mut first, mut samples) = (None, Vec::<i16>::new());
        while let Some(chunk) = stream.blocking_recv() {
            first.get_or_insert_with(|| started.elapsed());
            samples.extend_from_slice(&chunk?.clip);
        }
        let took = started.elapsed();
        write_wav(&self.out, &samples).with_context(|| format!("cannot write {}", self.out.display()))?;
        let seconds = samples.len() as f64 / f64::from(media::ENGINE_RATE_HZ);
        let first = first.unwrap_or_default();
        println!(
            "{}: {seconds:.2} s of speech in {:.0} ms, the first of it after {:.0} ms",
            self.out.display(),
            took.as_secs_f64() * 1e3,
            first.as_secs_f64() * 1e3,
        );
        Ok(())
    }
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
