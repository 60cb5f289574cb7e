//! Somebody of the team whose telephone we rang in vain calls in (R55).
//!
//! 1. Their number, or the telephone they registered, is one of the policy, and an offer to it was missed lately whose
//!    case is still open.
//! 2. They are told that a case waits, and nothing of it: caller ids can be forged, and the line may be bad.
//! 3. A 1: they hear the case, and its customer is called beside them, as when a teammate asks for it over the API.
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
use super::super::super::front_desk::FrontDesk;
use super::super::super::offer::Offer;
use super::super::super::phrases;
use super::call_back::CallBack;
use super::line::{Leg, Line, LineEvent};
use super::person::{Person, Standing};

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

/// The case that waits for whoever calls; `None` for everybody but a member of the team who missed one.
pub async fn pending(desk: &FrontDesk, info: &CallInfo) -> Option<CallBackOrder> {
    let policy = desk.agent.load().escalation.clone();
    let teammate = caller_of_the_team(desk, &policy, info)?;
    match missed_case(desk, &policy, teammate).await {
        Ok(order) => order,
        Err(error) => {
            warn!(%error, "Whether a colleague missed a case cannot be looked up");
            None
        }
    }
}

/// Who calls, where it is somebody of the policy. An address that did not register with us proves nothing.
fn caller_of_the_team(desk: &FrontDesk, policy: &EscalationPolicy, info: &CallInfo) -> Option<Party> {
    let now = desk.clock.epoch();
    let telephones = || {
        let rungs = policy.ladder.iter().flat_map(|rung| rung.action.targets());
        rungs.chain(policy.people.iter().flat_map(|person| &person.destinations))
    };
    let is_theirs = |target: &&Target| match target {
        Target::Number(number) => info.from.as_ref().is_some_and(|from| from.number.as_ref() == Some(number)),
        Target::Sip(address) => desk.settings.own_phones.contains(&info.trunk) && user_of(address) == Some(&info.trunk),
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
pub async fn offer_case(desk: &Arc<FrontDesk>, order: CallBackOrder, incoming: IncomingCall) -> CalledIn {
    let now = desk.clock.now();
    let ring = Ring {
        attempt: AttemptNo(1),
        person: order.teammate.person.clone(),
        destination: order.teammate.destinations[0].clone(),
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
    leg.say(now, &[phrases::STAFF_CASE_WAITS.to_owned()]);
    match choice(desk, &mut leg).await {
        Choice::Takes => {
            info!("A colleague who missed a case takes it");
            leg.listen(desk);
            take(desk, order, leg, standing, &ring).await;
            CalledIn::Over
        }
        Choice::GoesOn => {
            leg.mouth.stop();
            let (dialog, events, leg) = leg.back(|id, ears, events, control| MediaLeg {
                id,
                advertised,
                advertised_rtcp,
                ears,
                events,
                control,
            });
            let incoming = Box::new(IncomingCall { info, leg, dialog, events });
            CalledIn::GoesOn { incoming, is_answered: true }
        }
        Choice::Left => CalledIn::Over,
    }
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
    loop {
        tokio::select! {
            event = leg.next() => match event {
                LineEvent::Leg(Some(LegEvent::Key(key))) => {
                    return if key.0 == b'1' { Choice::Takes } else { Choice::GoesOn };
                }
                LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                    if leg.mouth.play_ended(utterance, complete).is_some() {
                        until = desk.clock.now() + KEY_WAIT;
                    }
                }
                LineEvent::Mouth(Some(_)) => until = desk.clock.now() + KEY_WAIT,
                LineEvent::Leg(None) | LineEvent::Dialog(None | Some(DialogEvent::Ended(_))) => return Choice::Left,
                // Words are no choice here: whoever talks wants to talk.
                LineEvent::Leg(Some(_))
                | LineEvent::Dialog(Some(_))
                | LineEvent::Dialled(_)
                | LineEvent::Mouth(None)
                | LineEvent::Heard(_)
                | LineEvent::Transcript(_) => {}
            },
            () = tokio::time::sleep_until(until.into()) => return Choice::GoesOn,
        }
    }
}

async fn take(desk: &Arc<FrontDesk>, order: CallBackOrder, leg: Leg, standing: Standing, ring: &Ring) {
    let id = CallId(desk.ids.next());
    let attempt = Attempt {
        id: AttemptId(desk.ids.next()),
        call: id,
        destination: ring.destination.clone().into(),
        started_at: desk.clock.epoch(),
        ring_ms: None,
        outcome: None,
        said: None,
    };
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
