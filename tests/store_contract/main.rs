//! What every store must do, proved on each (R13, R31, P3): the databases and the one in memory alike.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod attachment_suite;
mod inbox_suite;
mod killed;
mod knowledge_suite;
#[path = "../common/samples.rs"]
mod samples;
mod suite;
mod team_suite;

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
    ($($suite:ident::$behaviour:ident),+ $(,)?) => {
        mod memory_store {
            $(#[tokio::test] async fn $behaviour() { crate::$suite::$behaviour(&crate::memory().await.store).await; })+
        }
        mod sqlite_store {
            $(#[tokio::test] async fn $behaviour() { crate::$suite::$behaviour(&crate::sqlite().await.store).await; })+
        }
    };
}

contract! {
    suite::everything_stored_comes_back_as_it_was,
    suite::nothing_is_seen_before_its_commit,
    suite::a_dropped_change_leaves_no_trace,
    suite::of_two_changes_from_one_version_the_second_loses,
    suite::an_agent_is_followed_up_by_its_next_revision_alone,
    suite::rows_below_what_is_not_there_are_refused,
    suite::a_row_is_added_once,
    suite::messages_are_changed_and_taken_out,
    suite::messages_come_in_the_order_of_their_time,
    suite::knowledge_of_one_origin_is_replaced_alone,
    suite::pages_follow_each_other_without_gap_or_repeat,
    suite::the_list_shows_the_newest_call,
    suite::a_call_without_an_end_is_found_after_a_restart,
    suite::an_outbox_key_is_queued_once,
    suite::what_configuration_laid_down_is_kept_for_each_agent,
    suite::an_open_ticket_is_found_by_the_number_that_called,
    suite::many_writers_at_once_lose_nothing,
    suite::any_text_is_stored_as_it_is,
    suite::it_answers_when_it_can_be_written_to,
    attachment_suite::a_message_takes_its_files_and_no_other_takes_them,
    attachment_suite::a_file_of_a_message_that_was_not_written_is_still_free,
    inbox_suite::casework_and_posts_come_back_as_they_were,
    inbox_suite::every_act_leaves_an_event_with_its_doer,
    inbox_suite::lists_show_what_was_asked_for,
    inbox_suite::the_search_follows_the_messages,
    inbox_suite::a_conversation_is_known_again_by_name_and_newest_words,
    inbox_suite::a_thread_is_found_by_its_newest_conversation,
    inbox_suite::inboxes_are_told_apart_by_channel,
    inbox_suite::a_proven_address_is_one_persons_and_others_suggest,
    inbox_suite::an_answer_is_kept_once_and_forgotten_in_time,
    inbox_suite::a_job_is_claimed_by_one_and_done_once,
    inbox_suite::the_outbox_is_read_in_its_order_by_kind,
    inbox_suite::everything_of_a_merged_case_moves,
    knowledge_suite::an_article_keeps_every_revision,
    knowledge_suite::articles_are_listed_by_kind_and_in_pages,
    knowledge_suite::a_watched_page_falls_due_until_it_is_forgotten,
    knowledge_suite::a_question_without_an_answer_is_collected_once,
    knowledge_suite::the_most_asked_gap_comes_first,
    team_suite::the_first_teammate_is_one,
    team_suite::an_email_is_one_persons,
    team_suite::sessions_and_tokens_end,
    team_suite::the_audit_log_is_read_backwards,
    team_suite::lists_show_the_inboxes_asked_for,
    suite::a_ticket_contends_on_its_version,
    suite::a_missed_case_is_found_by_the_telephone_that_rang,
    suite::a_trunks_day_is_kept_and_never_shrinks,
}
