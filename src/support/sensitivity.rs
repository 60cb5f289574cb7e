//! The sensitivity that an entry has when nobody has said one.

use crate::domain::knowledge::Sensitivity;

use super::gate::{FIRST, LATER};
use super::{rules, text};

/// Review where the question, or more than one in ten of all its wordings, speaks of a risk topic; else auto. One odd
/// wording among many does not make a harmless entry sensitive: that wording itself is held by the gate.
pub fn default_sensitivity(question: &str, alternatives: &[String]) -> Sensitivity {
    let risky = |text: &str| {
        let words = text::words(text);
        rules::first_of(&words, FIRST).or_else(|| rules::first_of(&words, LATER)).is_some()
    };
    let odd = alternatives.iter().filter(|alternative| risky(alternative)).count();
    if risky(question) || odd * 10 > alternatives.len() + 1 { Sensitivity::Review } else { Sensitivity::Auto }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R18: what touches money or accounts is looked at first, unless it was said otherwise.
    #[test]
    fn an_entry_about_a_risk_topic_is_one_to_review() {
        assert_eq!(default_sensitivity("How do I get a refund?", &[]), Sensitivity::Review);
        assert_eq!(default_sensitivity("What about money?", &["I want my money back".into()]), Sensitivity::Review);
        assert_eq!(default_sensitivity("When are you open?", &["opening hours".into()]), Sensitivity::Auto);
    }

    #[test]
    fn one_odd_wording_among_many_does_not_make_an_entry_sensitive() {
        let mut alternatives = vec!["opening hours".to_owned(); 12];
        alternatives.push("I want a refund, when are you open".into());
        assert_eq!(default_sensitivity("When are you open?", &alternatives), Sensitivity::Auto);
    }
}
