//! Words: the one way in which questions and answers are cut into tokens, stems and sentences.
//!
//! Everything that counts or compares words (BM25, features, rules) uses these functions, so that a word is the
//! same word everywhere. Recognised speech has no punctuation and case; nothing here relies on either.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

/// Words looked at in one text; the rest of a longer text is not read. A spoken turn has under 100.
pub const WORDS_MAX: usize = 400;

/// Lower-case words with apostrophes dropped ("can't" → "cant"), at most [`WORDS_MAX`].
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '\'' | '’' | '‘' | '`' => {}
            c if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    if words.len() == WORDS_MAX {
                        return words;
                    }
                }
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The stems of a text's words, in order.
pub fn stems(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    words(text).into_iter().map(|word| stem_with(&stemmer, &word)).collect()
}

/// The stem of one lower-case word.
pub fn stem(word: &str) -> String {
    stem_with(&Stemmer::create(Algorithm::English), word)
}

/// The stems of the words that carry content.
pub fn content_stems(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    words(text).into_iter().filter(|word| !is_function_word(word)).map(|word| stem_with(&stemmer, &word)).collect()
}

fn stem_with(stemmer: &Stemmer, word: &str) -> String {
    match stemmer.stem(word) {
        Cow::Borrowed(stem) => stem.to_owned(),
        Cow::Owned(stem) => stem,
    }
}

/// Whether a word only holds the sentence together. Sorted, so that it can be searched.
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.binary_search(&word).is_ok()
}

/// Cuts a text into sentences. Abbreviations, decimals, times and addresses do not end one.
pub fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for paragraph in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
        let mut start = 0;
        for (at, mark) in paragraph.char_indices() {
            if !matches!(mark, '.' | '!' | '?') || !ends_sentence(paragraph, at, mark) {
                continue;
            }
            let end = at + mark.len_utf8() + closing_len(&paragraph[at + mark.len_utf8()..]);
            push_trimmed(&mut sentences, &paragraph[start..end]);
            start = end;
        }
        push_trimmed(&mut sentences, &paragraph[start..]);
    }
    sentences
}

fn push_trimmed(sentences: &mut Vec<String>, sentence: &str) {
    let sentence = sentence.trim();
    if sentence.chars().any(char::is_alphanumeric) {
        sentences.push(sentence.to_owned());
    }
}

/// Closing quotes and brackets right after the mark belong to the sentence.
fn closing_len(rest: &str) -> usize {
    rest.chars().take_while(|c| matches!(c, '"' | '”' | '’' | ')' | ']')).map(char::len_utf8).sum()
}

fn ends_sentence(text: &str, at: usize, mark: char) -> bool {
    let rest = &text[at + mark.len_utf8()..];
    let rest = &rest[closing_len(rest)..];
    let Some(next) = rest.chars().next() else { return true };
    if !next.is_whitespace() {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let before = text[..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let lower = before.to_lowercase();
    if ABBREVIATIONS.contains(&lower.as_str()) || (before.chars().count() == 1 && before != "I") {
        return false;
    }
    rest.trim_start().chars().next().is_none_or(|c| !c.is_lowercase())
}

/// How many words a text has, as speech counts them.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

const ABBREVIATIONS: &[&str] = &[
    "a.m", "approx", "co", "dr", "e.g", "etc", "i.e", "inc", "ltd", "max", "min", "mr", "mrs", "ms", "no", "p.m",
    "prof", "st", "vs",
];

const FUNCTION_WORDS: &[&str] = &[
    "a", "about", "ah", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "doing", "for", "from", "get", "give", "go", "got", "had", "has", "have", "he",
    "hello", "her", "hey", "hi", "him", "his", "how", "i", "id", "if", "ill", "im", "in", "into", "is", "it", "its",
    "ive", "just", "know", "let", "like", "made", "make", "many", "may", "me", "might", "much", "must", "my", "need",
    "of", "oh", "ok", "okay", "on", "or", "our", "please", "shall", "she", "should", "so", "some", "tell", "than",
    "thanks", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "uh", "um",
    "umm", "us", "want", "was", "we", "well", "were", "what", "whats", "when", "where", "which", "who", "whom", "why",
    "will", "with", "would", "yeah", "yes", "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_words_are_sorted_so_that_they_are_found() {
        assert!(FUNCTION_WORDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn apostrophes_do_not_split_words() {
        assert_eq!(words("I can’t, won't"), ["i", "cant", "wont"]);
    }

    #[test]
    fn a_very_long_text_is_read_only_to_its_bound() {
        assert_eq!(words(&"word ".repeat(100_000)).len(), WORDS_MAX);
    }

    #[test]
    fn sentences_are_not_cut_at_abbreviations_decimals_and_addresses() {
        assert_eq!(
            sentences(
                "Write to Dr. Lee at a.b@c.com. It costs 4.50 euros, e.g. by card. Open 9 a.m. to 5 p.m. daily! Yes?"
            ),
            [
                "Write to Dr. Lee at a.b@c.com.",
                "It costs 4.50 euros, e.g. by card.",
                "Open 9 a.m. to 5 p.m. daily!",
                "Yes?"
            ]
        );
    }
}
