use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::*;
use crate::seams::tts::TtsChunk;

/// A leg that keeps what it is told to play.
#[derive(Default)]
struct KeptLeg {
    played: Mutex<Vec<PlayItem>>,
    sent: AtomicU64,
}

impl crate::seams::media::LegPort for KeptLeg {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        if let LegCommand::Play(item) = command {
            self.played.lock().unwrap().push(item);
        }
        Ok(())
    }
    fn flush(&self, _: UtteranceId) {}
    fn samples_sent(&self, _: UtteranceId) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
    fn wait_ms(&self) -> u32 {
        20
    }
}

/// A voice that gives each sentence at once, as one clip of so many samples as it has letters.
struct Letters;

impl Tts for Letters {
    fn name(&self) -> &str {
        "letters"
    }
    fn speak(&self, request: TtsRequest) -> TtsStream {
        let (pieces, stream) = mpsc::channel(1);
        let clip: Clip = vec![1_i16; request.text.len()].into();
        let _ = pieces.try_send(Ok(TtsChunk { clip }));
        stream
    }
}

fn mouth() -> (Mouth, Arc<KeptLeg>) {
    let leg = Arc::new(KeptLeg::default());
    (Mouth::new(Arc::new(Letters), None, LegControl(leg.clone())), leg)
}

/// Works until nothing more is there to be done.
async fn work(mouth: &mut Mouth) {
    while tokio::time::timeout(Duration::from_millis(1), mouth.work()).await.is_ok() {}
}

/// The lengths of what was played; an end is 0.
fn played(leg: &KeptLeg) -> Vec<usize> {
    leg.played.lock().unwrap().iter().map(|item| if item.last { 0 } else { item.clip.len() }).collect()
}

fn sentence(text: &str, samples: u64, complete: bool) -> Sentence {
    Sentence { text: text.into(), samples, complete }
}

#[test]
fn the_stored_text_is_what_was_heard() {
    // P2
    let sentences =
        [sentence("We open at nine.", 16_000, true), sentence("We close at six in the evening.", 32_000, true)];
    assert_eq!(heard_text(&sentences, 0), "");
    assert_eq!(heard_text(&sentences, 8_000), "We open");
    assert_eq!(heard_text(&sentences, 16_000), "We open at nine.");
    assert_eq!(heard_text(&sentences, 32_000), "We open at nine. We close at");
    assert_eq!(heard_text(&sentences, 48_000), "We open at nine. We close at six in the evening.");
}

#[test]
fn of_a_sentence_still_being_made_no_more_is_claimed_than_was_heard() {
    let sentences = [sentence("We open at nine on every day", 4_800, false)];
    assert_eq!(heard_text(&sentences, 4_800), "We");
}

/// What a language model writes is said behind what it wrote before, and ends when it has.
#[tokio::test(start_paused = true)]
async fn sentences_that_come_later_are_said_behind_the_first_and_the_end_is_the_last_of_them() {
    let (mut mouth, leg) = mouth();
    mouth.begin(&["12345".into()], false);
    work(&mut mouth).await;
    assert_eq!(played(&leg), [5], "it waits for more");
    assert!(mouth.more("1234567") && mouth.more("123") && mouth.more("1"));
    work(&mut mouth).await;
    assert_eq!(played(&leg), [5, 7, 3, 1]);
    assert_eq!(mouth.said_all(), None);
    assert_eq!(played(&leg), [5, 7, 3, 1, 0]);
    assert!(!mouth.more("too late"));
    leg.sent.store(12, Ordering::SeqCst);
    assert_eq!(mouth.heard_so_far().as_deref(), Some("12345 1234567"));
    assert_eq!(mouth.play_ended(mouth.utterance().unwrap(), true), Some(MouthEvent::Ended));
}

/// P2: what is still being written belongs to nobody once the caller has the word, or other words have it.
#[tokio::test(start_paused = true)]
async fn nothing_follows_words_that_were_stopped_or_replaced() {
    let (mut mouth, leg) = mouth();
    mouth.begin(&["12345".into()], false);
    work(&mut mouth).await;
    mouth.stop();
    assert!(!mouth.more("123"));
    mouth.begin(&["12345".into()], false);
    mouth.say(&["1234".into()], false);
    assert!(!mouth.more("123"));
    assert_eq!(mouth.said_all(), None);
    work(&mut mouth).await;
    assert_eq!(played(&leg), [5, 4, 0]);
}

/// A cough holds the words; those that come meanwhile are heard when it was dismissed.
#[tokio::test(start_paused = true)]
async fn words_that_come_while_the_mouth_is_silenced_are_heard_afterwards() {
    let (mut mouth, leg) = mouth();
    mouth.begin(&["12345".into()], false);
    work(&mut mouth).await;
    mouth.silence();
    assert!(mouth.more("123"));
    work(&mut mouth).await;
    assert_eq!(played(&leg), [5]);
    mouth.go_on();
    assert_eq!(played(&leg), [5, 5, 3], "from the beginning, since nothing was heard");
    mouth.said_all();
    assert_eq!(played(&leg).last(), Some(&0));
}
