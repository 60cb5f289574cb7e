//! Files of messages: looked into, kept, and forgotten again when no message ever carries them (R14).
//!
//! 1. A file is brought ([`MessageDesk::keep_attachment`]): its bytes are durable, then its row is.
//! 2. A message names it and takes it, in the transaction that writes the message.
//! 3. What no message has taken within a day is taken out.

use std::ops::Range;

use bytes::Bytes;

use super::MessageDesk;
use crate::domain::attachment::{ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, Attachment, plain_name};
use crate::domain::ids::AttachmentId;
use crate::domain::time::EpochMs;
use crate::seams::blobs::{Blob, BlobError};
use crate::seams::store::StoreError;

/// Why a file was not taken or not given.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// It is larger than [`ATTACHMENT_BYTES_MAX`].
    #[error("a file may have 10 MB; send a smaller one, or a link")]
    TooLarge,
    /// It has no bytes.
    #[error("this file is empty; choose another one")]
    Empty,
    /// It is none of the kinds that are taken.
    #[error(
        "by its content this is no file of a kind that is taken: PDF, pictures, sound, video, text and office documents \
         are"
    )]
    Kind,
    /// A message carries at most [`ATTACHMENTS_MAX`].
    #[error("a message carries at most 10 files; send the others with another one")]
    TooMany,
    /// It is not there, or is somebody else's, or a message carries it already.
    #[error("one of the files is not there, is not yours or belongs to another message; upload it again")]
    Unknown,
    /// Its bytes were not kept or read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MessageDesk {
    /// Keeps a file that `owner` brings; durable once it returns. A message of theirs may carry it within a day.
    pub async fn keep_attachment(&self, owner: &str, name: &str, bytes: Bytes) -> Result<Attachment, AttachmentError> {
        match bytes.len() {
            0 => return Err(AttachmentError::Empty),
            length if length > ATTACHMENT_BYTES_MAX => return Err(AttachmentError::TooLarge),
            _ => {}
        }
        let media_type = media_type_of(&bytes).ok_or(AttachmentError::Kind)?.to_owned();
        let id = AttachmentId(self.parts.ids.next());
        // The end of an id is random: files spread over 256 folders.
        let text = id.to_string();
        let blob = format!("attachments/{}/{id}", &text[text.len() - 2..]);
        let size_bytes = bytes.len() as u64;
        let created_at = self.parts.clock.epoch();
        let (owner, name) = (owner.to_owned(), plain_name(name));
        let attachment = Attachment { id, owner, name, media_type, size_bytes, blob, created_at };
        self.parts.blobs.put(&attachment.blob, bytes).await?;
        let mut work = self.parts.store.begin().await?;
        work.save_attachment(&attachment).await?;
        work.commit().await?;
        metrics::counter!("switchboard_attachments_total").increment(1);
        Ok(attachment)
    }

    /// The files of a message that is to be written: those that `owner` brought and no message carries yet.
    pub async fn brought(&self, owner: &str, ids: &[AttachmentId]) -> Result<Vec<Attachment>, AttachmentError> {
        if ids.len() > ATTACHMENTS_MAX {
            return Err(AttachmentError::TooMany);
        }
        let mut brought: Vec<Attachment> = Vec::with_capacity(ids.len());
        for id in ids {
            match self.parts.store.attachment(*id).await? {
                Some((one, None)) if one.owner == owner && brought.iter().all(|other| other.id != one.id) => {
                    brought.push(one);
                }
                _ => return Err(AttachmentError::Unknown), // Named twice, taken, somebody else's, or not there.
            }
        }
        Ok(brought)
    }

    /// The bytes of a file, or a part of them.
    pub async fn attachment_bytes(&self, one: &Attachment, part: Option<Range<u64>>) -> Result<Blob, BlobError> {
        self.parts.blobs.get(&one.blob, part).await
    }

    /// Takes out files that no message has taken within a day. The row goes first: a row always has its bytes.
    pub(super) async fn forget_unclaimed(&self, now: EpochMs) -> Result<(), AttachmentError> {
        let before = EpochMs(now.0 - UNCLAIMED_MS);
        for old in self.parts.store.unclaimed_attachments(before, FORGOTTEN_AT_ONCE).await? {
            let mut work = self.parts.store.begin().await?;
            match work.delete_unclaimed_attachment(old.id).await {
                Ok(()) => work.commit().await?,
                Err(StoreError::NotFound) => continue, // Taken at the last moment.
                Err(error) => return Err(error.into()),
            }
            self.parts.blobs.delete(&old.blob).await?;
        }
        Ok(())
    }
}

/// What it is, by its content; `None` for what is not taken (programs, archives, whatever is not known). Text is text
/// whatever it says, so that a page or a script is never more than that.
pub fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    use infer::MatcherType as Is;
    let known = infer::get(bytes).filter(|known| known.matcher_type() != Is::Text);
    let Some(known) = known else { return is_text(bytes).then_some("text/plain") };
    match (known.matcher_type(), known.mime_type()) {
        // A recorder's file holds no picture; players ask what they are given.
        (_, "video/webm" | "video/x-matroska") if !has(bytes, &[b"V_VP", b"V_AV1", b"V_MPEG"]) => Some("audio/webm"),
        (_, "video/mp4" | "video/x-m4v" | "audio/m4a") if !has(bytes, &[b"vide"]) => Some("audio/mp4"),
        (_, "audio/m4a") => Some("video/mp4"),
        (Is::Image, "image/vnd.dwg") => None,
        (Is::Image | Is::Audio | Is::Video, kind) => Some(kind),
        (Is::Doc, kind) => Some(kind),
        (_, kind @ ("application/pdf" | "application/rtf")) => Some(kind),
        (_, kind) if kind.starts_with("application/vnd.oasis.opendocument.") => Some(kind),
        _ => None, // Programs, archives, fonts, books.
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

fn has(bytes: &[u8], marks: &[&[u8]]) -> bool {
    marks.iter().any(|mark| bytes.windows(mark.len()).any(|four| four == *mark))
}

/// Long enough to finish a message after lunch.
const UNCLAIMED_MS: i64 = 86_400_000;
/// Of one look; the next one takes the rest.
const FORGOTTEN_AT_ONCE: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// W1, R14: what a file is depends on its content alone.
    #[test]
    fn a_file_is_what_its_content_says() {
        let webm = |codec: &[u8]| {
            [b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm".as_slice(), codec, &[0; 256]].concat()
        };
        let rows: [(&[u8], Option<&str>); 12] = [
            (b"%PDF-1.7 ...", Some("application/pdf")),
            (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            (b"\xff\xd8\xff\xe0....", Some("image/jpeg")),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0aaaabbbbccccdOpusHead", Some("audio/ogg")),
            (&webm(b"A_OPUS"), Some("audio/webm")),
            (&webm(b"V_VP8 A_OPUS"), Some("video/webm")),
            ("Grüße, Zoë\n1;2;3\r\n".as_bytes(), Some("text/plain")),
            (b"<!DOCTYPE html><script>alert(1)</script>", Some("text/plain")),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", Some("text/plain")),
            (b"MZ\x90\0\x03\0\0\0", None),
            (b"\x7fELF\x02\x01\x01\0", None),
            (b"PK\x03\x04\x14\0\0\0\0\0", None),
        ];
        for (bytes, kind) in rows {
            assert_eq!(media_type_of(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(media_type_of(b"\0\x01\x02\x03"), None);
    }
}
