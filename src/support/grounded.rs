//! Whether what a language model wrote stands in what it was given, sentence by sentence. Pure.
//!
//! A sentence stands if one sentence of a cited passage holds all its hard facts ([`super::facts`]) and names, says no
//! less "not", "only" or "except" than it does, and if most of its other words stand in the passages too. It is a
//! comparison of words, broad on purpose: what is dropped here costs nothing, since the knowledge's own words are
//! there; what slips through is told to a customer.

use std::collections::{BTreeSet, HashSet};

use super::facts::{Fact, facts};
use super::{pattern, text};

/// A passage that may be cited.
pub struct Passage<'a> {
    /// The question it answers.
    pub question: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Whether addresses and telephone numbers may be taken from it.
    pub may_be_reached_by: bool,
}

/// Why a sentence does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It holds signs that are not seen, or digits of another script.
    Hidden,
    /// It says that something was or will be done.
    Deed,
    /// Most of its words stand in no passage.
    Words,
    /// No sentence of a passage holds its numbers, days, addresses and names together.
    Facts,
    /// It says "not", "only" or the like where the passage does not, or the other way round.
    Negation,
}

impl Fault {
    /// For teammates.
    pub fn sentence(self) -> &'static str {
        match self {
            Fault::Hidden => "a sentence held hidden signs",
            Fault::Deed => "a sentence claimed a deed",
            Fault::Words => "a sentence stood in no passage",
            Fault::Facts => "a number, date, address or name stood in no passage",
            Fault::Negation => "a sentence said the opposite of the passage, or left out its limit",
        }
    }
}

/// What an answer may rest on.
pub struct Ground {
    units: Vec<Unit>,
    /// Whole sentences, for what is quoted.
    quotes: HashSet<String>,
    stems: HashSet<String>,
    /// Names that need not stand beside what is said of them: those of the questions, and our own.
    named: HashSet<String>,
}

/// A part of a sentence that says one thing.
struct Unit {
    facts: BTreeSet<Fact>,
    words: Vec<String>,
    stems: HashSet<String>,
    polarity: Polarity,
}

/// Whether it denies, and whether it limits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Polarity {
    negates: bool,
    limits: bool,
}

impl Ground {
    /// The ground of an answer that cites these passages, for a business of this name.
    pub fn of(passages: &[Passage], business: &str) -> Ground {
        let mut ground = Ground {
            units: Vec::new(),
            quotes: HashSet::new(),
            stems: HashSet::new(),
            named: text::words(business).into_iter().collect(),
        };
        for passage in passages {
            ground.named.extend(text::words(passage.question));
            ground.stems.extend(text::stems(passage.question));
            for sentence in text::sentences(passage.text) {
                ground.quotes.insert(quoted(&sentence));
                ground.stems.extend(text::stems(&sentence));
                ground.add(&sentence, passage.may_be_reached_by);
            }
        }
        ground
    }

    fn add(&mut self, sentence: &str, may_be_reached_by: bool) {
        let parts = parts(sentence);
        let mut units: Vec<Unit> = parts.iter().map(|part| Unit::of(part)).collect();
        // Its parts together say what it says, unless one denies and another does not.
        if units.len() > 1 && units.windows(2).all(|two| two[0].polarity == two[1].polarity) {
            units.push(Unit::of(sentence));
        }
        for unit in &mut units {
            unit.facts.retain(|fact| may_be_reached_by || !matches!(fact, Fact::Contact(_)));
        }
        self.units.extend(units);
    }

    /// Whether a sentence stands.
    pub fn check(&self, sentence: &str) -> Result<(), Fault> {
        if sentence.chars().any(is_hidden) {
            return Err(Fault::Hidden);
        }
        if self.quotes.contains(&quoted(sentence)) {
            let contacts = facts(sentence).into_iter().filter(|fact| matches!(fact, Fact::Contact(_)));
            let known = |fact: &Fact| self.units.iter().any(|unit| unit.facts.contains(fact));
            return if contacts.into_iter().all(|fact| known(&fact)) { Ok(()) } else { Err(Fault::Facts) };
        }
        parts(sentence).iter().try_for_each(|part| self.check_part(part))
    }

