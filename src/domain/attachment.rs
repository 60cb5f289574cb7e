//! A file that came with a message, or goes out with one.

use serde::{Deserialize, Serialize};

use super::ids::AttachmentId;
use super::time::EpochMs;

/// A file of a message: what is known of it; its bytes lie apart, under `blob`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Which one.
    pub id: AttachmentId,
    /// Who brought it: nobody else's message may carry it.
    pub owner: String,
    /// Its name, without folders and of one line.
    pub name: String,
    /// What it is, by its content and never by its name.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Where its bytes lie.
    pub blob: String,
    /// When it was brought.
    pub created_at: EpochMs,
}

impl Attachment {
    /// Whether a page may show or play it where it stands; everything else is only downloaded.
    pub fn is_shown_inline(&self) -> bool {
        INLINE.contains(&self.media_type.as_str())
    }
}

/// A name in its one form: without folders, control characters and signs that turn the direction of writing (which hide
/// an ending), [`NAME_CHARS_MAX`] characters at most.
pub fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let plain: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    let plain = plain.trim();
    let chars = plain.chars().count();
    match plain.trim_matches('.').is_empty() {
        true => "file".to_owned(),
        // Its end says what it is.
        false => plain.chars().skip(chars.saturating_sub(NAME_CHARS_MAX)).collect(),
    }
}

/// The largest file, in bytes (R14).
pub const ATTACHMENT_BYTES_MAX: usize = 10_000_000;
/// Files of one message: fits a screen.
pub const ATTACHMENTS_MAX: usize = 10;
/// Fits a line of a list.
const NAME_CHARS_MAX: usize = 120;
/// What browsers draw or play without running anything in it.
const INLINE: [&str; 14] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/opus",
    "audio/webm",
    "audio/x-wav",
    "audio/x-flac",
    "audio/aac",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// W1: a name leads nowhere, breaks no line and hides no ending.
    #[test]
    fn a_name_is_plain() {
        for (name, plain) in [
            ("invoice.pdf", "invoice.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ann\\a.png", "a.png"),
            ("photo\u{202E}gnp.exe", "photognp.exe"),
            ("a\r\nX: y.txt", "aX: y.txt"),
            ("..", "file"),
            ("", "file"),
            ("folder/", "file"),
        ] {
            assert_eq!(plain_name(name), plain, "{name:?}");
        }
        assert!(plain_name(&format!("{}.pdf", "x".repeat(500))).ends_with("x.pdf"));
        assert_eq!(plain_name(&"ü".repeat(500)).chars().count(), NAME_CHARS_MAX);
    }
}
