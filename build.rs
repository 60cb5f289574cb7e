//! Puts the console (`web/`) into the binary: builds it when Node is there and something in it is newer than what was
//! built, and otherwise takes a page that says how to get it. What is embedded is copied to `OUT_DIR` first, so that
//! nobody who tidies `web/dist` breaks a later build.

#![allow(clippy::unwrap_used)] // A build that cannot write its own folder has nothing better to do than to stop.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs, io};

/// Whatever the built console is made of.
const SOURCES: [&str; 9] = [
    "web/src",
    "web/widget",
    "web/public",
    "web/scripts",
    "web/index.html",
    "web/package.json",
    "web/package-lock.json",
    "web/vite.config.ts",
    "tests/api/openapi.json",
];
/// The oldest Node that Vite 7 runs on: major and minor.
const NODE_MIN: (u32, u32) = (20, 19);

fn main() {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("console");
    let dist = Path::new("web/dist");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let built = if is_fresh(dist) { Ok(()) } else { build() };
    let copied = built.and_then(|()| copy(dist, &out).map_err(|error| format!("web/dist cannot be read: {error}")));
    if let Err(why) = copied {
        println!("cargo:warning=The console is left out: {why}");
        // Seen again once Node was used in there.
        println!("cargo:rerun-if-changed=web");
        let page = include_str!("src/http/page/stub.html").replace("{why}", &why.replace('<', "&lt;"));
        fs::write(out.join("index.html"), page).unwrap();
    }
    fs::write(out.with_file_name("console_files.rs"), table(&out)).unwrap();
}

/// Whether nothing that it is made of is newer than what was built.
fn is_fresh(dist: &Path) -> bool {
    let built = fs::metadata(dist.join("index.html.br")).and_then(|page| page.modified());
    built.is_ok_and(|built| SOURCES.iter().all(|source| newest(Path::new(source)).is_none_or(|newest| newest <= built)))
}

/// The latest change within a file or folder.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).and_then(|file| file.modified()).ok();
    let inner = fs::read_dir(path).into_iter().flatten().flatten().filter_map(|entry| newest(&entry.path()));
    inner.chain(own).max()
}

fn build() -> Result<(), String> {
    let version = output(Command::new("node").arg("--version"))
        .map_err(|_| "Node is not installed; install Node 20.19 or newer with npm, then build again".to_owned())?;
    if !new_enough(&version) {
        return Err(format!("Node {} is too old; install Node 20.19 or newer, then build again", version.trim()));
    }
    // Installed once; again when the lock file says otherwise.
    if !is_installed() {
        // As locked. `npm ci` would fail where a registry lacks the packages of other platforms.
        output(Command::new("npm").args(["install", "--no-save", "--no-audit", "--no-fund"]).current_dir("web"))
            .map_err(|told| format!("npm install failed in web/: {told}"))?;
    }
    output(Command::new("npm").args(["run", "--silent", "build"]).current_dir("web"))
        .map_err(|told| format!("npm run build failed in web/: {told}"))?;
    Ok(())
}

fn is_installed() -> bool {
    let changed = |path: &str| fs::metadata(path).and_then(|file| file.modified()).ok();
    let installed = changed("web/node_modules/.package-lock.json");
    installed.is_some() && installed >= changed("web/package-lock.json")
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= NODE_MIN
}

/// What a program says; the end of its complaints where it fails.
fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| error.to_string())?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let told = [done.stderr, done.stdout].concat();
    let told = String::from_utf8_lossy(&told);
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(lines[lines.len().saturating_sub(6)..].join(" / "))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => fs::copy(entry.path(), to).map(|_| ())?,
        }
    }
    Ok(())
}

/// The files as a Rust table: path, plain, brotli, gzip.
fn table(folder: &Path) -> String {
    let mut files = Vec::new();
    collect(folder, folder, &mut files);
    files.sort();
    let mut text = String::from("&[\n");
    for path in files.iter().filter(|path| !path.ends_with(".br") && !path.ends_with(".gz")) {
        let at = |kind: &str| folder.join(format!("{path}{kind}"));
        let packed = |kind: &str| match at(kind).exists() {
            true => format!("Some(include_bytes!({:?}))", at(kind)),
            false => "None".to_owned(),
        };
        let plain = at("");
        let (brotli, gzip) = (packed(".br"), packed(".gz"));
        writeln!(
            text,
            "    File {{ path: {path:?}, plain: include_bytes!({plain:?}), brotli: {brotli}, gzip: {gzip} }},"
        )
        .unwrap();
    }
    text.push(']');
    text
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(root, &path, files),
            false => files.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")),
        }
    }
}
