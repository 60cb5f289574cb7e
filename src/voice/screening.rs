//! Who picked up: a person, a mailbox, or a machine that screens calls (R51). Nothing of a case reaches a machine.
//!
//! - A person says something short and waits.
//! - A mailbox speaks on and on, says so in its words, or beeps.
//! - A screener asks who is calling.
//!
//! Pure: frames of 20 ms and words go in, a judgement comes out, once.

use media::{ENGINE_RATE_HZ, Frame};

/// Who picked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickedUpBy {
    /// Somebody who greeted and waits.
    Human,
    /// An answering machine or a mailbox.
    Mailbox,
    /// A machine that asks who is calling.
    Screener,
}

/// Listens to a leg from its answer on.
#[derive(Debug, Default)]
pub struct Screening {
    /// Frames since the answer.
    frames: u32,
    /// Frames from the first of this greeting to the last voiced one, short pauses included.
    greeting: u32,
    /// Frames of silence since.
    silence: u32,
    beep: Beep,
    judged: Option<PickedUpBy>,
}

impl Screening {
    /// The next 20 ms of the leg, and whether it speaks in them. A judgement when there is one with this frame.
    pub fn frame(&mut self, frame: &Frame, speech: bool) -> Option<PickedUpBy> {
        self.frames = self.frames.saturating_add(1);
        // What is left of the ringing tone is no beep.
        if self.frames > RINGING_FADES_FRAMES && self.beep.hear(frame) {
            return self.judge(PickedUpBy::Mailbox);
        }
        if speech {
            let pause = if self.greeting == 0 { 0 } else { self.silence };
            self.greeting += 1 + pause;
            self.silence = 0;
        } else {
            self.silence = self.silence.saturating_add(1);
        }
        if self.judged.is_none() && self.greeting >= LONG_GREETING_FRAMES {
            return self.judge(PickedUpBy::Mailbox);
        }
        if self.greeting > 0 && self.silence >= GREETING_ENDED_FRAMES {
            let greeting = std::mem::take(&mut self.greeting);
            // A click or a breath is no greeting; the next thing said may be one.
            if greeting >= SHORTEST_GREETING_FRAMES {
                return self.judge(PickedUpBy::Human);
            }
        }
        None
    }

    /// What was understood so far of what the leg says.
    pub fn words(&mut self, text: &str) -> Option<PickedUpBy> {
        let said = super::intents::words(text).join(" ");
        let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
        if any(&SCREENERS_SAY) {
            self.judge(PickedUpBy::Screener)
        } else if any(&MAILBOXES_SAY) {
            self.judge(PickedUpBy::Mailbox)
        } else {
            None
        }
    }

    /// A machine may greet like a person first: its words, or its beep, give it away later. A person who goes on talking
    /// stays one.
    fn judge(&mut self, by: PickedUpBy) -> Option<PickedUpBy> {
        let is_news = match (self.judged, by) {
            (None, _) => true,
            (Some(PickedUpBy::Human), PickedUpBy::Mailbox | PickedUpBy::Screener) => true,
            (Some(PickedUpBy::Human), PickedUpBy::Human) => false,
            (Some(PickedUpBy::Mailbox | PickedUpBy::Screener), _) => false,
        };
        if !is_news {
            return None;
        }
        self.judged = Some(by);
        Some(by)
    }
}

/// A steady pure tone, as a mailbox gives before it records.
#[derive(Debug, Default)]
struct Beep {
    frames: u32,
    pitch_hz: f32,
}

impl Beep {
    fn hear(&mut self, frame: &Frame) -> bool {
        match pure_tone(frame) {
            Some(pitch_hz) if self.frames > 0 && (pitch_hz / self.pitch_hz - 1.0).abs() < SAME_PITCH => {
                self.frames += 1;
            }
            Some(pitch_hz) => *self = Beep { frames: 1, pitch_hz },
            None => self.frames = 0,
        }
        self.frames >= BEEP_FRAMES
    }
}

/// The pitch of a frame that is one sine and nothing else. For a sine, each sample and the one after the next add up to
/// the same multiple of the one between; what is left over tells speech, noise and keys (two sines) apart from it.
fn pure_tone(frame: &Frame) -> Option<f32> {
    let triples = || frame.0.windows(3).map(|three| [0, 1, 2].map(|at| f32::from(three[at])));
    let (mut energy, mut product) = (0.0f32, 0.0f32);
    for [before, here, after] in triples() {
        energy += here * here;
        product += here * (before + after);
    }
    if energy < QUIETEST_TONE * QUIETEST_TONE * frame.0.len() as f32 {
        return None;
    }
    let double_cosine = product / energy;
    let left_over: f32 = triples().map(|[before, here, after]| (before + after - double_cosine * here).powi(2)).sum();
    let cosine = double_cosine / 2.0;
    let sine = (1.0 - cosine * cosine).max(0.0).sqrt();
    // Relative to how much neighbouring samples of this pitch differ: low voices are smooth as well.
    if left_over / energy > LEFT_OVER_MAX * sine.powi(2) {
        return None;
    }
    let pitch_hz = cosine.clamp(-1.0, 1.0).acos() / std::f32::consts::TAU * ENGINE_RATE_HZ as f32;
    (BEEP_HZ.contains(&pitch_hz)).then_some(pitch_hz)
}

