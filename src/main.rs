//! The `switchboard` program.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    switchboard::cli::run(switchboard::cli::Cli::parse())
}
