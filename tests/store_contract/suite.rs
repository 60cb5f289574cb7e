//! The behaviours. Each takes a store without rows.

use std::collections::BTreeSet;

use switchboard::domain::call::{Attempt, AttemptOutcome, Call};
use switchboard::domain::conversation::{Handler, Status};
use switchboard::domain::ids::{AgentId, ArticleId, CallId, ConversationId, InboxId, TicketId};
use switchboard::domain::knowledge::{ArticleRef, Entry, Kind, Sensitivity};
use switchboard::domain::ticket::{Ticket, TicketStatus};
use switchboard::domain::time::EpochMs;
use switchboard::domain::trunk_use::TrunkUse;
use switchboard::seams::store::{Cursor, Seed, Store, StoreError};

use crate::samples::*;

pub async fn everything_stored_comes_back_as_it_was(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1_000);
    let message = message(conversation.id, 1_001);
    let call = call(conversation.id, 1_000);
    let (attempt, recording) = (attempt(call.id, 1_002), recording(call.id, 1_003));
    let ticket = ticket(conversation.id, 1_004);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.insert_message(&message).await.unwrap();
    unit.save_call(&call).await.unwrap();
    unit.save_attempt(&attempt).await.unwrap();
    unit.save_recording(&recording).await.unwrap();
    unit.save_ticket(&ticket).await.unwrap();
    unit.commit().await.unwrap();

    let view = store.conversation(conversation.id).await.unwrap().unwrap();
    assert_eq!(view.conversation, conversation);
    assert_eq!(view.messages, [message]);
    assert!(view.call == Some(call));
    assert!(view.attempts == [attempt]);
    assert_eq!(view.recordings, std::slice::from_ref(&recording));
    assert!(view.tickets == [ticket]);
    assert_eq!(store.recording(recording.id).await.unwrap(), Some(recording));
    let stored = store.agent(agent.id).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&stored).unwrap(), serde_json::to_value(&agent).unwrap());
    let agents = store.agents().await.unwrap();
    assert_eq!(
        agents.iter().map(|(agent, inboxes)| (agent.id, &**inboxes)).collect::<Vec<_>>(),
        [(agent.id, &[inbox][..])]
    );
    assert!(store.conversation(ConversationId(id())).await.unwrap().is_none());
}

pub async fn nothing_is_seen_before_its_commit(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    assert!(store.conversation(conversation.id).await.unwrap().is_none());
    assert!(store.conversations(None, 10).await.unwrap().is_empty());
    unit.commit().await.unwrap();
    assert!(store.conversation(conversation.id).await.unwrap().is_some());
}

pub async fn a_dropped_change_leaves_no_trace(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    drop(unit);
    assert!(store.conversation(conversation.id).await.unwrap().is_none());
    // And the next change begins as if nothing had been.
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.commit().await.unwrap();
}

/// A person who takes over and a reply of the agent contend on the version: one of them loses.
pub async fn of_two_changes_from_one_version_the_second_loses(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let read = conversation(agent.id, inbox, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&read).await.unwrap();
    unit.commit().await.unwrap();

    let mut taken = read.clone();
    (taken.handler, taken.status, taken.updated_at) = (Handler::Human, Status::NeedsHuman, EpochMs(5));
    taken.reason = Some("asked for".into());
    let mut unit = store.begin().await.unwrap();
    unit.update_conversation(&taken).await.unwrap();
    unit.commit().await.unwrap();

    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.update_conversation(&read).await, Err(StoreError::Conflict)));
    drop(unit);
    let stored = store.conversation(read.id).await.unwrap().unwrap().conversation;
    taken.version = 2;
    assert_eq!(stored, taken);

    let mut unit = store.begin().await.unwrap();
    let nowhere = conversation(agent.id, inbox, 1);
    assert!(matches!(unit.update_conversation(&nowhere).await, Err(StoreError::NotFound)));
}

pub async fn an_agent_is_followed_up_by_its_next_revision_alone(store: &dyn Store) {
    let (mut agent, _) = seeded(store).await;
    for revision in [0, 1, 3] {
        agent.revision = revision;
        let mut unit = store.begin().await.unwrap();
        assert!(matches!(unit.save_agent(&agent).await, Err(StoreError::Conflict)), "{revision}");
    }
    agent.revision = 2;
    agent.business = "Harbour Boats".into();
    let mut unit = store.begin().await.unwrap();
    unit.save_agent(&agent).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.agent(agent.id).await.unwrap().unwrap().business, "Harbour Boats");
}

