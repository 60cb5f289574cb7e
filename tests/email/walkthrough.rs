//! A customer and a company by mail.

use std::sync::Arc;

use switchboard::adapters::channels::email::notices::EmailNotices;
use switchboard::adapters::system::SystemClock;
use switchboard::channels::notices::{Looked, Notices};
use switchboard::config::notices::{MailSecurity, NoticesConfig};
use switchboard::domain::casework::Delivery;
use switchboard::domain::conversation::{Author, Message};
use switchboard::domain::email::automatic::LOOP_HEADER;
use switchboard::domain::email::header::message_ids;
use switchboard::domain::transition::Actor;
use switchboard::messages::Order;
use switchboard::seams::channel_store::ChannelReads;
use switchboard::seams::store::{ConversationView, Store};

use crate::house::House;
use crate::words::{ANSWER, ASKED};

fn by(view: &ConversationView, author: Author) -> Vec<Message> {
    view.messages.iter().filter(|message| message.author == author).cloned().collect()
}

fn order(view: &ConversationView) -> Order {
    Order { conversation: view.conversation.id, by: Actor::Teammate("Ann".into()), seen: None }
}

/// R11, W2: a question is answered by itself, threaded and marked; the answer to it lands in the same conversation; what
/// is sensitive is held, and a teammate sends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_asks_is_answered_and_goes_on() {
    let Some(house) = House::open().await else { return };
    let settings = house.settings("support@example.com");
    house.mailbox("support@example.com", settings).await;
    let asked = format!(
        "From: Ann <ann@shop.example>\nTo: support@example.com\nSubject: Shipping\nMessage-ID: <one@shop.example>\n\n\
         {ASKED}\n\n-- \nAnn Example\n"
    );
    house.servers.mail("ann@shop.example", "support@example.com", &asked).await;

    let answer = house.nth_mail("ann@shop.example", 1).await;
    assert!(answer.text.contains(ANSWER), "{}", answer.text);
    assert_eq!(answer.headers.first("in-reply-to"), Some("<one@shop.example>"));
    assert_eq!(answer.headers.first("references"), Some("<one@shop.example>"));
    assert_eq!(answer.headers.first("auto-submitted"), Some("auto-replied"));
    assert!(answer.headers.has(LOOP_HEADER));
    assert_eq!(answer.subject, "Re: Shipping");
    let reply_to = answer.reply_to.as_ref().unwrap().address.clone();
    assert!(reply_to.starts_with("support+"), "{reply_to}");
    let view = house.conversations().await.pop().unwrap();
    assert_eq!(by(&view, Author::Customer)[0].text, ASKED, "the signature is not read");
    let sent = house.until("the answer is sent", async || {
        let view = house.conversations().await.pop()?;
        by(&view, Author::Agent).pop().filter(|message| message.post.delivery == Some(Delivery::Sent))
    });
    assert_eq!(sent.await.text, ANSWER);

    // She answers to the token; her program kept no id. Then another mail by its ids alone, without the token.
    let id = answer.message_id.clone().unwrap();
    let again = format!(
        "From: Ann <ann@shop.example>\nTo: {reply_to}\nSubject: other\nMessage-ID: <two@shop.example>\n\n\
         I demand a refund for my damaged bike, or I will go to my lawyer.\n\nOn Monday, Harbour Bikes <support@example.com> \
         wrote:\n> {ANSWER}\n"
    );
    house.servers.mail("ann@shop.example", &reply_to, &again).await;
    let held = house
        .until("a draft", async || {
            let view = house.conversations().await.pop()?;
            (by(&view, Author::Customer).len() == 2 && view.conversation.reason.is_some()).then_some(view)
        })
        .await;
    assert_eq!(house.conversations().await.len(), 1, "the same conversation");
    assert!(!by(&held, Author::Customer)[1].text.contains(ANSWER), "history is not read again");
    let told = house.nth_mail("ann@shop.example", 2).await;
    assert!(told.text.contains("passing this to a colleague"), "nothing else goes out by itself: {}", told.text);
    let told = told.message_id.unwrap();

    let (_, _) = match by(&held, Author::Draft).pop() {
        Some(draft) => {
            house.messages.approve(&order(&held), draft.id, Some("We are sorry. Ann looks into it.".into())).await
        }
        None => house.messages.reply(&order(&held), "We are sorry. Ann looks into it.".to_owned(), None).await,
    }
    .unwrap();
    let sent = house.nth_mail("ann@shop.example", 3).await;
    assert!(sent.text.contains("We are sorry."), "{}", sent.text);
    assert_eq!(sent.headers.first("auto-submitted"), None, "a person sent it");
    let thread = message_ids(sent.headers.first("references").unwrap());
    assert_eq!(thread, ["one@shop.example", id.as_str(), "two@shop.example", told.as_str()]);
    assert_eq!(message_ids(sent.headers.first("in-reply-to").unwrap()), [told]);

    let third = format!(
        "From: ann@shop.example\nTo: support@example.com\nSubject: x\nReferences: <unknown@x> <{id}>\n\nthank you"
    );
    house.servers.mail("ann@shop.example", "support@example.com", &third).await;
    house
        .until("the third mail", async || {
            let view = house.conversations().await.pop()?;
            (by(&view, Author::Customer).len() == 3).then_some(())
        })
        .await;
    assert_eq!(house.conversations().await.len(), 1);
}

