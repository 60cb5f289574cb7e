//! The command line: one file a subcommand.

pub mod admin;
pub mod ask;
pub mod backup;
pub mod check;
pub mod config;
pub mod demo;
pub mod dialplan;
pub mod eval;
pub mod models;
pub mod read_document;
pub mod sample;
pub mod serve;
pub mod speak;
pub mod transcribe;

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
    /// Answers calls until it is asked to stop.
    Serve(serve::Args),
    /// Writes the sample business's knowledge into a folder.
    Sample(sample::Args),
    /// Places a scripted call on loopback, without a phone, and prints the conversation.
    Demo(demo::Args),
    /// Tries every part that a call needs, and says what to mend.
    Check(check::Args),
    /// Explains and tests the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Makes the first account, or a link for a new password.
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Checks dialplans, and tells where a call would go.
    #[command(subcommand)]
    Dialplan(dialplan::DialplanCommand),
    /// Writes everything of this installation into one file; the server may be running.
    Backup(backup::BackupArgs),
    /// Restores such a file into a data folder that is not there yet.
    Restore(backup::RestoreArgs),
    /// Puts a question to the desk and shows what it would do.
    Ask(ask::Args),
    /// Measures the answers on labelled questions.
    Eval(eval::Args),
    /// Fetches the speech and language models, or checks them.
    Models(models::Args),
    /// Writes down what is said in WAV files.
    Transcribe(transcribe::Args),
    /// Speaks a text into a WAV file.
    Speak(speak::Args),
    /// Reads one document from standard input, within bounds; Switchboard starts it by itself.
    #[command(hide = true)]
    ReadDocument(read_document::Args),
}

/// Runs the chosen subcommand to its end.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => check::run(args),
        Command::Config(command) => config::run(command),
        Command::Admin(command) => admin::run(command),
        Command::Dialplan(command) => dialplan::run(command),
        Command::Backup(args) => backup::backup(args),
        Command::Restore(args) => backup::restore(args),
        Command::Ask(args) => ask::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Models(args) => models::run(args),
        Command::Transcribe(args) => transcribe::run(args),
        Command::Speak(args) => speak::run(args),
        Command::ReadDocument(args) => read_document::run(&args),
    }
}

/// The runtime of commands that listen or call.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_subcommand_and_flag_can_be_parsed() {
        super::Cli::command().debug_assert();
    }
}
