//! Percentages, units, ordinals, fractions, ranges and plain numbers: all digits that are left.

use super::numbers::{cardinal, number, ordinal, year};
use super::rule::{rewrite, rule};

const N: &str = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)";
const UNITS: [(&str, &str, &str); 52] = [
    ("km/h", "kilometre an hour", "kilometres an hour"),
    ("kmh", "kilometre an hour", "kilometres an hour"),
    ("mph", "mile an hour", "miles an hour"),
    ("km", "kilometre", "kilometres"),
    ("cm", "centimetre", "centimetres"),
    ("mm", "millimetre", "millimetres"),
    ("m²", "square metre", "square metres"),
    ("m2", "square metre", "square metres"),
    ("m³", "cubic metre", "cubic metres"),
    ("sqm", "square metre", "square metres"),
    ("sq ft", "square foot", "square feet"),
    ("m", "metre", "metres"),
    ("mi", "mile", "miles"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("kg", "kilogram", "kilograms"),
    ("mg", "milligram", "milligrams"),
    ("g", "gram", "grams"),
    ("lbs", "pound", "pounds"),
    ("lb", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("ml", "millilitre", "millilitres"),
    ("cl", "centilitre", "centilitres"),
    ("l", "litre", "litres"),
    ("L", "litre", "litres"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("Wh", "watt hour", "watt hours"),
    ("kW", "kilowatt", "kilowatts"),
    ("W", "watt", "watts"),
    ("V", "volt", "volts"),
    ("mAh", "milliamp hour", "milliamp hours"),
    ("mA", "milliamp", "milliamps"),
    ("TB", "terabyte", "terabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("MB", "megabyte", "megabytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("kB", "kilobyte", "kilobytes"),
    ("Gbps", "gigabit a second", "gigabits a second"),
    ("Mbps", "megabit a second", "megabits a second"),
    ("Mbit/s", "megabit a second", "megabits a second"),
    ("GHz", "gigahertz", "gigahertz"),
    ("MHz", "megahertz", "megahertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("Hz", "hertz", "hertz"),
    ("hrs", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("h", "hour", "hours"),
    ("mins", "minute", "minutes"),
    ("min", "minute", "minutes"),
    ("secs", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("ms", "millisecond", "milliseconds"),
];

rule!(PERCENT, &format!(r"(?:([-−])|\b){N}\s?(?:[-–]\s?{N}\s?)?(%|‰)"));
rule!(DEGREES, &format!(r"(?:([-−])|\b){N}\s?°\s?([CF]\b)?"));
rule!(UNIT, &{
    let mut names: Vec<String> = UNITS.iter().map(|(written, _, _)| regex::escape(written)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    format!(r"\b{N}(?:\s?[-–]\s?{N})?[\s-]?({})(?:\b|([^\w²³]|$))", names.join("|"))
});
rule!(SIZE, &format!(r"\b{N}\s?[x×]\s?{N}(?:\s?[x×]\s?{N})?\b"));
rule!(TIMES, r"\b(\d{1,3})\s?[x×](?:\b|\s|$)");
rule!(ORDINAL, r"\b(\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)\b");
rule!(THOUSANDS, r"\b(\d+(?:\.\d+)?k|\d{2,}K)\b");
rule!(FRACTION, r"\b(?:(\d{1,3})\s)?(\d)/(\d{1,2})\b");
rule!(RATIO, r"\b(\d{1,4})\s?/\s?(\d{1,4})\b");
rule!(DECADE, r"\b((?:19|20)\d0)s\b");
rule!(RANGE, &format!(r"\b{N}\s?[-–—]\s?{N}\b"));
rule!(NUMBER, r"(?:(^|[\s(])[-−])?\b(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)*)\b");

/// Puts numbers that carry a sign, a unit or an ending into words. Before codes, which are letters and digits too.
pub fn read_marked(text: String) -> String {
    let text = rewrite(text, &PERCENT, |c, _| {
        let minus = if c.get(1).is_some() { "minus " } else { "" };
        let sign = if &c[4] == "%" { "percent" } else { "per mille" };
        let to = c.get(3).map_or(String::new(), |n| format!(" to {}", number(n.as_str())));
        Some(format!("{minus}{}{to} {sign}", number(&c[2])))
    });
    let text = rewrite(text, &DEGREES, |c, _| {
        let minus = if c.get(1).is_some() { "minus " } else { "" };
        let scale = match c.get(3).map(|s| s.as_str()) {
            Some("C") => " Celsius",
            Some(_) => " Fahrenheit",
            None => "",
        };
        Some(format!("{minus}{} {}{scale}", number(&c[2]), if &c[2] == "1" { "degree" } else { "degrees" }))
    });
    let text = rewrite(text, &SIZE, |c, _| {
        // The last number stays as it is written: a unit may follow it.
        let (second, third) = match c.get(3) {
            Some(third) => (number(&c[2]), format!(" by {}", third.as_str())),
            None => (c[2].to_owned(), String::new()),
        };
        Some(format!("{} by {second}{third}", number(&c[1])))
    });
    let text = rewrite(text, &UNIT, |c, around| {
        // A piece of a code.
        if around.before().is_some_and(|b| "-/_.".contains(b)) {
            return None;
        }
        let (_, one, many) = UNITS.into_iter().find(|(written, _, _)| *written == &c[3])?;
        let after = c.get(4).map_or("", |a| a.as_str());
        let name = if &c[1] == "1" && c.get(2).is_none() { one } else { many };
        let to = c.get(2).map_or(String::new(), |n| format!(" to {}", number(n.as_str())));
        Some(format!("{}{to} {name}{after}", number(&c[1])))
    });
    let text = rewrite(text, &TIMES, |c, _| Some(format!("{} times ", number(&c[1]))));
    let text = rewrite(text, &ORDINAL, |c, _| Some(ordinal(c[1].replace(',', "").parse().ok()?)));
    let text =
        rewrite(text, &THOUSANDS, |c, _| Some(format!("{} thousand", number(c[1].trim_end_matches(['k', 'K'])))));
    let text = rewrite(text, &DECADE, |c, _| decade(c[1].parse().ok()?));
    rewrite(text, &FRACTION, |c, around| {
        if around.after() == Some('/') || around.before() == Some('/') {
            return None;
        }
        let part = fraction(c[2].parse().ok()?, c[3].parse().ok()?)?;
        Some(c.get(1).map_or(part.clone(), |whole| format!("{} and {part}", number(whole.as_str()))))
    })
}

/// Puts all numbers that are left into words.
pub fn read_plain(text: String) -> String {
    let text = rewrite(text, &RATIO, |c, _| Some(format!("{} of {}", number(&c[1]), number(&c[2]))));
    let text = rewrite(text, &RANGE, |c, around| {
        // More than two numbers in a row with dashes are no range.
        (around.before() != Some('-') && !around.right.starts_with(['-', '–']))
            .then(|| format!("{} to {}", plain(&c[1]), plain(&c[2])))
    });
    rewrite(text, &NUMBER, |c, _| {
        let minus = c.get(1).map_or(String::new(), |before| format!("{}minus ", before.as_str()));
        Some(format!("{minus}{}", plain(&c[2])))
    })
}

/// A number that may be a year: four digits of the last or this century without a separator.
fn plain(written: &str) -> String {
    match written.parse::<u64>() {
        Ok(n) if written.len() == 4 && (1_900..2_100).contains(&n) => year(n),
        _ => number(written),
    }
}

fn decade(n: u64) -> Option<String> {
    let said = year(n);
    let (before, last) = said.rsplit_once(' ')?;
    let last = if let Some(stem) = last.strip_suffix('y') { format!("{stem}ies") } else { format!("{last}s") };
    Some(format!("{before} {last}"))
}

fn fraction(over: u64, under: u64) -> Option<String> {
    if over == 0 || under < 2 || over >= under {
        return None;
    }
    let name = match under {
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        _ => ordinal(under),
    };
    Some(if over == 1 { format!("one {name}") } else { format!("{} {name}s", cardinal(over)) })
}
