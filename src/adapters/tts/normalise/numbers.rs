//! Numbers in words.

use crate::domain::number_words::{TENS, UNITS};

const SCALES: [(u64, &str); 4] =
    [(1_000_000_000_000, "trillion"), (1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")];

/// Whether [`cardinal`] may use this word.
pub fn is_number_word(word: &str) -> bool {
    let is_scale = SCALES.iter().any(|(_, name)| *name == word);
    !word.is_empty() && (UNITS.contains(&word) || TENS.contains(&word) || is_scale || word == "hundred")
}

/// "one thousand two hundred fifty".
pub fn cardinal(n: u64) -> String {
    let mut words = Vec::new();
    push_cardinal(n, &mut words);
    words.join(" ")
}

fn push_cardinal(mut n: u64, words: &mut Vec<&'static str>) {
    if n < 20 {
        words.push(UNITS[n as usize]);
        return;
    }
    for (scale, name) in SCALES {
        if n >= scale {
            push_cardinal(n / scale, words);
            words.push(name);
            n %= scale;
        }
    }
    if n >= 100 {
        words.extend([UNITS[(n / 100) as usize], "hundred"]);
        n %= 100;
    }
    if n >= 20 {
        words.push(TENS[(n / 10) as usize]);
        n %= 10;
    }
    if n > 0 {
        words.push(UNITS[n as usize]);
    }
}

/// "twenty first".
pub fn ordinal(n: u64) -> String {
    let words = cardinal(n);
    let (before, last) = words.rsplit_once(' ').map_or(("", words.as_str()), |(before, last)| (before, last));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    if before.is_empty() { last } else { format!("{before} {last}") }
}

/// A year: "nineteen oh five", "two thousand nine", "twenty twenty six".
pub fn year(n: u64) -> String {
    let (century, rest) = (n / 100, n % 100);
    if !(1_100..2_100).contains(&n) || (2_000..2_010).contains(&n) {
        return cardinal(n);
    }
    match rest {
        0 => format!("{} hundred", cardinal(century)),
        1..=9 => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// Each digit by its name; other characters are left out.
pub fn digits(text: &str) -> String {
    text.chars().filter_map(|c| c.to_digit(10)).map(|d| UNITS[d as usize]).collect::<Vec<_>>().join(" ")
}

/// Digits in groups as people read them: threes, with a four at the end rather than a single one.
pub fn digits_in_groups(text: &str) -> String {
    let digits_only: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let mut groups = Vec::new();
    let mut rest = digits_only.as_slice();
    while !rest.is_empty() {
        let take = match rest.len() {
            0..=4 => rest.len(),
            8 => 4,
            _ => 3,
        };
        let (group, tail) = rest.split_at(take);
        groups.push(digits(&group.iter().collect::<String>()));
        rest = tail;
    }
    groups.join(", ")
}

/// A number as written, with thousands separated by commas and a decimal point: "one thousand point five".
/// With a leading zero, or too long to be a quantity, its digits.
pub fn number(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let plain: String = whole.chars().filter(char::is_ascii_digit).collect();
    let spoken = match plain.parse::<u64>() {
        _ if plain.len() > 1 && plain.starts_with('0') => digits_in_groups(&plain),
        Ok(n) if plain.len() <= 6 || (whole.contains(',') && plain.len() <= 15) => cardinal(n),
        // Round millions are quantities, other long numbers are codes.
        Ok(n) if plain.len() <= 15 && plain.ends_with("00000") => cardinal(n),
        _ => digits_in_groups(&plain),
    };
    match fraction {
        Some(fraction) if fraction.contains('.') => {
            // Versions and addresses: every part a number.
            fraction
                .split('.')
                .filter(|p| !p.is_empty())
                .fold(spoken, |said, part| format!("{said} point {}", number(part)))
        }
        Some(fraction) if !fraction.is_empty() => format!("{spoken} point {}", digits(fraction)),
        _ => spoken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_read_them() {
        let cases = [
            (cardinal(0), "zero"),
            (cardinal(21), "twenty one"),
            (cardinal(1_250), "one thousand two hundred fifty"),
            (cardinal(3_000_007), "three million seven"),
            (ordinal(1), "first"),
            (ordinal(12), "twelfth"),
            (ordinal(20), "twentieth"),
            (ordinal(31), "thirty first"),
            (year(1999), "nineteen ninety nine"),
            (year(1905), "nineteen oh five"),
            (year(2000), "two thousand"),
            (year(2009), "two thousand nine"),
            (year(2026), "twenty twenty six"),
            (number("3.50"), "three point five zero"),
            (number("1,250"), "one thousand two hundred fifty"),
            (number("007"), "zero zero seven"),
            (number("12345678"), "one two three four, five six seven eight"),
            (number("1.2.3"), "one point two point three"),
            (digits_in_groups("5551234567"), "five five five, one two three, four five six seven"),
            (digits_in_groups("1234567"), "one two three, four five six seven"),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
    }
}
