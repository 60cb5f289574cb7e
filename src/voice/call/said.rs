//! What is being said at present, as a message and in time.

use std::time::{Duration, Instant};

use crate::domain::conversation::{Message, TurnTimings};
use crate::domain::turn::Writer;

use super::super::ear::HeardTurn;
use super::super::flow::SayKind;

/// The words under way and the turn they answer.
#[derive(Default)]
pub(super) struct Said {
    message: Option<Message>,
    notice: Option<usize>,
    /// When the words were ordered, until the first sample has left.
    ordered_at: Option<Instant>,
    filler_due: Option<Instant>,
    /// Since when neither side has said anything, after the caller's turn.
    silent_since: Option<Instant>,
    turn: Option<TurnClock>,
}

/// The clock of one reply: it starts at the caller's last voiced frame.
struct TurnClock {
    last_voice_at: Instant,
    timings: TurnTimings,
}

impl Said {
    /// The caller's turn ended: the reply's clock runs from its last voiced frame.
    pub fn heard(&mut self, turn: &HeardTurn, wait_ms: u32, now: Instant) {
        let timings = TurnTimings {
            buffer_ms: Some(wait_ms as f32),
            end_of_turn_ms: Some(ms(now.duration_since(turn.last_voice_at))),
            recognition_ms: turn.recognition_ms,
            ..TurnTimings::default()
        };
        self.silent_since = Some(turn.last_voice_at);
        self.turn = Some(TurnClock { last_voice_at: turn.last_voice_at, timings });
    }

    /// The desk has decided.
    pub fn decided(&mut self, desk_ms: f32, prepared: bool) {
        if let Some(turn) = &mut self.turn {
            turn.timings.desk_ms = Some(desk_ms);
            turn.timings.prepared = prepared;
        }
    }

    /// New words were ordered.
    pub fn begin(&mut self, now: Instant, message: Option<Message>, notice: Option<usize>, kind: SayKind) {
        self.message = message;
        self.notice = notice;
        self.ordered_at = Some(now);
        let due =
            self.silent_since.map_or(now + SPEECH_IS_LATE, |since| (since + FILLED_FOR).min(now + SPEECH_IS_LATE));
        self.filler_due = (kind != SayKind::Filler).then_some(due);
    }

    /// The first sample of the words has left: the reply gap is known.
    pub fn started(&mut self, now: Instant) -> Option<Message> {
        let ordered_at = self.ordered_at.take()?;
        self.filler_due = None;
        self.silent_since = None;
        let message = self.message.as_mut()?;
        let turn = self.turn.take()?;
        let mut timings = turn.timings;
        timings.synthesis_ms = Some(ms(now.saturating_duration_since(ordered_at)));
        timings.reply_gap_ms = Some(ms(now.saturating_duration_since(turn.last_voice_at)));
        if let Some(gap_ms) = timings.reply_gap_ms {
            metrics::histogram!("switchboard_reply_gap_seconds").record(f64::from(gap_ms) / 1000.0);
        }
        message.timings = Some(timings);
        Some(message.clone())
    }

    /// More words behind those under way: the message as it is now.
    pub fn more(&mut self, words: &str) -> Option<&Message> {
        let message = self.message.as_mut()?;
        message.text.push(' ');
        message.text.push_str(words);
        Some(message)
    }

    /// Who wrote the words under way is known at their end.
    pub fn written_by(&mut self, writer: Writer) -> Option<&Message> {
        let message = self.message.as_mut()?;
        message.decision.as_mut()?.writer = Some(writer);
        Some(message)
    }

    /// The message under way, once: what was heard of it is written into it.
    pub fn take_message(&mut self) -> Option<Message> {
        self.ordered_at = None;
        self.filler_due = None;
        self.notice = None;
        self.message.take()
    }

    /// Which sentence of the words is the recording notice, until it was heard.
    pub fn notice(&self) -> Option<usize> {
        self.notice
    }

    /// It was heard.
    pub fn notice_heard(&mut self) {
        self.notice = None;
    }

    /// When speech that has not come is to be bridged.
    pub fn filler_due(&self) -> Option<Instant> {
        self.filler_due
    }

    /// The pause was filled.
    pub fn filled(&mut self, now: Instant) {
        self.silent_since = None;
        self.filler_due = Some(now + FILLED_FOR);
    }
}

fn ms(time: Duration) -> f32 {
    time.as_secs_f32() * 1000.0
}

/// Speech that has not begun by then is bridged: 1.5 s of nothing is always filled, and the end of a turn has
/// taken its part of that already; after a long pause of the caller's it is bridged sooner.
const SPEECH_IS_LATE: Duration = Duration::from_millis(900);
/// So long after the caller's last sound, and after each phrase, so that there are never 3 s of nothing.
const FILLED_FOR: Duration = Duration::from_millis(2500);

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(last_voice_at: Instant) -> HeardTurn {
        HeardTurn {
            text: "When are you open?".into(),
            began_at: last_voice_at,
            last_voice_at,
            held_card: false,
            recognition_ms: None,
        }
    }

    /// R59: the caller's own pause counts as silence too.
    #[test]
    fn late_speech_after_a_long_pause_is_bridged_before_three_seconds_have_passed() {
        let silent_since = Instant::now();
        let decided_at = silent_since + Duration::from_millis(2400);
        let mut said = Said::default();
        said.heard(&turn(silent_since), 20, decided_at);
        said.begin(decided_at, None, None, SayKind::Answer);
        assert_eq!(said.filler_due(), Some(silent_since + FILLED_FOR));
    }

    #[test]
    fn speech_that_follows_soon_has_its_own_time() {
        let silent_since = Instant::now();
        let decided_at = silent_since + Duration::from_millis(300);
        let mut said = Said::default();
        said.heard(&turn(silent_since), 20, decided_at);
        said.begin(decided_at, None, None, SayKind::Answer);
        assert_eq!(said.filler_due(), Some(decided_at + SPEECH_IS_LATE));
    }
}
