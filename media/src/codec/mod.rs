//! Payload bytes to engine-rate audio and back. G.711 and G.722 make one byte of each 125 µs; Opus makes packets.

mod g711;
mod g722;
pub mod opus;

use crate::params::Codec;

/// Reads one far end's audio in G.711 and G.722; keeps the state of whichever it uses. Opus has [`opus::Decoder`],
/// which reads packets and not bytes.
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
            // Never laid down as bytes.
            Codec::Opus => out.fill(0),
        }
    }
}

/// Writes our audio for one far end.
pub struct Encoder {
    g711: g711::Encoder,
    g722: g722::Encoder,
    /// Made when it is agreed on: it takes 25 kB, and most calls never need it.
    opus: Option<Box<opus::Encoder>>,
}

impl Encoder {
    /// At rest, for this codec and those that need no more than it.
    pub fn new(codec: Codec) -> Encoder {
        let opus = (codec == Codec::Opus).then(|| Box::new(opus::Encoder::new()));
        Encoder { g711: g711::Encoder::new(), g722: g722::Encoder::new(), opus }
    }

    /// What the far end says of 256 packets that it lost; Opus sends copies by it.
    pub fn expect_loss(&mut self, of_256: u8) {
        if let Some(opus) = &mut self.opus {
            opus.expect_loss(of_256);
        }
    }

    /// Forgets what the filters still hold, so that nothing of an interrupted clip trails into the next packet.
    pub fn cut(&mut self) {
        self.g711 = g711::Encoder::new();
        if let Some(opus) = &mut self.opus {
            opus.cut();
        }
    }

    /// Encodes engine-rate samples (at most 960) into at most half as many bytes; how many.
    pub fn encode(&mut self, codec: Codec, samples: &[i16], out: &mut [u8]) -> usize {
        debug_assert!(samples.len() <= 2 * out.len());
        if codec == Codec::Opus {
            return self.opus.as_mut().map_or(0, |opus| opus.encode(samples, out));
        }
        for (samples, out) in samples.chunks(320).zip(out.chunks_mut(160)) {
            match codec {
                Codec::Pcmu => self.g711.encode(g711::Law::Mu, samples, out),
                Codec::Pcma => self.g711.encode(g711::Law::A, samples, out),
                Codec::G722 => self.g722.encode(samples, out),
                Codec::Opus => {}
            }
        }
        samples.len() / 2
    }
}
