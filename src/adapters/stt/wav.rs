//! WAV files of any rate and channel count as the recogniser hears them: 16 kHz mono.

use std::fs::File;
use std::io::{BufReader, Read};
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
    hear(BufReader::new(File::open(path).map_err(WavError::Open)?))
}

/// Reads a file to be played: the same as 16-bit samples.
pub fn read_clip(path: &Path) -> Result<Vec<i16>, WavError> {
    Ok(read_wav(path)?.iter().map(|sample| (sample * f32::from(i16::MAX)) as i16).collect())
}

/// Entry for fuzzers: arbitrary bytes as a file. Must not panic.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(samples) = hear(bytes) {
        assert!(samples.iter().all(|sample| sample.is_finite()));
    }
}

fn hear(file: impl Read) -> Result<Vec<f32>, WavError> {
    let reader = WavReader::new(file).map_err(WavError::Format)?;
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

fn mixed(mut reader: WavReader<impl Read>) -> Result<Vec<f32>, hound::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::media_node::fuzz_repair;

    /// A whole file, of our own making.
    fn whole() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let spec =
            hound::WavSpec { channels: 2, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        (0..400i16).for_each(|sample| writer.write_sample(sample * 80).unwrap());
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    /// M3 for files: cut anywhere, with any byte of the header changed to any value; nothing panics.
    #[test]
    fn no_file_makes_it_panic() {
        let whole = whole();
        assert_eq!(hear(whole.as_slice()).unwrap().len(), 400);
        for len in 0..whole.len().min(120) {
            fuzz(&whole[..len]);
            fuzz_repair(&whole[..len]);
        }
        for at in 0..60 {
            for value in 0..=255 {
                let mut damaged = whole.clone();
                damaged[at] = value;
                fuzz(&damaged);
                fuzz_repair(&damaged);
            }
        }
    }

    /// The recordings of the stored corpus, and each of them cut and overwritten in places.
    #[test]
    fn recorded_files_are_read_whole_and_damaged_ones_do_no_harm() {
        let Some(folder) = std::env::var_os("FIXTURES_DIR") else {
            println!("skipped: FIXTURES_DIR names no folder of recordings");
            return;
        };
        let files = std::fs::read_dir(Path::new(&folder).join("speech")).unwrap().flatten();
        let files: Vec<_> =
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "wav")).collect();
        assert!(files.len() > 5);
        for path in files {
            assert!(!read_wav(&path).unwrap().is_empty(), "{}", path.display());
            let bytes = std::fs::read(&path).unwrap();
            for at in 0..44.min(bytes.len()) {
                let mut damaged = bytes[..bytes.len().min(20_000)].to_vec();
                damaged[at] ^= 0xFF;
                fuzz(&damaged);
                fuzz_repair(&damaged);
            }
        }
    }
}
