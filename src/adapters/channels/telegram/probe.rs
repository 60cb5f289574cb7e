//! Looking for a message of ours that may have been taken. In a private chat, what is newer than all that is known and
//! is ours can only be that message: it is edited into the text that it should have, which tells whether it is there.

use serde_json::Value;

use super::update::Place;
use crate::seams::channel::Delivery;

/// What an edit was answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// The message is ours and says that.
    Ours,
    /// There is none of that id, or it is somebody else's.
    NotOurs,
    /// Neither: it has to be asked again.
    Nothing,
}

/// Chat and message of a name.
pub fn ids(external_id: &str) -> Option<(i64, i64)> {
    let (chat, message) = external_id.split_once(':')?;
    Some((chat.parse().ok()?, message.parse().ok()?))
}

/// The ids it may have, the nearest first; `None` where it cannot be looked for. `newest` is the highest id seen in any
/// private chat, all of which share one count.
pub fn candidates(place: &Place, delivery: &Delivery, newest: i64) -> Option<Vec<i64>> {
    if !place.is_private() {
        return None;
    }
    let named = delivery.earlier.iter().filter_map(|earlier| Some((ids(&earlier.external_id)?, earlier.ours)));
    let parts = delivery.parts_named.iter().filter_map(|name| Some((ids(name)?, true)));
    let known: Vec<(i64, bool)> =
        named.chain(parts).filter(|((chat, _), _)| *chat == place.chat).map(|((_, id), ours)| (id, ours)).collect();
    // It was sent after our last word, or after the customer's first.
    let last_of_ours = known.iter().filter(|(_, ours)| *ours).map(|(id, _)| *id).max();
    let from = last_of_ours.or_else(|| known.iter().map(|(id, _)| *id).min())?;
    let to = known.iter().map(|(id, _)| *id).max()?.max(newest) + BEYOND;
    let ids = (from + 1..=to).filter(|id| !known.iter().any(|(known, _)| known == id));
    let ids: Vec<i64> = ids.take(PROBES_MAX + 1).collect();
    (ids.len() <= PROBES_MAX).then_some(ids)
}

/// What an edit was answered (the descriptions are Telegram's own and have stood for years).
pub fn said(status: u16, body: &Value) -> Said {
    let words = body["description"].as_str().unwrap_or_default();
    match status {
        200 => Said::Ours,
        400 if words.contains("message is not modified") => Said::Ours,
        400 if words.contains("message to edit not found")
            || words.contains("message can't be edited")
            || words.contains("MESSAGE_ID_INVALID") =>
        {
            Said::NotOurs
        }
        _ => Said::Nothing,
    }
}

/// Ids beyond the highest that is known: a few chats go on at the same time.
const BEYOND: i64 = 8;
/// More cannot be asked within the time of one delivery.
const PROBES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_tells_whether_a_message_is_ours() {
        let refused = |words: &str| said(400, &json!({ "ok": false, "description": words }));
        assert_eq!(refused("Bad Request: message is not modified: specified new message content …"), Said::Ours);
        assert_eq!(refused("Bad Request: message to edit not found"), Said::NotOurs);
        assert_eq!(refused("Bad Request: message can't be edited"), Said::NotOurs);
        assert_eq!(refused("Bad Request: chat not found"), Said::Nothing);
        assert_eq!(said(429, &json!({})), Said::Nothing);
    }
}
