//! Recordings, whole or in part (RFC 9110, section 14), so that a player can jump in them.

use std::io::SeekFrom;
use std::path::{Component, Path as FilePath, PathBuf};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::Shared;
use super::asked::At;
use super::problem::Problem;
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
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // A part is only of use beside parts of the same file.
    let same = headers.get(header::IF_RANGE).is_none_or(|seen| seen.as_bytes() == tag.as_bytes());
    let part = match asked.filter(|_| same).map(|range| parse_range(range, length)) {
        None | Some(Asked::Whole) => None,
        Some(Asked::Part(first, last)) => Some((first, last)),
        Some(Asked::Outside) => {
            let whole = HeaderValue::from_str(&format!("bytes */{length}")).map_err(|_| gone())?;
            let detail = format!("The recording has {length} bytes; ask for some of those.");
            return Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).with(header::CONTENT_RANGE, whole));
        }
    };
    let (first, count) = part.map_or((0, length), |(first, last)| (first, last - first + 1));
    let mut response = (
        [
            (header::CONTENT_TYPE, "audio/wav".to_string()),
            (header::ACCEPT_RANGES, "bytes".to_string()),
            (header::CONTENT_LENGTH, count.to_string()),
            (header::ETAG, tag),
            (header::CONTENT_DISPOSITION, format!("inline; filename=\"recording-{id}.wav\"")),
        ],
        read(file, first, count).await.map_err(|_| gone())?,
    )
        .into_response();
    if let Some((first, last)) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}")).map_err(|_| gone())?;
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
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

#[derive(Debug, PartialEq)]
enum Asked {
    /// Also for what is not understood, as the standard wants.
    Whole,
    /// First and last byte.
    Part(u64, u64),
    /// Beyond the end.
    Outside,
}

fn parse_range(range: &str, length: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|part| part.trim().split_once('-')) else {
        return Asked::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= length => Asked::Outside,
        (Ok(first), Ok(last)) if last < first => Asked::Whole,
        (Ok(first), Ok(last)) => Asked::Part(first, last.min(length - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Asked::Part(first, length - 1),
        (Err(_), Ok(0)) if first.is_empty() => Asked::Outside,
        (Err(_), Ok(_)) if first.is_empty() && length == 0 => Asked::Outside,
        (Err(_), Ok(last)) if first.is_empty() => Asked::Part(length.saturating_sub(last), length - 1),
        // Several parts at once, or no numbers.
        _ => Asked::Whole,
    }
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

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        let rows = [
            ("bytes=0-99", Asked::Part(0, 99)),
            ("bytes=0-", Asked::Part(0, 999)),
            ("bytes=900-5000", Asked::Part(900, 999)),
            ("bytes=-100", Asked::Part(900, 999)),
            ("bytes=-5000", Asked::Part(0, 999)),
            ("bytes=999-", Asked::Part(999, 999)),
            ("bytes=1000-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=99999999999999999999-", Asked::Whole),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (range, expected) in rows {
            assert_eq!(parse_range(range, 1_000), expected, "{range}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Asked::Outside);
        assert_eq!(parse_range("bytes=-5", 0), Asked::Outside);
    }

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
