//! Messages out of a TCP stream (RFC 3261 §18.3), bounded in every direction.
//!
//! 1. Leading line ends are skipped; a double one is a keep-alive to be answered (RFC 5626 §4.4.1).
//! 2. A head ends at an empty line; it may take `head_bytes_max`.
//! 3. Content-Length says how much follows; without a valid one the stream has lost its place.

use bytes::{Buf, Bytes, BytesMut};

use super::wire;

/// What a stream gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// One whole message.
    Message(Bytes),
    /// A double line end: answer with one.
    KeepAlive,
    /// The place in the stream is lost: refuse this head with the status, then close.
    Lost {
        /// The message as far as it could be read.
        head: Bytes,
        /// The status of the refusal.
        status: u16,
    },
}

/// Collects one stream's bytes.
pub struct Framer {
    buffer: BytesMut,
    /// Bytes already searched for the end of the head.
    searched: usize,
    message_bytes_max: usize,
    lost: bool,
}

impl Framer {
    /// A stream whose messages may be this long.
    pub fn new(message_bytes_max: usize) -> Framer {
        Framer { buffer: BytesMut::new(), searched: 0, message_bytes_max, lost: false }
    }

    /// Takes what was read.
    pub fn push(&mut self, read: &[u8]) {
        self.buffer.extend_from_slice(read);
    }

    /// Whether a message has begun and is not complete.
    pub fn is_waiting(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next piece, once it is complete. After [`Piece::Lost`] nothing comes any more.
    pub fn poll_piece(&mut self) -> Option<Piece> {
        if self.lost {
            return None;
        }
        if let Some(keep_alive) = self.skip_line_ends() {
            return Some(keep_alive);
        }
        let Some(head_end) = self.find_head_end() else {
            return (self.buffer.len() > self.message_bytes_max).then(|| self.lose(513));
        };
        let body_bytes = match content_length(&self.buffer[..head_end]) {
            Ok(length) => length,
            Err(status) => return Some(self.lose(status)),
        };
        if head_end.saturating_add(body_bytes) > self.message_bytes_max {
            return Some(self.lose(513));
        }
        if self.buffer.len() < head_end + body_bytes {
            return None;
        }
        self.searched = 0;
        Some(Piece::Message(self.buffer.split_to(head_end + body_bytes).freeze()))
    }

    fn skip_line_ends(&mut self) -> Option<Piece> {
        loop {
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.buffer.advance(4);
                return Some(Piece::KeepAlive);
            }
            // A single line end waits for its fellow: the two may arrive apart.
            match &self.buffer[..] {
                [b'\r', b'\n', b'\r'] | [b'\r', b'\n'] | [b'\r'] => return None,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                [b'\n' | b'\r', ..] => self.buffer.advance(1),
                _ => return None,
            }
        }
    }

    fn find_head_end(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(3);
        let found = self.buffer[from..].windows(4).position(|window| window == b"\r\n\r\n");
        self.searched = self.buffer.len();
        found.map(|at| from + at + 4)
    }

    fn lose(&mut self, status: u16) -> Piece {
        self.lost = true;
        let length = self.buffer.len().min(LOST_HEAD_BYTES_MAX);
        let head = self.buffer.split_to(length).freeze();
        self.buffer = BytesMut::new();
        Piece::Lost { head, status }
    }
}

/// How much of a broken message is kept to refuse it: enough for its Via, From, To, Call-ID and CSeq.
const LOST_HEAD_BYTES_MAX: usize = 8_192;

/// The Content-Length of a head; a status where there is none, two different ones, or no number.
fn content_length(head: &[u8]) -> Result<usize, u16> {
    let mut length = None;
    for header in wire::headers(head).filter(|header| header.is("Content-Length", "l")) {
        let text = std::str::from_utf8(header.value).map_err(|_| 400_u16)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(400);
        }
        let value = text.parse::<usize>().map_err(|_| 513_u16)?;
        if length.replace(value).is_some_and(|before| before != value) {
            return Err(400);
        }
    }
    length.ok_or(400)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(body: &str) -> Vec<u8> {
        format!("OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn pieces(framer: &mut Framer) -> Vec<Piece> {
        std::iter::from_fn(|| framer.poll_piece()).collect()
    }

    proptest! {
        /// S1: split anywhere, byte by byte or several in a segment, the same messages come out.
        #[test]
        fn splitting_a_stream_changes_nothing(
            bodies in prop::collection::vec("[a-z\r\n]{0,40}", 1..6),
            cuts in prop::collection::vec(1_usize..50, 1..40),
        ) {
            let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
            let stream = messages.concat();
            let mut framer = Framer::new(10_000);
            let mut found = Vec::new();
            let mut at = 0;
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(stream.len());
                framer.push(&stream[at..end]);
                found.extend(pieces(&mut framer));
                at = end;
                if at == stream.len() {
                    break;
                }
            }
            let expected: Vec<_> = messages.into_iter().map(|bytes| Piece::Message(bytes.into())).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(!framer.is_waiting());
        }

        /// S2: no bytes make it panic or hold more than its bound.
        #[test]
        fn any_bytes_are_survived(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut framer = Framer::new(1_000);
            for chunk in chunks {
                framer.push(&chunk);
                pieces(&mut framer);
                prop_assert!(framer.buffer.len() <= 1_300);
            }
        }
    }

    #[test]
    fn a_double_line_end_is_a_keep_alive_and_single_ones_are_skipped() {
        let mut framer = Framer::new(1_000);
        framer.push(b"\r\n\r\n");
        assert_eq!(pieces(&mut framer), [Piece::KeepAlive]);
        framer.push(b"\r\n");
        framer.push(&message(""));
        assert_eq!(pieces(&mut framer), [Piece::Message(message("").into())]);
    }

    /// S2: a length of 2³¹ or −1, none at all, or two that differ.
    #[test]
    fn a_bad_content_length_loses_the_stream() {
        for (lines, expected) in [
            ("Content-Length: 2147483648\r\n", 513),
            ("Content-Length: 99999999999999999999999\r\n", 513),
            ("Content-Length: -1\r\n", 400),
            ("Via: x\r\n", 400),
            ("l: 0\r\nContent-Length: 5\r\n", 400),
        ] {
            let mut framer = Framer::new(10_000);
            framer.push(format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n").as_bytes());
            let Some(Piece::Lost { status, .. }) = framer.poll_piece() else { panic!("{lines} was accepted") };
            assert_eq!(status, expected, "{lines}");
            framer.push(&message(""));
            assert_eq!(framer.poll_piece(), None);
        }
    }

    /// S2: a header line of 1 MB.
    #[test]
    fn an_endless_head_is_cut_off() {
        let mut framer = Framer::new(65_535);
        framer.push(b"OPTIONS sip:a SIP/2.0\r\nX: ");
        let mut lost = None;
        for _ in 0..1_000 {
            framer.push(&[b'a'; 1_000]);
            lost = lost.or(framer.poll_piece());
        }
        assert!(matches!(lost, Some(Piece::Lost { status: 513, .. })));
    }
}
