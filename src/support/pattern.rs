//! A small language of word patterns, in which the tables of rules are written.
//!
//! A pattern is a row of elements that must follow one another in the text:
//! `word`, `word*` (a beginning), `a|b|c*` (any of these), `..3` (a gap of at most three words).
//! `^` and `$` stand for the beginning and the end of the text. Texts are compared as lower-case words without
//! apostrophes, as [`super::text::words`] gives them, so that typing and recognised speech look the same.

/// Whether the pattern occurs in the words.
pub fn matches(pattern: &str, words: &[String]) -> bool {
    let elements: Vec<&str> = pattern.split(' ').filter(|element| !element.is_empty()).collect();
    match elements.split_first() {
        None => false,
        Some((&"^", rest)) => follows(rest, words, 0),
        Some(_) => (0..words.len()).any(|at| follows(&elements, words, at)),
    }
}

fn follows(elements: &[&str], words: &[String], at: usize) -> bool {
    let Some((&element, rest)) = elements.split_first() else { return true };
    if element == "$" {
        return at == words.len();
    }
    if let Some(gap) = element.strip_prefix("..") {
        let gap: usize = gap.parse().unwrap_or(0);
        return (0..=gap).any(|skip| follows(rest, words, at + skip));
    }
    words.get(at).is_some_and(|word| fits(element, word)) && follows(rest, words, at + 1)
}

fn fits(element: &str, word: &str) -> bool {
    element.split('|').any(|choice| match choice.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => word == choice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::text::words;

    #[test]
    fn elements_follow_one_another_with_gaps_and_choices() {
        let pattern = "speak|talk ..3 person|human*";
        assert!(matches(pattern, &words("can I speak to a real person")));
        assert!(matches(pattern, &words("talk humans")));
        assert!(!matches(pattern, &words("speak to one of your very nice person")));
        assert!(!matches(pattern, &words("a person who can speak")));
    }

    #[test]
    fn anchors_hold_the_ends() {
        assert!(matches("^ agent $", &words("Agent!")));
        assert!(!matches("^ agent $", &words("the agent")));
        assert!(!matches("", &words("anything")));
    }
}
