//! What every place for files promises, kept by the folder, by a store of objects and by the stand-in.

use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;

use super::ObjectBlobs;
use crate::seams::blobs::{BlobError, Blobs};
use crate::seams::fakes::MemoryBlobs;

async fn all(blobs: &dyn Blobs, key: &str, part: Option<std::ops::Range<u64>>) -> Result<Bytes, BlobError> {
    blobs.get(key, part).await?.all().await
}

async fn keeps_its_promises(blobs: &dyn Blobs) {
    assert!(matches!(all(blobs, "a/one", None).await, Err(BlobError::NotFound)));
    assert!(matches!(all(blobs, "a/one", Some(0..1)).await, Err(BlobError::NotFound)));
    blobs.put("a/one", Bytes::from_static(b"0123456789")).await.unwrap();
    blobs.put("a/two", Bytes::new()).await.unwrap();
    assert_eq!(all(blobs, "a/one", None).await.unwrap(), "0123456789");
    assert_eq!(all(blobs, "a/two", None).await.unwrap(), "");
    assert_eq!(blobs.get("a/one", Some(2..4)).await.unwrap().size_bytes, 10, "the whole is told with a part");
    assert_eq!(all(blobs, "a/one", Some(2..4)).await.unwrap(), "23");
    assert_eq!(all(blobs, "a/one", Some(8..100)).await.unwrap(), "89", "a part is cut at the end");
    assert!(matches!(all(blobs, "a/one", Some(10..11)).await, Err(BlobError::Outside)));

    blobs.put("a/one", Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(all(blobs, "a/one", None).await.unwrap(), "other", "the last one stays");
    blobs.delete("a/one").await.unwrap();
    blobs.delete("a/one").await.unwrap();
    assert!(matches!(all(blobs, "a/one", None).await, Err(BlobError::NotFound)));
    assert_eq!(all(blobs, "a/two", None).await.unwrap(), "", "others stay");

    for key in ["", "/etc/passwd", "../secret", "a/../../secret", "a//b", "a/.hidden", "a b", "a\0", &"x".repeat(300)] {
        assert!(matches!(blobs.put(key, Bytes::new()).await, Err(BlobError::Key)), "{key:?}");
        assert!(matches!(all(blobs, key, None).await, Err(BlobError::Key)), "{key:?}");
        assert!(matches!(blobs.delete(key).await, Err(BlobError::Key)), "{key:?}");
    }
}

#[tokio::test]
async fn a_folder_keeps_the_promises_of_blobs() {
    let folder = tempfile::tempdir().unwrap();
    keeps_its_promises(&ObjectBlobs::in_folder(folder.path()).unwrap()).await;
    let again = ObjectBlobs::in_folder(folder.path()).unwrap();
    assert_eq!(all(&again, "a/two", None).await.unwrap(), "", "it is there after a restart");
}

#[tokio::test]
async fn a_store_of_objects_keeps_the_promises_of_blobs() {
    keeps_its_promises(&ObjectBlobs::over(Arc::new(InMemory::new()))).await;
}

#[tokio::test]
async fn the_stand_in_keeps_the_promises_of_blobs() {
    keeps_its_promises(&MemoryBlobs::default()).await;
}
