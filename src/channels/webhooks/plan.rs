//! What becomes of a post after a try. Pure.

use std::time::Duration;

use crate::domain::casework::Delivery;
use crate::domain::time::EpochMs;
use crate::domain::webhook::WebhookPost;
use crate::seams::webhooks::Posted;

/// The post as it is then, and whether its webhook is to be left alone for good (410).
pub fn after(post: WebhookPost, answered: &Result<Posted, String>, now: EpochMs, chance: f64) -> (WebhookPost, bool) {
    let (status, asked_s) = match answered {
        Ok(posted) => (Some(posted.status), posted.retry_after_s),
        Err(_) => (None, None),
    };
    let tried = WebhookPost { last_status: status, ..post };
    if status.is_some_and(|status| (200..300).contains(&status)) {
        return (WebhookPost { state: Delivery::Sent, last_error: None, settled_at: Some(now), ..tried }, false);
    }
    let why = match answered {
        Ok(posted) => format!("it answered {}", posted.status),
        Err(why) => why.clone(),
    };
    let gone = status == Some(410);
    let wait = pause(tried.tries, chance).max(Duration::from_secs(asked_s.unwrap_or(0).min(ASKED_S_MAX)));
    let due_at = EpochMs(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
    let tried = WebhookPost { last_error: Some(why), ..tried };
    match gone || due_at.0 - tried.posted_at.0 > GIVE_UP_MS {
        true => (WebhookPost { state: Delivery::Failed, settled_at: Some(now), ..tried }, gone),
        false => (WebhookPost { due_at, ..tried }, false),
    }
}

/// Once more, at somebody's order.
pub fn again(post: WebhookPost, now: EpochMs) -> WebhookPost {
    WebhookPost { state: Delivery::Queued, posted_at: now, due_at: now, tries: 0, settled_at: None, ..post }
}

/// As Standard Webhooks proposes, up to a day, and up to a fifth longer by chance.
fn pause(tries: u32, chance: f64) -> Duration {
    let step = PAUSES_S[(tries.max(1) as usize - 1).min(PAUSES_S.len() - 1)];
    Duration::from_secs(step).mul_f64(1.0 + chance.clamp(0.0, 1.0) / 5.0)
}

/// Seconds before the second try, the third …
const PAUSES_S: [u64; 6] = [5, 300, 1_800, 7_200, 18_000, 24_000];
/// Tries go on for a day, and a little for chance.
const GIVE_UP_MS: i64 = 24 * 3_600_000;
/// Nobody asks for more than the longest pause.
const ASKED_S_MAX: u64 = 24_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::WebhookId;

    fn tries_of(answered: &Result<Posted, String>, chance: f64) -> (WebhookPost, i64) {
        let (id, webhook) = (uuid::Uuid::from_u128(1), WebhookId(uuid::Uuid::from_u128(2)));
        let (kind, body) = ("a.b".to_owned(), "{}".to_owned());
        let mut post = WebhookPost {
            id,
            webhook,
            kind,
            body,
            state: Delivery::Queued,
            posted_at: EpochMs(0),
            due_at: EpochMs(0),
            tries: 0,
            last_status: None,
            last_error: None,
            settled_at: None,
        };
        let mut last = 0;
        while post.state == Delivery::Queued {
            last = post.due_at.0;
            post.tries += 1;
            post = after(post.clone(), answered, post.due_at, chance).0;
        }
        (post, last)
    }

    /// Tries go on for most of a day, further and further apart, and then end.
    #[test]
    fn a_post_is_tried_for_a_day() {
        let down = Err("no connection could be made".to_owned());
        for chance in [0.0, 0.5, 1.0] {
            let (post, last) = tries_of(&down, chance);
            assert!((6..=8).contains(&post.tries), "{}", post.tries);
            assert!((14 * 3_600_000..=GIVE_UP_MS).contains(&last), "{last}");
        }
        let taken = Ok(Posted { status: 204, retry_after_s: None });
        let (post, _) = tries_of(&taken, 0.0);
        assert_eq!((post.state, post.tries, post.last_error), (Delivery::Sent, 1, None));
        let gone = Ok(Posted { status: 410, retry_after_s: None });
        let (post, _) = tries_of(&gone, 0.0);
        assert_eq!((post.state, post.tries), (Delivery::Failed, 1));
        assert!(after(post, &gone, EpochMs(0), 0.0).1);
    }

    #[test]
    fn a_redirect_is_a_failure_and_a_wait_is_respected() {
        let (post, _) = tries_of(&Ok(Posted { status: 302, retry_after_s: None }), 0.0);
        assert_eq!((post.state, post.last_status), (Delivery::Failed, Some(302)));
        let fresh = again(post, EpochMs(7));
        let slow = Ok(Posted { status: 429, retry_after_s: Some(60) });
        assert_eq!(after(fresh, &slow, EpochMs(7), 0.0).0.due_at, EpochMs(60_007));
    }
}
