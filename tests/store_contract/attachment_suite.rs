//! Files of messages (R14): each belongs to one message, and to its conversation wherever that goes.

use switchboard::domain::conversation::Message;
use switchboard::domain::ids::ConversationId;
use switchboard::domain::time::EpochMs;
use switchboard::seams::store::{Store, StoreError};

use crate::samples::{attachment, conversation, id, message, seeded};

/// R14: they come back in their order with the message that took them, and follow it into another conversation.
pub async fn a_message_takes_its_files_and_no_other_takes_them(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (case, other) = (conversation(agent.id, inbox, 1), conversation(agent.id, inbox, 2));
    let files = [attachment(1), attachment(2), attachment(3)];
    let mut carrier = message(case.id, 5);
    carrier.post.attachments = files[..2].to_vec();
    let mut unit = store.begin().await.unwrap();
    for case in [&case, &other] {
        unit.insert_conversation(case).await.unwrap();
    }
    for file in &files {
        unit.save_attachment(file).await.unwrap();
    }
    unit.insert_message(&carrier).await.unwrap();
    unit.commit().await.unwrap();
    let read = async |id: ConversationId| store.conversation(id).await.unwrap().unwrap().messages;
    assert_eq!(read(case.id).await, [carrier.clone()]);
    assert_eq!(store.attachment(files[0].id).await.unwrap(), Some((files[0].clone(), Some(case.id))));
    assert_eq!(store.attachment(files[2].id).await.unwrap(), Some((files[2].clone(), None)));
    assert_eq!(store.unclaimed_attachments(EpochMs(3), 9).await.unwrap(), []);
    assert_eq!(store.unclaimed_attachments(EpochMs(4), 9).await.unwrap(), [files[2].clone()]);

    let thief = Message { post: carrier.post.clone(), ..message(case.id, 6) };
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.insert_message(&thief).await, Err(StoreError::NotFound)));
    drop(unit);
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.delete_unclaimed_attachment(files[0].id).await, Err(StoreError::NotFound)));
    unit.delete_unclaimed_attachment(files[2].id).await.unwrap();
    unit.move_messages(case.id, other.id, None).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.attachment(files[2].id).await.unwrap(), None);
    assert_eq!(store.attachment(files[0].id).await.unwrap().unwrap().1, Some(other.id));
    assert_eq!(read(other.id).await[0].post.attachments, files[..2]);
}

/// P3: a change that is dropped takes nothing.
pub async fn a_file_of_a_message_that_was_not_written_is_still_free(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (case, file) = (conversation(agent.id, inbox, 1), attachment(1));
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    unit.save_attachment(&file).await.unwrap();
    unit.commit().await.unwrap();
    let mut carrier = message(case.id, 5);
    carrier.post.attachments.push(file.clone());
    for written in [false, true] {
        let mut unit = store.begin().await.unwrap();
        unit.insert_message(&carrier).await.unwrap();
        if written {
            unit.commit().await.unwrap();
        }
    }
    assert_eq!(store.attachment(file.id).await.unwrap(), Some((file, Some(case.id))));
    let mut lacking = message(case.id, 6);
    lacking.post.attachments.push(attachment(2));
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.insert_message(&lacking).await, Err(StoreError::NotFound)), "{}", id());
}
