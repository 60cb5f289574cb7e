//! Session timers (RFC 4028): agreeing on one, refreshing the call in time, and ending a dead one. Pure.

use std::time::{Duration, Instant};

use rsipstack::sip::Header;
use rsipstack::sip::headers::{MinSE, SessionExpires};
use rsipstack::sip::prelude::HeadersExt;

/// Who refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresher {
    /// We do.
    Us,
    /// The far end does.
    FarEnd,
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    /// The session interval.
    pub seconds: u32,
    /// Who refreshes it.
    pub refresher: Refresher,
}

/// Our own wishes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The interval we ask for; 0 asks for none.
    pub seconds: u32,
    /// The shortest we accept.
    pub min_seconds: u32,
}

/// The interval asked for is below our minimum: 422 with this Min-SE (§8).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooShort(pub u32);

/// What a message says about session timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Session-Expires.
    pub seconds: Option<u32>,
    /// Whether its refresher parameter names the side that sent the request (`uac`).
    pub by_requester: Option<bool>,
    /// Min-SE.
    pub min_seconds: Option<u32>,
    /// Whether `timer` is supported.
    pub is_supported: bool,
}

impl Asked {
    /// Reads a request or response.
    pub fn read(message: &impl HeadersExt) -> Asked {
        let mut asked = Asked { is_supported: message.header_contains_token("Supported", "timer"), ..Asked::default() };
        for header in message.headers().iter() {
            match header {
                Header::SessionExpires(value) => {
                    let mut parts = value.value().split(';').map(str::trim);
                    asked.seconds = parts.next().and_then(|seconds| seconds.parse().ok());
                    asked.by_requester = parts.find_map(|part| {
                        let (name, value) = part.split_once('=')?;
                        name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim().eq_ignore_ascii_case("uac"))
                    });
                }
                Header::MinSE(value) => {
                    let seconds = value.value().split(';').next().unwrap_or_default();
                    asked.min_seconds = seconds.trim().parse().ok();
                }
                // Every other header says nothing about timers.
                _ => {}
            }
        }
        asked
    }
}

/// As the side that received the request (§9).
pub(super) fn answer(asked: Asked, wish: Wish) -> Result<Option<Agreed>, TooShort> {
    let Some(seconds) = asked.seconds else {
        if wish.seconds == 0 {
            return Ok(None);
        }
        let seconds = wish.seconds.max(asked.min_seconds.unwrap_or(0));
        return Ok(Some(Agreed { seconds, refresher: Refresher::Us }));
    };
    if seconds < wish.min_seconds && asked.is_supported {
        return Err(TooShort(wish.min_seconds));
    }
    let floor = asked.min_seconds.unwrap_or(0).max(wish.min_seconds);
    let wished = if wish.seconds == 0 { seconds } else { seconds.min(wish.seconds) };
    // Whoever names no refresher leaves the choice to us, and we trust ourselves to do it.
    let refresher = match asked.by_requester {
        Some(true) if asked.is_supported => Refresher::FarEnd,
        Some(_) | None => Refresher::Us,
    };
    Ok(Some(Agreed { seconds: wished.max(floor), refresher }))
}

/// As the side that sent the request, from its 2xx (§7.2).
pub(super) fn accepted(response: Asked) -> Option<Agreed> {
    let seconds = response.seconds?;
    let refresher = if response.by_requester == Some(false) { Refresher::FarEnd } else { Refresher::Us };
    Some(Agreed { seconds: seconds.max(MIN_SECONDS), refresher })
}

/// The floor of the RFC (§5), below which nobody may make us busy.
const MIN_SECONDS: u32 = 90;

/// Headers of the request that asks for a timer.
pub(super) fn request_headers(wish: Wish, refresher_is_us: Option<bool>) -> Vec<Header> {
    if wish.seconds == 0 {
        return Vec::new();
    }
    let refresher = match refresher_is_us {
        None => "",
        Some(true) => ";refresher=uac",
        Some(false) => ";refresher=uas",
    };
    vec![
        Header::SessionExpires(SessionExpires::new(format!("{}{refresher}", wish.seconds))),
        Header::MinSE(MinSE::new(wish.min_seconds.to_string())),
    ]
}

/// Headers of the 2xx that grants one. `Require` only where the far end is to refresh (§9).
pub(super) fn response_headers(agreed: Agreed) -> Vec<Header> {
    let (role, required) = match agreed.refresher {
        Refresher::FarEnd => ("uac", true),
        Refresher::Us => ("uas", false),
    };
    let mut headers = vec![Header::SessionExpires(SessionExpires::new(format!("{};refresher={role}", agreed.seconds)))];
    if required {
        headers.push(Header::Require("timer".into()));
    }
    headers
}

