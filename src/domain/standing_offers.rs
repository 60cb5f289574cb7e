//! Who is being offered a call at present, over all calls of this node: a person is offered one at a time (R53), and
//! neither callers nor people can be made to escalate or be rung without end (R52).
//!
//! Pure: whoever shares it among calls puts a lock around it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::escalation::{EscalationPolicy, Target};
use super::ladder::{self, Outlook, Ring};
use super::on_duty::Party;
use super::time::EpochMs;

/// Offers that stand, and how often there were some lately.
#[derive(Debug, Default)]
pub struct StandingOffers {
    standing: HashMap<OfferNo, Standing>,
    last: u64,
    /// When each source escalated lately.
    escalated: HashMap<String, VecDeque<Instant>>,
    /// When each telephone was rung lately.
    rung: HashMap<Target, VecDeque<Instant>>,
}

/// Names a standing offer until it is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfferNo(u64);

/// Why nobody is offered anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// They are being offered, or have taken, another call.
    #[error("somebody else's call is with this person")]
    Engaged,
    /// They were rung as often lately as they may be.
    #[error("this person was rung too often lately")]
    TooOften,
}

/// A caller, as far as their escalations are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    most: usize,
}

impl Source {
    /// Whoever calls from this address; those who withhold theirs are counted together, by the trunk they come by.
    pub fn of(caller: Option<&str>, trunk: &str) -> Source {
        match caller {
            Some(caller) => Source { name: caller.to_owned(), most: ESCALATIONS_PER_SOURCE },
            None => Source { name: format!("withheld, by {trunk}"), most: ESCALATIONS_WITHHELD },
        }
    }
}

#[derive(Debug)]
struct Standing {
    person: Option<String>,
    destination: Target,
}

impl StandingOffers {
    /// Offers a call to the person behind this telephone, unless they have one already.
    pub fn offer(&mut self, now: Instant, ring: &Ring) -> Result<OfferNo, NotOffered> {
        let is_theirs = |standing: &Standing| {
            standing.destination == ring.destination || (standing.person.is_some() && standing.person == ring.person)
        };
        if self.standing.values().any(is_theirs) {
            return Err(NotOffered::Engaged);
        }
        if !count(&mut self.rung, ring.destination.clone(), now, RINGS_PER_PERSON) {
            return Err(NotOffered::TooOften);
        }
        self.last += 1;
        let number = OfferNo(self.last);
        let standing = Standing { person: ring.person.clone(), destination: ring.destination.clone() };
        self.standing.insert(number, standing);
        Ok(number)
    }

    /// The offer, or the talk that came of it, is over.
    pub fn withdraw(&mut self, offer: OfferNo) {
        self.standing.remove(&offer);
    }

    /// What a ladder could do for this caller now. Nobody is promised who is engaged or not `reachable`, nor anybody to a
    /// caller who has escalated as often as they may (R58).
    pub fn outlook(
        &self,
        now: Instant,
        source: &Source,
        policy: &EscalationPolicy,
        at: EpochMs,
        callback_after: bool,
        reachable: impl Fn(&Target) -> bool,
    ) -> Outlook {
        let outlook = ladder::outlook(policy, at, callback_after, |party| self.is_free(party, &reachable));
        let lately = |times: &VecDeque<Instant>| times.iter().filter(|time| !is_old(now, **time)).count();
        let escalated = self.escalated.get(&source.name).map_or(0, lately);
        Outlook { can_ring: outlook.can_ring && escalated < source.most, ..outlook }
    }

    fn is_free(&self, party: &Party, reachable: impl Fn(&Target) -> bool) -> bool {
        let is_with = |person: &Option<String>| person.is_some() && *person == party.person;
        !self.standing.values().any(|standing| is_with(&standing.person))
            && party.destinations.iter().any(|destination| !self.stands_for(destination) && reachable(destination))
    }

    /// Counts an escalation of this caller; false when they have had as many lately as they may.
    pub fn may_escalate(&mut self, now: Instant, source: &Source) -> bool {
        count(&mut self.escalated, source.name.clone(), now, source.most)
    }

    /// Whether this telephone is being rung or talked to by us: a call that comes from it, or was diverted by it, is
    /// our own coming back (R55).
    pub fn stands_for(&self, telephone: &Target) -> bool {
        self.standing.values().any(|standing| standing.destination == *telephone)
    }
}

/// Counts one more, unless there were `most` within the window already.
fn count<K: std::hash::Hash + Eq>(seen: &mut HashMap<K, VecDeque<Instant>>, key: K, now: Instant, most: usize) -> bool {
    if seen.len() >= KEPT_MAX {
        seen.retain(|_, times| times.back().is_some_and(|last| !is_old(now, *last)));
    }
    // With so many different ones within the window, another is counted nowhere and let through: a flood of sources
    // must not keep an honest caller from help, and the telephones have their own count.
    if seen.len() >= KEPT_MAX && !seen.contains_key(&key) {
        return true;
    }
    let times = seen.entry(key).or_default();
    while times.front().is_some_and(|first| is_old(now, *first)) {
        times.pop_front();
    }
    let may = times.len() < most;
    if may {
        times.push_back(now);
    }
    may
}

