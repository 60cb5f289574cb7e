//! What becomes of a mail that came in.

use super::authentic::passed_dmarc;
use super::automatic::{Automatic, is_no_reply, never_answered};
use super::bounce::{Bounce, bounce};
use super::header::Mailbox;
use super::read::{Mail, Unreadable, read};
use super::split::split;
use super::thread::{ThreadKeys, thread_keys};

/// What is done with a mail.
pub enum Incoming {
    /// Somebody wrote to us.
    Letter(Box<IncomingLetter>),
    /// A mail of ours came back, or is reported upon. It opens nothing.
    Bounce(Bounce),
    /// A machine answered: it joins the conversation that it is about, and opens none.
    MachineReply(Box<IncomingLetter>),
    /// It is our own copy, or an answer of a machine to nobody: it is left in the mailbox.
    LeftAlone(Automatic),
    /// It cannot be read or answered: it is shown as it is, and the rest go on.
    Quarantined(String),
}

/// A mail to be brought into a conversation.
pub struct IncomingLetter {
    /// By which it is known when it comes again.
    pub key: String,
    /// Its Message-ID, or its key where it has none.
    pub external_id: String,
    /// Where it belongs.
    pub keys: ThreadKeys,
    /// Who wrote.
    pub sender: Mailbox,
    /// Whether our own mail server proved the sender's address (R56).
    pub proven: bool,
    /// What it is about.
    pub subject: Option<String>,
    /// What the core reads: the words that were written now.
    pub words: String,
    /// Whether no machine may answer it.
    pub unanswered: bool,
    /// The mail itself, for what people see.
    pub mail: Mail,
}

/// What an account knows about itself.
pub struct Ours<'a> {
    /// Our own addresses, in lower case.
    pub addresses: &'a [String],
    /// Names under which our mail server writes its results.
    pub authentication_servers: &'a [String],
    /// As long as a message of this channel may be, in characters.
    pub words_chars_max: usize,
}

/// Decides what becomes of these bytes.
pub fn incoming(bytes: &[u8], ours: &Ours<'_>) -> Incoming {
    let mail = match read(bytes) {
        Ok(mail) => mail,
        Err(why) => return Incoming::Quarantined(quarantine_words(why)),
    };
    if let Some(found) = bounce(&mail) {
        return Incoming::Bounce(found);
    }
    let automatic = never_answered(&mail, ours.addresses);
    let keys = thread_keys(&mail);
    if let Some(why) = automatic.filter(|why| is_left_alone(*why, &mail)) {
        return Incoming::LeftAlone(why);
    }
    // A form writes in its own name and says whom to answer; everybody else is who From says.
    let form =
        mail.from.as_ref().is_some_and(|from| is_no_reply(from.local()) || ours.addresses.contains(&from.address));
    let sender = mail.reply_to.clone().filter(|_| form).or_else(|| mail.from.clone()).or_else(|| mail.reply_to.clone());
    let Some(sender) = sender else {
        return Incoming::Quarantined("It does not say who wrote it (no From), so nobody can be answered.".into());
    };
    let words = words_of(&mail, ours.words_chars_max);
    let letter = IncomingLetter {
        key: mail.key.clone(),
        external_id: mail.message_id.clone().unwrap_or_else(|| mail.key.clone()),
        proven: mail.from.as_ref() == Some(&sender)
            && passed_dmarc(&mail.headers, sender.host(), ours.authentication_servers),
        subject: Some(mail.subject.clone()).filter(|subject| !subject.is_empty()),
        unanswered: automatic.is_some(),
        keys,
        sender,
        words,
        mail,
    };
    match automatic {
        Some(Automatic::AutoSubmitted | Automatic::NullSender | Automatic::ListServer | Automatic::Daemon)
            if is_reply(&letter.mail) =>
        {
            Incoming::MachineReply(Box::new(letter))
        }
        _ => Incoming::Letter(Box::new(letter)),
    }
}