/// 4 s: people who pick up say less and wait, recorded greetings rarely say less.
const LONG_GREETING_FRAMES: u32 = 200;
/// 600 ms of silence end a greeting: people wait for an answer then, announcements only breathe.
const GREETING_ENDED_FRAMES: u32 = 30;
/// 120 ms: a "yes?" is longer, a click is not.
const SHORTEST_GREETING_FRAMES: u32 = 6;
/// 500 ms: a ringing tone that the far end sent may wait in the jitter buffer for so long.
const RINGING_FADES_FRAMES: u32 = 25;
/// 200 ms of the same tone; a whistled or sung note wavers more.
const BEEP_FRAMES: u32 = 10;
/// Two frames of one tone differ by less.
const SAME_PITCH: f32 = 0.03;
/// Beeps of mailboxes, in Hz; mains hum and most of a voice's lowest partial lie below.
const BEEP_HZ: std::ops::Range<f32> = 350.0..2500.0;
/// The share of a tone that may be something else: the noise of a line, and of G.711.
const LEFT_OVER_MAX: f32 = 0.02;
/// Root mean square below which nothing counts as a beep (about −36 dB).
const QUIETEST_TONE: f32 = 500.0;

/// What a call screener says, in words without punctuation.
const SCREENERS_SAY: [&str; 10] = [
    "state your name",
    "say your name",
    "who is calling",
    "whos calling",
    "who may i say",
    "reason for your call",
    "reason for calling",
    "why youre calling",
    "assistant screening",
    "using a screening service",
];
/// What a mailbox says.
const MAILBOXES_SAY: [&str; 19] = [
    "leave a message",
    "leave your message",
    "leave me a message",
    "leave your name",
    "record your message",
    "not available",
    "is unavailable",
    "am unavailable",
    "cant come to the phone",
    "cannot come to the phone",
    "cant take your call",
    "unable to take your call",
    "youve reached",
    "you have reached",
    "after the tone",
    "after the beep",
    "at the tone",
    "voice mail",
    "voicemail",
];

#[cfg(test)]
mod tests {
    use super::*;
    use media::FRAME_SAMPLES;

    fn tone(at: usize, pitches_hz: &[f32], amplitude: f32) -> Frame {
        let mut frame = Frame::SILENCE;
        for (index, sample) in frame.0.iter_mut().enumerate() {
            let time = (at * FRAME_SAMPLES + index) as f32 / ENGINE_RATE_HZ as f32;
            let sum: f32 = pitches_hz.iter().map(|hz| (std::f32::consts::TAU * hz * time).sin()).sum();
            *sample = (amplitude * sum) as i16;
        }
        frame
    }

    /// Runs of (voiced, frames); the judgements that fell.
    fn judged(runs: &[(bool, u32)]) -> Vec<PickedUpBy> {
        let mut screening = Screening::default();
        let frames = runs.iter().flat_map(|(speech, frames)| std::iter::repeat_n(*speech, *frames as usize));
        frames.filter_map(|speech| screening.frame(&Frame::SILENCE, speech)).collect()
    }

    /// R51.
    #[test]
    fn a_short_greeting_and_a_silence_are_a_person() {
        assert_eq!(judged(&[(false, 40), (true, 30), (false, 40)]), [PickedUpBy::Human]);
        assert_eq!(judged(&[(true, 40), (false, 15), (true, 30), (false, 40)]), [PickedUpBy::Human]);
        assert_eq!(judged(&[(true, 30), (false, 40), (true, 400)]), [PickedUpBy::Human], "who goes on talking");
    }

    /// R51.
    #[test]
    fn a_long_greeting_is_a_mailbox_although_it_breathes() {
        assert_eq!(judged(&[(false, 10), (true, 110), (false, 20), (true, 100)]), [PickedUpBy::Mailbox]);
    }

    #[test]
    fn silence_and_clicks_are_nobody_yet() {
        assert_eq!(judged(&[(false, 400), (true, 2), (false, 100)]), []);
    }

    /// R51.
    #[test]
    fn machines_give_themselves_away_by_their_words() {
        for (said, by) in [
            ("Hi, you've reached Peter. Please leave a message after the tone.", Some(PickedUpBy::Mailbox)),
            ("The person you are calling is not available.", Some(PickedUpBy::Mailbox)),
            ("Please state your name and why you're calling.", Some(PickedUpBy::Screener)),
            ("Hi, the person you're calling is using a screening service.", Some(PickedUpBy::Screener)),
            ("Peter Miller, workshop.", None),
            ("Yes, hello?", None),
        ] {
            assert_eq!(Screening::default().words(said), by, "{said}");
        }
    }

    #[test]
    fn a_machine_that_greets_like_a_person_is_found_out_by_what_it_says_next() {
        let mut screening = Screening::default();
        for at in 0..80 {
            screening.frame(&Frame::SILENCE, at < 30);
        }
        assert_eq!(screening.words("please record your message"), Some(PickedUpBy::Mailbox));
        assert_eq!(screening.words("please record your message"), None, "told once");
    }

    /// R51.
    #[test]
    fn a_beep_is_a_mailbox_and_keys_and_voices_are_not() {
        let beeps = |pitches: &[f32]| {
            let mut beep = Beep::default();
            (0..30).any(|at| beep.hear(&tone(at, pitches, 4_000.0)))
        };
        assert!(beeps(&[440.0]) && beeps(&[1000.0]) && beeps(&[1400.0]));
        assert!(!beeps(&[697.0, 1209.0]), "a key");
        assert!(!beeps(&[180.0, 360.0, 540.0, 720.0]), "a sung vowel");
        assert!(!beeps(&[50.0]), "mains hum");
        let mut beep = Beep::default();
        assert!(!(0..30).any(|at| beep.hear(&tone(at, &[440.0 + 25.0 * at as f32], 4_000.0))), "a siren");
        assert!(!(0..30).any(|at| beep.hear(&tone(at, &[1000.0], 100.0))), "too quiet to be meant");
    }
}
