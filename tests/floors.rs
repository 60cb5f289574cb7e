//! The house stays as ARCHITECTURE.md describes it: who may name whom, who may know the time, where SQL lives, and
//! what never stands in a tracked file. Each breach is told with file and line.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A room may name the rooms listed beside it, and itself. Who is not listed here may be named by nobody else.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("certificates", &["config"]),
    ("seams", &["domain", "config"]),
    ("support", &["seams", "domain", "config"]),
    ("team", &["seams", "domain", "config"]),
    ("knowledge", &["support", "seams", "domain", "config"]),
    ("voice", &["support", "seams", "domain", "config"]),
    ("messages", &["support", "seams", "domain", "config"]),
    ("channels", &["messages", "support", "seams", "domain", "config"]),
    (
        "http",
        &["team", "knowledge", "channels", "messages", "voice", "support", "seams", "certificates", "domain", "config"],
    ),
    ("adapters", &["seams", "domain", "config"]),
    ("sip", &["seams", "certificates", "domain", "config"]),
    ("webrtc", &["seams", "domain", "config"]),
    (
        "app",
        &[
            "cli",
            "http",
            "team",
            "knowledge",
            "channels",
            "messages",
            "voice",
            "support",
            "adapters",
            "sip",
            "webrtc",
            "seams",
            "certificates",
            "domain",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "http",
            "team",
            "knowledge",
            "channels",
            "messages",
            "voice",
            "support",
            "adapters",
            "sip",
            "seams",
            "certificates",
            "domain",
            "config",
        ],
    ),
];

/// Not in `domain` and `media`: time, chance, sockets and the runtime come in as arguments.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "rand::",
    "new_v4",
    "now_v7",
    "getrandom",
    "tokio",
    "std::net::Udp",
    "std::net::Tcp",
    "UdpSocket",
    "TcpStream",
    "std::fs",
    "std::env",
];

/// A file that grows past this has more than one subject.
const LINES_MAX: usize = 700;

/// One line of a file.
struct Line {
    file: PathBuf,
    number: usize,
    text: String,
}

impl Line {
    /// Told as compilers do, so that editors jump there.
    fn breach(&self, why: &str) -> String {
        format!("{}:{}: {why}\n    {}", self.file.display(), self.number, self.text.trim())
    }

    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with("//")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder that end so, named from the root.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

fn lines_of(file: &Path) -> Vec<Line> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    let line = |(index, text): (usize, &str)| Line { file: file.into(), number: index + 1, text: text.into() };
    text.lines().enumerate().map(line).collect()
}

/// Lines of Rust below a folder, comments apart.
fn code(folder: &str) -> impl Iterator<Item = Line> {
    files(folder, ".rs").into_iter().flat_map(|file| lines_of(&file)).filter(|line| !line.is_comment())
}

/// The same without tests, which may read fixtures and clocks: they stand last in their file, or in one of their own.
fn code_without_tests(folder: &str) -> impl Iterator<Item = Line> {
    let own =
        |file: &PathBuf| !file.ends_with("tests.rs") && !file.components().any(|part| part.as_os_str() == "tests");
    files(folder, ".rs").into_iter().filter(own).flat_map(|file| {
        let lines: Vec<Line> = lines_of(&file);
        let tests = lines.windows(2).position(|two| two[0].text == "#[cfg(test)]" && two[1].text.starts_with("mod "));
        let end = tests.unwrap_or(lines.len());
        lines.into_iter().take(end).filter(|line| !line.is_comment())
    })
}

/// The room of a file: `src/voice/driver.rs` and `src/voice.rs` are of `voice`. The root of the crate has none.
fn room(file: &Path) -> Option<String> {
    let below = file.strip_prefix("src").ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(room, "lib" | "main")).then(|| room.to_string())
}

/// The rooms that a line of code names by `crate::room`, also within `use crate::{a::B, c}`.
fn rooms_named(text: &str) -> Vec<String> {
    let word =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.match_indices("crate::")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$'))
        .flat_map(|(at, found)| {
            let rest = &text[at + found.len()..];
            let Some(group) = rest.trim_start().strip_prefix('{') else { return vec![word(rest)] };
            top_level(group).map(word).collect()
        })
        .filter(|room| !room.is_empty())
        .collect()
}

/// The items of a group, without those of the groups within.
fn top_level(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let end = group
        .find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth < 0
        })
        .unwrap_or(group.len());
    let mut depth = 0;
    group[..end].split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    })
}

