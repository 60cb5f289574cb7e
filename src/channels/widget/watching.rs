//! One browser that watches its thread from a place on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::Widgets;
use super::hub::Pulse;
use super::seen::{SeenMessage, Standing, seen};
use crate::domain::ids::{ConversationId, InboxId};
use crate::domain::widget::VisitorSession;
use crate::seams::store::StoreError;

/// What a browser is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum News {
    /// A message.
    Message {
        /// As the visitor sees it.
        message: SeenMessage,
    },
    /// Who they talk with.
    Standing {
        /// Who.
        with: Standing,
    },
    /// A person types, or no longer.
    Typing {
        /// Whether.
        typing: bool,
    },
    /// Everything up to this place was told.
    Caught {
        /// The place.
        up_to: i64,
    },
}

/// One browser. While it is there, the team sees that the customer looks on.
pub struct Watching {
    room: Arc<Widgets>,
    inbox: InboxId,
    thread: String,
    case: Option<ConversationId>,
    after: Option<i64>,
    pulse: Option<watch::Receiver<Pulse>>,
    told: Pulse,
    standing: Option<Standing>,
    waiting: VecDeque<News>,
    begun: bool,
}

impl Watching {
    pub(super) async fn begin(
        room: Arc<Widgets>,
        inbox: InboxId,
        session: &VisitorSession,
        after: Option<i64>,
    ) -> Result<Watching, StoreError> {
        let thread = session.thread.clone();
        let now = room.parts.store.thread_now(inbox, &thread).await?;
        let case = now.as_ref().map(|conversation| conversation.id);
        // Entered before anything is read: what comes meanwhile wakes.
        let pulse = room.hub.enter(inbox, &thread, case);
        let told = *pulse.borrow();
        let mut waiting = VecDeque::new();
        let standing = now.as_ref().map(Standing::of).unwrap_or_default();
        waiting.push_back(News::Standing { with: standing });
        let watching = Watching {
            room,
            inbox,
            thread,
            case,
            after,
            pulse: Some(pulse),
            told,
            standing: Some(standing),
            waiting,
            begun: false,
        };
        watching.look(true);
        Ok(watching)
    }

    /// The next thing to tell. May be dropped and asked again without losing anything.
    pub async fn next(&mut self) -> Result<News, StoreError> {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return Ok(news);
            }
            if !self.begun {
                self.read().await?;
                self.begun = true;
                self.waiting.push_back(News::Caught { up_to: self.after.unwrap_or(0) });
                continue;
            }
            let Some(pulse) = self.pulse.as_mut() else { return std::future::pending().await };
            let now = *pulse.borrow_and_update();
            if now != self.told {
                // Noted once it was read: whoever is dropped in between reads again.
                if now.beats != self.told.beats {
                    self.read().await?;
                }
                self.compare(now);
                self.told = now;
                continue;
            }
            // Whoever was woken by nobody looks all the same: another process may have written.
            if tokio::time::timeout(LOOK, pulse.changed()).await.is_err() {
                self.look(true);
                self.read().await?;
            }
        }
    }

    /// What there is to tell now, without waiting for more.
    pub async fn now(&mut self) -> Result<Vec<News>, StoreError> {
        if !self.begun {
            self.read().await?;
            self.begun = true;
            self.waiting.push_back(News::Caught { up_to: self.after.unwrap_or(0) });
        }
        Ok(self.waiting.drain(..).collect())
    }

    fn compare(&mut self, now: Pulse) {
        if now.standing.is_some() && now.standing != self.standing {
            self.standing = now.standing;
            self.waiting.extend(now.standing.map(|with| News::Standing { with }));
        }
        if now.typing != self.told.typing {
            self.waiting.push_back(News::Typing { typing: now.typing });
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        loop {
            let lines = self.room.parts.store.feed(self.inbox, &self.thread, self.after, PAGE).await?;
            let full = lines.len() == PAGE as usize && self.after.is_some();
            // A thread that was empty is watched from its beginning on.
            self.after = lines.last().map(|line| line.position).or(self.after).or(Some(0));
            let thread = &self.thread;
            let messages = lines.into_iter().filter_map(|line| seen(line, thread));
            self.waiting.extend(messages.map(|message| News::Message { message }));
            if !full || self.waiting.len() > TOLD_AT_ONCE {
                return Ok(());
            }
        }
    }

    fn look(&self, here: bool) {
        if let Some(case) = self.case {
            self.room.parts.messages.look_customer(case, here, false);
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.look(false);
        self.pulse = None;
        self.room.hub.leave(self.inbox, &self.thread);
    }
}

/// Messages of one read.
const PAGE: u32 = 100;
/// Whoever was away for longer reads on at the next beat.
const TOLD_AT_ONCE: usize = 2_000;
/// Between two looks when nothing wakes; presence lapses after 30 s.
const LOOK: Duration = Duration::from_secs(20);