    fn check_part(&self, part: &str) -> Result<(), Fault> {
        let unit = Unit::of(part);
        let ours = |word: &String| FIRST_PERSON.contains(&word.as_str()) && !self.stems.contains(word);
        if DEEDS.iter().any(|deed| pattern::matches(deed, &unit.words)) || unit.words.iter().any(ours) {
            return Err(Fault::Deed);
        }
        let said: Vec<&String> =
            unit.stems.iter().filter(|stem| !stem.contains(|c: char| c.is_ascii_digit())).collect();
        let held = said.iter().filter(|stem| holds(&self.stems, stem)).count();
        if (held as f32) < HELD_SHARE_MIN * said.len() as f32 || (said.is_empty() && unit.facts.is_empty()) {
            return Err(Fault::Words);
        }
        let names = names(part);
        let has_facts = |other: &&Unit| {
            unit.facts.is_subset(&other.facts)
                && names.iter().all(|name| other.words.contains(name) || self.is_named(name, unit.polarity))
        };
        let able: Vec<&Unit> = self.units.iter().filter(has_facts).collect();
        if able.is_empty() {
            return Err(Fault::Facts);
        }
        let overlap = |other: &&Unit| said.iter().filter(|stem| holds(&other.stems, stem)).count();
        let most = able.iter().map(overlap).max().unwrap_or(0);
        let nearest = able.iter().filter(|other| overlap(other) == most);
        let agrees =
            nearest.filter(|_| most > 0 || !unit.facts.is_empty()).any(|other| other.polarity == unit.polarity);
        if agrees { Ok(()) } else { Err(Fault::Negation) }
    }

    /// A name of the question is what the passage speaks of, as long as nothing is denied or limited.
    fn is_named(&self, name: &String, polarity: Polarity) -> bool {
        !polarity.negates
            && !polarity.limits
            && self.named.contains(name)
            && self.units.iter().all(|unit| !unit.polarity.negates && !unit.polarity.limits)
    }
}

impl Unit {
    fn of(part: &str) -> Unit {
        let words = text::words(part);
        let any = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        Unit {
            facts: facts(part),
            stems: text::content_stems(part).into_iter().collect(),
            polarity: Polarity { negates: any(NEGATIONS), limits: any(LIMITS) },
            words,
        }
    }
}

/// Whether a short text says again what a longer one says: its facts and names, most of its words, and no "not" more
/// or less than the part it comes from.
pub fn restates(fact: &str, line: &str) -> bool {
    let (unit, whole) = (Unit::of(fact), Unit::of(line));
    let held = unit.stems.iter().filter(|stem| holds(&whole.stems, stem)).count();
    let names = names(fact).into_iter().all(|name| whole.words.contains(&name));
    let said = text::sentences(line)
        .iter()
        .flat_map(|sentence| parts(sentence))
        .map(|part| Unit::of(&part))
        .collect::<Vec<_>>();
    let overlap = |part: &Unit| unit.stems.iter().filter(|stem| holds(&part.stems, stem)).count();
    let most = said.iter().map(overlap).max().unwrap_or(0);
    let negates =
        said.iter().filter(|part| overlap(part) == most).any(|part| part.polarity.negates == unit.polarity.negates);
    let is_held = !unit.stems.is_empty() && held as f32 >= HELD_SHARE_MIN * unit.stems.len() as f32;
    is_held && names && negates && unit.facts.is_subset(&whole.facts) && !fact.chars().any(is_hidden)
}

/// Whether a text stands in another word for word.
pub fn is_quoted(quote: &str, line: &str) -> bool {
    let (quote, line) = (text::words(quote), text::words(line));
    !quote.is_empty() && line.windows(quote.len()).any(|window| window == quote)
}

/// Whether a sentence denies or limits something: without it, what is left may say too much.
pub fn is_a_limit(sentence: &str) -> bool {
    let polarity = Unit::of(sentence).polarity;
    let words = text::words(sentence);
    polarity.negates || polarity.limits || words.iter().any(|word| TURNS.contains(&word.as_str()))
}

