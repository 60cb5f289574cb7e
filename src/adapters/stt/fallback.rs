//! One recogniser behind another: when the first fails or keeps silent, the second takes over for the rest of the
//! call and is given the running utterance from its beginning, so that the caller repeats nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use media::{FRAME_MS, Frame};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::adapters::breaker::Breaker;
use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};

/// Frames kept before an utterance is noticed: one second.
const LEAD_FRAMES_MAX: usize = 50;
/// Frames of the running utterance that can be replayed, the last ones: 20 s, 640 KB while it lasts.
const KEPT_FRAMES_MAX: usize = 1_000;
/// Transcripts that a call may leave unread.
const EVENTS_MAX: usize = 64;

/// How long is waited for the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a likely or final transcript, in audio time.
    pub answer: Duration,
    /// How long it rests after a failure.
    pub rest: Duration,
}

impl Default for Patience {
    /// A second of waiting leaves time for the local recogniser before silence becomes awkward.
    fn default() -> Patience {
        Patience { answer: Duration::from_millis(1_000), rest: Duration::from_secs(15) }
    }
}

/// Implements what it wraps.
pub struct Fallback {
    first: Arc<dyn Stt>,
    second: Arc<dyn Stt>,
    patience: Patience,
    breaker: Arc<Breaker>,
    runtime: Handle,
}

impl Fallback {
    /// `second` takes over from `first`; events are passed on by this runtime.
    pub fn new(first: Arc<dyn Stt>, second: Arc<dyn Stt>, patience: Patience, runtime: Handle) -> Fallback {
        Fallback { first, second, patience, breaker: Arc::new(Breaker::new(patience.rest)), runtime }
    }
}

impl Stt for Fallback {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn open(&self) -> Result<SttSession, SttError> {
        if !self.breaker.allows() {
            return self.second.open();
        }
        let session = match self.first.open() {
            Ok(session) => session,
            Err(error) => {
                self.breaker.failed();
                tracing::warn!(stt.provider = self.first.name(), stt.error = %error, "Another recogniser takes over");
                return self.second.open();
            }
        };
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared { lost: AtomicBool::new(false), asked: AtomicU32::new(0) });
        let watch = Watch {
            name: self.first.name().to_owned(),
            events: events.clone(),
            shared: shared.clone(),
            breaker: self.breaker.clone(),
        };
        self.runtime.spawn(watch.pass_on(session.events));
        let input = Input {
            stage: Stage::First(session.input),
            second: self.second.clone(),
            answer_frames: (self.patience.answer.as_millis() as u32).div_ceil(FRAME_MS).max(1),
            recent: VecDeque::new(),
            utterance: None,
            events,
            shared,
            breaker: self.breaker.clone(),
            runtime: self.runtime.clone(),
        };
        Ok(SttSession { input: Box::new(input), events: heard })
    }
}

/// What the call's thread and the events' task both see.
struct Shared {
    /// The first one is lost.
    lost: AtomicBool,
    /// Likely and final transcripts asked for and not yet given.
    asked: AtomicU32,
}

/// Passes the first one's events on as long as it is in use.
struct Watch {
    name: String,
    events: mpsc::Sender<SttEvent>,
    shared: Arc<Shared>,
    breaker: Arc<Breaker>,
}

impl Watch {
    async fn pass_on(self, mut from: mpsc::Receiver<SttEvent>) {
        loop {
            let event = tokio::select! {
                event = from.recv() => event,
                // The call is over.
                () = self.events.closed() => return,
            };
            if self.shared.lost.load(Ordering::Acquire) {
                return;
            }
            let reason = match event {
                Some(SttEvent::Failed(reason)) => reason.to_string(),
                None => "it closed".to_owned(),
                Some(event) => {
                    if matches!(event, SttEvent::Transcript { want: Want::Likely | Want::Final, .. }) {
                        self.shared.asked.store(0, Ordering::Release);
                        self.breaker.worked();
                    }
                    if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
                        metrics::counter!("switchboard_stt_events_dropped_total").increment(1);
                    }
                    continue;
                }
            };
            tracing::warn!(stt.provider = %self.name, stt.error = %reason, "Another recogniser takes over");
            self.breaker.failed();
            self.shared.lost.store(true, Ordering::Release);
            return;
        }
    }
}

/// The call's thread notices the loss itself, with the next frame: every 20 ms, and no frame crosses a lock.
struct Input {
    stage: Stage,
    second: Arc<dyn Stt>,
    answer_frames: u32,
    recent: VecDeque<Frame>,
    utterance: Option<Kept>,
    events: mpsc::Sender<SttEvent>,
    shared: Arc<Shared>,
    breaker: Arc<Breaker>,
    runtime: Handle,
}

