//! Amounts of money.

use regex::Captures;

use super::numbers::{cardinal, digits, number};
use super::rule::{Around, rewrite, rule};

struct Currency {
    signs: &'static [&'static str],
    one: &'static str,
    many: &'static str,
    part_one: &'static str,
    part_many: &'static str,
}

const fn currency(
    signs: &'static [&'static str],
    one: &'static str,
    many: &'static str,
    part_one: &'static str,
    part_many: &'static str,
) -> Currency {
    Currency { signs, one, many, part_one, part_many }
}

const CURRENCIES: [Currency; 16] = [
    currency(&["$", "US$", "USD"], "dollar", "dollars", "cent", "cents"),
    currency(&["€", "EUR"], "euro", "euros", "cent", "cents"),
    currency(&["£", "GBP"], "pound", "pounds", "penny", "pence"),
    currency(&["CHF", "SFr"], "Swiss franc", "Swiss francs", "centime", "centimes"),
    currency(&["C$", "CA$", "CAD"], "Canadian dollar", "Canadian dollars", "cent", "cents"),
    currency(&["A$", "AU$", "AUD"], "Australian dollar", "Australian dollars", "cent", "cents"),
    currency(&["NZ$", "NZD"], "New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    currency(&["¥", "JPY"], "yen", "yen", "sen", "sen"),
    currency(&["CNY", "RMB"], "yuan", "yuan", "fen", "fen"),
    currency(&["₹", "INR", "Rs"], "rupee", "rupees", "paisa", "paise"),
    currency(&["SEK"], "Swedish krona", "Swedish kronor", "ore", "ore"),
    currency(&["NOK"], "Norwegian krone", "Norwegian kroner", "ore", "ore"),
    currency(&["DKK", "kr"], "krone", "kroner", "ore", "ore"),
    currency(&["PLN", "zł"], "zloty", "zlotys", "grosz", "groszy"),
    currency(&["₩", "KRW"], "won", "won", "jeon", "jeon"),
    currency(&["₺", "TRY"], "lira", "lira", "kurus", "kurus"),
];

const SIGN: &str = r"(?:US\$|CA\$|AU\$|NZ\$|C\$|A\$|[$€£¥₹₩₺]|\b(?:USD|EUR|GBP|CHF|SFr|CAD|AUD|NZD|JPY|CNY|RMB|INR|Rs|SEK|NOK|DKK|PLN|KRW|TRY)\b\.?)";
const SIGN_AFTER: &str =
    r"(?:[$€£¥₹₩₺]|(?:USD|EUR|GBP|CHF|SFr|CAD|AUD|NZD|JPY|CNY|RMB|INR|SEK|NOK|DKK|PLN|KRW|TRY|kr|zł)\b)";
const AMOUNT: &str = r"(\d{1,3}(?:[,.'  ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)(?:[.,][-–—]+)?(?:\s?(thousand|million|billion|trillion|mn|bn|[kKmM])\b)?";

rule!(SIGN_FIRST, &format!(r"({SIGN})\s?{AMOUNT}(?:\s?[-–]\s?({SIGN})?\s?{AMOUNT})?"));
rule!(SIGN_LAST, &format!(r"\b{AMOUNT}(?:\s?[-–]\s?{AMOUNT})?\s?({SIGN_AFTER})"));
rule!(CENTS, r"\b(\d{1,3})\s?(¢|ct\b|cts\b)");

/// Puts amounts of money into words.
pub fn read(text: String) -> String {
    let text = rewrite(text, &SIGN_FIRST, |c, around| {
        let money = of_sign(&c[1])?;
        let negative = minus(around);
        let first = amount(c, 2)?;
        match amount(c, 5) {
            Some(second) => Some(format!("{} to {}", first.bare(), second.with(money))),
            None => Some(format!("{negative}{}", first.with(money))),
        }
    });
    let text = rewrite(text, &SIGN_LAST, |c, around| {
        if around.before().is_some_and(|b| b == '.' || b == ',') {
            return None;
        }
        let money = of_sign(&c[5])?;
        let first = amount(c, 1)?;
        match amount(c, 3) {
            Some(second) => Some(format!("{} to {}", first.bare(), second.with(money))),
            None => Some(first.with(money)),
        }
    });
    rewrite(text, &CENTS, |c, _| {
        let n: u64 = c[1].parse().ok()?;
        Some(format!("{} {}", cardinal(n), if n == 1 { "cent" } else { "cents" }))
    })
}

fn minus(around: &Around<'_>) -> &'static str {
    if around.left.ends_with(" -") || around.left == "-" || around.left.ends_with('−') { "minus " } else { "" }
}

fn of_sign(sign: &str) -> Option<&'static Currency> {
    let sign = sign.trim_end_matches('.');
    CURRENCIES.iter().find(|currency| currency.signs.contains(&sign))
}

/// An amount: whole units, hundredths where written, and a word such as "million".
struct Amount {
    whole: String,
    hundredths: Option<u64>,
    scale: Option<&'static str>,
}

fn amount(c: &Captures<'_>, group: usize) -> Option<Amount> {
    let written = c.get(group)?.as_str();
    let scale = c.get(group + 1).map(|scale| match scale.as_str() {
        "k" | "K" | "thousand" => "thousand",
        "m" | "M" | "mn" | "million" => "million",
        "bn" | "billion" => "billion",
        // The pattern allows only "trillion" besides.
        _ => "trillion",
    });
    // The last separator divides hundredths if at most two digits follow it; all others divide thousands.
    let (whole, part) = match written.rfind(['.', ',']) {
        Some(at) if written.len() - at - 1 <= 2 => (&written[..at], Some(&written[at + 1..])),
        _ => (written, None),
    };
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let hundredths = part.and_then(|p| p.parse::<u64>().ok().map(|n| if p.len() == 1 { n * 10 } else { n }));
    Some(Amount { whole, hundredths, scale })
}

impl Amount {
    fn units(&self) -> String {
        self.whole.parse().ok().filter(|_| self.whole.len() <= 15).map_or_else(|| number(&self.whole), cardinal)
    }

    fn bare(&self) -> String {
        match (self.scale, self.hundredths) {
            (scale, Some(part)) if part > 0 => {
                let part = format!("{part:02}");
                let point = format!("{} point {}", self.units(), digits(part.trim_end_matches('0')));
                scale.map_or(point.clone(), |scale| format!("{point} {scale}"))
            }
            (Some(scale), _) => format!("{} {scale}", self.units()),
            (None, _) => self.units(),
        }
    }

    fn with(&self, money: &Currency) -> String {
        if self.scale.is_some() {
            return format!("{} {}", self.bare(), money.many);
        }
        let units = format!("{} {}", self.units(), if self.whole == "1" { money.one } else { money.many });
        match self.hundredths {
            Some(part) if part > 0 => {
                let part = format!("{} {}", cardinal(part), if part == 1 { money.part_one } else { money.part_many });
                if self.whole.chars().all(|d| d == '0') { part } else { format!("{units} and {part}") }
            }
            _ => units,
        }
    }
}
