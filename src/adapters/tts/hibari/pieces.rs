//! Cuts text where a speaker would breathe: sentences, and clauses of long ones, so that the first sound comes
//! after a few words instead of after a whole paragraph.

use crate::adapters::tts::normalise::is_number_word;

/// Characters of the first piece beyond which it is cut at a clause boundary: about 2.5 s of speech, which is
/// synthesised in some tens of milliseconds, and long enough to keep a clause's melody.
const FIRST_CHARS: usize = 48;
/// Characters of later pieces: they are synthesised while the one before is heard.
const LATER_CHARS: usize = 160;
/// Even without any clause boundary a piece ends here: the network takes 400 phonemes at once.
const CHARS_MAX: usize = 240;
/// A clause shorter than this stays with its neighbour: single words cut off sound clipped.
const CLAUSE_CHARS_MIN: usize = 12;

/// A piece of text that is synthesised at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its words.
    pub text: String,
    /// How long the silence after it is.
    pub pause: Pause,
}

/// The silence after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Cut inside a clause.
    None,
    /// After a comma, colon, semicolon or dash.
    Clause,
    /// After a sentence.
    Sentence,
}

/// The pieces of a normalised text, in order; none for blank text.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for sentence in sentences(text) {
        let mut rest = sentence;
        loop {
            let limit = if pieces.is_empty() { FIRST_CHARS } else { LATER_CHARS };
            let Some(cut) = clause_end(rest, limit) else { break };
            let (head, tail) = rest.split_at(cut);
            let pause =
                if head.trim_end().ends_with([',', ';', ':', '—', '–']) { Pause::Clause } else { Pause::None };
            pieces.push(Piece { text: head.trim().to_owned(), pause });
            rest = tail.trim_start();
        }
        if !rest.trim().is_empty() {
            pieces.push(Piece { text: rest.trim().to_owned(), pause: Pause::Sentence });
        }
    }
    pieces
}

/// Sentences end at `.`, `!`, `?` or `…` before white space. The text is normalised: abbreviations are words.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .char_indices()
            .find(|&(at, c)| {
                matches!(c, '.' | '!' | '?' | '…')
                    && rest[at + c.len_utf8()..].chars().next().is_none_or(char::is_whitespace)
            })
            .map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (sentence, tail) = rest.split_at(end);
        rest = tail;
        Some(sentence)
    })
}

/// Where to end the first piece of a sentence longer than `limit` characters, in bytes; `None` to leave it whole.
fn clause_end(sentence: &str, limit: usize) -> Option<usize> {
    let length = sentence.chars().count();
    if length <= limit + CLAUSE_CHARS_MIN {
        return None;
    }
    let words = words(sentence);
    let mut best: Option<(usize, usize)> = None;
    let mut any: Option<usize> = None;
    for pair in words.windows(2) {
        let [(before, _), (after, after_at)] = pair else { continue };
        let chars = sentence[..*after_at].chars().count();
        if chars > CHARS_MAX {
            break;
        }
        any = Some(*after_at);
        if chars < CLAUSE_CHARS_MIN || length - chars < CLAUSE_CHARS_MIN || inside_number(before, after) {
            continue;
        }
        let rank = boundary_rank(before, after);
        // Past the limit only the first usable boundary is of interest.
        if rank > 0 {
            let better = best.is_none_or(|(held, _)| rank >= held);
            if chars <= limit && better {
                best = Some((rank, *after_at));
            } else if chars > limit && best.is_none() {
                best = Some((rank, *after_at));
                break;
            }
        }
    }
    best.map(|(_, at)| at).or_else(|| (length > CHARS_MAX).then_some(any).flatten())
}

/// How good a place this is to breathe: 2 at punctuation, 1 before a joining word, 0 not at all.
fn boundary_rank(before: &str, after: &str) -> usize {
    if before.ends_with([',', ';', ':', '—', '–']) {
        return 2;
    }
    const JOINING: [&str; 12] =
        ["and", "or", "but", "because", "which", "who", "when", "while", "so", "unless", "until", "if"];
    usize::from(JOINING.contains(&after))
}

/// Whether a cut here would fall inside a number or a code that is read out in groups.
fn inside_number(before: &str, after: &str) -> bool {
    let counts = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        word.chars().count() == 1 && word != "a" && word != "i"
            || word.split('-').any(|part| matches!(part, "oh" | "point") || is_number_word(part))
    };
    let joined = after == "and" && !before.ends_with(',') || after == "point";
    counts(before) && (counts(after) || joined) || before == "and" && counts(after)
}

/// The words of a text with the byte where each begins.
fn words(text: &str) -> Vec<(&str, usize)> {
    let start = text.as_ptr() as usize;
    text.split_whitespace().map(|word| (word, word.as_ptr() as usize - start)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        pieces(text).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_short_sentence_stays_whole() {
        assert_eq!(texts("Yes, we are open today. How can I help?"), ["Yes, we are open today.", "How can I help?"]);
    }

    #[test]
    fn a_long_first_sentence_is_cut_at_its_first_good_clause_end() {
        let long = "You can return anything within thirty days, as long as it is unused and in its original box.";
        assert_eq!(texts(long)[0], "You can return anything within thirty days,");
        assert_eq!(pieces(long)[0].pause, Pause::Clause);
    }

    #[test]
    fn a_number_read_in_groups_is_never_cut() {
        let text =
            "Please call us back on five five five, one two three, four five six seven, and we will sort it out.";
        assert_eq!(texts(text)[0], "Please call us back on five five five, one two three, four five six seven,");
    }

    #[test]
    fn words_without_any_punctuation_end_somewhere() {
        let endless = "blah ".repeat(500);
        assert!(texts(&endless).iter().all(|piece| piece.chars().count() <= CHARS_MAX));
        assert_eq!(texts(&endless).join(" "), endless.trim());
    }

    #[test]
    fn nothing_gives_no_pieces() {
        assert!(pieces(" \n ").is_empty());
    }
}
