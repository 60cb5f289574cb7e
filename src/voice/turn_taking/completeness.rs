//! What the words say about whether a turn is over. English.
//!
//! A pause after "my number is four five" is not the end, one after "what are your opening hours?" is. The
//! tables hold words and forms with the reason why they matter; what they do not know is [`Ending::Open`].

use std::ops::RangeInclusive;

/// How a text ends, from the surest end to the surest continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// A whole question, a farewell, or all of what was asked for.
    Finished,
    /// A short answer, such as "yes": often all, sometimes the first word of more.
    Reply,
    /// A sentence that could end here.
    Statement,
    /// Nothing tells.
    Open,
    /// A greeting or opening before the matter itself.
    Opening,
    /// Inside a number that is read out.
    Number,
    /// Inside a word that is spelled, or an address of the internet.
    Spelling,
    /// Grammar wants more: "and", "my", "to", "um".
    GoesOn,
}

/// What our last question asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// How many digits are expected, when a number is.
    pub digits: Option<RangeInclusive<u8>>,
    /// A name, a code or an address is being spelled.
    pub spelling: bool,
    /// Yes or no.
    pub yes_no: bool,
}

/// How this text ends.
pub fn ending(text: &str, expectation: &Expectation) -> Ending {
    let words = words(text);
    let Some(last) = words.last().map(String::as_str) else { return Ending::Open };
    let mark = text.trim_end().chars().next_back().unwrap_or(' ');
    if text.trim_end().ends_with("...") || FILLERS.contains(&last) {
        return Ending::GoesOn;
    }
    if let Some(ending) = internet_address(&words, last) {
        return ending;
    }
    if RUN_JOINTS.contains(&last) {
        return Ending::Number;
    }
    let run = trailing_run(&words);
    if run.digits + run.letters > 0 && !(run.words == words.len() && run.letters == 1 && run.digits == 0) {
        return of_run(&run, &words, expectation);
    }
    if let Some(digits) = &expectation.digits
        && run.digits == 0
        && *digits.start() > 1
        && is_number_lead(&words)
    {
        return Ending::GoesOn;
    }
    if wants_more(&words, last) || is_first_clause(&words, text, mark) {
        return Ending::GoesOn;
    }
    if is_opening(&words) {
        return Ending::Opening;
    }
    if FAREWELLS.iter().any(|farewell| ends_with(&words, farewell)) {
        // Alone it may be a number misheard: "bye" for "five".
        return if words.len() == 1 { Ending::Reply } else { Ending::Finished };
    }
    if words.len() <= REPLY_WORDS_MAX && REPLIES.contains(&words[0].as_str()) {
        return if expectation.yes_no { Ending::Finished } else { Ending::Reply };
    }
    let question = is_question(&words);
    match mark {
        ',' | ';' | ':' | '-' => Ending::Open,
        '?' if words.len() >= 3 => Ending::Finished,
        _ if question && words.len() >= QUESTION_WORDS_MIN => Ending::Finished,
        _ if question => Ending::Open,
        '.' | '!' | '?' if words.len() >= STATEMENT_WORDS_MIN => Ending::Statement,
        _ => Ending::Open,
    }
}

/// The words of a text in lower case; apostrophes stay, other signs part words. Digits stand alone.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        let letter = if letter == '’' { '\'' } else { letter.to_ascii_lowercase() };
        if letter.is_ascii_digit() {
            flush(&mut word, &mut words);
            words.push(letter.to_string());
        } else if letter.is_alphanumeric() || letter == '\'' {
            word.push(letter);
        } else if letter == '@' {
            flush(&mut word, &mut words);
            words.push("at".to_string());
        } else {
            let inside_address = letter == '.' && !word.is_empty() && !words.is_empty() && !text.ends_with('.');
            flush(&mut word, &mut words);
            if inside_address && text.contains('@') {
                words.push("dot".to_string());
            }
        }
    }
    flush(&mut word, &mut words);
    words
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Digits and letters said one by one at the end of a text.
#[derive(Debug, Default)]
struct Run {
    digits: usize,
    letters: usize,
    /// How many words it takes.
    words: usize,
}