enum Stage {
    First(Box<dyn SttInput>),
    Second(Box<dyn SttInput>),
    /// Neither works; the call was told.
    Lost,
}

/// The running utterance, for the second one to hear again.
struct Kept {
    heard: HeardId,
    frames: VecDeque<Frame>,
    /// What is owed for it, and since how many frames.
    owed: Option<(Want, u32)>,
    ended: bool,
}

impl SttInput for Input {
    fn push(&mut self, frame: &Frame) {
        if let Stage::First(input) = &mut self.stage {
            input.push(frame);
            self.keep(frame);
            if self.is_lost() {
                self.change_over();
            }
        } else if let Stage::Second(input) = &mut self.stage {
            input.push(frame);
        }
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        if let Some(input) = self.input() {
            input.begin(heard, lead_frames);
        }
        if let Stage::First(_) = self.stage {
            let lead = lead_frames.saturating_add(1).min(self.recent.len());
            let frames = self.recent.range(self.recent.len() - lead..).copied().collect();
            self.utterance = Some(Kept { heard, frames, owed: None, ended: false });
            self.shared.asked.store(0, Ordering::Release);
        }
    }

    fn transcribe(&mut self, want: Want) {
        if let (Stage::First(_), Some(kept)) = (&self.stage, &mut self.utterance)
            && want != Want::Partial
        {
            let since = kept.owed.map_or(0, |(_, frames)| frames);
            kept.owed = Some((want, since));
            self.shared.asked.fetch_add(1, Ordering::AcqRel);
        }
        if let Some(input) = self.input() {
            input.transcribe(want);
        }
    }

    fn end(&mut self) {
        if let Some(input) = self.input() {
            input.end();
        }
        // What is owed is owed to the end: its audio is kept until then.
        match &mut self.utterance {
            Some(kept) if kept.owed.is_some() && self.shared.asked.load(Ordering::Acquire) > 0 => kept.ended = true,
            _ => self.utterance = None,
        }
    }
}

impl Input {
    fn input(&mut self) -> Option<&mut Box<dyn SttInput>> {
        match &mut self.stage {
            Stage::First(input) | Stage::Second(input) => Some(input),
            Stage::Lost => None,
        }
    }

    fn keep(&mut self, frame: &Frame) {
        if self.recent.len() == LEAD_FRAMES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(*frame);
        let answered = self.shared.asked.load(Ordering::Acquire) == 0;
        let Some(kept) = &mut self.utterance else { return };
        if answered {
            kept.owed = None;
            if kept.ended {
                self.utterance = None;
                return;
            }
        }
        if let Some((_, frames)) = &mut kept.owed {
            *frames += 1;
        }
        if !kept.ended {
            if kept.frames.len() == KEPT_FRAMES_MAX {
                kept.frames.pop_front();
            }
            kept.frames.push_back(*frame);
        }
    }

    /// Lost by its own word, or because it has owed an answer for too long.
    fn is_lost(&self) -> bool {
        if self.shared.lost.load(Ordering::Acquire) {
            return true;
        }
        let late =
            self.utterance.as_ref().is_some_and(|k| k.owed.is_some_and(|(_, frames)| frames > self.answer_frames));
        if late {
            tracing::warn!("A recogniser owes a transcript for too long; another takes over");
            self.breaker.failed();
            self.shared.lost.store(true, Ordering::Release);
        }
        late
    }

    /// Opens the second one and lets it hear the running utterance.
    fn change_over(&mut self) {
        metrics::counter!("switchboard_stt_fallbacks_total").increment(1);
        let session = match self.second.open() {
            Ok(session) => session,
            Err(error) => {
                self.stage = Stage::Lost;
                let _ = self.events.try_send(SttEvent::Failed(error));
                return;
            }
        };
        let (mut input, mut from, to) = (session.input, session.events, self.events.clone());
        self.runtime.spawn(async move {
            loop {
                let event = tokio::select! {
                    event = from.recv() => event,
                    () = to.closed() => return,
                };
                let Some(event) = event else { return };
                if let Err(mpsc::error::TrySendError::Full(_)) = to.try_send(event) {
                    metrics::counter!("switchboard_stt_events_dropped_total").increment(1);
                }
            }
        });
        match self.utterance.take() {
            Some(kept) => {
                let mut frames = kept.frames.iter();
                if let Some(first) = frames.next() {
                    input.push(first);
                    input.begin(kept.heard, 0);
                }
                frames.for_each(|frame| input.push(frame));
                if let Some((want, _)) = kept.owed {
                    input.transcribe(want);
                }
                if kept.ended {
                    input.end();
                }
            }
            // The next utterance may begin a little before it is noticed.
            None => self.recent.iter().for_each(|frame| input.push(frame)),
        }
        self.recent = VecDeque::new();
        self.stage = Stage::Second(input);
    }
}

