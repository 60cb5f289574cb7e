//! Keys told by tones in the audio (ITU-T Q.23, Q.24), for lines without telephone events.
//!
//! Speech must never make a key. So both tones together must be nearly all that sounds, about equally
//! loud, and unchanged for [`HITS`] windows of 20 ms, 10 ms apart. Voices carry harmonics and noise and
//! waver within that time. The price: tones more than about 0.7 % off pitch, or under strong noise, are missed.

use crate::frame::Frame;
use crate::params::Key;

/// Telephone-rate samples of a window, 20 ms, and between windows, 10 ms.
const WINDOW: usize = 160;
const HOP: usize = 80;
/// Windows in a row with the same key: 40 ms.
const HITS: u8 = 3;
/// Windows in a row without it, before it can be pressed again.
const MISSES: u8 = 2;
/// Share of the power that the two tones must have.
const PURITY: f32 = 0.82;
/// The louder tone has at most 8 dB more than the other (Q.24 allows 4 to 8, by direction).
const TWIST: f32 = 6.3;
/// Quieter than −38 dBFS is not pressed but leaks from somewhere.
const LEVEL_MIN: f32 = 400.0;

const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [&[u8; 4]; 4] = [b"123A", b"456B", b"789C", b"*0#D"];

/// The detector.
pub struct ToneReader {
    window: [f32; WINDOW],
    coefficients: [f32; 8],
    candidate: Option<Key>,
    hits: u8,
    misses: u8,
    told: Option<Key>,
}

impl ToneReader {
    /// Hears nothing yet.
    pub fn new() -> ToneReader {
        let mut coefficients = [0.0; 8];
        for (coefficient, hz) in coefficients.iter_mut().zip(ROWS_HZ.iter().chain(&COLUMNS_HZ)) {
            *coefficient = 2.0 * (std::f32::consts::TAU * hz / 8000.0).cos();
        }
        ToneReader { window: [0.0; WINDOW], coefficients, candidate: None, hits: 0, misses: 0, told: None }
    }

    /// Listens to a frame; the key that it completes.
    pub fn frame(&mut self, frame: &Frame) -> Option<Key> {
        let mut pressed = None;
        for half in frame.0.chunks_exact(2 * HOP) {
            self.window.copy_within(HOP.., 0);
            // Every second sample: on telephone lines nothing lies above 4 kHz.
            for (slot, pair) in self.window[WINDOW - HOP..].iter_mut().zip(half.chunks_exact(2)) {
                *slot = f32::from(pair[0]);
            }
            let key = self.key_in_window();
            pressed = self.follow(key).or(pressed);
        }
        pressed
    }

    fn follow(&mut self, key: Option<Key>) -> Option<Key> {
        if key.is_some() && key == self.candidate {
            self.hits = self.hits.saturating_add(1);
        } else {
            self.candidate = key;
            self.hits = 1;
        }
        if key == self.told {
            self.misses = 0;
            return None;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES {
            self.told = None;
        }
        let key = key.filter(|_| self.hits >= HITS)?;
        self.told = Some(key);
        self.misses = 0;
        Some(key)
    }

    fn key_in_window(&self) -> Option<Key> {
        let power: f32 = self.window.iter().map(|s| s * s).sum::<f32>() / WINDOW as f32;
        if power < LEVEL_MIN * LEVEL_MIN {
            return None;
        }
        let tones = self.tone_powers();
        let (row, low) = loudest(&tones[..4]);
        let (column, high) = loudest(&tones[4..]);
        let even = low < high * TWIST && high < low * TWIST;
        (even && low + high >= PURITY * power).then(|| Key(KEYS[row][column]))
    }

    /// Goertzel's recurrence for all eight tones side by side; the power of each, on the scale of the mean square.
    fn tone_powers(&self) -> [f32; 8] {
        let (mut s1, mut s2) = ([0.0f32; 8], [0.0f32; 8]);
        for sample in &self.window {
            for i in 0..8 {
                let s0 = sample + self.coefficients[i] * s1[i] - s2[i];
                s2[i] = s1[i];
                s1[i] = s0;
            }
        }
        let mut powers = [0.0; 8];
        for i in 0..8 {
            let magnitude = s1[i] * s1[i] + s2[i] * s2[i] - self.coefficients[i] * s1[i] * s2[i];
            powers[i] = 2.0 * magnitude / (WINDOW * WINDOW) as f32;
        }
        powers
    }
}

fn loudest(powers: &[f32]) -> (usize, f32) {
    powers.iter().copied().enumerate().fold((0, 0.0), |best, (i, power)| if power > best.1 { (i, power) } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(reader: &mut ToneReader, key: u8, tone_ms: usize, pause_ms: usize) -> Vec<u8> {
        let (row, keys) = KEYS.iter().enumerate().find(|(_, keys)| keys.contains(&key)).unwrap();
        let column = keys.iter().position(|k| *k == key).unwrap();
        let samples: Vec<i16> = (0..(tone_ms + pause_ms) * 16)
            .map(|i| {
                let t = i as f32 / 16_000.0 * std::f32::consts::TAU;
                let tones = (t * ROWS_HZ[row]).sin() * 5000.0 + (t * COLUMNS_HZ[column]).sin() * 6000.0;
                if i < tone_ms * 16 { tones as i16 } else { 0 }
            })
            .collect();
        let frames = samples.as_chunks::<320>().0;
        frames.iter().filter_map(|frame| reader.frame(&Frame(*frame))).map(|key| key.0).collect()
    }

    /// M6.
    #[test]
    fn each_press_is_one_key() {
        let mut reader = ToneReader::new();
        for key in *b"1234567890*#ABCD" {
            assert_eq!(press(&mut reader, key, 80, 60), [key]);
            assert_eq!(press(&mut reader, key, 100, 60), [key], "pressed again");
        }
        assert_eq!(press(&mut reader, b'5', 2000, 60), b"5");
    }

    #[test]
    fn a_single_tone_is_no_key() {
        let mut reader = ToneReader::new();
        for hz in ROWS_HZ.iter().chain(&COLUMNS_HZ) {
            for _ in 0..10 {
                let frame = Frame(std::array::from_fn(|i| {
                    ((i as f32 / 16_000.0 * std::f32::consts::TAU * hz).sin() * 9000.0) as i16
                }));
                assert_eq!(reader.frame(&frame), None);
            }
        }
    }

    /// Q.24: quiet, uneven, and with noise 20 dB below.
    #[test]
    fn a_poor_line_does_not_hide_a_key() {
        for (low, high) in [(1500.0, 1500.0), (1200.0, 2100.0), (8000.0, 5000.0)] {
            let mut reader = ToneReader::new();
            let mut noise = crate::comfort_noise::ComfortNoise::new(9);
            let mut keys = Vec::new();
            for frame in 0..12usize {
                let mut samples = [0; 320];
                noise.fill((f32::min(low, high) * 0.2) as i16, &mut samples);
                for (i, sample) in samples.iter_mut().enumerate() {
                    let t = (frame * 320 + i) as f32 / 16_000.0 * std::f32::consts::TAU;
                    let tones = (t * 852.0 * 1.003).sin() * low + (t * 1336.0 * 0.997).sin() * high;
                    *sample += if (2..7).contains(&frame) { tones as i16 } else { 0 };
                }
                keys.extend(reader.frame(&Frame(samples)));
            }
            assert_eq!(keys, [Key(b'8')], "{low} {high}");
        }
    }
}
