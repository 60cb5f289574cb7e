//! Email addresses, web addresses and telephone numbers.

use regex::Captures;

use super::codes::letters_and_digits;
use super::numbers::{digits, digits_in_groups};
use super::rule::{Around, rewrite, rule};

rule!(EMAIL, r"(?i)\b(?:mailto:)?([a-z0-9._%+-]{1,64})@([a-z0-9-]+(?:\.[a-z0-9-]+)+)");
rule!(URL, r"(?i)\b(?:https?://|www\.)[^\s<>]+");
rule!(
    DOMAIN,
    r"(?i)\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|app|shop|info|biz|eu|co\.uk|uk|de|fr|nl|ch|at|es|it|se|no|dk|pl|ca|au|us)\b(?:/[^\s<>]*)?"
);
rule!(PHONE, r"(?:\+|\b00|\()?\d[\d \u{a0}().\-/]{4,22}\d(?:\s?(?:ext\.?|x)\s?(\d{1,6})\b)?|\+\d{7,15}\b");
rule!(EXTENSION, r"(?i)\b(?:ext\.?|extension)\s*:?\s*(\d{1,6})\b");

/// Puts addresses and telephone numbers into words.
pub fn read(text: String) -> String {
    let text = rewrite(text, &EMAIL, |c, _| Some(format!("{} at {}", address(&c[1]), address(&c[2]))));
    let text = rewrite(text, &URL, url);
    rewrite(text, &DOMAIN, |c, around| {
        // "Ltd.de" and the like aside, a domain is written in small letters.
        (around.before() != Some('@') && c[0].chars().next().is_some_and(|f| f.is_lowercase() || f.is_ascii_digit()))
            .then(|| {
                let bare = c[0].trim_end_matches(AFTER_ADDRESS);
                format!("{}{}", address(bare), marks(&c[0][bare.len()..]))
            })
    })
}

/// Puts telephone numbers into words. After dates and money, which also have digits and separators.
pub fn read_phones(text: String) -> String {
    let text = rewrite(text, &PHONE, phone);
    rewrite(text, &EXTENSION, |c, _| Some(format!("extension {}", digits(&c[1]))))
}

fn url(c: &Captures<'_>, _: &Around<'_>) -> Option<String> {
    let whole = &c[0];
    let bare = whole.trim_end_matches(AFTER_ADDRESS);
    let tail = marks(&whole[bare.len()..]);
    let lower = bare.to_ascii_lowercase();
    let skip = ["https://", "http://"].into_iter().find(|p| lower.starts_with(p)).map_or(0, str::len);
    let rest = &bare[skip..];
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    // What follows "?" is for machines; nobody can take it down.
    let rest = rest.split(['?', '#']).next().unwrap_or(rest).trim_end_matches('/');
    Some(if rest.is_empty() { format!("a link{tail}") } else { format!("{}{tail}", address(rest)) })
}

/// What ends a sentence or a bracket behind an address and is no part of it.
const AFTER_ADDRESS: [char; 10] = ['.', ',', ';', ':', '!', '?', ')', ']', '"', '\''];

fn marks(tail: &str) -> String {
    tail.chars().filter(|c| ".,;:!?".contains(*c)).collect()
}

/// The parts of an address: words as words, the rest by name.
fn address(text: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once(' ')) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            said.push(address_word(&std::mem::take(&mut word)));
        }
        let name = match c {
            '.' => "dot",
            '-' => "dash",
            '_' => "underscore",
            '/' => "slash",
            '+' => "plus",
            '%' => "percent",
            '@' => "at",
            '=' => "equals",
            '&' => "and",
            '~' => "tilde",
            ':' => "colon",
            // A space ends the address; anything else cannot be said or typed.
            _ => continue,
        };
        said.push(name.to_owned());
    }
    said.join(" ")
}

fn address_word(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let vowels = word.chars().any(|c| "aeiouyAEIOUY".contains(c) || !c.is_ascii());
    if letters == word.chars().count() && (vowels || letters == 1) && !["io", "uk", "eu", "us"].contains(&word) {
        if letters == 1 { word.to_uppercase() } else { word.to_lowercase() }
    } else {
        letters_and_digits(word)
    }
}

/// What looks like a telephone number, in its written groups, or in its country's where none are written.
fn phone(c: &Captures<'_>, around: &Around<'_>) -> Option<String> {
    let written = c[0].trim();
    let main = c.get(1).map_or(written, |ext| {
        let end = ext.start() - c.get(0).map_or(0, |whole| whole.start());
        written[..end.min(written.len())].trim_end_matches(|ch: char| !ch.is_ascii_digit())
    });
    let count = main.chars().filter(char::is_ascii_digit).count();
    if !(5..=16).contains(&count) || around.after().is_some_and(char::is_alphanumeric) {
        return None;
    }
    if around.before().is_some_and(|b| b.is_alphanumeric() || "-./,:$€£#".contains(b)) {
        return None;
    }
    let groups: Vec<&str> = main.split(|ch: char| !ch.is_ascii_digit()).filter(|g| !g.is_empty()).collect();
    if !looks_like_phone(main, &groups, count, around) {
        return None;
    }
    let said = if groups.len() == 1 { unwritten_groups(main) } else { groups_in_words(&groups) };
    let plus = if main.starts_with('+') { "plus " } else { "" };
    let extension = c.get(1).map_or(String::new(), |ext| format!(", extension {}", digits(ext.as_str())));
    Some(format!("{plus}{said}{extension}"))
}

fn looks_like_phone(main: &str, groups: &[&str], count: usize, around: &Around<'_>) -> bool {
    if main.starts_with('+') {
        return count >= 7;
    }
    let thousands = groups.len() > 1
        && groups[0].len() <= 3
        && groups[1..].iter().all(|g| g.len() == 3)
        && !main.contains(['-', '(', '/']);
    let asked = around.words_before(5).iter().any(|w| {
        matches!(
            w.as_str(),
            "call"
                | "phone"
                | "tel"
                | "telephone"
                | "fax"
                | "dial"
                | "ring"
                | "mobile"
                | "hotline"
                | "helpline"
                | "whatsapp"
                | "text"
        )
    });
    if asked && count >= 5 && !(thousands && count <= 6 && !main.starts_with('0')) {
        return true;
    }
    if thousands && !main.starts_with('0') {
        return false;
    }
    let slashed_date = main.contains('/') && !main.contains(['-', ' ']);
    let decimals = main.contains('.') && groups.len() == 2;
    let shapes = [vec![3, 3, 4], vec![3, 4], vec![1, 3, 3, 4], vec![4, 4, 4, 4], vec![4, 4]];
    let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    let shaped = shapes.contains(&lengths);
    count >= 7
        && !slashed_date
        && !decimals
        && (main.starts_with(['0', '(']) && groups.len() > 1 || shaped || main.starts_with('0'))
}

fn groups_in_words(groups: &[&str]) -> String {
    groups.iter().map(|g| digits_in_groups(g)).collect::<Vec<_>>().join(", ")
}

/// A number without written groups: grouped as its country does where the country code is written.
fn unwritten_groups(main: &str) -> String {
    let formatted = phonenumber::parse(None, main)
        .ok()
        .filter(|_| main.starts_with('+'))
        .map(|number| number.format().mode(phonenumber::Mode::International).to_string());
    match formatted {
        Some(formatted) => groups_in_words(
            &formatted.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty()).collect::<Vec<_>>(),
        ),
        None => digits_in_groups(main),
    }
}
