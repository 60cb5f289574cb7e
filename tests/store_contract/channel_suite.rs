//! The behaviours of the channels' and the webhooks' part. Each takes a store without rows.

use std::collections::BTreeMap;

use switchboard::domain::casework::Delivery;
use switchboard::domain::channel_account::{ChannelAccount, Fares, Health};
use switchboard::domain::conversation::{Author, Channel, Message};
use switchboard::domain::ids::{AgentId, ChannelAccountId, ConversationId, InboxId, MessageId, WebhookId};
use switchboard::domain::time::EpochMs;
use switchboard::domain::webhook::{Webhook, WebhookPost};
use switchboard::seams::channel::Earlier;
use switchboard::seams::channel_store::Dispatch;
use switchboard::seams::store::{Store, StoreError};

use crate::samples::{self, id, seeded};

fn account(agent: AgentId, inbox: InboxId) -> ChannelAccount {
    ChannelAccount {
        id: ChannelAccountId(id()),
        agent,
        inbox,
        kind: Channel::Telegram,
        name: "The bot".into(),
        enabled: true,
        settings: serde_json::json!({ "mode": "poll" }),
        secrets: BTreeMap::from([("bot_token".into(), "sealed".into())]),
        version: 0,
        created_at: EpochMs(4),
        updated_at: EpochMs(4),
    }
}

async fn saved(store: &dyn Store, account: &ChannelAccount) -> Result<(), StoreError> {
    let mut unit = store.begin().await?;
    unit.save_channel_account(account).await?;
    unit.commit().await
}

/// A case with messages of the agent that wait to go out in one lane.
async fn waiting(store: &dyn Store, inbox: InboxId, agent: AgentId, lane: &str, count: i64) -> Vec<Message> {
    let case = samples::conversation(agent, inbox, 1);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    let mut messages = Vec::new();
    for at in 1..=count {
        let mut message = samples::message(case.id, at);
        message.post.delivery = Some(Delivery::Queued);
        unit.insert_message(&message).await.unwrap();
        unit.post(&Dispatch::fresh(message.id, inbox, lane.into(), EpochMs(at))).await.unwrap();
        messages.push(message);
    }
    unit.commit().await.unwrap();
    messages
}

async fn claimed(store: &dyn Store, inbox: InboxId, now: i64, lease: i64) -> Vec<Dispatch> {
    let mut unit = store.begin().await.unwrap();
    let claimed = unit.claim_deliveries(inbox, EpochMs(now), EpochMs(lease), 10).await.unwrap();
    unit.commit().await.unwrap();
    claimed
}

async fn settled(store: &dyn Store, dispatch: &Dispatch) {
    let mut unit = store.begin().await.unwrap();
    unit.settle(dispatch).await.unwrap();
    unit.commit().await.unwrap();
}

/// R12: of two who change an account the second is told; what it keeps goes with it.
pub async fn an_account_contends_on_its_version(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let fresh = account(agent.id, inbox);
    saved(store, &fresh).await.unwrap();
    let kept = ChannelAccount { version: 1, ..fresh.clone() };
    assert!(store.channel_accounts().await.unwrap() == [(kept.clone(), Health::default())]);
    assert!(matches!(saved(store, &fresh).await, Err(StoreError::Conflict)));
    saved(store, &ChannelAccount { enabled: false, ..kept.clone() }).await.unwrap();
    assert!(matches!(saved(store, &kept).await, Err(StoreError::Conflict)));
    let unknown = ChannelAccount { id: ChannelAccountId(id()), ..kept };
    assert!(matches!(saved(store, &unknown).await, Err(StoreError::NotFound)));

    let health = Health { fares: Fares::Failing, since: Some(EpochMs(5)), ..Health::default() };
    let mut unit = store.begin().await.unwrap();
    unit.save_channel_health(fresh.id, &health).await.unwrap();
    for value in ["1", "2"] {
        unit.save_channel_mark(fresh.id, "uid", value).await.unwrap();
    }
    unit.commit().await.unwrap();
    let (account, found) = store.channel_account(fresh.id).await.unwrap().unwrap();
    assert_eq!((account.enabled, account.version, found), (false, 2, health));
    assert_eq!(store.channel_mark(fresh.id, "uid").await.unwrap().as_deref(), Some("2"));

    let messages = waiting(store, inbox, agent.id, "lane", 1).await;
    let mut unit = store.begin().await.unwrap();
    unit.delete_channel_account(fresh.id, EpochMs(9)).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.channel_account(fresh.id).await.unwrap().is_none());
    let (dispatch, _) = store.dispatch(messages[0].id).await.unwrap().unwrap();
    assert_eq!((dispatch.state, dispatch.settled_at), (Delivery::Failed, Some(EpochMs(9))));
}

