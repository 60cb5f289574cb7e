//! Backups: a data folder in one archive (tar, gzip), with a list of everything in it and its checksums, and back.
//!
//! The database is given as a copy that was made of it in one piece; recordings are taken as they are, and one that still
//! grows is mended when the restored folder is opened, as after a crash. Models are left out, since they can be fetched.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

/// Why a backup was not made, or cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is something already.
    #[error("{0} is there already; name another, or move it away")]
    Occupied(PathBuf),
    /// It is no backup, or not all of it.
    #[error("{file} cannot be restored: {reason}; take an earlier backup")]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What a backup holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The version that made it.
    pub version: String,
    /// When, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// Each file by its path in the data folder.
    pub files: BTreeMap<String, Sum>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// In bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Contents {
    /// All of it, unpacked.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|sum| sum.bytes).sum()
    }
}

/// What is packed.
pub struct Source<'a> {
    /// The data folder.
    pub folder: &'a Path,
    /// The database's file name in it.
    pub database: &'a str,
    /// A copy of the database, made in one piece.
    pub copy: &'a Path,
}

/// Packs a data folder into a new file for our eyes alone, and reads it back.
pub fn pack(source: &Source<'_>, made_at_ms: i64, out: &Path) -> Result<Contents, BackupError> {
    let failed = at(out);
    if out.exists() {
        return Err(BackupError::Occupied(out.to_owned()));
    }
    let partial = beside(out);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial);
    let mut tar = Builder::new(GzEncoder::new(file.map_err(&failed)?, Compression::fast()));
    let mut contents = Contents { version: env!("CARGO_PKG_VERSION").into(), made_at_ms, files: BTreeMap::new() };
    let mut add = |path: &Path, name: String| -> Result<(), BackupError> {
        let sum = append(&mut tar, path, &format!("{DATA}{name}")).map_err(at(path))?;
        contents.files.insert(name, sum);
        Ok(())
    };
    add(source.copy, source.database.to_owned())?;
    for name in files_of(source.folder, source.database).map_err(at(source.folder))? {
        match add(&source.folder.join(&name), name) {
            // A caller who objects to being recorded takes a file away while we look.
            Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            added => added?,
        }
    }
    let listed = serde_json::to_vec_pretty(&contents).map_err(|error| failed(error.into()))?;
    let mut header = regular(listed.len() as u64);
    tar.append_data(&mut header, CONTENTS, &listed[..]).map_err(&failed)?;
    let file = tar.into_inner().and_then(GzEncoder::finish).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    let read = read_through(&partial, |_, _| Ok(()))?;
    if read != contents {
        return Err(BackupError::Damaged { file: partial, reason: "what was written cannot be read back".into() });
    }
    fs::rename(&partial, out).map_err(&failed)?;
    Ok(contents)
}

/// Unpacks a backup into a folder that is not there yet; nothing is there afterwards unless all of it is.
pub fn unpack(file: &Path, folder: &Path) -> Result<Contents, BackupError> {
    let failed = at(folder);
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if !is_empty {
        return Err(BackupError::Occupied(folder.to_owned()));
    }
    let partial = beside(folder);
    let _ = fs::remove_dir_all(&partial);
    let unpacked = read_through(file, |name, entry| {
        let to = partial.join(name);
        let parent = to.parent().unwrap_or(&partial);
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to)?;
        io::copy(entry, &mut new)?;
        new.sync_all()
    });
    let contents = match unpacked {
        Ok(contents) => contents,
        Err(error) => {
            let _ = fs::remove_dir_all(&partial);
            return Err(error);
        }
    };
    let _ = fs::remove_dir(folder);
    fs::rename(&partial, folder).map_err(&failed)?;
    Ok(contents)
}

/// Reads every file of a backup and checks it against the list.
fn read_through(
    file: &Path,
    mut take: impl FnMut(&Path, &mut dyn Read) -> io::Result<()>,
) -> Result<Contents, BackupError> {
    let damaged = |reason: String| BackupError::Damaged { file: file.to_owned(), reason };
    let unread = |error: io::Error| damaged(error.to_string());
    let mut archive = Archive::new(GzDecoder::new(File::open(file).map_err(at(file))?));
    let mut found = BTreeMap::new();
    let mut listed: Option<Contents> = None;
    for entry in archive.entries().map_err(unread)? {
        let mut entry = entry.map_err(unread)?;
        let path = entry.path().map_err(unread)?.into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(damaged(format!("{} is no plain file", path.display())));
        }
        if path == Path::new(CONTENTS) {
            let mut text = String::new();
            entry.take(CONTENTS_BYTES_MAX).read_to_string(&mut text).map_err(unread)?;
            listed = Some(serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?);
            continue;
        }
        let name = path.strip_prefix(DATA).map_err(|_| damaged(format!("{} is none of its files", path.display())))?;
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(damaged(format!("{} leads elsewhere", path.display())));
        }
        let mut summed = Summing::new(&mut entry);
        take(name, &mut summed).map_err(unread)?;
        io::copy(&mut summed, &mut io::sink()).map_err(unread)?;
        found.insert(name.to_string_lossy().into_owned(), summed.sum());
    }
    // Its own checksum stands at the very end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unread)?;
    let listed = listed.ok_or_else(|| damaged("its list is missing: it was not written to its end".into()))?;
    if let Some((name, _)) = listed.files.iter().find(|(name, sum)| found.get(*name) != Some(sum)) {
        return Err(damaged(format!("{name} is not as it was")));
    }
    if let Some(name) = found.keys().find(|name| !listed.files.contains_key(*name)) {
        return Err(damaged(format!("{name} does not belong to it")));
    }
    Ok(listed)
}

