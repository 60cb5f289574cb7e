//! The hard facts of a text: numbers with their units, times, days, ways to reach somebody, codes. Pure.
//!
//! Both what was written and what it is said to rest on are read by the same functions, so that a fact is the same
//! fact however it is put: "9 am", "9:00" and "09:00"; "€5", "5 €" and "five euros".

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::text;

/// A fact that must not change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A number or range of numbers with its unit, as in "2..3 day".
    Number(String),
    /// A telephone number by its digits, an address of mail or of a page.
    Contact(String),
    /// A word that stands for itself: a day, a month, an ordinal, a code such as AB1234.
    Word(String),
}

/// The facts of a text.
pub fn facts(text: &str) -> BTreeSet<Fact> {
    let mut facts = BTreeSet::new();
    let text = take_contacts(text, &mut facts);
    let tokens: Vec<Token> = text.split_whitespace().take(TOKENS_MAX).flat_map(tokens_of).collect();
    let tokens = joined(tokens);
    let mut at = 0;
    while at < tokens.len() {
        at += match &tokens[at] {
            Token::Number(_) | Token::Time(_) => number(&tokens, at, &mut facts),
            Token::Word(word) => {
                hard_word(&tokens, at, word, &mut facts);
                1
            }
            Token::Code(code) => {
                facts.insert(Fact::Word(code.clone()));
                1
            }
            // Spelt numbers were joined above.
            Token::To | Token::Currency(_) | Token::Spelt(_) => 1,
        };
    }
    facts
}

/// What a text is made of.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A number, normalised: "1000", "4.5".
    Number(String),
    /// A number in words, which may be a part of one.
    Spelt(u64),
    /// A time of day, as 0930.
    Time(String),
    /// A lower-case word.
    Word(String),
    /// Letters and digits together.
    Code(String),
    /// The unit of money before or after its number.
    Currency(&'static str),
    /// What joins the ends of a range.
    To,
}

/// Takes out what a customer could dial or open; digits in it are no numbers.
fn take_contacts(text: &str, facts: &mut BTreeSet<Fact>) -> String {
    let no_links = LINK.replace_all(text, |found: &regex::Captures| {
        let link = found[0].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'', '>']).to_lowercase();
        let bare = ["https://", "http://", "mailto:", "www."]
            .iter()
            .fold(link.as_str(), |link, lead| link.strip_prefix(lead).unwrap_or(link));
        facts.insert(Fact::Contact(bare.trim_end_matches('/').to_owned()));
        " ; ".to_owned()
    });
    let no_phones = PHONE.replace_all(&no_links, |found: &regex::Captures| {
        let digits: String = found[0].chars().filter(char::is_ascii_digit).collect();
        if digits.len() < PHONE_DIGITS_MIN {
            return found[0].to_owned();
        }
        facts.insert(Fact::Contact(digits));
        " ; ".to_owned()
    });
    no_phones.into_owned()
}

fn tokens_of(raw: &str) -> Vec<Token> {
    let raw = raw.to_lowercase().replace(['’', '\''], "");
    let mut tokens = Vec::new();
    // "9:00–17:00", "2-3", "24/7", "mon-fri"
    for piece in raw.split(['-', '–', '—', '/']) {
        let (before, mut found) = (tokens.len(), Vec::new());
        piece_of(piece, &mut found);
        if before > 0 && !found.is_empty() {
            tokens.push(Token::To);
        }
        tokens.append(&mut found);
    }
    let is_dash = tokens.is_empty() && matches!(raw.as_str(), "-" | "–" | "—");
    if is_dash { vec![Token::To] } else { tokens }
}

fn piece_of(piece: &str, tokens: &mut Vec<Token>) {
    for sign in piece.chars() {
        tokens.extend(currency_sign(sign).map(Token::Currency));
    }
    let percent = piece.contains('%');
    let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
    if bare.is_empty() {
        return;
    }
    if !bare.contains(|c: char| c.is_ascii_digit()) {
        let word: String = bare.chars().filter(|c| c.is_alphanumeric()).collect();
        tokens.push(match word.as_str() {
            "to" | "until" | "till" | "through" | "thru" => Token::To,
            _ => number_word(&word).map_or(Token::Word(word), Token::Spelt),
        });
        return;
    }
    let digits_end = bare.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ':'))).unwrap_or(bare.len());
    let (digits, tail) = bare.split_at(digits_end);
    let digits = digits.trim_end_matches(['.', ',', ':']);
    let tail: String = tail.chars().filter(|c| c.is_alphanumeric()).collect();
    let is_plain = !digits.is_empty() && tail.chars().all(char::is_alphabetic);
    if !is_plain {
        tokens.push(Token::Code(bare.to_owned()));
        return;
    }
    tokens.push(match digits.contains(':') {
        true => Token::Time(clock(digits)),
        false => Token::Number(normalised(digits)),
    });
    match tail.as_str() {
        "" | "st" | "nd" | "rd" | "th" => {}
        _ => tokens.push(Token::Word(tail)),
    }
    if percent {
        tokens.push(Token::Word("percent".into()));
    }
}

