//! WAV files of any rate and channel count as the recogniser hears them: 16 kHz mono.

use std::path::Path;

use hound::{SampleFormat, WavReader};
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler};

use super::moonshine::SAMPLE_RATE_HZ;

/// Why a file could not be heard.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// It could not be opened.
    #[error("{0}")]
    Open(std::io::Error),
    /// It is not a WAV file, or one in a form that is not read.
    #[error("not a WAV file that can be read ({0}); PCM of 8 to 32 bits and 32-bit float are")]
    Format(hound::Error),
    /// Its rate is out of range.
    #[error("a rate of {0} Hz is not supported; {RATE_MIN_HZ} to {RATE_MAX_HZ} Hz are")]
    Rate(u32),
    /// It is longer than one run takes.
    #[error("longer than {LENGTH_MAX_S} s; cut it into pieces")]
    TooLong,
    /// The resampler refused.
    #[error("resampling from {0} Hz failed: {1}")]
    Resample(u32, String),
}

/// Reads a file: all channels mixed, resampled to 16 kHz, −1 to 1.
pub fn read_wav(path: &Path) -> Result<Vec<f32>, WavError> {
    let reader = WavReader::open(path).map_err(|error| match error {
        hound::Error::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => WavError::Open(source),
        other => WavError::Format(other),
    })?;
    let spec = reader.spec();
    if !(RATE_MIN_HZ..=RATE_MAX_HZ).contains(&spec.sample_rate) {
        return Err(WavError::Rate(spec.sample_rate));
    }
    if u64::from(reader.duration()) > u64::from(spec.sample_rate) * LENGTH_MAX_S {
        return Err(WavError::TooLong);
    }
    let mono = mixed(reader).map_err(WavError::Format)?;
    resampled(mono, spec.sample_rate)
}

fn mixed(mut reader: WavReader<std::io::BufReader<std::fs::File>>) -> Result<Vec<f32>, hound::Error> {
    let spec = reader.spec();
    let channels = usize::from(spec.channels.max(1));
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full_scale = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|sample| sample.map(|value| value as f32 / full_scale))
                .collect::<Result<_, _>>()?
        }
    };
    let mix = |channel: &[f32]| channel.iter().sum::<f32>() / channels as f32;
    Ok(samples.chunks_exact(channels).map(mix).map(|sample| if sample.is_finite() { sample } else { 0.0 }).collect())
}

/// Mono audio at another rate, at 16 kHz and with the resampler's delay removed.
pub fn resampled(mono: Vec<f32>, rate_hz: u32) -> Result<Vec<f32>, WavError> {
    if rate_hz == SAMPLE_RATE_HZ || mono.is_empty() {
        return Ok(mono);
    }
    let failed = |reason: String| WavError::Resample(rate_hz, reason);
    let mut resampler = Fft::<f32>::new(rate_hz as usize, SAMPLE_RATE_HZ as usize, CHUNK_FRAMES, 1, FixedSync::Input)
        .map_err(|error| failed(error.to_string()))?;
    let frames = mono.len();
    let channels = vec![mono];
    let input = SequentialSliceOfVecs::new(&channels, 1, frames).map_err(|error| failed(error.to_string()))?;
    let output = resampler.process_all(&input, frames, None).map_err(|error| failed(error.to_string()))?;
    Ok(output.take_data())
}

/// Below telephone rate there is no speech to recognise.
const RATE_MIN_HZ: u32 = 4_000;
/// The highest rate of common recorders.
const RATE_MAX_HZ: u32 = 192_000;
/// Two hours: 460 MB of samples in memory.
const LENGTH_MAX_S: u64 = 7_200;
/// Samples resampled at once; large since nobody waits for the first of them.
const CHUNK_FRAMES: usize = 1_024;
