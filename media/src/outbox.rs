//! Datagrams waiting to be polled.

use std::net::SocketAddr;

use arrayvec::ArrayVec;

use crate::params::{Transmit, TransmitKind};

/// The longest: 60 ms of audio with its header.
const DATAGRAM_MAX: usize = 492;
/// Waiting at most; the driver polls after every call, which makes three at the very most. When full, the oldest
/// gives way.
const WAITING_MAX: usize = 6;

struct Datagram {
    to: SocketAddr,
    kind: TransmitKind,
    bytes: ArrayVec<u8, DATAGRAM_MAX>,
}

/// The queue. Datagrams are written where they wait, and copied once more into the caller's buffer.
pub struct Outbox {
    waiting: Box<[Datagram; WAITING_MAX]>,
    first: usize,
    len: usize,
}

impl Outbox {
    /// Empty, with all its memory.
    pub fn new() -> Outbox {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let empty = || Datagram { to: nowhere, kind: TransmitKind::Rtp, bytes: ArrayVec::new() };
        Outbox { waiting: Box::new(std::array::from_fn(|_| empty())), first: 0, len: 0 }
    }

    /// Adds a datagram made of two parts; one that is too long is not sent.
    pub fn push(&mut self, to: SocketAddr, kind: TransmitKind, head: &[u8], tail: &[u8]) {
        if head.len() + tail.len() > DATAGRAM_MAX {
            return;
        }
        if self.len == WAITING_MAX {
            self.drop_first();
        }
        let slot = &mut self.waiting[(self.first + self.len) % WAITING_MAX];
        slot.to = to;
        slot.kind = kind;
        slot.bytes.clear();
        for part in [head, tail] {
            slot.bytes.try_extend_from_slice(part).expect("both parts together were measured above");
        }
        self.len += 1;
    }

    /// Takes the oldest, copied to the front of `datagram`; one that does not fit is dropped.
    pub fn pop(&mut self, datagram: &mut [u8]) -> Option<Transmit> {
        if self.len == 0 {
            return None;
        }
        let Datagram { to, kind, bytes } = &self.waiting[self.first];
        let transmit = Transmit { to: *to, len: bytes.len(), kind: *kind };
        let copied = datagram.get_mut(..bytes.len()).map(|room| room.copy_from_slice(bytes));
        self.drop_first();
        copied.map(|()| transmit)
    }

    fn drop_first(&mut self) {
        self.len -= 1;
        // Begins anew where it can, in memory that was just used.
        self.first = if self.len == 0 { 0 } else { (self.first + 1) % WAITING_MAX };
    }
}
