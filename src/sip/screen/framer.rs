//! Cutting a byte stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1).
//!
//! Bytes are pushed as they come; complete messages are polled. Every search goes on where the last one
//! ended, so that a peer who sends one byte at a time costs no more than one who sends all at once.

use super::grammar;

/// Bounds on what one connection may make us keep.
#[derive(Clone, Copy, Debug)]
pub struct FramerLimits {
    /// Longest start line and headers, in bytes; beyond it the stream is given up.
    pub head_bytes_max: usize,
    /// Longest body, in bytes. Session descriptions take 1 to 10 kB.
    pub body_bytes_max: usize,
}

impl Default for FramerLimits {
    fn default() -> FramerLimits {
        FramerLimits { head_bytes_max: 64 * 1024, body_bytes_max: 64 * 1024 }
    }
}

/// What a stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole message, as it came.
    Message(Vec<u8>),
    /// A double CRLF: answer with a single one (RFC 5626 §3.5.1).
    Ping,
    /// A single CRLF: the answer to our own ping.
    Pong,
}

/// Why a stream cannot be followed any further: the next message's beginning is unknown. `head` holds the
/// message that broke it, where it can still be answered with 400 before the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramerError {
    /// No end of headers within the bound.
    #[error("the headers on this connection are longer than {0} bytes")]
    HeadTooLarge(usize),
    /// Content-Length is beyond the bound.
    #[error("a body longer than {limit} bytes was announced")]
    BodyTooLarge {
        /// The bound.
        limit: usize,
        /// The head that announced it.
        head: Vec<u8>,
    },
    /// Content-Length is no number, or there are two that differ.
    #[error("the Content-Length cannot be read")]
    BadContentLength {
        /// The head with it.
        head: Vec<u8>,
    },
}

/// Follows one stream. After an error it yields that error for ever and keeps nothing.
#[derive(Debug)]
pub struct StreamFramer {
    limits: FramerLimits,
    buffer: Vec<u8>,
    /// Where in `buffer` the next thing begins; what lies before is handed out already.
    start: usize,
    /// How far the end of the head was searched for already.
    searched: usize,
    /// Length of head and body of the message that is being waited for.
    awaited: Option<usize>,
    broken: Option<FramerError>,
}

impl StreamFramer {
    /// A stream of which nothing came yet.
    pub fn new(limits: FramerLimits) -> StreamFramer {
        StreamFramer { limits, buffer: Vec::new(), start: 0, searched: 0, awaited: None, broken: None }
    }

    /// Takes in what was read. Poll until nothing comes before pushing again: the bound on what is kept
    /// holds for what polling leaves.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next thing that is whole; `None` when more bytes are needed.
    pub fn poll(&mut self) -> Result<Option<Framed>, FramerError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.next().inspect_err(|error| {
            self.broken = Some(error.clone());
            self.buffer = Vec::new();
        })
    }

    /// Bytes kept for a message that is not whole yet; 0 between messages. For time-outs on slow senders.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn next(&mut self) -> Result<Option<Framed>, FramerError> {
        if self.awaited.is_none() {
            if let Some(keep_alive) = self.keep_alive() {
                return Ok(keep_alive);
            }
            self.awaited = self.find_length()?;
        }
        let Some(length) = self.awaited.filter(|length| self.pending_bytes() >= *length) else { return Ok(None) };
        let message = self.buffer[self.start..self.start + length].to_vec();
        self.advance(length);
        Ok(Some(Framed::Message(message)))
    }

    fn advance(&mut self, length: usize) {
        self.start += length;
        self.searched = self.start;
        self.awaited = None;
    }

    /// Blank lines between messages. `Some(None)` means that it cannot be told yet.
    fn keep_alive(&mut self) -> Option<Option<Framed>> {
        let rest = &self.buffer[self.start..];
        match rest {
            [] => Some(None),
            [b'\r', b'\n', b'\r', b'\n', ..] => {
                self.advance(4);
                Some(Some(Framed::Ping))
            }
            // One CRLF is a pong; it may also be the first half of a ping that is still under way. Waiting
            // would hold a pong back, so a split ping reads as two pongs, which does no harm.
            [b'\r', b'\n', ..] => {
                self.advance(2);
                Some(Some(Framed::Pong))
            }
            [b'\r'] => Some(None),
            _ => None,
        }
    }

    /// The length of the whole message, once its head is there.
    fn find_length(&mut self) -> Result<Option<usize>, FramerError> {
        let from = self.searched.max(self.start);
        let end = self.buffer[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
        let head_bytes = end.unwrap_or(self.buffer.len()) - self.start;
        if head_bytes > self.limits.head_bytes_max {
            return Err(FramerError::HeadTooLarge(self.limits.head_bytes_max));
        }
        let Some(end) = end else {
            // The separator may lie across the seam to what comes next.
            self.searched = self.buffer.len().saturating_sub(3).max(self.start);
            return Ok(None);
        };
        let head = &self.buffer[self.start..end];
        let Ok(length) = content_length(head) else {
            return Err(FramerError::BadContentLength { head: head.to_vec() });
        };
        if length > self.limits.body_bytes_max {
            return Err(FramerError::BodyTooLarge { limit: self.limits.body_bytes_max, head: head.to_vec() });
        }
        Ok(Some(head.len() + length))
    }
}

/// Content-Length wherever and however it stands: short, folded, with blanks; 0 without one. Two that
/// differ, or one that is no number, make the rest of the stream unreadable.
fn content_length(head: &[u8]) -> Result<usize, ()> {
    let unfolded = unfold(head);
    let mut found: Option<usize> = None;
    for line in unfolded.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = std::str::from_utf8(line[colon + 1..].trim_ascii()).map_err(|_| ())?;
        let length = grammar::number::<u32>(value).ok_or(())? as usize;
        if found.is_some_and(|other| other != length) {
            return Err(());
        }
        found = Some(length);
    }
    Ok(found.unwrap_or(0))
}

/// Joins folded lines: a line break before a blank becomes a blank.
fn unfold(head: &[u8]) -> Vec<u8> {
    let mut plain = head.to_vec();
    for at in 0..plain.len().saturating_sub(2) {
        if &plain[at..at + 2] == b"\r\n" && matches!(plain[at + 2], b' ' | b'\t') {
            plain[at] = b' ';
            plain[at + 1] = b' ';
        }
    }
    plain
}