/// "twenty one" is one number, and so is "two hundred".
fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let Token::Spelt(mut number) = tokens[at] else {
            joined.push(tokens[at].clone());
            at += 1;
            continue;
        };
        at += 1;
        loop {
            // "twenty-one" comes as two numbers with a dash between.
            let dash = usize::from(tokens.get(at) == Some(&Token::To));
            match tokens.get(at + dash) {
                Some(Token::Spelt(digit @ 1..=9)) if number % 10 == 0 && number % 100 >= 20 => number += digit,
                Some(Token::Word(one)) if one == "one" && number % 10 == 0 && number % 100 >= 20 => number += 1,
                Some(Token::Spelt(times @ (100 | 1_000))) if dash == 0 => number = number.saturating_mul(*times),
                _ => break,
            }
            at += dash + 1;
        }
        joined.push(Token::Number(number.to_string()));
    }
    joined
}

/// Reads the number or range that begins here; how many tokens it takes.
fn number(tokens: &[Token], at: usize, facts: &mut BTreeSet<Fact>) -> usize {
    let (mut first, mut taken) = moment(tokens, at);
    let joins = match tokens.get(at + taken) {
        Some(Token::To) => true,
        Some(Token::Word(word)) if word == "or" => true,
        Some(Token::Word(word)) if word == "and" => at > 0 && tokens[at - 1] == Token::Word("between".into()),
        _ => false,
    };
    let second = joins
        .then(|| at + taken + 1)
        .filter(|next| matches!(tokens.get(*next), Some(Token::Number(_) | Token::Time(_))));
    let Some(next) = second else {
        facts.insert(Fact::Number(first.with_unit(unit(tokens, at, at + taken))));
        return taken;
    };
    let (last, more) = moment(tokens, next);
    taken += 1 + more;
    if last.is_time && !first.is_time {
        // "9 to 5 pm": whether it is in the morning is not said.
        first.value = format!("{} to", first.value);
    }
    let range = Moment { value: format!("{}..{}", first.value, last.value), is_time: first.is_time && last.is_time };
    if range.is_time {
        // "We open at nine" stands in "9:00–17:00".
        facts.insert(Fact::Number(first.value));
        facts.insert(Fact::Number(last.value));
    }
    facts.insert(Fact::Number(range.with_unit(unit(tokens, at, at + taken))));
    taken
}

/// A number, or a time of day.
struct Moment {
    value: String,
    is_time: bool,
}

impl Moment {
    fn with_unit(self, unit: Option<String>) -> String {
        match unit {
            Some(unit) if !self.is_time => format!("{} {unit}", self.value),
            _ => self.value,
        }
    }
}

/// The number at this place, as a time of day where "am" or "pm" follows; how many tokens it takes.
fn moment(tokens: &[Token], at: usize) -> (Moment, usize) {
    let half = match tokens.get(at + 1) {
        Some(Token::Word(word)) if word == "am" => Some(0),
        Some(Token::Word(word)) if word == "pm" => Some(12),
        _ => None,
    };
    match (&tokens[at], half) {
        (Token::Number(hour) | Token::Time(hour), Some(half)) => {
            (Moment { value: of_half(hour, half), is_time: true }, 2)
        }
        (Token::Time(time), None) => (Moment { value: format!("t{time}"), is_time: true }, 1),
        (Token::Number(number), None) => (Moment { value: number.clone(), is_time: false }, 1),
        // Only numbers and times are asked about.
        (_, _) => (Moment { value: String::new(), is_time: false }, 1),
    }
}

fn of_half(time: &str, half: u32) -> String {
    let (hour, minute) = match time.split_once('.') {
        Some((hour, minute)) => (hour.to_owned(), minute.to_owned()),
        None if time.len() == 4 => (time[..2].to_owned(), time[2..].to_owned()),
        None => (time.to_owned(), "00".to_owned()),
    };
    let hour: u32 = hour.parse().unwrap_or(99);
    format!("t{:02}{minute:0<2}", hour % 12 + half)
}

