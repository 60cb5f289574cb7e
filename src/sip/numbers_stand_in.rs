//! Who calls whom, read simply until the numbers room is there.

use rsipstack::sip::Request;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};

use super::peers::Peer;
use crate::domain::phone_number::PhoneNumber;
use crate::seams::signaling::{CallInfo, Party};

pub(super) fn call_info(request: &Request, peer: &Peer) -> CallInfo {
    let from = request.from_header().ok().and_then(|from| from.typed().ok());
    let party = |uri: &rsipstack::sip::Uri, display_name: Option<String>| Party {
        number: uri.user().and_then(|user| PhoneNumber::parse(user, None).ok()),
        uri: uri.to_string(),
        display_name,
    };
    CallInfo {
        from: from.map(|from| party(&from.uri, from.display_name.clone())),
        to: party(&request.uri, None),
        trunk: peer.name.clone(),
        sip_call_id: request.call_id_header().map(|id| id.value().to_owned()).unwrap_or_default(),
        diverted_by: None,
    }
}
