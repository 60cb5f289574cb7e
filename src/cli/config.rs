//! `switchboard config`: the reference, and a test of a file.

use std::path::PathBuf;

use clap::Subcommand;

use crate::app::business;
use crate::config::{self, Flags, Sources};
use crate::domain::ids::AgentId;
use crate::voice::phrases;

/// What to do with the configuration.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Prints every key with its default, environment variable and meaning, as Markdown.
    Reference,
    /// Tells everything that is wrong with a file, taken together with the environment.
    Check {
        /// The TOML file.
        file: PathBuf,
    },
    /// Lists the agent's own sentences, one a line, for those who record them (`speech.recordings`).
    Phrases {
        /// The TOML file.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// Runs it to its end.
pub fn run(command: ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Reference => print!("{}", config::reference::markdown()),
        ConfigCommand::Check { file } => {
            config::load(&Sources::of_process(Some(file.clone()), Flags::default()))?;
            println!("{} can be used", file.display());
        }
        ConfigCommand::Phrases { config } => {
            let config = config::load(&Sources::of_process(config, Flags::default()))?;
            let agent = business::configured(&config, AgentId(uuid::Uuid::nil()))?;
            phrases::kept_ready(&agent).iter().for_each(|phrase| println!("{phrase}"));
        }
    }
    Ok(())
}
