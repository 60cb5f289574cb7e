//! Greetings, thanks and the like: they ask nothing, and get a short fitting sentence.

use crate::domain::agent::Agent;

use super::text;

/// What kind of small talk a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SmallTalk {
    /// A sound or a filler: "uh", "well".
    Filler,
    /// "Yes", "okay" to nothing in particular.
    Assent,
    /// "No, that's all."
    Finished,
    /// "Hello", "how are you".
    Greeting,
    /// "Can you hear me?"
    Hearing,
    /// "Are you a robot?"
    WhoAreYou,
    /// "Thank you".
    Thanks,
    /// "Goodbye".
    Goodbye,
}

impl SmallTalk {
    /// Recognises a text that is small talk from beginning to end. The most telling phrase names it.
    pub fn recognise(text: &str) -> Option<SmallTalk> {
        let words = text::words(text);
        if words.len() > WORDS_MAX {
            return None;
        }
        let mut found: Option<SmallTalk> = None;
        let mut rest: &[String] = &words;
        while !rest.is_empty() {
            let (kind, taken) = longest(rest)?;
            found = found.max(Some(kind));
            rest = &rest[taken..];
        }
        found
    }

    /// What is said back.
    pub fn reply(self, agent: &Agent) -> String {
        match self {
            SmallTalk::Greeting => "Hello! How can I help you?".into(),
            SmallTalk::Hearing => "Yes, I can hear you. How can I help you?".into(),
            SmallTalk::WhoAreYou => {
                let business = agent.business.trim();
                let of = if business.is_empty() { String::new() } else { format!(" of {business}") };
                format!("I am the automated assistant{of}. I answer questions, and I can bring in a person.")
            }
            SmallTalk::Thanks => "You're welcome. Is there anything else?".into(),
            SmallTalk::Goodbye => "Goodbye, and thank you.".into(),
            SmallTalk::Finished => "All right. Thank you, and goodbye.".into(),
            SmallTalk::Assent => "What would you like to know?".into(),
            SmallTalk::Filler => "I'm listening.".into(),
        }
    }
}

fn longest(words: &[String]) -> Option<(SmallTalk, usize)> {
    let fits = |phrase: &str| {
        let count = phrase.split(' ').count();
        (words.len() >= count && phrase.split(' ').zip(words).all(|(a, b)| a == b)).then_some(count)
    };
    PHRASES
        .iter()
        .flat_map(|(kind, phrases)| phrases.iter().filter_map(move |phrase| Some((*kind, fits(phrase)?))))
        .max_by_key(|&(_, count)| count)
}

/// Small talk is short; a longer text says something.
const WORDS_MAX: usize = 16;

