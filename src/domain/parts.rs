//! A text in parts that a channel takes, cut where people pause.

/// Parts of at most `units_max` UTF-16 units each, which is how Telegram and Discord count: cut after a paragraph, a
/// line, a sentence or a word, whichever comes last in the second half of a part, and only failing those within a word.
/// The same text always gives the same parts, and nothing but white space at the cuts is left out.
pub fn parts(text: &str, units_max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some(end) = end_of(rest, units_max.max(2)) else {
            parts.push(rest);
            break;
        };
        let head = &rest[..end];
        let at = cut(head);
        parts.push(rest[..at].trim_end());
        rest = rest[at..].trim_start();
    }
    parts
}

/// Where a part that is full ends; `None` when all of it fits.
fn end_of(text: &str, units_max: usize) -> Option<usize> {
    let mut units = 0;
    text.char_indices().find_map(|(at, letter)| {
        units += letter.len_utf16();
        (units > units_max).then_some(at)
    })
}

fn cut(head: &str) -> usize {
    let half = head.len() / 2;
    let late = |found: Option<usize>| found.filter(|at| *at > half);
    let after = |pattern: &str| late(head.rfind(pattern).map(|at| at + pattern.len()));
    let sentence = || [". ", "! ", "? ", "。"].into_iter().filter_map(after).max();
    after("\n\n").or_else(|| after("\n")).or_else(sentence).or_else(|| after(" ")).unwrap_or(head.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_after_sentences() {
        assert_eq!(parts("Short.", 100), ["Short."]);
        assert_eq!(parts("One is here. Two is there. Three.", 28), ["One is here. Two is there.", "Three."]);
        assert_eq!(parts("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(parts("😀😀😀", 4), ["😀😀", "😀"]);
        assert!(parts("  \n ", 4).is_empty());
    }

    proptest! {
        /// Nothing is lost but white space, and no part is too long.
        #[test]
        fn no_word_is_lost(text in "[a-z😀 .\n]{0,300}", max in 2usize..40) {
            let found = parts(&text, max);
            prop_assert!(found.iter().all(|part| part.encode_utf16().count() <= max && !part.is_empty()));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&found.concat()), letters(&text));
        }
    }
}
