use proptest::prelude::*;

use super::*;
use crate::domain::conversation::Channel;
use crate::domain::ids::{AgentId, InboxId};

const NOW: EpochMs = EpochMs(1_000);

fn fresh() -> Conversation {
    Conversation {
        id: ConversationId(uuid::Uuid::nil()),
        agent: AgentId(uuid::Uuid::nil()),
        inbox: InboxId(uuid::Uuid::nil()),
        channel: Channel::Api,
        status: Status::Open,
        handler: Handler::Bot,
        reason: None,
        summary: None,
        preview: false,
        version: 1,
        created_at: EpochMs(0),
        updated_at: EpochMs(0),
        casework: Default::default(),
    }
}

fn message() -> MessageId {
    MessageId(uuid::Uuid::nil())
}

fn ann() -> Actor {
    Actor::Teammate("ann".into())
}

fn by(act: &Act) -> Actor {
    match act {
        Act::CustomerWrote { .. } => Actor::Customer,
        Act::BotReplied { .. } | Act::BotHeld { .. } | Act::Drafted { .. } => Actor::Bot,
        Act::Woken => Actor::System,
        _ => ann(),
    }
}

fn after(acts: &[Act]) -> Conversation {
    acts.iter().fold(fresh(), |mut conversation, act| {
        apply(&mut conversation, act, &by(act), NOW).unwrap();
        conversation
    })
}

fn wrote() -> Act {
    Act::CustomerWrote { message: message() }
}

fn replied() -> Act {
    Act::BotReplied { message: message(), offered: None }
}

fn person_replied() -> Act {
    Act::TeammateReplied { message: message() }
}

/// R31: every label is derived from status and handler.
#[test]
fn the_labels_people_know_follow_from_status_and_handler() {
    let held = Act::BotHeld { why: "A refund.".into() };
    let rows: [(&[Act], &str, Option<&str>); 8] = [
        (&[wrote()], "Open", None),
        (&[wrote(), replied()], "Waiting on customer", None),
        (&[wrote(), held.clone()], "Needs human help", Some("Pending")),
        (&[wrote(), held.clone(), Act::TakenOver], "Open", Some("Active")),
        (&[wrote(), person_replied()], "Waiting on customer", Some("Active")),
        (&[wrote(), Act::Snoozed { until: EpochMs(2_000) }], "Snoozed", None),
        (&[wrote(), replied(), Act::Resolved], "Resolved", Some("Bot handled")),
        (&[wrote(), person_replied(), Act::Resolved], "Resolved", Some("Closed")),
    ];
    for (acts, status, handling) in rows {
        let conversation = after(acts);
        assert_eq!((status_label(conversation.status), handling_label(&conversation)), (status, handling), "{acts:?}");
    }
}

/// R31: a customer's reply reopens; who had the case has it again.
#[test]
fn a_customers_reply_reopens_what_was_resolved_put_aside_or_waiting() {
    let state = |acts: &[Act]| {
        let conversation = after(acts);
        (conversation.status, conversation.handler)
    };
    assert_eq!(state(&[wrote(), replied(), Act::Resolved, wrote()]), (Status::Open, Handler::Bot));
    assert_eq!(state(&[person_replied(), Act::Resolved, wrote()]), (Status::NeedsHuman, Handler::None));
    assert_eq!(state(&[person_replied(), wrote()]), (Status::Open, Handler::Human));
    assert_eq!(state(&[replied(), Act::Snoozed { until: EpochMs(9_000) }, wrote()]), (Status::Open, Handler::Bot));
    let held = Act::BotHeld { why: String::new() };
    assert_eq!(state(&[held, Act::Snoozed { until: EpochMs(9_000) }, Act::Woken]), (Status::NeedsHuman, Handler::None));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let rows: [(&[Act], Act, Refusal); 8] = [
        (&[Act::TakenOver], replied(), Refusal::BotIsSilent),
        (&[Act::BotHeld { why: String::new() }], replied(), Refusal::BotIsSilent),
        (&[Act::Resolved], replied(), Refusal::BotIsSilent),
        (&[Act::Resolved], Act::Resolved, Refusal::IsResolved),
        (&[], Act::Reopened, Refusal::NotResolved),
        (&[], Act::Released, Refusal::NotTaken),
        (&[], Act::Snoozed { until: NOW }, Refusal::PastTime),
        (&[Act::MergedInto { target: fresh().id }], Act::TakenOver, Refusal::Merged),
    ];
    for (before, act, refusal) in rows {
        let mut conversation = after(before);
        let unchanged = conversation.clone();
        assert_eq!(apply(&mut conversation, &act, &by(&act), NOW), Err(refusal), "{act:?}");
        assert_eq!(conversation, unchanged);
    }
}

#[test]
fn a_person_who_replies_has_the_case() {
    let conversation = after(&[wrote(), person_replied()]);
    assert_eq!(conversation.casework.assignee.as_deref(), Some("ann"));
    assert_eq!(conversation.handler, Handler::Human);
    let released = after(&[wrote(), person_replied(), Act::Released, wrote(), replied()]);
    assert_eq!((released.handler, released.casework.assignee), (Handler::Bot, None));
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(wrote()),
        Just(replied()),
        Just(Act::BotHeld { why: "It is a refund.".into() }),
        Just(Act::Drafted { message: message() }),
        Just(Act::DraftApproved { message: message(), edited: true }),
        Just(Act::DraftDiscarded { message: message() }),
        Just(Act::TakenOver),
        Just(Act::Released),
        Just(Act::Assigned { to: None }),
        Just(person_replied()),
        Just(Act::Noted { message: message() }),
        (1i64..3_000).prop_map(|until| Act::Snoozed { until: EpochMs(until) }),
        Just(Act::Woken),
        Just(Act::Resolved),
        Just(Act::Reopened),
        Just(Act::MergedInto { target: ConversationId(uuid::Uuid::nil()) }),
    ]
}

proptest! {
    /// R31, R33: through any course of events the agent is silent from a takeover to a release, a resolved case has
    /// nobody at work, only a snoozed one has a time, and a person's part is never forgotten.
    #[test]
    fn the_agent_is_silent_while_a_person_has_the_case(acts in prop::collection::vec(any_act(), 0..60)) {
        let mut conversation = fresh();
        let mut persons = false;
        for act in &acts {
            let before = conversation.clone();
            let went = apply(&mut conversation, act, &by(act), NOW);
            if went.is_err() {
                prop_assert_eq!(&conversation, &before);
                continue;
            }
            match act {
                Act::TakenOver | Act::TeammateReplied { .. } => persons = true,
                Act::Released | Act::Resolved | Act::MergedInto { .. } => persons = false,
                Act::BotReplied { .. } | Act::BotHeld { .. } => prop_assert!(!persons),
                _ => {}
            }
            prop_assert!(!persons || !bot_may_speak(&conversation));
            let casework = &conversation.casework;
            prop_assert_eq!(casework.resolved_at.is_some(), conversation.status == Status::Resolved);
            prop_assert_eq!(casework.snoozed_until.is_some(), conversation.status == Status::Snoozed);
            prop_assert!(conversation.status != Status::Resolved || conversation.handler == Handler::None);
            prop_assert!(casework.person_took_part || !before.casework.person_took_part);
        }
    }
}