fn trailing_run(words: &[String]) -> Run {
    let mut run = Run::default();
    for (at, word) in words.iter().enumerate().rev() {
        let word = word.as_str();
        let after_digit = at.checked_sub(1).is_some_and(|before| digits_of(&words[before]).is_some());
        if after_digit && MISHEARD_DIGITS.contains(&word) {
            run.digits += 1;
        } else if let Some(digits) = digits_of(word) {
            run.digits += digits;
        } else if RUN_JOINTS.contains(&word) {
            // Inside a run they part it; at its end they were seen before.
        } else if word.len() == 1 && word != "a" && word != "i" || (word.len() == 1 && run.letters > 0) {
            run.letters += 1;
        } else {
            break;
        }
        run.words += 1;
    }
    run
}

/// How many digits a spoken number stands for when numbers are read out.
fn digits_of(word: &str) -> Option<usize> {
    let bytes = word.as_bytes();
    if bytes.len() == 1 && bytes[0].is_ascii_digit() || UNITS.contains(&word) {
        Some(1)
    } else if TEENS.contains(&word) || TENS.contains(&word) {
        Some(2)
    } else {
        None
    }
}

fn of_run(run: &Run, words: &[String], expectation: &Expectation) -> Ending {
    if let (Some(expected), true) = (&expectation.digits, run.digits > 0) {
        return match run.digits {
            enough if enough >= usize::from(*expected.end()) => Ending::Finished,
            some if some >= usize::from(*expected.start()) => Ending::Opening,
            _ => Ending::Number,
        };
    }
    if run.letters > 0 || expectation.spelling {
        return Ending::Spelling;
    }
    let alone = run.words == words.len();
    match run.digits {
        // "Ten", or "a table for four": a count, not a number that is read out.
        1 | 2 if run.words == 1 && !alone && !is_number_lead(&words[..words.len() - 1]) => Ending::Statement,
        _ => Ending::Number,
    }
}

/// "My order number is", "it's": what follows is the number.
fn is_number_lead(words: &[String]) -> bool {
    words.iter().any(|word| NUMBER_WORDS.contains(&word.as_str()))
}

fn internet_address(words: &[String], last: &str) -> Option<Ending> {
    let dot = words.iter().rposition(|word| word == "dot");
    if last == "dot" || last == "underscore" {
        return Some(Ending::Spelling);
    }
    if dot.is_some_and(|dot| dot + 2 >= words.len()) && DOMAIN_ENDS.contains(&last) {
        return Some(Ending::Reply);
    }
    let mentions_email = words.iter().any(|word| MAIL_WORDS.contains(&word.as_str()));
    let at = words.iter().rposition(|word| word == "at");
    match (mentions_email, at) {
        // "john at gmail": the domain has no end yet.
        (true, Some(at)) if at + 1 < words.len() && dot.is_none_or(|dot| dot < at) => Some(Ending::Spelling),
        _ => None,
    }
}

fn wants_more(words: &[String], last: &str) -> bool {
    if WANTS_MORE.contains(&last) {
        return true;
    }
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    if last == "end" {
        // Before a pause it is mostly "and": "I bought a phone and …".
        return !before.is_some_and(|before| BEFORE_END.contains(&before)) && !is_question(words);
    }
    if last == "in" || last == "on" {
        return !before.is_some_and(|before| PARTICLE_VERBS.contains(&before)) && !is_question(words);
    }
    if AUXILIARIES.contains(&last) {
        // "Yes, it is." ends; "my name is" does not.
        return !before.is_some_and(|before| SUBJECTS.contains(&before)) || is_question(words);
    }
    if OBJECTLESS_VERBS.contains(&last) {
        return !is_question(words);
    }
    UNFINISHED_FORMS.iter().any(|form| ends_with(words, form))
}

/// "When I try to log in," wants its second clause.
fn is_first_clause(words: &[String], text: &str, mark: char) -> bool {
    let subordinate = words.first().is_some_and(|word| SUBORDINATORS.contains(&word.as_str())) || is_when_clause(words);
    let commas = text.matches(',').count();
    subordinate && !matches!(mark, '?') && (commas == 0 || commas == 1 && mark == ',')
}

