//! RTP packets (RFC 3550 §5.1), read in place and written without the heap.

/// The length of the fixed header in bytes.
pub const HEADER_BYTES: usize = 12;

/// A packet as it lies in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The marker bit: the beginning of a talk spurt or of a telephone event.
    pub marker: bool,
    /// The payload type, 0–127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in steps of the payload's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The payload without padding; may be empty.
    pub payload: &'a [u8],
}

/// Why a datagram is no RTP packet; always the sender's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends inside the header, its CSRC list or its extension.
    #[error("the datagram ends inside the RTP header")]
    Truncated,
    /// It is of another version than 2.
    #[error("the RTP version is not 2")]
    Version,
    /// Its padding is zero or longer than what follows the header (RFC 3550 §5.1).
    #[error("the RTP padding does not fit the packet")]
    Padding,
}

/// Reads a packet. Accepts every well-formed one, with up to 15 CSRCs and any extension.
pub fn parse(datagram: &[u8]) -> Result<Packet<'_>, Malformed> {
    let (header, mut rest) = datagram.split_first_chunk::<HEADER_BYTES>().ok_or(Malformed::Truncated)?;
    if header[0] >> 6 != 2 {
        return Err(Malformed::Version);
    }
    let csrc_bytes = usize::from(header[0] & 0x0f) * 4;
    rest = rest.get(csrc_bytes..).ok_or(Malformed::Truncated)?;
    if header[0] & 0x10 != 0 {
        let (extension, after) = rest.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
        let extension_bytes = usize::from(u16::from_be_bytes([extension[2], extension[3]])) * 4;
        rest = after.get(extension_bytes..).ok_or(Malformed::Truncated)?;
    }
    if header[0] & 0x20 != 0 {
        let padding = usize::from(*rest.last().ok_or(Malformed::Padding)?);
        if padding == 0 || padding > rest.len() {
            return Err(Malformed::Padding);
        }
        rest = &rest[..rest.len() - padding];
    }
    Ok(Packet {
        marker: header[1] & 0x80 != 0,
        payload_type: header[1] & 0x7f,
        sequence: u16::from_be_bytes([header[2], header[3]]),
        timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        payload: rest,
    })
}

/// The fixed header of a packet to send; its payload is `packet.payload` no longer: the caller appends it.
pub fn header(marker: bool, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0] = 0x80;
    header[1] = payload_type & 0x7f | u8::from(marker) << 7;
    header[2..4].copy_from_slice(&sequence.to_be_bytes());
    header[4..8].copy_from_slice(&timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    header
}

/// Whether a datagram on a shared port is RTCP rather than RTP (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 2 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

/// Reads anything without panicking; the body of the fuzz target, run over a stored corpus by the tests.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(packet) = parse(bytes) {
        assert!(packet.payload.len() <= bytes.len() - HEADER_BYTES);
    }
}
