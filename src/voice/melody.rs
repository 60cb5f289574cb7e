//! What one call asks about the melody of its caller's sentences.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{FRAME_MS, Frame};
use tokio::sync::oneshot;

use crate::seams::stt::HeardId;
use crate::seams::turn_end::TurnEnd;

/// Keeps the newest audio of a call and the one question that is open.
pub struct Melody {
    judge: Arc<dyn TurnEnd>,
    recent: VecDeque<Frame>,
    /// Frames of the running utterance so far.
    frames: usize,
    asked: Option<Asked>,
}

struct Asked {
    heard: HeardId,
    audio_ms: u32,
    answer: oneshot::Receiver<f32>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// About which utterance.
    pub heard: HeardId,
    /// How much of it was judged, in milliseconds.
    pub audio_ms: u32,
    /// The probability that the turn is over.
    pub finished: f32,
}

impl Melody {
    /// Nothing was heard yet.
    pub fn new(judge: Arc<dyn TurnEnd>) -> Melody {
        Melody { judge, recent: VecDeque::new(), frames: 0, asked: None }
    }

    /// The next 20 ms.
    pub fn push(&mut self, frame: &Frame) {
        if self.recent.len() == FRAMES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(*frame);
        self.frames = self.frames.saturating_add(1);
    }

    /// An utterance began this many frames before the newest.
    pub fn begin(&mut self, lead_frames: usize) {
        self.frames = lead_frames + 1;
        self.asked = None;
    }

    /// The utterance is over; what was asked about it is of no use any more.
    pub fn end(&mut self) {
        self.asked = None;
    }

    /// Asks about the running utterance up to now, in place of what was asked before.
    pub fn ask(&mut self, heard: HeardId) {
        let frames = self.frames.min(self.recent.len());
        let samples = self.recent.range(self.recent.len() - frames..).flat_map(|frame| frame.0).collect();
        let answer = self.judge.judge(samples);
        self.asked = Some(Asked { heard, audio_ms: self.frames as u32 * FRAME_MS, answer });
    }

    /// The answer, once it is there.
    pub fn poll(&mut self) -> Option<Judged> {
        let asked = self.asked.as_mut()?;
        let (heard, audio_ms) = (asked.heard, asked.audio_ms);
        match asked.answer.try_recv() {
            Ok(finished) => {
                self.asked = None;
                Some(Judged { heard, audio_ms, finished })
            }
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => {
                self.asked = None;
                None
            }
        }
    }
}

/// 8 s, which is what a judge listens to: 256 kB a call.
const FRAMES_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it was asked, and who waits.
    #[derive(Default)]
    struct Kept(Mutex<Vec<(usize, oneshot::Sender<f32>)>>);

    impl TurnEnd for Kept {
        fn judge(&self, samples: Vec<i16>) -> oneshot::Receiver<f32> {
            let (answer, answered) = oneshot::channel();
            self.0.lock().expect("not poisoned").push((samples.len() / media::FRAME_SAMPLES, answer));
            answered
        }
    }

    fn asked(melody: &mut Melody, judge: &Kept, frames: usize) -> oneshot::Sender<f32> {
        (0..frames).for_each(|_| melody.push(&Frame::SILENCE));
        melody.ask(HeardId(7));
        judge.0.lock().expect("not poisoned").pop().expect("it was asked").1
    }

    #[test]
    fn an_answer_tells_how_much_of_the_utterance_was_judged() {
        let judge = Arc::new(Kept::default());
        let mut melody = Melody::new(judge.clone());
        (0..500).for_each(|_| melody.push(&Frame::SILENCE));
        melody.begin(10);
        (0..89).for_each(|_| melody.push(&Frame::SILENCE));
        melody.ask(HeardId(7));
        let (frames, answer) = judge.0.lock().expect("not poisoned").pop().expect("it was asked");
        assert_eq!(frames, 100);
        assert_eq!(melody.poll(), None);
        answer.send(0.75).expect("it is waited for");
        assert_eq!(melody.poll(), Some(Judged { heard: HeardId(7), audio_ms: 2_000, finished: 0.75 }));
        assert_eq!(melody.poll(), None, "an answer counts once");
    }

    #[test]
    fn an_answer_nobody_needs_any_more_and_a_judge_that_is_busy_say_nothing() {
        let judge = Arc::new(Kept::default());
        let mut melody = Melody::new(judge.clone());
        melody.begin(0);
        let answer = asked(&mut melody, &judge, 50);
        melody.begin(0);
        assert!(answer.is_closed());
        drop(asked(&mut melody, &judge, 50));
        assert_eq!(melody.poll(), None);
    }
}
