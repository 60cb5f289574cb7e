//! The promise to answer is kept: jobs are claimed, judged by the one support core, and what comes of each is written
//! in one transaction that takes the job out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::plan::{self, Case, Plan};
use super::{MessageDesk, lines_before, send};
use crate::domain::casework::{Delivery, DraftState, Post};
use crate::domain::conversation::{Author, Conversation, Message};
use crate::domain::ids::{ConversationId, MessageId, TicketId};
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::domain::time::EpochMs;
use crate::domain::transition::{self, Act, Actor};
use crate::domain::turn::{ChannelTraits, Decision, Reason, Turn, TurnInput, Verdict};
use crate::seams::bus::LiveKind;
use crate::seams::inbox_store::{Job, JobKind};
use crate::seams::shown::ShownTicket;
use crate::seams::store::{ConversationView, StoreError, UnitOfWork};

impl MessageDesk {
    /// Works off jobs until `shutdown`. One process alone uses the database when `alone`: what it had claimed before
    /// it was killed is claimed anew at once.
    pub async fn run(self: Arc<Self>, alone: bool, shutdown: CancellationToken) {
        if alone && let Err(error) = self.release().await {
            warn!(%error, "Claims of the last run could not be given back; they lapse by themselves");
        }
        let mut looked_for_files = None;
        while !shutdown.is_cancelled() {
            self.forget_now_and_then(&mut looked_for_files).await;
            let worked = match self.work_once().await {
                Ok(worked) => worked,
                Err(error) => {
                    warn!(%error, "Messages cannot be answered for now");
                    0
                }
            };
            if worked == 0 {
                let pause = self.pause().await;
                tokio::select! {
                    () = self.work.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                    () = shutdown.cancelled() => {}
                }
            }
        }
    }

    async fn forget_now_and_then(&self, looked: &mut Option<EpochMs>) {
        let now = self.parts.clock.epoch();
        if looked.is_some_and(|looked| now.0 - looked.0 < FORGET_EVERY_MS) {
            return;
        }
        *looked = Some(now);
        if let Err(error) = self.forget_unclaimed(now).await {
            warn!(%error, "Files that no message carries could not be taken out");
        }
    }

