//! Somebody of the team whose telephone we rang in vain calls in (R55).
//!
//! 1. The telephone they registered, or their number where the trunk vouches for it, is one of the policy, and an offer
//!    to it was missed: of a caller who is still on the line, or lately of a case that is still open. A number that
//!    nobody vouches for can be forged: such a call is anybody's, and hears nothing of any case.
//! 2. They are told that a case waits, and nothing of it: somebody else may have picked up their telephone.
//! 3. A 1 or "take it": with the caller still there they go on as if they had picked up then (`climbing.rs`); otherwise
//!    they hear the case, and its customer is called beside them, as when a teammate asks for it over the API.
//!    Anything else: their call goes on as anybody's.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::domain::call::Attempt;
use crate::domain::callback_number::CallbackNumber;
use crate::domain::conversation::Handler;
use crate::domain::escalation::{EscalationPolicy, Target, TransferBy};
use crate::domain::escalation_check::Facts;
use crate::domain::ids::{AttemptId, CallId};
use crate::domain::ladder::{AttemptNo, Ring};
use crate::domain::on_duty::{self, Party};
use crate::domain::time::EpochMs;
use crate::seams::media::{LegEvent, MediaLeg};
use crate::seams::signaling::{CallInfo, Dialog, DialogEvent, IncomingCall, OutgoingCall, SignalingError};
use crate::seams::store::StoreError;

use super::super::super::call_back::CallBackOrder;
use super::super::super::ear::{Ear, EarEvent};
use super::super::super::front_desk::FrontDesk;
use super::super::super::offer::{Offer, spoken_choice};
use super::super::super::phrases;
use super::call_back::CallBack;
use super::line::{Leg, Line, LineEvent};
use super::person::{Person, Standing};
use super::{CameIn, Door};

/// What became of such a call.
pub enum CalledIn {
    /// They took the case, or hung up.
    Over,
    /// To be gone on with as anybody's.
    GoesOn {
        /// The call.
        incoming: Box<IncomingCall>,
        /// Whether it was answered.
        is_answered: bool,
    },
}

/// What waits for a member of the team who missed it.
pub struct Pending {
    teammate: Party,
    case: Case,
}

enum Case {
    /// Its caller is on the line; the telephone of theirs that was rung.
    Live(Door, Target),
    /// Its customer is to be called.
    Open(Box<CallBackOrder>),
}

/// The case that waits for whoever calls; `None` for everybody but a member of the team who missed one.
pub async fn pending(desk: &FrontDesk, info: &CallInfo) -> Option<Pending> {
    let policy = desk.agent.load().escalation.clone();
    let (own_phones, now) = (&desk.settings.own_phones, desk.clock.epoch());
    let teammate = caller_of_the_team(own_phones, &policy, info, now)?;
    if let Some((door, telephone)) = desk.live_cases.of(&teammate.destinations) {
        return Some(Pending { teammate, case: Case::Live(door, telephone) });
    }
    let case = open_case(desk, &policy, &teammate).await?;
    Some(Pending { teammate, case: Case::Open(Box::new(case)) })
}

async fn open_case(desk: &FrontDesk, policy: &EscalationPolicy, teammate: &Party) -> Option<CallBackOrder> {
    match missed_case(desk, policy, teammate.clone()).await {
        Ok(order) => order,
        Err(error) => {
            warn!(%error, "Whether a colleague missed a case cannot be looked up");
            None
        }
    }
}

/// Who calls, where it is somebody of the policy and that is certain: an address that did not register with us proves
/// nothing, nor does a number that only the caller's side names.
fn caller_of_the_team(
    own_phones: &[String],
    policy: &EscalationPolicy,
    info: &CallInfo,
    now: EpochMs,
) -> Option<Party> {
    let telephones = || {
        let rungs = policy.ladder.iter().flat_map(|rung| rung.action.targets());
        rungs.chain(policy.people.iter().flat_map(|person| &person.destinations))
    };
    let is_theirs = |target: &&Target| match target {
        Target::Number(number) => {
            info.is_vouched && info.from.as_ref().is_some_and(|from| from.number.as_ref() == Some(number))
        }
        Target::Sip(address) => own_phones.contains(&info.trunk) && user_of(address) == Some(&info.trunk),
        Target::Person(_) | Target::Rota(_) => false,
    };
    let telephone = telephones().find(is_theirs)?;
    let party = on_duty::named(policy, telephone, now)?;
    match &party.person {
        // An offer to any telephone of theirs was one to them.
        Some(person) => on_duty::named(policy, &Target::Person(person.clone()), now),
        None => Some(party),
    }
}

fn user_of(address: &str) -> Option<&str> {
    address.strip_prefix("sip:")?.split('@').next()
}

