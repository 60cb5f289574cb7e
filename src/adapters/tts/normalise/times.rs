//! Times of day and opening hours.

use regex::Captures;

use super::numbers::cardinal;
use super::rule::{Around, rewrite, rule};

rule!(
    RANGE,
    r"\b(\d{1,2})(?:[:.](\d{2}))?\s?([AaPp]\.?[Mm]\b\.?)?\s?(?:[-–—]|to|until)\s?(\d{1,2})(?:[:.](\d{2}))?\s?(?:([AaPp]\.?[Mm]\b\.?)|(h|hrs|Uhr|o'clock)\b)?"
);
rule!(CLOCK, r"\b(\d{1,2}):(\d{2})(?::\d{2})?(?:\s?([AaPp]\.?[Mm]\b\.?))?(?:\s?(?:h|hrs|Uhr)\b)?");
rule!(HOUR, r"\b(\d{1,2})(?:\.(\d{2}))?\s?([AaPp]\.?[Mm]\b\.?)");
rule!(ALWAYS, r"\b24\s?/\s?7\b");
rule!(HALF_DAY, r"\b([ap])\.m\.?");

/// Puts times into words.
pub fn read(text: String) -> String {
    let text = rewrite(text, &ALWAYS, |_, _| Some("twenty four seven".to_owned()));
    let text = rewrite(text, &RANGE, range);
    let text = rewrite(text, &CLOCK, |c, around| {
        // "3:05:10" in the middle of something longer is no time of day.
        if around.before() == Some(':') || around.before() == Some('.') {
            return None;
        }
        let half = c.get(3).map(|half| half.as_str());
        let leading_zero = c[1].starts_with('0');
        let said = of_day(c[1].parse().ok()?, c[2].parse().ok()?, half, leading_zero)?;
        Some(format!("{said}{}", full_stop(half, around)))
    });
    let text = rewrite(text, &HOUR, |c, around| {
        let minute = c.get(2).map_or(Some(0), |m| m.as_str().parse().ok())?;
        let said = of_day(c[1].parse().ok()?, minute, Some(&c[3]), false)?;
        Some(format!("{said}{}", full_stop(Some(&c[3]), around)))
    });
    rewrite(text, &HALF_DAY, |c, around| Some(format!("{} M{}", c[1].to_uppercase(), full_stop(Some(&c[0]), around))))
}

/// A time of day. With `half` ("am", "pm") as said; otherwise hours from 13 are afternoon, and those below are
/// morning only if `of_24` says that the clock has 24 hours. `None` for what no clock shows.
pub fn of_day(hour: u64, minute: u64, half: Option<&str>, of_24: bool) -> Option<String> {
    if hour > 24 || minute > 59 || (hour == 24 && minute > 0) {
        return None;
    }
    let half = match half {
        Some(half) if hour > 12 => Some(half.starts_with(['p', 'P'])),
        Some(half) => Some(half.starts_with(['p', 'P'])),
        None if (13..24).contains(&hour) => Some(true),
        None if minute == 0 && (hour == 24 || hour == 0) => return Some("midnight".to_owned()),
        None if of_24 && hour == 12 && minute == 0 => return Some("noon".to_owned()),
        None if of_24 => Some(hour >= 12),
        None => None,
    };
    let hour = (hour + 11) % 12 + 1;
    let clock = match (minute, half) {
        (0, None) => format!("{} o'clock", cardinal(hour)),
        (0, Some(_)) => cardinal(hour),
        (1..=9, _) => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}", cardinal(hour), cardinal(minute)),
    };
    Some(match half {
        Some(true) => format!("{clock} P M"),
        Some(false) => format!("{clock} A M"),
        None => clock,
    })
}

/// Two times with something between them; plain numbers only where hours are the subject.
fn range(c: &Captures<'_>, around: &Around<'_>) -> Option<String> {
    if around.before().is_some_and(|b| "./:,-–$€£".contains(b)) || around.right.starts_with(['-', '–', '/', '%', ':'])
    {
        return None;
    }
    let (from, to): (u64, u64) = (c[1].parse().ok()?, c[4].parse().ok()?);
    let minute = |n: usize| c.get(n).map_or(Some(0), |m| m.as_str().parse::<u64>().ok());
    let (from_minute, to_minute) = (minute(2)?, minute(5)?);
    let (from_half, to_half) = (c.get(3).map(|h| h.as_str()), c.get(6).map(|h| h.as_str()));
    let colon = c.get(2).is_some() || c.get(5).is_some();
    let dotted = colon && !c[0].contains(':');
    let marked = from_half.is_some() || to_half.is_some() || c.get(7).is_some();
    let hours_meant = about_hours(around.left);
    if !(marked || (colon && !dotted) || hours_meant) || from > 24 || to > 24 {
        return None;
    }
    if !marked && !colon && to <= 12 {
        // "Open 9-5": nobody says more than that.
        return Some(format!("{} to {}", cardinal(from), cardinal(to)));
    }
    let of_24 = to > 12 || c[1].starts_with('0');
    let first = of_day(from, from_minute, from_half, of_24)?;
    let second = of_day(to, to_minute, to_half, of_24)?;
    // "9 to 5 pm" needs no "o'clock".
    let first = if to_half.is_some() { first.trim_end_matches(" o'clock").to_owned() } else { first };
    Some(format!("{first} to {second}{}", full_stop(to_half, around)))
}

/// Whether the words before speak of opening hours.
fn about_hours(left: &str) -> bool {
    const SIGNS: [&str; 14] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "open",
        "hours",
        "daily",
        "weekday",
        "weekend",
        "opening",
        "closed",
    ];
    let tail: String = left.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
    let tail = tail.to_lowercase();
    SIGNS.iter().any(|sign| tail.contains(sign))
}

fn full_stop(half: Option<&str>, around: &Around<'_>) -> &'static str {
    if half.is_some_and(|h| h.ends_with('.')) && around.ends_sentence() { "." } else { "" }
}
