//! What a mailbox may hold and what servers may do.

use serde_json::json;
use switchboard::domain::channel_account::Fares;
use switchboard::domain::conversation::Author;
use switchboard::seams::channel_store::ChannelReads;

use crate::house::House;
use crate::words::ASKED;

/// W2: a mail that cannot be read is put aside and shown, and the rest go on; the same mail fetched twice is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_cannot_be_read_is_shown_and_the_rest_go_on() {
    let Some(house) = House::open().await else { return };
    let settings = house.settings("support@example.com");
    house.mailbox("support@example.com", settings).await;
    house.servers.drop_into("support@example.com", "1.bad", b"\xff\xfe no mail at all");
    house.servers.drop_into("support@example.com", "2.nobody", b"Subject: Nobody wrote this\n\nHello");
    let asked = format!("From: ann@shop.example\nTo: support@example.com\nSubject: S\nMessage-ID: <m@x>\n\n{ASKED}");
    house.servers.mail("ann@shop.example", "support@example.com", &asked).await;
    house.servers.mail("ann@shop.example", "support@example.com", &asked).await;
    house.nth_mail("ann@shop.example", 1).await;
    let views =
        house.until("all mails", async || Some(house.conversations().await).filter(|views| views.len() >= 3)).await;
    assert_eq!(views.len(), 3, "two put aside, one answered");
    let aside = views.iter().filter(|view| view.messages[0].text.contains("was put aside")).count();
    assert_eq!(aside, 2);
    for view in views.iter().filter(|view| view.messages[0].text.contains("was put aside")) {
        assert!(view.messages.iter().all(|message| message.author == Author::Customer), "nobody answers it");
    }
    assert_eq!(house.servers.mails("support@example.com").len(), 4, "nothing is taken out of the mailbox");
}

/// W2: when the server numbers its mails anew, nothing is lost and nothing comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_are_numbered_anew_come_once() {
    let Some(house) = House::open().await else { return };
    let settings = house.settings("support@example.com");
    let account = house.mailbox("support@example.com", settings).await;
    let write = async |number: u32| {
        let asked =
            format!("From: ann@shop.example\nTo: support@example.com\nSubject: S{number}\n\nHello number {number}");
        house.servers.mail("ann@shop.example", "support@example.com", &asked).await;
    };
    write(1).await;
    house.until("the first", async || (house.conversations().await.len() == 1).then_some(())).await;
    let change = |enabled: bool, version: i64| switchboard::channels::AccountChange {
        version,
        enabled: Some(enabled),
        ..Default::default()
    };
    let (_, off) = house.channels.change(account.id, change(false, account.version)).await.unwrap();
    let before = house.store.channel_mark(account.id, "read:INBOX").await.unwrap().unwrap();
    write(2).await;
    house.until("its arrival", async || (house.servers.mails("support@example.com").len() == 2).then_some(())).await;
    house.servers.until_nobody_reads().await;
    house.servers.number_anew("support@example.com");
    house.channels.change(account.id, change(true, off.version)).await.unwrap();
    house.until("the second", async || (house.conversations().await.len() == 2).then_some(())).await;
    let after = house.store.channel_mark(account.id, "read:INBOX").await.unwrap().unwrap();
    assert_ne!(before.split(':').next(), after.split(':').next(), "the numbers are new");
    write(3).await;
    house.until("the third", async || (house.conversations().await.len() == 3).then_some(())).await;
}

/// "Test this channel" says what is wrong in words, and so does its health.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_mailbox_is_told_in_words() {
    let Some(house) = House::open().await else { return };
    let account = house.mailbox("support@example.com", house.settings("support@example.com")).await;
    let told = house.channels.test(account.id).await.unwrap().unwrap();
    assert!(told.contains("can be read and sent; new mail is told of at once"), "{told}");
    let wrong = |key: &str, value: serde_json::Value| {
        let mut settings = house.settings("support@example.com");
        settings[key] = value;
        settings
    };
    let cases = [
        (wrong("imap", json!({ "host": "localhost", "port": 1 })), "cannot be reached"),
        (wrong("imap", json!({ "host": "localhost", "port": house.servers.smtp })), "TLS"),
        (
            wrong(
                "imap",
                json!({ "host": "localhost", "port": house.servers.imap, "security": "starttls", "user": "x" }),
            ),
            "refuses to sign x in",
        ),
        (
            wrong(
                "smtp",
                json!({ "host": "localhost", "port": house.servers.smtp, "security": "starttls", "user": "x" }),
            ),
            "refuses to sign x in for sending",
        ),
        (wrong("folder", json!("Nowhere")), "`Nowhere` cannot be opened"),
        (wrong("authority_pem", json!(null)), "does not prove who it is"),
    ];
    let mut version = account.version;
    for (settings, expected) in cases {
        let change = switchboard::channels::AccountChange { version, settings: Some(settings), ..Default::default() };
        let (_, changed) = house.channels.change(account.id, change).await.unwrap();
        version = changed.version;
        let why = house.channels.test(account.id).await.unwrap().unwrap_err();
        assert!(why.contains(expected), "{why} does not say {expected}");
    }
    house
        .until("the health", async || {
            let (_, health) = house.store.channel_account(account.id).await.unwrap()?;
            (health.fares == Fares::Failing && health.last_error.is_some()).then_some(())
        })
        .await;
}
