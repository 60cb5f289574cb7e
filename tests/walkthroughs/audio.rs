//! What is said and what was heard: synthesis, transcription, and levels.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use switchboard::adapters::models::Models;
use switchboard::adapters::stt::moonshine::Moonshine;
use switchboard::adapters::stt::transcribe_whole;
use switchboard::adapters::stt::wav::read_wav;
use switchboard::adapters::tts::hibari::HibariTts;
use switchboard::seams::tts::{Tts, TtsRequest};
use tempfile::TempDir;

/// Samples a second on a telephone line.
pub const LINE_RATE_HZ: u32 = 8_000;
/// Samples a second of wideband speech.
pub const WIDE_RATE_HZ: u32 = 16_000;
/// Silence after every utterance; a phone hangs up at the end of its file, so it lasts longer than any call here.
const TAIL_SECONDS: usize = 150;
/// A stretch of 20 ms above this is speech, below it silence or comfort noise (root mean square).
const VOICED_RMS: f64 = 300.0;
/// Samples of one stretch.
const STRETCH: usize = LINE_RATE_HZ as usize / 50;

/// The utterances made so far; the folder goes with the process's temporary files.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// A file that says this text in a caller's voice and is silent afterwards.
pub fn spoken(text: &str) -> PathBuf {
    static VOICE: OnceLock<HibariTts> = OnceLock::new();
    let name: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let file = folder().join(format!("{name}.wav"));
    if !file.exists() {
        let voice = VOICE.get_or_init(|| HibariTts::load(&Models::resolve(None), 1).unwrap());
        let request = TtsRequest { text: text.to_owned(), speed: 1.0, voice: Some("caller".to_owned()) };
        let mut stream = voice.speak(request);
        let mut samples = Vec::new();
        while let Some(chunk) = stream.blocking_recv() {
            samples.extend_from_slice(&chunk.unwrap().clip);
        }
        write(&file, &halved(&samples));
    }
    file
}

/// A file that plays a recording (16 kHz) and is silent afterwards.
pub fn recorded(recording: &Path) -> PathBuf {
    let file = folder().join(recording.file_name().unwrap());
    let samples: Vec<i16> = hound::WavReader::open(recording).unwrap().samples().map(Result::unwrap).collect();
    write(&file, &halved(&samples));
    file
}

/// A file that says nothing, at this rate.
pub fn silence(rate: u32) -> PathBuf {
    let file = folder().join(format!("silence{rate}.wav"));
    if !file.exists() {
        save(&file, &vec![0; TAIL_SECONDS * rate as usize], rate);
    }
    file
}

/// A file that plays a tone of [`TONE_HZ`] without end.
pub fn tone() -> PathBuf {
    endless("tone.wav", TONE_HZ, LINE_RATE_HZ)
}

/// A file that plays a tone without end that no telephone line of 8 kHz can carry.
pub fn high_tone() -> PathBuf {
    endless("high_tone.wav", HIGH_TONE_HZ, WIDE_RATE_HZ)
}

/// Whether half a second of that tone is heard at last, at this rate.
pub fn ends_in_the_high_tone(samples: &[i16], sample_rate: u32) -> bool {
    let last = &samples[samples.len().saturating_sub(sample_rate as usize / 2)..];
    let whole = rms(last);
    last.len() >= sample_rate as usize / 2
        && whole > VOICED_RMS
        && tone_in(last, HIGH_TONE_HZ, sample_rate) > 0.7 * whole
}

fn endless(name: &str, hz: f64, rate: u32) -> PathBuf {
    let file = folder().join(name);
    let sample = |at: usize| (6_000.0 * phase(at, hz, rate).sin()) as i16;
    let samples: Vec<i16> = (0..TAIL_SECONDS * rate as usize).map(sample).collect();
    save(&file, &samples, rate);
    file
}

/// How loud a tone is (root mean square), over a whole number of its turns.
fn tone_in(samples: &[i16], hz: f64, rate: u32) -> f64 {
    let turned = |turn: f64| -> f64 {
        let parts =
            samples.iter().enumerate().map(|(at, sample)| f64::from(*sample) * (phase(at, hz, rate) + turn).sin());
        parts.sum::<f64>() / samples.len() as f64
    };
    turned(0.0).hypot(turned(std::f64::consts::FRAC_PI_2)) * std::f64::consts::SQRT_2
}

