//! Payment card numbers in what people say and write: found and taken out, so that none is ever stored (R48).
//!
//! A card number has the beginning and length of a brand and a right check digit (ISO/IEC 7812-1, annex B). Telephone
//! and order numbers have neither, but for one in thousands. Digits may be written ("4111 1111 …"), said one by one
//! ("four one double one") or in pairs ("forty-one eleven").

use std::borrow::Cow;
use std::ops::Range;

use super::number_words::{TENS, UNITS};

/// What stands where one was.
pub const REDACTED: &str = "[card number]";
/// Digits looked at together; whoever says more has not said a card number first.
const DIGITS_MAX: usize = 64;

/// The text without card numbers; borrowed where it holds none.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut from = 0;
    for run in runs(text) {
        for found in cards(&run) {
            kept.push_str(&text[from..found.start]);
            kept.push_str(REDACTED);
            from = found.end;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

/// Some digits and the bytes they stand in.
struct Piece {
    digits: String,
    at: Range<usize>,
}

/// Pieces that follow each other with nothing between.
fn runs(text: &str) -> Vec<Vec<Piece>> {
    let mut runs = vec![Vec::new()];
    // How often the next digits count, and where that was said.
    let mut times = None;
    for word in words(text) {
        let plain = text[word.clone()].to_ascii_lowercase();
        match plain.as_str() {
            "double" => times = Some((2, word.start)),
            "triple" => times = Some((3, word.start)),
            _ => match (digits(&plain), times.take()) {
                (Some(digits), times) => {
                    let (times, start) = times.unwrap_or((1, word.start));
                    let piece = Piece { digits: digits.repeat(times), at: start..word.end };
                    runs.last_mut().expect("one is always begun").push(piece);
                }
                (None, _) => runs.push(Vec::new()),
            },
        }
    }
    runs
}

/// Where the words of a text stand: letters and digits, parted by anything else.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(|c: char| c.is_ascii_alphanumeric())?;
        let end = text[start..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(text.len(), |len| start + len);
        at = end;
        Some(start..end)
    })
}

fn digits(word: &str) -> Option<String> {
    if word.len() <= 19 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(word.to_owned());
    }
    if word == "oh" || word == "o" {
        return Some("0".into());
    }
    if let Some(value) = UNITS.iter().position(|unit| *unit == word) {
        return Some(value.to_string());
    }
    // "Forty" is followed by its ones, or stands for itself; see [`joined`].
    TENS.iter().position(|ten| *ten == word).map(|tens| format!("{tens}0"))
}

/// The card numbers in a run, in order.
fn cards(run: &[Piece]) -> Vec<Range<usize>> {
    let (digits, ends) = joined(run);
    let mut found = Vec::new();
    let mut from = 0;
    'run: while from < run.len() && digits.len() <= DIGITS_MAX {
        let begin = if from == 0 { 0 } else { ends[from - 1] };
        // The longest first: a number of 19 digits may begin with one of 16.
        for to in (from..run.len()).rev() {
            if ends[to] > begin && is_card(&digits[begin..ends[to]]) {
                found.push(run[from].at.start..run[to].at.end);
                from = to + 1;
                continue 'run;
            }
        }
        from += 1;
    }
    found
}

/// All digits of a run, and how many there are up to each piece: "forty" "one" are 41.
fn joined(run: &[Piece]) -> (String, Vec<usize>) {
    let (mut all, mut ends) = (String::new(), Vec::new());
    for (index, piece) in run.iter().enumerate() {
        let after_tens = index > 0 && is_tens(&run[index - 1].digits) && piece.digits.len() == 1 && piece.digits != "0";
        if after_tens && run[index - 1].at.len() > 2 && piece.at.len() > 1 {
            all.pop();
        }
        all.push_str(&piece.digits);
        ends.push(all.len());
    }
    (all, ends)
}

fn is_tens(digits: &str) -> bool {
    digits.len() == 2 && digits.ends_with('0') && digits != "10"
}

fn is_card(digits: &str) -> bool {
    let starts = |length: usize, low: u32, high: u32| {
        digits.get(..length).and_then(|begin| begin.parse().ok()).is_some_and(|begin| (low..=high).contains(&begin))
    };
    let is_of_a_brand = match digits.len() {
        14 => starts(2, 36, 36) || starts(2, 38, 39) || starts(3, 300, 305),
        15 => starts(2, 34, 34) || starts(2, 37, 37),
        16 => starts(1, 4, 4) || starts(2, 50, 69) || starts(4, 2221, 2720) || starts(2, 35, 35),
        17..=19 => starts(1, 4, 4) || starts(2, 50, 69),
        // No brand issues others any more.
        _ => false,
    };
    is_of_a_brand && has_check_digit(digits)
}

/// Luhn's rule.
fn has_check_digit(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0') * if index % 2 == 0 { 1 } else { 2 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R48.
    #[test]
    fn card_numbers_are_taken_out_however_they_are_said() {
        for said in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111111111111111",
            "four one one one, one one one one, one one one one, one one one one",
            "four triple one double one double one double one double one double one one one",
            "forty-one eleven eleven eleven eleven eleven eleven eleven",
        ] {
            let text = format!("My card is {said}, and it expires in May.");
            assert_eq!(redact(&text), "My card is [card number], and it expires in May.", "{said}");
        }
        assert_eq!(redact("378282246310005 and 5555555555554444"), "[card number] and [card number]");
        assert_eq!(redact("it is 4111 1111 1111 1111 12 27"), "it is [card number] 12 27");
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "Call me at +49 1520 1234567 please.",
            "my number is 030 901820",
            "order 4111 1111 1111 1112",
            "ISBN 978 3 16 148410 0",
            "IBAN DE89 3704 0044 0532 0130 00",
            "one two three four five six seven eight nine ten",
            "",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(kept) if kept == text), "{text}");
        }
    }

    proptest! {
        /// No text makes it fail, and nothing is left to be found.
        #[test]
        fn nothing_is_left(text in "[0-9 a-zé,.-]{0,120}|([0-9]{4} ){2,8}") {
            let kept = redact(&text).into_owned();
            prop_assert!(matches!(redact(&kept), Cow::Borrowed(_)));
        }
    }
}
