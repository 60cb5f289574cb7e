//! Keeps what happens on a call, in order, without the call ever waiting for the disk.
//!
//! The driver hands entries over a bounded channel; one task a call writes each in a transaction and then tells
//! the live event. An entry that the store refuses is tried again until it goes in: what was accepted is not
//! lost because a database was locked for a minute.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::domain::call::{Attempt, Call, CallOutcome, Recording};
use crate::domain::conversation::{Conversation, Handler, Message, Status};
use crate::domain::cut_call;
use crate::domain::ids::{ConversationId, RecordingId, TicketId};
use crate::domain::ticket::{Ticket, TicketKind};
use crate::domain::transition::{Act, Actor, apply};
use crate::seams::bus::{Bus, LiveKind};
use crate::seams::clock::Clock;
use crate::seams::shown::{ShownAttempt, ShownMessage, ShownSummary, ShownTicket};
use crate::seams::store::{ConversationView, Store, StoreError, UnitOfWork};

/// Something to be kept.
#[derive(Clone)]
pub enum Entry {
    /// A call came in: the first entry.
    Begun,
    /// We make a call in a conversation that there is already: the first entry then.
    Placed,
    /// It was answered, with the call as it is now.
    Call(Box<Call>),
    /// A message or turn was added.
    Message(Box<Message>),
    /// What of it was heard, or its timings, are known.
    MessageChanged(Box<Message>),
    /// The conversation's state changed.
    Mark {
        /// New status.
        status: Status,
        /// New handler.
        handler: Handler,
        /// Why.
        reason: String,
    },
    /// A summary was written.
    Summary(String),
    /// A ticket was made.
    Ticket(Box<Ticket>),
    /// A try to reach a person began or ended.
    Attempt(Box<Attempt>),
    /// A recording began or ended.
    Recording(Box<Recording>),
    /// The caller does not want to be recorded.
    RecordingDeleted(RecordingId),
    /// A notification for the outbox.
    Notify {
        /// Delivered once by this key.
        key: String,
        /// What kind.
        kind: &'static str,
        /// What it says.
        payload: serde_json::Value,
    },
    /// Something that a teammate did with the call, for the conversation's events.
    Did {
        /// What.
        act: Act,
        /// Who, by name.
        by: String,
        /// As it is told live, where it is about a supervisor.
        supervision: Option<serde_json::Value>,
    },
    /// What is understood so far; told live, kept nowhere.
    Hearing(String),
    /// The call is over: the last entry.
    Ended(CallOutcome),
}

/// The driver's end.
#[derive(Clone)]
pub struct Journal {
    entries: mpsc::Sender<Entry>,
}

impl Journal {
    /// Begins to keep one call. The task ends, with everything written, once every clone is dropped.
    pub fn begin(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        conversation: Conversation,
        call: Call,
    ) -> (Journal, tokio::task::JoinHandle<()>) {
        let (entries, receiver) = mpsc::channel(QUEUED_ENTRIES);
        let keeper = Keeper { store, bus, clock, conversation, call, ticket: None };
        (Journal { entries }, tokio::spawn(keeper.run(receiver)))
    }

    /// Keeps an entry; never waits. A full queue means that the store has been refusing for minutes.
    pub fn keep(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            metrics::counter!("switchboard_journal_entries_dropped_total").increment(1);
            error!("The journal of a call is full; an entry is lost. Is the disk full?");
        }
    }
}

struct Keeper {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    conversation: Conversation,
    call: Call,
    /// The case's ticket, as it is kept.
    ticket: Option<Ticket>,
}

