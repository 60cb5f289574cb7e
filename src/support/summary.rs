//! A case in at most 45 words (about 17 seconds aloud), from slots and without a language model.
//!
//! Slots: who · what they want (18 words at most) · why · reference ids · what they were told · mood. Every word of a
//! slot stands in the transcript or in a collected field, numbers above all: nothing is ever counted or added up.

use crate::domain::ticket::Field;
use crate::domain::turn::{Line, RiskTopic, Speaker};

use super::small_talk::SmallTalk;
use super::{gate, pattern, rules, text};

/// Words of a summary.
pub const SUMMARY_WORDS_MAX: usize = 45;
/// Words of the want.
const WANT_WORDS_MAX: usize = 18;
/// Words of what else was wanted, of the cause, and of what we told them.
const SLOT_WORDS_MAX: usize = 11;
/// Reference ids that are read out.
const IDS_MAX: usize = 3;
/// Lines that are looked at: the newest of a long conversation, with the first.
const LINES_MAX: usize = 200;

/// What is known of a case, slot by slot; empty where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CaseFacts {
    /// The customer's name.
    pub name: Option<String>,
    /// What they want.
    pub want: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// What else they want.
    pub also: Option<String>,
    /// What they were told.
    pub told: Option<String>,
}

impl CaseFacts {
    /// These, and the others' where these are empty.
    fn or(self, others: CaseFacts) -> CaseFacts {
        CaseFacts {
            name: self.name.or(others.name),
            want: self.want.or(others.want),
            cause: self.cause.or(others.cause),
            also: self.also.or(others.also),
            told: self.told.or(others.told),
        }
    }
}

/// Sums up a case for the person who takes it. `caller` is the number or address they called from.
pub fn case_summary(lines: &[Line], fields: &[Field], caller: Option<&str>) -> String {
    with_facts(lines, fields, caller, CaseFacts::default())
}

/// The same from facts that somebody else has found, and from the slots found here where those are empty.
pub(super) fn with_facts(lines: &[Line], fields: &[Field], caller: Option<&str>, found: CaseFacts) -> String {
    let lines = &lines[lines.len().saturating_sub(LINES_MAX)..];
    let theirs = sentences_of(lines, Speaker::Customer);
    let wants = ranked_wants(&theirs, fields);
    let has_want = found.want.is_some();
    let facts = found.or(slots(lines, fields, &theirs, &wants));
    let mut slots = Slots::default();
    slots.add(who(facts.name.as_deref(), caller));
    slots.add(clip(facts.want.as_deref().unwrap_or("Has not said what it is about"), WANT_WORDS_MAX));
    if let Some(ids) = reference_ids(lines, fields, &slots.text) {
        slots.add(format!("Reference {ids}"));
    }
    if let Some(cause) = &facts.cause {
        slots.add(clip(cause, SLOT_WORDS_MAX));
    }
    let also = facts.also.or_else(|| another_want(&wants, &slots.text, has_want));
    if let Some(also) = also {
        slots.add(format!("Also: {}", clip(&also, SLOT_WORDS_MAX)));
    }
    if let Some(told) = &facts.told {
        slots.add(format!("Was told: {}", clip(told, SLOT_WORDS_MAX)));
    }
    slots.add(mood(&theirs).to_owned());
    slots.text
}

/// What is found without a model.
fn slots(lines: &[Line], fields: &[Field], theirs: &[Said], wants: &[Want]) -> CaseFacts {
    let want = wants.first().map(|want| in_third_person(&want.text));
    CaseFacts {
        name: name(theirs, fields),
        want: want.or_else(|| field(fields, "reason").map(str::to_owned)),
        cause: cause(theirs, wants.first()),
        also: None,
        told: told(lines),
    }
}

/// Sentences put together as long as they fit.
#[derive(Default)]
struct Slots {
    text: String,
    words: usize,
}

