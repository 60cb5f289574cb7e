//! What was sent lately: beside what is heard, so that an echo of ourselves can be told, and for the recording.
//!
//! Both readers take what was sent in one piece: each frame follows the one before it, whenever it is asked for.
//! Frames are heard when packets come, a few milliseconds before or after one of ours leaves. Whoever took "what
//! leaves now" would have one frame twice and miss another with every such slip, and an echo of that is no copy.

use crate::frame::FRAME_SAMPLES;

/// Engine-rate samples remembered: 200 ms, which is how far what is heard falls behind on a path that jitters.
const SENT: usize = 3200;
/// 10 ms: packet times are multiples of it.
const UNIT: usize = 160;
/// Over so many frames the least lead is watched before any of it is left out: 1 s.
const WATCH: u32 = 50;
/// 30 ms always sent in advance of what is heard are 10 ms too many. An echo must never come before its cause, so
/// the lead stays below the shortest way there and back, 40 ms.
const LEAD_HIGH: usize = 480;
/// Far too much, after a hold-up: left out at once.
const LEAD_EXCESS: usize = 1600;

/// The last 200 ms that were sent.
pub struct SentHistory {
    /// A ring: a frame is written where it stays, since moving all of it on cost more than the rest of a tick.
    samples: [i16; SENT],
    /// Where the next sample is written.
    end: usize,
    /// One bit for each 10 ms, newest in bit 0: whether it was speech.
    speaking: u32,
    /// Samples not yet recorded.
    unrecorded: usize,
    /// Samples not yet given beside what is heard.
    unheard: usize,
    /// The least that was left of them after a frame lately, and of how many frames.
    lead_least: usize,
    watched: u32,
}

impl SentHistory {
    /// Silence until now.
    pub fn new() -> SentHistory {
        SentHistory {
            samples: [0; SENT],
            end: 0,
            speaking: 0,
            unrecorded: 0,
            // One frame in reserve, so that a slip of the two paces does not run dry.
            unheard: FRAME_SAMPLES,
            lead_least: usize::MAX,
            watched: 0,
        }
    }

    /// Notes what leaves in a slot.
    pub fn push(&mut self, samples: &[i16], speaking: bool) {
        let n = samples.len();
        let (head, wrapped) = samples.split_at(n.min(SENT - self.end));
        self.samples[self.end..self.end + head.len()].copy_from_slice(head);
        self.samples[..wrapped.len()].copy_from_slice(wrapped);
        self.end = (self.end + n) % SENT;
        for _ in 0..n / UNIT {
            self.speaking = self.speaking << 1 | u32::from(speaking);
        }
        self.unrecorded = (self.unrecorded + n).min(SENT);
        self.unheard = (self.unheard + n).min(SENT);
    }

    /// The frame that goes with the next one heard, and whether any of it was speech.
    pub fn beside_heard(&mut self) -> ([i16; FRAME_SAMPLES], bool) {
        if self.unheard < FRAME_SAMPLES {
            return ([0; FRAME_SAMPLES], false);
        }
        let frame = self.frame_before(self.unheard);
        self.unheard -= FRAME_SAMPLES;
        let speaking = self.speaking >> (self.unheard / UNIT) & 0b11 != 0;
        self.keep_step(speaking);
        (frame, speaking)
    }

    /// Leaves 10 ms out where more is always sent in advance than is needed.
    fn keep_step(&mut self, speaking: bool) {
        self.lead_least = self.lead_least.min(self.unheard);
        self.watched += 1;
        if self.unheard >= LEAD_EXCESS {
            self.unheard = FRAME_SAMPLES;
        } else if self.watched < WATCH || speaking {
            return;
        } else if self.lead_least >= LEAD_HIGH {
            self.unheard -= UNIT;
        }
        self.lead_least = usize::MAX;
        self.watched = 0;
    }

    /// The next frame for the recording, oldest first.
    pub fn next_unrecorded(&mut self) -> Option<[i16; FRAME_SAMPLES]> {
        if self.unrecorded < FRAME_SAMPLES {
            return None;
        }
        let frame = self.frame_before(self.unrecorded);
        self.unrecorded -= FRAME_SAMPLES;
        Some(frame)
    }

    /// The frame that begins so many samples before the newest.
    fn frame_before(&self, samples: usize) -> [i16; FRAME_SAMPLES] {
        let mut frame = [0; FRAME_SAMPLES];
        let from = (self.end + SENT - samples) % SENT;
        let (head, wrapped) = frame.split_at_mut(FRAME_SAMPLES.min(SENT - from));
        head.copy_from_slice(&self.samples[from..from + head.len()]);
        wrapped.copy_from_slice(&self.samples[..wrapped.len()]);
        frame
    }

    /// Forgets what was not recorded.
    pub fn skip_recording(&mut self) {
        self.unrecorded = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots of 20 ms that count; frames are heard `lag_ms` after them, or before where it is negative.
    fn heard_at(lags_ms: impl Iterator<Item = i64>) -> Vec<i16> {
        let mut history = SentHistory::new();
        let (mut sent, mut heard) = (0i64, Vec::new());
        for (frame, lag_ms) in lags_ms.enumerate() {
            while sent * 20 <= frame as i64 * 20 + lag_ms {
                history.push(&[sent as i16 + 1; FRAME_SAMPLES], true);
                sent += 1;
            }
            heard.push(history.beside_heard().0[0]);
        }
        heard
    }

    #[test]
    fn what_was_sent_is_given_in_one_piece_however_the_paces_slip() {
        let mut random = 7u32;
        let lags = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(random >> 28) - 8
        });
        let heard = heard_at(lags.take(500));
        let settled = &heard[5..];
        assert!(settled.windows(2).all(|pair| pair[1] == pair[0] + 1), "{settled:?}");
    }

    #[test]
    fn a_hold_up_is_made_good() {
        let heard = heard_at((0..500).map(|frame| if frame < 100 { 0 } else { 160 }));
        assert!(heard[499] >= 499 + 8 - 3, "frame 499 is beside {}", heard[499]);
    }

    #[test]
    fn the_recording_has_every_frame_once() {
        let mut history = SentHistory::new();
        let mut recorded = Vec::new();
        for slot in 0..20 {
            history.push(&[slot; 2 * FRAME_SAMPLES], true);
            while let Some(frame) = history.next_unrecorded() {
                recorded.push(frame[0]);
            }
        }
        assert_eq!(recorded, (0..40).map(|at| at / 2).collect::<Vec<_>>());
    }
}
