//! Taking a spoken message (R8).
//!
//! 1. Greeting: how to leave a message and how to end it.
//! 2. The tone; from its end on a recording of its own runs.
//! 3. It ends with the hash key, a silence, the longest message, or the caller hanging up, which keeps it.
//! 4. Kept: one ticket with the transcript. Nothing said: asked for once more, then the caller is given back.
//! 5. Zero ends it at any time: the caller would rather have help.
//!
//! Pure: events go in with their time, orders come out. Exactly one ticket leaves the machine when a message was left
//! or the caller hung up; none when the caller, still there, is given back without a message.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::intents::words;
use super::phrases;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoicemailInput {
    /// What was being said to the caller, words or tone, has been heard to its end.
    SpeechEnded,
    /// The caller begins to speak.
    CallerSpeaks,
    /// The caller stopped, and this was understood; nothing, where it was noise.
    Heard(String),
    /// What began was a cough or a noise.
    Noise,
    /// A key (ASCII).
    Key(u8),
    /// The recording cannot go on (the disk is full, say).
    RecordingFailed,
    /// The caller hung up.
    CallerGone,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoicemailEffect {
    /// Say this.
    Say(Vec<String>),
    /// Play the tone.
    Beep,
    /// Begin a recording of the message alone.
    Record,
    /// End it; `keep` tells whether it is a message.
    StopRecording {
        /// Otherwise its file is deleted.
        keep: bool,
    },
    /// One ticket.
    Ticket(Message),
    /// The last order.
    Ended(VoicemailEnd),
}

/// What was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Whether there is a recording to listen to.
    pub recorded: bool,
    /// What was understood of it; empty where nothing was.
    pub transcript: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoicemailEnd {
    /// A message was left and confirmed; the last words may be said.
    Left,
    /// Nothing was said, twice; the caller is still there.
    NothingLeft,
    /// The caller hung up.
    CallerGone,
    /// They pressed zero and want help instead (R58).
    WantsHelp {
        /// What they said before is kept as a message.
        left: bool,
    },
}

/// One message being taken.
#[derive(Clone)]
pub struct Voicemail {
    state: State,
    transcript: Vec<String>,
    /// Speech so far, and since when the caller speaks.
    spoken: Duration,
    speaks_since: Option<Instant>,
    /// The longest message ends here.
    until: Option<Instant>,
    deadline: Option<Instant>,
    tries: u8,
    recorder_lost: bool,
    effects: VecDeque<VoicemailEffect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Beeping,
    Recording,
    Over,
}

impl Voicemail {
    /// Begins with these words before the instructions.
    pub fn begin(now: Instant, words: &str) -> Voicemail {
        let mut voicemail = Voicemail {
            state: State::Greeting,
            transcript: Vec::new(),
            spoken: Duration::ZERO,
            speaks_since: None,
            until: None,
            deadline: None,
            tries: 0,
            recorder_lost: false,
            effects: VecDeque::new(),
        };
        let lead = (!words.trim().is_empty()).then(|| words.trim().to_owned());
        voicemail.greet(now, lead.into_iter().chain([phrases::LEAVE_A_MESSAGE.to_owned()]).collect());
        voicemail
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<VoicemailEffect> {
        self.effects.pop_front()
    }

    /// When [`Voicemail::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: VoicemailInput) {
        match (self.state, input) {
            (State::Over, _) => {}
            (_, VoicemailInput::CallerGone) => self.caller_gone(now),
            (_, VoicemailInput::Key(b'0')) => self.help(now),
            // Whoever knows what to do need not hear the instructions out; words of theirs have cut off ours.
            (State::Greeting, VoicemailInput::SpeechEnded | VoicemailInput::Key(b'#') | VoicemailInput::Heard(_)) => {
                self.beep(now);
            }
            (State::Beeping, VoicemailInput::SpeechEnded | VoicemailInput::Heard(_)) => self.record(now),
            (State::Recording, VoicemailInput::CallerSpeaks) => {
                self.speaks_since.get_or_insert(now);
                self.deadline = self.until;
            }
            (State::Recording, VoicemailInput::Heard(text)) => {
                self.paused(now);
                self.add(&text);
                self.deadline = self.until.map(|until| until.min(now + SILENCE_ENDS));
            }
            (State::Recording, VoicemailInput::Noise) => {
                self.speaks_since = None;
                let silence = if self.transcript.is_empty() { FIRST_WORD_WITHIN } else { SILENCE_ENDS };
                self.deadline = self.until.map(|until| until.min(now + silence));
            }
            (State::Recording, VoicemailInput::Key(b'#')) => self.finish(now),
            (State::Recording, VoicemailInput::RecordingFailed) => {
                self.recorder_lost = true;
                self.finish(now);
            }
            // Other keys mean nothing here, and our own words do not end while a message is recorded.
            (State::Greeting | State::Beeping | State::Recording, _) => {}
        }
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.state {
            // What was being said got stuck; a tone late is better than none.
            State::Greeting => self.beep(now),
            State::Beeping => self.record(now),
            State::Recording => self.finish(now),
            State::Over => {}
        }
    }

    fn greet(&mut self, now: Instant, sentences: Vec<String>) {
        self.state = State::Greeting;
        self.deadline = Some(now + GREETING_STUCK);
        self.effects.push_back(VoicemailEffect::Say(sentences));
    }

    fn beep(&mut self, now: Instant) {
        self.state = State::Beeping;
        self.deadline = Some(now + BEEP_STUCK);
        self.effects.push_back(VoicemailEffect::Beep);
    }

    fn record(&mut self, now: Instant) {
        self.state = State::Recording;
        self.until = Some(now + LONGEST_MESSAGE);
        self.deadline = Some(now + FIRST_WORD_WITHIN);
        self.effects.push_back(VoicemailEffect::Record);
    }

    fn paused(&mut self, now: Instant) {
        if let Some(since) = self.speaks_since.take() {
            self.spoken += now.saturating_duration_since(since);
        }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.transcript.len() < PARTS_MAX {
            self.transcript.push(text.to_owned());
        }
    }

    /// Too short is nothing: a cough, or a "hello?" to a machine that turned out to be one.
    fn is_message(&self) -> bool {
        let words_said = self.transcript.iter().map(|part| words(part).len()).sum::<usize>();
        words_said >= WORDS_MIN || (self.spoken >= SPOKEN_MIN && !self.recorder_lost)
    }

    fn message(&self) -> Message {
        let left = self.is_message();
        Message { recorded: left && !self.recorder_lost, transcript: self.transcript.join(" ") }
    }

    fn finish(&mut self, now: Instant) {
        self.paused(now);
        let left = self.is_message();
        self.effects.push_back(VoicemailEffect::StopRecording { keep: left && !self.recorder_lost });
        if left {
            self.effects.push_back(VoicemailEffect::Ticket(self.message()));
            return self.end(VoicemailEnd::Left);
        }
        self.tries += 1;
        if self.tries >= TRIES || self.recorder_lost {
            return self.end(VoicemailEnd::NothingLeft);
        }
        self.spoken = Duration::ZERO;
        self.transcript.clear();
        self.greet(now, vec![phrases::NO_MESSAGE_HEARD.to_owned()]);
    }

    fn help(&mut self, now: Instant) {
        self.paused(now);
        let left = self.state == State::Recording && self.is_message();
        if self.state == State::Recording {
            self.effects.push_back(VoicemailEffect::StopRecording { keep: self.message().recorded });
        }
        if left {
            self.effects.push_back(VoicemailEffect::Ticket(self.message()));
        }
        self.end(VoicemailEnd::WantsHelp { left });
    }

    fn caller_gone(&mut self, now: Instant) {
        self.paused(now);
        if self.state == State::Recording {
            let keep = self.message().recorded;
            self.effects.push_back(VoicemailEffect::StopRecording { keep });
        }
        self.effects.push_back(VoicemailEffect::Ticket(self.message()));
        self.end(VoicemailEnd::CallerGone);
    }

    fn end(&mut self, end: VoicemailEnd) {
        self.state = State::Over;
        self.deadline = None;
        self.effects.push_back(VoicemailEffect::Ended(end));
    }
}

/// Long enough for a case, short enough to be listened to.
const LONGEST_MESSAGE: Duration = Duration::from_secs(120);
/// A message has ended; shorter cuts off who thinks, longer keeps them waiting.
const SILENCE_ENDS: Duration = Duration::from_secs(4);
/// Whoever says nothing after the tone has left nothing.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(8);
/// Shorter is a cough or a click.
const SPOKEN_MIN: Duration = Duration::from_millis(1_500);
/// "Hello? Hello?" is no message; "please call Ann" is one.
const WORDS_MIN: usize = 3;
/// How often a message is asked for.
const TRIES: u8 = 2;
/// Longer than any greeting: a synthesiser that stalls must not keep the caller from the tone.
const GREETING_STUCK: Duration = Duration::from_secs(25);
/// The tone takes half a second.
const BEEP_STUCK: Duration = Duration::from_secs(3);
/// More parts than the longest message has.
const PARTS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use VoicemailInput::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn drained(voicemail: &mut Voicemail) -> Vec<VoicemailEffect> {
        std::iter::from_fn(|| voicemail.poll_effect()).collect()
    }

    /// One that records since `now`.
    fn recording(now: Instant) -> Voicemail {
        let mut voicemail = Voicemail::begin(now, "Nobody can take the call right now.");
        assert!(matches!(&drained(&mut voicemail)[..], [VoicemailEffect::Say(words)] if words.len() == 2));
        voicemail.handle(now, SpeechEnded);
        voicemail.handle(now, SpeechEnded);
        assert_eq!(drained(&mut voicemail), [VoicemailEffect::Beep, VoicemailEffect::Record]);
        voicemail
    }

    fn says(voicemail: &mut Voicemail, at: Instant, length: Duration, text: &str) {
        voicemail.handle(at, CallerSpeaks);
        voicemail.handle(at + length, Heard(text.into()));
    }

    fn left(transcript: &str, end: VoicemailEnd) -> Vec<VoicemailEffect> {
        vec![
            VoicemailEffect::StopRecording { keep: true },
            VoicemailEffect::Ticket(Message { recorded: true, transcript: transcript.into() }),
            VoicemailEffect::Ended(end),
        ]
    }

    #[test]
    fn a_message_ends_with_a_silence() {
        let now = Instant::now();
        let mut voicemail = recording(now);
        says(&mut voicemail, now + ms(500), ms(2_000), "My lamp is broken.");
        says(&mut voicemail, now + ms(4_000), ms(2_000), "Please call me.");
        assert_eq!(voicemail.poll_timeout(), Some(now + ms(10_000)));
        voicemail.handle_timeout(now + ms(9_999));
        assert_eq!(drained(&mut voicemail), []);
        voicemail.handle_timeout(now + ms(10_000));
        assert_eq!(drained(&mut voicemail), left("My lamp is broken. Please call me.", VoicemailEnd::Left));
    }

    #[test]
    fn the_hash_key_ends_it_and_hanging_up_keeps_it() {
        let now = Instant::now();
        for (input, end) in [(Key(b'#'), VoicemailEnd::Left), (CallerGone, VoicemailEnd::CallerGone)] {
            let mut voicemail = recording(now);
            // Still speaking: what was not yet understood is on the recording.
            voicemail.handle(now, CallerSpeaks);
            voicemail.handle(now + ms(1_600), input);
            assert_eq!(drained(&mut voicemail), left("", end));
            assert_eq!(voicemail.poll_timeout(), None);
        }
    }

    #[test]
    fn the_longest_message_is_kept_as_far_as_it_went() {
        let now = Instant::now();
        let mut voicemail = recording(now);
        voicemail.handle(now + ms(100), CallerSpeaks);
        assert_eq!(voicemail.poll_timeout(), Some(now + LONGEST_MESSAGE));
        voicemail.handle_timeout(now + LONGEST_MESSAGE);
        assert_eq!(drained(&mut voicemail), left("", VoicemailEnd::Left));
    }

    #[test]
    fn too_short_is_nothing_and_is_asked_for_once_more() {
        let now = Instant::now();
        let mut voicemail = recording(now);
        says(&mut voicemail, now, ms(400), "Hello?");
        voicemail.handle_timeout(now + ms(4_400));
        let again = VoicemailEffect::Say(vec![phrases::NO_MESSAGE_HEARD.into()]);
        assert_eq!(drained(&mut voicemail), [VoicemailEffect::StopRecording { keep: false }, again]);
        let later = now + ms(20_000);
        voicemail.handle(later, SpeechEnded);
        voicemail.handle(later, SpeechEnded);
        voicemail.handle_timeout(later + FIRST_WORD_WITHIN);
        let end = [
            VoicemailEffect::Beep,
            VoicemailEffect::Record,
            VoicemailEffect::StopRecording { keep: false },
            VoicemailEffect::Ended(VoicemailEnd::NothingLeft),
        ];
        assert_eq!(drained(&mut voicemail), end);
    }

    #[test]
    fn whoever_hangs_up_before_the_tone_leaves_a_ticket_all_the_same() {
        let now = Instant::now();
        let mut voicemail = Voicemail::begin(now, "");
        voicemail.handle(now, CallerGone);
        let expected = [
            VoicemailEffect::Say(vec![phrases::LEAVE_A_MESSAGE.into()]),
            VoicemailEffect::Ticket(Message::default()),
            VoicemailEffect::Ended(VoicemailEnd::CallerGone),
        ];
        assert_eq!(drained(&mut voicemail), expected);
    }

    #[test]
    fn a_full_disk_leaves_what_was_understood() {
        let now = Instant::now();
        let mut voicemail = recording(now);
        says(&mut voicemail, now, ms(3_000), "My lamp is broken.");
        voicemail.handle(now + ms(3_500), RecordingFailed);
        let ticket = VoicemailEffect::Ticket(Message { recorded: false, transcript: "My lamp is broken.".into() });
        assert!(drained(&mut voicemail).contains(&ticket));
    }

    fn any_input() -> impl Strategy<Value = VoicemailInput> {
        prop_oneof![
            3 => Just(SpeechEnded),
            3 => Just(CallerSpeaks),
            3 => prop_oneof![Just(""), Just("hello"), Just("please call me back")].prop_map(|t| Heard(t.into())),
            1 => prop_oneof![Just(b'#'), Just(b'1'), Just(b'0')].prop_map(Key),
            1 => Just(RecordingFailed),
            1 => Just(Noise),
        ]
    }

    proptest! {
        /// R8: whatever happens, and whenever the caller leaves: with a message there is exactly one ticket, every
        /// recording that begins is ended, and the end is told once.
        #[test]
        fn nobody_with_a_message_leaves_without_exactly_one_ticket(
            steps in proptest::collection::vec((any_input(), 0u64..6_000), 0..60),
        ) {
            let mut now = Instant::now();
            let mut voicemail = Voicemail::begin(now, "");
            let mut effects = Vec::new();
            for (input, wait) in steps {
                now += ms(wait);
                voicemail.handle_timeout(now);
                voicemail.handle(now, input);
                effects.extend(drained(&mut voicemail));
            }
            voicemail.handle(now, CallerGone);
            effects.extend(drained(&mut voicemail));
            let count = |wanted: fn(&VoicemailEffect) -> bool| effects.iter().filter(|effect| wanted(effect)).count();
            let tickets = count(|effect| matches!(effect, VoicemailEffect::Ticket(_)));
            let ends: Vec<_> = effects.iter().filter(|effect| matches!(effect, VoicemailEffect::Ended(_))).collect();
            prop_assert_eq!(ends.len(), 1);
            let nothing = [VoicemailEnd::NothingLeft, VoicemailEnd::WantsHelp { left: false }]
                .iter()
                .any(|end| *ends[0] == VoicemailEffect::Ended(*end));
            prop_assert_eq!(tickets, usize::from(!nothing));
            let stops = count(|effect| matches!(effect, VoicemailEffect::StopRecording { .. }));
            prop_assert_eq!(count(|effect| matches!(effect, VoicemailEffect::Record)), stops);
            let kept = count(|effect| matches!(effect, VoicemailEffect::StopRecording { keep: true }));
            let recorded = count(|effect| matches!(effect, VoicemailEffect::Ticket(message) if message.recorded));
            prop_assert_eq!(kept, recorded, "a ticket names a recording exactly where one was kept");
        }
    }
}