impl Keeper {
    async fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        while let Some(entry) = entries.recv().await {
            self.keep(entry).await;
        }
    }

    async fn keep(&mut self, entry: Entry) {
        if let Entry::Hearing(text) = entry {
            return self.tell(LiveKind::Hearing { text });
        }
        self.apply(&entry);
        let mut pause = FIRST_RETRY;
        let mut entry = entry;
        loop {
            match self.write(&entry).await {
                Ok(kept) => {
                    if let Some(kept) = kept {
                        entry = Entry::Ticket(Box::new(kept));
                    }
                    break;
                }
                Err(StoreError::Conflict) => self.reread(&entry).await,
                // The row is not there and will not come by waiting.
                Err(StoreError::NotFound) => {
                    error!(conversation.id = %self.conversation.id, "A row of the journal is gone");
                    break;
                }
                Err(StoreError::Backend(source)) => {
                    warn!(conversation.id = %self.conversation.id, error = %source, "The store refuses; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_RETRY);
                }
            }
        }
        self.announce(&entry);
    }

    /// Brings our copy of conversation and call up to date.
    fn apply(&mut self, entry: &Entry) {
        let now = self.clock.epoch();
        self.conversation.updated_at = now;
        match entry {
            Entry::Call(call) => self.call = (**call).clone(),
            Entry::Mark { status, handler, reason } => {
                self.conversation.status = *status;
                self.conversation.handler = *handler;
                self.conversation.reason = Some(reason.clone());
            }
            Entry::Summary(text) => self.conversation.summary = Some(text.clone()),
            // What does not go any more is told all the same.
            Entry::Did { act, by, .. } => {
                let _ = apply(&mut self.conversation, act, &Actor::Teammate(by.clone()), now);
            }
            Entry::Ended(outcome) => {
                self.call.ended_at = Some(now);
                self.call.outcome = Some(*outcome);
                self.conversation.casework.person_took_part |= *outcome == CallOutcome::Person;
                if matches!(outcome, CallOutcome::Resolved | CallOutcome::Person | CallOutcome::BestEffort)
                    && self.conversation.status == Status::Open
                {
                    self.conversation.status = Status::Resolved;
                }
                self.conversation.handler = Handler::None;
            }
            Entry::Begun
            | Entry::Placed
            | Entry::Message(_)
            | Entry::MessageChanged(_)
            | Entry::Ticket(_)
            | Entry::Attempt(_)
            | Entry::Recording(_)
            | Entry::RecordingDeleted(_)
            | Entry::Notify { .. }
            | Entry::Hearing(_) => {}
        }
    }

    /// Writes it; of a ticket, gives it back as it is kept.
    async fn write(&mut self, entry: &Entry) -> Result<Option<Ticket>, StoreError> {
        let mut kept = None;
        let mut work = self.store.begin().await?;
        match entry {
            Entry::Begun => {
                work.insert_conversation(&self.conversation).await?;
                work.save_call(&self.call).await?;
            }
            Entry::Placed | Entry::Call(_) => work.save_call(&self.call).await?,
            // Every word of ours contends on the version with a person taking over; each bumps it.
            Entry::Message(message) => {
                work.insert_message(message).await?;
                self.write_conversation(&mut *work).await?;
            }
            Entry::MessageChanged(message) => work.update_message(message).await?,
            Entry::Mark { .. } | Entry::Summary(_) => self.write_conversation(&mut *work).await?,
            Entry::Ticket(ticket) => {
                let (stored, notice) = self.with_the_open_case(ticket).await?;
                work.save_ticket(&stored).await?;
                work.enqueue(&notice.key, notice.kind, &notice.payload).await?;
                self.write_conversation(&mut *work).await?;
                let is_new = stored.id == ticket.id;
                kept = Some(Ticket { version: stored.version + i64::from(!is_new), ..stored });
            }
            Entry::Attempt(attempt) => work.save_attempt(attempt).await?,
            Entry::Did { act, by, .. } => {
                work.record(&self.conversation, act, &Actor::Teammate(by.clone())).await?;
            }
            Entry::Recording(recording) => work.save_recording(recording).await?,
            Entry::RecordingDeleted(recording) => work.delete_recording(*recording).await?,
            Entry::Notify { key, kind, payload } => work.enqueue(key, kind, payload).await?,
            Entry::Ended(_) => {
                work.save_call(&self.call).await?;
                self.write_conversation(&mut *work).await?;
            }
            Entry::Hearing(_) => {}
        }
        work.commit().await?;
        if changes_conversation(entry) {
            self.conversation.version += 1;
        }
        self.ticket = kept.clone().or(self.ticket.take());
        Ok(kept)
    }

    /// R55: a caller with an open case adds to it, so that there is one ticket and one callback.
    async fn with_the_open_case(&self, ticket: &Ticket) -> Result<(Ticket, Notice), StoreError> {
        let number = self.call.from.as_deref().filter(|from| from.starts_with('+'));
        let open = match (&self.ticket, number) {
            // A second matter of the same call, whoever calls; a teammate may have changed it meanwhile.
            (Some(ticket), _) => self.store.ticket(ticket.id).await?,
            (None, Some(number)) => self.store.open_ticket_of(self.conversation.agent, number).await?,
            (None, None) => None,
        };
        Ok(match open.filter(|open| open.id != ticket.id) {
            Some(open) => {
                let kept = open.added_to_by(ticket.clone());
                let notice = Notice::of(&kept, self.conversation.id, TICKET_UPDATED);
                (kept, notice)
            }
            None => (ticket.clone(), Notice::of(ticket, self.conversation.id, kind_of(ticket.kind))),
        })
    }

    async fn write_conversation(&self, work: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        work.update_conversation(&self.conversation).await
    }

    /// Somebody else changed the conversation: their status and handler stay, ours follow on top.
    async fn reread(&mut self, entry: &Entry) {
        match self.store.conversation(self.conversation.id).await {
            Ok(Some(view)) => {
                let summary = self.conversation.summary.take();
                self.conversation = view.conversation;
                self.conversation.summary = summary.or(self.conversation.summary.take());
                self.apply(entry);
            }
            Ok(None) => error!(conversation.id = %self.conversation.id, "The conversation is gone"),
            Err(error) => {
                warn!(conversation.id = %self.conversation.id, %error, "The store refuses; trying again");
                tokio::time::sleep(FIRST_RETRY).await;
            }
        }
    }

    fn announce(&self, entry: &Entry) {
        match entry {
            Entry::Begun => {
                self.tell_conversation();
                self.tell(LiveKind::CallRinging);
            }
            Entry::Call(_) => {
                self.tell_conversation();
                self.tell(LiveKind::CallAnswered);
            }
            Entry::Message(message) | Entry::MessageChanged(message) => {
                self.tell(LiveKind::Message { message: ShownMessage::json(message) });
            }
            Entry::Placed
            | Entry::Mark { .. }
            | Entry::Summary(_)
            | Entry::Recording(_)
            | Entry::RecordingDeleted(_) => {
                self.tell_conversation();
            }
            Entry::Ticket(ticket) => self.tell(LiveKind::Ticket { ticket: ShownTicket::json(ticket) }),
            Entry::Attempt(attempt) => self.tell(LiveKind::Attempt { attempt: ShownAttempt::json(attempt) }),
            Entry::Ended(_) => {
                self.tell_conversation();
                self.tell(LiveKind::CallEnded);
            }
            Entry::Did { supervision, .. } => {
                self.tell_conversation();
                if let Some(supervision) = supervision.clone() {
                    self.tell(LiveKind::Supervision { supervision });
                }
            }
            Entry::Notify { .. } | Entry::Hearing(_) => {}
        }
    }

    fn tell_conversation(&self) {
        let conversation = ShownSummary::json(&self.conversation, Some(&self.call));
        self.tell(LiveKind::Conversation { conversation });
    }

    fn tell(&self, kind: LiveKind) {
        self.bus.publish(self.clock.epoch(), self.conversation.id, kind);
    }
}

