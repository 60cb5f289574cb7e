//! What SQLite says when it fails, told as what the operator can do.

use crate::seams::store::StoreError;

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// Another program holds the lock.
    #[error(
        "the database is locked by another program; nothing was written. End that program (a backup, a second \
         switchboard on the same data folder), or raise store.busy_timeout_ms"
    )]
    Locked(#[source] sqlx::Error),
    /// Changes come faster than they can be written, or one was begun and never ended.
    #[error("no change could be begun in time; the disk is too slow for what is asked of it, or a change hangs")]
    Busy(#[source] sqlx::Error),
    /// No space.
    #[error("the disk is full; nothing was written. Free space in the data folder")]
    Full(#[source] sqlx::Error),
    /// No permission.
    #[error("the database cannot be written; check owner and permissions of the data folder and its file system")]
    ReadOnly(#[source] sqlx::Error),
    /// The device failed.
    #[error("the disk failed: {0}; check the system's log and the free space of the data folder")]
    Io(#[source] sqlx::Error),
    /// The file is damaged.
    #[error("the database file is damaged: {0}; restore the newest backup")]
    Damaged(#[source] sqlx::Error),
    /// A row holds what this version cannot read.
    #[error("a row of {table} cannot be read ({reason}); it was written by a newer version or by hand")]
    Row {
        /// Its table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder or file could not be made.
    #[error("{path} cannot be made: {source}; check data_dir and its permissions")]
    Create {
        /// The folder or file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database is of another version.
    #[error("the database cannot be brought up to date: {0}; run the newer switchboard it was last used with")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Anything else, which is a fault of ours.
    #[error("database: {0}")]
    Other(#[source] sqlx::Error),
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        StoreError::Backend(Box::new(error))
    }
}

/// Sorts an error of the driver by what it means here.
pub fn sort(error: sqlx::Error) -> StoreError {
    let code = match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => return StoreError::Conflict,
        sqlx::Error::Database(database) if database.is_foreign_key_violation() => return StoreError::NotFound,
        sqlx::Error::RowNotFound => return StoreError::NotFound,
        sqlx::Error::PoolTimedOut => return SqliteError::Busy(error).into(),
        sqlx::Error::Database(database) => database.code().and_then(|code| code.parse::<i32>().ok()),
        // Everything else did not come from the database itself.
        _ => None,
    };
    // The low byte is the primary result code (sqlite.org/rescode.html).
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => SqliteError::Locked(error),
        Some(13) => SqliteError::Full(error),
        Some(3 | 8 | 14) => SqliteError::ReadOnly(error),
        Some(10) => SqliteError::Io(error),
        Some(11 | 26) => SqliteError::Damaged(error),
        _ => SqliteError::Other(error),
    }
    .into()
}