/// "When I try to log in": a verb that asks would come before its subject.
fn is_when_clause(words: &[String]) -> bool {
    let mut words = words.iter().map(String::as_str).skip_while(|word| BEFORE_QUESTIONS.contains(word));
    words.next() == Some("when") && words.next().is_some_and(|word| !QUESTION_WORDS.contains(&word))
}

fn is_opening(words: &[String]) -> bool {
    let greets = |word: &String| GREETINGS.contains(&word.as_str());
    let only_greets = words.iter().all(|word| greets(word) || BEFORE_QUESTIONS.contains(&word.as_str()));
    (only_greets && words.iter().any(greets)) || OPENINGS.iter().any(|opening| ends_with(words, opening))
}

fn is_question(words: &[String]) -> bool {
    let first = words.iter().map(String::as_str).find(|word| !BEFORE_QUESTIONS.contains(word));
    !is_when_clause(words) && first.is_some_and(|word| QUESTION_WORDS.contains(&word))
}

fn ends_with(words: &[String], form: &str) -> bool {
    let form: Vec<&str> = form.split(' ').collect();
    words.len() >= form.len() && words[words.len() - form.len()..].iter().zip(&form).all(|(word, form)| word == form)
}

/// "Do you deliver" is whole; with three words "what time is" is not.
const QUESTION_WORDS_MIN: usize = 4;
/// Fewer words with a full stop are what a cut-off beginning looks like.
const STATEMENT_WORDS_MIN: usize = 3;
/// "Yes, that's right." Longer answers are sentences.
const REPLY_WORDS_MAX: usize = 4;

/// Sounds of somebody who is thinking and keeps the turn.
const FILLERS: &[&str] = &["um", "uh", "uhm", "erm", "er", "eh", "hmm", "well"];

/// Conjunctions, articles, possessives and prepositions that no English sentence ends in when it is spoken
/// to a service. "In", "on", "up", "off", "out", "over" are not here: they end "log in", "turn it off".
const WANTS_MORE: &[&str] = &[
    "and",
    "or",
    "but",
    "because",
    "so",
    "if",
    "when",
    "while",
    "whether",
    "than",
    "although",
    "unless",
    "until",
    "a",
    "an",
    "the",
    "my",
    "your",
    "our",
    "his",
    "their",
    "its",
    "some",
    "any",
    "every",
    "another",
    "to",
    "of",
    "for",
    "with",
    "at",
    "from",
    "by",
    "into",
    "between",
    "about",
    "without",
    "during",
    "towards",
    "i",
    "we",
    "they",
    "he",
    "she",
    "i'm",
    "we're",
    "it's",
    "that's",
    "i'd",
    "i'll",
    "i've",
    "there's",
    "who's",
    "very",
    "really",
    "quite",
    "just",
    "also",
    "not",
    "rather",
    "mister",
    "mr",
    "mrs",
    "ms",
    "doctor",
    "dr",
    "which",
    "whose",
    "where",
    "how",
    "what",
    "please can",
    "double",
    "triple",
];

/// Verbs that lean on a word after them, unless a pronoun before makes them an answer ("I do").
const AUXILIARIES: &[&str] = &[
    "is", "are", "was", "were", "am", "be", "been", "have", "has", "had", "do", "does", "did", "will", "would", "can",
    "could", "should", "might", "must", "can't", "don't", "didn't", "won't", "isn't", "doesn't", "wasn't",
];

/// What stands before "end" where it is no "and".
const BEFORE_END: &[&str] =
    &["the", "an", "this", "that", "to", "will", "must", "should", "not", "week", "month", "year", "dead", "no"];

/// Verbs whose "in" or "on" ends a sentence: "I cannot log in".
const PARTICLE_VERBS: &[&str] = &[
    "log", "sign", "check", "come", "get", "fill", "move", "call", "turn", "it", "go", "going", "hold", "put",
    "logged", "signed", "checked", "that", "them", "logging", "signing", "checking",
];

