//! Dates and days of the week.

use regex::Captures;

use super::numbers::{ordinal, year};
use super::rule::{Around, rewrite, rule};
use super::{DateOrder, times};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

rule!(ISO, r"\b(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\b");
rule!(SLASHED, r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b");
rule!(DOTTED, r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})\b");
rule!(HYPHENED, r"\b(\d{1,2})-(\d{1,2})-(\d{4})\b");
rule!(
    MONTH_FIRST,
    r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|January|February|March|April|June|July|August|September|October|November|December)\b\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b(?:\s?[-–]\s?(\d{1,2})(?:st|nd|rd|th)?\b)?(?:,?\s+(\d{4})\b)?"
);
rule!(
    DAY_FIRST,
    r"\b(?:the\s+)?(\d{1,2})(?:st|nd|rd|th|\.)?(?:\s?[-–]\s?(\d{1,2})(?:st|nd|rd|th|\.)?)?(?:\s+of)?\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|January|February|March|April|June|July|August|September|October|November|December)\b(?:,?\s+(\d{4})\b)?"
);
rule!(
    MONTH_YEAR,
    r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|January|February|March|April|June|July|August|September|October|November|December)\b\.?,?\s+(\d{4})\b"
);
rule!(MONTH_SHORT, r"\b(Jan|Feb|Apr|Aug|Sept|Oct|Nov|Dec)\b\.?");
rule!(
    DAY_RANGE,
    r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun)(day|nesday|rsday|sday|urday)?s?\b\.?\s?[-–—/]\s?(Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun)(day|nesday|rsday|sday|urday)?s?\b\.?"
);
rule!(DAY_SHORT, r"\b(Mon|Tues?|Wed|Thu|Thurs?|Fri|Sat|Sun)\b\.?");

/// Puts dates into words.
pub fn read(text: String, order: DateOrder) -> String {
    let text = rewrite(text, &ISO, iso);
    let text = rewrite(text, &SLASHED, |c, _| numeric(c, order));
    let text = rewrite(text, &DOTTED, |c, _| numeric(c, DateOrder::DayFirst));
    let text = rewrite(text, &HYPHENED, |c, _| numeric(c, order));
    let text = rewrite(text, &MONTH_FIRST, month_first);
    let text = rewrite(text, &DAY_FIRST, day_first);
    let text = rewrite(text, &MONTH_YEAR, |c, _| Some(format!("{} {}", month(&c[1])?, year(c[2].parse().ok()?))));
    let text = rewrite(text, &DAY_RANGE, |c, around| {
        let joined = if c[0].contains('/') { "and" } else { "to" };
        Some(format!("{} {joined} {}{}", day(&c[1])?, day(&c[3])?, full_stop(&c[0], around)))
    });
    let text = rewrite(text, &DAY_SHORT, short_day);
    rewrite(text, &MONTH_SHORT, |c, around| Some(format!("{}{}", month(&c[1])?, full_stop(&c[0], around))))
}

fn iso(c: &Captures<'_>, _: &Around<'_>) -> Option<String> {
    let date = spoken(c[1].parse().ok()?, c[2].parse().ok()?, c[3].parse().ok()?)?;
    match (c.get(4), c.get(5)) {
        (Some(hour), Some(minute)) => {
            let time = times::of_day(hour.as_str().parse().ok()?, minute.as_str().parse().ok()?, None, true)?;
            Some(format!("{date} at {time}"))
        }
        _ => Some(date),
    }
}

/// Three numbers; where the order cannot be told from them, the configured one.
fn numeric(c: &Captures<'_>, order: DateOrder) -> Option<String> {
    let (a, b): (u64, u64) = (c[1].parse().ok()?, c[2].parse().ok()?);
    let year: u64 = c[3].parse().ok()?;
    let year = if year < 100 { year + if year < 70 { 2_000 } else { 1_900 } } else { year };
    let (month, day) = match order {
        DateOrder::MonthFirst if a <= 12 => (a, b),
        DateOrder::DayFirst if b <= 12 => (b, a),
        DateOrder::MonthFirst => (b, a),
        DateOrder::DayFirst => (a, b),
    };
    spoken(year, month, day)
}

fn month_first(c: &Captures<'_>, _: &Around<'_>) -> Option<String> {
    let mut said = format!("{} {}", month(&c[1])?, ordinal(day_of_month(&c[2])?));
    if let Some(last) = c.get(3) {
        said = format!("{said} to {}", ordinal(day_of_month(last.as_str())?));
    }
    Some(with_year(said, c.get(4).map(|y| y.as_str())))
}

fn day_first(c: &Captures<'_>, around: &Around<'_>) -> Option<String> {
    // "9.5 May"? The digits belong to a number.
    if around.before().is_some_and(|b| b == '.' || b == ',' || b == ':') {
        return None;
    }
    let first = ordinal(day_of_month(&c[1])?);
    let days = match c.get(2) {
        Some(last) => format!("{first} to the {}", ordinal(day_of_month(last.as_str())?)),
        None => first,
    };
    let said = format!("the {days} of {}", month(&c[3])?);
    Some(with_year(said, c.get(4).map(|y| y.as_str())))
}

/// "Sat" and "Sun" and "Wed" are words too: they are days beside other days, numbers, or a colon.
fn short_day(c: &Captures<'_>, around: &Around<'_>) -> Option<String> {
    let ambiguous = matches!(&c[1], "Sat" | "Sun" | "Wed");
    let beside = |text: &str| {
        text.starts_with(|ch: char| ch.is_ascii_digit() || "–-&+/:,".contains(ch))
            || DAYS.iter().chain(&MONTHS).any(|name| text.starts_with(&name[..3]))
    };
    let near = beside(around.right.trim_start())
        || c[0].ends_with('.')
        || around.words_before(2).iter().any(|w| DAYS.iter().any(|d| d.eq_ignore_ascii_case(w)) || w == "on");
    if ambiguous && !near {
        return None;
    }
    Some(format!("{}{}", day(&c[1])?, full_stop(&c[0], around)))
}

fn spoken(y: u64, m: u64, d: u64) -> Option<String> {
    let name = MONTHS.get(usize::try_from(m).ok()?.checked_sub(1)?)?;
    (1..=31).contains(&d).then(|| format!("{name} {}, {}", ordinal(d), year(y)))
}

fn with_year(said: String, written: Option<&str>) -> String {
    match written.and_then(|y| y.parse().ok()) {
        Some(y) => format!("{said}, {}", year(y)),
        None => said,
    }
}

fn day_of_month(text: &str) -> Option<u64> {
    text.parse().ok().filter(|d| (1..=31).contains(d))
}

fn month(short: &str) -> Option<&'static str> {
    MONTHS.into_iter().find(|name| name.starts_with(short.get(..3).unwrap_or(short)))
}

fn day(short: &str) -> Option<&'static str> {
    DAYS.into_iter().find(|name| name.starts_with(short.get(..3).unwrap_or(short)))
}

/// The dot of an abbreviation also ends the sentence where a new one begins.
fn full_stop(written: &str, around: &Around<'_>) -> &'static str {
    if written.ends_with('.') && around.ends_sentence() { "." } else { "" }
}
