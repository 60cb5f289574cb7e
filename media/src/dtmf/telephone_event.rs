//! Telephone events as they come in (RFC 4733): one key each, whatever is lost, repeated or wrong.
//!
//! The key is told at the first packet of an event that arrives. What is one event:
//! 1. All packets with one timestamp.
//! 2. A new timestamp that follows a packet of the same code, not ended, without marker and with no
//!    more than [`SAME_EVENT`] between: a long event in segments (§2.5.1.3), or a sender that lets the
//!    timestamp run on.
//! 3. An end with a new timestamp right after an end of the same code, without marker: a repeated end
//!    from such a sender.
//!
//! Durations and clock rates are not looked at, so wrong ones do no harm.

use std::time::{Duration, Instant};

use crate::params::Key;

use super::key_of_code;

/// Packets of one event come at least this often; two presses of a key are further apart.
const SAME_EVENT: Duration = Duration::from_millis(45);

/// Reads events.
pub struct EventReader {
    last: Option<Last>,
}

#[derive(Clone, Copy)]
struct Last {
    code: u8,
    timestamp: u32,
    ended: bool,
    at: Instant,
}

impl EventReader {
    /// Nothing pressed yet.
    pub fn new() -> EventReader {
        EventReader { last: None }
    }

    /// A packet of the event payload type; the key if it begins an event.
    pub fn packet(&mut self, now: Instant, marker: bool, timestamp: u32, payload: &[u8]) -> Option<Key> {
        let [code, flags, _, _] = *payload.first_chunk::<4>()?;
        let key = key_of_code(code)?;
        let end = flags & 0x80 != 0;
        let Some(last) = self.last else {
            self.last = Some(Last { code, timestamp, ended: end, at: now });
            return Some(key);
        };
        if timestamp == last.timestamp && code == last.code {
            self.last = Some(Last { ended: last.ended || end, at: now, ..last });
            return None;
        }
        let age = timestamp.wrapping_sub(last.timestamp) as i32;
        if age < 0 && age > -OLD_TICKS {
            // A straggler of an event that is over.
            return None;
        }
        let soon = now.saturating_duration_since(last.at) <= SAME_EVENT;
        let goes_on = code == last.code && !marker && soon && (!last.ended || end);
        self.last = Some(Last { code, timestamp, ended: end, at: now });
        (!goes_on).then_some(key)
    }
}

/// Timestamps up to so far back (2 s at 8 kHz) are stragglers; further back, the sender's clock jumped.
const OLD_TICKS: i32 = 16_000;

#[cfg(test)]
mod tests {
    use super::*;

    struct Line {
        reader: EventReader,
        now: Instant,
    }

    impl Line {
        fn new() -> Line {
            Line { reader: EventReader::new(), now: Instant::now() }
        }

        fn hear(&mut self, after_ms: u64, marker: bool, timestamp: u32, code: u8, end: bool) -> bool {
            self.now += Duration::from_millis(after_ms);
            let payload = [code, if end { 0x8a } else { 0x0a }, 1, 64];
            self.reader.packet(self.now, marker, timestamp, &payload).is_some()
        }
    }

    /// M6.
    #[test]
    fn an_event_without_marker_is_one_key() {
        let mut line = Line::new();
        let told = [(false, 100), (false, 100), (true, 100), (true, 100), (true, 100)];
        let keys = told.iter().filter(|(end, at)| line.hear(20, false, *at, 5, *end)).count();
        assert_eq!(keys, 1);
    }

    /// M6.
    #[test]
    fn lost_ends_neither_hide_nor_double_the_next_press() {
        let mut line = Line::new();
        assert!(line.hear(0, true, 100, 5, false));
        assert!(!line.hear(20, false, 100, 5, false));
        assert!(line.hear(120, true, 1220, 5, false));
        assert!(line.hear(120, false, 2400, 5, false), "the marker was lost as well");
    }

    /// M6.
    #[test]
    fn a_timestamp_that_runs_on_is_still_one_key() {
        let mut line = Line::new();
        let keys = (0..8).filter(|i| line.hear(20, *i == 0, 100 + i * 160, 5, *i >= 5)).count();
        assert_eq!(keys, 1);
        assert!(line.hear(100, true, 4000, 5, false));
    }

    /// M6.
    #[test]
    fn only_an_end_arriving_is_a_key_and_stragglers_are_not() {
        let mut line = Line::new();
        assert!(line.hear(0, false, 100, 5, true));
        assert!(line.hear(100, true, 1000, 6, false));
        assert!(!line.hear(10, false, 100, 5, true));
        assert!(!line.hear(10, false, 1000, 6, true));
    }

    #[test]
    fn codes_that_are_no_keys_and_short_payloads_are_nothing() {
        let mut reader = EventReader::new();
        assert_eq!(reader.packet(Instant::now(), true, 1, &[16, 0, 0, 0]), None);
        assert_eq!(reader.packet(Instant::now(), true, 1, &[1, 0, 0]), None);
    }
}
