//! Raw 16-bit audio as providers send it, to 16 kHz samples, chunk by chunk.

/// The highest and lowest sample rates accepted from a provider.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=96_000;
/// Input samples on each side of an output sample: −60 dB of what would fold back, 1 ms of delay at 24 kHz.
const TAPS: i64 = 24;
/// Below this the beginning of a sentence is silence: −50 dBFS.
const SILENCE: u16 = 104;
/// Kept before the first sound: 5 ms.
const LEAD_SAMPLES: usize = 80;
/// A WAV header with what may stand before its audio.
const HEADER_BYTES_MAX: usize = 4_096;

/// Turns a provider's bytes into samples. Bytes may be cut anywhere, also inside a sample.
pub struct PcmReader {
    odd: Option<u8>,
    header: Option<Vec<u8>>,
    resampler: Resampler,
    begun: bool,
}

impl PcmReader {
    /// For audio without a header at this rate.
    pub fn raw(rate_hz: u32) -> PcmReader {
        PcmReader { odd: None, header: None, resampler: Resampler::new(rate_hz), begun: false }
    }

    /// For audio that may begin with a WAV header; without one, at this rate.
    pub fn maybe_wav(rate_hz: u32) -> PcmReader {
        PcmReader { header: Some(Vec::new()), ..PcmReader::raw(rate_hz) }
    }

    /// The samples of the next bytes. The silence before the first sound is left out: it would be heard as
    /// slowness.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<i16> {
        let samples = match self.header.take() {
            None => self.samples(bytes),
            Some(mut header) => {
                header.extend_from_slice(bytes);
                match wav_audio(&header) {
                    Header::Unfinished if header.len() < HEADER_BYTES_MAX => {
                        self.header = Some(header);
                        return Vec::new();
                    }
                    Header::Wav { rate_hz, from } => {
                        self.resampler = Resampler::new(rate_hz);
                        self.samples(&header[from..])
                    }
                    Header::Unfinished | Header::None => self.samples(&header),
                }
            }
        };
        let samples = self.resampler.resample(&samples);
        if self.begun {
            return samples;
        }
        match samples.iter().position(|s| s.unsigned_abs() > SILENCE) {
            None => Vec::new(),
            Some(first) => {
                self.begun = true;
                samples[first.saturating_sub(LEAD_SAMPLES)..].to_vec()
            }
        }
    }

    fn samples(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + 1);
        let mut bytes = bytes;
        if let (Some(low), Some((&high, rest))) = (self.odd, bytes.split_first()) {
            out.push(i16::from_le_bytes([low, high]));
            self.odd = None;
            bytes = rest;
        }
        let pairs = bytes.chunks_exact(2);
        if let [last] = pairs.remainder() {
            self.odd = Some(*last);
        }
        out.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        out
    }
}

enum Header {
    /// It began like a WAV, but its audio has not.
    Unfinished,
    None,
    Wav {
        rate_hz: u32,
        from: usize,
    },
}

/// Finds the audio of a WAV file that is still being received (its lengths cannot be trusted).
fn wav_audio(bytes: &[u8]) -> Header {
    let begins = b"RIFF";
    if !bytes.starts_with(&begins[..bytes.len().min(4)]) {
        return Header::None;
    }
    let mut at = 12;
    let mut rate_hz = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = at + 8;
        match &head[..4] {
            b"data" if RATES_HZ.contains(&rate_hz) => return Header::Wav { rate_hz, from: body },
            b"data" => return Header::None,
            b"fmt " => {
                let Some(rate) = bytes.get(body + 4..body + 8) else { return Header::Unfinished };
                rate_hz = u32::from_le_bytes([rate[0], rate[1], rate[2], rate[3]]);
            }
            // Other chunks tell nothing about the sound.
            _ => {}
        }
        at = body.saturating_add(length).saturating_add(length % 2);
    }
    Header::Unfinished
}

/// To 16 kHz by a windowed-sinc filter, keeping what the next chunk needs.
struct Resampler {
    /// Input samples for every `out_step` output samples, in lowest terms.
    in_step: i64,
    out_step: i64,
    /// Filter for each of the `out_step` positions between two input samples.
    filters: Vec<Vec<f32>>,
    /// Input not yet done with; the first of them is input sample `base`.
    held: Vec<i16>,
    base: i64,
    next_out: i64,
}

impl Resampler {
    fn new(rate_hz: u32) -> Resampler {
        let (input, output) = (i64::from(rate_hz.clamp(*RATES_HZ.start(), *RATES_HZ.end())), 16_000);
        let divisor = gcd(input, output);
        let (in_step, out_step) = (input / divisor, output / divisor);
        let cutoff = (out_step as f64 / in_step as f64).min(1.0) * 0.96;
        let filters = if in_step == out_step {
            Vec::new()
        } else {
            (0..out_step).map(|p| filter(p * in_step % out_step, out_step, cutoff)).collect()
        };
        Resampler { in_step, out_step, filters, held: vec![0; TAPS as usize], base: -TAPS, next_out: 0 }
    }

