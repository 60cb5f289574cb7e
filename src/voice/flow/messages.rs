//! A message or a wish to be called back, taken within a call (R8): the orders of [`Voicemail`] and [`Callback`] become
//! those of the call.

use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::ticket::Field;

use super::super::callback::{Callback, CallbackEffect, CallbackInput, Wish};
use super::super::phrases;
use super::super::voicemail::{Message, Voicemail, VoicemailEffect, VoicemailEnd, VoicemailInput};
use super::{CallFlow, Effect, Say, SayKind, State, TicketOf};

impl CallFlow {
    /// The caller leaves a message. `words` are said first.
    pub fn begin_voicemail(&mut self, now: Instant, words: Vec<String>) {
        let voicemail = Voicemail::begin(now, &words.join(" "));
        self.state = State::LeavingMessage(Box::new(voicemail));
        self.settle(now);
    }

    /// The caller is called back on a number that they confirm. `words` are said first.
    pub fn begin_callback(&mut self, now: Instant, words: Vec<String>) {
        let callback = Callback::begin(&words.join(" "), self.caller.clone(), self.home_country.clone());
        self.state = State::AskingCallback(Box::new(callback));
        self.settle(now);
    }

    pub(super) fn tell_voicemail(&mut self, now: Instant, input: VoicemailInput) {
        if let State::LeavingMessage(voicemail) = &mut self.state {
            voicemail.handle(now, input);
            self.settle(now);
        }
    }

    pub(super) fn tell_callback(&mut self, now: Instant, input: CallbackInput) {
        if let State::AskingCallback(callback) = &mut self.state {
            callback.handle(now, input);
            self.settle(now);
        }
    }

