//! The sensitivity that an entry has when nobody has said one.

use crate::domain::knowledge::Sensitivity;

use super::gate::{FIRST, LATER};
use super::{rules, text};

/// Review where a question speaks of a risk topic, else auto.
pub fn default_sensitivity(question: &str, alternatives: &[String]) -> Sensitivity {
    let risky = |text: &str| {
        let words = text::words(text);
        rules::first_of(&words, FIRST).or_else(|| rules::first_of(&words, LATER)).is_some()
    };
    if risky(question) || alternatives.iter().any(|alternative| risky(alternative)) {
        Sensitivity::Review
    } else {
        Sensitivity::Auto
    }
}
