//! What is new in the mailbox, one mail after the other. How far it was read is kept after each, so that a crash repeats
//! one mail at most, and that one is known by its key.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::EmailChannel;
use super::imap::{self, Folder, Listed, Woken};
use crate::domain::casework::Delivery as HowFar;
use crate::domain::contact::{Address, AddressKind};
use crate::domain::email::Mail;
use crate::domain::email::bounce::{Bounce, BounceOutcome};
use crate::domain::email::incoming::{Incoming, IncomingLetter, Ours, incoming, quarantine_words};
use crate::domain::email::read::{MAIL_BYTES_MAX, Unreadable};
use crate::domain::email::thread::{is_ours, new_token};
use crate::domain::time::EpochMs;
use crate::seams::channel::{Arrived, ArrivedFile, Inbound, InboundError};

impl EmailChannel {
    /// Reads what is new and waits for more, until it is to stop or something breaks (in words).
    pub(super) async fn read_until(&self, intake: &dyn Inbound, stop: &CancellationToken) -> Result<(), String> {
        let mut folder = imap::connect(&self.settings, &self.credentials, &self.settings.folder).await?;
        intake.fares(None).await;
        let poll = Duration::from_secs(self.settings.poll_s);
        loop {
            self.catch_up(&mut folder, intake, stop).await?;
            let (back, woken) = folder.wait(poll, stop).await?;
            folder = back;
            if woken == Woken::Stop {
                folder.close().await;
                return Ok(());
            }
        }
    }

    async fn catch_up(
        &self,
        folder: &mut Folder,
        intake: &dyn Inbound,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        let mark = format!("read:{}", self.settings.folder);
        let known = intake.mark(&mark).await.map_err(not_kept)?;
        let known = known.as_deref().and_then(|kept| kept.split_once(':'));
        let known = known.and_then(|(validity, uid)| Some((validity.parse::<u32>().ok()?, uid.parse::<u32>().ok()?)));
        let mut last = match known {
            Some((validity, uid)) if validity == folder.validity => uid,
            // The numbers mean other mails now. What came lately is read again; keys tell what is known (W2).
            Some(_) => folder
                .first_since(&day(self.clock.epoch(), READ_AGAIN_DAYS))
                .await?
                .map_or(newest(folder), |uid| uid - 1),
            // A mailbox that is new to us: old mail was answered by others.
            None => newest(folder),
        };
        intake.keep_mark(&mark, &format!("{}:{last}", folder.validity)).await.map_err(not_kept)?;
        loop {
            let listed = folder.listed_after(last).await?;
            if listed.is_empty() {
                return Ok(());
            }
            for mail in listed {
                if stop.is_cancelled() {
                    return Ok(());
                }
                self.take(folder, mail, intake).await?;
                last = mail.uid;
                intake.keep_mark(&mark, &format!("{}:{last}", folder.validity)).await.map_err(not_kept)?;
            }
        }
    }

    async fn take(&self, folder: &mut Folder, mail: Listed, intake: &dyn Inbound) -> Result<(), String> {
        let place = format!("{}:{}", folder.validity, mail.uid);
        let too_large = usize::try_from(mail.bytes).is_ok_and(|bytes| bytes > MAIL_BYTES_MAX);
        let what = if too_large {
            Incoming::Quarantined(quarantine_words(Unreadable::TooLarge))
        } else {
            // A mail that somebody took away meanwhile is none of ours.
            let Some(bytes) = folder.bytes(mail.uid).await? else { return Ok(()) };
            self.read_apart(bytes).await
        };
        let taken = match what {
            Incoming::Letter(letter) => self.bring(*letter, false, intake).await,
            Incoming::MachineReply(letter) => self.bring(*letter, true, intake).await,
            Incoming::Bounce(bounce) => self.came_back(&bounce, intake).await,
            Incoming::Quarantined(why) => self.quarantine(&why, &place, intake).await,
            Incoming::LeftAlone(why) => {
                debug!(channel.account = %self.account, mail.place = %place, ?why, "A mail is left alone");
                Ok(())
            }
        };
        taken.map_err(not_kept)
    }

