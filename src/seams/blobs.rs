//! Where the bytes of files lie: a folder, or a store of objects.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::ops::Range;

/// Keeps bytes under keys. A key is made of words of letters, digits, `-`, `_` and `.` between slashes, none of which
/// begins with a dot.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps these bytes under a key, in place of what was there; durable once it returns.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError>;
    /// What is kept under a key, whole or the part asked for. A part that begins within it and ends beyond it is cut;
    /// one that begins beyond it is [`BlobError::Outside`].
    async fn get(&self, key: &str, part: Option<Range<u64>>) -> Result<Blob, BlobError>;
    /// Takes it out; nothing when it is not there.
    async fn delete(&self, key: &str) -> Result<(), BlobError>;
}

/// Bytes as they come.
pub struct Blob {
    /// How many the whole has, whatever part this is.
    pub size_bytes: u64,
    /// The bytes, in pieces.
    pub bytes: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl Blob {
    /// All of it in one piece; for what is bounded before it is kept.
    pub async fn all(mut self) -> Result<Bytes, BlobError> {
        let mut all = Vec::new();
        while let Some(piece) = self.bytes.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.into())
    }
}

/// Why bytes were not kept or given.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Nothing is kept under this key.
    #[error("there is no file under this key; it may have been removed")]
    NotFound,
    /// The part begins beyond the end.
    #[error("the part asked for begins beyond the end")]
    Outside,
    /// The key is none.
    #[error("a key is words of letters, digits, - and _ between slashes")]
    Key,
    /// The folder or the store of objects failed.
    #[error("files cannot be kept or read: {0}; look at the disk and at who may write to the data folder")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whether it is a key.
pub fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    key.len() <= KEY_BYTES_MAX
        && key.split('/').all(|word| !word.is_empty() && !word.starts_with('.') && word.chars().all(plain))
}

/// Shorter than any folder or store of objects allows.
const KEY_BYTES_MAX: usize = 200;
