//! Times as people say them: "tomorrow after ten", "on Monday afternoon", "in half an hour".
//!
//! Read generously and kept beside the words, never in place of them: a colleague sees both.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::time::EpochMs;

use super::intents::words;

/// The moment that is meant, if the words name one after `now`. `time_zone` is an IANA name; without one only
/// durations ("in two hours") can be read.
pub fn moment(text: &str, now: EpochMs, time_zone: Option<&str>) -> Option<EpochMs> {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let at = Timestamp::from_millisecond(now.0).ok()?;
    if let Some(wait) = duration(&words) {
        return Some(EpochMs(at.checked_add(wait).ok()?.as_millisecond()));
    }
    let zone = TimeZoneDatabase::bundled().get(time_zone?).ok()?;
    let local = at.to_zoned(zone.clone()).datetime();
    let meant = match (day(&words, local), time(&words)) {
        (Some(days), time) => {
            DateTime::from_parts(local.date().checked_add(days.days()).ok()?, time.unwrap_or(MORNING))
        }
        (None, Some(time)) => {
            let today = DateTime::from_parts(local.date(), time);
            if today > local { today } else { today.checked_add(1.day()).ok()? }
        }
        (None, None) => return None,
    };
    let meant = epoch(meant, &zone)?;
    (meant > now).then_some(meant)
}

fn epoch(local: DateTime, zone: &TimeZone) -> Option<EpochMs> {
    Some(EpochMs(zone.to_ambiguous_zoned(local).compatible().ok()?.timestamp().as_millisecond()))
}

/// "in two hours", "in half an hour", "in 20 minutes".
fn duration(words: &[&str]) -> Option<SignedDuration> {
    let at = words.iter().position(|word| *word == "in")?;
    let rest = &words[at + 1..];
    if rest.starts_with(&["half", "an", "hour"]) {
        return Some(SignedDuration::from_mins(30));
    }
    let (count, unit) = (count(rest.first()?)?, rest.get(1)?.trim_end_matches('s'));
    match unit {
        "minute" => Some(SignedDuration::from_mins(count)),
        "hour" => Some(SignedDuration::from_hours(count)),
        "day" => Some(SignedDuration::from_hours(24 * count)),
        _ => None,
    }
}

/// Days from today.
fn day(words: &[&str], local: DateTime) -> Option<i64> {
    let says = |word: &str| words.contains(&word);
    if says("tomorrow") {
        return Some(if says("after") && words.windows(2).any(|two| two == ["day", "after"]) { 2 } else { 1 });
    }
    if says("today") || says("tonight") || says("this") {
        return Some(0);
    }
    let weekday = words.iter().find_map(|word| weekday(word))?;
    let ahead = local.date().weekday().until(weekday);
    // Whoever means today says so.
    Some(i64::from(if ahead == 0 { 7 } else { ahead }))
}

/// The time of day: "half past nine", "ten thirty", "3 pm", "noon", "in the afternoon".
fn time(words: &[&str]) -> Option<Time> {
    let half = |mark: &str, word: &str| {
        word.strip_suffix(mark).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let afternoon = words.iter().any(|word| half("pm", word) || matches!(*word, "afternoon" | "evening" | "tonight"));
    let morning = words.iter().any(|word| half("am", word) || *word == "morning");
    for (at, word) in words.iter().enumerate() {
        let (hour, minute) = match clock(word) {
            Some(found) => found,
            None => continue,
        };
        let before: &[&str] = &words[at.saturating_sub(2)..at];
        let next = words.get(at + 1).and_then(|next| count(next)).filter(|minute| matches!(minute, 15 | 30 | 45));
        let minute = match before {
            ["half", "past"] => 30,
            ["quarter", "past"] => 15,
            _ => next.unwrap_or(minute),
        };
        let hour = match hour {
            12 if morning => 0,
            1..=11 if afternoon => hour + 12,
            // Nobody is called back at three in the night.
            1..=7 if !morning => hour + 12,
            _ => hour,
        };
        return Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok();
    }
    let named = |word: &&str| match *word {
        "morning" => Some(MORNING),
        "noon" | "midday" | "lunchtime" => Time::new(12, 0, 0, 0).ok(),
        "afternoon" => Time::new(14, 0, 0, 0).ok(),
        "evening" | "tonight" => Time::new(18, 0, 0, 0).ok(),
        _ => None,
    };
    words.iter().find_map(named)
}

/// Hour and minute of "ten", "10", "1030" (which is how "10:30" is left by [`words`]) or "3pm".
fn clock(word: &str) -> Option<(i64, i64)> {
    let digits = word.trim_end_matches("am").trim_end_matches("pm");
    if digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let (hour, minute) = digits.split_at(digits.len() - 2);
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        return (hour < 24 && minute < 60).then_some((hour, minute));
    }
    count(digits).filter(|hour| (1..24).contains(hour) && digits != "a" && digits != "an").map(|hour| (hour, 0))
}

fn count(word: &str) -> Option<i64> {
    if word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok();
    }
    Some(match word {
        "a" | "an" | "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "fifteen" => 15,
        "twenty" => 20,
        "thirty" => 30,
        _ => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// When a day begins for whoever calls back.
const MORNING: Time = Time::constant(9, 0, 0, 0);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BERLIN: Option<&str> = Some("Europe/Berlin");

    /// Friday, 20 November 2026, 14:00 in Berlin.
    fn friday() -> EpochMs {
        crate::domain::schedule::local_moment("2026-11-20T14:00", "Europe/Berlin").unwrap().unwrap()
    }

    fn read(text: &str) -> Option<String> {
        let at = moment(text, friday(), BERLIN)?;
        let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        let local = Timestamp::from_millisecond(at.0).unwrap().to_zoned(zone).datetime();
        Some(local.strftime("%a %d %H:%M").to_string())
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        for (said, meant) in [
            ("Tomorrow after ten.", "Sat 21 10:00"),
            ("tomorrow", "Sat 21 09:00"),
            ("the day after tomorrow at noon", "Sun 22 12:00"),
            ("On Monday afternoon, please.", "Mon 23 14:00"),
            ("Friday at nine", "Fri 27 09:00"),
            ("today at half past four", "Fri 20 16:30"),
            ("around 3 pm", "Fri 20 15:00"),
            ("10pm", "Fri 20 22:00"),
            ("at 10:30", "Sat 21 10:30"),
            ("ten thirty in the morning", "Sat 21 10:30"),
            ("this evening", "Fri 20 18:00"),
            ("in two hours", "Fri 20 16:00"),
            ("in half an hour", "Fri 20 14:30"),
        ] {
            assert_eq!(read(said).as_deref(), Some(meant), "{said}");
        }
    }

    #[test]
    fn what_names_no_moment_stays_words() {
        for said in ["any time", "as soon as possible", "when you can", "", "this morning", "not on a weekend"] {
            assert_eq!(read(said), None, "{said}");
        }
        assert_eq!(moment("tomorrow", friday(), None), None, "nobody knows whose tomorrow");
        assert!(moment("in an hour", friday(), None).is_some());
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_moment_is_never_past(
            text in "((in|at|on|after|half|past|day|tomorrow|today|monday|[0-9]{1,9}|hours|days|pm|noon|ten) ?){0,8}|.{0,40}",
            now in -1_000_000_000_000i64..9_000_000_000_000,
        ) {
            if let Some(at) = moment(&text, EpochMs(now), BERLIN) {
                prop_assert!(at.0 >= now);
            }
        }
    }
}