/// What a number counts: the word behind it, the money before it, the month beside it.
fn unit(tokens: &[Token], from: usize, to: usize) -> Option<String> {
    let before = from.checked_sub(1).and_then(|before| tokens.get(before));
    if let Some(Token::Currency(money)) = before {
        return Some((*money).to_owned());
    }
    let mut behind = to;
    let mut working = "";
    loop {
        match tokens.get(behind) {
            Some(Token::Currency(money)) => return Some((*money).to_owned()),
            Some(Token::Word(word)) if matches!(word.as_str(), "working" | "business") => working = "working ",
            Some(Token::Word(word)) if matches!(word.as_str(), "full" | "whole" | "calendar" | "of" | "more") => {}
            Some(Token::Word(word)) => {
                let unit = called(MONTHS, word).or_else(|| called(UNITS, word));
                if let Some(unit) = unit {
                    return Some(format!("{working}{unit}"));
                }
                break;
            }
            _ => break,
        }
        behind += 1;
    }
    match before {
        Some(Token::Word(word)) => called(MONTHS, word).map(str::to_owned),
        _ => None,
    }
}

fn hard_word(tokens: &[Token], at: usize, word: &str, facts: &mut BTreeSet<Fact>) {
    let Some(day) = named(word) else {
        if HARD_WORDS.split(' ').any(|hard| hard == word) {
            facts.insert(Fact::Word(text::stem(word)));
        }
        return;
    };
    facts.insert(Fact::Word(day.to_owned()));
    let last = match (tokens.get(at + 1), tokens.get(at + 2)) {
        (Some(Token::To), Some(Token::Word(last))) => named(last),
        _ => None,
    };
    if let Some(last) = last {
        facts.insert(Fact::Word(format!("{day}..{last}")));
    }
}

/// A day or month by any of its names. "may" is mostly another word.
fn named(word: &str) -> Option<&'static str> {
    let day = |word: &str| called(DAYS, word).or_else(|| called(MONTHS, word).filter(|month| *month != "may"));
    day(word).or_else(|| day(word.strip_suffix('s')?))
}

/// What a table has for one of its names.
fn called(table: &[(&'static str, &str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(_, names)| names.split(' ').any(|other| other == name)).map(|(what, _)| *what)
}

/// Digits as written, so that 1,000 is 1000 and 4,50 is 4.5.
fn normalised(digits: &str) -> String {
    let thousands = digits.split(',').skip(1).all(|part| part.split('.').next().unwrap_or_default().len() == 3);
    let digits = match digits.contains(',') {
        true if thousands => digits.replace(',', ""),
        true => digits.replace(',', "."),
        false => digits.to_owned(),
    };
    let digits = match digits.rsplit_once('.') {
        // Three places may be thousands, as German has them: they stay as they are.
        Some((whole, places)) if places.len() <= 2 && !whole.contains('.') => {
            let places = places.trim_end_matches('0');
            if places.is_empty() { whole.to_owned() } else { format!("{whole}.{places}") }
        }
        _ => digits,
    };
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() || bare.starts_with('.') { format!("0{bare}") } else { bare.to_owned() }
}

/// "9:30" and "09:30" as 0930.
fn clock(digits: &str) -> String {
    let mut parts = digits.split(':');
    let (hour, minute) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rest: String = parts.collect();
    format!("{hour:0>2}{minute:0<2}{rest}")
}

fn currency_sign(sign: char) -> Option<&'static str> {
    CURRENCIES.iter().find(|(of, _)| *of == sign).map(|(_, money)| *money)
}

/// The number that a word stands for. "one" is mostly no number.
fn number_word(word: &str) -> Option<u64> {
    let place = |words: &str| words.split(' ').position(|name| name == word).map(|at| at as u64);
    let tens = || place(TENS).map(|at| 20 + 10 * at);
    let large = || match word {
        "hundred" => Some(100),
        "thousand" => Some(1_000),
        _ => None,
    };
    place(SMALL_NUMBERS).or_else(tens).or_else(large)
}

/// Addresses of mail and pages, with or without what leads them.
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:(?:https?://|mailto:|www\.)[^\s<>]+|[\w.+-]+@[\w.-]+|(?:[a-z0-9-]+\.)+(?:com|org|net|de|io|eu|co|uk|info|biz|app|dev|shop|online|xyz|example|test|invalid)(?:/[^\s<>]*)?)";
    Regex::new(pattern).expect("the pattern is constant and tried by every test")
});

/// What may be a telephone number: its digits are counted.
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\+?\(?\d[\d ().\-/]{4,}\d").expect("the pattern is constant and tried by every test")
});

/// Fewer digits are a date or a price.
const PHONE_DIGITS_MIN: usize = 7;
/// Words that are read of one text.
const TOKENS_MAX: usize = 2_000;

const CURRENCIES: &[(char, &str)] = &[('€', "euro"), ('$', "dollar"), ('£', "pound"), ('¥', "yen"), ('₹', "rupee")];

