//! The behaviours of the inbox's part. Each takes a store without rows.

use switchboard::domain::casework::{Casework, Delivery, DraftState, Post, Tag, TagKind};
use switchboard::domain::contact::{Address, AddressKind, Contact};
use switchboard::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status};
use switchboard::domain::ids::{AgentId, ContactId, ConversationId, InboxId, MessageId};
use switchboard::domain::inbox::Inbox;
use switchboard::domain::time::EpochMs;
use switchboard::domain::transition::{Act, Actor};
use switchboard::seams::inbox_store::{Assigned, FACE_CHARS_MAX, Face, Filter, Job, JobKind, KeptAnswer};
use switchboard::seams::store::{Cursor, Store, StoreError};

use crate::samples::{self, conversation, id, message, seeded};

fn contact(agent: AgentId, addresses: &[(AddressKind, &str)]) -> Contact {
    let mut addresses: Vec<_> = addresses.iter().map(|(kind, value)| Address::parse(*kind, value).unwrap()).collect();
    addresses.sort();
    Contact { id: ContactId(id()), agent, name: Some("Zoë".into()), addresses, created_at: EpochMs(5) }
}

async fn stored(store: &dyn Store, conversation: &Conversation, messages: &[Message]) {
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(conversation).await.unwrap();
    unit.index_tags(conversation, &conversation.casework.tags).await.unwrap();
    for message in messages {
        unit.insert_message(message).await.unwrap();
    }
    unit.commit().await.unwrap();
}

/// Everything that casework and posts hold comes back as it was, after it was added and after it was changed.
pub async fn casework_and_posts_come_back_as_they_were(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let ann = contact(agent.id, &[(AddressKind::External, "c-1")]);
    let mut unit = store.begin().await.unwrap();
    unit.save_contact(&ann).await.unwrap();
    unit.commit().await.unwrap();
    let casework = Casework {
        subject: Some("My order".into()),
        contact: Some(ann.id),
        thread: Some("order 7".into()),
        assignee: Some("ann".into()),
        tags: vec![Tag::new(TagKind::Priority, "High").unwrap()],
        snoozed_until: Some(EpochMs(90)),
        resolved_at: Some(EpochMs(91)),
        person_took_part: true,
        offered: Some("faq.md#hours".into()),
        previous: Some(ConversationId(id())),
        merged_into: Some(ConversationId(id())),
    };
    let mut case = Conversation { casework, ..conversation(agent.id, inbox, 1) };
    let post = Post {
        by: Some("ann".into()),
        draft: Some(DraftState::Approved),
        delivery: Some(Delivery::Queued),
        ..Post::default()
    };
    let written = Message { post, ..message(case.id, 2) };
    stored(store, &case, std::slice::from_ref(&written)).await;
    let view = store.conversation(case.id).await.unwrap().unwrap();
    assert_eq!(view.conversation, case);
    assert_eq!(view.messages, [written]);

    case.casework = Casework { thread: case.casework.thread.clone(), ..Casework::default() };
    let mut unit = store.begin().await.unwrap();
    unit.update_conversation(&case).await.unwrap();
    unit.commit().await.unwrap();
    case.version = 2;
    assert_eq!(store.conversation(case.id).await.unwrap().unwrap().conversation, case);
}

/// R31: what became of a conversation is kept, with who did it, and the version contends.
pub async fn every_act_leaves_an_event_with_its_doer(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut case = conversation(agent.id, inbox, 1);
    let wrote = Act::CustomerWrote { message: MessageId(id()) };
    let mut unit = store.begin().await.unwrap();
    unit.begin_conversation(&case, &wrote, &Actor::Customer).await.unwrap();
    case.handler = Handler::Human;
    unit.record(&case, &Act::TakenOver, &Actor::Teammate("ann".into())).await.unwrap();
    assert!(matches!(unit.record(&case, &Act::Released, &Actor::Bot).await, Err(StoreError::Conflict)));
    assert_eq!(unit.read_conversation(case.id).await.unwrap().unwrap().version, 2);
    unit.commit().await.unwrap();
    let events = store.events(case.id, 0, 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|e| (e.version, e.actor.as_deref(), e.act.clone(), e.handler)).collect();
    let taken = (2, Some("ann"), Some(Act::TakenOver), Handler::Human);
    assert_eq!(told, [(1, Some("customer"), Some(wrote), Handler::Bot), taken]);
    assert_eq!(store.events(case.id, 1, 10).await.unwrap().len(), 1);
    assert_eq!(store.events(case.id, 0, 1).await.unwrap().len(), 1);
}

