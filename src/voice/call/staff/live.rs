//! Cases of callers who are on the line, and who of the team was rung for them in vain (R55).
//!
//! A call lists itself with the first offer that somebody missed, and takes itself out when a person has taken it or it
//! ends. Whoever calls in meanwhile is handed to it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::domain::escalation::Target;
use crate::domain::ids::CallId;

use super::line::Leg;
use super::person::Standing;

/// All such cases of this node.
#[derive(Default)]
pub struct LiveCases(Mutex<Vec<LiveCase>>);

struct LiveCase {
    call: CallId,
    missed: Vec<Target>,
    door: Door,
}

/// The way to one of these calls.
#[derive(Clone)]
pub(in super::super) struct Door(mpsc::Sender<CameIn>);

/// Somebody who was rung in vain, has called in, and wants the case.
pub(in super::super) struct CameIn {
    /// Who, where the policy says.
    pub(super) person: Option<String>,
    /// The telephone that was rung.
    pub(super) telephone: Target,
    /// Their leg, which is up.
    pub(super) leg: Box<Leg>,
    /// They are engaged while it stands.
    pub(super) standing: Standing,
}

impl Door {
    /// And its other side.
    pub fn new() -> (Door, mpsc::Receiver<CameIn>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Door(sender), receiver)
    }

    /// Hands somebody to the call; gives them back when it is over.
    pub fn enter(&self, who: CameIn) -> Result<(), CameIn> {
        self.0.try_send(who).map_err(|refused| match refused {
            TrySendError::Full(who) | TrySendError::Closed(who) => who,
        })
    }
}

impl LiveCases {
    /// An offer of this call to this telephone was missed.
    pub(in super::super) fn missed(&self, call: CallId, telephone: Target, door: &Door) {
        let mut cases = self.lock();
        match cases.iter_mut().find(|case| case.call == call) {
            Some(case) if case.missed.contains(&telephone) => {}
            Some(case) => case.missed.push(telephone),
            None => cases.push(LiveCase { call, missed: vec![telephone], door: door.clone() }),
        }
    }

    /// A person has the call, or it is over.
    pub(in super::super) fn settled(&self, call: CallId) {
        self.lock().retain(|case| case.call != call);
    }

    /// The newest case for which one of these telephones was rung in vain, and which of them.
    pub(super) fn of(&self, telephones: &[Target]) -> Option<(Door, Target)> {
        let cases = self.lock();
        cases.iter().rev().find_map(|case| {
            let telephone = case.missed.iter().find(|missed| telephones.contains(missed))?;
            Some((case.door.clone(), telephone.clone()))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LiveCase>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Colleagues who come in at the same moment; whoever else does is offered it as a case to call back.
const WAITING_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone_number::PhoneNumber;

    fn call(number: u128) -> CallId {
        CallId(uuid::Uuid::from_u128(number))
    }

    /// R55: a case is found by whoever missed it, until somebody has it.
    #[test]
    fn the_newest_case_that_a_telephone_missed_is_found_until_it_is_settled() {
        let (cases, (door, _calls)) = (LiveCases::default(), Door::new());
        let anna = Target::Sip("sip:anna@desk".into());
        let mobile = Target::Number(PhoneNumber::parse("+4930901820", None).unwrap());
        cases.missed(call(1), anna.clone(), &door);
        cases.missed(call(1), anna.clone(), &door);
        cases.missed(call(2), mobile.clone(), &door);
        let found = |telephones: &[Target]| cases.of(telephones).map(|(_, telephone)| telephone);
        assert!(found(&[anna.clone(), mobile.clone()]) == Some(mobile.clone()), "the newest one");
        assert!(found(&[Target::Sip("sip:bert@desk".into())]).is_none());
        cases.settled(call(2));
        assert!(found(&[anna.clone(), mobile]) == Some(anna.clone()));
        cases.settled(call(1));
        assert!(found(&[anna]).is_none());
    }
}
