//! Headers of recordings that a crash cut short (RIFF WAVE: sizes at offset 4 and before the samples).

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Folders below the given one that are looked into: recordings may lie by year, month and day.
const DEPTH_MAX: usize = 4;
/// Chunks before the samples; we write one, other programs a few.
const CHUNKS_MAX: usize = 16;

/// Corrects the sizes in every `.wav` file below `dir` whose header and length disagree, and returns those files
/// with their true duration in milliseconds. Files that are no recordings are left alone; what cannot be read or
/// written is logged. Call it before the first recording begins.
pub fn repair_recordings(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut repaired = Vec::new();
    visit(dir, DEPTH_MAX, &mut |file| match repair(&file) {
        Ok(Some(duration_ms)) => repaired.push((file, duration_ms)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, file = %file.display(), "A recording could not be examined"),
    });
    repaired
}

fn visit(dir: &Path, depth: usize, examine: &mut dyn FnMut(PathBuf)) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            visit(&path, depth - 1, examine);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "wav") {
            examine(path);
        }
    }
}

/// The duration when the header had to be corrected.
fn repair(path: &Path) -> io::Result<Option<u64>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let Some(layout) = read_layout(&mut file, len)? else { return Ok(None) };
    let bytes = (len - layout.samples_at) / u64::from(layout.block_bytes) * u64::from(layout.block_bytes);
    // Longer than the header can say: four gigabytes are eighteen hours of ours.
    let Ok(data_len) = u32::try_from(bytes) else { return Ok(None) };
    let Ok(riff_len) = u32::try_from(layout.samples_at + bytes - 8) else { return Ok(None) };
    if layout.data_len == data_len && layout.riff_len == riff_len {
        return Ok(None);
    }
    // A torn last sample goes; then the sizes.
    file.set_len(layout.samples_at + bytes)?;
    file.seek(SeekFrom::Start(layout.samples_at - 4))?;
    file.write_all(&data_len.to_le_bytes())?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(&riff_len.to_le_bytes())?;
    file.sync_all()?;
    let bytes_a_second = u64::from(layout.block_bytes) * u64::from(layout.rate_hz);
    Ok(Some(bytes * 1000 / bytes_a_second))
}

struct Layout {
    riff_len: u32,
    rate_hz: u32,
    block_bytes: u16,
    samples_at: u64,
    data_len: u32,
}

/// Entry for fuzzers: arbitrary bytes as a recording that is to be mended. Must not panic, and what it would write
/// lies within the file.
pub fn fuzz_repair(bytes: &[u8]) {
    let len = bytes.len() as u64;
    if let Ok(Some(layout)) = read_layout(&mut io::Cursor::new(bytes), len) {
        assert!(layout.samples_at <= len);
    }
}

/// `None` when it is no WAV file whose samples come last.
fn read_layout(file: &mut (impl Read + Seek), len: u64) -> io::Result<Option<Layout>> {
    let mut riff = [0; 12];
    if len < 12 {
        return Ok(None);
    }
    file.read_exact(&mut riff)?;
    if &riff[..4] != b"RIFF" || &riff[8..] != b"WAVE" {
        return Ok(None);
    }
    let mut format = None;
    let mut at = 12;
    for _ in 0..CHUNKS_MAX {
        if at + 8 > len {
            return Ok(None);
        }
        let mut chunk = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut chunk)?;
        let size = le_u32(&chunk[4..]);
        at += 8;
        match &chunk[..4] {
            b"fmt " if size >= 16 && at + 16 <= len => {
                let mut fmt = [0; 16];
                file.read_exact(&mut fmt)?;
                format = Some((le_u32(&fmt[4..]), u16::from_le_bytes([fmt[12], fmt[13]])));
            }
            b"data" => {
                let Some((rate_hz @ 1.., block_bytes @ 1..)) = format else { return Ok(None) };
                let riff_len = le_u32(&riff[4..]);
                // A file whose outer size is right and covers more than the samples has a chunk behind them: it is
                // complete, and not ours.
                let complete = u64::from(riff_len) + 8 == len && at + u64::from(size) < len;
                let layout = Layout { riff_len, rate_hz, block_bytes, samples_at: at, data_len: size };
                return Ok((!complete).then_some(layout));
            }
            _other_chunks_are_skipped => {}
        }
        at += u64::from(size).next_multiple_of(2);
    }
    Ok(None)
}

fn le_u32(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}
