//! What a real-time thread counts, published once a second so that no tick pays for it.

use std::time::{Duration, Instant};

use metrics::{Counter, counter};

/// How often counts become metrics.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// Upper bounds of tick lateness, in milliseconds; beyond the last a listener hears it.
const LATE_MS: [u64; 4] = [5, 10, 20, 50];

/// Counts of one thread since the last publication.
pub(super) struct Stats {
    pub(super) received: u64,
    /// Of a protected leg: in the clear, with a wrong tag, or replayed.
    pub(super) unsealed: u64,
    pub(super) sent: u64,
    pub(super) send_failed: u64,
    pub(super) events_lost: u64,
    pub(super) record_frames_missed: u64,
    ticks: u64,
    late: [u64; LATE_MS.len()],
    publish_at: Instant,
    published: Published,
}

struct Published {
    received: Counter,
    unsealed: Counter,
    sent: Counter,
    send_failed: Counter,
    events_lost: Counter,
    record_frames_missed: Counter,
    ticks: Counter,
    late: [Counter; LATE_MS.len()],
}

impl Stats {
    pub(super) fn new(now: Instant) -> Stats {
        let published = Published {
            received: counter!("switchboard_media_packets_received_total"),
            unsealed: counter!("switchboard_media_unsealed_packets_total"),
            sent: counter!("switchboard_media_packets_sent_total"),
            send_failed: counter!("switchboard_media_send_failures_total"),
            events_lost: counter!("switchboard_media_events_lost_total"),
            record_frames_missed: counter!("switchboard_media_record_frames_missed_total"),
            ticks: counter!("switchboard_media_ticks_total"),
            late: LATE_MS.map(|ms| counter!("switchboard_media_late_ticks_total", "over_ms" => ms.to_string())),
        };
        Stats {
            received: 0,
            unsealed: 0,
            sent: 0,
            send_failed: 0,
            events_lost: 0,
            record_frames_missed: 0,
            ticks: 0,
            late: [0; LATE_MS.len()],
            publish_at: now + PUBLISH_EVERY,
            published,
        }
    }

    /// A tick was served this long after it was due.
    pub(super) fn tick(&mut self, lateness: Duration) {
        self.ticks += 1;
        let ms = lateness.as_millis() as u64;
        for (count, over_ms) in self.late.iter_mut().zip(LATE_MS) {
            *count += u64::from(ms >= over_ms);
        }
    }

    pub(super) fn publish(&mut self, now: Instant) {
        if now < self.publish_at {
            return;
        }
        self.publish_at = now + PUBLISH_EVERY;
        let take = std::mem::take;
        self.published.received.increment(take(&mut self.received));
        self.published.unsealed.increment(take(&mut self.unsealed));
        self.published.sent.increment(take(&mut self.sent));
        self.published.send_failed.increment(take(&mut self.send_failed));
        self.published.events_lost.increment(take(&mut self.events_lost));
        self.published.record_frames_missed.increment(take(&mut self.record_frames_missed));
        self.published.ticks.increment(take(&mut self.ticks));
        for (counter, count) in self.published.late.iter().zip(&mut self.late) {
            counter.increment(take(count));
        }
    }
}