/// W2: a mail that comes back marks the message and opens nothing; nobody answers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounce_marks_the_message_and_is_never_answered() {
    let Some(house) = House::open().await else { return };
    let settings = house.settings("support@example.com");
    house.mailbox("support@example.com", settings).await;
    // Postfix takes mail for that domain, and Dovecot then knows nobody of that name.
    let asked =
        format!("From: gone@shop.example\nTo: support@example.com\nSubject: Shipping\nMessage-ID: <g@x>\n\n{ASKED}");
    house.servers.mail("gone@shop.example", "support@example.com", &asked).await;
    let failed = house
        .until("the failure", async || {
            let view = house.conversations().await.pop()?;
            by(&view, Author::Agent).pop().filter(|message| message.post.delivery == Some(Delivery::Failed))
        })
        .await;
    let (dispatch, _) = house.store.dispatch(failed.id).await.unwrap().unwrap();
    assert!(dispatch.last_error.is_some_and(|why| why.contains("came back")), "it says why");
    let conversations = house.conversations().await;
    assert_eq!(conversations.len(), 1, "a bounce opens nothing");
    assert_eq!(by(&conversations[0], Author::Agent).len(), 1, "and is not answered");
    let bounced = house.received("support@example.com").len();
    assert_eq!(bounced, 2, "the question and the bounce");
}

/// R14: files come with a mail and go with an answer; what was cut of the text is kept beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_and_go_with_mails() {
    let Some(house) = House::open().await else { return };
    let settings = house.settings("support@example.com");
    house.mailbox("support@example.com", settings).await;
    let asked = "From: ann@shop.example\nTo: support@example.com\nSubject: Files\nMessage-ID: <f@x>\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nI demand a refund.\n-- \nAnn Example\n\
        --b\nContent-Type: application/pdf; name=\"a.pdf\"\nContent-Disposition: attachment; filename=\"a.pdf\"\n\n%PDF-1.7 x\n\
        --b\nContent-Type: image/png\nContent-Disposition: attachment; filename=\"evil.png\"\n\
        Content-Transfer-Encoding: base64\n\nTVqQAAMAAAA=\n--b--\n";
    house.servers.mail("ann@shop.example", "support@example.com", asked).await;
    let view = house.until("the mail", async || house.conversations().await.pop()).await;
    let message = by(&view, Author::Customer).pop().unwrap();
    let names: Vec<&str> = message.post.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.pdf", "whole mail.txt"]);
    assert!(message.text.starts_with("I demand a refund."), "{}", message.text);
    assert!(message.text.contains("evil.png was not taken"), "a program that calls itself a picture is not kept");
}

/// R11, R12: two mailboxes are two inboxes; each answers from its own address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mailboxes_are_answered_each_from_its_own_address() {
    let Some(house) = House::open().await else { return };
    for address in ["support@example.com", "billing@example.com"] {
        house.mailbox(address, house.settings(address)).await;
    }
    for (number, address) in ["support@example.com", "billing@example.com"].iter().enumerate() {
        let asked =
            format!("From: ann@shop.example\nTo: {address}\nSubject: S{number}\nMessage-ID: <m{number}@x>\n\n{ASKED}");
        house.servers.mail("ann@shop.example", address, &asked).await;
        let answer = house.nth_mail("ann@shop.example", number + 1).await;
        assert_eq!(answer.from.as_ref().unwrap().address, *address);
    }
    let conversations = house.conversations().await;
    assert_eq!(conversations.len(), 2);
    assert_ne!(conversations[0].conversation.inbox, conversations[1].conversation.inbox);
    assert!(house.store.ping().await.is_ok());
}

/// R37: the team is told by mail, with the summary and a link, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_team_is_told_of_an_escalation_by_mail() {
    let Some(house) = House::open().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, &house.servers.certificate).unwrap();
    let config = NoticesConfig {
        to: vec!["team@example.com".into()],
        from: "desk@example.com".into(),
        host: "localhost".into(),
        port: house.servers.smtp,
        security: MailSecurity::Starttls,
        user: "support@example.com".into(),
        password: "secret".into(),
        authority_file: Some(authority),
    };
    let notices = Notices {
        store: house.store.clone(),
        notifier: Arc::new(EmailNotices::new(&config).unwrap()),
        clock: Arc::new(SystemClock),
        house: "https://desk.example.com".into(),
    };
    assert_eq!(notices.look().await.unwrap(), Looked::Told, "from here on");
    let payload = serde_json::json!({ "reason": "asked for a person", "summary": "A damaged lamp.", "link": "/#c1" });
    let mut work = house.store.begin().await.unwrap();
    work.enqueue("escalation:1", "escalation", &payload).await.unwrap();
    work.commit().await.unwrap();
    while notices.look().await.unwrap() == Looked::Told {}
    let told = house.nth_mail("team@example.com", 1).await;
    assert_eq!(told.subject, "A caller is being connected to a person: asked for a person");
    assert!(told.text.contains("A damaged lamp.") && told.text.contains("https://desk.example.com/#c1"));
    assert_eq!(told.headers.first("auto-submitted"), Some("auto-generated"));
}
