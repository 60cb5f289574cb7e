//! One thread that judges for all calls.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::warn;

use super::smart_turn::{JudgeError, SmartTurn};
use crate::adapters::models::{ModelError, Models};
use crate::seams::turn_end::TurnEnd;

/// Judges on a thread of its own, one question at a time. What waits too long, or is no longer wanted, is
/// not answered at all.
pub struct Judge {
    questions: SyncSender<Question>,
}

struct Question {
    samples: Vec<i16>,
    asked_at: Instant,
    answer: oneshot::Sender<f32>,
}

impl Judge {
    /// Loads the model and starts the thread, which ends when this is dropped.
    pub fn start(models: &Models) -> Result<Judge, ModelError> {
        let mut model = SmartTurn::load(models)?;
        Ok(Judge::with(move |samples| model.judge(samples)))
    }

    fn with(judge: impl FnMut(&[i16]) -> Result<f32, JudgeError> + Send + 'static) -> Judge {
        let (questions, waiting) = sync_channel(QUESTIONS_MAX);
        let worker = std::thread::Builder::new().name("end-of-turn".into()).spawn(move || work(&waiting, judge));
        if let Err(error) = worker {
            // Every question is then refused, which callers take for "not known".
            warn!(%error, "No thread for the melody of turns; the words alone decide");
        }
        Judge { questions }
    }
}

impl TurnEnd for Judge {
    fn judge(&self, samples: Vec<i16>) -> oneshot::Receiver<f32> {
        let (answer, answered) = oneshot::channel();
        let question = Question { samples, asked_at: Instant::now(), answer };
        if self.questions.try_send(question).is_err() {
            metrics::counter!("switchboard_turn_melody_skipped_total").increment(1);
        }
        answered
    }
}

fn work(waiting: &Receiver<Question>, mut judge: impl FnMut(&[i16]) -> Result<f32, JudgeError>) {
    let mut warned = false;
    while let Ok(Question { samples, asked_at, answer }) = waiting.recv() {
        if answer.is_closed() {
            continue;
        }
        if asked_at.elapsed() > WAIT_MAX {
            metrics::counter!("switchboard_turn_melody_skipped_total").increment(1);
            continue;
        }
        match judge(&samples) {
            Ok(finished) => {
                metrics::histogram!("switchboard_turn_melody_seconds").record(asked_at.elapsed().as_secs_f64());
                // The caller may have gone on meanwhile.
                let _ = answer.send(finished);
            }
            Err(error) if !warned => {
                warned = true;
                warn!(%error, "The melody of a turn could not be judged");
            }
            Err(_) => {} // Told once.
        }
    }
}

/// Two calls may wait while a third is judged: the last of them would be answered after 300 ms, which is when
/// most waits by words alone are over.
const QUESTIONS_MAX: usize = 2;
/// A question older than this would be answered too late to shorten or lengthen anything, and would hold
/// those behind it up.
const WAIT_MAX: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Answers 0.5 each time it is let go.
    fn gated() -> (Judge, Sender<()>, Receiver<usize>) {
        let ((go, gate), (given, told)) = (channel(), channel());
        let judge = Judge::with(move |samples| {
            // The test that holds the other ends may have ended already.
            let _ = given.send(samples.len());
            let _ = gate.recv();
            Ok(0.5)
        });
        (judge, go, told)
    }

    #[test]
    fn a_question_is_answered_and_one_too_many_is_refused_at_once() {
        let (judge, go, told) = gated();
        let first = judge.judge(vec![0; 1]);
        assert_eq!(told.recv(), Ok(1));
        let _waiting: Vec<_> = (0..QUESTIONS_MAX).map(|_| judge.judge(vec![0; 2])).collect();
        let refused = judge.judge(vec![0; 3]);
        assert!(refused.blocking_recv().is_err());
        go.send(()).expect("the thread waits");
        assert_eq!(first.blocking_recv(), Ok(0.5));
        drop(go);
    }

    #[test]
    fn a_question_taken_back_is_not_judged() {
        let (judge, go, told) = gated();
        let first = judge.judge(vec![0; 1]);
        assert_eq!(told.recv(), Ok(1));
        drop(judge.judge(vec![0; 2]));
        let third = judge.judge(vec![0; 3]);
        go.send(()).expect("the thread waits");
        go.send(()).expect("the thread waits");
        assert_eq!(first.blocking_recv(), Ok(0.5));
        // A busy machine may have let the third grow too old; it is never answered before its turn.
        if third.blocking_recv().is_ok() {
            assert_eq!(told.try_recv(), Ok(3));
        }
        drop(go);
    }

    #[test]
    fn the_model_tells_a_sentence_that_is_over_from_half_of_one() {
        let (Some(models), Some(fixtures)) =
            (std::env::var_os("SWITCHBOARD_MODELS_DIR"), std::env::var_os("FIXTURES_DIR"))
        else {
            return eprintln!("skipped: SWITCHBOARD_MODELS_DIR or FIXTURES_DIR names nothing");
        };
        let models = Models::new(models);
        if !models.smart_turn().exists() {
            return eprintln!("skipped: {} is not there", models.smart_turn().display());
        }
        let mut model = SmartTurn::load(&models).expect("it loads");
        let recorded = |file: &str| -> Vec<i16> {
            let path = std::path::Path::new(&fixtures).join("speech").join(file);
            let mut reader = hound::WavReader::open(path).expect("a WAV file");
            reader.samples::<i16>().map(|sample| sample.expect("a sample")).collect()
        };
        let whole = [recorded("ss_0870.wav"), vec![0; 1_600]].concat();
        let half = recorded("ss_0880.wav");
        let whole = model.judge(&whole).expect("it judges");
        let half = model.judge(&half[..half.len() / 2]).expect("it judges");
        assert!(whole > 0.9 && half < 0.3, "whole {whole}, half {half}");
    }
}