/// Words that are names by their capitals, in lower case: not the first, unless a second follows it.
pub fn names(sentence: &str) -> Vec<String> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let capital = |at: usize| words.get(at).is_some_and(|word| is_capital(word));
    let is_name = |at: &usize| capital(*at) && (*at > 0 || capital(1));
    let named = (0..words.len()).filter(is_name).flat_map(|at| text::words(words[at]));
    let plain = named.map(|name| name.strip_suffix('s').filter(|_| name.len() > 4).map_or(name.clone(), str::to_owned));
    plain.filter(|name| !text::is_function_word(name) && !name.contains(|c: char| c.is_ascii_digit())).collect()
}

fn is_capital(word: &str) -> bool {
    let bare = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    bare.starts_with(char::is_uppercase) && !text::is_function_word(&text::words(bare).join(""))
}

/// The parts of a sentence that say one thing each.
fn parts(sentence: &str) -> Vec<String> {
    let mut parts = vec![sentence.to_owned()];
    for joint in JOINTS {
        parts = parts.iter().flat_map(|part| split_at_joint(part, joint)).collect();
    }
    parts
}

fn split_at_joint(part: &str, joint: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for piece in part.split(joint) {
        let whole = text::word_count(piece) >= if joint == BUT { 1 } else { PART_WORDS_MIN };
        match pieces.last_mut() {
            Some(last) if last.is_empty() => last.push_str(piece),
            // "salt, and pepper" is one thing.
            Some(last) if !whole => {
                last.push_str(joint);
                last.push_str(piece);
            }
            _ => pieces.push(piece.to_owned()),
        }
    }
    pieces
}

fn quoted(sentence: &str) -> String {
    sentence.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether a stem, or one of the same beginning, is among these: "delivery" and "deliver".
fn holds(stems: &HashSet<String>, stem: &str) -> bool {
    stems.contains(stem)
        || stem.get(..BEGINNING).is_some_and(|beginning| stems.iter().any(|other| other.starts_with(beginning)))
}

fn is_hidden(c: char) -> bool {
    let invisible = matches!(c, '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}');
    invisible || (c.is_control() && !matches!(c, '\n' | '\t')) || (c.is_numeric() && !c.is_ascii())
}

/// Share of the words with content that must stand in the passages. Paraphrases of real answers have three quarters.
const HELD_SHARE_MIN: f32 = 0.6;
/// Letters by which two stems are of one family.
const BEGINNING: usize = 5;
/// Fewer words on one side of a joint are a list.
const PART_WORDS_MIN: usize = 3;

const BUT: &str = " but ";
const JOINTS: &[&str] = &[";", BUT, ", and ", ", while "];

const NEGATIONS: &[&str] = &[
    "not",
    "no",
    "never",
    "cannot",
    "cant",
    "dont",
    "doesnt",
    "didnt",
    "wont",
    "isnt",
    "arent",
    "wasnt",
    "werent",
    "hasnt",
    "havent",
    "shouldnt",
    "wouldnt",
    "couldnt",
    "mustnt",
    "without",
    "none",
    "nobody",
    "nothing",
    "neither",
    "nor",
    "unable",
    "impossible",
    "closed",
    "unavailable",
    "except",
    "excluding",
    "excluded",
    "excludes",
    "forbidden",
    "prohibited",
];

const LIMITS: &[&str] = &["only", "unless", "provided", "solely", "exclusively"];

/// What turns what was said before.
const TURNS: &[&str] =
    &["but", "however", "although", "though", "if", "must", "before", "after", "until", "least", "most"];

/// A model speaks for nobody; "My orders" is a page that a passage may name.
const FIRST_PERSON: &[&str] = &["me", "my", "mine", "myself"];

/// Deeds and promises: no tool does any.
const DEEDS: &[&str] = &[
    "i|ill|ive|im",
    "weve|we have",
    "has|have been",
    "will|shall call|email|contact|refund|send|transfer|text|ring you|your|this|it",
    "is|are on its|their|the way",
    "ignore ..3 instructions|above|previous|prompt",
    "system prompt",
    "language model",
];

#[cfg(test)]
#[path = "grounded_tests.rs"]
mod tests;