/// R32: each filter alone, two together, and pages of a filtered list.
pub async fn lists_show_what_was_asked_for(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let statuses = [Status::Open, Status::NeedsHuman, Status::Resolved, Status::Open, Status::NeedsHuman];
    let mut all = Vec::new();
    for (at, status) in (1..).zip(statuses) {
        let mut case = Conversation { status, ..conversation(agent.id, inbox, at) };
        if at % 2 == 1 {
            (case.channel, case.handler) = (Channel::Api, Handler::Human);
            case.casework.assignee = Some("ann".into());
            case.casework.tags = vec![Tag::new(TagKind::Department, "Billing").unwrap()];
        }
        let mut said = message(case.id, at);
        said.text = format!("The lámp number {at} is broken; \"really\" OR not");
        stored(store, &case, &[said]).await;
        all.push(case.id);
    }
    let numbers = async |filter: Filter| -> Vec<usize> {
        let page = store.conversations_by(&filter, None, 50).await.unwrap();
        page.iter().map(|(c, _)| all.iter().position(|id| *id == c.id).unwrap() + 1).collect()
    };
    let any = Filter::default;
    assert_eq!(numbers(any()).await, [5, 4, 3, 2, 1]);
    assert_eq!(numbers(Filter { statuses: vec![Status::Open], ..any() }).await, [4, 1]);
    assert_eq!(numbers(Filter { statuses: vec![Status::Open, Status::NeedsHuman], ..any() }).await, [5, 4, 2, 1]);
    assert_eq!(numbers(Filter { handler: Some(Handler::Human), ..any() }).await, [5, 3, 1]);
    assert_eq!(numbers(Filter { channel: Some(Channel::Phone), ..any() }).await, [4, 2]);
    assert_eq!(numbers(Filter { assignee: Some(Assigned::To("ann".into())), ..any() }).await, [5, 3, 1]);
    assert_eq!(numbers(Filter { assignee: Some(Assigned::Nobody), ..any() }).await, [4, 2]);
    assert_eq!(numbers(Filter { tag: Some("billing".into()), ..any() }).await, [5, 3, 1]);
    assert_eq!(numbers(Filter { agent: Some(AgentId(id())), ..any() }).await, [0usize; 0]);
    let words = |text: &str| Filter { text: Some(text.into()), ..any() };
    assert_eq!(numbers(words("lámp BROK")).await, [5, 4, 3, 2, 1]);
    assert_eq!(numbers(words("number 3")).await, [3]);
    assert_eq!(numbers(words("\"really\" OR * (not")).await, [5, 4, 3, 2, 1], "text is no query");
    assert_eq!(numbers(words("bicycle")).await, [0usize; 0]);
    let both = Filter { tag: Some("billing".into()), statuses: vec![Status::Open], ..words("lámp") };
    assert_eq!(numbers(both).await, [1]);

    let filter = Filter { tag: Some("billing".into()), ..any() };
    let first = store.conversations_by(&filter, None, 2).await.unwrap();
    let last = &first.last().unwrap().0;
    let cursor = Some(Cursor { created_at: last.created_at, id: last.id });
    let rest = store.conversations_by(&filter, cursor, 2).await.unwrap();
    assert_eq!(rest.iter().map(|(c, _)| c.id).collect::<Vec<_>>(), [all[0]]);
}

/// What is changed is found by its new words alone; what is taken out, by none; what is moved, in its new place.
pub async fn the_search_follows_the_messages(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (one, other) = (conversation(agent.id, inbox, 1), conversation(agent.id, inbox, 2));
    let mut said = message(one.id, 1);
    said.text = "A squeaky wheel".into();
    stored(store, &one, std::slice::from_ref(&said)).await;
    stored(store, &other, &[]).await;
    let found = async |text: &str| -> Vec<ConversationId> {
        let filter = Filter { text: Some(text.into()), ..Filter::default() };
        store.conversations_by(&filter, None, 9).await.unwrap().iter().map(|(c, _)| c.id).collect()
    };
    assert_eq!(found("squeaky").await, [one.id]);
    said.text = "A silent wheel".into();
    let mut unit = store.begin().await.unwrap();
    unit.update_message(&said).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!((found("squeaky").await, found("silent").await), (vec![], vec![one.id]));
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.move_messages(one.id, other.id, Some(&[said.id])).await.unwrap(), 1);
    assert!(matches!(unit.move_messages(one.id, other.id, Some(&[said.id])).await, Err(StoreError::NotFound)));
    unit.commit().await.unwrap();
    assert_eq!(found("silent").await, [other.id]);
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.move_messages(other.id, one.id, None).await.unwrap(), 1);
    unit.delete_message(said.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(found("silent").await, []);
}

