//! Opus (RFC 6716; in RTP: RFC 7587) between its packets and the engine's 16 kHz.
//!
//! libopus itself works at 16 kHz, so nothing is resampled, and our speech has nothing above 8 kHz anyway. What was
//! lost is taken from the copy in the next packet (in-band FEC) where there is one, else libopus makes it up. Memory
//! is taken when a codec is made; encoding and decoding take none.

use opus::{Application, Bitrate, Channels};

use crate::frame::ENGINE_RATE_HZ;
use crate::time::{FRAME_TICKS, MS};

/// The longest packet of ours, and the longest taken: 60 ms at 64 kbit/s, six times what speech needs.
pub const PACKET_MAX: usize = 480;
/// The shortest packet taken, in ticks: 10 ms, as `minptime` says (RFC 7587 §7).
pub const TICKS_MIN: i64 = 10 * MS;
/// The longest: 60 ms.
pub const TICKS_MAX: i64 = 60 * MS;

/// Wideband speech is transparent from 24 kbit/s on; a third more leaves room for the copies of FEC.
const BITRATE_BPS: i32 = 32_000;
/// Half of libopus' effort costs half the time, and nobody hears the difference in speech at this rate.
const COMPLEXITY: i32 = 5;
/// The loss that we code for while nothing is known, and at least: below it libopus writes no copies, and the first
/// lost packet would be gone.
const LOSS_MIN_PERCENT: i32 = 5;
/// Beyond, copies take so much that what they are copies of suffers.
const LOSS_MAX_PERCENT: i32 = 30;
/// Copies are written for pieces of 2.5 ms.
const PIECE_TICKS: usize = 20;
/// Made up this long, a gap is silence: libopus has faded to nothing long before.
const MADE_UP_MAX: u32 = 500 * MS as u32;

