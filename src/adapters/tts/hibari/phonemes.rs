//! From speakable words to the network's phonemes, never failing: lexicon and rules, then the network for
//! unknown words, then spelling.

use std::panic::AssertUnwindSafe;

use misaki_rs::{G2P, Language};

use super::model::Unknown;

/// Reads text aloud in phonemes of misaki's American alphabet. One a worker.
pub struct Reader {
    lexicon: G2P,
    unknown: Option<Unknown>,
}

impl Reader {
    /// Loads the lexicon (inside the program, about 0.1 s); without `unknown`, words it lacks are spelled.
    pub fn new(unknown: Option<Unknown>) -> Reader {
        Reader { lexicon: G2P::new(Language::EnglishUS), unknown }
    }

    /// The phonemes of a piece of text, empty only where it has no letter or digit.
    pub fn phonemes(&mut self, text: &str) -> String {
        // The lexicon's rules are a port with many indices; a mistake there costs a spelling, not the call.
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| self.lexicon.g2p(text)));
        let Ok(Ok((_, tokens))) = read else {
            return text.split_whitespace().map(spelled).collect::<Vec<_>>().join(" ");
        };
        let mut phonemes = String::with_capacity(text.len() * 2);
        for (n, token) in tokens.iter().enumerate() {
            let around =
                (n.checked_sub(1).map(|n| tokens[n].text.as_str()), tokens.get(n + 1).map(|t| t.text.as_str()));
            match &token.phonemes {
                _ if is_letter_name(&token.text, around) => phonemes.push_str(&spelled(&token.text)),
                Some(known) if !known.contains(UNKNOWN_MARK) => phonemes.push_str(known),
                _ => phonemes.push_str(&self.unknown_word(&token.text)),
            }
            phonemes.push_str(if token.whitespace.is_empty() { "" } else { " " });
        }
        phonemes.trim().to_owned()
    }

    /// A word that the lexicon lacks: by parts that it may know, by the network, or letter by letter.
    fn unknown_word(&mut self, word: &str) -> String {
        let mut parts = Vec::new();
        for part in word.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').filter(|p| !p.is_empty()) {
            let guessed = if has_vowel(part) { self.unknown.as_mut().and_then(|net| net.phonemes(part)) } else { None };
            parts.push(guessed.unwrap_or_else(|| spelled(part)));
        }
        parts.join(" ")
    }
}

/// Whether a single capital stands for its name. "I" is a word unless letters stand beside it, "A" is one at the
/// start of a sentence.
fn is_letter_name(word: &str, (before, after): (Option<&str>, Option<&str>)) -> bool {
    let single = |word: &str| word.len() == 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
    let beside_letters = before.is_some_and(|w| single(w) && w != "I") || after.is_some_and(|w| single(w) && w != "I");
    single(word) && (beside_letters || word != "I" && (word != "A" || before.is_some()))
}

/// What misaki writes for a word it cannot read.
const UNKNOWN_MARK: char = '❓';

/// A word without any vowel is not a word but letters: it is spelled.
fn has_vowel(word: &str) -> bool {
    word.chars().any(|c| !c.is_ascii() || "aeiouyAEIOUY".contains(c))
}

/// Letters and digits by their names; what has no name is left out.
fn spelled(word: &str) -> String {
    word.chars().filter_map(|c| name_of(c.to_ascii_uppercase())).collect::<Vec<_>>().join(" ")
}

fn name_of(c: char) -> Option<&'static str> {
    let name = match c {
        'A' => "ˈA",
        'B' => "bˈi",
        'C' => "sˈi",
        'D' => "dˈi",
        'E' => "ˈi",
        'F' => "ˈɛf",
        'G' => "ʤˈi",
        'H' => "ˈAʧ",
        'I' => "ˈI",
        'J' => "ʤˈA",
        'K' => "kˈA",
        'L' => "ˈɛl",
        'M' => "ˈɛm",
        'N' => "ˈɛn",
        'O' => "ˈO",
        'P' => "pˈi",
        'Q' => "kjˈu",
        'R' => "ˈɑɹ",
        'S' => "ˈɛs",
        'T' => "tˈi",
        'U' => "jˈu",
        'V' => "vˈi",
        'W' => "dˈʌbᵊlju",
        'X' => "ˈɛks",
        'Y' => "wˈI",
        'Z' => "zˈi",
        '0' => "zˈiɹO",
        '1' => "wˈʌn",
        '2' => "tˈu",
        '3' => "θɹˈi",
        '4' => "fˈɔɹ",
        '5' => "fˈIv",
        '6' => "sˈɪks",
        '7' => "sˈɛvən",
        '8' => "ˈAt",
        '9' => "nˈIn",
        // Anything else has no name: normalisation has replaced what should be said.
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_come_from_the_lexicon() {
        let mut reader = Reader::new(None);
        assert_eq!(reader.phonemes("Hello there."), "həlˈO ðˈɛɹ.");
    }

    #[test]
    fn single_capitals_are_read_by_their_names() {
        let mut reader = Reader::new(None);
        assert_eq!(reader.phonemes("nine A M"), "nˈIn ˈA ˈɛm");
        assert_eq!(reader.phonemes("code A B, one"), "kˈOd ˈA bˈi, wˈʌn");
        assert!(reader.phonemes("A bike and I.").starts_with('ɐ'));
    }

    #[test]
    fn a_word_nobody_knows_is_spelled_rather_than_skipped() {
        let mut reader = Reader::new(None);
        assert_eq!(reader.phonemes("Call qzxwv."), "kˈɔl kjˈu zˈi ˈɛks dˈʌbᵊlju vˈi.");
    }
}