/// R32: a list tells who it is and what they wrote last, of customers alone and in few words.
pub async fn a_conversation_is_known_again_by_name_and_newest_words(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let ann = contact(agent.id, &[(AddressKind::External, "c-1")]);
    let mut unit = store.begin().await.unwrap();
    unit.save_contact(&ann).await.unwrap();
    unit.commit().await.unwrap();
    let casework = Casework { contact: Some(ann.id), ..Casework::default() };
    let known = Conversation { casework, ..conversation(agent.id, inbox, 1) };
    let stranger = conversation(agent.id, inbox, 2);
    let said = |at, author, text: &str| Message { author, text: text.into(), ..message(known.id, at) };
    let long = "ä".repeat(FACE_CHARS_MAX + 1);
    let messages =
        [said(3, Author::Customer, "before"), said(4, Author::Customer, &long), said(5, Author::Agent, "ours")];
    stored(store, &known, &messages).await;
    stored(store, &stranger, &[]).await;
    let faces = store.faces(&[stranger.id, known.id, ConversationId(id())]).await.unwrap();
    let face = Face { contact_name: ann.name, last_words: Some("ä".repeat(FACE_CHARS_MAX)) };
    assert_eq!(faces, [Face::default(), face, Face::default()]);
}

pub async fn a_thread_is_found_by_its_newest_conversation(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut ids = Vec::new();
    for at in [1, 2] {
        let mut case = conversation(agent.id, inbox, at);
        case.casework.thread = Some("t-1".into());
        stored(store, &case, &[]).await;
        ids.push(case.id);
    }
    let mut unit = store.begin().await.unwrap();
    let found = async |unit: &mut dyn switchboard::seams::store::UnitOfWork, inbox, thread: &str| {
        unit.find_thread(inbox, thread).await.unwrap().map(|case| case.id)
    };
    assert_eq!(found(&mut *unit, inbox, "t-1").await, Some(ids[1]));
    assert_eq!(found(&mut *unit, inbox, "t-2").await, None);
    assert_eq!(found(&mut *unit, InboxId(id()), "t-1").await, None);
}

pub async fn inboxes_are_told_apart_by_channel(store: &dyn Store) {
    let (agent, phone) = seeded(store).await;
    let api = Inbox { id: InboxId(id()), agent: agent.id, channel: Channel::Api, address: "api".into() };
    let mut unit = store.begin().await.unwrap();
    unit.save_channel_inbox(&api).await.unwrap();
    let nobodys = Inbox { id: InboxId(id()), agent: AgentId(id()), ..api.clone() };
    assert!(matches!(unit.save_channel_inbox(&nobodys).await, Err(StoreError::NotFound)));
    unit.commit().await.unwrap();
    let inboxes = store.inboxes(agent.id).await.unwrap();
    assert_eq!((inboxes.len(), inboxes[0].id, inboxes[0].channel), (2, phone, Channel::Phone));
    assert_eq!(inboxes[1], api);
}

/// R56: a proven address is one person's; others may be claimed by several, and suggest.
pub async fn a_proven_address_is_one_persons_and_others_suggest(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mail = (AddressKind::Email, "ann@example.com");
    let ann = contact(agent.id, &[(AddressKind::External, "c-1"), mail]);
    let other = contact(agent.id, &[mail]);
    let mut unit = store.begin().await.unwrap();
    unit.save_contact(&ann).await.unwrap();
    unit.save_contact(&other).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.contact(ann.id).await.unwrap().as_ref() == Some(&ann));
    assert!(store.suggested_contacts(ann.id).await.unwrap() == [other.clone()]);

    let mut unit = store.begin().await.unwrap();
    let proven = Address::parse(AddressKind::External, "c-1").unwrap();
    assert_eq!(unit.find_contact(agent.id, &proven).await.unwrap(), Some(ann.id));
    let claimed = Address::parse(mail.0, mail.1).unwrap();
    assert_eq!(unit.find_contact(agent.id, &claimed).await.unwrap(), None);
    let thief = contact(agent.id, &[(AddressKind::External, "c-1")]);
    assert!(matches!(unit.save_contact(&thief).await, Err(StoreError::Conflict)));
    drop(unit);

    let mut case = conversation(agent.id, inbox, 1);
    case.casework.contact = Some(other.id);
    stored(store, &case, &[]).await;
    let mut unit = store.begin().await.unwrap();
    unit.merge_contacts(other.id, ann.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.contact(other.id).await.unwrap().is_none());
    let of_ann = Filter { contact: Some(ann.id), ..Filter::default() };
    assert_eq!(store.conversations_by(&of_ann, None, 9).await.unwrap()[0].0.id, case.id);
}

