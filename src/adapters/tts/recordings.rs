//! Sentences that somebody has recorded, played wherever the agent would speak them (R59): in another voice, or in
//! another language for callers whom the agent does not understand.
//!
//! `hello.txt` holds the sentence as the agent says it, `hello.wav` the recording.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use media::{Clip, ENGINE_RATE_HZ};

use crate::adapters::stt::wav::{WavError, read_clip};

/// Recordings in a folder at most; the agent has some sixty sentences of its own.
const RECORDINGS_MAX: usize = 500;
/// The longest: a minute, after which a caller wonders whether anybody is there.
const SECONDS_MAX: usize = 60;
/// A sentence takes no more than this in its file.
const TEXT_BYTES_MAX: u64 = 4_000;

/// Recordings by the sentence that they stand for.
pub type Recordings = HashMap<String, Clip>;

/// Why a folder of recordings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingsError {
    /// The folder or a file in it cannot be read.
    #[error("{0} cannot be read ({1}); make it readable, or take it out of speech.recordings")]
    Unreadable(String, std::io::Error),
    /// There is a recording, and nothing that says of what.
    #[error("{0} has no text beside it; write the sentence that it stands for into {1}")]
    NoText(String, String),
    /// It is no WAV file.
    #[error("{0} cannot be played ({1}); save it as WAV")]
    NoSound(String, WavError),
    /// It takes too long, or there are too many.
    #[error("{0}")]
    TooMuch(String),
    /// Two recordings of one sentence.
    #[error("{0} holds a sentence that was recorded already; keep one of the two")]
    Twice(String),
}

/// Reads a folder.
pub fn load(folder: &Path) -> Result<Recordings, RecordingsError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |error| RecordingsError::Unreadable(path, error)
    };
    let mut files: Vec<_> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>())
        .map_err(unreadable(folder))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav")));
    files.sort();
    if files.len() > RECORDINGS_MAX {
        return Err(RecordingsError::TooMuch(format!(
            "{} holds {} recordings; {RECORDINGS_MAX} are read",
            folder.display(),
            files.len()
        )));
    }
    let mut recordings = Recordings::new();
    for file in files {
        let (name, text) = (file.display().to_string(), file.with_extension("txt"));
        let is_short = fs::metadata(&text).is_ok_and(|found| found.len() <= TEXT_BYTES_MAX);
        if !is_short {
            return Err(RecordingsError::NoText(name, text.display().to_string()));
        }
        let sentence = fs::read_to_string(&text).map_err(unreadable(&text))?.trim().to_owned();
        let samples = read_clip(&file).map_err(|error| RecordingsError::NoSound(name.clone(), error))?;
        if samples.len() > SECONDS_MAX * ENGINE_RATE_HZ as usize {
            return Err(RecordingsError::TooMuch(format!("{name} is longer than {SECONDS_MAX} s; shorten it")));
        }
        if recordings.insert(sentence, Arc::from(samples)).is_some() {
            return Err(RecordingsError::Twice(text.display().to_string()));
        }
    }
    Ok(recordings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(folder: &Path, name: &str, samples: usize) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(folder.join(name), spec).expect("a file");
        (0..samples).for_each(|_| wav.write_sample(1_000i16).expect("a sample"));
        wav.finalize().expect("a file");
    }

    #[test]
    fn a_recording_stands_for_the_sentence_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        record(folder.path(), "sorry.wav", 800);
        let missing = load(folder.path()).expect_err("nothing says what it is").to_string();
        assert!(missing.contains("sorry.wav") && missing.contains("sorry.txt"), "{missing}");
        fs::write(folder.path().join("sorry.txt"), "Sorry, I did not understand that.\n").expect("a file");
        let recordings = load(folder.path()).expect("a whole folder");
        assert_eq!(recordings["Sorry, I did not understand that."].len(), 1_600, "at the engine's rate");
    }

    #[test]
    fn what_cannot_be_played_is_told_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.wav"), "no sound").expect("a file");
        fs::write(folder.path().join("a.txt"), "Hello.").expect("a file");
        assert!(load(folder.path()).expect_err("no WAV").to_string().contains("a.wav cannot be played"));
        record(folder.path(), "a.wav", 8_000 * 61);
        assert!(load(folder.path()).expect_err("too long").to_string().contains("longer than 60 s"));
        assert!(load(&folder.path().join("nowhere")).expect_err("no folder").to_string().contains("nowhere"));
    }
}
