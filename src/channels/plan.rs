//! What becomes of a message after a try. Pure.

use std::time::Duration;

use crate::domain::casework::Delivery as State;
use crate::domain::time::EpochMs;
use crate::seams::channel::{DeliveryError, Receipt};
use crate::seams::channel_store::Dispatch;

/// After the vendor took it, or its next part.
pub fn taken(dispatch: Dispatch, receipt: &Receipt, now: EpochMs) -> Dispatch {
    let parts = dispatch.parts + 1;
    let fresh = Dispatch { parts, uncertain: false, last_error: None, due_at: now, ..dispatch };
    match receipt.more {
        true => fresh,
        false => Dispatch { state: receipt.how_far, settled_at: Some(now), ..fresh },
    }
}

/// After it was not, or may not have been. `chance` (0 to 1) spreads the tries of many.
pub fn put_off(dispatch: Dispatch, error: &DeliveryError, now: EpochMs, chance: f64) -> Dispatch {
    let (uncertain, asked, why) = match error {
        DeliveryError::Later { after, why } => (dispatch.uncertain, *after, why),
        DeliveryError::Uncertain { why } => (true, None, why),
        DeliveryError::Refused { why } => return failed(dispatch, why, now),
    };
    let wait = pause(dispatch.tries, chance).max(asked.unwrap_or_default());
    let due_at = EpochMs(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
    if due_at.0.saturating_sub(dispatch.posted_at.0) > GIVE_UP_MS {
        let why = if uncertain { format!("{why}; {MAY_HAVE_ARRIVED}") } else { format!("given up after a day: {why}") };
        return failed(dispatch, &why, now);
    }
    Dispatch { uncertain, due_at, last_error: Some(shortened(why)), ..dispatch }
}

/// It will not be tried again by itself: a person sees it, and may.
pub fn failed(dispatch: Dispatch, why: &str, now: EpochMs) -> Dispatch {
    Dispatch { state: State::Failed, last_error: Some(shortened(why)), settled_at: Some(now), ..dispatch }
}

/// At a person's order: as if it were new, but for the parts that were taken. `None` while it is not settled badly.
pub fn again(dispatch: Dispatch, now: EpochMs) -> Option<Dispatch> {
    (dispatch.state == State::Failed).then(|| Dispatch {
        state: State::Queued,
        posted_at: now,
        due_at: now,
        tries: 0,
        uncertain: false,
        last_error: None,
        settled_at: None,
        ..dispatch
    })
}

/// Whether it waited so long (while its channel was switched off) that it may no longer be wanted.
pub fn is_stale(dispatch: &Dispatch, now: EpochMs) -> bool {
    now.0 - dispatch.posted_at.0 > GIVE_UP_MS
}

/// Doubles from a second to ten minutes; of that, half and a random part of the other half.
pub fn pause(tries: u32, chance: f64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(DOUBLINGS_MAX)).min(LONGEST_PAUSE);
    whole / 2 + (whole / 2).mul_f64(chance.clamp(0.0, 1.0))
}

fn shortened(why: &str) -> String {
    why.chars().take(WHY_CHARS_MAX).collect()
}

/// Said of messages of which nobody can tell.
pub const MAY_HAVE_ARRIVED: &str = "it may have arrived all the same; look before you send it again";
/// Said of messages that waited too long.
pub const WAITED_TOO_LONG: &str = "it waited longer than a day; send it again if it is still wanted";
/// The pause after the first try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest: a vendor that is back is found within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Enough for the longest, and no overflow.
const DOUBLINGS_MAX: u32 = 16;
/// After a day a customer has found another way.
const GIVE_UP_MS: i64 = 24 * 3_600_000;
/// Fits a line or two.
const WHY_CHARS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{InboxId, MessageId};

    fn dispatch() -> Dispatch {
        let (message, inbox) = (MessageId(uuid::Uuid::from_u128(1)), InboxId(uuid::Uuid::from_u128(2)));
        Dispatch { tries: 1, ..Dispatch::fresh(message, inbox, "lane".into(), EpochMs(0)) }
    }

    fn later(after_s: Option<u64>) -> DeliveryError {
        DeliveryError::Later { after: after_s.map(Duration::from_secs), why: "429".into() }
    }

    /// W6: pauses grow, differ by chance, and are never shorter than the vendor asked for.
    #[test]
    fn pauses_grow_and_respect_what_the_vendor_asks() {
        assert_eq!((pause(1, 0.0), pause(1, 1.0)), (Duration::from_millis(500), Duration::from_secs(1)));
        assert_eq!(pause(4, 1.0), Duration::from_secs(8));
        assert_eq!(pause(u32::MAX, 1.0), Duration::from_secs(600));
        assert_eq!(put_off(dispatch(), &later(Some(30)), EpochMs(5), 0.3).due_at, EpochMs(30_005));
        assert_eq!(put_off(dispatch(), &later(Some(0)), EpochMs(0), 0.0).due_at, EpochMs(500));
        assert_eq!(put_off(dispatch(), &later(Some(u64::MAX)), EpochMs(0), 0.0).state, State::Failed);
    }

    /// W6: what may have been taken stays so until somebody knows; after a day a person is told.
    #[test]
    fn doubt_stays_until_it_is_settled() {
        let uncertain = put_off(dispatch(), &DeliveryError::Uncertain { why: "500".into() }, EpochMs(0), 0.5);
        assert!(uncertain.uncertain && uncertain.state == State::Queued);
        assert!(put_off(uncertain.clone(), &later(None), EpochMs(9), 0.5).uncertain);
        let given_up = put_off(uncertain.clone(), &later(None), EpochMs(GIVE_UP_MS), 0.5);
        assert_eq!(given_up.state, State::Failed);
        assert!(given_up.last_error.as_deref().unwrap().contains("may have arrived"));
        let more = Receipt { more: true, ..Receipt::sent("1") };
        let half = taken(uncertain, &more, EpochMs(10));
        assert_eq!((half.state, half.parts, half.uncertain), (State::Queued, 1, false));
        let whole = taken(half, &Receipt::sent("2"), EpochMs(11));
        assert_eq!((whole.state, whole.parts, whole.settled_at), (State::Sent, 2, Some(EpochMs(11))));
        assert_eq!(again(whole, EpochMs(12)), None);
        let again = again(given_up, EpochMs(GIVE_UP_MS * 2)).unwrap();
        assert_eq!((again.state, again.tries, again.uncertain), (State::Queued, 0, false));
    }
}