    fn resample(&mut self, input: &[i16]) -> Vec<i16> {
        if self.filters.is_empty() {
            return input.to_vec();
        }
        self.held.extend_from_slice(input);
        let mut out = Vec::with_capacity(input.len());
        loop {
            let centre = self.next_out * self.in_step / self.out_step;
            let from = (centre - TAPS + 1 - self.base) as usize;
            let Some(window) = self.held.get(from..from + 2 * TAPS as usize) else { break };
            let filter = &self.filters[(self.next_out % self.out_step) as usize];
            let sum: f32 = window.iter().zip(filter).map(|(&s, f)| f32::from(s) * f).sum();
            out.push(sum.clamp(-32_768.0, 32_767.0) as i16);
            self.next_out += 1;
        }
        let done = ((self.next_out * self.in_step / self.out_step - TAPS + 1 - self.base).max(0) as usize)
            .min(self.held.len());
        self.held.drain(..done);
        self.base += done as i64;
        out
    }
}

/// The Hann-windowed sinc for an output sample `phase / out_step` behind an input sample.
fn filter(phase: i64, out_step: i64, cutoff: f64) -> Vec<f32> {
    let offset = phase as f64 / out_step as f64;
    let taps: Vec<f64> = (-TAPS + 1..=TAPS)
        .map(|n| {
            let x = n as f64 - offset;
            let sinc = if x.abs() < 1e-9 {
                1.0
            } else {
                (std::f64::consts::PI * cutoff * x).sin() / (std::f64::consts::PI * cutoff * x)
            };
            let window = 0.5 + 0.5 * (std::f64::consts::PI * x / (TAPS as f64 + 1.0)).cos();
            sinc * window
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| (tap / sum) as f32).collect()
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate_hz: f32, hz: f32, seconds: f32) -> Vec<u8> {
        (0..(rate_hz * seconds) as usize)
            .flat_map(|n| ((10_000.0 * (std::f32::consts::TAU * hz * n as f32 / rate_hz).sin()) as i16).to_le_bytes())
            .collect()
    }

    fn rms(samples: &[i16]) -> f32 {
        (samples.iter().map(|&s| f32::from(s) * f32::from(s)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn bytes_may_be_cut_anywhere() {
        let bytes = tone(24_000.0, 440.0, 0.2);
        let whole = PcmReader::raw(24_000).read(&bytes);
        for size in [1, 3, 7, 640, 1_001] {
            let mut reader = PcmReader::raw(24_000);
            let pieces: Vec<i16> = bytes.chunks(size).flat_map(|chunk| reader.read(chunk)).collect();
            assert_eq!(pieces.len(), whole.len(), "in pieces of {size}");
        }
    }

    #[test]
    fn a_tone_keeps_its_length_and_level_and_what_would_fold_back_is_gone() {
        for rate in [22_050, 24_000, 48_000] {
            let samples = PcmReader::raw(rate).read(&tone(rate as f32, 1_000.0, 0.5));
            assert!((7_900..=8_000).contains(&samples.len()), "{rate}: {}", samples.len());
            assert!((rms(&samples) - 7_071.0).abs() < 150.0, "{rate}: {}", rms(&samples));
        }
        let folded = PcmReader::raw(24_000).read(&tone(24_000.0, 10_000.0, 0.5));
        assert!(folded.len() < 400 || rms(&folded[400..]) < 60.0, "{}", rms(&folded[400..]));
    }

    #[test]
    fn a_wav_header_tells_the_rate_and_is_not_heard() {
        let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(48_000u32.to_le_bytes());
        wav.extend([0, 0, 0, 0, 2, 0, 16, 0]);
        wav.extend(b"LIST\x03\0\0\0abc\0data\xff\xff\xff\xff");
        wav.extend(tone(48_000.0, 500.0, 0.5));
        let mut reader = PcmReader::maybe_wav(24_000);
        let samples: Vec<i16> = wav.chunks(10).flat_map(|chunk| reader.read(chunk)).collect();
        assert!((7_900..=8_000).contains(&samples.len()), "{}", samples.len());
    }

    #[test]
    fn silence_before_the_first_sound_is_left_out() {
        let mut bytes = vec![0; 16_000];
        bytes.extend(tone(16_000.0, 440.0, 0.1));
        assert!(PcmReader::raw(16_000).read(&bytes).len() <= 1_600 + LEAD_SAMPLES);
    }
}