/// A row of the outbox about a ticket.
struct Notice {
    key: String,
    kind: &'static str,
    payload: serde_json::Value,
}

impl Notice {
    fn of(ticket: &Ticket, conversation: ConversationId, kind: &'static str) -> Notice {
        // The same ticket is told of once for each conversation that adds to it.
        let key = format!("ticket:{}:{conversation}", ticket.id);
        let payload = serde_json::json!({
            "ticket": ticket.id, "conversation": conversation, "reason": ticket.reason, "due_at_ms": ticket.due_at,
            "link": link_to(conversation),
        });
        Notice { key, kind, payload }
    }
}

/// Where a conversation is shown, below the address under which people open the page.
pub fn link_to(conversation: ConversationId) -> String {
    format!("/#{conversation}")
}

fn kind_of(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::FollowUp => "ticket_created",
        TicketKind::Voicemail => "voicemail",
        TicketKind::Callback => "callback",
    }
}

/// Which conversation a journal keeps is told by its entries' ids; this names the rule for the version.
fn changes_conversation(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Message(_)
            | Entry::Mark { .. }
            | Entry::Summary(_)
            | Entry::Ticket(_)
            | Entry::Did { .. }
            | Entry::Ended(_)
    )
}

/// Calls that were cut by a crash of ours: each is marked lost and its case becomes a ticket (P3).
pub async fn recover_cut_calls(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &dyn crate::seams::clock::Ids,
) -> Result<Vec<ConversationId>, StoreError> {
    let mut recovered = Vec::new();
    for call in store.unfinished_calls().await? {
        let Some(view) = store.conversation(call.conversation).await? else { continue };
        let ConversationView { conversation, messages, attempts, tickets, .. } = view;
        let kept = cut_call::Kept { call, conversation, messages, attempts, tickets };
        let settled = cut_call::settle(kept, TicketId(ids.next()), clock.epoch());
        let mut work = store.begin().await?;
        work.save_call(&settled.call).await?;
        work.update_conversation(&settled.conversation).await?;
        for attempt in &settled.attempts {
            work.save_attempt(attempt).await?;
        }
        if let Some(ticket) = &settled.ticket {
            let notice = Notice::of(ticket, settled.conversation.id, kind_of(ticket.kind));
            work.save_ticket(ticket).await?;
            work.enqueue(&notice.key, notice.kind, &notice.payload).await?;
        }
        work.commit().await?;
        recovered.push(settled.conversation.id);
    }
    Ok(recovered)
}