    async fn release(&self) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.release_claims().await?;
        work.commit().await
    }

    async fn pause(&self) -> Duration {
        let now = self.parts.clock.epoch();
        let due = self.parts.store.next_job_due().await.ok().flatten();
        let until = due.map_or(LONGEST_PAUSE, |due| Duration::from_millis(u64::try_from(due.0 - now.0).unwrap_or(0)));
        until.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// Works off what is due now, at most one batch; tells how many jobs there were.
    pub async fn work_once(&self) -> Result<usize, StoreError> {
        let now = self.parts.clock.epoch();
        if self.parts.store.next_job_due().await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let mut work = self.parts.store.begin().await?;
        let jobs = work.claim_jobs(now, EpochMs(now.0 + LEASE_MS), BATCH).await?;
        work.commit().await?;
        let count = jobs.len();
        // Jobs of one conversation follow each other, so that its replies keep the order of its questions.
        let mut of: BTreeMap<ConversationId, Vec<Job>> = BTreeMap::new();
        jobs.into_iter().for_each(|job| of.entry(job.conversation).or_default().push(job));
        let each = futures::stream::iter(of.into_values()).for_each_concurrent(AT_ONCE, async |jobs| {
            for job in jobs {
                self.keep_promise(job).await;
            }
        });
        each.await;
        Ok(count)
    }

    async fn keep_promise(&self, job: Job) {
        let (id, tries) = (job.id, job.tries);
        let done = match job.kind {
            JobKind::Answer => self.answer(&job).await,
            JobKind::Wake => self.wake(&job).await,
        };
        let Err(error) = done else { return };
        let wait = RETRY_MS.saturating_mul(1 << tries.min(10)).min(LONGEST_RETRY_MS);
        warn!(job.id = %id, job.tries = tries, %error, "A job is tried again");
        let until = EpochMs(self.parts.clock.epoch().0 + wait);
        let put_off = async {
            let mut work = self.parts.store.begin().await?;
            work.put_off_job(id, until).await?;
            work.commit().await
        };
        // Failing that, the claim lapses.
        if let Err(error) = put_off.await {
            debug!(job.id = %id, %error, "A job could not be put off");
        }
    }

    /// Answers one message, again from the start whenever somebody else changed the conversation meanwhile.
    async fn answer(&self, job: &Job) -> Result<(), StoreError> {
        for _ in 0..CONTENTIONS_MAX {
            match self.answer_as_it_is(job).await {
                Err(StoreError::Conflict) => {
                    metrics::counter!("switchboard_replies_contended_total").increment(1);
                }
                // Somebody else has done it.
                Err(StoreError::NotFound) => return Ok(()),
                done => return done,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn answer_as_it_is(&self, job: &Job) -> Result<(), StoreError> {
        let Some(view) = self.parts.store.conversation(job.conversation).await? else {
            return self.drop_job(job).await;
        };
        let Some(message) = view.messages.iter().find(|message| message.id.0 == job.id) else {
            return self.drop_job(job).await;
        };
        let agent = self.agent_of(&view.conversation).await?;
        let history = lines_before(&view.messages, message);
        let traits = ChannelTraits::of(view.conversation.channel);
        let input = TurnInput {
            text: message.text.chars().take(TEXT_CHARS_READ).collect(),
            history: history.clone(),
            offered: view.conversation.casework.offered.clone(),
            channel: traits,
            now: self.parts.clock.epoch(),
        };
        let turn = match message.text.trim().is_empty() {
            true => only_files(),
            false => self.parts.desk.clone().respond(agent.clone(), input, None).await.map_err(|error| {
                error!(%error, "The desk failed over a message");
                StoreError::Backend(Box::new(error))
            })?,
        };
        let case = Case { agent: &agent, conversation: &view.conversation, message, history: &history, traits };
        let plan = plan::plan(&case, &turn);
        self.carry_out(job, &view, &case, plan, turn.decision).await
    }

    async fn carry_out(
        &self,
        job: &Job,
        view: &ConversationView,
        case: &Case<'_>,
        plan: Plan,
        decision: Decision,
    ) -> Result<(), StoreError> {
        let now = self.parts.clock.epoch();
        let mut conversation = view.conversation.clone();
        let mut added = Vec::new();
        let mut ticket = None;
        let act = match plan {
            Plan::Nothing => return self.drop_job(job).await,
            Plan::Reply { text, offered } => {
                let message = self.written(&conversation, Author::Agent, text, Some(decision), now);
                let act = Act::BotReplied { message: message.id, offered };
                added.push(message);
                act
            }
            Plan::Suggest { draft } => {
                let message = self.written(&conversation, Author::Draft, draft, Some(decision), now);
                let act = Act::Drafted { message: message.id };
                added.push(message);
                act
            }
            Plan::Hold { why, told, draft, ticket: kind } => {
                let contact = match conversation.casework.contact {
                    Some(contact) => self.parts.store.contact(contact).await?,
                    None => None,
                };
                let (lines, fields) = plan::told(case, contact.as_ref());
                conversation.summary = Some(self.parts.desk.sum_up(&lines, &fields, None).await);
                let told = told.map(|text| (Author::Agent, text));
                let draft = draft.map(|text| (Author::Draft, text));
                for (author, text) in told.into_iter().chain(draft) {
                    added.push(self.written(&conversation, author, text, Some(decision.clone()), now));
                }
                let open = view.tickets.iter().rfind(|ticket| ticket.status != TicketStatus::Done);
                let id = TicketId(self.parts.ids.next());
                ticket = kind.map(|kind| plan::ticket(case, contact.as_ref(), kind, &why, open, id, now));
                Act::BotHeld { why }
            }
        };
        transition::apply(&mut conversation, &act, &Actor::Bot, now).map_err(|_| StoreError::Conflict)?;
        let mut work = self.parts.store.begin().await?;
        work.finish_job(job.id).await?;
        work.record(&conversation, &act, &Actor::Bot).await?;
        conversation.version += 1;
        let outdated = outdate_drafts(&mut *work, &view.messages).await?;
        for message in &added {
            work.insert_message(message).await?;
            if message.author == Author::Agent {
                send(&mut *work, &conversation, message).await?;
            }
        }
        if let Some(ticket) = &ticket {
            keep_ticket(&mut *work, ticket).await?;
        }
        work.commit().await?;
        self.tell(&conversation, &outdated);
        self.tell(&conversation, &added);
        if let Some(ticket) = &ticket {
            self.tell_of(conversation.id, LiveKind::Ticket { ticket: ShownTicket::json(ticket) });
        }
        Ok(())
    }

    async fn drop_job(&self, job: &Job) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.finish_job(job.id).await?;
        work.commit().await
    }

    /// A message of ours, not yet stored. Those to the customer wait for their channel, drafts for a person.
    pub(super) fn written(
        &self,
        conversation: &Conversation,
        author: Author,
        text: String,
        decision: Option<Decision>,
        now: EpochMs,
    ) -> Message {
        let post = match author {
            Author::Agent | Author::Teammate => Post { delivery: Some(Delivery::Queued), ..Post::default() },
            Author::Draft => Post { draft: Some(DraftState::Waiting), ..Post::default() },
            Author::Customer | Author::Note => Post::default(),
        };
        Message {
            id: MessageId(self.parts.ids.next()),
            conversation: conversation.id,
            author,
            text,
            heard_text: None,
            at: now,
            decision,
            timings: None,
            post,
        }
    }

    async fn wake(&self, job: &Job) -> Result<(), StoreError> {
        let now = self.parts.clock.epoch();
        let mut work = self.parts.store.begin().await?;
        work.finish_job(job.id).await?;
        let Some(mut conversation) = work.read_conversation(job.conversation).await? else {
            return work.commit().await;
        };
        // Put off again meanwhile, it has another job.
        let due = conversation.casework.snoozed_until.is_some_and(|until| until <= now);
        if due && transition::apply(&mut conversation, &Act::Woken, &Actor::System, now).is_ok() {
            work.record(&conversation, &Act::Woken, &Actor::System).await?;
            conversation.version += 1;
            work.commit().await?;
            self.tell(&conversation, &[]);
            return Ok(());
        }
        work.commit().await
    }
}

/// What becomes of files without words: the knowledge cannot answer them.
fn only_files() -> Turn {
    let decision = Decision {
        verdict: Verdict::HandOff,
        reason: Reason::OnlyFiles,
        confidence: 0.0,
        sources: Vec::new(),
        features: Vec::new(),
        desk_ms: 0.0,
        writer: None,
    };
    Turn { decision, sentences: Vec::new(), offered: None }
}

/// Drafts for earlier words are no answer to newer ones.
pub(super) async fn outdate_drafts(
    work: &mut dyn UnitOfWork,
    messages: &[Message],
) -> Result<Vec<Message>, StoreError> {
    let mut outdated = Vec::new();
    for message in messages.iter().filter(|message| message.post.draft == Some(DraftState::Waiting)) {
        let mut message = message.clone();
        message.post.draft = Some(DraftState::Outdated);
        work.update_message(&message).await?;
        outdated.push(message);
    }
    Ok(outdated)
}

async fn keep_ticket(work: &mut dyn UnitOfWork, ticket: &Ticket) -> Result<(), StoreError> {
    work.save_ticket(ticket).await?;
    let payload = serde_json::json!({
        "ticket": ticket.id, "conversation": ticket.conversation, "reason": ticket.reason, "due_at_ms": ticket.due_at,
        "link": format!("/#{}", ticket.conversation),
    });
    work.enqueue(&format!("ticket:{}:{}", ticket.id, ticket.conversation), "ticket_created", &payload).await
}

/// Jobs of one claim: a claim costs a commit.
const BATCH: u32 = 64;
/// Conversations answered at the same time; the desk's models share the cores with calls.
const AT_ONCE: usize = 4;
/// A claim of a process that died lapses after this; longer than any batch takes, with a language model at its slowest.
const LEASE_MS: i64 = 600_000;
/// Changes by others during one answer before it is put off.
const CONTENTIONS_MAX: usize = 16;
/// Between two looks for files that no message took.
const FORGET_EVERY_MS: i64 = 600_000;
/// The first pause before a job that failed is tried again.
const RETRY_MS: i64 = 500;
/// The longest.
const LONGEST_RETRY_MS: i64 = 300_000;
/// Bounds of the pause between two looks; arrivals end it at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// See above.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Of a longer message the beginning is read for an answer; the team sees all of it.
const TEXT_CHARS_READ: usize = 4_000;
