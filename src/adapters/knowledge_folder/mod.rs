//! Knowledge as a folder of Markdown files.
//!
//! Front matter gives `kind` (faq, policy, product, internal) and `sensitivity` (auto, review, human; missing means
//! auto, or review where a risk topic matches). Every `##` heading is a question, the text under it the answer; a
//! list under `Also asked:` holds alternative questions; the lines `Sensitivity:` and `Spoken:` override for one entry.
//!
//! A file is taken whole or not at all: one that cannot be read as knowledge is named with its line, and the rest loads.

mod sample;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::knowledge::Entry;

pub use crate::domain::knowledge_markdown::{DefaultSensitivity, ParseError, parse};
pub use sample::{FILES as SAMPLE_FILES, sample_business};

/// Files read from one folder, subfolders included.
const FILES_MAX: usize = 1_000;
/// Bytes of one file; a book is not a set of answers.
const FILE_BYTES_MAX: u64 = 1_000_000;
/// Folders below one another.
const DEPTH_MAX: usize = 8;
/// Entries of all files together: each costs about 10 ms when it is first embedded.
const ENTRIES_MAX: usize = 10_000;

/// What a folder gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The entries of all files that could be read, in order of file names.
    pub entries: Vec<Entry>,
    /// The files that could not be used, each with its reason.
    pub problems: Vec<FileProblem>,
    /// How many files gave the entries.
    pub files: usize,
}

/// A file that is left out, as `file:line: what is wrong; what is allowed`.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct FileProblem {
    /// Its path below the folder.
    pub file: String,
    /// The line, counted from one, where there is one to point at.
    pub line: Option<usize>,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// Why a folder gave nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there or cannot be read.
    #[error("the knowledge folder {path} cannot be read: {source}; name a folder of Markdown files")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Reads every Markdown file of a folder and the folders in it.
pub fn load(folder: &Path, default: DefaultSensitivity) -> Result<Loaded, FolderError> {
    let mut files = Vec::new();
    let mut loaded = Loaded::default();
    collect(folder, 0, &mut files).map_err(|source| FolderError::Unreadable { path: folder.to_path_buf(), source })?;
    files.sort();
    for path in files.drain(..) {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if loaded.files + loaded.problems.len() >= FILES_MAX {
            loaded.problems.push(FileProblem {
                file: name,
                line: None,
                reason: format!("there are more than {FILES_MAX} files; this one and those after it are left out"),
            });
            break;
        }
        match read(&path, &name, ENTRIES_MAX - loaded.entries.len(), default) {
            Ok(entries) => {
                loaded.entries.extend(entries);
                loaded.files += 1;
            }
            Err(problem) => loaded.problems.push(problem),
        }
    }
    Ok(loaded)
}

fn read(path: &Path, name: &str, entries_max: usize, default: DefaultSensitivity) -> Result<Vec<Entry>, FileProblem> {
    let problem = |line, reason| FileProblem { file: name.to_owned(), line, reason };
    let length = fs::metadata(path).map_err(|error| problem(None, error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(problem(None, format!("it has {length} bytes; {FILE_BYTES_MAX} are allowed: split it")));
    }
    let bytes = fs::read(path).map_err(|error| problem(None, error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| problem(None, "it is not UTF-8 text; save it as UTF-8".into()))?;
    let entries = parse(name, &text, default).map_err(|error| problem(Some(error.line), error.reason))?;
    if entries.len() > entries_max {
        return Err(problem(
            None,
            format!("together the files hold more than {ENTRIES_MAX} entries; shorten the folder"),
        ));
    }
    Ok(entries)
}

/// Gathers Markdown files. Hidden files and folders, and links to folders, are passed over.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_name().to_string_lossy().starts_with('.') || files.len() > FILES_MAX {
            continue;
        }
        let path = item.path();
        if item.file_type()?.is_dir() {
            if depth < DEPTH_MAX {
                collect(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("md")) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge::Sensitivity;

    fn auto(_: &str, _: &[String]) -> Sensitivity {
        Sensitivity::Auto
    }

    #[test]
    fn a_bad_file_is_named_with_its_line_and_the_rest_loads() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("good.md"), "## When are you open?\n\nDaily.\n").unwrap();
        fs::write(folder.path().join("bad.md"), "---\nkind: fact\n---\n## Q?\nA.\n").unwrap();
        fs::write(folder.path().join("latin.md"), b"## Q?\n\xff\n").unwrap();
        fs::write(folder.path().join("notes.txt"), "not knowledge").unwrap();
        let loaded = load(folder.path(), auto).unwrap();
        assert_eq!((loaded.entries.len(), loaded.files), (1, 1));
        let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert!(
            problems[0].starts_with("bad.md:2: ") && problems[0].contains("faq, policy, product, internal"),
            "{problems:?}"
        );
        assert!(problems[1].starts_with("latin.md: ") && problems[1].contains("UTF-8"), "{problems:?}");
    }

    #[test]
    fn folders_inside_are_read_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["shop/more", ".git"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("a.md"), "## Q?\nA.\n").unwrap();
        }
        let loaded = load(folder.path(), auto).unwrap();
        assert_eq!(loaded.entries.iter().map(|entry| entry.source.as_str()).collect::<Vec<_>>(), ["shop/more/a.md"]);
    }

    #[test]
    fn a_missing_folder_says_what_to_name() {
        assert!(load(Path::new("/nonexistent/knowledge"), auto).unwrap_err().to_string().contains("name a folder"));
    }

    #[test]
    fn a_file_that_is_too_large_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("big.md"), "x".repeat(FILE_BYTES_MAX as usize + 1)).unwrap();
        let loaded = load(folder.path(), auto).unwrap();
        assert!(loaded.entries.is_empty() && loaded.problems[0].reason.contains("split it"));
    }
}