    /// Reading tens of megabytes takes a while; other work goes on. Should reading panic after all, that mail is put aside.
    async fn read_apart(&self, bytes: Vec<u8>) -> Incoming {
        let addresses = self.settings.ours();
        let servers = self.settings.authentication_servers.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let ours =
                Ours { addresses: &addresses, authentication_servers: &servers, words_chars_max: WORDS_CHARS_MAX };
            incoming(&bytes, &ours)
        });
        reading.await.unwrap_or_else(|_| Incoming::Quarantined("It cannot be read: it broke the reader.".into()))
    }

    async fn bring(&self, letter: IncomingLetter, only_known: bool, intake: &dyn Inbound) -> Result<(), InboundError> {
        if intake.known(std::slice::from_ref(&letter.external_id)).await?.is_some() {
            return Ok(());
        }
        let answered = if letter.keys.ids.is_empty() { None } else { intake.known(&letter.keys.ids).await? };
        let thread = letter.keys.token.clone().or_else(|| answered.and_then(|known| known.thread));
        let thread = thread.or_else(|| letter.keys.tag.clone());
        if only_known && thread.is_none() {
            info!(channel.account = %self.account, "A machine's mail about nothing of ours is left alone");
            return Ok(());
        }
        let address = Address::parse(AddressKind::Email, &letter.sender.address);
        let arrived = Arrived {
            thread: thread.unwrap_or_else(|| new_token(&self.account, &letter.key)),
            key: format!("mail:{}", letter.key),
            external_id: Some(letter.external_id),
            name: letter.sender.name,
            addresses: address.map(|address| Address { proven: letter.proven, ..address }).into_iter().collect(),
            subject: letter.subject,
            files: files(&letter.mail, &letter.words),
            text: letter.words,
            unanswered: letter.unanswered,
        };
        intake.arrived(arrived).await.map(drop)
    }

    /// A report marks the message that it is about, and opens nothing.
    async fn came_back(&self, bounce: &Bounce, intake: &dyn Inbound) -> Result<(), InboundError> {
        metrics::counter!("switchboard_mails_bounced_total").increment(1);
        let Some((how_far, why)) = told_by(bounce) else { return Ok(()) };
        for id in &bounce.about {
            // A server may give a mail back before we have written down that it took it.
            let mut looks = 0;
            while is_ours(id, self.settings.domain())
                && looks < LOOKS
                && intake.known(std::slice::from_ref(id)).await?.is_none()
            {
                tokio::time::sleep(BETWEEN_LOOKS).await;
                looks += 1;
            }
            intake.progressed(id, how_far, why.as_deref()).await?;
        }
        Ok(())
    }

    async fn quarantine(&self, why: &str, place: &str, intake: &dyn Inbound) -> Result<(), InboundError> {
        metrics::counter!("switchboard_mails_quarantined_total").increment(1);
        info!(channel.account = %self.account, mail.place = %place, "A mail is put aside");
        let text = format!(
            "A mail to {} was put aside. {why} It lies unread in the folder {} (number {place}).",
            self.settings.address, self.settings.folder
        );
        let arrived = Arrived {
            thread: new_token(&self.account, place),
            key: format!("quarantine:{place}"),
            subject: Some("A mail was put aside".into()),
            text,
            unanswered: true,
            ..Arrived::default()
        };
        intake.arrived(arrived).await.map(drop)
    }
}

/// What comes along: files, inline pictures among them; and the whole text where the core reads only a part of it, so
/// that people can see the history and the signature.
fn files(mail: &Mail, words: &str) -> Vec<ArrivedFile> {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let is_cut = squeezed(&mail.text) != squeezed(words);
    let whole = is_cut.then(|| ArrivedFile { name: WHOLE.into(), bytes: mail.text.clone().into_bytes().into() });
    let unnamed = |index: usize| format!("file {}", index + 1);
    let came = mail.attachments.iter().enumerate().filter(|(_, file)| !file.bytes.is_empty());
    let came = came.map(|(index, file)| ArrivedFile {
        name: file.name.clone().unwrap_or_else(|| unnamed(index)),
        bytes: file.bytes.clone().into(),
    });
    came.chain(whole).collect()
}

/// How far a mail came by what a report says of it, and why it failed.
fn told_by(bounce: &Bounce) -> Option<(HowFar, Option<String>)> {
    match bounce.outcome {
        BounceOutcome::Delivered => Some((HowFar::Delivered, None)),
        // The server goes on trying; and a complaint is about a mail that arrived.
        BounceOutcome::Delayed | BounceOutcome::Complained => None,
        BounceOutcome::Failed => {
            let said = match (&bounce.why, &bounce.status) {
                (Some(why), _) => format!("The mail came back: {why}"),
                (None, Some(status)) => format!("The mail came back (status {status})."),
                (None, None) => "The mail came back without a reason.".to_owned(),
            };
            Some((HowFar::Failed, Some(said)))
        }
    }
}

/// The newest uid there is.
fn newest(folder: &Folder) -> u32 {
    folder.next.map_or(0, |next| next.saturating_sub(1))
}

/// The day so many days ago, as IMAP writes it.
fn day(now: EpochMs, days_ago: i64) -> String {
    let then = jiff::Timestamp::from_millisecond(now.0 - days_ago * DAY_MS).unwrap_or_default();
    then.strftime("%d-%b-%Y").to_string()
}

fn not_kept(error: InboundError) -> String {
    format!("A mail was not kept and will be read again: {error}.")
}

/// When a mailbox numbers its mails anew, mail of these days is looked at again.
const READ_AGAIN_DAYS: i64 = 14;
/// Looks for a message that came back very soon, and the pause between them: two seconds in all.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// What the whole text of a mail is called.
const WHOLE: &str = "whole mail.txt";
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// As long as a mail's words may be: the limit of the channel.
const WORDS_CHARS_MAX: usize = 25_000;
