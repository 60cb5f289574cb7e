//! Telephone numbers as they are said: "oh one seven six, double two, triple five".

use crate::domain::phone_number::PhoneNumber;

use super::intents::words;

/// The digits in an utterance, in the order they were said, with a leading plus for "plus" or "zero zero".
/// Words that are no digits are passed over, so that "my number is …" does no harm.
pub fn digits(text: &str) -> String {
    let mut digits = String::new();
    let mut times = 1;
    // A written plus sign (a recogniser's, or the star key's) is no part of a word.
    for word in words(&text.replace('+', " plus ")) {
        if word.chars().all(|c| c.is_ascii_digit()) {
            digits.push_str(&word);
            times = 1;
            continue;
        }
        match word.as_str() {
            "plus" if digits.is_empty() => digits.push('+'),
            "double" => times = 2,
            "triple" => times = 3,
            word => {
                if let Some(digit) = digit(word) {
                    digits.extend(std::iter::repeat_n(digit, times));
                } else if let Some(tens) = tens(word) {
                    digits.push_str(tens);
                }
                times = 1;
            }
        }
    }
    digits.truncate(LONGEST_DIGITS);
    digits
}

/// The number that was said or keyed, if it is a whole and assigned one. It is compared and stored in
/// E.164; `home_country` says how a number without a country code is to be read.
pub fn number(text: &str, home_country: Option<&str>) -> Option<PhoneNumber> {
    let digits = digits(text);
    let international = digits.strip_prefix("00").map(|rest| format!("+{rest}"));
    PhoneNumber::parse(international.as_deref().unwrap_or(&digits), home_country).ok()
}

/// A word that stands for one digit, with the recogniser's usual mishearings of it.
fn digit(word: &str) -> Option<char> {
    Some(match word {
        "zero" | "oh" | "o" | "nought" | "null" => '0',
        "one" | "won" => '1',
        "two" | "too" | "to" => '2',
        "three" => '3',
        "four" | "for" => '4',
        "five" => '5',
        "six" => '6',
        "seven" => '7',
        "eight" | "ate" => '8',
        "nine" | "niner" => '9',
        _ => return None,
    })
}

/// Teens and round tens, as in "fifteen" within a number said in pairs.
fn tens(word: &str) -> Option<&'static str> {
    Some(match word {
        "ten" => "10",
        "eleven" => "11",
        "twelve" => "12",
        "thirteen" => "13",
        "fourteen" => "14",
        "fifteen" => "15",
        "sixteen" => "16",
        "seventeen" => "17",
        "eighteen" => "18",
        "nineteen" => "19",
        _ => return None,
    })
}

/// E.164 has 15 digits; with prefixes and slips nobody says more than this.
const LONGEST_DIGITS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_say_them() {
        assert_eq!(digits("oh one seven six, double two, triple five"), "017622555");
        assert_eq!(digits("It's 0176 22 33 44."), "0176223344");
        assert_eq!(digits("plus four nine three oh"), "+4930");
        assert_eq!(digits("nothing here"), "");
        assert_eq!(digits("+49 30 901820"), "+4930901820");
    }

    #[test]
    fn an_international_number_needs_no_home_country() {
        for said in ["+4930901820", "plus four nine, three oh, nine oh one, eight two oh", "0049 30 901820"] {
            assert_eq!(number(said, None).unwrap().as_str(), "+4930901820", "{said}");
        }
    }

    #[test]
    fn an_incomplete_number_is_no_number() {
        assert!(number("one two three", Some("DE")).is_none());
        let whole = number("zero three zero, nine oh one, eight two zero", Some("DE")).unwrap();
        assert_eq!(whole.as_str(), "+4930901820");
    }
}