pub async fn rows_below_what_is_not_there_are_refused(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let nobody = AgentId(id());
    let nowhere = ConversationId(id());
    let mut unit = store.begin().await.unwrap();
    let refused = [
        unit.save_inbox(InboxId(id()), nobody, "x").await,
        unit.replace_knowledge(nobody, "folder", &[entry("a")]).await,
        unit.insert_conversation(&conversation(nobody, inbox, 1)).await,
        unit.insert_conversation(&conversation(agent.id, InboxId(id()), 1)).await,
        unit.insert_message(&message(nowhere, 1)).await,
        unit.update_message(&message(nowhere, 1)).await,
        unit.delete_message(message(nowhere, 1).id).await,
        unit.save_call(&call(nowhere, 1)).await,
        unit.save_attempt(&attempt(CallId(id()), 1)).await,
        unit.save_recording(&recording(CallId(id()), 1)).await,
        unit.delete_recording(recording(CallId(id()), 1).id).await,
        unit.save_ticket(&ticket(nowhere, 1)).await,
    ];
    for (index, result) in refused.into_iter().enumerate() {
        assert!(matches!(result, Err(StoreError::NotFound)), "{index}: {result:?}");
    }
}

pub async fn a_row_is_added_once(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let message = message(conversation.id, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.insert_message(&message).await.unwrap();
    assert!(matches!(unit.insert_message(&message).await, Err(StoreError::Conflict)));
    assert!(matches!(unit.insert_conversation(&conversation).await, Err(StoreError::Conflict)));
}

pub async fn messages_are_changed_and_taken_out(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let (mut heard, prepared) = (message(conversation.id, 1), message(conversation.id, 2));
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.insert_message(&heard).await.unwrap();
    unit.insert_message(&prepared).await.unwrap();
    unit.commit().await.unwrap();

    heard.heard_text = Some("We".into());
    heard.timings = None;
    let mut unit = store.begin().await.unwrap();
    unit.update_message(&heard).await.unwrap();
    unit.delete_message(prepared.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages, [heard]);
}

pub async fn messages_come_in_the_order_of_their_time(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let (late, early) = (message(conversation.id, 9), message(conversation.id, 2));
    let same = message(conversation.id, 9);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    for message in [&late, &same, &early] {
        unit.insert_message(message).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages, [early, late, same]);
}

pub async fn knowledge_of_one_origin_is_replaced_alone(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    let mut unit = store.begin().await.unwrap();
    unit.replace_knowledge(agent.id, "a-folder", &[entry("b"), entry("a")]).await.unwrap();
    unit.replace_knowledge(agent.id, "typed", &[entry("z")]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.knowledge(agent.id).await.unwrap(), [entry("b"), entry("a"), entry("z")]);

    let mut unit = store.begin().await.unwrap();
    unit.replace_knowledge(agent.id, "a-folder", &[entry("c")]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.knowledge(agent.id).await.unwrap(), [entry("c"), entry("z")]);
    assert!(store.knowledge(AgentId(id())).await.unwrap().is_empty());
}

/// New rows come in at the front while somebody turns pages; the pages are not disturbed. Several rows of the
/// same millisecond lie across a page's edge.
pub async fn pages_follow_each_other_without_gap_or_repeat(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut unit = store.begin().await.unwrap();
    let mut all = Vec::new();
    for at in [1, 2, 2, 2, 2, 3, 4] {
        let conversation = conversation(agent.id, inbox, at);
        unit.insert_conversation(&conversation).await.unwrap();
        all.push((at, conversation.id));
    }
    unit.commit().await.unwrap();
    all.sort();
    all.reverse();

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.conversations(cursor.clone(), 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        cursor = Some(Cursor { created_at: last.created_at, id: last.id });
        seen.extend(page.iter().map(|(conversation, _)| (conversation.created_at.0, conversation.id)));
        let mut unit = store.begin().await.unwrap();
        unit.insert_conversation(&conversation(agent.id, inbox, 100)).await.unwrap();
        unit.commit().await.unwrap();
    }
    assert_eq!(seen, all);
}

pub async fn the_list_shows_the_newest_call(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (with, without) = (conversation(agent.id, inbox, 2), conversation(agent.id, inbox, 1));
    let (old, new) = (call(with.id, 2), call(with.id, 7));
    let mut unit = store.begin().await.unwrap();
    for conversation in [&with, &without] {
        unit.insert_conversation(conversation).await.unwrap();
    }
    unit.save_call(&new).await.unwrap();
    unit.save_call(&old).await.unwrap();
    unit.commit().await.unwrap();
    let list = store.conversations(None, 10).await.unwrap();
    assert!(list[0].1 == Some(new) && list[1].1.is_none() && list.len() == 2);
}

pub async fn a_call_without_an_end_is_found_after_a_restart(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let ended = call(conversation.id, 1);
    let mut cut = call(conversation.id, 2);
    (cut.ended_at, cut.outcome, cut.from) = (None, None, None);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.save_call(&ended).await.unwrap();
    unit.save_call(&cut).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.unfinished_calls().await.unwrap() == [cut.clone()]);

    (cut.ended_at, cut.outcome) = (ended.ended_at, ended.outcome);
    let mut unit = store.begin().await.unwrap();
    unit.save_call(&cut).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.unfinished_calls().await.unwrap().is_empty());
}