pub async fn an_answer_is_kept_once_and_forgotten_in_time(store: &dyn Store) {
    let answer =
        KeptAnswer { digest: "d".into(), status: 202, body: serde_json::json!({ "id": 1 }), at: EpochMs(1_000) };
    let mut unit = store.begin().await.unwrap();
    unit.keep_answer("intake", "k", &answer).await.unwrap();
    unit.keep_answer("other", "k", &answer).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.kept_answer("intake", "k").await.unwrap(), Some(answer.clone()));
    assert_eq!(store.kept_answer("intake", "l").await.unwrap(), None);
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.keep_answer("intake", "k", &answer).await, Err(StoreError::Conflict)));
    drop(unit);
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.forget_answers(EpochMs(1_000)).await.unwrap(), 0);
    assert_eq!(unit.forget_answers(EpochMs(1_001)).await.unwrap(), 2);
    unit.commit().await.unwrap();
    assert_eq!(store.kept_answer("intake", "k").await.unwrap(), None);
}

/// P3: what was promised is claimed by one, comes back when its claim lapses, and is done once.
pub async fn a_job_is_claimed_by_one_and_done_once(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let case = conversation(agent.id, inbox, 1);
    stored(store, &case, &[]).await;
    let job = |at| Job { id: id(), kind: JobKind::Answer, conversation: case.id, due_at: EpochMs(at), tries: 0 };
    let (early, late, future) = (job(10), job(20), job(99));
    let mut unit = store.begin().await.unwrap();
    for job in [&late, &future, &early] {
        unit.promise(job).await.unwrap();
    }
    let nowhere = Job { id: id(), conversation: ConversationId(id()), ..early.clone() };
    assert!(matches!(unit.promise(&nowhere).await, Err(StoreError::NotFound)));
    unit.commit().await.unwrap();
    assert_eq!(store.next_job_due().await.unwrap(), Some(EpochMs(10)));

    let claim = async |now: i64| {
        let mut unit = store.begin().await.unwrap();
        let jobs = unit.claim_jobs(EpochMs(now), EpochMs(now + 100), 10).await.unwrap();
        unit.commit().await.unwrap();
        jobs.iter().map(|job| (job.id, job.tries)).collect::<Vec<_>>()
    };
    assert_eq!(claim(30).await, [(early.id, 1), (late.id, 1)]);
    assert_eq!(claim(31).await, [], "both are claimed");
    let mut unit = store.begin().await.unwrap();
    unit.finish_job(early.id).await.unwrap();
    assert!(matches!(unit.finish_job(early.id).await, Err(StoreError::NotFound)));
    unit.commit().await.unwrap();
    assert_eq!(claim(130).await, [(late.id, 2), (future.id, 1)]);
    let mut unit = store.begin().await.unwrap();
    unit.put_off_job(late.id, EpochMs(500)).await.unwrap();
    assert_eq!(unit.release_claims().await.unwrap(), 1, "the claim that was put off is none");
    unit.commit().await.unwrap();
    assert_eq!(claim(140).await, [(future.id, 2)]);
    assert_eq!(store.next_job_due().await.unwrap(), Some(EpochMs(99)));
}

pub async fn the_outbox_is_read_in_its_order_by_kind(store: &dyn Store) {
    let mut unit = store.begin().await.unwrap();
    for (key, kind) in [("a", "message"), ("b", "notice"), ("c", "message")] {
        unit.enqueue(key, kind, &serde_json::json!({ "key": key })).await.unwrap();
    }
    unit.commit().await.unwrap();
    let rows = store.outgoing("message", 0, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| &*row.key).collect::<Vec<_>>(), ["a", "c"]);
    let rows = store.outgoing("message", rows[0].position, 10).await.unwrap();
    assert_eq!((rows.len(), &rows[0].payload), (1, &serde_json::json!({ "key": "c" })));
}

/// A merged case takes calls, tickets and promises with it.
pub async fn everything_of_a_merged_case_moves(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (one, other) = (conversation(agent.id, inbox, 1), conversation(agent.id, inbox, 2));
    let said = Message { author: Author::Customer, ..message(one.id, 1) };
    stored(store, &one, std::slice::from_ref(&said)).await;
    stored(store, &other, &[]).await;
    let mut unit = store.begin().await.unwrap();
    unit.save_call(&samples::call(one.id, 1)).await.unwrap();
    unit.save_ticket(&samples::ticket(one.id, 1)).await.unwrap();
    let promise = Job { id: said.id.0, kind: JobKind::Answer, conversation: one.id, due_at: EpochMs(1), tries: 0 };
    unit.promise(&promise).await.unwrap();
    unit.move_messages(one.id, other.id, None).await.unwrap();
    let jobs = unit.claim_jobs(EpochMs(5), EpochMs(9), 9).await.unwrap();
    unit.commit().await.unwrap();
    let view = store.conversation(other.id).await.unwrap().unwrap();
    assert_eq!((view.messages.len(), view.tickets.len(), view.call.is_some()), (1, 1, true));
    assert_eq!(jobs[0].conversation, other.id);
    assert!(store.conversation(one.id).await.unwrap().unwrap().messages.is_empty());
}
