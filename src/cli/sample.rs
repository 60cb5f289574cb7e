//! `switchboard sample`: writes the sample business's knowledge into a folder, to be changed.

use std::path::PathBuf;

use anyhow::Context;

use crate::adapters::knowledge_folder::SAMPLE_FILES;

/// Arguments of `sample`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder; files that are there already stay as they are.
    dir: PathBuf,
}

/// Writes the files.
pub fn run(args: Args) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("{} cannot be made", args.dir.display()))?;
    for (name, text) in SAMPLE_FILES {
        let file = args.dir.join(name);
        if !file.exists() {
            std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        }
    }
    println!("{} files of sample knowledge are in {}", SAMPLE_FILES.len(), args.dir.display());
    Ok(())
}