/// From zero on; one stands for itself and is left out.
const SMALL_NUMBERS: &str = "zero - two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
    sixteen seventeen eighteen nineteen";
/// In tens, from twenty on.
const TENS: &str = "twenty thirty forty fifty sixty seventy eighty ninety";

const DAYS: &[(&str, &str)] = &[
    ("monday", "monday mon"),
    ("tuesday", "tuesday tue tues"),
    ("wednesday", "wednesday wed"),
    ("thursday", "thursday thu thur"),
    ("friday", "friday fri"),
    ("saturday", "saturday sat"),
    ("sunday", "sunday"),
    ("weekend", "weekend"),
    ("weekday", "weekday"),
    ("holiday", "holiday"),
];

const MONTHS: &[(&str, &str)] = &[
    ("january", "january jan"),
    ("february", "february feb"),
    ("march", "march"),
    ("april", "april apr"),
    ("may", "may"),
    ("june", "june jun"),
    ("july", "july jul"),
    ("august", "august aug"),
    ("september", "september sep sept"),
    ("october", "october oct"),
    ("november", "november nov"),
    ("december", "december dec"),
];

const UNITS: &[(&str, &str)] = &[
    ("second", "second seconds"),
    ("minute", "minute minutes min"),
    ("hour", "hour hours h hrs"),
    ("day", "day days"),
    ("night", "night nights"),
    ("week", "week weeks"),
    ("month", "month months"),
    ("year", "year years"),
    ("euro", "euro euros eur"),
    ("dollar", "dollar dollars usd"),
    ("pound", "pound pounds gbp"),
    ("cent", "cent cents"),
    ("percent", "percent"),
    ("kilogram", "kg kilogram kilograms kilos"),
    ("gram", "g gram grams"),
    ("kilometre", "km kilometres kilometers"),
    ("metre", "m metres meters"),
    ("centimetre", "cm centimetres centimeters"),
    ("millimetre", "mm millimetres millimeters"),
    ("inch", "inch inches"),
    ("foot", "foot feet"),
    ("mile", "mile miles"),
    ("litre", "litre litres liter liters l"),
    ("millilitre", "ml"),
    ("watt", "watt watts w"),
    ("volt", "volt volts v"),
    ("gigabyte", "gb"),
    ("megabyte", "mb"),
    ("degree", "degrees"),
    ("times", "times"),
];

/// Words that make a promise, a time or a demand: whoever writes one must have read it.
const HARD_WORDS: &str = "free always guaranteed guarantee immediately instantly unlimited lifetime half twice double dozen couple \
    second third fourth fifth sixth seventh eighth ninth tenth today tomorrow tonight daily hourly weekly monthly \
    yearly annually noon midnight morning afternoon evening open closed password pin cvv cvc card iban bank every \
    everyone anyone anywhere everywhere worldwide urgent must";

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) {
        assert_eq!(facts(a), facts(b), "{a} | {b}");
        assert!(!facts(a).is_empty(), "{a}");
    }

    fn differ(a: &str, b: &str) {
        assert_ne!(facts(a), facts(b), "{a} | {b}");
    }

    #[test]
    fn a_fact_is_the_same_however_it_is_put() {
        same("It costs €5.", "it costs 5 euros");
        same("It costs 4,50 €", "It costs €4.50!");
        same("1,000 pieces", "1000 pieces");
        same("from 9:00 to 17:00", "9 am – 5 pm");
        same("at 09:30", "at 9.30 a.m.");
        same("within two to three days", "2-3 days");
        same("between 2 and 3 days", "2–3 days");
        same("on the 24th of December", "on December 24");
        same("twenty-one days", "21 days");
        same("two hundred kg", "200 kilograms");
        same("Mon–Fri", "Monday to Friday");
        same("call +49 (30) 123-4567", "call +49 30 1234567.");
        same("see https://www.shop.example/help/", "see shop.example/help");
        same("50%", "50 percent");
    }

    #[test]
    fn a_changed_fact_differs() {
        differ("2 days", "2 weeks");
        differ("2 working days", "2 days");
        differ("2 to 3 days", "2 days");
        differ("€5", "$5");
        differ("9 am", "9 pm");
        differ("1.000 euros", "1 euro");
        differ("24 December", "24 January");
        differ("Monday to Friday", "Monday and Friday");
        differ("AB1234", "AB1235");
        differ("help@shop.example", "help@shop.test");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,120}") {
            let _ = facts(&text);
        }

        #[test]
        fn no_text_of_numbers_panics(text in "[0-9 .,:/€%$apmtoundrTy–-]{0,60}") {
            let _ = facts(&text);
        }
    }
}