/// The running timer of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionTimer {
    agreed: Agreed,
    refresh_at: Option<Instant>,
    end_at: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// We are to refresh.
    Refresh,
    /// The session has run out: BYE.
    End,
}

impl SessionTimer {
    /// Starts, or starts again after a refresh. `second` is the length of a second; tests live faster.
    pub fn start(agreed: Agreed, now: Instant, second: Duration) -> SessionTimer {
        let interval = second * agreed.seconds;
        // Slightly before the end, so that both sides do not send BYE together (§10).
        let margin = (interval / 3).min(second * 32);
        let refresh_at = (agreed.refresher == Refresher::Us).then(|| now + interval / 2);
        SessionTimer { agreed, refresh_at, end_at: now + interval - margin }
    }

    /// What was agreed.
    pub fn agreed(&self) -> Agreed {
        self.agreed
    }

    /// Tries the refresh once more at `at` (after 491 or a lost answer).
    pub fn retry_at(&mut self, at: Instant) {
        self.refresh_at = Some(at);
    }

    /// When [`SessionTimer::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Instant {
        self.refresh_at.map_or(self.end_at, |refresh_at| refresh_at.min(self.end_at))
    }

    /// Does what is due at `now`; a refresh is told once.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        if now >= self.end_at {
            return Some(Due::End);
        }
        self.refresh_at.take_if(|refresh_at| now >= *refresh_at).map(|_| Due::Refresh)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WISH: Wish = Wish { seconds: 1_800, min_seconds: 90 };

    fn asked(seconds: u32, by_requester: Option<bool>) -> Asked {
        Asked { seconds: Some(seconds), by_requester, min_seconds: None, is_supported: true }
    }

    #[test]
    fn a_carrier_that_offers_to_refresh_does_so() {
        let agreed = answer(asked(600, Some(true)), WISH).unwrap().unwrap();
        assert_eq!(agreed, Agreed { seconds: 600, refresher: Refresher::FarEnd });
        assert!(response_headers(agreed).iter().any(|header| header.to_string() == "Require: timer"));
    }

    #[test]
    fn a_far_end_without_timers_is_refreshed_by_us() {
        let none = Asked::default();
        assert_eq!(answer(none, WISH), Ok(Some(Agreed { seconds: 1_800, refresher: Refresher::Us })));
        assert_eq!(answer(none, Wish { seconds: 0, min_seconds: 90 }), Ok(None));
    }

    #[test]
    fn too_short_an_interval_is_refused_with_our_minimum() {
        assert_eq!(answer(asked(30, None), WISH), Err(TooShort(90)));
    }

    proptest! {
        /// The reference: whatever happens, a refresher refreshes before the end, the end comes before the
        /// interval is over and never while refreshes arrive in time, and no two dues are told at once.
        #[test]
        fn a_call_ends_only_when_refreshes_stop(
            seconds in 90_u32..7_200,
            us in any::<bool>(),
            steps in prop::collection::vec((0_u64..4_000_000, any::<bool>()), 1..40),
        ) {
            let refresher = if us { Refresher::Us } else { Refresher::FarEnd };
            let agreed = Agreed { seconds, refresher };
            let mut now = Instant::now();
            let mut timer = SessionTimer::start(agreed, now, Duration::from_secs(1));
            let mut refreshed_at = now;
            let mut asked_to_refresh = false;
            for (step_ms, refresh_now) in steps {
                now += Duration::from_millis(step_ms);
                let age = now - refreshed_at;
                match timer.handle_timeout(now) {
                    Some(Due::End) => {
                        prop_assert!(age.as_secs_f64() >= f64::from(seconds) * 2.0 / 3.0 - 1e-6
                            || age + Duration::from_secs(32) >= Duration::from_secs(seconds.into()));
                        return Ok(());
                    }
                    Some(Due::Refresh) => {
                        prop_assert!(us && !asked_to_refresh && age * 2 >= Duration::from_secs(seconds.into()));
                        asked_to_refresh = true;
                    }
                    None => prop_assert!(age < Duration::from_secs(seconds.into())),
                }
                if refresh_now {
                    timer = SessionTimer::start(agreed, now, Duration::from_secs(1));
                    (refreshed_at, asked_to_refresh) = (now, false);
                }
                prop_assert!(timer.poll_timeout() > now || timer.handle_timeout(now).is_none());
            }
        }
    }
}
