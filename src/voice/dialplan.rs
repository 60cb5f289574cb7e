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

/// Reads as numbers what the trunk's rules left as digits, where the plan names the country (R49).
pub fn read_at_home(info: &mut CallInfo, home_country: Option<&str>) {
    let parties = info.from.iter_mut().chain([&mut info.to]).chain(info.diverted_by.iter_mut());
    for party in parties {
        if party.number.is_none() {
            party.number = Address::read(&party.uri, home_country).number;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// R49: a caller that no trunk's country reads is read by the plan's, as `dialplan try` does.
    #[test]
    fn a_callers_digits_are_read_by_the_country_of_the_plan() {
        let party = |uri: &str| Party { number: None, uri: uri.into(), display_name: None };
        let read = |home: Option<&str>| {
            let mut info = CallInfo {
                from: Some(party("sip:030901820@192.0.2.7:5060;user=phone")),
                is_vouched: false,
                to: party("sip:100@pbx"),
                trunk: "carrier".into(),
                sip_call_id: String::new(),
                diverted_by: None,
                headers: Vec::new(),
            };
            read_at_home(&mut info, home);
            assert!(info.to.number.is_none(), "a short number is none");
            info.from.and_then(|from| from.number).map(|number| number.as_str().to_owned())
        };
        assert_eq!(read(Some("DE")).as_deref(), Some("+4930901820"));
        assert_eq!(read(None), None);
    }
}