fn is_old(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) >= WINDOW
}

/// Over which escalations and rings are counted.
pub const WINDOW: Duration = Duration::from_secs(3600);
/// Escalations of one caller within the window: enough for a call that broke off and an honest second and third try.
pub const ESCALATIONS_PER_SOURCE: usize = 6;
/// Escalations of all callers of one trunk who withhold their number, together.
pub const ESCALATIONS_WITHHELD: usize = 60;
/// Rings of one telephone within the window: more than a busy hour brings, fewer than an attack would.
pub const RINGS_PER_PERSON: usize = 60;
/// Callers and telephones that are kept in mind; about 2 MB at most.
const KEPT_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ladder::AttemptNo;

    fn ring(person: Option<&str>, destination: &str) -> Ring {
        Ring {
            attempt: AttemptNo(1),
            person: person.map(str::to_owned),
            destination: Target::try_from(destination.to_owned()).unwrap(),
            ring_time: Duration::from_secs(18),
            transfer: Default::default(),
        }
    }

    /// P5: one person is wanted by two callers.
    #[test]
    fn a_person_is_offered_one_call_at_a_time_on_all_their_telephones() {
        let (mut offers, now) = (StandingOffers::default(), Instant::now());
        let first = offers.offer(now, &ring(Some("anna"), "sip:anna@desk")).unwrap();
        assert_eq!(offers.offer(now, &ring(Some("anna"), "+4930901820")), Err(NotOffered::Engaged));
        assert_eq!(offers.offer(now, &ring(None, "sip:anna@desk")), Err(NotOffered::Engaged));
        assert!(offers.offer(now, &ring(Some("ben"), "sip:ben@desk")).is_ok());
        offers.withdraw(first);
        assert!(offers.offer(now, &ring(Some("anna"), "+4930901820")).is_ok());
    }

    /// R52.
    #[test]
    fn a_source_cannot_escalate_without_end() {
        let (mut offers, now) = (StandingOffers::default(), Instant::now());
        let mut may = |now, caller| offers.may_escalate(now, &Source::of(Some(caller), "carrier"));
        for _ in 0..ESCALATIONS_PER_SOURCE {
            assert!(may(now, "+4930901899"));
        }
        assert!(!may(now, "+4930901899"));
        assert!(may(now, "+4930901898"), "others are not punished for it");
        assert!(may(now + WINDOW, "+4930901899"));
    }

    /// R58.
    #[test]
    fn nobody_is_promised_who_cannot_be_rung_now() {
        let (mut offers, now) = (StandingOffers::default(), Instant::now());
        let policy: EscalationPolicy = serde_json::from_value(serde_json::json!({
            "ladder": [{"do": "ring", "targets": ["person:anna"]}],
            "people": [{"id": "anna", "name": "Anna", "destinations": ["sip:anna@desk", "+4930901820"]}]
        }))
        .unwrap();
        let source = Source::of(Some("+4930901899"), "carrier");
        let can_ring = |offers: &StandingOffers, now, source: &Source| {
            let outlook = offers.outlook(now, source, &policy, EpochMs(0), false, |_| true);
            (outlook.can_ring, outlook.can_ring_in_danger)
        };
        let registered = |target: &Target| *target != Target::Sip("sip:anna@desk".into());
        assert!(offers.outlook(now, &source, &policy, EpochMs(0), false, registered).can_ring, "she has a number too");
        assert!(!offers.outlook(now, &source, &policy, EpochMs(0), false, |_| false).can_ring);
        assert_eq!(can_ring(&offers, now, &source), (true, true));
        let taken = offers.offer(now, &ring(Some("anna"), "sip:anna@desk")).unwrap();
        assert_eq!(can_ring(&offers, now, &source), (false, false), "she has a call");
        offers.withdraw(taken);
        while offers.may_escalate(now, &source) {}
        assert_eq!(can_ring(&offers, now, &source), (false, true), "danger is held to no count");
        assert_eq!(can_ring(&offers, now, &Source::of(None, "carrier")), (true, true));
        assert_eq!(can_ring(&offers, now + WINDOW, &source), (true, true));
    }

    /// R52.
    #[test]
    fn a_person_cannot_be_rung_without_end() {
        let (mut offers, now) = (StandingOffers::default(), Instant::now());
        for _ in 0..RINGS_PER_PERSON {
            let offer = offers.offer(now, &ring(None, "sip:anna@desk")).unwrap();
            offers.withdraw(offer);
        }
        assert_eq!(offers.offer(now, &ring(None, "sip:anna@desk")), Err(NotOffered::TooOften));
        assert!(offers.offer(now + WINDOW, &ring(None, "sip:anna@desk")).is_ok());
    }

    /// R55.
    #[test]
    fn a_telephone_that_we_ring_is_known_while_it_rings() {
        let (mut offers, now) = (StandingOffers::default(), Instant::now());
        let anna = ring(None, "+4930901820");
        let offer = offers.offer(now, &anna).unwrap();
        assert!(offers.stands_for(&anna.destination));
        offers.withdraw(offer);
        assert!(!offers.stands_for(&anna.destination));
    }
}