/// First words of a clause that a second one follows.
const SUBORDINATORS: &[&str] =
    &["if", "because", "since", "although", "unless", "while", "whenever", "before", "after"];

const SUBJECTS: &[&str] = &["i", "you", "it", "we", "they", "he", "she", "that", "this", "there", "not"];

/// Statements do not end in these; questions do ("what do you need").
const OBJECTLESS_VERBS: &[&str] = &["want", "wanted", "need", "needed", "wondering", "asking", "trying", "going"];

/// Beginnings that need an object or a clause.
const UNFINISHED_FORMS: &[&str] = &[
    "are you open on",
    "can you tell me",
    "could you tell me",
    "can you please",
    "could you please",
    "can you",
    "could you",
    "i would like",
    "i'd like",
    "do you know",
    "i was wondering if",
    "tell me",
    "let me",
    "let's see",
    "let me see",
    "hold on",
    "one second",
    "just a second",
    "wait a minute",
    "do you have",
    "is it",
    "is there",
    "are there",
];

/// Whole as grammar, but the matter is still to come.
const OPENINGS: &[&str] = &[
    "i have a question",
    "i've got a question",
    "i have a problem",
    "i've got a problem",
    "i need help",
    "i need some help",
    "can you help me",
    "could you help me",
    "i hope you can help me",
    "quick question",
    "excuse me",
    "how are you",
    "how are you doing",
    "my name is",
    "i'm calling",
];

const GREETINGS: &[&str] = &["hi", "hello", "hey", "hiya", "morning", "afternoon", "evening"];

/// After these people hang up or wait.
const FAREWELLS: &[&str] = &[
    "goodbye",
    "bye",
    "bye bye",
    "thank you",
    "thanks",
    "thank you very much",
    "thanks a lot",
    "that's all",
    "that's it",
    "that is all",
    "nothing else",
    "no thanks",
    "no thank you",
    "have a nice day",
    "never mind",
];

/// First words of short answers.
const REPLIES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "no",
    "nope",
    "okay",
    "ok",
    "sure",
    "correct",
    "right",
    "exactly",
    "fine",
    "great",
    "perfect",
    "absolutely",
    "definitely",
    "please",
    "maybe",
    "stop",
    "repeat",
    "again",
    "slower",
    "pardon",
    "sorry",
];

/// Before a question word they change nothing.
const BEFORE_QUESTIONS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "yes",
    "yeah",
    "okay",
    "ok",
    "um",
    "uh",
    "so",
    "and",
    "but",
    "well",
    "oh",
    "then",
    "please",
    "no",
    "also",
    "good",
    "morning",
    "afternoon",
    "evening",
    "there",
    "right",
];

const QUESTION_WORDS: &[&str] = &[
    "what", "what's", "when", "when's", "where", "where's", "who", "who's", "which", "why", "how", "how's", "do",
    "does", "did", "is", "are", "was", "were", "can", "could", "will", "would", "should", "may", "have", "has",
    "isn't", "aren't", "don't", "doesn't", "can't", "whose",
];

