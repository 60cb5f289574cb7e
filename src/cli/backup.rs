//! `switchboard backup` and `switchboard restore`: everything of an installation in one file, and back (R44).

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::serve;
use crate::adapters::backup::{Contents, Source, pack, unpack};
use crate::adapters::store::{SqliteOptions, SqliteStore, copy_database};
use crate::config::Config;

/// Arguments of `backup`.
#[derive(clap::Args)]
pub struct BackupArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    serve: serve::Args,
}

/// Arguments of `restore`.
#[derive(clap::Args)]
pub struct RestoreArgs {
    /// The file that `backup` wrote.
    file: PathBuf,
    #[command(flatten)]
    serve: serve::Args,
}

/// Writes a backup; the server may be running.
pub fn backup(args: BackupArgs) -> anyhow::Result<()> {
    let config = args.serve.configuration()?;
    let database = config.database_file();
    anyhow::ensure!(
        database.exists(),
        "there is no installation in {}; name its --data-dir",
        config.data_dir.display()
    );
    let folder =
        tempfile::tempdir_in(args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref()))
            .with_context(|| format!("no file can be written beside {}", args.out.display()))?;
    let copy = folder.path().join("copy");
    super::runtime()?.block_on(copy_database(&database, &copy))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let source = Source { folder: &config.data_dir, database: &config.store.file, copy: &copy };
    let contents = pack(&source, now, &args.out)?;
    println!("{}: {}, read back.", args.out.display(), told(&contents));
    for outside in outside(&config, args.serve.config.as_deref()) {
        println!("Not in it, since it lies elsewhere: {}", outside.display());
    }
    println!("It holds customers' words and this installation's keys: keep it where nobody else can read it.");
    Ok(())
}

/// Restores a backup into a data folder that is not there yet.
pub fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let config = args.serve.configuration()?;
    let contents = unpack(&args.file, &config.data_dir)?;
    let opened = super::runtime()?.block_on(async {
        let options = SqliteOptions {
            file: config.database_file(),
            readers: 1,
            busy_timeout: Duration::from_millis(config.store.busy_timeout_ms),
        };
        // Brings a database of an earlier version up to this one.
        let store = SqliteStore::open(&options).await?;
        store.close().await;
        anyhow::Ok(())
    });
    opened.with_context(|| format!("{} was restored, but its database cannot be opened", config.data_dir.display()))?;
    println!("{} holds {} again, of version {}.", config.data_dir.display(), told(&contents), contents.version);
    let file = config.data_dir.join("switchboard.toml");
    let named = if file.exists() { format!(" --config {}", file.display()) } else { String::new() };
    println!("Start it with: switchboard serve --data-dir {}{named}", config.data_dir.display());
    Ok(())
}

fn told(contents: &Contents) -> String {
    let recordings = contents.files.keys().filter(|name| name.starts_with("recordings/")).count();
    format!("{} files ({recordings} recordings), {:.1} MB", contents.files.len(), contents.bytes() as f64 / 1e6)
}

/// What the configuration names outside of the data folder.
fn outside(config: &Config, file: Option<&std::path::Path>) -> Vec<PathBuf> {
    let named = [
        file.map(PathBuf::from),
        config.agent.knowledge.clone(),
        config.dialplans.clone(),
        config.speech.recordings.clone(),
    ];
    let is_outside = |path: &PathBuf| {
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        config.data_dir.canonicalize().is_ok_and(|folder| !whole.starts_with(folder))
    };
    named.into_iter().flatten().filter(is_outside).collect()
}
