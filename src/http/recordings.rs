//! Recordings, whole or in part (RFC 9110, section 14), so that a player can jump in them.

use std::io::SeekFrom;
use std::path::{Component, Path as FilePath, PathBuf};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::Shared;
use super::asked::At;
use super::problem::Problem;
use super::ranges;
use crate::domain::ids::RecordingId;

/// One audio file.
#[utoipa::path(
    get, path = "/api/v1/recordings/{id}", operation_id = "read_recording", tag = "conversations",
    params(("id" = RecordingId, Path, description = "The recording")),
    responses((status = 200, description = "Audio (WAV); ranges are served"))
)]
pub async fn one(
    State(shared): State<Shared>,
    At(id): At<RecordingId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recording = shared.parts.store.recording(id).await?.ok_or_else(|| Problem::not_found("recording"))?;
    let path = within(&shared.parts.recordings_dir, &recording.file).await.ok_or_else(gone)?;
    let file = File::open(&path).await.map_err(|_| gone())?;
    let length = file.metadata().await.map_err(|_| gone())?.len();
    let tag = format!("\"{id}-{length}\"");
    let part = ranges::part(&headers, &tag, length)?;
    let (first, count) = part.map_or((0, length), |(first, last)| (first, last - first + 1));
    let mut response = (
        [
            (header::CONTENT_TYPE, "audio/wav".to_string()),
            (header::CONTENT_DISPOSITION, format!("inline; filename=\"recording-{id}.wav\"")),
        ],
        read(file, first, count).await.map_err(|_| gone())?,
    )
        .into_response();
    ranges::describe(&mut response, part, &tag, length);
    Ok(response)
}

fn gone() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "The recording's file is not there; it may have been removed or moved.")
}

/// The file below the folder, wherever links lead: a name that leaves it is no name of ours.
async fn within(folder: &FilePath, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && FilePath::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || name.contains('\0') {
        return None;
    }
    let folder = tokio::fs::canonicalize(folder).await.ok()?;
    let file = tokio::fs::canonicalize(folder.join(name)).await.ok()?;
    let regular = tokio::fs::metadata(&file).await.ok()?.is_file();
    (regular && file.starts_with(&folder)).then_some(file)
}

/// So much of the file is in memory for each reader.
const CHUNK_BYTES: u64 = 65_536;

async fn read(mut file: File, first: u64, count: u64) -> std::io::Result<Body> {
    file.seek(SeekFrom::Start(first)).await?;
    let chunks = futures::stream::try_unfold((file, count), async |(mut file, left): (File, u64)| {
        let mut chunk = vec![0; left.min(CHUNK_BYTES) as usize];
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        chunk.truncate(read);
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    });
    Ok(Body::from_stream(chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W5: a name can only lead to a file below the folder.
    #[tokio::test]
    async fn no_name_leads_out_of_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("recordings");
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        std::fs::write(outer.path().join("secret"), "x").unwrap();
        std::fs::write(folder.join("deep/a.wav"), "x").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link.wav")).unwrap();
        assert!(within(&folder, "deep/a.wav").await.is_some());
        let absolute = outer.path().join("secret").display().to_string();
        for name in ["../secret", "deep/../../secret", "link.wav", &absolute, "", ".", "deep", "a\0b", "nowhere.wav"] {
            assert!(within(&folder, name).await.is_none(), "{name}");
        }
    }
}
