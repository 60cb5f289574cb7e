//! The `switchboard` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // The ONNX runtime reports to its makers unless this is set before it is loaded. What happens here is nobody else's.
    // SAFETY: no other thread runs yet that could read the environment.
    unsafe { std::env::set_var(switchboard::adapters::models::NO_TELEMETRY, "1") };
    // TLS clients need one provider of cryptography for the whole process, chosen before the first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match switchboard::cli::run(switchboard::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