fn assert_kept(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn rooms_name_only_those_below_them() {
    let mut breaches = Vec::new();
    for file in files("src", ".rs") {
        let Some(room) = room(&file) else { continue };
        let Some((_, below)) = MAY_NAME.iter().find(|(name, _)| *name == room) else {
            breaches.push(format!(
                "{}: the room {room} has no floor; add it to MAY_NAME in {}",
                file.display(),
                file!()
            ));
            continue;
        };
        // Groups may span lines: a statement is looked at whole, and told by its first line.
        let mut statement: Option<Line> = None;
        for line in lines_of(&file).into_iter().filter(|line| !line.is_comment()) {
            let whole = match statement.take() {
                Some(begun) => Line { text: format!("{} {}", begun.text, line.text.trim()), ..begun },
                None => line,
            };
            let begins = whole.text.trim_start();
            let import = begins.starts_with("use ") || begins.starts_with("pub use ") || begins.starts_with("pub(");
            if import && begins.contains("use ") && !whole.text.contains(';') {
                statement = Some(whole);
                continue;
            }
            for named in rooms_named(&whole.text) {
                let known = MAY_NAME.iter().any(|(name, _)| *name == named);
                if known && named != room && !below.contains(&&*named) {
                    breaches.push(whole.breach(&format!("{room} names {named}, which is not below it")));
                }
            }
        }
    }
    assert_kept(breaches);
}

#[test]
fn domain_and_media_are_pure() {
    let pure = code_without_tests("src/domain").chain(code_without_tests("media/src"));
    let breach = |line: Line| {
        let found = IMPURE.iter().find(|impure| line.text.contains(**impure))?;
        Some(line.breach(&format!("`{found}` comes in as an argument here, or stays above")))
    };
    assert_kept(pure.filter_map(breach).collect());
}

#[test]
fn support_does_not_know_which_channel_it_serves() {
    let breach = |line: Line| {
        let known = ["Channel::Phone", "Channel::Api", "seams::media", "seams::signaling"];
        let found = known.iter().find(|name| line.text.contains(**name))?;
        Some(line.breach(&format!("`{found}`: what differs between channels comes in as ChannelTraits")))
    };
    assert_kept(code("src/support").filter_map(breach).collect());
}

#[test]
fn sql_lives_in_the_store_alone() {
    let breach = |line: Line| {
        let outside = !line.file.starts_with("src/adapters/store");
        (outside && line.text.contains("sqlx::")).then(|| line.breach("SQL lives in src/adapters/store alone"))
    };
    assert_kept(code("src").filter_map(breach).collect());
}

#[test]
fn no_file_has_two_subjects() {
    let breach = |file: PathBuf| {
        let lines = lines_of(&file).len();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines; part it by subject", file.display()))
    };
    let all =
        ["src", "media/src", "tests", "media/tests", "examples"].into_iter().flat_map(|folder| files(folder, ".rs"));
    assert_kept(all.filter_map(breach).collect());
}

/// What works on one machine alone has no place in a project: paths of somebody's home, hosts of package mirrors.
#[test]
fn no_tracked_file_names_a_machine() {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let Ok(listed) = listed else {
        println!("skipped: git is not here to list the tracked files");
        return;
    };
    // Put together here, so that this file does not breach its own rule.
    let homes = ["home", "Users", "root", "work"].map(|folder| format!("/{folder}/"));
    let mut breaches = Vec::new();
    for file in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let lock = file.ends_with(".lock") || file.ends_with("lock.json") || file.ends_with("lock.yaml");
        for line in lines_of(Path::new(file)) {
            if homes.iter().any(|home| names_path(&line.text, home)) {
                breaches.push(line.breach("a path of one machine"));
            }
            let mirrored = MIRRORS.iter().any(|setting| line.text.contains(setting)) && !file.ends_with("floors.rs");
            if mirrored || (lock && foreign_registry(&line.text)) {
                breaches.push(line.breach(
                    "a package registry of one machine; where packages come from is the machine's own setting",
                ));
            }
        }
    }
    assert_kept(breaches);
}

/// Settings that name a package registry other than the public one.
const MIRRORS: &[&str] = &["index-url", "registry=http", "registry = \"http", "replace-with =", "GOPROXY="];

/// Whether an absolute path below `home` begins in this text, rather than a part of a longer path or address.
fn names_path(text: &str, home: &str) -> bool {
    text.match_indices(home).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '}' | '/' | '*'))
    })
}

/// In a lock file, packages come from the one public Rust index; addresses of any other kind are left out of it.
fn foreign_registry(text: &str) -> bool {
    let addressed = text.contains("\"resolved\"") || text.contains("tarball:");
    addressed || (text.contains("registry+") && !text.contains(RUST_INDEX))
}

/// Who keeps the public Rust index.
const RUST_INDEX: &str = "registry+https://github.com/rust-lang/";

/// A rule that sees nothing keeps nothing: the reading of code is tried on known text.
#[test]
fn the_rules_see_what_they_look_for() {
    assert_eq!(rooms_named("use crate::{seams::{bus::Bus, clock}, domain::ids};"), ["seams", "domain"]);
    assert_eq!(rooms_named("fn f(x: crate::http::Parts, y: &crate::domain::time::EpochMs)"), ["http", "domain"]);
    assert_eq!(rooms_named("other_crate::http::x, $crate::http"), Vec::<String>::new());
    assert_eq!(room(Path::new("src/voice/driver.rs")).as_deref(), Some("voice"));
    assert_eq!(room(Path::new("src/app.rs")).as_deref(), Some("app"));
    assert_eq!(room(Path::new("src/lib.rs")), None);
    let home = format!("/{}/", "home");
    assert!(names_path(&format!("\"{home}anna/models\""), &home));
    assert!(!names_path(&format!("https://example.com{home}page"), &home));
    assert!(foreign_registry("source = \"registry+https://mirror.example/index\""));
    assert!(!foreign_registry(&format!("source = \"{RUST_INDEX}index\"")));
    assert!(files("src", ".rs").len() > 30 && files("media/src", ".rs").len() > 1);
}