pub async fn an_outbox_key_is_queued_once(store: &dyn Store) {
    let payload = serde_json::json!({ "ticket": 1 });
    let mut unit = store.begin().await.unwrap();
    unit.enqueue("ticket-1", "notify", &payload).await.unwrap();
    unit.enqueue("ticket-1", "notify", &payload).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.enqueue("ticket-1", "notify", &payload).await.unwrap();
    unit.commit().await.unwrap();
}

/// Changes queue behind each other instead of failing on a lock.
pub async fn many_writers_at_once_lose_nothing(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let write = async |at: i64| {
        let conversation = conversation(agent.id, inbox, at);
        let mut unit = store.begin().await.unwrap();
        unit.insert_conversation(&conversation).await.unwrap();
        tokio::task::yield_now().await;
        unit.insert_message(&message(conversation.id, at)).await.unwrap();
        unit.commit().await.unwrap();
        conversation.id
    };
    let written = futures::future::join_all((0..40).map(write)).await;
    let listed = store.conversations(None, 100).await.unwrap();
    let listed: BTreeSet<_> = listed.into_iter().map(|(conversation, _)| conversation.id).collect();
    assert_eq!(listed, written.into_iter().collect());
}

pub async fn any_text_is_stored_as_it_is(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    let mut written = Vec::new();
    for (at, text) in
        (0..).zip(["", "'; DROP TABLE messages; --", "a\0b", "שלום 👩‍👩‍👧 \u{202e}", "<script>", "\u{feff}x\r\n"])
    {
        let mut message = message(conversation.id, at);
        message.text = text.into();
        unit.insert_message(&message).await.unwrap();
        written.push(message);
    }
    unit.commit().await.unwrap();
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages, written);
}

pub async fn it_answers_when_it_can_be_written_to(store: &dyn Store) {
    store.ping().await.unwrap();
    store.ping().await.unwrap();
}

pub async fn what_configuration_laid_down_is_kept_for_each_agent(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    assert_eq!(store.seed(agent.id).await.unwrap(), None);
    for digest in ["a", "b"] {
        let seed = Seed::from([("escalation".to_owned(), digest.to_owned())]);
        let mut unit = store.begin().await.unwrap();
        unit.save_seed(agent.id, &seed).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(store.seed(agent.id).await.unwrap(), Some(seed));
    }
    let mut unit = store.begin().await.unwrap();
    let stranger = unit.save_seed(AgentId(id()), &Seed::new()).await;
    assert!(matches!(stranger, Err(StoreError::NotFound)));
}

/// A ticket is changed upon the version that was read; whoever is late gets a conflict and changes nothing (R8).
pub async fn a_ticket_contends_on_its_version(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let conversation = conversation(agent.id, inbox, 1_000);
    let ticket = ticket(conversation.id, 1_001);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.save_ticket(&ticket).await.unwrap();
    unit.commit().await.unwrap();
    let done = Ticket { status: TicketStatus::Done, notes: "done".into(), ..ticket.clone() };
    let mut unit = store.begin().await.unwrap();
    unit.save_ticket(&done).await.unwrap();
    unit.commit().await.unwrap();
    let kept = store.ticket(ticket.id).await.unwrap().unwrap();
    assert!(kept == Ticket { version: ticket.version + 1, ..done });
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.save_ticket(&ticket).await, Err(StoreError::Conflict)));
    drop(unit);
    assert!(store.ticket(ticket.id).await.unwrap().unwrap() == kept);
}

