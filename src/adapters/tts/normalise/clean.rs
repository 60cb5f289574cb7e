//! The two ends of normalisation: markup and odd characters out before the rules, and only what can be spoken
//! left after them.

use super::rule::{rewrite, rule};

rule!(AUTOLINK, r"<((?:https?://|mailto:)?[^<>\s]+[@.][^<>\s]+)>");
rule!(TAG, r"</?[a-zA-Z][^<>]{0,500}>|<!--.{0,500}?-->");
rule!(LINK, r"!?\[([^\[\]]*)\]\(([^()\s]*)(?:\s[^()]*)?\)");
rule!(EMPHASIS, r"(^|\W)_{1,3}([^_]+)_{1,3}(\W|$)");
rule!(HEADING, r"^\s*(?:#{1,6}\s+|>+\s*|[-*+•‣▪–]\s+(?:\[[ xX]\]\s+)?|[-*_=|:\s]{3,}$)");
rule!(NUMBERED, r"^\s*(\d{1,3})[.)]\s+");

const ENTITIES: [(&str, &str); 7] =
    [("&nbsp;", " "), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&euro;", "€")];

/// Plain text on one line: markup, emoji and invisible characters removed, look-alikes made one, lines made
/// sentences.
pub fn plain(text: &str) -> String {
    let mut sentences = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (entity, sign) in ENTITIES {
            if line.contains('&') {
                line = line.replace(entity, sign);
            }
        }
        if line.trim_start().starts_with("```") {
            continue;
        }
        line = rewrite(line, &AUTOLINK, |c, _| Some(c[1].to_owned()));
        line = rewrite(line, &TAG, |_, _| Some(" ".to_owned()));
        line =
            rewrite(line, &LINK, |c, _| Some(if c[1].trim().is_empty() { c[2].to_owned() } else { c[1].to_owned() }));
        line = rewrite(line, &EMPHASIS, |c, _| Some(format!("{}{}{}", &c[1], &c[2], &c[3])));
        line = rewrite(line, &HEADING, |_, _| Some(String::new()));
        line = rewrite(line, &NUMBERED, |c, _| Some(format!("{}: ", &c[1])));
        let folded = folded(line.trim().trim_matches('|'));
        let line = folded.trim();
        if line.is_empty() {
            continue;
        }
        // A line is a sentence of its own, even where nobody wrote a full stop; the last needs none.
        if sentences.ends_with(|c: char| !".!?:;,".contains(c)) {
            sentences.push('.');
        }
        if !sentences.is_empty() {
            sentences.push(' ');
        }
        sentences.push_str(line);
    }
    sentences
}

/// One character for all that look or mean alike (a small part of NFKC), nothing for what cannot be heard.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{FF01}'..='\u{FF5E}' => out.extend(char::from_u32(c as u32 - 0xFEE0)),
            '’' | '‘' | 'ʼ' | '`' | '´' | '′' => out.push(if c == '`' { ' ' } else { '\'' }),
            '“' | '”' | '„' | '«' | '»' | '"' | '″' => out.push(' '),
            '‐' | '‑' | '−' | '⁃' => out.push('-'),
            '…' => out.push_str(". "),
            '½' => out.push_str(" 1/2"),
            '¼' => out.push_str(" 1/4"),
            '¾' => out.push_str(" 3/4"),
            '⅓' => out.push_str(" 1/3"),
            '⅔' => out.push_str(" 2/3"),
            'ﬁ' => out.push_str("fi"),
            'ﬂ' => out.push_str("fl"),
            'ﬀ' => out.push_str("ff"),
            'ß' => out.push_str("ss"),
            '℃' => out.push_str("°C"),
            '℉' => out.push_str("°F"),
            '¹' => out.push('1'),
            '|' | '•' | '·' => out.push(','),
            '*' | '^' | '\\' | '\u{AD}' | '™' | '®' | '©' | '✓' | '✔' => {}
            // Zero-width characters, direction marks, byte order mark, variation selectors, combining accents.
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {}
            '\u{FE00}'..='\u{FE0F}' | '\u{0300}'..='\u{036F}' => {}
            _ if c.is_whitespace() || c.is_control() => out.push(' '),
            'α'..='ω' | 'Α'..='Ω' | 'ά'..='ώ' => out.push_str(greek(c)),
            'а'..='я' | 'А'..='Я' | 'ё' | 'Ё' | 'і' | 'ї' | 'є' | 'І' | 'Ї' | 'Є' => {
                out.push_str(cyrillic(c))
            }
            _ => out.push(c),
        }
    }
    out
}