impl Slots {
    fn add(&mut self, slot: String) {
        let slot = slot.trim().trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let words = slot.split_whitespace().count();
        if words == 0 || self.words + words > SUMMARY_WORDS_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let mut chars = slot.chars();
        self.text.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        self.text.push_str(chars.as_str());
        self.text.push('.');
        self.words += words;
    }
}

/// A sentence of the customer's.
struct Said {
    text: String,
    words: Vec<String>,
    /// Which of their lines, from zero.
    line: usize,
}

/// A sentence that may be the want.
struct Want {
    text: String,
    stems: Vec<String>,
    score: f32,
}

fn sentences_of(lines: &[Line], speaker: Speaker) -> Vec<Said> {
    let lines = lines.iter().filter(|line| line.speaker == speaker).enumerate();
    lines
        .flat_map(|(line, said)| {
            text::sentences(&said.text).into_iter().map(move |text| Said { words: text::words(&text), text, line })
        })
        .collect()
}

/// The likeliest want first.
fn ranked_wants(theirs: &[Said], fields: &[Field]) -> Vec<Want> {
    let mut wants: Vec<Want> = theirs
        .iter()
        .filter(|said| SmallTalk::recognise(&said.text).is_none() && !is_a_field(said, fields))
        .map(|said| Want { text: said.text.clone(), stems: text::content_stems(&said.text), score: score(said) })
        .filter(|want| want.stems.len() >= 2 && want.score > 0.0)
        .collect();
    wants.sort_by(|a, b| b.score.total_cmp(&a.score));
    wants
}

fn score(said: &Said) -> f32 {
    let any = |patterns: &[&str]| patterns.iter().any(|pattern| pattern::matches(pattern, &said.words));
    let mut score = 0.0;
    score += if any(ASKS) { 2.0 } else { 0.0 };
    score += if any(DEEDS) { 2.0 } else { 0.0 };
    score += if rules::tells_of_fault(&said.words) { 1.0 } else { 0.0 };
    score += if said.line == 0 { 1.0 } else { 0.0 };
    score += if said.text.split_whitespace().any(is_id) { 0.5 } else { 0.0 };
    let human = gate::risk(&said.words, None, &[RiskTopic::RequestForHuman]).is_some();
    score -= if human { 3.0 } else { 0.0 };
    score -= if any(EMPTY) { 1.5 } else { 0.0 };
    score += 0.15 * text::content_stems(&said.text).len().min(10) as f32;
    score - 0.1 * said.words.len().saturating_sub(24) as f32
}

/// What they said when they were asked for their name or number: it stands in the field, and would only be said twice.
fn is_a_field(said: &Said, fields: &[Field]) -> bool {
    let asked = fields.iter().filter(|field| ["name", "number", "phone", "email"].contains(&field.name.as_str()));
    let values: Vec<String> = asked.flat_map(|field| text::words(&field.value)).collect();
    let own = |word: &&String| !values.contains(*word) && !text::is_function_word(word) && *word != "name";
    !values.is_empty()
        && said.words.iter().any(|word| values.contains(word))
        && said.words.iter().filter(own).count() < 2
}

/// What else they want, with at least three words that the slots so far do not hold.
fn another_want(wants: &[Want], so_far: &str, first_is_another: bool) -> Option<String> {
    let held = text::content_stems(so_far);
    let fresh = |want: &&Want| {
        let new = want.stems.iter().filter(|stem| !held.contains(stem)).count();
        want.score >= 2.0 && new >= 3
    };
    let from = usize::from(!first_is_another);
    wants.iter().skip(from).find(fresh).map(|want| in_third_person(&want.text))
}

fn name(theirs: &[Said], fields: &[Field]) -> Option<String> {
    field(fields, "name").map(str::to_owned).or_else(|| theirs.iter().find_map(|said| name_in(&said.text)))
}

fn who(name: Option<&str>, caller: Option<&str>) -> String {
    match (name, caller) {
        (Some(name), _) => format!("Customer {}", clip(name, 4)),
        (None, Some(caller)) => format!("Caller {}", clip(caller, 4)),
        (None, None) => String::new(),
    }
}

fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
    Some(field.value.trim()).filter(|value| !value.is_empty())
}

/// "My name is Ada Lovelace": the words behind it that look like a name, two at most.
fn name_in(sentence: &str) -> Option<String> {
    let lower = sentence.to_lowercase();
    let (at, length) = ["my name is ", "my name's "].iter().find_map(|lead| Some((lower.find(lead)?, lead.len())))?;
    // Lower-casing may move bytes in some scripts; a name is then not read rather than cut wrongly.
    let rest = sentence.get(at + length..)?;
    let names: Vec<&str> = rest
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphabetic()))
        .take_while(|word| word.chars().count() > 1 && !text::is_function_word(&word.to_lowercase()))
        .take(2)
        .collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// Ids in the customer's words and collected fields that were not said yet, in the order they came.
fn reference_ids(lines: &[Line], fields: &[Field], so_far: &str) -> Option<String> {
    let theirs = lines.iter().filter(|line| line.speaker == Speaker::Customer).map(|line| line.text.as_str());
    let of_fields = fields.iter().filter(|field| !["name", "number", "phone", "email"].contains(&field.name.as_str()));
    let mut ids: Vec<&str> = Vec::new();
    for word in theirs.chain(of_fields.map(|field| field.value.as_str())).flat_map(str::split_whitespace) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        if is_id(word) && !ids.contains(&word) && !so_far.contains(word) {
            ids.push(word);
        }
    }
    // A code in capitals names the case; a user name only the customer.
    ids.sort_by_key(|id| id.chars().any(char::is_lowercase));
    ids.truncate(IDS_MAX);
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// A word with letters and digits, or a long number; prices, times and dates are none.
fn is_id(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let plain = word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '#'));
    plain && word.len() >= 5 && ((digits >= 1 && letters >= 2) || digits >= 5)
}

/// Why: the clause behind "because", "due to" and the like, if the want does not already hold it.
fn cause(theirs: &[Said], want: Option<&Want>) -> Option<String> {
    theirs.iter().find_map(|said| {
        let lower = said.text.to_lowercase();
        let at = CAUSES.iter().find_map(|lead| lower.find(lead));
        let at = at.or_else(|| EVENTS.iter().any(|event| lower.contains(event)).then_some(0))?;
        // Lower-casing may move bytes in some scripts; the clause is then not read rather than cut wrongly.
        let clause = clip(said.text.get(at..)?, SLOT_WORDS_MAX);
        let known = want.is_some_and(|want| clip(&want.text, WANT_WORDS_MAX).contains(&clause));
        (text::content_stems(&clause).len() >= 2 && !known).then(|| pronouns(&clause))
    })
}

/// The last thing of substance they were told, as far as it was a refusal.
fn told(lines: &[Line]) -> Option<String> {
    let ours = sentences_of(lines, Speaker::Us);
    let refused =
        ours.iter().rev().find(|said| REFUSALS.iter().any(|pattern| pattern::matches(pattern, &said.words)))?;
    let from = ["cannot", "can't", "unable", "not possible", "not allowed", "no longer", "only", "non-refundable"];
    let lower = refused.text.to_lowercase();
    let at = from.iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
    let clause = refused.text.get(at..)?;
    Some(clip(clause, SLOT_WORDS_MAX))
}

fn mood(theirs: &[Said]) -> &'static str {
    let any = |topic| theirs.iter().any(|said| gate::risk(&said.words, None, &[topic]).is_some());
    match (any(RiskTopic::Upset) || any(RiskTopic::Abuse), any(RiskTopic::RequestForHuman)) {
        (true, true) => "Unhappy, wants a person",
        (true, false) => "Unhappy",
        (false, true) => "Asked for a person",
        (false, false) => "",
    }
}

