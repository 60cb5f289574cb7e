//! Misspelt words, put right by the words that the knowledge itself uses.
//!
//! People type "matress" and "egro". The knowledge says which words matter to it, so that it is the dictionary: a word
//! it does not know becomes the nearest one it does, if that is very near. Only retrieval reads the corrected text;
//! the gate reads what was written.

use std::collections::HashMap;

use super::text;

/// Letters from which a word is looked at: shorter ones have too many neighbours.
const LETTERS_MIN: usize = 4;
/// Letters from which two slips are forgiven.
const LETTERS_FOR_TWO: usize = 7;
/// Letters of a real word of which another must be the beginning, to count as a form of it.
const FORM_LETTERS_MIN: usize = 5;
/// Letters of a word that are compared; longer ones are taken as they are. Bounds the time of a comparison.
const LETTERS_MAX: usize = 24;
/// Unknown words of one text that are looked up: a question has one or two, and a long text must not take long.
const LOOKUPS_MAX: usize = 16;

/// The words of a knowledge's questions.
#[derive(Default)]
pub struct Spelling {
    /// By first letter: in one that is misspelt, the first letter is nearly always right.
    by_initial: HashMap<char, Vec<Word>>,
}

struct Word {
    letters: Vec<char>,
    uses: u32,
}

impl Spelling {
    /// Counts the words of the texts.
    pub fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Spelling {
        let mut uses: HashMap<String, u32> = HashMap::new();
        for word in texts.flat_map(text::words).filter(|word| is_spelt(word)) {
            *uses.entry(word).or_default() += 1;
        }
        let mut spelling = Spelling::default();
        for (word, uses) in uses {
            let letters: Vec<char> = word.chars().collect();
            spelling.by_initial.entry(letters[0]).or_default().push(Word { letters, uses });
        }
        spelling
    }

    /// The text with its misspelt words put right, in lower case; `None` if there is nothing to change.
    ///
    /// `is_known` tells whether the knowledge has a word in any form; `is_real` whether a word is good English. A real
    /// word is only changed into one with two letters swapped ("trail", "trial") or into another form of itself
    /// ("deliver", "delivery").
    pub fn correct(
        &self,
        text: &str,
        is_known: impl Fn(&str) -> bool,
        is_real: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut words = text::words(text);
        let mut changed = false;
        let doubtful = |word: &&mut String| is_spelt(word) && !is_contraction(word) && !is_known(word);
        for word in words.iter_mut().filter(doubtful).take(LOOKUPS_MAX) {
            if let Some(near) = self.nearest(word, is_real(word)) {
                *word = near;
                changed = true;
            }
        }
        changed.then(|| words.join(" "))
    }

    /// The fewest slips decide, then the more frequent word, then the alphabet.
    fn nearest(&self, word: &str, real: bool) -> Option<String> {
        let letters: Vec<char> = word.chars().collect();
        let slips_max = if letters.len() < LETTERS_FOR_TWO { 1 } else { 2 };
        let near = self.by_initial.get(&letters[0])?.iter().filter_map(|candidate| {
            let slips = slips(&letters, &candidate.letters, slips_max)?;
            (!real || is_akin(&letters, &candidate.letters)).then_some((slips, candidate))
        });
        let best =
            near.min_by(|(a_slips, a), (b_slips, b)| (a_slips, b.uses, &a.letters).cmp(&(b_slips, a.uses, &b.letters)));
        best.map(|(_, word)| word.letters.iter().collect())
    }
}

/// A word that has a spelling: letters only, neither very short nor very long, and no function word.
fn is_spelt(word: &str) -> bool {
    let letters = word.chars().count();
    (LETTERS_MIN..=LETTERS_MAX).contains(&letters)
        && word.chars().all(char::is_alphabetic)
        && !text::is_function_word(word)
}

/// "wont" is no misspelt "want": a lost negation would turn the meaning round.
fn is_contraction(word: &str) -> bool {
    ["nt", "ve", "ll"].iter().any(|end| word.strip_suffix(end).is_some_and(|stem| CONTRACTED.contains(&stem)))
}

const CONTRACTED: &[&str] = &[
    "are", "ca", "could", "did", "do", "does", "had", "has", "have", "is", "it", "might", "must", "need", "should",
    "that", "there", "they", "was", "we", "were", "wo", "would", "you",
];

/// Two neighbouring letters swapped, or one word the beginning of the other.
fn is_akin(a: &[char], b: &[char]) -> bool {
    let shorter = a.len().min(b.len());
    if a.len() != b.len() {
        return shorter >= FORM_LETTERS_MIN && a[..shorter] == b[..shorter];
    }
    let differing: Vec<usize> = (0..shorter).filter(|&at| a[at] != b[at]).collect();
    matches!(differing[..], [first, second] if second == first + 1 && a[first] == b[second] && a[second] == b[first])
}

/// Letters added, lost, changed or swapped with their neighbour (optimal string alignment), if at most `max`.
fn slips(a: &[char], b: &[char], max: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for row in 1..=a.len() {
        let mut this = vec![row; b.len() + 1];
        for column in 1..=b.len() {
            let changed = usize::from(a[row - 1] != b[column - 1]);
            this[column] = (last[column] + 1).min(this[column - 1] + 1).min(last[column - 1] + changed);
            let swapped = row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1];
            if swapped {
                this[column] = this[column].min(before[column - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, this);
    }
    last.last().copied().filter(|&slips| slips <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrected(text: &str) -> Option<String> {
        let knowledge = ["price of an ergo mattress", "free trial", "delivery options", "I want to speak to you"];
        let known: Vec<String> = knowledge.iter().flat_map(|text| text::words(text)).collect();
        let spelling = Spelling::new(knowledge.into_iter());
        let real = ["trail", "deliver", "steak", "prince"];
        spelling.correct(text, |word| known.iter().any(|known| known == word), |word| real.contains(&word))
    }

    #[test]
    fn slips_of_the_finger_become_words_of_the_knowledge() {
        assert_eq!(corrected("Egro matress?").as_deref(), Some("ergo mattress"));
        assert_eq!(corrected("matterss prise").as_deref(), Some("mattress price"));
    }

    #[test]
    fn a_real_word_stays_unless_it_is_a_form_or_a_swap_of_a_known_one() {
        assert_eq!(corrected("steak for a prince"), None);
        assert_eq!(corrected("do you deliver").as_deref(), Some("do you delivery"));
        assert_eq!(corrected("free trail").as_deref(), Some("free trial"));
    }

    #[test]
    fn a_negation_is_never_corrected_away() {
        assert_eq!(corrected("it wont"), None);
    }

    #[test]
    fn numbers_short_words_and_very_long_words_stay() {
        assert_eq!(corrected("pric3 egr 72x60"), None);
        assert_eq!(corrected(&"mattress".repeat(40)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_corrected(text in "\\PC{0,80}") {
            corrected(&text);
        }
    }
}