/// Greek letters by their usual Latin spelling.
fn greek(c: char) -> &'static str {
    match c.to_lowercase().next().unwrap_or(c) {
        'α' | 'ά' => "a",
        'β' => "v",
        'γ' => "g",
        'δ' => "d",
        'ε' | 'έ' => "e",
        'ζ' => "z",
        'η' | 'ή' | 'ι' | 'ί' | 'ϊ' | 'ΐ' => "i",
        'θ' => "th",
        'κ' => "k",
        'λ' => "l",
        'μ' => "m",
        'ν' => "n",
        'ξ' => "x",
        'ο' | 'ό' | 'ω' | 'ώ' => "o",
        'π' => "p",
        'ρ' => "r",
        'σ' | 'ς' => "s",
        'τ' => "t",
        'υ' | 'ύ' => "y",
        'φ' => "f",
        'χ' => "ch",
        'ψ' => "ps",
        // Signs between the letters, such as the diaeresis on its own.
        _ => "",
    }
}

/// Cyrillic letters by their usual Latin spelling (BGN/PCGN, without apostrophes).
fn cyrillic(c: char) -> &'static str {
    match c.to_lowercase().next().unwrap_or(c) {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "g",
        'д' => "d",
        'е' | 'э' => "e",
        'ё' => "yo",
        'є' => "ye",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' => "i",
        'ї' => "yi",
        'й' => "y",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ы' => "y",
        'ю' => "yu",
        'я' => "ya",
        // The hard and soft signs have no sound of their own.
        _ => "",
    }
}

/// Only letters that are read in Latin script, and the punctuation that makes melody: `. , ! ? ; : ' -`.
pub fn finish(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            _ if is_readable_letter(c) => out.push(c),
            '\'' if out.ends_with(is_readable_letter) => out.push('\''),
            '-' if out.ends_with(is_readable_letter) && next.is_some_and(is_readable_letter) => out.push('-'),
            '.' | ',' | '!' | '?' | ';' | ':' => punctuate(&mut out, c),
            '(' | ')' | '[' | ']' | '{' | '}' | '–' | '—' => punctuate(&mut out, ','),
            '0'..='9' => {
                separate(&mut out);
                out.push_str(&super::numbers::digits(c.encode_utf8(&mut [0; 4])));
                out.push(' ');
            }
            // All else divides words and is not heard.
            _ => separate(&mut out),
        }
    }
    let out = out.trim_end_matches([' ', ',', ';', ':']);
    if out.chars().any(char::is_alphabetic) { out.to_owned() } else { String::new() }
}

/// Latin letters with their accents, up to U+024F.
pub fn is_readable_letter(c: char) -> bool {
    c.is_alphabetic() && (c as u32) < 0x250 && !"ªº".contains(c)
}

fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Puts a mark behind the last word; of several in a row the one that ends more stays.
fn punctuate(out: &mut String, mark: char) {
    let weight = |c: char| match c {
        ',' => 1,
        ';' | ':' => 2,
        // The ends of sentences.
        _ => 3,
    };
    let end = out.trim_end_matches(' ').len();
    out.truncate(end);
    match out.chars().next_back() {
        None => return,
        Some(last) if ".,!?;:".contains(last) => {
            if weight(mark) > weight(last) {
                out.pop();
                out.push(mark);
            }
        }
        Some(_) => out.push(mark),
    }
    out.push(' ');
}
