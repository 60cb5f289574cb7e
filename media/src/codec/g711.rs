//! G.711 (RFC 3551 §4.5.14) between 8 kHz telephone bytes and the engine's 16 kHz.

use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder as _, Encoder as _};

use crate::resample::{Downsampler, Upsampler};

/// Which of the two companding laws.
#[derive(Clone, Copy)]
pub enum Law {
    /// µ-law: North America and Japan.
    Mu,
    /// A-law: everywhere else.
    A,
}

/// Bytes to engine-rate samples.
pub struct Decoder {
    upsampler: Upsampler,
}

impl Decoder {
    /// At rest.
    pub fn new() -> Decoder {
        Decoder { upsampler: Upsampler::new() }
    }

    /// At most 160 bytes into twice as many samples.
    pub fn decode(&mut self, law: Law, payload: &[u8], out: &mut [i16]) {
        let mut narrow = [0; 160];
        let narrow = &mut narrow[..payload.len()];
        let decoded = match law {
            Law::Mu => PcmuDecoder::new().decode_into(payload, narrow),
            Law::A => PcmaDecoder::new().decode_into(payload, narrow),
        };
        debug_assert!(decoded.is_ok(), "the output is as long as the input");
        self.upsampler.process(narrow, out);
    }
}

/// Engine-rate samples to bytes.
pub struct Encoder {
    downsampler: Downsampler,
}

impl Encoder {
    /// At rest.
    pub fn new() -> Encoder {
        Encoder { downsampler: Downsampler::new() }
    }

    /// At most 320 samples into half as many bytes.
    pub fn encode(&mut self, law: Law, samples: &[i16], out: &mut [u8]) {
        let mut narrow = [0; 160];
        let narrow = &mut narrow[..out.len()];
        self.downsampler.process(samples, narrow);
        let encoded = match law {
            Law::Mu => PcmuEncoder::new().encode_into(narrow, out),
            Law::A => PcmaEncoder::new().encode_into(narrow, out),
        };
        debug_assert!(encoded.is_ok(), "the output is as long as the input");
    }
}
