//! What becomes of our own speech when the caller speaks into it.
//!
//! 1. The caller begins to speak: our speech is held at once, at the sample where it is.
//! 2. True words stop it for good.
//! 3. "Mhm", a cough, noise, or our own words coming back: it goes on where it was, once the recogniser has said
//!    so and the caller has stayed silent. Who goes on sooner talks into "no, …".

use std::collections::VecDeque;

/// Decides over the speech of one call.
#[derive(Default)]
pub struct Interruption {
    state: State,
    effects: VecDeque<InterruptionEffect>,
}

/// What is being said by us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utterances {
    /// Its words, for recognising them when they come back.
    pub text: String,
    /// It asks something that "yes" or "okay" would answer.
    pub asks: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterruptionEvent {
    /// We began to speak, or went on with the next sentence.
    AgentSpeaks(Utterances),
    /// We have said all.
    AgentFinished,
    /// The caller has begun to speak.
    CallerStarted,
    /// 20 ms passed.
    Frame {
        /// The caller spoke in them.
        speech: bool,
    },
    /// A transcript of the caller's utterance.
    Transcript {
        /// Its words.
        text: String,
        /// The caller had paused when it was made.
        paused: bool,
    },
    /// The caller's turn ended with these words; empty when there were none.
    CallerEnded {
        /// Its words.
        text: String,
    },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptionEffect {
    /// Silence our speech and remember where it was.
    HoldSpeech,
    /// Go on with it where it was.
    ResumeSpeech,
    /// It is over: nothing of it is heard any more.
    StopSpeech,
    /// The turn that just ended was no turn: do not answer it.
    DropTurn,
}

#[derive(Default)]
enum State {
    /// We are not speaking.
    #[default]
    Quiet,
    /// We are speaking.
    Speaking(Utterances),
    /// We would be speaking.
    Held(Held),
}

struct Held {
    ours: Utterances,
    frames: usize,
    speech_frames: usize,
    silent_frames: usize,
    /// The caller said nothing but "mhm" so far.
    only_listening: bool,
    /// Everything up to this silence is known, and none of it wants the turn.
    dismissed: bool,
}

impl Held {
    fn new(ours: Utterances) -> Held {
        Held { ours, frames: 0, speech_frames: 0, silent_frames: 0, only_listening: false, dismissed: false }
    }
}

impl Interruption {
    /// We are silent.
    pub fn new() -> Interruption {
        Interruption::default()
    }

    /// Whether our speech is being held.
    pub fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    /// Takes in what happened; the effects wait in [`Interruption::poll_effect`].
    pub fn handle(&mut self, event: InterruptionEvent) {
        self.state = match (std::mem::take(&mut self.state), event) {
            (State::Quiet | State::Speaking(_), InterruptionEvent::AgentSpeaks(ours)) => State::Speaking(ours),
            (State::Held(held), InterruptionEvent::AgentSpeaks(ours)) => State::Held(Held { ours, ..held }),
            (State::Quiet | State::Speaking(_), InterruptionEvent::AgentFinished) => State::Quiet,
            // Only what was played can be finished; the order and our hold have crossed.
            (State::Held(_), InterruptionEvent::AgentFinished) => {
                self.effects.push_back(InterruptionEffect::StopSpeech);
                State::Quiet
            }
            (State::Speaking(ours), InterruptionEvent::CallerStarted) => {
                self.effects.push_back(InterruptionEffect::HoldSpeech);
                State::Held(Held::new(ours))
            }
            (State::Held(held), InterruptionEvent::Frame { speech }) => self.frame(held, speech),
            (State::Held(held), InterruptionEvent::Transcript { text, paused }) => self.words(held, &text, paused),
            (State::Held(held), InterruptionEvent::CallerEnded { text }) => self.ended(held, &text),
            (State::Speaking(ours), InterruptionEvent::Transcript { text, paused: _ }) => {
                // Words that were taken for nothing at first.
                if meaning(&text, &ours) == Meaning::Words {
                    self.effects.push_back(InterruptionEffect::StopSpeech);
                    State::Quiet
                } else {
                    State::Speaking(ours)
                }
            }
            (State::Speaking(ours), InterruptionEvent::CallerEnded { text }) => {
                if meaning(&text, &ours) == Meaning::Words {
                    self.effects.push_back(InterruptionEffect::StopSpeech);
                    State::Quiet
                } else {
                    self.effects.push_back(InterruptionEffect::DropTurn);
                    State::Speaking(ours)
                }
            }
            (State::Held(held), InterruptionEvent::CallerStarted) => State::Held(held),
            (State::Speaking(ours), InterruptionEvent::Frame { .. }) => State::Speaking(ours),
            // While we are silent nothing can be interrupted.
            (
                State::Quiet,
                InterruptionEvent::CallerStarted
                | InterruptionEvent::Frame { .. }
                | InterruptionEvent::Transcript { .. }
                | InterruptionEvent::CallerEnded { .. },
            ) => State::Quiet,
        };
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<InterruptionEffect> {
        self.effects.pop_front()
    }

    fn frame(&mut self, mut held: Held, speech: bool) -> State {
        held.frames += 1;
        held.speech_frames += usize::from(speech);
        held.silent_frames = if speech { 0 } else { held.silent_frames + 1 };
        held.dismissed &= !speech;
        let talks_on = held.speech_frames >= TALK_FRAMES && !held.only_listening;
        if talks_on { self.stop() } else { self.resume_if_over(held) }
    }

    fn resume_if_over(&mut self, held: Held) -> State {
        let over = held.dismissed && held.silent_frames >= SILENT_FRAMES;
        if over || held.silent_frames >= SILENT_FRAMES_MAX || held.frames >= HELD_FRAMES_MAX {
            self.resume(held)
        } else {
            State::Held(held)
        }
    }

    fn words(&mut self, mut held: Held, text: &str, paused: bool) -> State {
        match meaning(text, &held.ours) {
            Meaning::Words => self.stop(),
            Meaning::Listening | Meaning::Ours | Meaning::Nothing if paused => {
                // What was told of an earlier pause says nothing about who speaks now.
                held.dismissed = held.silent_frames > 0;
                self.resume_if_over(held)
            }
            Meaning::Listening | Meaning::Ours => {
                held.only_listening = true;
                State::Held(held)
            }
            Meaning::Nothing => State::Held(held),
        }
    }

    fn ended(&mut self, mut held: Held, text: &str) -> State {
        if meaning(text, &held.ours) == Meaning::Words {
            return self.stop();
        }
        self.effects.push_back(InterruptionEffect::DropTurn);
        held.dismissed = true;
        self.resume_if_over(held)
    }

    fn stop(&mut self) -> State {
        self.effects.push_back(InterruptionEffect::StopSpeech);
        State::Quiet
    }

    fn resume(&mut self, held: Held) -> State {
        self.effects.push_back(InterruptionEffect::ResumeSpeech);
        State::Speaking(held.ours)
    }
}

/// What a caller's words mean while we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// They want the turn.
    Words,
    /// They listen and say so.
    Listening,
    /// We said them ourselves.
    Ours,
    /// No words.
    Nothing,
}

fn meaning(text: &str, ours: &Utterances) -> Meaning {
    let said = plain_words(text);
    if said.is_empty() {
        return Meaning::Nothing;
    }
    if !ours.asks && said.len() <= LISTENING_WORDS_MAX && said.iter().all(|word| LISTENING.contains(&word.as_str())) {
        return Meaning::Listening;
    }
    if said.len() >= OURS_WORDS_MIN && share_in_order(&said, &plain_words(&ours.text)) >= OURS_SHARE {
        return Meaning::Ours;
    }
    Meaning::Words
}

fn plain_words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

/// The share of the words that occurs in the other text in the same order.
fn share_in_order(words: &[String], text: &[String]) -> f32 {
    let mut longest = vec![0usize; text.len() + 1];
    for word in words {
        let mut diagonal = 0;
        for (column, other) in text.iter().enumerate() {
            let above = longest[column + 1];
            longest[column + 1] = if word == other { diagonal + 1 } else { above.max(longest[column]) };
            diagonal = above;
        }
    }
    longest[text.len()] as f32 / words.len() as f32
}

/// Said by people who listen. "No", "stop", "wait" and "sorry" are not here: they want the turn.
const LISTENING: &[&str] = &[
    "mhm", "mm", "mmm", "hm", "hmm", "uh", "huh", "um", "mmhmm", "okay", "ok", "k", "yeah", "yes", "yep", "right",
    "sure", "oh", "ah", "aha", "alright", "all", "i", "see", "got", "it", "good", "great", "fine", "cool", "so",
    "exactly", "true", "really", "wow", "nice", "m", "h", "mhmm",
];
/// "Oh okay, I see."
const LISTENING_WORDS_MAX: usize = 4;
/// Fewer words occur in any sentence by chance.
const OURS_WORDS_MIN: usize = 3;
/// One word of four may be misheard.
const OURS_SHARE: f32 = 0.75;
/// 900 ms of speech without a transcript: coughs are shorter, and the caller is not talked over.
const TALK_FRAMES: usize = 45;
/// 500 ms of silence after "mhm" or a cough: the pause in "okay, but …" is shorter, and so is the one in "stop, can I
/// …", of which the first word is too short to be read well.
const SILENT_FRAMES: usize = 25;
/// 1 s of silence without any word of the recogniser: it is late, and we have been silent long enough.
const SILENT_FRAMES_MAX: usize = 50;
/// 4 s: whatever it is, it is not silence that helps.
const HELD_FRAMES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours(asks: bool) -> Utterances {
        Utterances { text: "We are open from nine to five on weekdays.".into(), asks }
    }

    fn run(interruption: &mut Interruption, events: Vec<InterruptionEvent>) -> Vec<InterruptionEffect> {
        events.into_iter().for_each(|event| interruption.handle(event));
        std::iter::from_fn(|| interruption.poll_effect()).collect()
    }

    fn speaking(asks: bool) -> Interruption {
        let mut interruption = Interruption::new();
        assert!(run(&mut interruption, vec![InterruptionEvent::AgentSpeaks(ours(asks))]).is_empty());
        interruption
    }

    fn frames(count: usize, speech: bool) -> Vec<InterruptionEvent> {
        vec![InterruptionEvent::Frame { speech }; count]
    }

    fn told(text: &str, paused: bool) -> InterruptionEvent {
        InterruptionEvent::Transcript { text: text.into(), paused }
    }

    /// The caller pauses, and the recogniser tells this of what they said.
    fn paused(text: &str) -> Vec<InterruptionEvent> {
        [frames(8, true), frames(8, false), vec![told(text, true)], frames(SILENT_FRAMES - 8, false)].concat()
    }

    /// R1: after a true interruption nothing stale is heard, however slow the recogniser is.
    #[test]
    fn a_short_word_is_waited_for_and_not_talked_into() {
        let mut interruption = speaking(false);
        let begun = [vec![InterruptionEvent::CallerStarted], frames(9, true), frames(30, false)].concat();
        assert_eq!(run(&mut interruption, begun), [InterruptionEffect::HoldSpeech]);
        assert_eq!(run(&mut interruption, vec![told("No.", true)]), [InterruptionEffect::StopSpeech]);
    }

    #[test]
    fn a_stop_too_short_to_be_read_is_not_talked_into() {
        let mut interruption = speaking(false);
        let stop = [vec![InterruptionEvent::CallerStarted], frames(5, true), frames(15, false)].concat();
        assert_eq!(run(&mut interruption, stop), [InterruptionEffect::HoldSpeech]);
        let ended = vec![InterruptionEvent::CallerEnded { text: String::new() }];
        assert_eq!(run(&mut interruption, ended), [InterruptionEffect::DropTurn]);
        let goes_on = [frames(5, false), vec![InterruptionEvent::CallerStarted], frames(30, true)].concat();
        assert!(run(&mut interruption, goes_on).is_empty());
        assert_eq!(run(&mut interruption, vec![told("can I collect it?", true)]), [InterruptionEffect::StopSpeech]);
    }

    #[test]
    fn okay_but_is_not_talked_into() {
        let mut interruption = speaking(false);
        let okay = [vec![InterruptionEvent::CallerStarted], frames(12, true), frames(6, false)].concat();
        assert_eq!(run(&mut interruption, okay), [InterruptionEffect::HoldSpeech]);
        let goes_on = [vec![told("Okay.", true)], frames(7, false), frames(10, true), frames(20, false)].concat();
        assert!(run(&mut interruption, goes_on).is_empty());
        let all = vec![told("Okay, but when do you close?", true)];
        assert_eq!(run(&mut interruption, all), [InterruptionEffect::StopSpeech]);
    }

    #[test]
    fn true_words_hold_our_speech_at_once_and_stop_it() {
        let mut interruption = speaking(false);
        let held = run(&mut interruption, vec![InterruptionEvent::CallerStarted]);
        assert_eq!(held, [InterruptionEffect::HoldSpeech]);
        let stopped = run(&mut interruption, vec![told("no wait, I meant Saturday", false)]);
        assert_eq!(stopped, [InterruptionEffect::StopSpeech]);
    }

    /// P2: coughs, noise and "mhm" do not stop the agent.
    #[test]
    fn a_backchannel_a_cough_and_our_own_words_let_us_go_on() {
        let cases: Vec<Vec<InterruptionEvent>> = vec![
            paused("Mhm."),
            paused("okay, I see"),
            paused(""),
            paused("open from nine to fife"),
            [frames(8, true), frames(SILENT_FRAMES_MAX, false)].concat(),
            [frames(9, true), vec![InterruptionEvent::CallerEnded { text: String::new() }], frames(25, false)].concat(),
        ];
        for events in cases {
            let mut interruption = speaking(false);
            let all = [vec![InterruptionEvent::CallerStarted], events.clone()].concat();
            let effects = run(&mut interruption, all);
            assert_eq!(effects[0], InterruptionEffect::HoldSpeech);
            assert_eq!(effects.last(), Some(&InterruptionEffect::ResumeSpeech), "{events:?}");
            assert!(!interruption.is_held());
        }
    }

    #[test]
    fn yes_is_an_answer_when_we_ask() {
        let mut interruption = speaking(true);
        let effects = run(&mut interruption, vec![InterruptionEvent::CallerStarted, told("yes", true)]);
        assert_eq!(effects, [InterruptionEffect::HoldSpeech, InterruptionEffect::StopSpeech]);
    }

    #[test]
    fn a_caller_who_talks_on_stops_us_without_a_transcript() {
        let mut interruption = speaking(false);
        let all = [vec![InterruptionEvent::CallerStarted], frames(60, true)].concat();
        let effects = run(&mut interruption, all);
        assert_eq!(effects, [InterruptionEffect::HoldSpeech, InterruptionEffect::StopSpeech]);
    }

    #[test]
    fn the_turn_of_a_backchannel_is_not_answered() {
        let mut interruption = speaking(false);
        let effects = run(
            &mut interruption,
            [
                vec![InterruptionEvent::CallerStarted],
                paused("mhm"),
                vec![InterruptionEvent::CallerEnded { text: "mhm".into() }],
            ]
            .concat(),
        );
        let expected = [InterruptionEffect::HoldSpeech, InterruptionEffect::ResumeSpeech, InterruptionEffect::DropTurn];
        assert_eq!(effects, expected);
    }

    #[test]
    fn a_turn_while_we_are_silent_is_always_answered() {
        let mut interruption = Interruption::new();
        let effects = run(
            &mut interruption,
            vec![InterruptionEvent::CallerStarted, InterruptionEvent::CallerEnded { text: "mhm".into() }],
        );
        assert!(effects.is_empty());
    }

    fn event() -> impl Strategy<Value = InterruptionEvent> {
        let text = prop_oneof![Just(""), Just("mhm"), Just("stop please"), Just("open from nine to five")];
        prop_oneof![
            2 => any::<bool>().prop_map(|asks| InterruptionEvent::AgentSpeaks(ours(asks))),
            1 => Just(InterruptionEvent::AgentFinished),
            3 => Just(InterruptionEvent::CallerStarted),
            6 => any::<bool>().prop_map(|speech| InterruptionEvent::Frame { speech }),
            2 => (text.clone(), any::<bool>()).prop_map(|(text, paused)| told(text, paused)),
            2 => text.prop_map(|text| InterruptionEvent::CallerEnded { text: text.into() }),
        ]
    }

    proptest! {
        /// P2: however often we are interrupted, a hold is answered by exactly one of going on and stopping,
        /// and within four seconds.
        #[test]
        fn every_hold_is_resolved(events in proptest::collection::vec(event(), 0..300), silent_after in any::<bool>()) {
            let mut interruption = Interruption::new();
            let mut held = false;
            let after = vec![InterruptionEvent::Frame { speech: !silent_after }; HELD_FRAMES_MAX];
            for event in events.into_iter().chain(after) {
                interruption.handle(event);
                while let Some(effect) = interruption.poll_effect() {
                    match effect {
                        InterruptionEffect::HoldSpeech => {
                            prop_assert!(!held);
                            held = true;
                        }
                        InterruptionEffect::ResumeSpeech => prop_assert!(std::mem::take(&mut held)),
                        // Words that come late stop speech that had gone on.
                        InterruptionEffect::StopSpeech => held = false,
                        InterruptionEffect::DropTurn => {}
                    }
                }
                prop_assert_eq!(held, interruption.is_held());
            }
            prop_assert!(!held, "four seconds of the same resolve it");
        }
    }
}
