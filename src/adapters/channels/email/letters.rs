//! What goes out, as a letter.

use super::settings::EmailSettings;
use crate::domain::email::Mailbox;
use crate::domain::email::compose::{Letter, LetterFile, Origin};
use crate::domain::email::thread::{our_id, plus_address, subject_tag};
use crate::seams::channel::Delivery;

/// The letter of a delivery: the same each time it is asked for.
pub(super) fn letter(settings: &EmailSettings, delivery: &Delivery, to: &str, files: Vec<LetterFile>) -> Letter {
    let earlier = delivery.earlier.iter().map(|earlier| earlier.external_id.as_str());
    // Mails without an id are known by a digest, which nobody else knows.
    let thread: Vec<String> = earlier.filter(|id| id.contains('@')).map(str::to_owned).collect();
    Letter {
        from: Mailbox { name: settings.name.clone(), address: settings.address.clone() },
        to: Mailbox { name: delivery.to_name.clone(), address: to.to_owned() },
        reply_to: settings.plus_address.then(|| plus_address(&settings.address, &delivery.thread)).flatten(),
        message_id: our_id(delivery.message, settings.domain()),
        thread,
        subject: subject(settings, delivery),
        text: delivery.text.clone(),
        at_s: u64::try_from(delivery.at.0 / 1000).unwrap_or_default(),
        origin: if delivery.is_automatic() { Origin::Answered } else { Origin::Person },
        files,
    }
}

fn subject(settings: &EmailSettings, delivery: &Delivery) -> String {
    let subject = delivery.subject.clone().unwrap_or_default();
    match subject_tag(&delivery.thread).filter(|tag| settings.subject_tag && !subject.contains(tag.as_str())) {
        Some(tag) => format!("{} {tag}", subject.trim_end()),
        None => subject,
    }
}
