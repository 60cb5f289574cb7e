//! The unit of audio between every part: 20 ms of 16 kHz mono, by value.

use std::sync::Arc;

/// The one rate at which the engine hears, speaks and records, in samples a second.
pub const ENGINE_RATE_HZ: u32 = 16_000;
/// The length of a [`Frame`] in milliseconds: the packet time of nearly every telephone.
pub const FRAME_MS: u32 = 20;
/// Samples in a [`Frame`].
pub const FRAME_SAMPLES: usize = (ENGINE_RATE_HZ / 1000 * FRAME_MS) as usize;

/// 20 ms of 16-bit mono audio at [`ENGINE_RATE_HZ`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame(pub [i16; FRAME_SAMPLES]);

impl Frame {
    /// 20 ms of digital silence.
    pub const SILENCE: Frame = Frame([0; FRAME_SAMPLES]);
}

impl Default for Frame {
    fn default() -> Self {
        Frame::SILENCE
    }
}

/// A piece of audio held once and shared by every call that plays it: mono at [`ENGINE_RATE_HZ`].
pub type Clip = Arc<[i16]>;