/// W6: the next of a lane waits for the one before; what was begun and never settled comes back as uncertain.
pub async fn a_lane_goes_out_in_its_order(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let one = waiting(store, inbox, agent.id, "one", 2).await;
    let other = waiting(store, inbox, agent.id, "other", 1).await;
    assert_eq!(store.next_delivery_due(inbox).await.unwrap(), Some(EpochMs(1)));
    let first = claimed(store, inbox, 10, 100).await;
    let ids = |claimed: &[Dispatch]| claimed.iter().map(|dispatch| dispatch.message).collect::<Vec<_>>();
    assert_eq!(ids(&first), [one[0].id, other[0].id]);
    assert!(first.iter().all(|dispatch| dispatch.tries == 1 && !dispatch.uncertain));
    assert!(claimed(store, inbox, 10, 100).await.is_empty(), "they are worked on");
    assert!(claimed(store, InboxId(id()), 10, 100).await.is_empty());

    let sent = Dispatch { state: Delivery::Sent, parts: 1, settled_at: Some(EpochMs(11)), ..first[0].clone() };
    settled(store, &sent).await;
    let put_off = Dispatch { due_at: EpochMs(50), last_error: Some("429".into()), ..first[1].clone() };
    settled(store, &put_off).await;
    let next = claimed(store, inbox, 20, 100).await;
    assert_eq!(ids(&next), [one[1].id]);
    let view = store.conversation(one[0].conversation).await.unwrap().unwrap();
    let how_far: Vec<_> = view.messages.iter().map(|message| message.post.delivery).collect();
    assert_eq!(how_far, [Some(Delivery::Sent), Some(Delivery::Queued)]);

    let lapsed = claimed(store, inbox, 101, 200).await;
    let by_id = |id: MessageId| lapsed.iter().find(|dispatch| dispatch.message == id).unwrap();
    assert!(by_id(one[1].id).uncertain && by_id(one[1].id).tries == 2, "nobody settled it");
    assert!(!by_id(other[0].id).uncertain && by_id(other[0].id).last_error.as_deref() == Some("429"));
    let failed = Dispatch { state: Delivery::Failed, ..by_id(one[1].id).clone() };
    settled(store, &failed).await;
    let listed = store.dispatches(Delivery::Failed, None, 10).await.unwrap();
    assert_eq!(listed, [(failed, one[0].conversation)]);
    assert!(store.dispatches(Delivery::Failed, Some(one[1].id), 10).await.unwrap().is_empty());

    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.release_claims().await.unwrap(), 1);
    unit.commit().await.unwrap();
    assert!(claimed(store, inbox, 102, 300).await[0].uncertain);
}

