//! A recogniser for tests that does as it is told, and answers with which frames it heard.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use media::Frame;
use tokio::sync::mpsc;

use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};

/// How it behaves.
#[derive(Clone, Copy, PartialEq)]
pub enum Act {
    /// Answers at once.
    Answer,
    /// Never tells anything.
    Silence,
    /// Cannot be opened.
    RefuseToOpen,
    /// Reports its failure after so many frames.
    FailAfter(usize),
    /// Goes away without a word after so many frames.
    CloseAfter(usize),
}

/// Does the same in each call.
pub struct StandIn {
    acts: Vec<Act>,
    opened: AtomicUsize,
}

impl StandIn {
    /// One that does this.
    pub fn new(acts: Vec<Act>) -> StandIn {
        StandIn { acts, opened: AtomicUsize::new(0) }
    }

    /// How often it was opened.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

fn error() -> SttError {
    SttError::Stalled { provider: "stand-in".into(), reason: "as told".into() }
}

impl Stt for StandIn {
    fn name(&self) -> &str {
        "stand-in"
    }

    fn open(&self) -> Result<SttSession, SttError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        if self.acts.contains(&Act::RefuseToOpen) {
            return Err(error());
        }
        let (events, heard) = mpsc::channel(16);
        let input =
            Input { acts: self.acts.clone(), frames: 0, recent: VecDeque::new(), current: None, events: Some(events) };
        Ok(SttSession { input: Box::new(input), events: heard })
    }
}

struct Input {
    acts: Vec<Act>,
    frames: usize,
    recent: VecDeque<i16>,
    current: Option<(HeardId, Vec<i16>)>,
    events: Option<mpsc::Sender<SttEvent>>,
}

impl SttInput for Input {
    fn push(&mut self, frame: &Frame) {
        self.frames += 1;
        self.recent.push_back(frame.0[0]);
        if let Some((_, frames)) = &mut self.current {
            frames.push(frame.0[0]);
        }
        for act in &self.acts {
            match act {
                Act::FailAfter(frames) if *frames == self.frames => {
                    if let Some(events) = &self.events {
                        let _ = events.try_send(SttEvent::Failed(error()));
                    }
                }
                Act::CloseAfter(frames) if *frames == self.frames => self.events = None,
                // The other ways show elsewhere.
                _ => {}
            }
        }
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        let lead = (lead_frames + 1).min(self.recent.len());
        self.current = Some((heard, self.recent.range(self.recent.len() - lead..).copied().collect()));
    }

    fn transcribe(&mut self, want: Want) {
        let (Some((heard, frames)), Some(events)) = (&self.current, &self.events) else { return };
        if !self.acts.contains(&Act::Answer) {
            return;
        }
        let text = format!("{} frames from {}", frames.len(), frames.first().copied().unwrap_or(-1));
        let audio_ms = frames.len() as u32 * 20;
        let (heard, confidence) = (*heard, Some(1.0));
        let _ = events.try_send(SttEvent::Transcript {
            heard,
            want,
            text,
            audio_ms,
            confidence,
            took_ms: 0.0,
            ends_turn: false,
        });
    }

    fn end(&mut self) {
        self.current = None;
    }
}
