//! Documents are read in a process of their own.
//!
//! A document comes from anywhere, and readers of such formats fail in all ways there are: panics, endless loops, stacks
//! and heaps without end. So the reader is this program once more (`switchboard read-document`), which bounds its own
//! memory, time and descriptors before it looks at the first byte, and is killed when it takes too long. What kills it
//! hurts nobody else.

mod child;
mod docx;
mod format;
mod html;
mod pdf;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::domain::article::FileFormat;
use crate::seams::documents::{DocumentError, DocumentText, Documents};

pub use child::run as read_in_child;

/// Reads documents in child processes.
pub struct ChildReader {
    program: PathBuf,
    at_once: Semaphore,
}

impl ChildReader {
    /// Reads with this program, which must be `switchboard`.
    pub fn new(program: PathBuf) -> ChildReader {
        ChildReader { program, at_once: Semaphore::new(AT_ONCE) }
    }

    async fn ask(&self, format: FileFormat, bytes: &Bytes) -> Result<DocumentText, DocumentError> {
        let unavailable = |error: std::io::Error| DocumentError::Unavailable(error.to_string());
        let _permit = self.at_once.acquire().await.map_err(|_| DocumentError::TooCostly)?;
        let mut child = Command::new(&self.program)
            .args(["read-document", child::name(format)])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(unavailable)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err(DocumentError::TooCostly) };
        let talk = async {
            let give = async {
                // A child that died early does not read to the end.
                let _ = stdin.write_all(bytes).await;
                drop(stdin);
            };
            let mut answer = Vec::new();
            let mut bounded = stdout.take(ANSWER_BYTES_MAX + 1);
            let (_, taken) = tokio::join!(give, bounded.read_to_end(&mut answer));
            taken.map_err(unavailable)?;
            Ok((answer, child.wait().await.map_err(unavailable)?))
        };
        let Ok(done) = tokio::time::timeout(PATIENCE, talk).await else { return Err(DocumentError::TooCostly) };
        let (answer, status) = done?;
        if answer.len() as u64 > ANSWER_BYTES_MAX {
            return Err(DocumentError::TooCostly);
        }
        child::understand(format, &answer, status.success())
    }
}

#[async_trait]
impl Documents for ChildReader {
    async fn read(&self, name: &str, bytes: Bytes) -> Result<DocumentText, DocumentError> {
        let format = format::of(name, &bytes).map_err(DocumentError::Unsupported)?;
        match format {
            FileFormat::Text | FileFormat::Markdown => {
                let text = format::text(&bytes).map_err(DocumentError::Unsupported)?;
                Ok(DocumentText { format, title: None, text })
            }
            FileFormat::Html | FileFormat::Docx | FileFormat::Pdf => self.ask(format, &bytes).await,
        }
    }
}

/// Documents read at the same time; further ones wait. Each may take [`child`]'s memory.
const AT_ONCE: usize = 2;
/// How long reading one may take on a busy machine; the child's own bound is on computing time.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer: more text than an article may have.
const ANSWER_BYTES_MAX: u64 = 4_000_000;
