//! How much silence ends a turn, by how its words end and how its melody sounds. Pure.

use super::completeness::Ending;

/// How much silence ends a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndOfTurnSettings {
    /// 1.0 as tuned; less is faster and cuts more callers off, more is slower and kinder.
    pub patience: f32,
}

impl EndOfTurnSettings {
    /// Frames of silence that end a turn whose words end like this. Where the words leave it open, a melody
    /// that sounds finished shortens the wait and any other lengthens it; without one the words' own wait holds.
    ///
    /// `slowness` (1.0 and more) is what this caller's pauses have shown; a whole question is over all the same.
    pub fn wait_frames(&self, ending: Ending, melody: Option<f32>, slowness: f32) -> usize {
        let wait_ms = match (melody_waits_ms(ending), melody) {
            (Some((finished_ms, _, _)), Some(finished)) if finished >= MELODY_FINISHED => finished_ms,
            (Some((_, _, unfinished_ms)), Some(finished)) if finished < MELODY_UNFINISHED => unfinished_ms,
            (Some((_, between_ms, _)), Some(_)) => between_ms,
            (_, None) | (None, _) => words_wait_ms(ending),
        };
        let slowness = if ending == Ending::Finished { 1.0 } else { slowness };
        let scaled = (wait_ms as f32 * self.patience * slowness / FRAME_MS as f32).round() as usize;
        scaled.clamp(WAIT_FRAMES_MIN, WAIT_FRAMES_MAX)
    }
}

impl Default for EndOfTurnSettings {
    fn default() -> Self {
        EndOfTurnSettings { patience: 1.0 }
    }
}

/// Whether the words leave it to the melody if the turn is over.
pub fn melody_decides(ending: Ending) -> bool {
    melody_waits_ms(ending).is_some()
}

/// Milliseconds of silence that end a turn by its words alone.
fn words_wait_ms(ending: Ending) -> u32 {
    match ending {
        // People answer each other after 200 ms; nothing is gained below it, as the reply is prepared then.
        Ending::Finished => 200,
        Ending::Reply => 440,
        Ending::Statement => 640,
        // "I ordered a sofa" (… "last Tuesday") has no sign of its own, and most stories have a second sentence.
        Ending::Telling => 700,
        Ending::Open => 1_100,
        Ending::Opening => 1_000,
        // Groups of digits are read with gaps of up to a second.
        Ending::Number => 1_400,
        Ending::Spelling => 1_400,
        Ending::GoesOn => 1_800,
    }
}

/// Milliseconds of silence that end a turn when its melody sounds finished, neither, unfinished.
///
/// A pause after a whole question needs no second opinion, and inside numbers every group sounds finished.
fn melody_waits_ms(ending: Ending) -> Option<(u32, u32, u32)> {
    match ending {
        Ending::Statement => Some((320, 800, 1_200)),
        // A question of which the first word was lost reads as a story: not over 600 ms where it sounds finished.
        Ending::Telling => Some((560, 1_200, 1_500)),
        Ending::Open => Some((500, 1_200, 1_500)),
        Ending::Finished | Ending::Reply | Ending::Opening | Ending::Number | Ending::Spelling | Ending::GoesOn => None,
    }
}

const FRAME_MS: u32 = media::FRAME_MS;
/// 160 ms: below it a stop inside a word ends the turn.
const WAIT_FRAMES_MIN: usize = 8;
/// 3 s at the highest patience; longer silence is answered by a re-prompt.
const WAIT_FRAMES_MAX: usize = 150;
/// From here on the melody counts as an end: half of the sentences that are over reach it, and few others do.
const MELODY_FINISHED: f32 = 0.97;
/// Below it the melody counts as going on.
const MELODY_UNFINISHED: f32 = 0.3;

/// How slowly this caller speaks, as far as their turns have shown: a factor on every wait but a whole question's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowness(f32);

impl Slowness {
    /// Nobody has been cut off yet.
    pub fn new() -> Slowness {
        Slowness(1.0)
    }

    /// The factor.
    pub fn factor(self) -> f32 {
        self.0
    }

    /// The caller began to speak this long after their last turn was taken for over.
    pub fn began_again(&mut self, after_turn_ms: u32) {
        if after_turn_ms < CUT_OFF_MS {
            self.0 = (self.0 * CUT_OFF_FACTOR).min(SLOWNESS_MAX);
        }
    }

    /// A turn ended.
    pub fn turn_ended(&mut self) {
        self.0 = 1.0 + (self.0 - 1.0) * KEPT_A_TURN;
    }
}

/// Who goes on within 1 s of what was taken for the end was cut off; later it is an answer to us.
const CUT_OFF_MS: u32 = 1_000;
/// Half as long again: pauses of one person vary less than those of all.
const CUT_OFF_FACTOR: f32 = 1.5;
/// Twice as long at most: slower answers are taken for no answer.
const SLOWNESS_MAX: f32 = 2.0;
/// Half of it is forgotten after six turns that were whole.
const KEPT_A_TURN: f32 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_melody_moves_the_wait_only_where_the_words_leave_it_open() {
        let waits = |ending| {
            [None, Some(0.99), Some(0.5), Some(0.1)]
                .map(|melody| EndOfTurnSettings::default().wait_frames(ending, melody, 1.0))
        };
        assert_eq!(waits(Ending::Statement), [32, 16, 40, 60]);
        assert_eq!(waits(Ending::Finished), [10; 4]);
        assert_eq!(waits(Ending::Number), [70; 4]);
    }

    #[test]
    fn who_was_cut_off_is_given_more_time_and_whole_questions_are_not() {
        let mut slowness = Slowness::new();
        slowness.began_again(1_500);
        assert_eq!(slowness, Slowness::new());
        (0..9).for_each(|_| slowness.began_again(300));
        assert_eq!(slowness.factor(), SLOWNESS_MAX);
        let wait = |ending| EndOfTurnSettings::default().wait_frames(ending, None, slowness.factor());
        assert_eq!((wait(Ending::Finished), wait(Ending::Statement)), (10, 64));
        (0..60).for_each(|_| slowness.turn_ended());
        assert!(slowness.factor() < 1.01);
    }

    #[test]
    fn patience_scales_every_wait_within_bounds() {
        let wait = |patience| EndOfTurnSettings { patience }.wait_frames(Ending::Statement, None, 1.0);
        assert_eq!((wait(0.5), wait(1.0), wait(2.0)), (16, 32, 64));
        assert_eq!((wait(0.01), wait(100.0)), (WAIT_FRAMES_MIN, WAIT_FRAMES_MAX));
    }
}