/// What is heard in 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Quiet,
    NoTone,
    ToneAlone,
    Both,
}

/// Where the tone is heard, and whether anything beside it.
pub fn beside_tone(samples: &[i16]) -> Vec<Beside> {
    let kind = |stretch: &[i16]| {
        let whole = rms(stretch);
        let tone = tone_in(stretch, TONE_HZ, LINE_RATE_HZ).min(whole);
        let rest = (whole.powi(2) - tone.powi(2)).sqrt();
        match (tone > VOICED_RMS, rest > VOICED_RMS) {
            (false, false) => Beside::Quiet,
            (false, true) => Beside::NoTone,
            (true, false) => Beside::ToneAlone,
            (true, true) => Beside::Both,
        }
    };
    samples.chunks_exact(STRETCH).map(kind).collect()
}

/// Of a tone, at this sample.
fn phase(at: usize, hz: f64, rate: u32) -> f64 {
    at as f64 * hz * std::f64::consts::TAU / f64::from(rate)
}

/// A whole number of turns in 20 ms.
const TONE_HZ: f64 = 1_000.0;
/// Likewise, and beyond what 8 kHz can carry.
const HIGH_TONE_HZ: f64 = 6_000.0;

/// 16 to 8 kHz by averaging pairs: enough for a telephone's band.
fn halved(samples: &[i16]) -> Vec<i16> {
    samples.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16).collect()
}

fn write(file: &Path, samples: &[i16]) {
    let lead = vec![0; LINE_RATE_HZ as usize / 5];
    let tail = vec![0; TAIL_SECONDS * LINE_RATE_HZ as usize];
    save(file, &[&lead, samples, &tail].concat(), LINE_RATE_HZ);
}

/// Writes one channel of 16 bits.
fn save(file: &Path, samples: &[i16], sample_rate: u32) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    for sample in samples {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// What is said in these samples, in lower case and without punctuation.
pub fn transcribe(samples: &[i16], sample_rate: u32) -> String {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    save(file.path(), samples, sample_rate);
    plain(&transcribe_whole(&mut recogniser(), &read_wav(file.path()).unwrap()).unwrap())
}

fn recogniser() -> MutexGuard<'static, Moonshine> {
    static RECOGNISER: OnceLock<Mutex<Moonshine>> = OnceLock::new();
    let load = || Mutex::new(Moonshine::load(&Models::resolve(None)).unwrap());
    RECOGNISER.get_or_init(load).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lower-case words without punctuation.
pub fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || c == '\'' { c.to_ascii_lowercase() } else { ' ' };
    let text: String = text.chars().map(kept).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which share of the expected words was heard, in any order.
pub fn share_heard(expected: &str, heard: &str) -> f64 {
    let mut heard: Vec<String> = plain(heard).split(' ').map(str::to_owned).collect();
    let expected = plain(expected);
    let words: Vec<&str> = expected.split(' ').collect();
    let found = words.iter().filter(|word| {
        let place = heard.iter().position(|other| other == *word);
        place.map(|place| heard.swap_remove(place)).is_some()
    });
    found.count() as f64 / words.len() as f64
}

/// Fails with the whole transcript when one of the words is missing.
pub fn assert_words(heard: &str, words: &[&str]) {
    for word in words {
        assert!(heard.contains(word), "“{word}” is missing in: {heard}");
    }
}

/// Which stretches of 20 ms are voiced.
pub fn voiced(samples: &[i16], sample_rate: u32) -> Vec<bool> {
    let stretch = sample_rate as usize / 50;
    samples.chunks(stretch).map(|part| rms(part) > VOICED_RMS).collect()
}

/// Whether there was speech from this sample on and it has ended.
pub fn has_spoken(samples: &[i16], from: usize) -> bool {
    let voiced = voiced(samples.get(from..).unwrap_or_default(), LINE_RATE_HZ);
    let quiet = voiced.iter().rev().take_while(|voiced| !**voiced).count();
    let quiet_seconds = (quiet * STRETCH) as f64 / f64::from(LINE_RATE_HZ);
    voiced.contains(&true) && quiet_seconds > 0.9
}

fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (energy / samples.len().max(1) as f64).sqrt()
}
