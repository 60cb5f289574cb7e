//! What a caller wants of the call itself rather than of the company: "repeat that", "goodbye".
//! Recognised by whole short utterances, so that a question which happens to hold the words goes to the desk.

/// A wish about the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Say the last thing again.
    Repeat,
    /// Say it again, more slowly.
    Slower,
    /// The call is over.
    Goodbye,
    /// Stop recording and delete what there is (R48).
    DontRecord,
    /// A request was withdrawn.
    NeverMind,
    /// The caller wants to think or look something up.
    Wait,
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Reads a wish out of what was said; `None` when it is something else.
pub fn intent(text: &str) -> Option<Intent> {
    let words = words(text);
    if words.is_empty() || words.len() > LONGEST_WISH_WORDS {
        return None;
    }
    let said = words.join(" ");
    WISHES.iter().find(|(_, forms)| forms.iter().any(|form| matches(&words, &said, form))).map(|(intent, _)| *intent)
}

/// Lower-case words without punctuation; apostrophes are dropped so that "don't" and "dont" are one.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '/' | ','))
        .map(|word| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect()
}

/// A form matches when, politeness left out, it is all that was said; a form that begins with `~` also
/// matches anywhere within a short utterance.
fn matches(words: &[String], said: &str, form: &str) -> bool {
    if let Some(anywhere) = form.strip_prefix('~') {
        return said.contains(anywhere);
    }
    let core: Vec<&str> = words.iter().map(String::as_str).filter(|word| !POLITENESS.contains(word)).collect();
    core.join(" ").replace("thank you", "").trim() == form || said == form
}

/// Longer utterances are questions, not wishes about the call.
const LONGEST_WISH_WORDS: usize = 9;

/// Words that change nothing about a wish.
const POLITENESS: [&str; 14] =
    ["please", "sorry", "um", "uh", "ok", "okay", "so", "well", "oh", "thanks", "then", "just", "sir", "madam"];

/// Wishes and their forms; the first that matches wins.
const WISHES: &[(Intent, &[&str])] = &[
    (
        Intent::DontRecord,
        &[
            "~dont record",
            "~do not record",
            "~stop recording",
            "~not be recorded",
            "~without recording",
            "~no recording",
        ],
    ),
    (Intent::Slower, &["~slower", "~more slowly", "~too fast", "slow down", "~speak slowly"]),
    (
        Intent::Repeat,
        &[
            "repeat",
            "repeat that",
            "~repeat that",
            "~say that again",
            "~say it again",
            "~come again",
            "again",
            "once more",
            "pardon",
            "pardon me",
            "what did you say",
            "~what was that",
            "can you repeat",
            "could you repeat",
            "i beg your pardon",
            "what",
        ],
    ),
    (
        Intent::NeverMind,
        &["never mind", "nevermind", "forget it", "~never mind", "cancel", "cancel that", "stop", "leave it"],
    ),
    (
        Intent::Wait,
        &["wait", "hold on", "one moment", "just a moment", "one second", "hang on", "give me a second", "a moment"],
    ),
    (
        Intent::Goodbye,
        &[
            "goodbye",
            "good bye",
            "bye",
            "bye bye",
            "~goodbye",
            "~good bye",
            "thank you bye",
            "thats all",
            "that is all",
            "thats all thank you",
            "that is all thank you",
            "that will be all",
            "thatll be all",
            "no thats all",
            "no that is all",
            "no thats it",
            "thats it thank you",
            "nothing else",
            "no nothing else",
            "no thank you bye",
            "see you",
            "have a nice day",
        ],
    ),
    (
        Intent::Yes,
        &[
            "yes",
            "yeah",
            "yep",
            "yup",
            "sure",
            "correct",
            "right",
            "thats right",
            "that is right",
            "yes it is",
            "yes thats right",
            "yes that is right",
            "thats correct",
            "that is correct",
            "yes correct",
            "exactly",
            "of course",
            "absolutely",
            "yes thank you",
            "it is",
            "yes i do",
            "i do",
            "yes it does",
            "yes yes",
            "yes that one",
            "yes thats correct",
            "yes that is correct",
            "that one",
            "true",
            "affirmative",
            "mhm",
            "uh huh",
        ],
    ),
    (
        Intent::No,
        &[
            "no",
            "nope",
            "nah",
            "no thank you",
            "no its not",
            "no it isnt",
            "no it is not",
            "thats wrong",
            "that is wrong",
            "wrong",
            "not right",
            "thats not right",
            "that is not right",
            "no thats wrong",
            "incorrect",
            "not really",
            "no no",
            "no i dont",
            "i dont",
            "no it doesnt",
            "not correct",
            "thats not correct",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_with_and_without_politeness() {
        for (said, wish) in [
            ("Could you repeat that, please?", Intent::Repeat),
            ("Sorry, what was that?", Intent::Repeat),
            ("Please speak slower.", Intent::Slower),
            ("Okay, goodbye then.", Intent::Goodbye),
            ("No, that's all, thank you.", Intent::Goodbye),
            ("Please don't record this call.", Intent::DontRecord),
            ("Yes, please.", Intent::Yes),
            ("That's right.", Intent::Yes),
            ("No, it isn't.", Intent::No),
            ("Never mind.", Intent::NeverMind),
            ("Hold on.", Intent::Wait),
        ] {
            assert_eq!(intent(said), Some(wish), "{said}");
        }
    }

    #[test]
    fn questions_that_hold_the_words_go_to_the_desk() {
        for said in [
            "Do you repeat the course every year for returning students and their families?",
            "What are your opening hours?",
            "Can I cancel my order before it ships?",
            "Is right of return included?",
            "",
        ] {
            assert_eq!(intent(said), None, "{said}");
        }
    }
}