async fn missed_case(
    desk: &FrontDesk,
    policy: &EscalationPolicy,
    teammate: Party,
) -> Result<Option<CallBackOrder>, StoreError> {
    let since = EpochMs(desk.clock.epoch().0 - MISSED_LATELY_MS);
    let telephones: Vec<String> = teammate.destinations.iter().cloned().map(String::from).collect();
    let agent = desk.agent.load().id;
    let Some(ticket) = desk.store.missed_by(agent, &telephones, since).await? else { return Ok(None) };
    let facts = Facts {
        own_numbers: desk.settings.own_numbers.clone(),
        home_country: desk.settings.home_country.clone(),
        ..Facts::default()
    };
    // Without a number that may be dialled there is nothing to offer but words, which the inbox holds.
    let Ok(customer) = CallbackNumber::of(&ticket, policy, &facts) else { return Ok(None) };
    let Some(view) = desk.store.conversation(ticket.conversation).await? else { return Ok(None) };
    let conversation = view.conversation;
    if conversation.handler == Handler::Human {
        return Ok(None);
    }
    let summary = conversation.summary.clone().unwrap_or_else(|| ticket.reason.clone());
    Ok(Some(CallBackOrder { ticket, conversation, teammate, customer, summary }))
}

/// Answers, tells them that a case waits, and does as they choose.
pub async fn offer_case(desk: &Arc<FrontDesk>, pending: Pending, incoming: IncomingCall) -> CalledIn {
    let now = desk.clock.now();
    let Pending { teammate, case } = pending;
    let (telephone, words) = match &case {
        Case::Live(_, telephone) => (telephone.clone(), phrases::STAFF_CALLER_WAITS),
        Case::Open(_) => (teammate.destinations[0].clone(), phrases::STAFF_CASE_WAITS),
    };
    let ring = Ring {
        attempt: AttemptNo(1),
        person: teammate.person.clone(),
        destination: telephone,
        ring_time: KEY_WAIT,
        transfer: TransferBy::Bridged,
    };
    let offered = desk.offers().offer(now, &ring);
    let Ok(offer) = offered else {
        // Another call is being offered to them, or with them.
        return CalledIn::GoesOn { incoming: Box::new(incoming), is_answered: false };
    };
    let standing = Standing::new(desk, offer);
    let IncomingCall { info, leg, dialog, events } = incoming;
    if let Err(error) = answered(&*dialog).await {
        info!(%error, "The caller was gone before the call was answered");
        return CalledIn::Over;
    }
    let (advertised, advertised_rtcp) = (leg.advertised, leg.advertised_rtcp);
    let mut leg = Leg::of(OutgoingCall { leg, dialog, events }, desk);
    leg.listen(desk);
    leg.say(now, &[words.to_owned()]);
    let taken = match choice(desk, &mut leg).await {
        Choice::Takes => take(desk, teammate, case, leg, standing, ring).await,
        Choice::GoesOn => Some(leg),
        Choice::Left => None,
    };
    let Some(mut leg) = taken else { return CalledIn::Over };
    leg.mouth.stop();
    let (dialog, events, leg) =
        leg.back(|id, ears, events, control| MediaLeg { id, advertised, advertised_rtcp, ears, events, control });
    let incoming = Box::new(IncomingCall { info, leg, dialog, events });
    CalledIn::GoesOn { incoming, is_answered: true }
}

async fn answered(dialog: &dyn Dialog) -> Result<(), SignalingError> {
    dialog.ring().await?;
    dialog.answer().await
}

enum Choice {
    Takes,
    GoesOn,
    Left,
}

async fn choice(desk: &FrontDesk, leg: &mut Leg) -> Choice {
    let mut until = desk.clock.now() + LONGEST_SPEECH;
    let mut is_asked = false;
    loop {
        tokio::select! {
            event = leg.next() => match event {
                LineEvent::Leg(Some(LegEvent::Key(key))) => {
                    return if key.0 == b'1' { Choice::Takes } else { Choice::GoesOn };
                }
                LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                    if leg.mouth.play_ended(utterance, complete).is_some() {
                        (is_asked, until) = (true, desk.clock.now() + KEY_WAIT);
                        leg.ear.iter_mut().for_each(|ear| ear.agent_finished(desk.clock.now()));
                    }
                }
                LineEvent::Mouth(Some(_)) => (is_asked, until) = (true, desk.clock.now() + KEY_WAIT),
                LineEvent::Leg(None) | LineEvent::Dialog(None | Some(DialogEvent::Ended(_))) => return Choice::Left,
                LineEvent::Heard(frame) => {
                    leg.ear.iter_mut().for_each(|ear| {
                        ear.frame(desk.clock.now(), &frame);
                    });
                }
                LineEvent::Transcript(Some(event)) => {
                    leg.ear.iter_mut().for_each(|ear| ear.take(desk.clock.now(), event.clone()));
                }
                // Keys work.
                LineEvent::Transcript(None) => leg.ear = None,
                LineEvent::Leg(Some(_))
                | LineEvent::Dialog(Some(_))
                | LineEvent::Dialled(_)
                | LineEvent::Mouth(None) => {}
            },
            () = tokio::time::sleep_until(until.into()) => return Choice::GoesOn,
        }
        if let Some(choice) = spoken(leg, is_asked) {
            return choice;
        }
    }
}