/// Appends a file as long as it is now; what is added meanwhile is left out, what is cut off is silence.
fn append(tar: &mut Builder<impl Write>, path: &Path, name: &str) -> io::Result<Sum> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut summed = Summing::new(file.chain(io::repeat(0)).take(bytes));
    tar.append_data(&mut regular(bytes), name, &mut summed)?;
    Ok(summed.sum())
}

fn regular(bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(bytes);
    header
}

/// The paths of everything that belongs to the installation, the database apart.
fn files_of(folder: &Path, database: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            let kind = entry.file_type()?;
            let Some(name) = path.to_str() else { continue };
            if kind.is_dir() && !LEFT_OUT.contains(&name) {
                folders.push(path);
            } else if kind.is_file() && !LEFT_OUT.contains(&name) && !name.starts_with(database) {
                found.push(name.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Counts and hashes what is read through it.
struct Summing<R> {
    inner: R,
    bytes: u64,
    hash: Sha256,
}

impl<R> Summing<R> {
    fn new(inner: R) -> Summing<R> {
        Summing { inner, bytes: 0, hash: Sha256::new() }
    }

    fn sum(self) -> Sum {
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Sum { bytes: self.bytes, sha256 }
    }
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

fn at(file: &Path) -> impl Fn(io::Error) -> BackupError + use<> {
    let file = file.to_owned();
    move |source| BackupError::File { file: file.clone(), source }
}

/// Where something is made before it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

const CONTENTS: &str = "contents.json";
const DATA: &str = "data/";
/// The list of a million recordings.
const CONTENTS_BYTES_MAX: u64 = 256_000_000;
/// Fetched, or of the running process alone.
const LEFT_OUT: [&str; 2] = ["models", "lock"];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for (name, text) in [
            ("switchboard.db", "live"),
            ("switchboard.db-wal", "live"),
            ("lock", ""),
            ("secret-key", "key"),
            ("recordings/a.wav", "audio"),
            ("models/big.onnx", "model"),
        ] {
            fs::create_dir_all(data.join(name).parent().unwrap()).unwrap();
            fs::write(data.join(name), text).unwrap();
        }
        fs::write(dir.path().join("copy.db"), "in one piece").unwrap();
        (dir, data)
    }

    fn packed(dir: &Path, data: &Path) -> (PathBuf, Contents) {
        let out = dir.join("backup.tar.gz");
        let source = Source { folder: data, database: "switchboard.db", copy: &dir.join("copy.db") };
        let contents = pack(&source, 7, &out).unwrap();
        (out, contents)
    }

    /// R44.
    #[test]
    fn a_backup_holds_what_belongs_to_the_installation_and_comes_back() {
        let (dir, data) = folder();
        let (out, contents) = packed(dir.path(), &data);
        let names: Vec<&str> = contents.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["recordings/a.wav", "secret-key", "switchboard.db"]);
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o077, 0);
        let back = dir.path().join("back");
        assert_eq!(unpack(&out, &back).unwrap(), contents);
        assert_eq!(fs::read_to_string(back.join("switchboard.db")).unwrap(), "in one piece");
        assert_eq!(fs::read_to_string(back.join("recordings/a.wav")).unwrap(), "audio");
        assert_eq!(fs::metadata(back.join("secret-key")).unwrap().permissions().mode() & 0o077, 0);
        assert!(matches!(unpack(&out, &back), Err(BackupError::Occupied(_))), "nothing is written over");
        let source = Source { folder: &data, database: "switchboard.db", copy: &dir.path().join("copy.db") };
        assert!(matches!(pack(&source, 7, &out), Err(BackupError::Occupied(_))));
    }

    /// R44: whichever byte is lost, nothing is restored.
    #[test]
    fn a_damaged_backup_leaves_nothing_behind() {
        let (dir, data) = folder();
        let (out, _) = packed(dir.path(), &data);
        let whole = fs::read(&out).unwrap();
        let back = dir.path().join("back");
        for cut in [0, 1, whole.len() / 2, whole.len() - 9] {
            fs::write(&out, &whole[..cut]).unwrap();
            assert!(unpack(&out, &back).is_err(), "cut at {cut}");
            assert!(!back.exists() && !dir.path().join("back.partial").exists());
        }
    }

    /// A backup that somebody made to write elsewhere.
    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let (dir, _) = folder();
        let out = dir.path().join("evil.tar.gz");
        for name in ["data/../../outside", "/etc/outside", "elsewhere/file"] {
            let mut tar = Builder::new(GzEncoder::new(File::create(&out).unwrap(), Compression::fast()));
            let mut header = regular(4);
            // As bytes: the library would not write such a name.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, &b"evil"[..]).unwrap();
            tar.into_inner().unwrap().finish().unwrap();
            assert!(matches!(unpack(&out, &dir.path().join("back")), Err(BackupError::Damaged { .. })), "{name}");
            assert!(!dir.path().join("outside").exists());
        }
    }
}