/// "Hi, I need to cancel my flights" → "needs to cancel their flights".
fn in_third_person(sentence: &str) -> String {
    let mut rest = sentence.trim();
    while let Some((lead, tail)) = rest.split_once([',', '!', '.', '—']) {
        if text::word_count(lead) > 3 || SmallTalk::recognise(lead).is_none() {
            break;
        }
        rest = tail.trim_start();
    }
    let lower = rest.to_lowercase();
    for (lead, instead) in LEADS {
        if lower.starts_with(lead)
            && let Some(tail) = rest.get(lead.len()..)
        {
            return pronouns(&format!("{instead}{tail}"));
        }
    }
    pronouns(rest)
}

/// Speaks of the customer as of a third person.
fn pronouns(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’');
        let instead = match bare.to_lowercase().replace('’', "'").as_str() {
            "i" => "they",
            "i'm" => "they are",
            "i've" => "they have",
            "i'd" => "they would",
            "i'll" => "they will",
            "am" => "are",
            "my" => "their",
            "me" => "them",
            "mine" => "theirs",
            "myself" => "themselves",
            _ => return word.to_owned(),
        };
        word.replacen(bare, instead, 1)
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// At most so many words; a cut text does not end on a word that only leads to the next.
fn clip(text: &str, words_max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut kept = words.len().min(words_max);
    if kept < words.len() {
        while kept > 1 && dangles(words[kept - 1]) {
            kept -= 1;
        }
    }
    words[..kept].join(" ")
}

fn dangles(word: &str) -> bool {
    word.chars().all(char::is_alphanumeric) && text::is_function_word(&word.to_lowercase())
}

/// How wants begin, and how a third person would put it.
const LEADS: &[(&str, &str)] = &[
    ("i need to ", "needs to "),
    ("i need ", "needs "),
    ("i'd like to ", "wants to "),
    ("i’d like to ", "wants to "),
    ("i would like to ", "wants to "),
    ("i would also like to ", "wants to "),
    ("i'd also like to ", "wants to "),
    ("i would like ", "wants "),
    ("i'd like ", "wants "),
    ("i want to ", "wants to "),
    ("i want ", "wants "),
    ("i really need to ", "needs to "),
    ("i really need ", "needs "),
    ("i also need to ", "needs to "),
    ("i have ", "has "),
    ("i am ", "is "),
    ("i'm looking to ", "wants to "),
    ("i'm hoping to ", "wants to "),
    ("i'm trying to ", "is trying to "),
    ("i'm ", "is "),
    ("i was ", "was "),
    ("can you help me with ", "wants help with "),
    ("can you help me ", "wants help to "),
    ("can you ", "asks to "),
    ("could you please ", "asks to "),
    ("could you ", "asks to "),
    ("please ", "asks to "),
    ("can i ", "asks whether they can "),
    ("is there any possibility of ", "asks about "),
    ("is there any chance ", "asks whether "),
    ("how about ", "asks about "),
    ("i bought ", "bought "),
    ("i ordered ", "ordered "),
    ("i booked ", "booked "),
    ("i ", "they "),
];

/// How people say that they want something.
const ASKS: &[&str] = &[
    "need|want|wanted|wish",
    "like to",
    "looking|trying|hoping|planning to|for",
    "can|could|would you",
    "is there",
    "how do|can|about",
    "please",
    "help ..2 with",
    "request*",
    "ask*",
];

/// What is wanted done.
const DEEDS: &[&str] = &[
    "cancel*",
    "refund*",
    "return*",
    "exchang*",
    "chang*",
    "book*",
    "order*",
    "remov*",
    "updat*",
    "track*",
    "deliver*",
    "replac*",
    "repair*",
    "fix*",
    "compensat*",
    "voucher*",
    "pay|paid|payment|charge|charged",
    "resched*",
    "upgrad*",
    "add|adding",
    "send|sent",
    "check*",
    "buy|bought",
    "mix up",
    "move|moving",
    "transfer my",
    "reset*",
    "renew*",
    "correct*",
    "stop*",
    "claim*",
    "complain*",
    "close|closing",
    "open|opening",
    "find|locate",
];

/// Sentences that say little by themselves.
const EMPTY: &[&str] = &[
    "go ahead",
    "my ..2 id is",
    "that would be",
    "i understand",
    "i appreciate",
    "sounds good",
    "looks correct",
    "help ..2 with|that $",
    "anything else",
    "some help|assistance here|with",
    "same ..2 payment",
    "credit card",
    "gift card ..3 payment|balance",
    "for the payment",
    "some changes",
];

/// What comes before a cause, the surest first.
const CAUSES: &[&str] = &["because", "due to", "since my", "since i ", "as my ", "the reason is", "reason for"];

/// Events that are a cause by themselves.
const EVENTS: &[&str] = &["passed away", "my plans have", "not feeling", "emergency", "in hospital"];

const REFUSALS: &[&str] = &[
    "cannot|cant|unable",
    "not possible|allowed|able|available|eligible|permitted",
    "unfortunately",
    "no longer",
    "non refundable",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(speaker: Speaker, text: &str) -> Line {
        Line { speaker, text: text.into() }
    }

    fn lines() -> Vec<Line> {
        vec![
            line(Speaker::Us, "Hello, how can I help?"),
            line(Speaker::Customer, "Hi! My name is Ada Byron. I'd like to cancel my order AB1234."),
            line(Speaker::Us, "I'm sorry, I cannot cancel an order that has left us."),
            line(
                Speaker::Customer,
                "It is because my sister bought the same lamp. This is ridiculous, let me talk to a human.",
            ),
        ]
    }

    #[test]
    fn a_summary_says_who_wants_what_with_its_reference_and_mood() {
        assert_eq!(
            case_summary(&lines(), &[], Some("+49301234567")),
            "Customer Ada Byron. Wants to cancel their order AB1234. Because their sister bought the same lamp. \
              Was told: cannot cancel an order that has left us. Unhappy, wants a person."
        );
    }

    /// A caller who is asked for their name says it alone: it is told once.
    #[test]
    fn a_name_that_was_asked_for_is_told_once() {
        let field = Field { confirmed: true, ..Field::unconfirmed("name", "Ada Byron") };
        for said in ["Ada Byron.", "It's Ada Byron, please.", "My name is Ada Byron."] {
            let lines = [
                line(Speaker::Customer, "my lamp arrived broken"),
                line(Speaker::Us, "May I have your name?"),
                line(Speaker::Customer, said),
            ];
            let summary = case_summary(&lines, std::slice::from_ref(&field), None);
            assert_eq!(summary, "Customer Ada Byron. Their lamp arrived broken.", "{said}");
        }
        let alone = [line(Speaker::Us, "May I have your name?"), line(Speaker::Customer, "Ada Byron")];
        let summary = case_summary(&alone, &[field], None);
        assert_eq!(summary, "Customer Ada Byron. Has not said what it is about.");
    }

    #[test]
    fn without_a_name_the_number_stands_for_the_caller() {
        let said = [line(Speaker::Customer, "my lamp arrived broken")];
        assert!(case_summary(&said, &[], Some("+49301234567")).starts_with("Caller +49301234567. "));
    }

    #[test]
    fn a_collected_reason_stands_in_where_nothing_was_said() {
        let field = Field { confirmed: true, ..Field::unconfirmed("reason", "a broken lamp") };
        assert_eq!(case_summary(&[], &[field], None), "A broken lamp.");
        assert_eq!(case_summary(&[], &[], None), "Has not said what it is about.");
    }

    #[test]
    fn a_summary_never_exceeds_its_words() {
        let long = "I need to cancel the order because the very long story goes on and on and on, ".repeat(40);
        let said = vec![line(Speaker::Customer, &long); 30];
        assert!(case_summary(&said, &[], Some("+49")).split_whitespace().count() <= SUMMARY_WORDS_MAX);
    }

    proptest::proptest! {
        /// Numbers come from the transcript alone.
        #[test]
        fn every_number_of_a_summary_was_said(texts in proptest::collection::vec("[a-zA-Z0-9 ,.'’!?äßİ-]{0,80}", 0..8)) {
            let lines: Vec<Line> = texts.iter().enumerate()
                .map(|(at, text)| line(if at % 2 == 0 { Speaker::Customer } else { Speaker::Us }, text)).collect();
            let summary = case_summary(&lines, &[], None);
            let said = texts.join(" ");
            for number in summary.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()) {
                proptest::prop_assert!(said.contains(number));
            }
        }
    }

    /// Each number of a summary, with the letters and marks of its word, stands so in what was said.
    fn assert_no_wrong_number(summary: &str, said: &str) {
        let numbers = |text: &str| -> std::collections::BTreeSet<String> {
            let words = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
            words.filter(|word| word.contains(|c: char| c.is_ascii_digit())).map(str::to_lowercase).collect()
        };
        let wrong: Vec<String> = numbers(summary).difference(&numbers(said)).cloned().collect();
        assert!(wrong.is_empty(), "{wrong:?} in {summary}");
    }

    fn lines_of(dialogue: &serde_json::Value) -> Vec<Line> {
        let turns = dialogue["turns"].as_array().unwrap().iter();
        let speaker =
            |turn: &serde_json::Value| if turn["speaker"] == "user" { Speaker::Customer } else { Speaker::Us };
        turns.map(|turn| line(speaker(turn), turn["text"].as_str().unwrap_or_default())).collect()
    }

    /// Whenever a dialogue is handed over, no number is wrong.
    #[test]
    fn no_summary_of_a_real_dialogue_has_a_wrong_number() {
        let Some(fixtures) = std::env::var_os("FIXTURES_DIR") else {
            return eprintln!("skipped: FIXTURES_DIR is unset");
        };
        let file = std::path::Path::new(&fixtures).join("answers/dialogues_tau_airline_transfer.jsonl");
        let (mut summaries, mut dialogues) = (0, 0);
        for dialogue in std::fs::read_to_string(file).unwrap().lines() {
            let lines = lines_of(&serde_json::from_str(dialogue).unwrap());
            for until in 1..=lines.len() {
                let said = lines[..until].iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
                let summary = case_summary(&lines[..until], &[], None);
                assert!(summary.split_whitespace().count() <= SUMMARY_WORDS_MAX);
                assert_no_wrong_number(&summary, &said);
                summaries += 1;
            }
            dialogues += 1;
        }
        println!("{summaries} summaries of {dialogues} dialogues");
        assert!(dialogues > 0);
    }

    /// The share of the content words of what people wrote about real transfers that the summaries hold.
    #[test]
    fn summaries_hold_a_third_of_what_people_would_write() {
        let Some(fixtures) = std::env::var_os("FIXTURES_DIR") else {
            return eprintln!("skipped: FIXTURES_DIR is unset");
        };
        let file = std::path::Path::new(&fixtures).join("answers/dialogues_tau_airline_transfer.jsonl");
        let (mut recall, mut transfers) = (0.0, 0);
        for dialogue in std::fs::read_to_string(file).unwrap().lines() {
            let dialogue: serde_json::Value = serde_json::from_str(dialogue).unwrap();
            let (Some(until), Some(reference)) =
                (dialogue["transfer_turn"].as_u64(), dialogue["transfer_summary"].as_str())
            else {
                continue;
            };
            let mut lines = lines_of(&dialogue);
            lines.truncate(until as usize);
            let summary = case_summary(&lines, &[], None);
            let said = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
            let wanted: std::collections::BTreeSet<_> = text::content_stems(reference).into_iter().collect();
            let held: std::collections::BTreeSet<_> = text::content_stems(&summary).into_iter().collect();
            recall += wanted.intersection(&held).count() as f32 / wanted.len() as f32;
            transfers += 1;
            if std::env::var_os("SHOW").is_some() {
                println!("- {summary}\n    {reference}");
            }
            assert!(summary.split_whitespace().count() <= SUMMARY_WORDS_MAX);
            assert_no_wrong_number(&summary, &said);
        }
        let recall = recall / transfers as f32;
        println!("content-word recall {recall:.3} over {transfers} transfers");
        assert!(recall >= 0.32, "{recall}");
    }
}