/// In words, for whoever looks at what was put aside.
pub fn quarantine_words(why: Unreadable) -> String {
    format!("It cannot be read: {why}.")
}

fn is_left_alone(why: Automatic, mail: &Mail) -> bool {
    match why {
        // A copy of what we sent.
        Automatic::Ours => mail.headers.has(super::automatic::LOOP_HEADER),
        // Reports that are no bounces, such as those of DMARC, are about nobody's case.
        Automatic::Report => true,
        Automatic::AutoSubmitted
        | Automatic::NullSender
        | Automatic::Precedence
        | Automatic::Suppressed
        | Automatic::Loop
        | Automatic::List
        | Automatic::ListServer
        | Automatic::Daemon
        | Automatic::NoReply
        | Automatic::FailedRecipients
        | Automatic::Bounce => false,
    }
}

/// A machine's answer to somebody, such as a note of absence; a shop's form is sent by a machine as well, and is none.
fn is_reply(mail: &Mail) -> bool {
    let generated = mail.headers.first("auto-submitted").is_some_and(|value| value.starts_with("auto-generated"));
    !generated || mail.headers.has("in-reply-to")
}

/// The words written now, with the subject where the text says little; bounded.
fn words_of(mail: &Mail, chars_max: usize) -> String {
    let words = split(&mail.text).words;
    let words = if words.trim().is_empty() { mail.subject.clone() } else { words };
    words.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mail: &str) -> Incoming {
        let ours = Ours {
            addresses: &["support@example.com".to_owned()],
            authentication_servers: &["mx.example.com".to_owned()],
            words_chars_max: 25_000,
        };
        incoming(mail.as_bytes(), &ours)
    }

    /// R56: only what our own server proved is proven; quoted history is not read.
    #[test]
    fn a_customers_mail_is_a_letter_with_their_words_alone() {
        let Incoming::Letter(letter) = of(
            "Authentication-Results: mx.example.com; dmarc=pass header.from=shop.example\r\n\
            From: Ann <Ann@Shop.example>\r\nSubject: Order 7\r\nMessage-ID: <m1@shop.example>\r\n\r\nWhere is it?\r\n\r\n\
            On Mon, 2 May 2026 at 10:00, Support <support@example.com> wrote:\r\n> Old words\r\n",
        ) else {
            panic!("not a letter")
        };
        assert_eq!((letter.words.as_str(), letter.proven, letter.unanswered), ("Where is it?", true, false));
        assert_eq!(
            (letter.external_id.as_str(), letter.sender.address.as_str()),
            ("m1@shop.example", "ann@shop.example")
        );
    }

    /// W2: an absence note joins what it answers and opens nothing; a shop's form is a letter that no machine answers.
    #[test]
    fn machines_open_nothing_but_forms_are_read() {
        assert!(matches!(
            of("From: a@b.example\r\nAuto-Submitted: auto-replied\r\n\r\nAway"),
            Incoming::MachineReply(_)
        ));
        let form = of("From: a@b.example\r\nAuto-Submitted: auto-generated\r\n\r\nA customer asks");
        assert!(matches!(form, Incoming::Letter(letter) if letter.unanswered));
        let asked =
            of("From: noreply@shop.example\r\nReply-To: Ann <ann@x.example>\r\nSubject: Form\r\n\r\nWhere is it?");
        assert!(
            matches!(asked, Incoming::Letter(letter) if letter.sender.address == "ann@x.example" && !letter.unanswered)
        );
        let own = of("From: support@example.com\r\nX-Switchboard-Loop: automatic\r\n\r\nOur words");
        assert!(matches!(own, Incoming::LeftAlone(_)));
        assert!(matches!(of("Subject: Hello\r\n\r\nWho am I?"), Incoming::Quarantined(_)));
        assert!(matches!(of(""), Incoming::Quarantined(_)));
    }
}
