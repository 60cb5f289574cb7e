//! The `switchboard` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
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
