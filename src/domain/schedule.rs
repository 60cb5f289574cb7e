//! Opening times: weekly hours, days that differ, and the time zone in which both are meant.
//!
//! Written as people write them: `Mon-Fri 09:00-17:00`, `Sat 22:00-02:00` (into the next day), `2026-12-25`,
//! `2026-12-24..2026-12-26`. Time zones are names of the IANA database, which is built in.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::time::EpochMs;

/// When something is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleText", into = "ScheduleText")]
pub struct Schedule {
    text: ScheduleText,
    zone: TimeZone,
    hours: Vec<Hours>,
    closed: Vec<Days>,
    open: Vec<Days>,
}

/// The form in which opening times are written in files and in the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleText {
    /// IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Weekly hours, such as `Mon-Fri 09:00-17:00`; none means always open but for `closed`.
    #[serde(default)]
    pub hours: Vec<String>,
    /// Days without hours (holidays), such as `2026-12-25` or `2026-12-24..2026-12-26`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
    /// Days that are open from midnight to midnight, whatever the weekly hours say; they go before `closed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
}

/// Why opening times cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// No such time zone.
    #[error("{0:?} is no time zone; write an IANA name such as \"Europe/Berlin\" or \"UTC\"")]
    TimeZone(String),
    /// Weekly hours that cannot be read.
    #[error("{0:?} are no weekly hours; write \"Mon-Fri 09:00-17:00\" or \"Sat 10:00-13:00\"")]
    Hours(String),
    /// Days that cannot be read.
    #[error("{0:?} is no day; write \"2026-12-25\" or \"2026-12-24..2026-12-26\"")]
    Days(String),
    /// More lines than are looked at for each call.
    #[error("{0} lines of opening times are too many; at most {LINES_MAX} are read")]
    TooMany(usize),
}

/// What a schedule says about one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Open by the weekly hours, or because there are none.
    Open,
    /// Open by a day of its own.
    OpenDay,
    /// Outside the weekly hours.
    Closed,
    /// Closed by a day of its own.
    ClosedDay,
}

impl Opening {
    /// Whether it is open.
    pub fn is_open(self) -> bool {
        matches!(self, Opening::Open | Opening::OpenDay)
    }
}

/// Hours on some days of the week; `until` before or at `from` means the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hours {
    first: Weekday,
    last: Weekday,
    from: Time,
    /// `None`: midnight at the end of the day.
    until: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days {
    first: Date,
    last: Date,
}

/// Lines of hours and days together; bounds the work of one look-up.
const LINES_MAX: usize = 400;

impl Schedule {
    /// What it says about this moment.
    pub fn at(&self, now: EpochMs) -> Opening {
        // A moment outside the years that calendars know is closed.
        let Ok(now) = Timestamp::from_millisecond(now.0) else { return Opening::Closed };
        let now = self.zone.to_datetime(now);
        let (date, time) = (now.date(), now.time());
        if self.open.iter().any(|days| days.hold(date)) {
            return Opening::OpenDay;
        }
        // Hours that run past midnight belong to the day on which they began.
        let yesterday = date.checked_sub(1.day()).unwrap_or(date);
        let shut = |date| self.closed.iter().any(|days| days.hold(date));
        let today = self.hours.is_empty() || self.hours.iter().any(|hours| hours.hold(date, time));
        let runs_over = self.hours.iter().any(|hours| hours.run_over(yesterday, time));
        match (today && !shut(date)) || (runs_over && !shut(yesterday)) {
            true => Opening::Open,
            false if shut(date) => Opening::ClosedDay,
            false => Opening::Closed,
        }
    }

    /// Whether it is open at this moment.
    pub fn is_open(&self, now: EpochMs) -> bool {
        self.at(now).is_open()
    }

    /// The time zone in which it is meant, by its IANA name.
    pub fn time_zone(&self) -> &str {
        &self.text.time_zone
    }

    /// Reads a local time such as `2026-12-25T10:00` in this schedule's time zone.
    pub fn moment(&self, local: &str) -> Option<EpochMs> {
        moment(local, &self.zone)
    }
}

/// Reads a local time such as `2026-12-25T10:00`, or one with an offset, in a time zone (IANA name).
pub fn local_moment(local: &str, time_zone: &str) -> Result<Option<EpochMs>, ScheduleError> {
    Ok(moment(local, &zone(time_zone)?))
}

fn moment(local: &str, zone: &TimeZone) -> Option<EpochMs> {
    if let Ok(absolute) = local.parse::<Timestamp>() {
        return Some(EpochMs(absolute.as_millisecond()));
    }
    let civil: jiff::civil::DateTime = local.parse().ok()?;
    Some(EpochMs(zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp().as_millisecond()))
}

fn zone(name: &str) -> Result<TimeZone, ScheduleError> {
    // The built-in database only: the same answer on every machine, and no file is read.
    jiff::tz::TimeZoneDatabase::bundled().get(name).map_err(|_| ScheduleError::TimeZone(name.to_owned()))
}

