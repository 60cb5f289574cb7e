//! What the caller and those who are rung are told as the ladder goes on.
//!
//! Pure: the driver and the simulation run the same one.

use crate::domain::call::AttemptOutcome;
use crate::domain::ladder::Ring;

use super::flow::Input;
use super::offer::OfferInput;

/// One ladder's rounds so far.
#[derive(Default)]
pub struct Rounds {
    /// Whose telephones rang, to tell the caller of somebody new only.
    rung: Vec<Option<String>>,
    /// The joined person passed the call on, which the caller has not been told yet.
    passed_on: bool,
    /// The ladder was stopped because the caller hung up.
    caller_gone: bool,
}

impl Rounds {
    /// These are rung now: what the caller's flow is to know of it. Nothing is said into what `we_speak`.
    pub fn ring(&mut self, rings: &[Ring], we_speak: bool) -> Option<Input> {
        let is_first = self.rung.is_empty();
        let is_new = rings.iter().any(|ring| ring.person.is_none() || !self.rung.contains(&ring.person));
        self.rung.extend(rings.iter().map(|ring| ring.person.clone()));
        if std::mem::take(&mut self.passed_on) {
            Some(Input::PassedOn)
        } else {
            (!is_first && is_new && !we_speak).then_some(Input::TryingNext)
        }
    }

    /// The joined person passes the call on.
    pub fn passes_on(&mut self) {
        self.passed_on = true;
    }

    /// The caller has hung up.
    pub fn caller_gone(&mut self) {
        self.caller_gone = true;
    }

    /// What is told to a person who is let go, whose attempt ends so.
    pub fn let_go(&self, outcome: AttemptOutcome) -> OfferInput {
        match outcome {
            AttemptOutcome::Superseded => OfferInput::Superseded,
            AttemptOutcome::CallerHungUp if self.caller_gone => OfferInput::CallerGone,
            AttemptOutcome::CallerHungUp => OfferInput::NotNeeded,
            _ => OfferInput::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::escalation::{Target, TransferBy};
    use crate::domain::ladder::AttemptNo;

    fn ring(person: Option<&str>) -> Ring {
        Ring {
            attempt: AttemptNo(1),
            person: person.map(str::to_owned),
            destination: Target::Sip("sip:anna@desk".into()),
            ring_time: Duration::from_secs(18),
            transfer: TransferBy::Bridged,
        }
    }

    /// R58: a caller is told of somebody else only where it is somebody else.
    #[test]
    fn the_caller_is_told_of_somebody_new_and_of_a_call_that_is_passed_on() {
        let mut rounds = Rounds::default();
        assert!(rounds.ring(&[ring(Some("anna"))], false).is_none(), "they know of the first");
        assert!(rounds.ring(&[ring(Some("anna"))], false).is_none(), "her next telephone");
        assert!(rounds.ring(&[ring(Some("ben"))], true).is_none(), "we are speaking");
        assert!(matches!(rounds.ring(&[ring(Some("cleo"))], false), Some(Input::TryingNext)));
        rounds.passes_on();
        assert!(matches!(rounds.ring(&[ring(Some("cleo"))], true), Some(Input::PassedOn)));
    }

    #[test]
    fn who_is_let_go_is_told_why() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.let_go(AttemptOutcome::CallerHungUp), OfferInput::NotNeeded);
        rounds.caller_gone();
        assert_eq!(rounds.let_go(AttemptOutcome::CallerHungUp), OfferInput::CallerGone);
        assert_eq!(rounds.let_go(AttemptOutcome::Superseded), OfferInput::Superseded);
        assert_eq!(rounds.let_go(AttemptOutcome::Lost), OfferInput::Failed);
    }
}
