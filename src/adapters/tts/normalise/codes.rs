//! Order codes and other mixtures of letters and digits.

use regex::Captures;

use super::numbers::{digits, digits_in_groups, number};
use super::rule::{Around, rewrite, rule};

rule!(HASHED, r"#\s?(\d+)\b");
rule!(
    NAMED,
    r"(?i)\b(order|ticket|case|code|pin|reference|ref|invoice|account|booking|confirmation|tracking|customer|member|membership|room|zip|zipcode|postcode|flight|serial|policy|claim|contract|article|item|sku|passcode)\b\.?((?:\s+(?:number|no\.|nr\.?|id|code))?(?:\s+is)?\s*:?\s*)#?(\d{3,})\b"
);
rule!(TOKEN, r"\b[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*\b");
rule!(LETTERED, r"\b(?:[A-Z]\.){2,}");

/// Puts codes into words.
pub fn read(text: String) -> String {
    let text = rewrite(text, &NAMED, |c, _| Some(format!("{}{} {}", &c[1], c[2].trim_end(), digits_in_groups(&c[3]))));
    let text = rewrite(text, &HASHED, |c, _| {
        Some(format!("number {}", if c[1].len() > 2 { digits_in_groups(&c[1]) } else { number(&c[1]) }))
    });
    let text = rewrite(text, &TOKEN, code);
    rewrite(text, &LETTERED, |c, around| {
        let spelled: Vec<&str> = c[0].split('.').filter(|l| !l.is_empty()).collect();
        Some(format!("{}{}", spelled.join(" "), if around.ends_sentence() { "." } else { "" }))
    })
}

fn code(c: &Captures<'_>, around: &Around<'_>) -> Option<String> {
    let token = &c[0];
    let mixed = token.bytes().any(|b| b.is_ascii_digit()) && token.bytes().any(|b| b.is_ascii_alphabetic());
    if !mixed || around.before().is_some_and(|b| b == '@') {
        return None;
    }
    if let Some(fixed) = fixed(token) {
        return Some(fixed.to_owned());
    }
    let parts: Vec<&str> = token.split(['-', '_', '/', '.']).collect();
    if parts.iter().all(|part| wordlike(part) || all_digits(part) || split_word(part).is_some())
        && parts.iter().any(|part| wordlike(part) || split_word(part).is_some())
    {
        let said = parts.iter().map(|part| match split_word(part) {
            Some((word, digits)) => format!("{word} {}", number(digits)),
            None if all_digits(part) => number(part),
            None => (*part).to_owned(),
        });
        return Some(said.collect::<Vec<_>>().join(" "));
    }
    let said: Vec<String> = parts.iter().filter(|p| !p.is_empty()).map(|part| letters_and_digits(part)).collect();
    Some(said.join(", "))
}

/// What everybody reads in one way.
fn fixed(token: &str) -> Option<&'static str> {
    Some(match token {
        "3D" => "three D",
        "2D" => "two D",
        "4K" => "four K",
        "8K" => "eight K",
        "5G" => "five G",
        "4G" => "four G",
        "3G" => "three G",
        "MP3" | "mp3" => "M P three",
        "MP4" | "mp4" => "M P four",
        "B2B" => "B to B",
        "B2C" => "B to C",
        "H2O" => "H two O",
        "CO2" => "C O two",
        "2FA" => "two factor authentication",
        // Everything else is read by its letters and digits.
        _ => return None,
    })
}

/// A word of at least four letters that is not all capitals, or capitals that can be pronounced.
fn wordlike(part: &str) -> bool {
    let vowel = part.bytes().any(|b| b"aeiouAEIOU".contains(&b));
    part.len() >= 4 && vowel && part.bytes().all(|b| b.is_ascii_alphabetic())
        || part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase())
}

fn all_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

/// "Windows11": a word with a number behind it.
fn split_word(part: &str) -> Option<(&str, &str)> {
    let at = part.find(|c: char| c.is_ascii_digit())?;
    let (word, tail) = part.split_at(at);
    let lower = word.bytes().filter(u8::is_ascii_lowercase).count();
    (word.len() >= 4 && lower >= 3 && tail.len() <= 4 && all_digits(tail)).then_some((word, tail))
}

/// Letters and digits singly, runs of digits in groups: "A B four seven".
pub fn letters_and_digits(text: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            said.push(if run.len() > 4 { digits_in_groups(&run) } else { digits(&run) });
            run.clear();
        }
        if c.is_alphabetic() {
            said.push(c.to_uppercase().collect());
        }
    }
    said.join(" ")
}
