//! Whom we are ringing at present, so that a call which they divert back to us is known; and for whom they were rung
//! lately, so that a call of theirs can be joined with that caller's (R55).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::grammar;
use crate::domain::ids::LegId;
use crate::seams::signaling::{Destination, Party};

/// Those who are being rung.
#[derive(Clone, Default)]
pub(super) struct Ringing(Arc<Mutex<Lists>>);

#[derive(Default)]
struct Lists {
    /// And how often.
    now: HashMap<String, usize>,
    /// Beside whose leg, the last one at the end.
    lately: VecDeque<(String, LegId)>,
}

/// Calls that are looked back upon. A wrong guess costs nothing: the leg then has some thread, as any other.
const LATELY: usize = 256;

/// One who is being rung, until this is dropped.
pub(super) struct Rung {
    all: Ringing,
    who: String,
}

impl Ringing {
    /// Somebody is rung from now on, for the caller behind a leg where there is one.
    pub fn begin(&self, destination: &Destination, beside: Option<LegId>) -> Rung {
        let who = match destination {
            Destination::Number(number) => number.as_str().to_owned(),
            Destination::Uri(uri) => address_of(uri),
            Destination::Emergency(digits) => digits.clone(),
        };
        let mut lists = self.lock();
        *lists.now.entry(who.clone()).or_default() += 1;
        if let Some(leg) = beside {
            lists.lately.truncate(LATELY - 1);
            lists.lately.push_front((who.clone(), leg));
        }
        drop(lists);
        Rung { all: self.clone(), who }
    }

    /// The leg for whose caller this party was rung last; a telephone of our own is known by its name alone.
    pub fn was_rung_for(&self, party: &Party, own_phone: Option<&str>) -> Option<LegId> {
        let who = who_is(party);
        let is_theirs = |rung: &str| {
            rung == who || own_phone.is_some_and(|phone| rung.split('@').next() == Some(&*phone.to_ascii_lowercase()))
        };
        self.lock().lately.iter().find(|(rung, _)| is_theirs(rung)).map(|(_, leg)| *leg)
    }

    /// Whether somebody is rung; as [`who_is`] says it.
    pub fn is_rung(&self, who: &str) -> bool {
        self.lock().now.contains_key(who)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Rung {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(count) = all.now.get_mut(&self.who) else { return };
        *count -= 1;
        if *count == 0 {
            all.now.remove(&self.who);
        }
    }
}

/// A party by its number, or by its address where that holds none.
pub(super) fn who_is(party: &Party) -> String {
    party.number.as_ref().map_or_else(|| address_of(&party.uri), |number| number.as_str().to_owned())
}

/// User and host, without scheme, port and parameters.
fn address_of(uri: &str) -> String {
    let uri = grammar::address(uri).map_or(uri, |address| address.uri);
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let (user, host) = rest.split_once('@').unwrap_or(("", rest));
    let host = host.split([';', '?', ':', '>']).next().unwrap_or_default();
    format!("{user}@{host}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_rung_until_the_last_call_to_them_ends() {
        let ringing = Ringing::default();
        let first = ringing.begin(&Destination::Uri("sip:Anna@pbx.example:5070;transport=tcp".into()), None);
        let second = ringing.begin(&Destination::Uri("sip:anna@pbx.example".into()), None);
        drop(first);
        assert!(ringing.is_rung("anna@pbx.example") && !ringing.is_rung("bert@pbx.example"));
        drop(second);
        assert!(!ringing.is_rung("anna@pbx.example"));
    }

    #[test]
    fn whoever_was_rung_is_found_beside_the_caller_they_were_rung_for() {
        let (ringing, leg) = (Ringing::default(), |number| LegId(uuid::Uuid::from_u128(number)));
        let party = |uri: &str| Party { number: None, uri: uri.into(), display_name: None };
        drop(ringing.begin(&Destination::Uri("sip:anna@desk.example".into()), Some(leg(1))));
        drop(ringing.begin(&Destination::Uri("sip:anna@desk.example".into()), Some(leg(2))));
        let anna = party("sip:anna@desk.example:5080");
        assert_eq!(ringing.was_rung_for(&anna, None), Some(leg(2)));
        assert_eq!(ringing.was_rung_for(&party("sip:7@192.0.2.9"), Some("anna")), Some(leg(2)));
        assert_eq!(ringing.was_rung_for(&party("sip:bert@desk.example"), None), None);
        for number in 10..10 + LATELY as u128 {
            drop(ringing.begin(&Destination::Uri("sip:bert@desk.example".into()), Some(leg(number))));
        }
        assert_eq!(ringing.was_rung_for(&anna, None), None, "what is remembered is bounded");
    }
}
