//! Dialplans as a folder of TOML files (R2).
//!
//! Every `*.toml` of the folder is read, in the order of their names, and together they are one plan. It is taken
//! whole or not at all: each thing that is wrong is told as `file:line: what is wrong; what is allowed`, all of them
//! at once. Sound files that are named lie in the same folder.

mod actions;
mod page;
mod sections;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use media::Clip;
use toml::de::DeTable;

use crate::adapters::stt::wav::read_clip;
use crate::domain::dialplan::check::{Surroundings, findings};
use crate::domain::dialplan::plan::{Action, Prompt, SoundFile};
use crate::domain::dialplan::{Place, Plan, Problem};

use page::Page;

/// A plan that can be used.
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// Its sound files at the engine's rate, by their names.
    pub sounds: HashMap<String, Clip>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// How many files gave it.
    pub files: usize,
}

/// Why a folder gave no plan.
#[derive(Debug, thiserror::Error)]
pub enum DialplanError {
    /// It is not there or cannot be read.
    #[error("the dialplan folder {path} cannot be read: {source}; name a folder of TOML files")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something is wrong with its files.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

/// Reads, checks and loads a folder. `home_country` reads numbers without a country code.
pub fn load(folder: &Path, home_country: Option<&str>, around: &Surroundings<'_>) -> Result<Loaded, DialplanError> {
    let files =
        toml_files(folder).map_err(|source| DialplanError::Unreadable { path: folder.to_path_buf(), source })?;
    let mut plan = Plan::default();
    let mut problems = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match text_of(path) {
            Ok(text) => problems.extend(read(&name, &text, home_country, &mut plan)),
            Err((what, allowed)) => {
                problems.push(Problem { place: Place { file: name.into(), line: 0 }, what, allowed });
            }
        }
    }
    if files.len() >= FILES_MAX {
        let place = Place { file: folder.display().to_string().into(), line: 0 };
        let allowed = format!("at most {FILES_MAX} are read: join some");
        problems.push(Problem { place, what: "there are too many files".into(), allowed });
    }
    let found = findings(&plan, around);
    problems.extend(found.problems);
    let sounds = sounds(folder, &plan, &mut problems);
    problems.sort();
    problems.dedup();
    if !problems.is_empty() {
        return Err(DialplanError::Wrong(problems));
    }
    Ok(Loaded { plan, sounds, notes: found.notes, files: files.len() })
}

/// Reads one file's text into the plan, and tells what is wrong with it by itself.
pub fn read(file: &str, text: &str, home_country: Option<&str>, plan: &mut Plan) -> Vec<Problem> {
    let mut page = Page::new(file, text);
    match DeTable::parse(text) {
        Ok(root) => sections::read(&mut page, &root, home_country, plan),
        Err(error) => {
            let told = error.message().lines().collect::<Vec<_>>().join(", ");
            page.wrong(&error.span().unwrap_or_default(), told, "this line is not TOML as it stands");
        }
    }
    page.problems
}

/// The files' times and sizes: when they differ, something changed. Sound files count as well.
pub fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(FILES_LOOKED_AT) {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && folders.len() < FILES_MAX {
                folders.push(entry.path());
            } else if about.is_file() {
                seen.insert(entry.path(), (about.modified().ok(), about.len()));
            }
        }
    }
    seen
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)?.take(FILES_LOOKED_AT) {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|ending| ending == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(FILES_MAX);
    Ok(files)
}

fn text_of(path: &Path) -> Result<String, (String, String)> {
    let unreadable = |error: std::io::Error| (format!("it cannot be read ({error})"), "make it readable".to_owned());
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err((format!("it has {length} bytes"), format!("{FILE_BYTES_MAX} are allowed: split it")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| ("it is not UTF-8 text".to_owned(), "save it as UTF-8".to_owned()))
}

fn sounds(folder: &Path, plan: &Plan, problems: &mut Vec<Problem>) -> HashMap<String, Clip> {
    let mut sounds = HashMap::new();
    for file in plan.actions.values().flat_map(|named| sound_files(&named.action)) {
        if sounds.contains_key(&file.name) {
            continue;
        }
        match read_clip(&folder.join(&file.name)) {
            Ok(samples) if samples.len() <= SOUND_SAMPLES_MAX => {
                sounds.insert(file.name.clone(), Arc::from(samples));
            }
            Ok(_) => problems.push(Problem {
                place: file.place.clone(),
                what: format!("{} is too long", file.name),
                allowed: format!("up to {} s are played", SOUND_SAMPLES_MAX / media::ENGINE_RATE_HZ as usize),
            }),
            Err(error) => problems.push(Problem {
                place: file.place.clone(),
                what: format!("{} cannot be played ({error})", file.name),
                allowed: "put a WAV file there".into(),
            }),
        }
    }
    sounds
}

fn sound_files(action: &Action) -> Vec<&SoundFile> {
    let prompt = match action {
        Action::Announce { prompt, .. } => Some(prompt),
        Action::Menu(menu) => Some(&menu.prompt),
        Action::Voicemail { greeting } => greeting.as_ref(),
        Action::Queue(queue) => return queue.music.iter().collect(),
        Action::Agent { .. }
        | Action::Ring(_)
        | Action::Callback
        | Action::HangUp
        | Action::Emergency { .. }
        | Action::Reject { .. } => None,
    };
    match prompt {
        Some(Prompt::File(file)) => vec![file],
        Some(Prompt::Text(_)) | None => Vec::new(),
    }
}

/// Files of one folder.
const FILES_MAX: usize = 100;
/// Entries of a folder that are looked at.
const FILES_LOOKED_AT: usize = 2_000;
/// Bytes of one file: a block list of ten thousand numbers fits.
const FILE_BYTES_MAX: u64 = 256_000;
/// Five minutes of sound, 10 MB in memory.
const SOUND_SAMPLES_MAX: usize = 5 * 60 * media::ENGINE_RATE_HZ as usize;

#[cfg(test)]
mod tests;