const PHRASES: &[(SmallTalk, &[&str])] = &[
    (
        SmallTalk::Greeting,
        &[
            "hello",
            "hi",
            "hey",
            "hiya",
            "hallo",
            "helo",
            "hii",
            "hai",
            "howdy",
            "yo",
            "greetings",
            "good morning",
            "good afternoon",
            "good evening",
            "good day",
            "morning",
            "evening",
            "afternoon",
            "how are you",
            "how are you doing",
            "how are you doing today",
            "how are you today",
            "how are things",
            "hows it going",
            "how is it going",
            "how do you do",
            "whats up",
            "what is up",
            "sup",
            "whats going on",
            "what is new",
            "whats new",
            "nice to meet you",
            "nice to see you",
            "pleased to meet you",
            "hi there",
            "hello there",
            "hey there",
            "how have you been",
            "how you doing",
            "how r u",
            "how are u",
            "good to see you",
            "im fine",
            "i am fine",
            "im good",
            "i am good",
            "i hope you are well",
            "hope you are well",
            "hope youre well",
            "hope you are doing well",
        ],
    ),
    (
        SmallTalk::Hearing,
        &[
            "can you hear me",
            "do you hear me",
            "am i audible",
            "is this working",
            "are you still there",
            "are you there",
        ],
    ),
    (
        SmallTalk::WhoAreYou,
        &[
            "are you a robot",
            "are you a bot",
            "are you a machine",
            "are you a computer",
            "are you human",
            "are you a human",
            "are you real",
            "are you a real person",
            "are you a person",
            "are you an ai",
            "are you ai",
            "who are you",
            "what are you",
            "whats your name",
            "what is your name",
            "am i talking to a robot",
            "am i talking to a machine",
            "am i speaking to a robot",
            "is this a robot",
            "is this a bot",
            "am i talking to a bot",
            "what can you do",
            "what can i ask you",
        ],
    ),
    (
        SmallTalk::Thanks,
        &[
            "thank you",
            "thanks",
            "thank you so much",
            "thank you very much",
            "thanks a lot",
            "thanks so much",
            "many thanks",
            "thankyou",
            "thx",
            "ty",
            "cheers",
            "much appreciated",
            "i appreciate it",
            "i appreciate that",
            "appreciate it",
            "appreciate that",
            "i really appreciate it",
            "thank u",
            "tysm",
            "thnx",
            "tnx",
            "thanks for your help",
            "thank you for your help",
            "thank you for helping",
            "thanks for the help",
            "thank you for the help",
            "thank you for your assistance",
            "thanks for helping",
            "thanks for helping me",
            "thank you for helping me",
            "thank you for the information",
            "thank you for your time",
            "thanks for your time",
            "thanks for the info",
            "that was helpful",
            "that is very helpful",
            "thats very helpful",
            "very helpful",
            "that helps",
            "that was great help",
            "great help",
            "you have been very helpful",
            "youve been very helpful",
            "you are very helpful",
            "youre very helpful",
            "you were very helpful",
            "that is great",
            "thats great",
            "thats good",
            "thats nice",
            "that is good",
            "thats very kind",
            "that is very kind",
            "for your help",
            "for the help",
            "for that",
            "for all your help",
            "for everything",
            "for your time",
            "for the answer",
            "for the information",
            "for the reply",
            "for helping",
            "for your support",
            "for your assistance",
            "for the info",
            "i thank you",
        ],
    ),
    (
        SmallTalk::Goodbye,
        &[
            "goodbye",
            "good bye",
            "bye",
            "bye bye",
            "byebye",
            "see you",
            "see you later",
            "see ya",
            "cya",
            "talk to you later",
            "take care",
            "farewell",
            "have a nice day",
            "have a good day",
            "have a great day",
            "have a good one",
            "have a nice one",
            "have a good evening",
            "have a nice evening",
            "have a good night",
            "have a lovely day",
            "good night",
            "goodnight",
            "later",
            "so long",
            "until next time",
            "catch you later",
            "adios",
            "ciao",
            "talk later",
            "speak soon",
            "talk soon",
            "see you soon",
            "see you around",
            "have a wonderful day",
            "have a great one",
            "hang up",
            "same to you",
            "you too",
            "have a great night",
        ],
    ),
    (
        SmallTalk::Finished,
        &[
            "thats all",
            "that is all",
            "thatll be all",
            "that will be all",
            "that would be all",
            "thats it",
            "that is it",
            "nothing else",
            "nothing more",
            "no more questions",
            "i have no more questions",
            "nothing",
            "im done",
            "i am done",
            "were done",
            "we are done",
            "im all set",
            "i am all set",
            "all set",
            "all good",
            "im good for now",
            "thats everything",
            "that is everything",
            "that was all",
            "that was it",
            "no nothing else",
            "not at the moment",
            "not right now",
            "not now",
            "nope",
            "no",
            "nah",
            "no thanks",
            "no thank you",
            "none",
            "never mind",
            "nevermind",
            "forget it",
            "dont worry",
            "dont worry about it",
            "for now",
            "for today",
            "not really",
            "i dont need anything else",
            "no need",
            "no worries",
            "no problem",
            "i do not",
            "i dont",
            "no way",
            "absolutely not",
            "definitely not",
            "of course not",
            "negative",
        ],
    ),
    (
        SmallTalk::Assent,
        &[
            "yes",
            "yeah",
            "yep",
            "yup",
            "ok",
            "okay",
            "okey",
            "k",
            "sure",
            "alright",
            "all right",
            "right",
            "fine",
            "great",
            "good",
            "perfect",
            "cool",
            "nice",
            "awesome",
            "excellent",
            "wonderful",
            "got it",
            "i see",
            "i understand",
            "understood",
            "i got it",
            "sounds good",
            "very good",
            "very well",
            "of course",
            "absolutely",
            "definitely",
            "certainly",
            "correct",
            "exactly",
            "thats right",
            "that is right",
            "thats correct",
            "that is correct",
            "yes please",
            "please",
            "amazing",
            "lovely",
            "brilliant",
            "super",
            "fantastic",
            "makes sense",
            "that makes sense",
            "that works",
            "no issues",
            "wow",
            "true",
            "indeed",
            "affirmative",
            "for sure",
            "i agree",
            "i do",
            "i am",
            "it is",
            "yes i do",
            "you got it",
            "positive",
            "ya",
            "yea",
            "yah",
            "youre right",
            "you are right",
            "i guess",
            "i think so",
            "one moment",
            "just a moment",
            "hold on",
            "one second",
            "wait",
            "just a second",
            "give me a second",
            "give me a moment",
            "let me think",
            "let me see",
            "is that true",
            "welcome",
            "you are welcome",
            "youre welcome",
            "sir",
            "madam",
            "maam",
            "mam",
            "dear",
            "friend",
            "buddy",
            "mate",
            "guys",
            "team",
            "everyone",
            "there",
            "again",
            "today",
            "then",
            "now",
            "dude",
            "man",
        ],
    ),
    (
        SmallTalk::Filler,
        &[
            "um", "umm", "uh", "uhm", "er", "erm", "ah", "oh", "hm", "hmm", "mhm", "mm", "well", "so", "like", "and",
            "but", "i", "the", "a", "very", "much", "really", "just", "you know", "huh", "to you", "my", "haha", "lol",
            "ha",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_thanks_and_goodbyes_are_small_talk() {
        for (text, kind) in [
            ("Hello?", SmallTalk::Greeting),
            ("uh hi good morning how are you doing today", SmallTalk::Greeting),
            ("ok thank you very much", SmallTalk::Thanks),
            ("no that's all thanks bye", SmallTalk::Goodbye),
            ("No, nothing else.", SmallTalk::Finished),
            ("Are you a robot?", SmallTalk::WhoAreYou),
            ("mhm", SmallTalk::Filler),
        ] {
            assert_eq!(SmallTalk::recognise(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn a_question_behind_a_greeting_is_no_small_talk() {
        for text in ["hello do you sell lamps", "thanks but when does it arrive", "", "???", "good lamps"] {
            assert_eq!(SmallTalk::recognise(text), None, "{text}");
        }
    }
}
