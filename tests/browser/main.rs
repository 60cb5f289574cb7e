//! Whole calls from a browser: Chromium without a screen, the running binary, real audio both ways over loopback.
//!
//! Chromium is told what to do over its debugging port: it presses the page's own buttons. What it says is synthesised or
//! recorded and played into its microphone; what it hears is recorded in the page and transcribed again. Needs the
//! models (`SWITCHBOARD_MODELS_DIR`), Chromium and baresip, and is skipped with a printed reason without them.

#![allow(clippy::unwrap_used, dead_code)] // Everything here is a test, and shares its tools with the telephones' tests.

mod calls;
mod chromium;
mod console;
mod nat;
mod relay;
mod sip_clients;
mod supervisor;
mod widget;

#[path = "../walkthroughs/audio.rs"]
mod audio;
#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../walkthroughs/hosts.rs"]
mod hosts;
#[path = "../walkthroughs/house.rs"]
mod house;
#[path = "../walkthroughs/phone.rs"]
mod phone;