/// The notification when a caller adds to their open case.
const TICKET_UPDATED: &str = "ticket_updated";
/// Entries of one call that may wait for the store: several minutes of talk.
const QUEUED_ENTRIES: usize = 1024;
/// The first pause before the store is tried again.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{Attempt, AttemptOutcome};
    use crate::domain::conversation::Channel;
    use crate::domain::ids::{AgentId, AttemptId, CallId, InboxId};
    use crate::domain::time::EpochMs;
    use crate::seams::fakes::{CountingIds, FakeClock, MemoryStore};

    const NOW: EpochMs = EpochMs(1_800_000_000_000);

    fn conversation() -> Conversation {
        Conversation {
            id: ConversationId(uuid::Uuid::from_u128(1)),
            agent: AgentId(uuid::Uuid::from_u128(2)),
            inbox: InboxId(uuid::Uuid::from_u128(3)),
            channel: Channel::Phone,
            status: Status::Open,
            handler: Handler::Bot,
            reason: None,
            summary: None,
            preview: false,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
            casework: Default::default(),
        }
    }

    fn call() -> Call {
        Call {
            id: CallId(uuid::Uuid::from_u128(4)),
            conversation: conversation().id,
            from: Some("+4930901820".into()),
            to: "+4930901821".into(),
            trunk: "carrier".into(),
            started_at: NOW,
            answered_at: Some(NOW),
            ended_at: None,
            outcome: None,
        }
    }

    fn attempt(id: u128, outcome: Option<AttemptOutcome>) -> Attempt {
        Attempt {
            id: AttemptId(uuid::Uuid::from_u128(id)),
            call: call().id,
            destination: "sip:anna@desk".into(),
            started_at: NOW,
            ring_ms: None,
            outcome,
            said: None,
        }
    }

    /// P3, R4: our restart in the middle of ringing: the open attempts are lost, those that were over stay as they
    /// ended, and the case is one ticket however often we start again.
    #[tokio::test]
    async fn a_call_cut_while_people_rang_is_one_ticket_and_its_open_attempts_are_lost() {
        let store = MemoryStore::default();
        let mut work = store.begin().await.unwrap();
        let agent = crate::domain::agent::Agent { id: conversation().agent, ..crate::support::test_agent() };
        work.save_agent(&agent).await.unwrap();
        work.save_inbox(conversation().inbox, agent.id, "phone").await.unwrap();
        work.insert_conversation(&conversation()).await.unwrap();
        work.save_call(&call()).await.unwrap();
        work.save_attempt(&attempt(10, Some(AttemptOutcome::Declined))).await.unwrap();
        work.save_attempt(&attempt(11, None)).await.unwrap();
        work.save_attempt(&attempt(12, None)).await.unwrap();
        work.commit().await.unwrap();
        let (clock, ids) = (FakeClock::at(std::time::Instant::now(), NOW), CountingIds::default());
        assert_eq!(recover_cut_calls(&store, &clock, &ids).await.unwrap(), [conversation().id]);
        assert_eq!(recover_cut_calls(&store, &clock, &ids).await.unwrap(), []);
        let view = store.conversation(conversation().id).await.unwrap().unwrap();
        let outcomes: Vec<_> = view.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
        assert_eq!(outcomes, [AttemptOutcome::Declined, AttemptOutcome::Lost, AttemptOutcome::Lost]);
        assert_eq!(view.tickets.len(), 1);
        assert_eq!(view.call.unwrap().outcome, Some(CallOutcome::Lost));
        assert_eq!(view.conversation.status, Status::NeedsHuman);
    }
}
