//! Payload bytes to engine-rate audio and back. Every codec here makes one byte of each 125 µs.

mod g711;
mod g722;

use crate::params::Codec;

/// Reads one far end's audio; keeps the state of whichever codecs it uses.
pub struct Decoder {
    g711: g711::Decoder,
    g722: g722::Decoder,
}

impl Decoder {
    /// At rest.
    pub fn new() -> Decoder {
        Decoder { g711: g711::Decoder::new(), g722: g722::Decoder::new() }
    }

    /// Decodes `payload` (at most 160 bytes) into twice as many engine-rate samples.
    pub fn decode(&mut self, codec: Codec, payload: &[u8], out: &mut [i16]) {
        debug_assert!(payload.len() <= 160 && out.len() == 2 * payload.len());
        match codec {
            Codec::Pcmu => self.g711.decode(g711::Law::Mu, payload, out),
            Codec::Pcma => self.g711.decode(g711::Law::A, payload, out),
            Codec::G722 => self.g722.decode(payload, out),
        }
    }
}

/// Writes our audio for one far end.
pub struct Encoder {
    g711: g711::Encoder,
    g722: g722::Encoder,
}

impl Encoder {
    /// At rest.
    pub fn new() -> Encoder {
        Encoder { g711: g711::Encoder::new(), g722: g722::Encoder::new() }
    }

    /// Forgets what the filters still hold, so that nothing of an interrupted clip trails into the next packet.
    pub fn cut(&mut self) {
        self.g711 = g711::Encoder::new();
    }

    /// Encodes engine-rate samples (at most 960) into half as many bytes.
    pub fn encode(&mut self, codec: Codec, samples: &[i16], out: &mut [u8]) {
        debug_assert!(samples.len() == 2 * out.len());
        for (samples, out) in samples.chunks(320).zip(out.chunks_mut(160)) {
            match codec {
                Codec::Pcmu => self.g711.encode(g711::Law::Mu, samples, out),
                Codec::Pcma => self.g711.encode(g711::Law::A, samples, out),
                Codec::G722 => self.g722.encode(samples, out),
            }
        }
    }
}
