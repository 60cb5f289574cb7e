//! Abbreviations, symbols and capitals.

use super::rule::{rewrite, rule};

/// Abbreviation without its dots, and what is said. Those marked `true` need the dot to be one.
const ABBREVIATIONS: [(&str, &str, bool); 50] = [
    ("Mr", "Mister", false),
    ("Mrs", "Missus", false),
    ("Ms", "Miz", false),
    ("Dr", "Doctor", false),
    ("Prof", "Professor", false),
    ("Sr", "Senior", true),
    ("Jr", "Junior", true),
    ("e.g", "for example", true),
    ("eg", "for example", true),
    ("i.e", "that is", true),
    ("ie", "that is", true),
    ("etc", "and so on", false),
    ("approx", "approximately", false),
    ("incl", "including", false),
    ("excl", "excluding", false),
    ("vs", "versus", false),
    ("No", "number", true),
    ("Nos", "numbers", true),
    ("Nr", "number", true),
    ("Ave", "Avenue", true),
    ("Rd", "Road", true),
    ("Blvd", "Boulevard", false),
    ("Ln", "Lane", true),
    ("Sq", "Square", true),
    ("Apt", "apartment", true),
    ("Dept", "department", false),
    ("dept", "department", false),
    ("Inc", "Incorporated", true),
    ("Ltd", "Limited", false),
    ("Corp", "Corporation", true),
    ("Co", "Company", true),
    ("Bros", "Brothers", true),
    ("Tel", "telephone", true),
    ("tel", "telephone", true),
    ("min", "minimum", true),
    ("max", "maximum", true),
    ("qty", "quantity", false),
    ("Qty", "quantity", false),
    ("misc", "miscellaneous", false),
    ("temp", "temperature", true),
    ("info", "info", false),
    ("w/o", "without", false),
    ("w/", "with ", false),
    ("c/o", "care of", false),
    ("n/a", "not applicable", false),
    ("N/A", "not applicable", false),
    ("P.S", "P S", true),
    ("a.k.a", "also known as", true),
    ("ASAP", "as soon as possible", false),
    ("asap", "as soon as possible", false),
];

rule!(ABBREVIATION, &{
    let mut names: Vec<String> = ABBREVIATIONS.iter().map(|(short, _, _)| regex::escape(short)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    format!(r"\b({})(\.|\b|$)", names.join("|"))
});
rule!(SAINT_OR_STREET, r"\bSt\.?(\s+\p{Lu}\p{Ll}+|\b)");
rule!(NUMERO, r"№\s?");
rule!(EITHER, r"(\p{L}+)\s?/\s?(\p{L}+)");
rule!(AND, r"\s?&\s?");
rule!(PLUS, r"(^|\s)\+\s?(\p{L})");
rule!(LOUD, r"\b[A-Z][A-Z']+\b");

/// Puts abbreviations into words, where they still have their dots.
pub fn read_abbreviations(text: String) -> String {
    let text = rewrite(text, &ABBREVIATION, |c, around| {
        let (_, said, needs_dot) = ABBREVIATIONS.into_iter().find(|(short, _, _)| *short == &c[1])?;
        let dotted = &c[2] == ".";
        if needs_dot && !dotted || around.before().is_some_and(|b| "@.-".contains(b)) {
            return None;
        }
        // "No." is "number" only before one; "min." and "max." only before an amount.
        let amount = around.right.trim_start().starts_with(|ch: char| ch.is_ascii_digit() || "#$€£".contains(ch));
        if matches!(&c[1], "No" | "Nos" | "Nr" | "min" | "max" | "temp") && !amount {
            return None;
        }
        let title = matches!(&c[1], "Mr" | "Mrs" | "Ms" | "Dr" | "Prof" | "vs");
        let stop = dotted && !title && around.ends_sentence() && !matches!(&c[1], "e.g" | "i.e" | "eg" | "ie" | "Tel");
        Some(format!("{said}{}", if stop { "." } else { "" }))
    });
    let text = rewrite(text, &NUMERO, |_, _| Some("number ".to_owned()));
    rewrite(text, &SAINT_OR_STREET, |c, around| {
        let named = !c[1].is_empty();
        let after_name = around.words_before(1).first().is_some_and(|w| !w.is_empty())
            && around
                .left
                .split_whitespace()
                .next_back()
                .is_some_and(|w| w.starts_with(|f: char| f.is_uppercase() || f.is_ascii_digit()));
        if after_name && !around.left.trim_end().ends_with([',', '.', ':']) {
            let dot = if c[0].contains('.') && around.ends_sentence() { "." } else { "" };
            return Some(format!("Street{dot}{}", &c[1]));
        }
        named.then(|| format!("Saint{}", &c[1]))
    })
}

/// Puts what symbols are left into words.
pub fn read_symbols(text: String) -> String {
    let text = rewrite(text, &AND, |_, _| Some(" and ".to_owned()));
    let text = rewrite(text, &EITHER, |c, _| Some(format!("{} or {}", &c[1], &c[2])));
    let text = rewrite(text, &PLUS, |c, _| Some(format!("{}plus {}", &c[1], &c[2])));
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match name_of(c) {
            Some(name) => {
                out.push(' ');
                out.push_str(name);
                out.push(' ');
            }
            None => out.push(c),
        }
    }
    out
}

fn name_of(c: char) -> Option<&'static str> {
    Some(match c {
        '@' => "at",
        '=' => "equals",
        '+' => "plus",
        '%' => "percent",
        '<' => "less than",
        '>' => "more than",
        '≤' => "at most",
        '≥' => "at least",
        '≈' | '~' => "about",
        '±' => "plus or minus",
        '×' => "times",
        '÷' => "divided by",
        '→' => "to",
        '°' => "degrees",
        '§' => "section",
        '€' => "euros",
        '£' => "pounds",
        '$' => "dollars",
        '¥' => "yen",
        '/' => "slash",
        '#' => "number",
        // All else is either a letter or has no name worth hearing.
        _ => return None,
    })
}

/// Writes shouted words as others, so that they are read and not spelled. Short ones among small letters are
/// left alone: they are mostly abbreviations, which the reader of phonemes knows.
pub fn read_capitals(text: String) -> String {
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    let smalls = text.chars().filter(|c| c.is_lowercase()).count();
    let shouted = capitals > smalls;
    rewrite(text, &LOUD, |c, _| {
        let word = &c[0];
        let vowel = word.contains(['A', 'E', 'I', 'O', 'U', 'Y']);
        let known = [
            "USA", "FAQ", "VAT", "PDF", "SMS", "URL", "USB", "GPS", "ATM", "CEO", "HR", "IT", "UK", "EU", "US", "ID",
            "TV", "PC", "DIY", "GDPR", "IBAN", "HTML", "HTTP", "HTTPS", "SEPA",
        ];
        let read = vowel && !known.contains(&word) && (word.len() >= 5 || shouted && word.len() >= 2);
        read.then(|| {
            let mut letters = word.chars();
            let first: String = letters.next().into_iter().collect();
            format!("{first}{}", letters.as_str().to_lowercase())
        })
    })
}