/// R13: a message is known by the vendor's name for it, wherever it was moved.
pub async fn a_message_is_known_by_the_vendors_name(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let mut messages = waiting(store, inbox, agent.id, "lane", 2).await;
    let mut unit = store.begin().await.unwrap();
    messages[0].author = Author::Customer;
    unit.update_message(&messages[0]).await.unwrap();
    for (name, message) in [("7:1", &messages[0]), ("7:2", &messages[1]), ("7:3", &messages[1])] {
        unit.name_message(inbox, name, message.id).await.unwrap();
    }
    unit.commit().await.unwrap();
    let known = store.external_message(inbox, "7:3").await.unwrap().unwrap();
    assert_eq!((known.message, known.conversation), (messages[1].id, messages[0].conversation));
    assert!(store.external_message(inbox, "7:4").await.unwrap().is_none());
    let mut unit = store.begin().await.unwrap();
    let again = unit.name_message(inbox, "7:1", messages[1].id).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    drop(unit);
    let letter = store.letter(messages[1].id).await.unwrap().unwrap();
    assert_eq!(letter.earlier, [Earlier { external_id: "7:1".into(), ours: false }]);
    assert_eq!(letter.own, ["7:2", "7:3"]);
    assert!(store.letter(MessageId(id())).await.unwrap().is_none());
}

/// What happens is laid out for webhooks once, and their posts are claimed by one and kept for a while.
pub async fn what_happens_is_laid_out_once(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let case = samples::conversation(agent.id, inbox, 1);
    let webhook = Webhook {
        id: WebhookId(id()),
        url: "https://shop.example/hook".into(),
        kinds: Vec::new(),
        enabled: true,
        disabled_why: None,
        secret: "sealed".into(),
        version: 0,
        created_at: EpochMs(1),
    };
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&samples::conversation(agent.id, inbox, 1)).await.unwrap();
    unit.save_webhook(&webhook).await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.has_happenings().await.unwrap());
    let mut unit = store.begin().await.unwrap();
    let happened: Vec<(ConversationId, i64)> = unit.take_happenings(10).await.unwrap();
    assert_eq!(happened, [(case.id, 1)]);
    let post = WebhookPost {
        id: id(),
        webhook: webhook.id,
        kind: "conversation.changed".into(),
        body: "{}".into(),
        state: Delivery::Queued,
        posted_at: EpochMs(2),
        due_at: EpochMs(2),
        tries: 0,
        last_status: None,
        last_error: None,
        settled_at: None,
    };
    unit.add_webhook_post(&post).await.unwrap();
    unit.commit().await.unwrap();
    assert!(!store.has_happenings().await.unwrap());
    assert_eq!(store.next_webhook_post_due().await.unwrap(), Some(EpochMs(2)));
    let claim = async |now: i64, lease: i64| {
        let mut unit = store.begin().await.unwrap();
        let claimed = unit.claim_webhook_posts(EpochMs(now), EpochMs(lease), 10).await.unwrap();
        unit.commit().await.unwrap();
        claimed
    };
    assert_eq!(claim(3, 10).await, [WebhookPost { tries: 1, ..post.clone() }]);
    assert!(claim(4, 10).await.is_empty());
    assert_eq!(claim(10, 20).await[0].tries, 2, "the claim lapsed");
    let (tries, state) = (2, Delivery::Sent);
    let sent = WebhookPost { tries, state, last_status: Some(204), settled_at: Some(EpochMs(11)), ..post };
    let mut unit = store.begin().await.unwrap();
    unit.settle_webhook_post(&sent).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.webhook_posts(webhook.id, None, 10).await.unwrap(), std::slice::from_ref(&sent));
    assert_eq!(store.webhook_post(sent.id).await.unwrap(), Some(sent.clone()));
    assert_eq!(store.next_webhook_post_due().await.unwrap(), None);
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.save_webhook(&webhook).await, Err(StoreError::Conflict)));
    drop(unit);
    let mut unit = store.begin().await.unwrap();
    unit.save_webhook(&Webhook { version: 1, enabled: false, ..webhook.clone() }).await.unwrap();
    assert_eq!(unit.forget_webhook_posts(EpochMs(11)).await.unwrap(), 0);
    assert_eq!(unit.forget_webhook_posts(EpochMs(12)).await.unwrap(), 1);
    unit.delete_webhook(webhook.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.webhooks().await.unwrap().is_empty());
}
