//! SIPp, run to its end with one of its own scenarios or one of ours.

use std::process::{Command, Stdio};

use super::house::{House, Process, eventually, free_port};

/// What SIPp does.
pub enum Scenario {
    /// One that SIPp holds itself.
    Own(&'static str),
    /// The text of one of ours.
    Xml(&'static str),
}

/// INVITE, a zero by INFO, BYE.
pub const INFO_KEY: &str = include_str!("sipp/info_key.xml");
/// INVITE without an offer, hold, resume, BYE.
pub const LATE_OFFER: &str = include_str!("sipp/late_offer.xml");
/// OPTIONS.
pub const OPTIONS: &str = include_str!("sipp/options.xml");
/// INVITE with a codec that nobody here speaks.
pub const STRANGE_CODEC: &str = include_str!("sipp/strange_codec.xml");
/// INVITE that requires an extension unheard of.
pub const STRANGE_EXTENSION: &str = include_str!("sipp/strange_extension.xml");

/// Runs a scenario once (unless `arguments` say otherwise) and expects every step of it.
pub fn run(house: &House, caller: &str, scenario: Scenario, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let errors = folder.path().join("errors.log");
    let mut command = Command::new("sipp");
    command.current_dir(folder.path()).arg(house.address());
    match scenario {
        Scenario::Own(name) => command.args(["-sn", name]),
        Scenario::Xml(text) => {
            std::fs::write(folder.path().join("scenario.xml"), text).unwrap();
            command.args(["-sf", "scenario.xml"])
        }
    };
    command
        .args(["-s", "support", "-i", "127.0.0.1", "-p", &free_port().to_string(), "-key", "caller", caller])
        .args(["-nostdin", "-timeout", "35s", "-timeout_error", "-trace_err", "-error_file"])
        .arg(&errors);
    if !arguments.contains(&"-m") {
        command.args(["-m", "1"]);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::spawn(&mut command);
    let status = eventually("SIPp ends", || process.ended());
    let errors = std::fs::read_to_string(&errors).unwrap_or_default();
    assert!(status.success(), "SIPp as {caller} ended with {status}: {errors}");
}
