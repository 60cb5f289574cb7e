//! The command line: one file a subcommand.

mod speak;

use clap::{Parser, Subcommand};

/// Switchboard answers phone lines and chat channels with one brain, and brings in a person when needed.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Speaks a text into a WAV file.
    Speak(speak::Speak),
}

/// Runs the chosen subcommand to its end.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Speak(speak) => speak.run(),
    }
}
