//! The dialplan at the front desk: what is running, and what is known of a call before it is answered.

use std::collections::HashMap;
use std::sync::Arc;

use media::Clip;

use crate::domain::dialplan::{Address, CallFacts, Plan};
use crate::seams::signaling::{CallInfo, Party};

use super::front_desk::FrontDesk;

/// A checked plan and its sound files.
pub struct Dialplan {
    /// Where calls go.
    pub plan: Arc<Plan>,
    /// Sound files by the names that the plan has for them.
    pub sounds: HashMap<String, Clip>,
}

/// What the plan is asked about.
pub fn facts(desk: &FrontDesk, info: &CallInfo) -> CallFacts {
    let caller = info.from.as_ref().map(address);
    let number = caller.as_ref().and_then(|caller| caller.number.as_ref());
    CallFacts {
        called: address(&info.to),
        from_ourselves: number.is_some_and(|number| desk.settings.own_numbers.contains(number))
            || desk.is_our_own(info),
        caller,
        trunk: info.trunk.clone(),
        own_phone: desk.settings.own_phones.contains(&info.trunk),
        headers: info.headers.clone(),
        diverted_by: info.diverted_by.as_ref().map(address),
    }
}

/// What the trunk's own rules read as a number stays that; the address gives the rest.
fn address(party: &Party) -> Address {
    let read = Address::read(&party.uri, None);
    Address { number: party.number.clone(), ..read }
}
