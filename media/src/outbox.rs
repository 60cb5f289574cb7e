//! Datagrams waiting to be polled.

use std::net::SocketAddr;

use arrayvec::ArrayVec;

use crate::params::{Transmit, TransmitKind};
use crate::queue::Queue;

/// The longest: 60 ms of audio with its header.
const DATAGRAM_MAX: usize = 492;
/// Waiting at most; the driver polls after every call, which makes three at the very most.
const WAITING_MAX: usize = 6;

struct Datagram {
    to: SocketAddr,
    kind: TransmitKind,
    bytes: ArrayVec<u8, DATAGRAM_MAX>,
}

/// The queue.
pub struct Outbox(Queue<Datagram, WAITING_MAX>);

impl Outbox {
    /// Empty, with all its memory.
    pub fn new() -> Outbox {
        Outbox(Queue::new())
    }

    /// Adds a datagram made of two parts; one that is too long is not sent.
    pub fn push(&mut self, to: SocketAddr, kind: TransmitKind, head: &[u8], tail: &[u8]) {
        let mut bytes = ArrayVec::new();
        if bytes.try_extend_from_slice(head).and_then(|()| bytes.try_extend_from_slice(tail)).is_ok() {
            self.0.push(Datagram { to, kind, bytes });
        }
    }

    /// Takes the oldest, copied to the front of `datagram`; one that does not fit is dropped.
    pub fn pop(&mut self, datagram: &mut [u8]) -> Option<Transmit> {
        let waiting = self.0.pop()?;
        let len = waiting.bytes.len();
        datagram.get_mut(..len)?.copy_from_slice(&waiting.bytes);
        Some(Transmit { to: waiting.to, len, kind: waiting.kind })
    }
}
