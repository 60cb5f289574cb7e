//! Cuts text that is still being written into what can be said already: sentences, and of long ones the clauses.
//! Never inside a number. Pure.

use super::text;

/// Text on its way.
#[derive(Default)]
pub struct Flush {
    /// Characters of the text that were given out.
    taken: usize,
    /// Whether clauses are given out as well: somebody waits for the first word.
    clauses: bool,
}

impl Flush {
    /// `clauses` where somebody listens meanwhile.
    pub fn new(clauses: bool) -> Flush {
        Flush { taken: 0, clauses }
    }

    /// The next piece of the text as it is so far; `whole` once nothing more comes.
    pub fn next(&mut self, so_far: &str, whole: bool) -> Option<String> {
        let rest = so_far.get(self.taken..)?;
        let sentences = text::sentences(rest);
        let first = sentences.first()?;
        let from = rest.find(first.as_str())?;
        // The last sentence may go on: "It costs 4." is not over before "50 euros" or a space has come.
        let is_over = whole || rest[from + first.len()..].contains(char::is_alphanumeric);
        if is_over {
            self.taken += from + first.len();
            return Some(first.clone());
        }
        let clause = first_clause(first).filter(|_| self.clauses)?;
        self.taken += from + clause.len();
        Some(clause.to_owned())
    }
}

/// The part before the first joint of clauses that is long enough to be said by itself, with its comma.
fn first_clause(sentence: &str) -> Option<&str> {
    let joints = JOINTS.iter().flat_map(|joint| sentence.match_indices(joint));
    let ends = joints.map(|(at, joint)| at + if joint.starts_with([',', ';']) { 1 } else { 0 });
    let long_enough = |end: &usize| text::word_count(&sentence[..*end]) >= CLAUSE_WORDS_MIN;
    ends.filter(long_enough).min().map(|end| &sentence[..end])
}

/// Where a clause ends that says something by itself; the word behind it shows that no number is cut.
const JOINTS: &[&str] = &[", and ", ", but ", ", while ", "; "];
/// A shorter one is soon followed by its rest.
const CLAUSE_WORDS_MIN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, clauses: bool) -> Vec<String> {
        let (mut flush, mut pieces) = (Flush::new(clauses), Vec::new());
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            pieces.extend(std::iter::from_fn(|| flush.next(&text[..end], false)));
        }
        pieces.extend(std::iter::from_fn(|| flush.next(text, true)));
        pieces
    }

    #[test]
    fn a_sentence_is_said_once_the_next_begins_and_a_number_is_never_cut() {
        let text = "It costs 4.50 euros. It weighs 1,000 kg. Done";
        assert_eq!(pieces(text, true), ["It costs 4.50 euros.", "It weighs 1,000 kg.", "Done"]);
    }

    #[test]
    fn a_long_sentence_is_said_clause_by_clause_where_somebody_listens() {
        let text = "Delivery takes two to three working days, and it is free from 50 euros. Yes.";
        let clause = "Delivery takes two to three working days,";
        assert_eq!(pieces(text, true), [clause, "and it is free from 50 euros.", "Yes."]);
        assert_eq!(pieces(text, false).len(), 2);
    }

    proptest::proptest! {
        /// However it comes, nothing of it is lost or said twice.
        #[test]
        fn all_words_are_said_once(text in "[a-zA-Z0-9 .,;!?€\n]{0,120}", clauses in proptest::bool::ANY) {
            let said = pieces(&text, clauses).join(" ");
            proptest::prop_assert_eq!(text::words(&said), text::words(&text));
        }
    }
}