/// What their words choose. Once they know what is asked, whoever says anything else wants something else.
fn spoken(leg: &mut Leg, is_asked: bool) -> Option<Choice> {
    while let Some(event) = leg.ear.as_mut().and_then(Ear::poll) {
        let EarEvent::TurnEnded(turn) = event else { continue };
        match spoken_choice(&turn.text, is_asked) {
            Some(b'1') => return Some(Choice::Takes),
            Some(_) => return Some(Choice::GoesOn),
            None if is_asked && !turn.text.trim().is_empty() => return Some(Choice::GoesOn),
            None => {}
        }
    }
    None
}

/// They take the case; their leg comes back when it is nobody's to take any more.
async fn take(
    desk: &Arc<FrontDesk>,
    teammate: Party,
    case: Case,
    leg: Leg,
    standing: Standing,
    ring: Ring,
) -> Option<Leg> {
    let (leg, standing, order) = match case {
        Case::Open(order) => (leg, standing, *order),
        Case::Live(door, telephone) => {
            info!("A colleague who was rung in vain takes the call");
            let who = CameIn { person: teammate.person.clone(), telephone, leg: Box::new(leg), standing };
            let Err(CameIn { leg, standing, .. }) = door.enter(who) else { return None };
            // The caller has hung up this moment, which leaves a case.
            let policy = desk.agent.load().escalation.clone();
            let Some(order) = open_case(desk, &policy, &teammate).await else { return Some(*leg) };
            (*leg, standing, order)
        }
    };
    info!("A colleague who missed a case takes it");
    call_back(desk, order, leg, standing, &ring).await;
    None
}

async fn call_back(desk: &Arc<FrontDesk>, order: CallBackOrder, leg: Leg, standing: Standing, ring: &Ring) {
    let id = CallId(desk.ids.next());
    let attempt = Attempt::begun(AttemptId(desk.ids.next()), id, ring.destination.clone().into(), desk.clock.epoch());
    CallBack::carry_out(desk.clone(), order, id, async |back| {
        let now = desk.clock.now();
        back.keep_attempt(attempt.clone());
        let offer = Offer::ring(back.terms(), now);
        let mut person = Person::new(ring.attempt, attempt, offer, Line::Up(Box::new(leg)), standing, now);
        person.takes_up(now).await;
        back.offered(person).await
    })
    .await;
}

/// An offer that was missed longer ago is found in the inbox: whoever calls then calls for another reason.
const MISSED_LATELY_MS: i64 = 30 * 60 * 1000;
/// How long a key is waited for after the question.
const KEY_WAIT: Duration = Duration::from_secs(4);
/// A guard: the question is one sentence.
const LONGEST_SPEECH: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone_number::PhoneNumber;
    use crate::seams::signaling::Party as Caller;

    const NUMBER: &str = "+4930901820";

    fn policy() -> EscalationPolicy {
        let written = serde_json::json!({
            "ladder": [{"do": "ring", "targets": ["person:anna", "sip:desk@example.org"]}],
            "people": [{"id": "anna", "name": "Anna", "destinations": ["sip:anna@example.org", NUMBER]}]
        });
        serde_json::from_value(written).unwrap()
    }

    fn who(trunk: &str, number: Option<&str>, is_vouched: bool) -> Option<Party> {
        let number = number.map(|number| PhoneNumber::parse(number, None).unwrap());
        let party = |number| Caller { number, uri: "sip:anna@example.org".into(), display_name: None };
        let info = CallInfo {
            from: Some(party(number)),
            is_vouched,
            to: party(None),
            trunk: trunk.into(),
            sip_call_id: String::new(),
            diverted_by: None,
            headers: Vec::new(),
        };
        caller_of_the_team(&["anna".into(), "desk".into()], &policy(), &info, EpochMs(0))
    }

    /// R55: a colleague is known by a number that the trunk vouches for, or by a telephone that registered with us.
    #[test]
    fn a_colleague_is_known_by_a_vouched_number_or_a_registered_telephone() {
        let by_number = who("carrier", Some(NUMBER), true).unwrap();
        assert_eq!((by_number.person.as_deref(), by_number.destinations.len()), (Some("anna"), 2));
        assert!(who("anna", None, false) == Some(by_number), "all telephones of theirs count");
        assert_eq!(who("desk", None, false).unwrap().person, None);
    }

    /// R55: a staff number that anybody could have written, and an address that did not register, are nobody's.
    #[test]
    fn a_forged_number_or_address_is_nobodys() {
        assert!(who("carrier", Some(NUMBER), false).is_none());
        assert!(who("carrier", None, true).is_none(), "an address of theirs by a trunk proves nothing");
        assert!(who("carrier", Some("+4930901899"), true).is_none());
    }
}
