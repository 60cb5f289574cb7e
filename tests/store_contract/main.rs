//! What every store must do, proved on each (R13, R31, P3): the databases and the one in memory alike.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod killed;
mod samples;
mod suite;

use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::seams::fakes::MemoryStore;

/// A store of one kind and what must outlive it.
struct Fresh<S> {
    store: S,
    _folder: Option<tempfile::TempDir>,
}

async fn memory() -> Fresh<MemoryStore> {
    Fresh { store: MemoryStore::default(), _folder: None }
}

async fn sqlite() -> Fresh<SqliteStore> {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        file: folder.path().join("test.db"),
        readers: 2,
        busy_timeout: std::time::Duration::from_secs(5),
    };
    Fresh { store: SqliteStore::open(&options).await.unwrap(), _folder: Some(folder) }
}

macro_rules! contract {
    ($($behaviour:ident),+ $(,)?) => {
        mod memory_store {
            $(#[tokio::test] async fn $behaviour() { crate::suite::$behaviour(&crate::memory().await.store).await; })+
        }
        mod sqlite_store {
            $(#[tokio::test] async fn $behaviour() { crate::suite::$behaviour(&crate::sqlite().await.store).await; })+
        }
    };
}

contract! {
    everything_stored_comes_back_as_it_was,
    nothing_is_seen_before_its_commit,
    a_dropped_change_leaves_no_trace,
    of_two_changes_from_one_version_the_second_loses,
    an_agent_is_followed_up_by_its_next_revision_alone,
    rows_below_what_is_not_there_are_refused,
    a_row_is_added_once,
    messages_are_changed_and_taken_out,
    messages_come_in_the_order_of_their_time,
    knowledge_of_one_origin_is_replaced_alone,
    pages_follow_each_other_without_gap_or_repeat,
    the_list_shows_the_newest_call,
    a_call_without_an_end_is_found_after_a_restart,
    an_outbox_key_is_queued_once,
    what_configuration_laid_down_is_kept_for_each_agent,
    a_ticket_contends_on_its_version,
    a_missed_case_is_found_by_the_telephone_that_rang,
    an_open_ticket_is_found_by_the_number_that_called,
    many_writers_at_once_lose_nothing,
    any_text_is_stored_as_it_is,
    it_answers_when_it_can_be_written_to,
}
