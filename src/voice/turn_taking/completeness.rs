//! What the words say about whether a turn is over. English.
//!
//! A pause after "my number is four five" is not the end, one after "what are your opening hours?" is. The
//! tables hold words and forms with the reason why they matter; what they do not know is [`Ending::Open`].

use std::ops::RangeInclusive;

use super::word_lists::{
    AUXILIARIES, BEFORE_END, BEFORE_QUESTIONS, DOMAIN_ENDS, FAREWELLS, FILLERS, GREETINGS, MAIL_WORDS, MISHEARD_DIGITS,
    NO_ANSWERS, NUMBER_WORDS, OBJECTLESS_VERBS, OPEN_QUANTITIES, OPENINGS, PARTICLE_VERBS, QUESTION_WORDS, REPLIES,
    RUN_JOINTS, STORY_WORDS, SUBJECTS, SUBORDINATORS, TEENS, TENS, UNFINISHED_FORMS, UNITS, WANTS_MORE, WISHES,
};

/// How a text ends, from the surest end to the surest continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// A whole question, a farewell, or all of what was asked for.
    Finished,
    /// A short answer, such as "yes": often all, sometimes the first word of more.
    Reply,
    /// A sentence that asks for something and could end here.
    Statement,
    /// A sentence that tells something: the caller may tell on.
    Telling,
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
        // "Stop", "sorry" and "please" answer no question of ours: more may follow.
        let answers = expectation.yes_no && !NO_ANSWERS.contains(&words[0].as_str());
        return if answers { Ending::Finished } else { Ending::Reply };
    }
    let question = is_question(&words);
    match mark {
        ',' | ';' | ':' | '-' => Ending::Open,
        '?' if words.len() >= 3 => Ending::Finished,
        _ if question && words.len() >= QUESTION_WORDS_MIN => Ending::Finished,
        _ if question => Ending::Open,
        '.' | '!' | '?' if words.len() >= STATEMENT_WORDS_MIN => of_statement(&words, last),
        _ => Ending::Open,
    }
}

fn of_statement(words: &[String], last: &str) -> Ending {
    let begins_as_story = words.first().is_some_and(|word| STORY_WORDS.contains(&word.as_str()));
    if begins_as_story || last == "that" {
        // "So I opened the box", "I want to return that": the one tells on, the other was mostly "the".
        Ending::Open
    } else if WISHES.iter().any(|wish| has_form(words, wish)) || REPLIES.contains(&words[0].as_str()) {
        Ending::Statement
    } else {
        Ending::Telling
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
        // "My email is john": only its first part so far.
        (true, None) if dot.is_none() && is_email_lead(words) => Some(Ending::Spelling),
        _ => None,
    }
}

/// "My email is …", "the email address is …", with a few words after it.
fn is_email_lead(words: &[String]) -> bool {
    let is = words.iter().rposition(|word| word == "is");
    let leads =
        |is: usize| is > 0 && matches!(words[is - 1].as_str(), "email" | "mail" | "address") && !is_question(words);
    is.is_some_and(|is| leads(is) && is + 1 < words.len() && words.len() - is <= EMAIL_PART_WORDS)
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
    if last == "name" {
        // "My daughter's name" (… "is Emily").
        return words.len() <= NAME_WORDS_MAX && !words.iter().any(|word| AUXILIARIES.contains(&word.as_str()));
    }
    if !is_question(words) && OPEN_QUANTITIES.iter().any(|form| ends_with(words, form)) {
        return true;
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

fn has_form(words: &[String], form: &str) -> bool {
    let form: Vec<&str> = form.split(' ').collect();
    words.windows(form.len()).any(|part| part.iter().zip(&form).all(|(word, form)| word == form))
}

fn ends_with(words: &[String], form: &str) -> bool {
    let form: Vec<&str> = form.split(' ').collect();
    words.len() >= form.len() && words[words.len() - form.len()..].iter().zip(&form).all(|(word, form)| word == form)
}

/// "Do you deliver" is whole; with three words "what time is" is not.
const QUESTION_WORDS_MIN: usize = 4;
/// Fewer words with a full stop are what a cut-off beginning looks like.
const STATEMENT_WORDS_MIN: usize = 3;
/// "My wife's name"; longer ones are sentences.
const NAME_WORDS_MAX: usize = 4;
/// "Is john smith", and a word misheard.
const EMAIL_PART_WORDS: usize = 5;
/// "Yes, that's right." Longer answers are sentences.
const REPLY_WORDS_MAX: usize = 4;

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
        assert_eq!(plain("When I try to log in, it says that it is wrong."), Ending::Telling);
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
        assert_eq!(plain("My email is john."), Ending::Spelling);
        assert_eq!(plain("What is your email address?"), Ending::Finished);
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
        assert_eq!(ending("Stop.", &asked), Ending::Reply);
        assert_eq!(plain("Hello."), Ending::Opening);
    }

    #[test]
    fn commas_and_fragments_stay_open() {
        assert_eq!(plain("The blue one with the stripes,"), Ending::Open);
        assert_eq!(plain("Unless it is rather cold and rather wet,"), Ending::GoesOn, "its main clause is to come");
        assert_eq!(plain("The blue"), Ending::Open);
        assert_eq!(plain(""), Ending::Open);
        assert_eq!(plain("I have lost my luggage."), Ending::Telling);
    }

    #[test]
    fn a_wish_is_over_sooner_than_a_story() {
        assert_eq!(plain("I would like to cancel my order."), Ending::Statement);
        assert_eq!(plain("The blue one, please."), Ending::Statement);
        assert_eq!(plain("My order has not arrived."), Ending::Telling);
        assert_eq!(plain("So I opened the box."), Ending::Open);
        assert_eq!(plain("I want to return that."), Ending::Open);
        assert_eq!(plain("As far as I remember."), Ending::GoesOn);
        assert_eq!(plain("My daughter's name."), Ending::GoesOn);
        assert_ne!(plain("That is my name."), Ending::GoesOn);
        assert_eq!(plain("How much?"), Ending::Open);
    }

    proptest::proptest! {
        #[test]
        fn no_text_fails(text in "\\PC{0,80}") {
            ending(&text, &Expectation { digits: Some(3..=5), spelling: true, yes_no: true });
        }
    }
}
