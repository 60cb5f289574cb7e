//! Which conversation a mail continues.
//!
//! In the order of how sure they are: our token in an address it was sent to; the ids it answers; the tag in its
//! subject. What none of them names begins a conversation.

use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest, Sha256};

use super::header::{addresses_in, message_ids};
use super::read::Mail;
use crate::domain::ids::MessageId;

/// Where a mail may belong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadKeys {
    /// The thread whose token stands in an address it was sent to.
    pub token: Option<String>,
    /// The ids that it answers, without brackets: first of In-Reply-To, then of References from the newest.
    pub ids: Vec<String>,
    /// The thread whose tag stands in its subject.
    pub tag: Option<String>,
}

/// The names under which the conversation of a mail may be known.
pub fn thread_keys(mail: &Mail) -> ThreadKeys {
    let headers = &mail.headers;
    let addressed = ["delivered-to", "x-original-to", "to", "cc"].into_iter();
    let token = addressed.flat_map(|name| headers.all(name)).flat_map(addresses_in).find_map(|to| token_in(&to));
    let answered = headers.all("in-reply-to").flat_map(message_ids);
    // The newest reference stands last.
    let referred: Vec<String> = headers.all("references").flat_map(message_ids).collect();
    let mut ids: Vec<String> = Vec::new();
    for id in answered.chain(referred.into_iter().rev()) {
        if ids.len() < IDS_MAX && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ThreadKeys { token, ids, tag: TAG.captures(&mail.subject).map(|found| found[1].to_ascii_lowercase()) }
}

/// The token of a thread that a mail begins in an account: nobody who has not seen a mail of it can guess it.
pub fn new_token(account: &str, mail_key: &str) -> String {
    let digest = Sha256::new().chain_update(account).chain_update([0]).chain_update(mail_key).finalize();
    let mut bits = [0u8; 16];
    bits.copy_from_slice(&digest[..16]);
    let bits = u128::from_be_bytes(bits);
    // In lower case, since addresses lose their case on the way (RFC 4648, section 6).
    (0..TOKEN_CHARS).rev().map(|index| LETTERS[((bits >> (5 * index)) & 31) as usize] as char).collect()
}

/// The address under which answers to a thread come: `support+…@example.com` (RFC 5233). `None` where the thread has
/// another channel's name.
pub fn plus_address(address: &str, thread: &str) -> Option<String> {
    let (local, host) = address.rsplit_once('@')?;
    is_token(thread).then(|| format!("{local}+{thread}@{host}"))
}

/// The thread that a plus address names.
pub fn token_in(address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    // Some servers write the detail behind `-` or `=`.
    local.rsplit(['+', '-', '=']).next().map(str::to_ascii_lowercase).filter(|token| is_token(token))
}

/// `[#…]`, for people whose programs lose every header.
pub fn subject_tag(thread: &str) -> Option<String> {
    is_token(thread).then(|| format!("[#{thread}]"))
}

/// Our Message-ID for a message, always the same, so that a mail that is sent twice is one.
pub fn our_id(message: MessageId, host: &str) -> String {
    format!("sb.{}@{host}", message.0.simple())
}

/// Whether an id is one of [`our_id`]'s.
pub fn is_ours(id: &str, host: &str) -> bool {
    id.starts_with("sb.") && id.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(host))
}

/// The Message-ID of a notification to one of the team, always the same.
pub fn notice_id(key: &str, to: &str, host: &str) -> String {
    let digest = Sha256::new().chain_update(key).chain_update([0]).chain_update(to).finalize();
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("notice.{hex}@{host}")
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS as usize && text.bytes().all(|byte| LETTERS.contains(&byte))
}

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[#([A-Za-z2-7]{26})\]").expect("the pattern is a constant that the tests compile"));
/// RFC 4648, section 6, in lower case.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 26 letters hold 128 bits.
const TOKEN_CHARS: u32 = 26;
/// Ids that are looked up for one mail; each is one read of an index.
const IDS_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::read;
    use proptest::prelude::*;

    fn keys(headers: &str) -> ThreadKeys {
        thread_keys(&read(format!("From: ann@example.com\r\n{headers}\r\n\r\nHello").as_bytes()).unwrap())
    }

    /// W2: token, then ids from the newest, then the tag; and an empty id is none.
    #[test]
    fn a_mail_names_its_conversation_surest_first() {
        let (one, other) = (new_token("account", "one"), new_token("account", "other"));
        let plus = plus_address("support@example.com", &one).unwrap();
        let tag = subject_tag(&other).unwrap();
        let found = keys(&format!(
            "Subject: Re: [x] Invoice {tag}\r\nReferences: <first@a>\r\n <> <second@b>\r\nIn-Reply-To: <second@b>\r\n\
             X-Original-To: {}\r\nTo: Support <support@example.com>",
            plus.to_uppercase()
        ));
        let ids = vec!["second@b".to_owned(), "first@a".to_owned()];
        assert_eq!(found, ThreadKeys { token: Some(one), ids, tag: Some(other) });
    }

    /// W2: empty ids glue nothing together.
    #[test]
    fn empty_ids_name_nothing() {
        let found = keys("In-Reply-To: <>\r\nReferences: <> < > <@>\r\nTo: support+@example.com");
        assert_eq!(found, ThreadKeys::default());
    }

    /// A thread of another channel has no address of its own.
    #[test]
    fn only_our_tokens_make_addresses() {
        assert_eq!(plus_address("support@example.com", "visitor-7"), None);
        assert_eq!(plus_address("support@example.com", "aaaaaaaaaaaaaaaaaaaaaaaaa\r\n"), None);
        assert_eq!(token_in("support+news@example.com"), None);
    }

    proptest! {
        #[test]
        fn every_token_is_read_back(account in ".{0,20}", key in ".{0,40}") {
            let token = new_token(&account, &key);
            let address = plus_address("a@b.c", &token).unwrap();
            prop_assert_eq!(token_in(&address.to_uppercase()), Some(token));
        }
    }
}
