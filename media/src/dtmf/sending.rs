//! Telephone events as we send them (RFC 4733 §2.5.1): one packet a slot, the end three times, then a pause.

use std::time::Duration;

use arrayvec::ArrayVec;

use crate::params::{DtmfFormat, Key};

use super::code_of_key;

/// Keys waiting at most.
const WAITING_MAX: usize = 32;
/// The end is sent three times against loss (§2.5.1.4).
const ENDS: u8 = 3;
/// The silence after a key, so that a repeated one is told apart.
const PAUSE: Duration = Duration::from_millis(60);
/// Shorter than 40 ms, detectors do not count it as a key.
const DURATION_MIN: Duration = Duration::from_millis(40);
/// Volume of the tone in −dBm0.
const VOLUME: u8 = 10;

/// Keys to be sent and the one being sent.
pub struct KeySender {
    waiting: ArrayVec<(u8, Duration), WAITING_MAX>,
    active: Option<Active>,
    pause: Duration,
}

struct Active {
    code: u8,
    duration: Duration,
    elapsed: Duration,
    timestamp: u32,
    ends: u8,
}

/// One event packet to send in place of audio.
pub struct EventPacket {
    /// Whether it is the first of its event.
    pub marker: bool,
    /// When the event began.
    pub timestamp: u32,
    /// The four bytes of RFC 4733 §2.3.
    pub payload: [u8; 4],
}

impl KeySender {
    /// None waiting.
    pub fn new() -> KeySender {
        KeySender { waiting: ArrayVec::new(), active: None, pause: Duration::ZERO }
    }

    /// Adds a key; what is no key, or beyond the bound, is left out.
    pub fn push(&mut self, key: Key, duration: Duration) {
        if let Some(code) = code_of_key(key) {
            let _ = self.waiting.try_push((code, duration.max(DURATION_MIN)));
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = KeySender::new();
    }

    /// Whether the next slot is a key's, so that audio waits.
    pub fn busy(&self) -> bool {
        self.active.is_some() || !self.waiting.is_empty() || !self.pause.is_zero()
    }

    /// What to send in a slot of `packet` that begins at `timestamp`: an event, or (in the pause) silence.
    pub fn slot(&mut self, timestamp: u32, packet: Duration, format: DtmfFormat) -> Option<EventPacket> {
        if !self.pause.is_zero() {
            self.pause = self.pause.saturating_sub(packet);
            return None;
        }
        let begins = self.active.is_none();
        if begins {
            let (code, duration) = self.waiting.pop_at(0)?;
            self.active = Some(Active { code, duration, elapsed: Duration::ZERO, timestamp, ends: 0 });
        }
        let active = self.active.as_mut()?;
        if active.elapsed < active.duration {
            active.elapsed += packet;
        }
        let end = active.elapsed >= active.duration;
        active.ends += u8::from(end);
        let ticks = active.elapsed.as_micros() * u128::from(format.clock_rate_hz) / 1_000_000;
        let [high, low] = u16::try_from(ticks).unwrap_or(u16::MAX).to_be_bytes();
        let payload = [active.code, u8::from(end) << 7 | VOLUME, high, low];
        let sent = EventPacket { marker: begins, timestamp: active.timestamp, payload };
        if active.ends == ENDS {
            self.active = None;
            self.pause = PAUSE;
        }
        Some(sent)
    }
}
