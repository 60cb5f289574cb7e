//! Files in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;

use crate::seams::blobs::{Blob, BlobError, Blobs, is_key};

/// Files in memory.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<String, Bytes>>);

impl MemoryBlobs {
    /// The keys there are, in order.
    pub fn keys(&self) -> Vec<String> {
        self.kept().keys().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        checked(key)?;
        self.kept().insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn get(&self, key: &str, part: Option<Range<u64>>) -> Result<Blob, BlobError> {
        checked(key)?;
        let whole = self.kept().get(key).cloned().ok_or(BlobError::NotFound)?;
        let size_bytes = whole.len() as u64;
        let asked = part.unwrap_or(0..size_bytes);
        if asked.start >= size_bytes && size_bytes > 0 {
            return Err(BlobError::Outside);
        }
        let bytes = whole.slice(asked.start as usize..asked.end.min(size_bytes) as usize);
        Ok(Blob { size_bytes, bytes: futures::stream::iter([Ok(bytes)]).boxed() })
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        checked(key)?;
        self.kept().remove(key);
        Ok(())
    }
}

fn checked(key: &str) -> Result<(), BlobError> {
    if is_key(key) { Ok(()) } else { Err(BlobError::Key) }
}
