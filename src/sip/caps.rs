//! What a trunk may be used for in calls that we make (S9): where to, and how many minutes a day. Pure.

use crate::config::sip::TrunkConfig;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::time::EpochMs;
use crate::domain::trunk_use::{DAY_MS, day_of};

/// Whether this trunk may call this number. With neither countries nor prefixes named it is the home country, and
/// anywhere where no home is named: destinations are named by configuration in any case (R5).
pub(super) fn permits(trunk: &TrunkConfig, home_country: Option<&str>, number: &PhoneNumber) -> bool {
    let begins = |prefix: &String| number.as_str().starts_with(prefix.as_str());
    if trunk.allowed_prefixes.iter().any(begins) {
        return true;
    }
    if trunk.allowed_countries.iter().any(|country| number.is_of(country)) {
        return true;
    }
    let is_open = trunk.allowed_prefixes.is_empty() && trunk.allowed_countries.is_empty();
    is_open && home_country.is_none_or(|home| number.is_of(home))
}

/// The minutes of one day's calls, those under way included. A day is one of UTC.
#[derive(Debug)]
pub(super) struct DayMinutes {
    limit_ms: Option<i64>,
    day: i64,
    used_ms: i64,
    under_way: Vec<(u64, EpochMs)>,
    next: u64,
}

impl DayMinutes {
    /// `minutes` a day; 0 is no limit.
    pub fn new(minutes: u32) -> DayMinutes {
        let limit_ms = (minutes > 0).then_some(i64::from(minutes) * 60_000);
        DayMinutes { limit_ms, day: 0, used_ms: 0, under_way: Vec::new(), next: 0 }
    }

    /// Whether another call may begin. One that has begun is never cut: somebody is speaking.
    pub fn has_left(&mut self, now: EpochMs) -> bool {
        self.turn_day(now);
        let Some(limit_ms) = self.limit_ms else { return true };
        self.used_ms + self.running_ms(now) < limit_ms
    }

    /// The day, and how much of it is used.
    pub fn used(&mut self, now: EpochMs) -> (i64, i64) {
        self.turn_day(now);
        (self.day, self.used_ms + self.running_ms(now))
    }

    /// So much of this day was used before a restart.
    pub fn restore(&mut self, day: i64, used_ms: i64) {
        self.turn_day(EpochMs(day.saturating_mul(DAY_MS)));
        if self.day == day {
            self.used_ms = self.used_ms.saturating_add(used_ms.max(0));
        }
    }

    fn running_ms(&self, now: EpochMs) -> i64 {
        self.under_way.iter().map(|(_, since)| (now.0 - since.0).max(0)).sum()
    }

    /// A call was answered; the number names it at its end.
    pub fn begin(&mut self, now: EpochMs) -> u64 {
        self.turn_day(now);
        self.next += 1;
        self.under_way.push((self.next, now));
        self.next
    }

    /// It is over.
    pub fn end(&mut self, call: u64, now: EpochMs) {
        self.turn_day(now);
        let Some(at) = self.under_way.iter().position(|(under_way, _)| *under_way == call) else { return };
        let (_, since) = self.under_way.swap_remove(at);
        self.used_ms += (now.0 - since.0).max(0);
    }

    fn turn_day(&mut self, now: EpochMs) {
        let day = day_of(now);
        // A clock that is set back gives no second allowance.
        if day <= self.day {
            return;
        }
        self.day = day;
        self.used_ms = 0;
        for (_, since) in &mut self.under_way {
            since.0 = since.0.max(day * DAY_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).ok().unwrap()
    }

    /// S9: a trunk calls where it may, and nowhere else.
    #[test]
    fn only_permitted_countries_and_prefixes_are_called() {
        let (berlin, paris, vienna) = (number("+4930123456"), number("+33142685300"), number("+4312345678"));
        let open = TrunkConfig::default();
        assert!(permits(&open, None, &paris));
        assert!(permits(&open, Some("de"), &berlin) && !permits(&open, Some("de"), &paris));
        let listed = TrunkConfig {
            allowed_countries: vec!["FR".into()],
            allowed_prefixes: vec!["+431".into()],
            ..TrunkConfig::default()
        };
        assert!(permits(&listed, Some("DE"), &paris) && permits(&listed, Some("DE"), &vienna));
        assert!(!permits(&listed, Some("DE"), &berlin));
    }

    /// S9: minutes of calls that are over and of those under way count together, until the day is over.
    #[test]
    fn a_day_s_minutes_run_out_and_come_back() {
        let at = |minute: i64| EpochMs(20_000 * DAY_MS + minute * 60_000);
        let mut minutes = DayMinutes::new(10);
        let first = minutes.begin(at(0));
        assert!(minutes.has_left(at(5)));
        minutes.end(first, at(6));
        let second = minutes.begin(at(10));
        assert!(minutes.has_left(at(13)) && !minutes.has_left(at(14)));
        assert!(!minutes.has_left(at(1_439)));
        // Midnight: the call under way has used the minute since.
        assert!(minutes.has_left(at(1_441)) && !minutes.has_left(at(1_450)));
        minutes.end(second, at(1_441));
        assert!(minutes.has_left(at(1_441)));
        assert!(DayMinutes::new(0).has_left(at(0)));
    }

    /// S9: what was used before a restart counts on its own day alone.
    #[test]
    fn a_restart_gives_no_second_allowance() {
        let at = |minute: i64| EpochMs(20_000 * DAY_MS + minute * 60_000);
        let mut before = DayMinutes::new(10);
        before.begin(at(0));
        let (day, used_ms) = before.used(at(8));
        assert_eq!((day, used_ms), (20_000, 8 * 60_000));
        let mut after = DayMinutes::new(10);
        after.restore(day, used_ms);
        after.begin(at(9));
        assert!(after.has_left(at(10)) && !after.has_left(at(11)));
        assert!(after.has_left(at(1_441)), "the next day has all of its own");
        after.restore(day, used_ms);
        assert!(after.has_left(at(1_442)), "yesterday's use is not today's");
    }
}
