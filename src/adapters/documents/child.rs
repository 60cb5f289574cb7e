//! The process in which one document is read.

use std::io::{self, Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::{docx, html, pdf};
use crate::domain::article::FileFormat;
use crate::seams::documents::{DocumentError, DocumentText};

/// What the child says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Read { title: Option<String>, text: String },
    Damaged(String),
}

/// Reads the document on standard input and writes its text to standard output, within bounds of its own.
pub fn run(format: &str) -> anyhow::Result<()> {
    let bound = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, bound(MEMORY_BYTES_MAX))?;
    setrlimit(Resource::Cpu, bound(CPU_SECONDS_MAX))?;
    setrlimit(Resource::Nofile, bound(FILES_MAX))?;
    setrlimit(Resource::Core, bound(0))?;
    let format = format_named(format)?;
    let mut bytes = Vec::new();
    io::stdin().lock().take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes)?;
    let read = match format {
        FileFormat::Html => Ok(html::read(&String::from_utf8_lossy(&bytes))),
        FileFormat::Docx => docx::read(bytes),
        FileFormat::Pdf => pdf::read(&bytes),
        FileFormat::Text | FileFormat::Markdown => Ok((None, String::from_utf8_lossy(&bytes).into_owned())),
    };
    let answer = match read {
        Ok((title, text)) => Answer::Read { title, text: tidy(&text) },
        Err(why) => Answer::Damaged(why),
    };
    io::stdout().lock().write_all(&serde_json::to_vec(&answer)?)?;
    Ok(())
}

/// What the child's answer means.
pub fn understand(format: FileFormat, answer: &[u8], ended_well: bool) -> Result<DocumentText, DocumentError> {
    match serde_json::from_slice(answer) {
        Ok(Answer::Read { text, .. }) if text.trim().is_empty() => Err(DocumentError::Damaged(
            "this document holds no text; a scan has to be read by OCR before it is uploaded".into(),
        )),
        Ok(Answer::Read { title, text }) => Ok(DocumentText { format, title, text }),
        Ok(Answer::Damaged(why)) => Err(DocumentError::Damaged(why)),
        Err(_) if ended_well => Err(DocumentError::Unavailable("the reader gave no answer".into())),
        // Killed by one of its own bounds, or by what it read.
        Err(_) => Err(DocumentError::TooCostly),
    }
}

/// The word by which the child is told what it gets.
pub fn name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Text => "text",
        FileFormat::Markdown => "markdown",
        FileFormat::Html => "html",
        FileFormat::Docx => "docx",
        FileFormat::Pdf => "pdf",
    }
}

fn format_named(word: &str) -> anyhow::Result<FileFormat> {
    let all = [FileFormat::Text, FileFormat::Markdown, FileFormat::Html, FileFormat::Docx, FileFormat::Pdf];
    all.into_iter().find(|format| name(*format) == word).ok_or_else(|| anyhow::anyhow!("{word} is no format"))
}

/// No control characters, no trailing spaces, at most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    let mut empty = 1;
    for line in text.lines() {
        let line: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        let line = line.trim_end();
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty <= 1 && tidy.len() < TEXT_BYTES_MAX {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.trim().to_owned()
}

/// Address space: a PDF of 10 MB unpacks to a few times as much, a bomb to anything.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Computing time; a manual of 500 pages takes about two.
const CPU_SECONDS_MAX: u64 = 10;
/// Standard streams, libraries and a few.
const FILES_MAX: u64 = 32;
/// As much as is taken in an upload, and a little.
const DOCUMENT_BYTES_MAX: u64 = 11_000_000;
/// More text than an article may have.
const TEXT_BYTES_MAX: usize = 1_500_000;
