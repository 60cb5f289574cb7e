//! Bytes of files, by the crate `object_store`: a folder now; a store of objects speaks the same interface.

#[cfg(test)]
mod conformance;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use crate::seams::blobs::{Blob, BlobError, Blobs, is_key};

/// Blobs in anything that `object_store` knows.
pub struct ObjectBlobs(Arc<dyn ObjectStore>);

impl ObjectBlobs {
    /// In a folder, which must be there. What is kept has reached the disk.
    pub fn in_folder(folder: &Path) -> Result<ObjectBlobs, BlobError> {
        let store = LocalFileSystem::new_with_prefix(folder).map_err(sort)?.with_fsync(true);
        Ok(ObjectBlobs(Arc::new(store)))
    }

    #[cfg(test)]
    fn over(store: Arc<dyn ObjectStore>) -> ObjectBlobs {
        ObjectBlobs(store)
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.0.put(&checked(key)?, bytes.into()).await.map(drop).map_err(sort)
    }

    async fn get(&self, key: &str, part: Option<Range<u64>>) -> Result<Blob, BlobError> {
        let key = checked(key)?;
        if let Some(part) = &part {
            // What lies beyond the end is told in as many ways as there are stores.
            let whole = self.0.head(&key).await.map_err(sort)?;
            if part.start >= whole.size || part.is_empty() {
                return Err(BlobError::Outside);
            }
        }
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        let got = self.0.get_opts(&key, options).await.map_err(sort)?;
        let size_bytes = got.meta.size;
        Ok(Blob { size_bytes, bytes: got.into_stream().map_err(sort).boxed() })
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        match self.0.delete(&checked(key)?).await.map_err(sort) {
            Err(BlobError::NotFound) => Ok(()),
            done => done,
        }
    }
}

fn checked(key: &str) -> Result<Key, BlobError> {
    if !is_key(key) {
        return Err(BlobError::Key);
    }
    Key::parse(key).map_err(|_| BlobError::Key)
}

fn sort(error: Error) -> BlobError {
    match error {
        Error::NotFound { .. } => BlobError::NotFound,
        other => BlobError::Backend(Box::new(other)),
    }
}
