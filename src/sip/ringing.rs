//! Whom we are ringing at present, so that a call which they divert back to us is known (R55).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::grammar;
use crate::seams::signaling::{Destination, Party};

/// Those who are being rung, and how often.
#[derive(Clone, Default)]
pub(super) struct Ringing(Arc<Mutex<HashMap<String, usize>>>);

/// One who is being rung, until this is dropped.
pub(super) struct Rung {
    all: Ringing,
    who: String,
}

impl Ringing {
    /// Somebody is rung from now on.
    pub fn begin(&self, destination: &Destination) -> Rung {
        let who = match destination {
            Destination::Number(number) => number.as_str().to_owned(),
            Destination::Uri(uri) => address_of(uri),
            Destination::Emergency(digits) => digits.clone(),
        };
        *self.lock().entry(who.clone()).or_default() += 1;
        Rung { all: self.clone(), who }
    }

    /// Whether somebody is rung; as [`who_is`] says it.
    pub fn is_rung(&self, who: &str) -> bool {
        self.lock().contains_key(who)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Rung {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(count) = all.get_mut(&self.who) else { return };
        *count -= 1;
        if *count == 0 {
            all.remove(&self.who);
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
        let first = ringing.begin(&Destination::Uri("sip:Anna@pbx.example:5070;transport=tcp".into()));
        let second = ringing.begin(&Destination::Uri("sip:anna@pbx.example".into()));
        drop(first);
        assert!(ringing.is_rung("anna@pbx.example") && !ringing.is_rung("bert@pbx.example"));
        drop(second);
        assert!(!ringing.is_rung("anna@pbx.example"));
    }
}
