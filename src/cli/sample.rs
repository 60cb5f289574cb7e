//! `switchboard sample`: writes a sample business into a folder, to be tried and changed.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::adapters::knowledge_folder::{SAMPLE_FILES, sample_business};
use crate::support::sensitivity::default_sensitivity;

/// Arguments of `sample`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder; files that are there already stay as they are.
    dir: PathBuf,
    /// Whether its calls are recorded, after a notice and until the caller objects.
    #[arg(long, value_name = "true|false", default_value_t = true, action = clap::ArgAction::Set)]
    record_calls: bool,
}

/// Writes `switchboard.toml` and the folder `knowledge`.
pub fn run(args: Args) -> anyhow::Result<()> {
    let knowledge = args.dir.join("knowledge");
    std::fs::create_dir_all(&knowledge).with_context(|| format!("{} cannot be made", knowledge.display()))?;
    let business = sample_business(default_sensitivity);
    let settings = format!(
        "# The sample business. `switchboard config reference` tells every key.\n\n[agent]\nbusiness = {:?}\ngreeting = \
         {:?}\npublish = true\nmode = \"automatic_when_safe\"\non_unresolved = \"flag\"\nrecord_calls = {}\nknowledge = {:?}\n",
        business.business,
        business.greeting,
        args.record_calls,
        knowledge.display().to_string(),
    );
    keep_or_write(&args.dir.join("switchboard.toml"), &settings)?;
    for (name, text) in SAMPLE_FILES {
        keep_or_write(&knowledge.join(name), text)?;
    }
    println!("The sample business {} is in {}", business.business, args.dir.display());
    Ok(())
}

fn keep_or_write(file: &Path, text: &str) -> anyhow::Result<()> {
    if file.exists() {
        return Ok(());
    }
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Flags, Sources};

    /// R48: whoever starts for the first time says whether calls are recorded.
    #[test]
    fn the_sample_records_as_it_was_told() {
        for record_calls in [true, false] {
            let folder = tempfile::tempdir().expect("a folder");
            run(Args { dir: folder.path().into(), record_calls }).expect("written");
            let file = folder.path().join("switchboard.toml");
            let config = config::load(&Sources::of_process(Some(file), Flags::default())).expect("usable");
            assert_eq!(config.agent.record_calls, record_calls);
        }
    }
}