impl TryFrom<ScheduleText> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: ScheduleText) -> Result<Self, Self::Error> {
        let lines = text.hours.len() + text.closed.len() + text.open.len();
        if lines > LINES_MAX {
            return Err(ScheduleError::TooMany(lines));
        }
        let days = |lines: &[String]| lines.iter().map(|line| Days::read(line)).collect::<Result<Vec<_>, _>>();
        let hours = text.hours.iter().map(|line| Hours::read(line)).collect::<Result<_, _>>()?;
        Ok(Schedule { zone: zone(&text.time_zone)?, hours, closed: days(&text.closed)?, open: days(&text.open)?, text })
    }
}

impl From<Schedule> for ScheduleText {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

impl Hours {
    fn read(line: &str) -> Result<Hours, ScheduleError> {
        let wrong = || ScheduleError::Hours(line.to_owned());
        let (days, times) = line.trim().split_once(' ').ok_or_else(wrong)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, until) = times.trim().split_once('-').ok_or_else(wrong)?;
        Ok(Hours {
            first: weekday(first).ok_or_else(wrong)?,
            last: weekday(last).ok_or_else(wrong)?,
            from: time(from).ok_or_else(wrong)?,
            until: if until.trim() == "24:00" { None } else { Some(time(until).ok_or_else(wrong)?) },
        })
    }

    fn on(&self, date: Date) -> bool {
        let place = |day: Weekday| day.to_monday_zero_offset();
        let (first, last, day) = (place(self.first), place(self.last), place(date.weekday()));
        if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
    }

    fn past_midnight(&self) -> bool {
        self.until.is_some_and(|until| until <= self.from)
    }

    fn hold(&self, date: Date, time: Time) -> bool {
        let before_end = self.past_midnight() || self.until.is_none_or(|until| time < until);
        self.on(date) && time >= self.from && before_end
    }

    fn run_over(&self, yesterday: Date, time: Time) -> bool {
        self.past_midnight() && self.on(yesterday) && self.until.is_some_and(|until| time < until)
    }
}

impl Days {
    fn read(line: &str) -> Result<Days, ScheduleError> {
        let wrong = || ScheduleError::Days(line.to_owned());
        let (first, last) = line.split_once("..").unwrap_or((line, line));
        let day = |text: &str| text.trim().parse::<Date>().map_err(|_| wrong());
        let days = Days { first: day(first)?, last: day(last)? };
        if days.first <= days.last { Ok(days) } else { Err(wrong()) }
    }

    fn hold(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    let start: String = text.trim().chars().take(3).collect::<String>().to_ascii_lowercase();
    Some(match start.as_str() {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    })
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(hours: &[&str], closed: &[&str], open: &[&str]) -> Schedule {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        ScheduleText {
            time_zone: "Europe/Berlin".into(),
            hours: lines(hours),
            closed: lines(closed),
            open: lines(open),
        }
        .try_into()
        .unwrap()
    }

    fn at(schedule: &Schedule, local: &str) -> Opening {
        schedule.at(schedule.moment(local).unwrap())
    }

    #[test]
    fn weekly_hours_are_meant_in_their_time_zone() {
        let office = schedule(&["Mon-Fri 09:00-17:00"], &[], &[]);
        assert_eq!(at(&office, "2026-11-20T09:00"), Opening::Open);
        assert_eq!(at(&office, "2026-11-20T17:00"), Opening::Closed);
        assert_eq!(at(&office, "2026-11-21T12:00"), Opening::Closed);
        // 08:30 UTC is 10:30 in a Berlin summer and 09:30 in its winter.
        assert_eq!(at(&office, "2026-07-01T07:30:00Z"), Opening::Open);
        assert_eq!(at(&office, "2026-12-01T07:30:00Z"), Opening::Closed);
    }

    #[test]
    fn hours_run_past_midnight_into_the_next_day() {
        let bar = schedule(&["Fri-Sat 20:00-02:00"], &[], &[]);
        assert_eq!(at(&bar, "2026-11-21T01:59"), Opening::Open);
        assert_eq!(at(&bar, "2026-11-22T01:59"), Opening::Open);
        assert_eq!(at(&bar, "2026-11-23T01:59"), Opening::Closed);
        assert_eq!(at(&bar, "2026-11-20T01:59"), Opening::Closed);
    }

    #[test]
    fn days_of_their_own_go_before_the_week() {
        let shop = schedule(&["Mon-Sun 08:00-24:00"], &["2026-12-24..2026-12-26"], &["2026-12-26"]);
        assert_eq!(at(&shop, "2026-12-23T23:59"), Opening::Open);
        assert_eq!(at(&shop, "2026-12-25T10:00"), Opening::ClosedDay);
        assert_eq!(at(&shop, "2026-12-26T03:00"), Opening::OpenDay);
        assert_eq!(at(&schedule(&[], &["2026-12-25"], &[]), "2026-12-24T03:00"), Opening::Open);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_is_meant() {
        let read = |text: serde_json::Value| serde_json::from_value::<Schedule>(text).unwrap_err().to_string();
        assert!(read(serde_json::json!({"time_zone": "Berlin"})).contains("Europe/Berlin"));
        assert!(read(serde_json::json!({"time_zone": "UTC", "hours": ["daily"]})).contains("Mon-Fri 09:00-17:00"));
        assert!(read(serde_json::json!({"time_zone": "UTC", "closed": ["25.12."]})).contains("2026-12-25"));
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        let office = schedule(&["Mon-Fri 09:00-17:00"], &["2026-12-25"], &[]);
        let text = serde_json::to_string(&office).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), office);
    }
}
