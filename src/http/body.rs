//! Bodies of requests that change something, and the keys by which one is known when it comes again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

use super::principal::acting;
use super::problem::Problem;
use crate::domain::attachment::Attachment;
use crate::messages::RequestKey;

/// 422.
pub fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// A text for people: not empty, not too long.
pub fn text(text: &str, chars_max: usize) -> Result<String, Problem> {
    let chars = text.chars().count();
    if text.trim().is_empty() || chars > chars_max {
        return Err(unprocessable(format!("text has 1 to {chars_max} characters; this one has {chars}.")));
    }
    Ok(text.to_owned())
}

/// The same, which may be left out beside files.
pub fn text_beside(attachments: &[Attachment], written: &str, chars_max: usize) -> Result<String, Problem> {
    if !attachments.is_empty() && written.trim().is_empty() { Ok(String::new()) } else { text(written, chars_max) }
}

/// A short name, such as a teammate's.
pub fn name(what: &str, name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
        return Err(unprocessable(format!("{what} is a name of 1 to {NAME_CHARS_MAX} characters in one line.")));
    }
    Ok(name.to_owned())
}

/// In whose name a teammate's act is done.
pub fn teammate(named: &str) -> Result<String, Problem> {
    name("teammate", &acting(named))
}

/// How many rows a page has.
#[derive(Clone, Copy)]
pub struct Limit(u32);

impl Limit {
    /// 1 to 200; 50 where none was asked for.
    pub fn of(asked: Option<u32>) -> Result<Limit, Problem> {
        let limit = asked.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let detail = format!("limit is a number from 1 to {LIMIT_MAX}.");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        Ok(Limit(limit))
    }

    /// One more than is shown tells whether there is a next page.
    pub fn and_one(self) -> u32 {
        self.0 + 1
    }

    /// Takes the one more out; gives the last row shown where another page follows.
    pub fn cut<T>(self, rows: &mut Vec<T>) -> Option<&T> {
        let more = rows.len() > self.0 as usize;
        rows.truncate(self.0 as usize);
        rows.last().filter(|_| more)
    }
}

/// A cursor that is one value.
pub fn cursor<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| bad_cursor())
}

/// 400 for a cursor that is none of ours.
pub fn bad_cursor() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "cursor is the next_cursor of the page before; leave it out for the first.")
}

/// The request's `Idempotency-Key` with the digest of its body, where it has one.
pub fn key(headers: &HeaderMap, scope: &str, body: &[u8]) -> Result<Option<RequestKey>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
    let key = key.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, format!("Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters."))
    })?;
    let digest = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(RequestKey { scope: scope.to_owned(), key: key.to_owned(), digest }))
}

/// The keys of requests under way: at most as many as requests.
#[derive(Clone, Default)]
pub struct KeysInUse(Arc<Mutex<HashSet<(String, String)>>>);

/// One request's claim on its key.
pub struct KeyInUse {
    all: KeysInUse,
    key: (String, String),
}

impl KeysInUse {
    /// Takes a key; 409 while another request has it.
    pub fn take(&self, key: Option<&RequestKey>) -> Result<Option<KeyInUse>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let key = (key.scope.clone(), key.key.clone());
        let fresh = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(key.clone());
        if !fresh {
            let detail = "A request with this Idempotency-Key is under way; wait for its answer, then ask again.";
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
        Ok(Some(KeyInUse { all: self.clone(), key }))
    }
}

impl Drop for KeyInUse {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&self.key);
    }
}

/// A key is a UUID or a little more.
const KEY_BYTES_MAX: usize = 255;
/// Fits a line of a list.
const NAME_CHARS_MAX: usize = 100;
/// Fits a screen and a little more.
const LIMIT_DEFAULT: u32 = 50;
/// A page of this size is read in a few milliseconds.
const LIMIT_MAX: u32 = 200;
