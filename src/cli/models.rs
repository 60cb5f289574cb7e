//! `switchboard models`: fetches and checks the models.

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;

use crate::adapters::models::{Models, fetch};

/// Arguments of `models`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Downloads what is missing or damaged, with checksums; does nothing when all is there.
    Fetch {
        /// The folder to fill; by default the one that the other commands read.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Hashes every file and tells what is wrong.
    Check {
        /// The folder to check.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Runs the chosen subcommand.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Fetch { dir } => {
            let models = Models::resolve(dir.as_deref());
            let fetched = fetch::fetch(&models)?;
            for error in &fetched.without {
                eprintln!("Calls are taken without it: {error}");
            }
            match fetched.packages {
                0 => println!("All models that are needed are in {}.", models.dir().display()),
                packages => println!("{packages} packages fetched into {}.", models.dir().display()),
            }
            Ok(())
        }
        Command::Check { dir } => {
            let models = Models::resolve(dir.as_deref());
            let missing = models.verify_contents();
            for model in &missing {
                eprintln!("{model}");
            }
            for model in models.verify_optional() {
                eprintln!("{model}; calls are taken without it");
            }
            match missing.len() {
                0 => println!("All models in {} are whole.", models.dir().display()),
                count => bail!("{count} files are missing or damaged; run `switchboard models fetch`"),
            }
            Ok(())
        }
    }
}
