//! What follows when no person takes the call: a message, a callback, a ticket, or an honest word (R4).

use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::ladder::LadderEnd;

use super::super::intents::{self, Intent};
use super::super::phrases;
use super::{CallFlow, Say, SayKind, State};

impl CallFlow {
    /// Goes on as the ladder ends. `words` come first; `tried` tells whether somebody was rung before, since nothing
    /// else may be claimed (R58).
    pub(super) fn without_a_person(&mut self, now: Instant, end: LadderEnd, mut words: Vec<String>, tried: bool) {
        let goes_without_saying = matches!(end, LadderEnd::Flag | LadderEnd::BestEffort);
        match (tried, goes_without_saying) {
            (true, _) => words.push(phrases::NOBODY_FREE.to_owned()),
            (false, false) => words.push(phrases::NOBODY_NOW.to_owned()),
            (false, true) => {}
        }
        match end {
            LadderEnd::Voicemail { or_callback: true } | LadderEnd::Callback { or_voicemail: true } => {
                words.push(phrases::MESSAGE_OR_CALLBACK.to_owned());
                self.not_understood = 0;
                self.state = State::Choosing { otherwise: end };
                self.say(now, Say::new(SayKind::Prompt, words));
            }
            LadderEnd::Voicemail { or_callback: false } => self.begin_voicemail(now, words),
            LadderEnd::Callback { or_voicemail: false } => self.begin_callback(now, words),
            LadderEnd::BestEffort => {
                self.settle_as(CallOutcome::BestEffort);
                self.state = State::Conversing;
                words.extend([phrases::NO_RELIABLE_ANSWER, phrases::ANYTHING_ELSE].map(str::to_owned));
                self.say(now, Say::new(SayKind::Prompt, words));
            }
            LadderEnd::Flag
            | LadderEnd::Person
            | LadderEnd::GivenBack
            | LadderEnd::NeverMind
            | LadderEnd::CallerGone
            | LadderEnd::CutByRestart => {
                let lead = if tried { phrases::TAKES_DETAILS } else { phrases::NEEDS_A_PERSON };
                words.push(lead.to_owned());
                self.collect(now, words, None);
            }
        }
    }

    /// The answer to "a message, or a callback?".
    pub(super) fn heard_choice(&mut self, now: Instant, text: &str) {
        let State::Choosing { otherwise } = &self.state else { return };
        let otherwise = *otherwise;
        match choice(text) {
            Some(Choice::Message) => self.begin_voicemail(now, Vec::new()),
            Some(Choice::Callback) => self.begin_callback(now, Vec::new()),
            Some(Choice::Neither) => {
                self.take_silently();
                self.store_ticket();
                self.state = State::Conversing;
                let words = [phrases::CASE_IS_NOTED, phrases::ANYTHING_ELSE].map(str::to_owned).to_vec();
                self.say(now, Say::new(SayKind::Prompt, words));
            }
            None if self.not_understood == 0 => {
                self.not_understood = 1;
                self.say(now, Say::prompt(phrases::MESSAGE_OR_CALLBACK));
            }
            // Nobody is kept in a loop: the ladder's own order decides.
            None => {
                self.not_understood = 0;
                match otherwise {
                    LadderEnd::Voicemail { .. } => self.begin_voicemail(now, Vec::new()),
                    _ => self.begin_callback(now, Vec::new()),
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Message,
    Callback,
    Neither,
}

fn choice(text: &str) -> Option<Choice> {
    let said = intents::words(text).join(" ");
    let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    if any(&["call me", "call back", "callback", "called back", "ring me", "phone me", "second"]) {
        Some(Choice::Callback)
    } else if any(&["message", "voicemail", "voice mail", "record", "first"]) {
        Some(Choice::Message)
    } else if any(&["neither", "nothing", "none"])
        || matches!(intents::intent(text), Some(Intent::No | Intent::NeverMind | Intent::Goodbye))
    {
        Some(Choice::Neither)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_from_ordinary_words() {
        for (said, chosen) in [
            ("I'd like to leave a message, please.", Some(Choice::Message)),
            ("Please call me back.", Some(Choice::Callback)),
            ("A callback.", Some(Choice::Callback)),
            ("Neither, thanks.", Some(Choice::Neither)),
            ("No thank you.", Some(Choice::Neither)),
            ("What about my lamp?", None),
        ] {
            assert_eq!(choice(said), chosen, "{said}");
        }
    }
}
