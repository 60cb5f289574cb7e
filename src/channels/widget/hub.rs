//! Wakes those who watch a thread. One listener hears everything that happens; each browser that watches hears of its own
//! thread alone, however busy the house is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::seen::Standing;
use crate::domain::ids::{ConversationId, InboxId};
use crate::seams::bus::{Bus, LiveEvent, LiveKind};

/// What is known to those who watch a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Grows whenever there may be something to read.
    pub beats: u64,
    /// Who the visitor talks with, where that was told.
    pub standing: Option<Standing>,
    /// Whether a person types.
    pub typing: bool,
}

type Thread = (InboxId, String);

#[derive(Default)]
struct Watched {
    threads: HashMap<Thread, watch::Sender<Pulse>>,
    /// Where conversations that are watched belong.
    cases: HashMap<ConversationId, Thread>,
}

/// Who watches what.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Watched>>);

impl Hub {
    /// Listens from now on.
    pub fn open(bus: Arc<dyn Bus>, shutdown: CancellationToken) -> Hub {
        let hub = Hub::default();
        let (_, mut events) = bus.subscribe(None);
        let told = hub.clone();
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = events.recv() => event,
                    () = shutdown.cancelled() => return,
                };
                match event {
                    Ok(event) => told.tell(&event),
                    Err(RecvError::Lagged(_)) => told.wake_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        hub
    }

    /// Watches a thread, whose newest conversation is this.
    pub fn enter(&self, inbox: InboxId, thread: &str, case: Option<ConversationId>) -> watch::Receiver<Pulse> {
        let mut watched = self.watched();
        let key = (inbox, thread.to_owned());
        if let Some(case) = case {
            watched.cases.insert(case, key.clone());
        }
        watched.threads.entry(key).or_default().subscribe()
    }

    /// Forgets a thread that nobody watches any more; called after a watcher has gone.
    pub fn leave(&self, inbox: InboxId, thread: &str) {
        let mut watched = self.watched();
        let key = (inbox, thread.to_owned());
        if watched.threads.get(&key).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.threads.remove(&key);
            watched.cases.retain(|_, of| *of != key);
        }
    }

    fn tell(&self, event: &LiveEvent) {
        let mut watched = self.watched();
        match &event.kind {
            LiveKind::Conversation { conversation } => {
                let Some((key, standing)) = of_widget(conversation) else { return };
                if !watched.threads.contains_key(&key) {
                    return;
                }
                watched.cases.insert(event.conversation, key.clone());
                pulse(&watched, &key, |pulse| (pulse.beats, pulse.standing) = (pulse.beats + 1, standing));
            }
            LiveKind::Message { .. } => {
                let Some(key) = watched.cases.get(&event.conversation) else { return };
                pulse(&watched, key, |pulse| pulse.beats += 1);
            }
            LiveKind::Presence { viewers } => {
                let Some(key) = watched.cases.get(&event.conversation) else { return };
                let typing = viewers.as_array().into_iter().flatten().any(is_typing);
                pulse(&watched, key, |pulse| pulse.typing = typing);
            }
            _ => {} // Calls, tickets and supervision are no visitor's.
        }
    }

    fn wake_all(&self) {
        let watched = self.watched();
        watched.threads.keys().for_each(|key| pulse(&watched, key, |pulse| pulse.beats += 1));
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn pulse(watched: &Watched, key: &Thread, change: impl FnOnce(&mut Pulse)) {
    if let Some(sender) = watched.threads.get(key) {
        sender.send_modify(change);
    }
}

fn is_typing(viewer: &Value) -> bool {
    viewer["typing"] == true && viewer["customer"] != true
}

fn of_widget(conversation: &Value) -> Option<(Thread, Option<Standing>)> {
    if conversation["channel"] != "widget" {
        return None;
    }
    let inbox = conversation["inbox"].as_str()?.parse().ok()?;
    let thread = conversation["thread"].as_str()?.to_owned();
    let word = |name: &str| conversation[name].clone();
    let status = serde_json::from_value(word("status")).ok();
    let handler = serde_json::from_value(word("handler")).ok();
    Some(((inbox, thread), status.zip(handler).map(|(status, handler)| Standing::at(status, handler))))
}