const UNITS: &[&str] =
    &["zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "niner", "nought"];
/// After a digit these are digits too: five, two, four, eight, one.
const MISHEARD_DIGITS: &[&str] = &["bye", "to", "too", "for", "ate", "won"];
const TEENS: &[&str] =
    &["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Between the parts of something read out; at the end they announce the next part.
const RUN_JOINTS: &[&str] =
    &["double", "triple", "hundred", "thousand", "dash", "hyphen", "slash", "plus", "capital", "letter"];

/// Where a number is about to be read out.
const NUMBER_WORDS: &[&str] = &[
    "number",
    "code",
    "phone",
    "telephone",
    "mobile",
    "cell",
    "zip",
    "postcode",
    "postal",
    "account",
    "order",
    "reference",
    "invoice",
    "ticket",
    "card",
    "pin",
    "extension",
    "customer",
    "booking",
    "confirmation",
];

const MAIL_WORDS: &[&str] = &["email", "e", "mail", "gmail", "hotmail", "outlook", "yahoo", "icloud"];

/// Ends of internet addresses.
const DOMAIN_ENDS: &[&str] =
    &["com", "org", "net", "edu", "gov", "uk", "de", "io", "co", "info", "eu", "us", "ca", "au"];

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Ending {
        ending(text, &Expectation::default())
    }

    #[test]
    fn whole_questions_and_farewells_are_finished() {
        for text in [
            "What time do you open tomorrow?",
            "Hi, what are your opening hours",
            "Do you have any rooms available for Friday night?",
            "How do I log in?",
            "Okay, thanks, goodbye.",
            "That's all.",
        ] {
            assert_eq!(plain(text), Ending::Finished, "{text}");
        }
    }

    #[test]
    fn grammar_that_wants_more_goes_on() {
        for text in [
            "I would like to change my delivery address to.",
            "Can you tell me?",
            "I have a problem with my order because",
            "My name is",
            "um",
            "I'd like to...",
            "What is",
            "I ordered a sofa and,",
        ] {
            assert_eq!(plain(text), Ending::GoesOn, "{text}");
        }
        assert_eq!(plain("When I try to log in,"), Ending::GoesOn);
        assert_eq!(plain("So when the engineer came."), Ending::GoesOn);
        assert_eq!(plain("When I try to log in, it says that it is wrong."), Ending::Statement);
        assert_eq!(plain("When do you open?"), Ending::Finished);
        assert_eq!(plain("I bought a phone from you end."), Ending::GoesOn, "\"and\" misheard");
        assert_ne!(plain("When does the sale end?"), Ending::GoesOn);
        assert_ne!(plain("I need it by the end."), Ending::GoesOn);
        assert_ne!(plain("Yes, it is."), Ending::GoesOn);
        assert_ne!(plain("I need to turn it off."), Ending::GoesOn);
    }

    #[test]
    fn numbers_and_spellings_are_not_cut() {
        assert_eq!(plain("My order number is four, five, six."), Ending::Number);
        assert_eq!(plain("8246"), Ending::Number);
        assert_eq!(plain("It's double"), Ending::Number);
        assert_eq!(plain("My number is three bye."), Ending::Number, "\"five\" misheard");
        assert_eq!(plain("That's all, bye."), Ending::Finished);
        assert_eq!(plain("It's spelled J-O-H"), Ending::Spelling);
        assert_eq!(plain("My email is john at gmail."), Ending::Spelling);
        assert_eq!(plain("My email is john at gmail dot com."), Ending::Reply);
        assert_eq!(plain("A table for four."), Ending::Statement);
    }

    #[test]
    fn an_expected_number_is_finished_when_it_is_complete() {
        let phone = Expectation { digits: Some(10..=11), ..Expectation::default() };
        assert_eq!(ending("555 123", &phone), Ending::Number);
        assert_eq!(ending("555 123 4567", &phone), Ending::Opening);
        assert_eq!(ending("1 555 123 4567", &phone), Ending::Finished);
        assert_eq!(ending("My number is", &phone), Ending::GoesOn);
    }

    #[test]
    fn short_answers_are_quick_and_quicker_when_asked_for() {
        assert_eq!(plain("Yes."), Ending::Reply);
        let asked = Expectation { yes_no: true, ..Expectation::default() };
        assert_eq!(ending("Yes.", &asked), Ending::Finished);
        assert_eq!(plain("Hello."), Ending::Opening);
    }

    #[test]
    fn commas_and_fragments_stay_open() {
        assert_eq!(plain("The blue one with the stripes,"), Ending::Open);
        assert_eq!(plain("Unless it is rather cold and rather wet,"), Ending::GoesOn, "its main clause is to come");
        assert_eq!(plain("The blue"), Ending::Open);
        assert_eq!(plain(""), Ending::Open);
        assert_eq!(plain("I have lost my luggage."), Ending::Statement);
    }

    proptest::proptest! {
        #[test]
        fn no_text_fails(text in "\\PC{0,80}") {
            ending(&text, &Expectation { digits: Some(3..=5), spelling: true, yes_no: true });
        }
    }
}
