//! A small business to try the product with: a lamp shop, published, automatic when safe.

use crate::domain::knowledge::Entry;

use super::{DefaultSensitivity, parse};

/// The sample business: what the agent says about itself, and its knowledge.
pub struct SampleBusiness {
    /// Its name, as it is said aloud.
    pub business: &'static str,
    /// What callers hear first.
    pub greeting: &'static str,
    /// Its knowledge.
    pub entries: Vec<Entry>,
}

/// The sample business, as a fresh installation is given it.
pub fn sample_business(default: DefaultSensitivity) -> SampleBusiness {
    let read = |(name, text): &(&str, &str)| parse(name, text, default).expect("the sample's files are read by a test");
    SampleBusiness {
        business: "Bright Harbour Lamps",
        greeting: "Hello, this is the automated assistant of Bright Harbour Lamps. How can I help you?",
        entries: FILES.iter().flat_map(read).collect(),
    }
}

/// The sample's files, by name, for writing them into a folder where they can be changed.
pub const FILES: &[(&str, &str)] = &[
    ("shop.md", include_str!("sample/shop.md")),
    ("delivery.md", include_str!("sample/delivery.md")),
    ("products.md", include_str!("sample/products.md")),
    ("policies.md", include_str!("sample/policies.md")),
    ("internal.md", include_str!("sample/internal.md")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge::{Kind, Sensitivity};

    #[test]
    fn the_sample_can_be_read_and_has_every_kind_of_entry() {
        let sample = sample_business(|_, _| Sensitivity::Review);
        assert!(sample.entries.len() >= 15);
        for sensitivity in [Sensitivity::Auto, Sensitivity::Review, Sensitivity::Human] {
            assert!(sample.entries.iter().any(|entry| entry.sensitivity == sensitivity));
        }
        assert!(sample.entries.iter().any(|entry| entry.kind == Kind::Internal));
        for entry in &sample.entries {
            let spoken = entry.spoken.as_deref().unwrap_or_default();
            assert!(spoken.split_whitespace().count() <= 40, "{}", entry.id);
        }
    }
}
