//! What was sent lately: beside what is heard, so that an echo of ourselves can be told, and for the recording.

use std::time::Instant;

use crate::frame::FRAME_SAMPLES;

/// Engine-rate samples remembered: one packet of 60 ms and a frame before it.
const SENT: usize = 1280;

/// The last 80 ms that were sent.
pub struct SentHistory {
    samples: [i16; SENT],
    /// One bit for each 10 ms, newest in bit 0: whether it was speech.
    speaking: u32,
    slot_start: Instant,
    slot_samples: usize,
    /// Samples not yet recorded.
    unrecorded: usize,
}

impl SentHistory {
    /// Silence until now.
    pub fn new(now: Instant) -> SentHistory {
        SentHistory { samples: [0; SENT], speaking: 0, slot_start: now, slot_samples: 0, unrecorded: 0 }
    }

    /// Notes what leaves in the slot that opens at `now`.
    pub fn push(&mut self, now: Instant, samples: &[i16], speaking: bool) {
        let n = samples.len();
        self.samples.copy_within(n.., 0);
        self.samples[SENT - n..].copy_from_slice(samples);
        for _ in 0..n / 160 {
            self.speaking = self.speaking << 1 | u32::from(speaking);
        }
        self.slot_start = now;
        self.slot_samples = n;
        self.unrecorded = (self.unrecorded + n).min(SENT);
    }

    /// The frame on air at `now`, and whether any of it was speech.
    pub fn on_air(&self, now: Instant) -> ([i16; FRAME_SAMPLES], bool) {
        let elapsed_units = (now.saturating_duration_since(self.slot_start).as_millis() / 10) as usize;
        let after = self.slot_samples.saturating_sub(elapsed_units * 160 + FRAME_SAMPLES) / 160;
        let end = SENT - after * 160;
        let mut frame = [0; FRAME_SAMPLES];
        frame.copy_from_slice(&self.samples[end - FRAME_SAMPLES..end]);
        (frame, self.speaking >> after & 0b11 != 0)
    }

    /// The next frame for the recording, oldest first.
    pub fn next_unrecorded(&mut self) -> Option<[i16; FRAME_SAMPLES]> {
        if self.unrecorded < FRAME_SAMPLES {
            return None;
        }
        let mut frame = [0; FRAME_SAMPLES];
        let from = SENT - self.unrecorded;
        frame.copy_from_slice(&self.samples[from..from + FRAME_SAMPLES]);
        self.unrecorded -= FRAME_SAMPLES;
        Some(frame)
    }

    /// Forgets what was not recorded.
    pub fn skip_recording(&mut self) {
        self.unrecorded = 0;
    }
}