/// R55: a telephone finds the case that it missed, while nobody works on it and after its call is over.
pub async fn a_missed_case_is_found_by_the_telephone_that_rang(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut made = Vec::new();
    let mut unit = store.begin().await.unwrap();
    for (at, outcome, ended, status) in [
        (1_000, AttemptOutcome::NoAnswer, true, TicketStatus::Pending),
        (2_000, AttemptOutcome::CallerHungUp, true, TicketStatus::Pending),
        (3_000, AttemptOutcome::Declined, true, TicketStatus::Pending),
        (4_000, AttemptOutcome::NoAnswer, false, TicketStatus::Pending),
        (5_000, AttemptOutcome::NoAnswer, true, TicketStatus::InProgress),
    ] {
        let conversation = conversation(agent.id, inbox, at);
        let call = Call { ended_at: ended.then_some(EpochMs(at + 9)), ..call(conversation.id, at) };
        let attempt =
            Attempt { destination: "sip:anna@desk".into(), outcome: Some(outcome), ..attempt(call.id, at + 1) };
        let ticket = Ticket { status, ..ticket(conversation.id, at + 2) };
        unit.insert_conversation(&conversation).await.unwrap();
        unit.save_call(&call).await.unwrap();
        unit.save_attempt(&attempt).await.unwrap();
        unit.save_ticket(&ticket).await.unwrap();
        made.push(ticket);
    }
    unit.commit().await.unwrap();
    let missed = async |telephones: &[&str], since: i64| {
        let telephones: Vec<String> = telephones.iter().map(|&telephone| telephone.to_owned()).collect();
        store.missed_by(agent.id, &telephones, EpochMs(since)).await.unwrap()
    };
    let anna = ["+49301111111", "sip:anna@desk"];
    assert!(missed(&anna, 0).await.as_ref() == Some(&made[1]), "the last that was missed and is open");
    assert!(missed(&anna, 2_500).await.is_none(), "it was missed too long ago");
    assert!(missed(&["sip:bert@desk"], 0).await.is_none());
    assert!(store.missed_by(AgentId(id()), &["sip:anna@desk".into()], EpochMs(0)).await.unwrap().is_none());
}

/// S9: how much of its day a trunk has used is found again, by day and trunk; less than is known changes nothing.
pub async fn a_trunks_day_is_kept_and_never_shrinks(store: &dyn Store) {
    let used = |trunk: &str, day, used_ms| TrunkUse { trunk: trunk.into(), day, used_ms };
    let mut unit = store.begin().await.unwrap();
    for written in [used("two", 20_000, 7), used("one", 20_000, 5), used("one", 20_001, 1), used("one", 20_000, 3)] {
        unit.save_trunk_use(&written).await.unwrap();
    }
    assert_eq!(store.trunk_use(20_000).await.unwrap(), [], "nothing is seen before its commit");
    unit.commit().await.unwrap();
    assert_eq!(store.trunk_use(20_000).await.unwrap(), [used("one", 20_000, 5), used("two", 20_000, 7)]);
    assert_eq!(store.trunk_use(19_999).await.unwrap(), []);
}

/// R55: a caller with an open case adds to it.
pub async fn an_open_ticket_is_found_by_the_number_that_called(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut tickets = Vec::new();
    let mut unit = store.begin().await.unwrap();
    for (at, status) in [(1, TicketStatus::Pending), (2, TicketStatus::InProgress), (3, TicketStatus::Done)] {
        let conversation = conversation(agent.id, inbox, at);
        unit.insert_conversation(&conversation).await.unwrap();
        unit.save_call(&call(conversation.id, at)).await.unwrap();
        let ticket = Ticket { status, ..ticket(conversation.id, at) };
        unit.save_ticket(&ticket).await.unwrap();
        tickets.push(ticket);
    }
    unit.commit().await.unwrap();
    let number = "+49301111111";
    assert!(store.open_ticket_of(agent.id, number).await.unwrap().as_ref() == Some(&tickets[1]), "the newest open one");
    assert!(store.open_ticket_of(agent.id, "+49302222222").await.unwrap().is_none());
    assert!(store.open_ticket_of(AgentId(id()), number).await.unwrap().is_none(), "another agent's");
    assert!(store.ticket(tickets[2].id).await.unwrap().as_ref() == Some(&tickets[2]));
    assert!(store.ticket(TicketId(id())).await.unwrap().is_none());
}

fn entry(name: &str) -> Entry {
    Entry {
        id: name.into(),
        kind: Kind::Policy,
        sensitivity: Sensitivity::Review,
        question: format!("What about {name}?"),
        alternatives: vec!["And?".into()],
        answer: "It depends.".into(),
        spoken: None,
        source: "faq.md".into(),
        valid_until: Some(EpochMs(9)),
        article: Some(ArticleRef { id: ArticleId(uuid::Uuid::from_u128(7)), revision: 3 }),
    }
}