    /// A time that either of them waited for has come.
    pub(super) fn message_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::LeavingMessage(voicemail) => voicemail.handle_timeout(now),
            State::AskingCallback(callback) => callback.handle_timeout(now),
            // Every other state has its times elsewhere.
            _ => return,
        }
        self.settle(now);
    }

    /// The caller is about to be gone, or wants to leave it at that: what there is becomes the ticket.
    pub(super) fn keep_message(&mut self, now: Instant) {
        self.tell_voicemail(now, VoicemailInput::CallerGone);
        self.tell_callback(now, CallbackInput::CallerGone);
    }

    pub(super) fn takes_message(&self) -> bool {
        matches!(self.state, State::LeavingMessage(_) | State::AskingCallback(_))
    }

    /// "Never mind" to being called back: the case is kept all the same, and the call goes on.
    pub(super) fn no_callback(&mut self, now: Instant) {
        self.keep_message(now);
        self.state = State::Conversing;
        let words = [phrases::CASE_IS_NOTED, phrases::ANYTHING_ELSE].map(str::to_owned).to_vec();
        self.say(now, Say::new(SayKind::Prompt, words));
    }

    /// Carries out what they order.
    fn settle(&mut self, now: Instant) {
        match &mut self.state {
            State::LeavingMessage(voicemail) => {
                let effects: Vec<_> = std::iter::from_fn(|| voicemail.poll_effect()).collect();
                let deadline = voicemail.poll_timeout();
                effects.into_iter().for_each(|effect| self.voicemail_effect(now, effect));
                if matches!(self.state, State::LeavingMessage(_)) {
                    self.deadline = deadline;
                }
            }
            State::AskingCallback(callback) => {
                let effects: Vec<_> = std::iter::from_fn(|| callback.poll_effect()).collect();
                let deadline = callback.poll_timeout();
                effects.into_iter().for_each(|effect| self.callback_effect(now, effect));
                if matches!(self.state, State::AskingCallback(_)) {
                    self.deadline = deadline;
                    self.effects.push_back(Effect::MuteRecording(self.is_keying()));
                }
            }
            // Neither is under way.
            _ => {}
        }
    }

    fn voicemail_effect(&mut self, now: Instant, effect: VoicemailEffect) {
        match effect {
            VoicemailEffect::Say(sentences) => self.say(now, Say::new(SayKind::Prompt, sentences)),
            VoicemailEffect::Beep => self.effects.push_back(Effect::Beep),
            VoicemailEffect::Record => self.effects.push_back(Effect::RecordMessage),
            VoicemailEffect::StopRecording { keep } => self.effects.push_back(Effect::StopMessage { keep }),
            VoicemailEffect::Ticket(message) => self.ticket_for_message(message),
            VoicemailEffect::Ended(VoicemailEnd::Left) => {
                self.state = State::Leaving;
                let words = [phrases::MESSAGE_KEPT, phrases::GOODBYE].map(str::to_owned).to_vec();
                self.say(now, Say::new(SayKind::Goodbye, words));
            }
            // A caller who would rather not speak to a machine may still want to be called.
            VoicemailEffect::Ended(VoicemailEnd::NothingLeft) => self.begin_callback(now, Vec::new()),
            VoicemailEffect::Ended(VoicemailEnd::WantsHelp { left }) => self.help_instead(now, left),
            // Whoever let the caller go says what follows.
            VoicemailEffect::Ended(VoicemailEnd::CallerGone) => {}
        }
    }

    /// Zero while a message was left (R58): a person where one can be rung; otherwise the message is the help, or a
    /// callback where there is none.
    fn help_instead(&mut self, now: Instant, left: bool) {
        if self.outlook.can_ring {
            return self.help(now);
        }
        let nobody = phrases::NOBODY_NOW.to_owned();
        if !left {
            return self.begin_callback(now, vec![nobody]);
        }
        self.state = State::Leaving;
        let words = [&nobody, phrases::MESSAGE_KEPT, phrases::GOODBYE].map(str::to_owned).to_vec();
        self.say(now, Say::new(SayKind::Goodbye, words));
    }

    fn callback_effect(&mut self, now: Instant, effect: CallbackEffect) {
        match effect {
            CallbackEffect::Say(sentences) => self.say(now, Say::new(SayKind::Prompt, sentences)),
            CallbackEffect::Ticket(wish) => self.ticket_for_callback(wish),
            CallbackEffect::Ended { caller_there: true } => {
                // What was noted has been ordered to be said: the next question follows it.
                let mut words = std::mem::take(&mut self.last_words);
                self.effects.retain(|effect| !matches!(effect, Effect::Say(say) if say.sentences == words));
                self.effects.push_back(Effect::MuteRecording(false));
                if self.agent.published {
                    self.state = State::Conversing;
                    words.push(phrases::ANYTHING_ELSE.to_owned());
                    self.say(now, Say::new(SayKind::Prompt, words));
                } else {
                    self.state = State::Leaving;
                    words.push(phrases::GOODBYE.to_owned());
                    self.say(now, Say::new(SayKind::Goodbye, words));
                }
            }
            // Whoever let the caller go says what follows.
            CallbackEffect::Ended { caller_there: false } => {}
        }
    }

    fn ticket_for_message(&mut self, message: Message) {
        let Message { recorded, transcript } = message;
        let is_message = recorded || !transcript.is_empty();
        let mut fields = self.known_fields(false);
        if !transcript.is_empty() {
            fields.push(Field::unconfirmed("message", transcript));
        }
        self.outcome = Some(if is_message { CallOutcome::Voicemail } else { CallOutcome::Ticket });
        let of = if is_message { TicketOf::Voicemail { recorded } } else { TicketOf::FollowUp };
        let reason = self.ticket_reason.take().unwrap_or_else(|| "The caller left a message.".to_owned());
        self.effects.push_back(Effect::Ticket { reason, fields, of });
    }

    fn ticket_for_callback(&mut self, wish: Wish) {
        let Wish { number, number_confirmed, number_clip, time, time_clip } = wish;
        let mut fields = self.known_fields(true);
        if let Some(number) = &number {
            let told = Field::unconfirmed("number", number.as_str());
            fields.insert(0, Field { confirmed: number_confirmed, clip: number_clip, ..told });
        }
        if let Some(time) = &time {
            fields.push(Field { clip: time_clip, ..Field::unconfirmed("time", time) });
        }
        self.outcome = Some(if number.is_some() { CallOutcome::Callback } else { CallOutcome::Ticket });
        let of = number.map_or(TicketOf::FollowUp, |number| TicketOf::Callback { number, time });
        let reason = self.ticket_reason.take().unwrap_or_else(|| "The caller asked to be called back.".to_owned());
        self.effects.push_back(Effect::Ticket { reason, fields, of });
    }

    /// The number they call from, unless another was asked for, and what they wanted.
    fn known_fields(&self, number_asked: bool) -> Vec<Field> {
        let caller = self.caller.as_ref().filter(|_| !number_asked);
        let number = caller.map(|number| Field::unconfirmed("number", number.as_str()));
        number.into_iter().chain(self.wish.clone().map(|wish| wish.field("reason"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::Call;
    use super::super::{Input, Outlook};
    use super::*;
    use crate::domain::ladder::LadderEnd;

    /// A published agent whose ladder rings nobody and ends so.
    fn asked_for_help(otherwise: LadderEnd) -> Call {
        let mut call = Call::answered_with(
            super::super::tests::agent(),
            Outlook { can_ring: false, can_ring_in_danger: false, otherwise },
        );
        call.give(Input::Key(b'0'));
        call
    }

    const VOICEMAIL: LadderEnd = LadderEnd::Voicemail { or_callback: false };
    const CALLBACK: LadderEnd = LadderEnd::Callback { or_voicemail: false };

    fn tickets(effects: &[Effect]) -> Vec<&TicketOf> {
        let mut tickets = Vec::new();
        for effect in effects {
            if let Effect::Ticket { of, .. } = effect {
                tickets.push(of);
            }
        }
        tickets
    }

    #[test]
    fn a_message_is_recorded_after_the_tone_and_becomes_one_ticket() {
        // R8
        let mut call = asked_for_help(VOICEMAIL);
        assert_eq!(call.give(Input::SpeechEnded), [Effect::Beep]);
        assert_eq!(call.give(Input::SpeechEnded), [Effect::RecordMessage]);
        call.give(Input::CallerSpeaks);
        // Within a message nothing is a wish about the call.
        assert_eq!(call.hear("Please repeat the delivery. Goodbye."), []);
        let effects = call.give(Input::Key(b'#'));
        assert_eq!(effects[0], Effect::StopMessage { keep: true });
        assert_eq!(tickets(&effects), [&TicketOf::Voicemail { recorded: true }]);
        let Effect::Ticket { fields, .. } = &effects[1] else { panic!("{effects:?}") };
        assert!(fields.iter().any(|field| field.name == "message" && field.value.contains("delivery")));
        let ended = call.give(Input::SpeechEnded);
        assert_eq!(ended, [Effect::HangUp, Effect::End(CallOutcome::Voicemail)]);
    }

    /// R55, R48: the call was being recorded, and is again; where the caller does not want it, it is not.
    #[test]
    fn a_colleague_who_takes_over_from_a_message_is_recorded_like_any_other() {
        for objected in [false, true] {
            let mut call = asked_for_help(VOICEMAIL);
            if objected {
                call.flow.recording = super::super::Recording::Off;
            }
            call.give(Input::SpeechEnded);
            call.give(Input::SpeechEnded);
            let effects = call.give(Input::Joined);
            assert_eq!(effects[0], Effect::StopMessage { keep: false });
            assert_eq!(effects.contains(&Effect::ResumeRecording), !objected, "{effects:?}");
        }
    }

    /// R58.
    #[test]
    fn zero_is_help_while_a_message_is_left() {
        let recording = || {
            let mut call = asked_for_help(VOICEMAIL);
            call.give(Input::SpeechEnded);
            call.give(Input::SpeechEnded);
            call
        };
        let mut silent = recording();
        let effects = silent.give(Input::Key(b'0'));
        assert_eq!(effects[0], Effect::StopMessage { keep: false });
        assert!(matches!(silent.flow.state, State::AskingCallback(_)));

        let mut left = recording();
        left.give(Input::CallerSpeaks);
        left.hear("Please repeat the delivery.");
        let effects = left.give(Input::Key(b'0'));
        assert_eq!(tickets(&effects), [&TicketOf::Voicemail { recorded: true }]);
        assert_eq!(left.give(Input::SpeechEnded), [Effect::HangUp, Effect::End(CallOutcome::Voicemail)]);

        let mut reachable = recording();
        reachable.flow.set_outlook(Outlook { can_ring: true, can_ring_in_danger: true, otherwise: VOICEMAIL });
        let effects = reachable.give(Input::Key(b'0'));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. })));
    }

    #[test]
    fn whoever_leaves_no_message_is_asked_for_a_number() {
        let mut call = asked_for_help(VOICEMAIL);
        for _ in 0..2 {
            call.give(Input::SpeechEnded);
            call.give(Input::SpeechEnded);
            call.wait(std::time::Duration::from_secs(8));
        }
        assert!(matches!(call.flow.state, State::AskingCallback(_)));
        assert_eq!(tickets(&call.give(Input::CallerGone)).len(), 1);
    }

    #[test]
    fn a_callback_is_asked_for_noted_and_the_call_goes_on() {
        let mut call = asked_for_help(CALLBACK);
        call.hear("Yes.");
        let effects = call.hear("Tomorrow morning.");
        let [TicketOf::Callback { number, time }] = tickets(&effects)[..] else { panic!("{effects:?}") };
        assert_eq!((number.as_str(), time.as_deref()), ("+4930901820", Some("Tomorrow morning.")));
        let says: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Say(_))).collect();
        assert_eq!(says.len(), 1, "what was noted and the next question are one turn");
        assert_eq!(call.flow.last_words.last().unwrap(), phrases::ANYTHING_ELSE);
        let effects = call.give(Input::CallerGone);
        assert_eq!(effects, [Effect::End(CallOutcome::Callback)], "no second ticket");
    }

    #[test]
    fn goodbye_and_never_mind_keep_the_case() {
        for said in ["Goodbye.", "Never mind."] {
            let mut call = asked_for_help(CALLBACK);
            let effects = call.hear(said);
            assert_eq!(tickets(&effects).len(), 1, "{said}");
            assert_eq!(tickets(&call.give(Input::CallerGone)).len(), 0, "{said}");
        }
    }

    #[test]
    fn a_silent_caller_is_not_waited_for_in_vain() {
        for end in [VOICEMAIL, CALLBACK] {
            let mut call = asked_for_help(end);
            let mut effects = Vec::new();
            for _ in 0..40 {
                effects.extend(call.give(Input::SpeechEnded));
                effects.extend(call.wait(std::time::Duration::from_secs(30)));
            }
            assert_eq!(tickets(&effects).len(), 1, "{end:?}");
            assert!(effects.iter().any(|effect| matches!(effect, Effect::End(_))), "{end:?}");
        }
    }

    fn any_input() -> impl Strategy<Value = Input> {
        let texts =
            vec!["", "yes", "no", "goodbye", "never mind", "repeat that", "hold on", "030 901820", "my lamp broke"];
        prop_oneof![
            4 => prop::sample::select(texts).prop_map(|text| Input::Heard { text: text.into(), clip: None }),
            3 => Just(Input::SpeechEnded),
            2 => Just(Input::CallerSpeaks),
            1 => Just(Input::NothingSaid),
            1 => prop_oneof![Just(Input::Held), Just(Input::Resumed), Just(Input::Deafened), Just(Input::FaxCalls), Just(Input::TimeIsUp)],
            3 => prop::sample::select(b"01234#*".to_vec()).prop_map(Input::Key),
        ]
    }

    proptest! {
        /// R8: until the ticket is stored the caller may do what they like; at the end there is one, every message that
        /// began to be recorded was ended, and no time is waited for that never comes.
        #[test]
        fn a_case_taken_after_the_ladder_ends_in_one_ticket(
            leaves_a_message in any::<bool>(), steps in prop::collection::vec((any_input(), 0u64..12_000), 0..50),
        ) {
            let mut call = asked_for_help(if leaves_a_message { VOICEMAIL } else { CALLBACK });
            let mut effects = Vec::new();
            for (input, wait) in steps {
                effects.extend(call.wait(std::time::Duration::from_millis(wait)));
                // Whoever asks for help once more afterwards begins another case.
                if !call.flow.takes_message() {
                    break;
                }
                effects.extend(call.give(input));
            }
            let under_way = call.flow.takes_message();
            effects.extend(call.give(Input::CallerGone));
            prop_assert_eq!(tickets(&effects).len(), 1, "under way: {}", under_way);
            let count = |wanted: fn(&Effect) -> bool| effects.iter().filter(|effect| wanted(effect)).count();
            let stopped = count(|effect| matches!(effect, Effect::StopMessage { .. }));
            prop_assert_eq!(count(|effect| *effect == Effect::RecordMessage), stopped);
            prop_assert_eq!(call.flow.poll_timeout(), None);
        }
    }
}
