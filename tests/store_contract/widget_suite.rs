//! What visitors see, and their sessions (R11): every message that may be seen has one place, in the order in which it
//! could first be seen.

use std::collections::BTreeMap;

use switchboard::domain::agent::Agent;
use switchboard::domain::casework::{Delivery, Post};
use switchboard::domain::channel_account::ChannelAccount;
use switchboard::domain::conversation::{Author, Channel, Conversation, Message};
use switchboard::domain::ids::{ChannelAccountId, ConversationId, InboxId};
use switchboard::domain::inbox::Inbox;
use switchboard::domain::time::EpochMs;
use switchboard::domain::widget::VisitorSession;
use switchboard::seams::store::Store;

use crate::samples::{attachment, conversation, id, message, seeded};

async fn widget(store: &dyn Store) -> (Agent, InboxId) {
    let (agent, _) = seeded(store).await;
    let inbox = Inbox { id: InboxId(id()), agent: agent.id, channel: Channel::Widget, address: "shop".into() };
    let mut unit = store.begin().await.unwrap();
    unit.save_channel_inbox(&inbox).await.unwrap();
    unit.commit().await.unwrap();
    (agent, inbox.id)
}

fn case(agent: &Agent, inbox: InboxId, thread: &str, at: i64) -> Conversation {
    let mut case = Conversation { channel: Channel::Widget, ..conversation(agent.id, inbox, at) };
    case.casework.thread = Some(thread.into());
    case
}

fn by(author: Author, case: ConversationId, at: i64, text: &str) -> Message {
    let delivery = matches!(author, Author::Agent | Author::Teammate).then_some(Delivery::Sent);
    let post = Post { delivery, ..Post::default() };
    Message { author, text: text.into(), decision: None, heard_text: None, timings: None, post, ..message(case, at) }
}

async fn texts(store: &dyn Store, inbox: InboxId, thread: &str, after: Option<i64>, limit: u32) -> Vec<String> {
    let feed = store.feed(inbox, thread, after, limit).await.unwrap();
    assert!(feed.windows(2).all(|pair| pair[0].position < pair[1].position));
    feed.into_iter().map(|line| line.message.text).collect()
}

/// R20, W5: drafts and notes have no place; a draft that is approved gets the next one, whatever its time.
pub async fn visitors_see_what_was_said_in_the_order_it_could_be_seen(store: &dyn Store) {
    let (agent, inbox) = widget(store).await;
    let (mine, other) = (case(&agent, inbox, "a", 1), case(&agent, inbox, "b", 2));
    let api = Conversation { casework: mine.casework.clone(), ..conversation(agent.id, inbox, 3) };
    let mut draft = by(Author::Draft, mine.id, 11, "draft");
    let file = attachment(1);
    let mut said = by(Author::Customer, mine.id, 10, "one");
    said.post.attachments.push(file.clone());
    let mut unit = store.begin().await.unwrap();
    for case in [&mine, &other, &api] {
        unit.insert_conversation(case).await.unwrap();
    }
    unit.save_attachment(&file).await.unwrap();
    for message in [
        &said,
        &draft,
        &by(Author::Note, mine.id, 12, "note"),
        &by(Author::Customer, other.id, 13, "of another"),
        &by(Author::Customer, api.id, 14, "of another channel"),
        &by(Author::Teammate, mine.id, 9, "two"),
    ] {
        unit.insert_message(message).await.unwrap();
    }
    unit.name_message(inbox, "a name-of-one", said.id).await.unwrap();
    (draft.author, draft.text) = (Author::Agent, "three".into());
    unit.update_message(&draft).await.unwrap();
    unit.update_message(&draft).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(texts(store, inbox, "a", None, 9).await, ["one", "two", "three"]);
    assert_eq!(texts(store, inbox, "a", None, 2).await, ["two", "three"], "the newest where there is no place yet");
    assert_eq!(texts(store, inbox, "a", Some(0), 2).await, ["one", "two"]);
    assert_eq!(texts(store, inbox, "b", None, 9).await, ["of another"]);
    let feed = store.feed(inbox, "a", None, 9).await.unwrap();
    assert_eq!(
        (feed[0].external_id.as_deref(), &feed[0].message.post.attachments),
        (Some("a name-of-one"), &vec![file])
    );
    assert_eq!(texts(store, inbox, "a", Some(feed[1].position), 9).await, ["three"]);
    assert_eq!(store.thread_now(inbox, "b").await.unwrap().unwrap().id, other.id);
    assert_eq!(store.thread_now(inbox, "c").await.unwrap(), None);
}

