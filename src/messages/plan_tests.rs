use super::*;
use crate::domain::agent::{OnUnresolved, ReplyMode};
use crate::domain::conversation::{Author, Channel, Handler, Status};
use crate::domain::ids::{AgentId, ConversationId, InboxId, MessageId};
use crate::domain::turn::{Decision, RiskTopic};

const NOW: EpochMs = EpochMs(1_000);

fn agent(on_unresolved: OnUnresolved) -> Agent {
    Agent { on_unresolved, ..Agent::automatic(AgentId(uuid::Uuid::nil()), "The Shop") }
}

fn conversation() -> Conversation {
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
        created_at: NOW,
        updated_at: NOW,
        casework: Default::default(),
    }
}

fn message(text: &str) -> Message {
    Message {
        id: MessageId(uuid::Uuid::nil()),
        conversation: conversation().id,
        author: Author::Customer,
        text: text.into(),
        heard_text: None,
        at: NOW,
        decision: None,
        timings: None,
        post: Default::default(),
    }
}

fn turn(verdict: Verdict, reason: Reason, sentences: &[&str]) -> Turn {
    let decision =
        Decision { verdict, reason, confidence: 0.3, sources: vec![], features: vec![], desk_ms: 0.0, writer: None };
    Turn { decision, sentences: sentences.iter().map(|text| (*text).to_owned()).collect(), offered: None }
}

fn planned(agent: &Agent, conversation: &Conversation, turn: &Turn) -> Plan {
    let message = message("Do you have the blue lamp?");
    let case = Case { agent, conversation, message: &message, history: &[], traits: ChannelTraits::API };
    plan(&case, turn)
}

fn held(plan: Plan) -> (Option<String>, Option<String>, Option<TicketKind>) {
    let Plan::Hold { told, draft, ticket, .. } = plan else { panic!("not held") };
    (told, draft, ticket)
}

/// R17, R18.
#[test]
fn a_clear_answer_goes_out_whole() {
    let sent = turn(Verdict::Send, Reason::ClearAndLowRisk, &["We open at nine.", "On Sundays at ten."]);
    let plan = planned(&agent(OnUnresolved::Flag), &conversation(), &sent);
    assert!(plan == Plan::Reply { text: "We open at nine. On Sundays at ten.".into(), offered: None });
}

/// R23–R26, for messages: escalate acts as flag, since there is nobody to transfer to.
#[test]
fn what_is_not_resolved_follows_the_admins_choice() {
    let not_known = turn(Verdict::Hold, Reason::NotKnown, &[]);
    for choice in [OnUnresolved::Flag, OnUnresolved::Escalate, OnUnresolved::Decide] {
        let (told, draft, ticket) = held(planned(&agent(choice), &conversation(), &not_known));
        assert_eq!((told.as_deref(), draft, ticket), (Some(PASSED_ON), None, Some(TicketKind::FollowUp)), "{choice:?}");
    }
    let nothing = planned(&agent(OnUnresolved::Nothing), &conversation(), &not_known);
    assert!(nothing == Plan::Reply { text: NO_RELIABLE_ANSWER.into(), offered: None });
    let refund = turn(Verdict::HandOff, Reason::Risk(RiskTopic::Refund), &["You have 30 days."]);
    let (_, draft, ticket) = held(planned(&agent(OnUnresolved::Nothing), &conversation(), &refund));
    assert_eq!((draft.as_deref(), ticket), (Some("You have 30 days."), None), "still marked for a person");
}

/// R17, R19, R21: nothing goes out from an agent that only drafts or is not published; the draft waits.
#[test]
fn an_agent_that_only_drafts_tells_the_customer_nothing() {
    let drafting = Agent { mode: ReplyMode::DraftOnly, ..agent(OnUnresolved::Nothing) };
    let unpublished = Agent { published: false, ..agent(OnUnresolved::Flag) };
    for (agent, reason) in [(drafting, Reason::DraftOnly), (unpublished, Reason::Unpublished)] {
        let turn = turn(Verdict::Hold, reason, &["We open at nine."]);
        let (told, draft, _) = held(planned(&agent, &conversation(), &turn));
        assert_eq!((told, draft.as_deref()), (None, Some("We open at nine.")));
    }
}

/// R33: beside a case that a person has, or that waits for one, there is a draft and never a reply.
#[test]
fn beside_a_persons_case_there_is_only_a_draft() {
    let sent = turn(Verdict::Send, Reason::ClearAndLowRisk, &["We open at nine."]);
    let talk = turn(Verdict::Send, Reason::NothingAsked, &["Hello!"]);
    for (status, handler) in [(Status::Open, Handler::Human), (Status::NeedsHuman, Handler::None)] {
        let conversation = Conversation { status, handler, ..conversation() };
        let plan = planned(&agent(OnUnresolved::Flag), &conversation, &sent);
        assert!(plan == Plan::Suggest { draft: "We open at nine.".into() });
        assert!(planned(&agent(OnUnresolved::Flag), &conversation, &talk) == Plan::Nothing);
    }
}

/// R57: who may be in danger is told the number at once, and a person takes the case.
#[test]
fn a_person_in_danger_is_answered_and_handed_on() {
    let danger = turn(Verdict::HandOff, Reason::Risk(RiskTopic::SelfHarm), &["Please call 112 now."]);
    let (told, draft, ticket) = held(planned(&agent(OnUnresolved::Nothing), &conversation(), &danger));
    assert_eq!((told.as_deref(), draft), (Some("Please call 112 now."), None));
    assert_eq!(ticket, Some(TicketKind::FollowUp));
}

/// R24, R55: a second matter joins the open ticket.
#[test]
fn a_ticket_has_what_is_known_and_a_second_matter_joins_it() {
    let (agent, conversation, message) = (agent(OnUnresolved::Flag), conversation(), message("My lamp broke."));
    let case = Case {
        agent: &agent,
        conversation: &conversation,
        message: &message,
        history: &[],
        traits: ChannelTraits::API,
    };
    let address = |kind, value: &str| crate::domain::contact::Address::parse(kind, value).unwrap();
    let contact = Contact {
        id: crate::domain::ids::ContactId(uuid::Uuid::nil()),
        agent: agent.id,
        name: Some("Ann".into()),
        addresses: vec![address(AddressKind::Email, "ann@example.com"), address(AddressKind::Phone, "+4930901820")],
        created_at: NOW,
    };
    let id = TicketId(uuid::Uuid::nil());
    let first = ticket(&case, Some(&contact), TicketKind::Callback, "Asked.", None, id, NOW);
    let fields: Vec<_> = first.fields.iter().map(|field| (&*field.name, &*field.value)).collect();
    let expected =
        [("name", "Ann"), ("email", "ann@example.com"), ("number", "+4930901820"), ("reason", "My lamp broke.")];
    assert_eq!(fields, expected);
    assert_eq!(first.callback.as_ref().map(|wish| wish.number.as_str()), Some("+4930901820"));
    let other = TicketId(uuid::Uuid::from_u128(9));
    let second = ticket(&case, None, TicketKind::Callback, "Again.", Some(&first), other, NOW);
    assert!(second.id == id && second.reason.contains("Again."));
}
