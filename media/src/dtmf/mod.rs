//! Keys: telephone events in and out (RFC 4733), tones in the audio, and SIP INFO, each key told once (M6).

pub mod sending;
pub mod telephone_event;
pub mod tones;

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::params::Key;

/// The same key that comes by a second way within this time is the same press.
const SAME_PRESS: Duration = Duration::from_millis(1000);
/// Presses remembered: nobody presses more keys a second than this.
const REMEMBERED: usize = 16;

/// The ways by which a key can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A telephone event in the stream.
    Event,
    /// A tone in the audio.
    Tone,
    /// SIP INFO.
    Info,
}

/// Recognises the same press over several ways. Each way confirms a press once at most, so that a key
/// really pressed twice is told twice, in whatever order the reports come.
pub struct Presses {
    recent: ArrayVec<Press, REMEMBERED>,
}

struct Press {
    key: Key,
    at: Instant,
    ways: ArrayVec<Way, 3>,
}

impl Presses {
    /// None yet.
    pub fn new() -> Presses {
        Presses { recent: ArrayVec::new() }
    }

    /// Whether this report is a new press.
    pub fn report(&mut self, now: Instant, key: Key, way: Way) -> bool {
        self.recent.retain(|press| now.saturating_duration_since(press.at) < SAME_PRESS);
        let known = self.recent.iter_mut().find(|press| press.key == key && !press.ways.contains(&way));
        if let Some(press) = known {
            press.ways.push(way);
            return false;
        }
        if self.recent.is_full() {
            self.recent.remove(0);
        }
        let mut ways = ArrayVec::new();
        ways.push(way);
        self.recent.push(Press { key, at: now, ways });
        true
    }
}

/// The key of a telephone event's code 0–15 (RFC 4733 §3.2).
pub fn key_of_code(code: u8) -> Option<Key> {
    b"0123456789*#ABCD".get(usize::from(code)).map(|key| Key(*key))
}

/// The code of a key.
pub fn code_of_key(key: Key) -> Option<u8> {
    b"0123456789*#ABCD".iter().position(|k| *k == key.0.to_ascii_uppercase()).map(|code| code as u8)
}