/// R11: what has arrived or was read never goes back, and nothing after the place is touched.
pub async fn receipts_go_forward_up_to_their_place(store: &dyn Store) {
    let (agent, inbox) = widget(store).await;
    let mine = case(&agent, inbox, "a", 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&mine).await.unwrap();
    for (at, author) in [(1, Author::Customer), (2, Author::Agent), (3, Author::Teammate), (4, Author::Agent)] {
        unit.insert_message(&by(author, mine.id, at, &at.to_string())).await.unwrap();
    }
    unit.commit().await.unwrap();
    let feed = store.feed(inbox, "a", None, 9).await.unwrap();
    let came = async |up_to: i64, how_far| -> Vec<String> {
        let mut unit = store.begin().await.unwrap();
        let came = unit.feed_came(inbox, "a", up_to, how_far).await.unwrap();
        unit.commit().await.unwrap();
        came.into_iter().map(|message| message.text).collect()
    };
    assert_eq!(came(feed[2].position, Delivery::Delivered).await, ["2", "3"]);
    assert_eq!(came(feed[2].position, Delivery::Delivered).await, [""; 0]);
    assert_eq!(came(feed[1].position, Delivery::Read).await, ["2"]);
    assert_eq!(came(feed[3].position, Delivery::Delivered).await, ["4"]);
    let states: Vec<_> =
        store.feed(inbox, "a", None, 9).await.unwrap().iter().map(|l| l.message.post.delivery).collect();
    assert_eq!(states, [None, Some(Delivery::Read), Some(Delivery::Delivered), Some(Delivery::Delivered)]);
}

/// W5: a session is found by the digest of its token, and is gone when it is over or its widget is.
pub async fn visits_are_kept_until_they_end(store: &dyn Store) {
    let (agent, inbox) = widget(store).await;
    let account = ChannelAccount {
        id: ChannelAccountId(id()),
        agent: agent.id,
        inbox,
        kind: Channel::Widget,
        name: "shop".into(),
        enabled: true,
        settings: serde_json::json!({}),
        secrets: BTreeMap::new(),
        version: 0,
        created_at: EpochMs(1),
        updated_at: EpochMs(1),
    };
    let visit = |digest: &str, expires_at: i64| VisitorSession {
        id: id(),
        digest: digest.into(),
        account: account.id,
        origin: "https://shop.example".into(),
        thread: "visitor 1".into(),
        visitor: Default::default(),
        created_at: EpochMs(1),
        expires_at: EpochMs(expires_at),
    };
    let (old, mut young) = (visit("old", 10), visit("young", 20));
    let mut unit = store.begin().await.unwrap();
    unit.save_channel_account(&account).await.unwrap();
    unit.save_visitor_session(&old).await.unwrap();
    unit.save_visitor_session(&young).await.unwrap();
    young.visitor.name = Some("Zoë".into());
    unit.save_visitor_session(&young).await.unwrap();
    assert_eq!(unit.forget_visitor_sessions(EpochMs(11)).await.unwrap(), 1);
    unit.commit().await.unwrap();
    assert!(store.visitor_session("old").await.unwrap().is_none());
    assert!(store.visitor_session("young").await.unwrap() == Some(young));
    let mut unit = store.begin().await.unwrap();
    unit.delete_channel_account(account.id, EpochMs(30)).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.visitor_session("young").await.unwrap().is_none());
}
