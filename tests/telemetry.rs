//! Logs and panics of a process of our own (R44).

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Command;

use serde_json::Value;
use switchboard::adapters::telemetry;
use switchboard::config::logging::{LogFormat, LoggingConfig};

/// Tells the child that it is one.
const CHILD: &str = "TELEMETRY_CHILD";

#[test]
fn lines_are_json_for_collectors_and_a_panic_is_one_of_them() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_that_logs_and_panics", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8(child.stderr).unwrap();
    let lines: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert_eq!((&lines[0]["message"], &lines[0]["call.id"]), (&"A call rings".into(), &"42".into()));
    assert_eq!((&lines[1]["level"], &lines[1]["panic.message"]), (&"ERROR".into(), &"it broke".into()));
    let metrics = String::from_utf8(child.stdout).unwrap();
    for line in ["switchboard_panics_total 1", "switchboard_build_info{version=", "switchboard_uptime_seconds"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn a_child_that_logs_and_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let config = LoggingConfig { format: LogFormat::Json, ..LoggingConfig::default() };
    let metrics = telemetry::install(&config).unwrap();
    tracing::info!(call.id = "42", "A call rings");
    tracing::debug!("Not told");
    std::thread::spawn(|| panic!("it broke")).join().unwrap_err();
    println!("{}", metrics.render());
}