/// The length of a packet in ticks; `None` for what is no Opus packet, or shorter or longer than any that we take.
pub fn ticks(packet: &[u8]) -> Option<i64> {
    if packet.is_empty() || packet.len() > PACKET_MAX {
        return None;
    }
    // At 8 kHz a sample is a tick.
    let ticks = opus::packet::get_nb_samples(packet, 8000).ok()? as i64;
    (TICKS_MIN..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// Packets to engine-rate samples.
pub struct Decoder {
    opus: opus::Decoder,
    /// The packet that is being taken piece by piece.
    samples: [i16; 2 * TICKS_MAX as usize],
    /// Where it begins on the sender's timeline, in ticks; `None` where there is none.
    start: Option<i64>,
    /// Ticks made up since a packet came.
    made_up: u32,
}

impl Decoder {
    /// At rest.
    pub fn new() -> Decoder {
        Decoder {
            opus: opus::Decoder::new(ENGINE_RATE_HZ, Channels::Mono)
                .expect("libopus decodes mono at 16 kHz; only memory can be lacking"),
            samples: [0; 2 * TICKS_MAX as usize],
            start: None,
            made_up: 0,
        }
    }

    /// Takes `out.len() / 2` ticks from tick `from` on of the packet that begins at tick `start`.
    pub fn decode(&mut self, start: i64, packet: &[u8], from: i64, out: &mut [i16]) {
        if self.start != Some(start) {
            let decoded = self.opus.decode(packet, &mut self.samples, false).unwrap_or(0);
            self.samples[decoded..].fill(0);
            self.start = Some(start);
            self.made_up = 0;
        }
        let at = (2 * (from - start)).clamp(0, self.samples.len() as i64) as usize;
        let n = out.len().min(self.samples.len() - at);
        out[..n].copy_from_slice(&self.samples[at..at + n]);
        out[n..].fill(0);
    }

    /// Makes up what was lost; whether it was found in `next`, the packet right after it.
    pub fn recover(&mut self, next: Option<&[u8]>, out: &mut [i16]) -> bool {
        let ticks = out.len() / 2;
        self.start = None;
        if self.made_up >= MADE_UP_MAX || !ticks.is_multiple_of(PIECE_TICKS) {
            out.fill(0);
            return false;
        }
        // A copy is of the one packet before; what is longer than that was not in it.
        let next = next.filter(|next| self.made_up == 0 && has_copy(next));
        let decoded = self.opus.decode(next.unwrap_or(&[]), out, next.is_some()).unwrap_or(0);
        let decoded = decoded.min(out.len());
        out[decoded..].fill(0);
        if next.is_none() {
            self.made_up += ticks as u32;
        }
        next.is_some()
    }
}

/// Whether a packet holds a copy of the one before it: the LBRR flag of its first SILK frame (RFC 6716 §4.2.3).
fn has_copy(packet: &[u8]) -> bool {
    let Some([toc, first]) = packet.first_chunk::<2>() else { return false };
    // CELT-only packets (configurations 16 and up) have none. More than one frame in a packet: the first frame lies
    // behind lengths, and no far end sends it so.
    let (config, frames) = (toc >> 3, toc & 0x03);
    if config >= 16 || frames != 0 || toc & 0x04 != 0 {
        return false;
    }
    // One voice activity flag for each 20 ms, then the flag of the copy.
    let flags = match config {
        // 10 and 20 ms of SILK, and hybrid.
        0 | 1 | 4 | 5 | 8 | 9 | 12..=15 => 1,
        2 | 6 | 10 => 2,
        _ => 3,
    };
    first & (0x80 >> flags) != 0
}

/// Engine-rate samples to packets.
pub struct Encoder {
    opus: opus::Encoder,
    loss_percent: i32,
}

impl Encoder {
    /// At rest: speech, with copies of what was lost, and packets in silence too.
    pub fn new() -> Encoder {
        let mut opus = opus::Encoder::new(ENGINE_RATE_HZ, Channels::Mono, Application::Voip)
            .expect("libopus encodes mono at 16 kHz; only memory can be lacking");
        // Each is a plain number within its range, which libopus takes.
        let _ = opus.set_bitrate(Bitrate::Bits(BITRATE_BPS));
        let _ = opus.set_complexity(COMPLEXITY);
        let _ = opus.set_inband_fec(true);
        let _ = opus.set_dtx(false);
        let mut encoder = Encoder { opus, loss_percent: 0 };
        encoder.expect_loss(0);
        encoder
    }

    /// What the far end says of 256 packets that it lost.
    pub fn expect_loss(&mut self, of_256: u8) {
        let percent = (i32::from(of_256) * 100 / 256).clamp(LOSS_MIN_PERCENT, LOSS_MAX_PERCENT);
        if percent != self.loss_percent {
            self.loss_percent = percent;
            let _ = self.opus.set_packet_loss_perc(percent);
        }
    }

    /// Forgets what it still holds of what was said.
    pub fn cut(&mut self) {
        let _ = self.opus.reset_state();
    }

    /// Encodes 10, 20, 40 or 60 ms; the length of the packet, 0 for other lengths.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        self.opus.encode(samples, out).unwrap_or(0)
    }
}

const _: () = assert!(TICKS_MAX >= FRAME_TICKS);

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(from: usize, samples: usize) -> Vec<i16> {
        let at = |i: usize, hz: f32| (i as f32 * hz * std::f32::consts::TAU / 16_000.0).sin();
        (from..from + samples)
            .map(|i| ((at(i, 140.0) + at(i, 280.0) + at(i, 700.0)) * 3000.0 * (1.2 + at(i, 4.0))) as i16)
            .collect()
    }

    fn packets(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new();
        encoder.expect_loss(40);
        (0..count)
            .map(|i| {
                let mut packet = vec![0; PACKET_MAX];
                let n = encoder.encode(&voice(i * 320, 320), &mut packet);
                packet.truncate(n);
                packet
            })
            .collect()
    }

    #[test]
    fn packets_of_every_length_say_how_long_they_are() {
        for milliseconds in [10, 20, 40, 60] {
            let mut packet = [0; PACKET_MAX];
            let n = Encoder::new().encode(&voice(0, 16 * milliseconds), &mut packet);
            assert_eq!(ticks(&packet[..n]), Some(8 * milliseconds as i64));
        }
        assert_eq!(ticks(&[]), None);
        assert_eq!(ticks(&[0xff; PACKET_MAX + 1]), None);
    }

    /// M7: the copy is better than anything that could be made up.
    #[test]
    fn a_lost_packet_is_taken_from_the_copy_in_the_next() {
        let packets = packets(60);
        let mut intact = Decoder::new();
        let mut whole = Vec::new();
        for (i, packet) in packets.iter().enumerate() {
            let mut out = [0; 320];
            intact.decode(160 * i as i64, packet, 160 * i as i64, &mut out);
            whole.push(out);
        }
        let mut compared = 0;
        let mut error = |with_copy: bool| -> f64 {
            let mut decoder = Decoder::new();
            let mut sum = 0.0;
            for (i, packet) in packets.iter().enumerate() {
                let mut out = [0; 320];
                // libopus writes copies of what it takes for speech.
                if i % 7 == 5 && packets.get(i + 1).is_some_and(|next| has_copy(next)) {
                    let next = with_copy.then(|| &packets[i + 1][..]);
                    assert_eq!(decoder.recover(next, &mut out), with_copy, "packet {i}");
                    compared += 1;
                    sum += out.iter().zip(&whole[i]).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
                } else {
                    decoder.decode(160 * i as i64, packet, 160 * i as i64, &mut out);
                }
            }
            sum
        };
        let (copied, made_up) = (error(true), error(false));
        assert!(compared >= 6, "{compared}");
        assert!(copied < made_up / 2.0, "with copies {copied}, without {made_up}");
    }

    #[test]
    fn what_is_no_packet_is_silence() {
        let mut decoder = Decoder::new();
        let mut out = [7; 320];
        decoder.decode(0, &[0x0b, 0xff, 0xff], 0, &mut out);
        assert!(out.iter().all(|sample| *sample == 0));
    }

    #[test]
    fn a_long_gap_ends_in_silence() {
        let packets = packets(10);
        let mut decoder = Decoder::new();
        let mut out = [0; 320];
        for (i, packet) in packets.iter().enumerate() {
            decoder.decode(160 * i as i64, packet, 160 * i as i64, &mut out);
        }
        for _ in 0..40 {
            assert!(!decoder.recover(None, &mut out));
        }
        assert!(out.iter().all(|sample| *sample == 0));
    }
}