#[cfg(test)]
mod tests {
    use super::super::standin::{Act, StandIn};
    use super::*;

    fn behind(acts: Vec<Act>) -> (Fallback, Arc<StandIn>, Arc<StandIn>) {
        let (first, second) = (Arc::new(StandIn::new(acts)), Arc::new(StandIn::new(vec![Act::Answer])));
        let fallback = Fallback::new(first.clone(), second.clone(), Patience::default(), Handle::current());
        (fallback, first, second)
    }

    /// 0.4 s before, then 1 s of an utterance that was noticed after 5 frames.
    async fn say_something(session: &mut SttSession) {
        for n in 0..20 {
            session.input.push(&Frame([n; media::FRAME_SAMPLES]));
        }
        session.input.begin(HeardId(1), 4);
        for n in 20..70 {
            session.input.push(&Frame([n; media::FRAME_SAMPLES]));
            tokio::task::yield_now().await;
        }
    }

    async fn next_text(session: &mut SttSession) -> String {
        // The caller's silence goes on: frames are what drives the change.
        for _ in 0..200 {
            session.input.push(&Frame::SILENCE);
            tokio::task::yield_now().await;
            match session.events.try_recv() {
                Ok(SttEvent::Transcript { text, .. }) => return text,
                Ok(SttEvent::Failed(error)) => panic!("the call was told of {error}"),
                Err(_) => {}
            }
        }
        panic!("no transcript came");
    }

    #[tokio::test]
    async fn a_first_one_that_works_is_left_alone() {
        let (stt, first, second) = behind(vec![Act::Answer]);
        let mut session = stt.open().expect("open");
        say_something(&mut session).await;
        session.input.transcribe(Want::Final);
        assert_eq!(next_text(&mut session).await, "55 frames from 15");
        assert_eq!((first.opened(), second.opened()), (1, 0));
    }

    /// P1: refusal, failure in the middle, and silence: the second hears the utterance from its beginning.
    #[tokio::test]
    async fn however_the_first_fails_the_second_hears_the_whole_utterance() {
        for acts in [vec![Act::RefuseToOpen], vec![Act::FailAfter(30)], vec![Act::CloseAfter(60)], vec![Act::Silence]] {
            let (stt, _, second) = behind(acts);
            let mut session = stt.open().expect("open");
            say_something(&mut session).await;
            session.input.transcribe(Want::Final);
            let text = next_text(&mut session).await;
            let (frames, from) = text.split_once(" frames from ").expect("the stand-in's form");
            assert_eq!(from, "15", "{text}");
            assert!(frames.parse::<u32>().expect("a number") >= 55, "{text}");
            assert_eq!(second.opened(), 1);
        }
    }

    #[tokio::test]
    async fn what_was_asked_before_the_end_is_answered_after_it() {
        let (stt, ..) = behind(vec![Act::Silence]);
        let mut session = stt.open().expect("open");
        say_something(&mut session).await;
        session.input.transcribe(Want::Final);
        session.input.end();
        assert_eq!(next_text(&mut session).await, "55 frames from 15");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_call_does_not_ask_a_failed_provider_until_it_has_rested() {
        let (stt, first, second) = behind(vec![Act::RefuseToOpen]);
        for _ in 0..3 {
            drop(stt.open());
        }
        assert_eq!((first.opened(), second.opened()), (1, 3));
        tokio::time::advance(Duration::from_secs(16)).await;
        drop(stt.open());
        assert_eq!(first.opened(), 2);
    }

    #[tokio::test]
    async fn when_neither_works_the_call_is_told() {
        let first = Arc::new(StandIn::new(vec![Act::FailAfter(3)]));
        let second = Arc::new(StandIn::new(vec![Act::RefuseToOpen]));
        let stt = Fallback::new(first, second, Patience::default(), Handle::current());
        let mut session = stt.open().expect("open");
        say_something(&mut session).await;
        assert!(matches!(session.events.try_recv(), Ok(SttEvent::Failed(_))));
    }
}
