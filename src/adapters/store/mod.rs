//! The SQLite store: one file in the data folder.
//!
//! One connection writes, so that changes queue here, in order, rather than fail on a lock; several read at the
//! same time and each sees one moment. WAL with `synchronous = FULL`: a commit that was answered has reached
//! the disk and survives `kill -9` and a power cut (sqlite.org/pragma.html#pragma_synchronous). That costs one
//! flush a commit, so callers put what belongs together into one unit of work.

mod attachments;
mod channels;
mod error;
mod inbox_read;
mod inbox_write;
mod knowledge;
mod read;
mod rows;
mod team;
#[cfg(test)]
mod tests;
mod write;

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlitePool};

pub use error::SqliteError;

/// How the database is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file; it and its folder are made, for this user alone, when they are not there.
    pub file: PathBuf,
    /// Connections that read at the same time.
    pub readers: u32,
    /// How long a statement waits for a lock that another process holds.
    pub busy_timeout: Duration,
}

/// The SQLite store. Clones share their connections.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the database and brings it up to date.
    pub async fn open(options: &SqliteOptions) -> Result<SqliteStore, SqliteError> {
        if let Some(folder) = options.file.parent() {
            make_private_folder(folder)?;
        }
        make_private_file(&options.file)?;
        let connect = SqliteConnectOptions::new()
            .filename(&options.file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true)
            .pragma("journal_size_limit", JOURNAL_BYTES_KEPT);
        // The change before may itself wait for another process; whoever waits behind it waits as long again.
        let patience = options.busy_timeout * 2;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(patience)
            .connect_with(connect.clone())
            .await
            .map_err(opening)?;
        MIGRATIONS.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .acquire_timeout(patience)
            .connect_with(connect.read_only(true))
            .await
            .map_err(opening)?;
        Ok(SqliteStore { writer, readers })
    }

    /// Ends all connections; what was committed is then in the one file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Copies a database into a new file as it is at one moment, while others go on reading and writing.
pub async fn copy_database(database: &Path, copy: &Path) -> Result<(), SqliteError> {
    let connect = SqliteConnectOptions::new().filename(database).read_only(true);
    let mut connection = connect.connect().await.map_err(opening)?;
    let into = copy.display().to_string();
    sqlx::query("VACUUM INTO ?").bind(into).execute(&mut connection).await.map_err(opening)?;
    connection.close().await.map_err(opening)
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// The write-ahead log is cut back to this after a burst; smaller frees disk sooner, larger writes quicker.
const JOURNAL_BYTES_KEPT: &str = "33554432";

/// Opening speaks the same language as everything after it.
fn opening(error: sqlx::Error) -> SqliteError {
    match error::sort(error) {
        crate::seams::store::StoreError::Backend(source) => match source.downcast() {
            Ok(error) => *error,
            Err(source) => SqliteError::Other(sqlx::Error::Configuration(source)),
        },
        other => SqliteError::Other(sqlx::Error::Configuration(Box::new(other))),
    }
}

fn make_private_folder(folder: &Path) -> Result<(), SqliteError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| SqliteError::Create { path: folder.display().to_string(), source })
}

/// SQLite gives its side files the permissions of the database file, so that one is made first.
fn make_private_file(file: &Path) -> Result<(), SqliteError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(file)
        .map(drop)
        .map_err(|source| SqliteError::Create { path: file.display().to_string(), source })
}
