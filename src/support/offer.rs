//! Understanding what follows "Do you mean …?": yes, no, or something else.

use crate::domain::turn::{Speaker, TurnInput};

use super::index::Index;
use super::text;

/// What the customer said to an offered question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes, that one.
    Confirmed {
        /// Its position in the index.
        entry: usize,
    },
    /// No, not that one.
    Refused {
        /// Its position in the index.
        entry: usize,
        /// What to search for instead: the words behind the "no", else the question asked before.
        text: String,
        /// The words behind the "no" ask something new.
        anew: bool,
        /// How many questions were put back in a row so far.
        asked_before: usize,
    },
}

/// Reads the turn as a reply to the offer of the last one; `None` if nothing was offered or it says something new.
pub fn understand(input: &TurnInput, index: &Index) -> Option<Reply> {
    let entry = index.find(input.offered.as_deref()?)?;
    let words = text::words(&input.text);
    let (assents, rest) = lead(&words, YES);
    if assents && rest.is_empty() {
        return Some(Reply::Confirmed { entry });
    }
    let (refuses, rest) = lead(&words, NO);
    if !refuses {
        return None;
    }
    let asked_before = offers_in_a_row(input);
    let anew = !rest.is_empty();
    let text = if anew { rest.join(" ") } else { question_before(input).unwrap_or_default() };
    Some(Reply::Refused { entry, text, anew, asked_before })
}

/// Strips leading phrases of the table and fillers; tells whether any phrase was there.
fn lead<'a>(words: &'a [String], phrases: &[&str]) -> (bool, &'a [String]) {
    let mut rest = words;
    let mut found = false;
    while let Some(first) = rest.first() {
        let longest = phrases.iter().filter(|phrase| begins_with(rest, phrase)).map(|p| p.split(' ').count()).max();
        match longest {
            Some(count) => {
                found = true;
                rest = &rest[count..];
            }
            None if FILLERS.contains(&first.as_str()) => rest = &rest[1..],
            None => break,
        }
    }
    (found, rest)
}

fn begins_with(words: &[String], phrase: &str) -> bool {
    words.len() >= phrase.split(' ').count() && phrase.split(' ').zip(words).all(|(a, b)| a == b)
}

/// The customer's last question: the newest of their earlier lines that was more than yes or no.
fn question_before(input: &TurnInput) -> Option<String> {
    let theirs = input.history.iter().rev().filter(|line| line.speaker == Speaker::Customer);
    let mut theirs = theirs.filter(|line| {
        let words = text::words(&line.text);
        !words.is_empty() && !lead(&words, YES).1.is_empty() && !lead(&words, NO).1.is_empty()
    });
    theirs.next().map(|line| line.text.clone())
}

fn offers_in_a_row(input: &TurnInput) -> usize {
    let ours = input.history.iter().rev().filter(|line| line.speaker == Speaker::Us);
    ours.take_while(|line| line.text.contains("Do you mean")).count()
}

const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "yea",
    "ya",
    "yah",
    "ja",
    "sure",
    "correct",
    "right",
    "exactly",
    "thats right",
    "that is right",
    "thats correct",
    "that is correct",
    "thats it",
    "that is it",
    "thats the one",
    "that one",
    "i do",
    "it is",
    "of course",
    "absolutely",
    "definitely",
    "indeed",
    "true",
    "ok",
    "okay",
    "please",
    "yes i do",
    "thats what i mean",
    "that is what i mean",
    "thats what i want",
    "i think so",
    "thats what i meant",
    "that is what i meant",
    "mhm",
    "uh huh",
    "aha",
    "precisely",
    "affirmative",
    "i mean that",
    "yes i mean that",
    "thank you",
    "thanks",
];

const NO: &[&str] = &[
    "no",
    "nope",
    "nah",
    "not that",
    "not that one",
    "no i dont",
    "i dont",
    "i do not",
    "not really",
    "not exactly",
    "not quite",
    "thats not it",
    "that is not it",
    "thats wrong",
    "wrong",
    "thats not what i mean",
    "that is not what i mean",
    "thats not what i meant",
    "no thats not it",
    "thats not right",
    "something else",
    "none",
    "negative",
    "neither",
    "incorrect",
    "i mean",
    "i meant",
    "no thanks",
    "no thank you",
];

const FILLERS: &[&str] = &[
    "um", "umm", "uh", "er", "erm", "ah", "oh", "hm", "hmm", "well", "so", "i", "mean", "but", "and", "the", "sorry",
    "actually", "just",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge::{Entry, Kind, Sensitivity};
    use crate::domain::time::EpochMs;
    use crate::domain::turn::{ChannelTraits, Line};

    fn understood(text: &str) -> Option<Reply> {
        let entry = Entry {
            id: "hours".into(),
            kind: Kind::Faq,
            sensitivity: Sensitivity::Auto,
            question: "When are you open?".into(),
            alternatives: vec![],
            answer: "Daily.".into(),
            spoken: None,
            source: "faq.md".into(),
            valid_until: None,
            article: None,
        };
        let index = Index::build(vec![entry], |_| Ok::<_, std::convert::Infallible>(None)).unwrap();
        let line = |speaker, text: &str| Line { speaker, text: text.into() };
        let input = TurnInput {
            text: text.into(),
            history: vec![
                line(Speaker::Customer, "what about the times"),
                line(Speaker::Us, "Do you mean: When are you open?"),
            ],
            offered: Some("hours".into()),
            channel: ChannelTraits::PHONE,
            now: EpochMs(0),
        };
        understand(&input, &index)
    }

    #[test]
    fn yes_in_its_many_forms_confirms() {
        for text in ["yes", "Yeah, that's right.", "uh yes please", "Correct", "mhm", "yes I do"] {
            assert_eq!(understood(text), Some(Reply::Confirmed { entry: 0 }), "{text}");
        }
    }

    #[test]
    fn no_goes_back_to_the_question_asked_before() {
        let refused = |text: &str| Some(Reply::Refused { entry: 0, text: text.into(), anew: false, asked_before: 1 });
        assert_eq!(understood("no"), refused("what about the times"));
        assert_eq!(understood("no, not that one"), refused("what about the times"));
    }

    #[test]
    fn no_with_more_words_asks_anew_with_them() {
        let Some(Reply::Refused { text, anew, .. }) = understood("no I mean delivery times") else {
            panic!("it refuses")
        };
        assert_eq!((text.as_str(), anew), ("delivery times", true));
    }

    #[test]
    fn another_question_is_no_reply_to_the_offer() {
        assert_eq!(understood("do you sell lamps"), None);
        assert_eq!(understood("yes but how much is it"), None);
    }
}
