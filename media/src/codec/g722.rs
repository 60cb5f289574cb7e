//! G.722 at 64 kbit/s (RFC 3551 §4.5.2): already at the engine's 16 kHz, so nothing is resampled.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};

/// Bytes to samples. Its predictor runs on across packets.
pub struct Decoder(G722Decoder);

impl Decoder {
    /// At rest.
    pub fn new() -> Decoder {
        Decoder(G722Decoder::new())
    }

    /// Each byte into two samples.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        let decoded = self.0.decode_into(payload, out);
        debug_assert!(decoded.is_ok(), "the output is twice as long as the input");
    }
}

/// Samples to bytes. Its predictor runs on across packets.
pub struct Encoder(G722Encoder);

impl Encoder {
    /// At rest.
    pub fn new() -> Encoder {
        Encoder(G722Encoder::new())
    }

    /// Every two samples into one byte.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) {
        let encoded = self.0.encode_into(samples, out);
        debug_assert!(encoded.is_ok(), "the output is half as long as the input");
    }
}
