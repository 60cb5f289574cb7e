//! Answers to the questions that an admin added: taken as what they are meant to be, or not at all.

use crate::domain::escalation::FieldKind;
use crate::domain::phone_number::PhoneNumber;

use super::intents::words;
use super::spoken_number;

/// The answer in the form in which it is kept; `None` when it is none of this kind.
pub fn read(kind: FieldKind, text: &str, home_country: Option<&str>) -> Option<String> {
    match kind {
        FieldKind::Text => {
            let text = text.trim();
            (!text.is_empty()).then(|| text.chars().take(TEXT_CHARS_MAX).collect())
        }
        FieldKind::Digits => Some(spoken_number::digits(text)).filter(|digits| !digits.trim_matches('+').is_empty()),
        FieldKind::Number => {
            spoken_number::number(text, home_country).map(|number: PhoneNumber| number.as_str().to_owned())
        }
        FieldKind::Email => email(text),
    }
}

/// The same as it is read back: digits one by one, an address as it is spelled.
pub fn read_back(kind: FieldKind, value: &str) -> String {
    match kind {
        FieldKind::Digits => value.chars().map(String::from).collect::<Vec<_>>().join(" "),
        FieldKind::Email => value.replace('@', " at ").replace('.', " dot "),
        FieldKind::Text => value.trim_end_matches(['.', '?', '!']).to_owned(),
        FieldKind::Number => value.to_owned(),
    }
}

/// Whether the answer may be keyed.
pub fn is_keyed(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Digits | FieldKind::Number)
}

/// "ann dot smith at example dot com", or an address as a recogniser writes it.
fn email(text: &str) -> Option<String> {
    let written = text.split_whitespace().map(|word| word.trim_matches(['.', ',', '?', '!']));
    if let Some(address) = written.clone().find(|word| is_address(word)) {
        return Some(address.to_lowercase());
    }
    let mut address = String::new();
    // An address written in part ("ann.smith at example.com") keeps its dots.
    let spelled = text.replace('.', " dot ").replace('@', " at ").replace('-', " dash ").replace('_', " underscore ");
    for word in words(&spelled) {
        match word.as_str() {
            "at" => address.push('@'),
            "dot" | "point" => address.push('.'),
            "dash" | "hyphen" | "minus" => address.push('-'),
            "underscore" => address.push('_'),
            "its" | "it" | "is" | "my" | "email" | "address" | "um" | "uh" if !address.contains('@') => {}
            word => address.push_str(word),
        }
    }
    let address = address.trim_end_matches('.').to_owned();
    is_address(&address).then_some(address)
}

/// One part before the sign, a host with a dot after it, and nothing that no mail system takes.
fn is_address(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let plain = |part: &str, marks: &[char]| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(&c))
    };
    text.len() <= ADDRESS_CHARS_MAX
        && plain(user, &['.', '-', '_', '+'])
        && plain(host, &['.', '-'])
        && host.contains('.')
}

/// RFC 5321 §4.5.3.1.
const ADDRESS_CHARS_MAX: usize = 254;
/// An answer, not a story.
const TEXT_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_taken_for_what_they_are_meant_to_be() {
        let reads = [
            (FieldKind::Text, " Blue, I think. ", Some("Blue, I think.")),
            (FieldKind::Text, " ", None),
            (FieldKind::Digits, "It's four four, seven one.", Some("4471")),
            (FieldKind::Digits, "I do not know.", None),
            (FieldKind::Number, "zero three zero, nine oh one, eight two zero", Some("+4930901820")),
            (FieldKind::Number, "four four seven one", None),
            (FieldKind::Email, "It's ann dot smith at example dot com.", Some("ann.smith@example.com")),
            (FieldKind::Email, "Ann.Smith@example.com.", Some("ann.smith@example.com")),
            (FieldKind::Email, "ann.smith at example.com", Some("ann.smith@example.com")),
            (FieldKind::Email, "I have none.", None),
            (FieldKind::Email, "ann at example", None),
        ];
        for (kind, said, value) in reads {
            assert_eq!(read(kind, said, Some("DE")).as_deref(), value, "{said}");
        }
    }

    #[test]
    fn digits_and_addresses_are_read_back_as_people_spell_them() {
        assert_eq!(read_back(FieldKind::Digits, "4471"), "4 4 7 1");
        assert_eq!(read_back(FieldKind::Email, "ann@example.com"), "ann at example dot com");
    }

    proptest! {
        #[test]
        fn whatever_is_said_an_address_has_one_sign_and_a_host(text in ".{0,60}|([a-z]{1,4}| at | dot |@|\\.){0,12}") {
            if let Some(address) = read(FieldKind::Email, &text, None) {
                prop_assert!(address.matches('@').count() == 1 && address.rsplit('@').next().unwrap().contains('.'));
            }
        }
    }
}
