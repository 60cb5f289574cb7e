use super::*;
use crate::domain::call::AttemptOutcome;
use crate::domain::turn::{Reason, RiskTopic};
use crate::support::unresolved::Action;

fn agent() -> Agent {
    let id = crate::domain::ids::AgentId(uuid::Uuid::nil());
    Agent { greeting: "Hello, this is Acorn.".into(), record_calls: true, ..Agent::automatic(id, "Acorn") }
}

struct Call {
    flow: CallFlow,
    now: Instant,
}

impl Call {
    fn new(agent: Agent, can_transfer: bool) -> Call {
        let caller = PhoneNumber::parse("+4930901820", None).ok();
        let flow = CallFlow::new(Arc::new(agent), caller, Some("DE".into()), can_transfer);
        Call { flow, now: Instant::now() }
    }

    fn answered(agent: Agent, can_transfer: bool) -> Call {
        let mut call = Call::new(agent, can_transfer);
        call.give(Input::Answered);
        call.give(Input::NoticeHeard);
        call.give(Input::SpeechEnded);
        call
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        self.flow.handle(self.now, input);
        self.drain()
    }

    fn hear(&mut self, text: &str) -> Vec<Effect> {
        self.give(Input::Heard { text: text.into() })
    }

    fn decide(&mut self, text: &str, verdict: Verdict, reason: Reason, action: Action) -> Vec<Effect> {
        let decision = Decision { verdict, reason, confidence: 0.95, sources: vec![], features: vec![], desk_ms: 1.0 };
        let turn = Turn { decision, sentences: vec!["We open at nine.".into()], offered: None };
        let resolution = Resolution { action, then: None, needs_human: true, urgent: false, why: "because".into() };
        self.give(Input::TurnReady { text: text.into(), turn: Box::new(turn), resolution })
    }

    fn wait(&mut self, time: Duration) -> Vec<Effect> {
        self.now += time;
        self.flow.handle_timeout(self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.flow.poll_effect()).collect()
    }
}

fn said(effects: &[Effect]) -> String {
    let says = effects.iter().filter_map(|effect| match effect {
        Effect::Say(say) => Some(say.sentences.join(" ")),
        _ => None,
    });
    says.collect::<Vec<_>>().join(" | ")
}

#[test]
fn the_greeting_says_that_it_is_automated_and_recording_waits_for_its_notice() {
    // R48
    let mut call = Call::new(agent(), false);
    let effects = call.give(Input::Answered);
    assert!(said(&effects).contains(phrases::AUTOMATED) && said(&effects).contains(phrases::RECORDED));
    assert!(!effects.contains(&Effect::StartRecording));
    assert_eq!(call.give(Input::NoticeHeard), [Effect::StartRecording]);
}

#[test]
fn a_notice_that_was_talked_over_is_said_again_before_the_next_words() {
    // R48
    let mut call = Call::new(agent(), false);
    call.give(Input::Answered);
    call.hear("when do you open");
    let effects = call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    assert!(said(&effects).starts_with(phrases::RECORDED));
}

#[test]
fn a_clear_question_is_answered() {
    let mut call = Call::answered(agent(), false);
    let effects = call.hear("when do you open");
    assert_eq!(effects, [Effect::Consult { text: "when do you open".into(), offered: None }]);
    let effects = call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    assert_eq!(said(&effects), "We open at nine.");
}

#[test]
fn an_answer_to_a_question_that_was_added_to_is_stale() {
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    call.hear("on sundays");
    assert_eq!(call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag), []);
}

#[test]
fn what_flag_is_chosen_for_becomes_a_ticket_with_name_number_and_reason() {
    // R24
    let mut call = Call::answered(agent(), true);
    call.hear("i want my money back");
    let risk = Reason::Risk(RiskTopic::Refund);
    let effects = call.decide("i want my money back", Verdict::Hold, risk, Action::Flag);
    assert!(said(&effects).contains(phrases::ASK_NAME));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Draft { .. })));
    assert!(!said(&effects).contains("We open at nine"), "a held draft is never spoken");
    assert!(said(&call.hear("ann smith")).contains("+4930901820"));
    assert!(said(&call.hear("yes")).contains("i want my money back"));
    let effects = call.hear("that's right");
    let Some(Effect::Ticket { fields, .. }) = effects.iter().find(|effect| matches!(effect, Effect::Ticket { .. }))
    else {
        panic!("no ticket")
    };
    assert_eq!(fields.len(), 3);
    assert!(said(&effects).contains(phrases::NOTED));
}

#[test]
fn nobody_takes_the_transfer_so_the_case_becomes_a_ticket() {
    // R4
    let mut call = Call::answered(agent(), true);
    call.hear("let me talk to a person");
    let risk = Reason::Risk(RiskTopic::RequestForHuman);
    let effects = call.decide("let me talk to a person", Verdict::HandOff, risk, Action::Escalate);
    assert!(said(&effects).contains(phrases::CALLING_A_COLLEAGUE));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. })));
    let effects = call.give(Input::TransferEnded(AttemptOutcome::Busy));
    assert!(said(&effects).contains(phrases::NOBODY_FREE));
    let effects = call.give(Input::CallerGone);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ticket { .. })));
    assert_eq!(effects.last(), Some(&Effect::End(CallOutcome::Ticket)));
}

#[test]
fn a_caller_who_leaves_while_it_rings_stops_the_ringing_and_leaves_a_ticket() {
    // P5
    let mut call = Call::answered(agent(), true);
    call.give(Input::Key(b'0'));
    let effects = call.give(Input::CallerGone);
    assert_eq!(effects[0], Effect::CancelTransfer);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ticket { .. })));
}

#[test]
fn a_colleague_is_announced_only_when_one_can_ring() {
    // R58
    let mut call = Call::answered(agent(), false);
    let effects = call.give(Input::Key(b'0'));
    assert!(!said(&effects).contains(phrases::CALLING_A_COLLEAGUE));
    assert!(said(&effects).contains(phrases::ASK_NAME));
}

#[test]
fn an_unpublished_agent_takes_the_case_and_answers_nothing() {
    // R19
    let mut call = Call::new(Agent { published: false, ..agent() }, true);
    let effects = call.give(Input::Answered);
    assert!(said(&effects).contains(phrases::TAKES_THE_CASE) && said(&effects).contains(phrases::ASK_NAME));
    let effects = call.hear("ann");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Consult { .. })));
}

#[test]
fn a_silent_caller_is_asked_twice_and_then_left_without_a_ticket() {
    // R52
    let mut call = Call::answered(agent(), true);
    assert!(said(&call.wait(SILENCE)).contains(phrases::STILL_THERE[0]));
    call.give(Input::SpeechEnded);
    assert!(said(&call.wait(SILENCE)).contains(phrases::STILL_THERE[1]));
    call.give(Input::SpeechEnded);
    assert!(said(&call.wait(SILENCE)).contains(phrases::SILENT_GOODBYE));
    assert_eq!(call.give(Input::SpeechEnded), [Effect::HangUp, Effect::End(CallOutcome::Abandoned)]);
}

#[test]
fn a_caller_who_speaks_or_holds_is_not_asked_whether_they_are_there() {
    // R58, M8
    let mut call = Call::answered(agent(), true);
    call.give(Input::CallerSpeaks);
    assert_eq!(call.wait(Duration::from_secs(60)), []);
    let mut call = Call::answered(agent(), true);
    call.give(Input::Held);
    assert_eq!(call.wait(Duration::from_secs(600)), []);
    call.give(Input::Resumed);
    assert!(!call.wait(SILENCE).is_empty());
}

#[test]
fn a_slow_desk_is_bridged_with_fillers_and_ends_at_a_person() {
    // P1
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    let mut silent = Duration::ZERO;
    let mut effects = Vec::new();
    while !effects.iter().any(|effect| matches!(effect, Effect::Mark { .. })) {
        let before = call.now;
        let next = call.flow.poll_timeout().expect("something is always waited for");
        effects = call.wait(next - before);
        silent = silent.max(next - before);
    }
    assert!(silent < Duration::from_secs(3), "{silent:?} of dead air");
    assert!(said(&effects).contains(phrases::TROUBLE));
}

#[test]
fn repeat_and_slower_say_the_last_words_again() {
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    assert_eq!(said(&call.hear("sorry, what was that?")), "We open at nine.");
    let effects = call.hear("slower please");
    assert!(said(&effects).ends_with("We open at nine."));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Say(say) if say.slower)));
    assert_eq!(said(&call.hear("repeat that")), "We open at nine.");
}

#[test]
fn dont_record_stops_and_deletes() {
    // R48
    let mut call = Call::answered(agent(), false);
    let effects = call.hear("please don't record this");
    assert_eq!(effects[0], Effect::DeleteRecording);
    assert!(said(&effects).contains(phrases::NOT_RECORDED));
}

#[test]
fn goodbye_is_said_to_its_end_before_hanging_up() {
    let mut call = Call::answered(agent(), false);
    assert!(said(&call.hear("goodbye")).contains(phrases::GOODBYE));
    assert!(call.give(Input::SpeechEnded).contains(&Effect::HangUp));
}

#[test]
fn two_turns_not_understood_lead_to_keys() {
    // R59
    let mut call = Call::answered(agent(), false);
    assert!(said(&call.hear("")).contains(phrases::NOT_UNDERSTOOD));
    assert!(said(&call.hear("")).contains("Press zero"));
    assert!(said(&call.give(Input::Key(b'1'))).contains(phrases::ASK_NAME));
}

#[test]
fn a_caller_in_danger_hears_the_fixed_words_before_anything_else() {
    // R57
    let mut call = Call::answered(agent(), true);
    call.hear("i want to end my life");
    let risk = Reason::Risk(RiskTopic::SelfHarm);
    let effects = call.decide("i want to end my life", Verdict::HandOff, risk, Action::Nothing);
    assert!(said(&effects).starts_with("We open at nine."), "the desk's fixed words come first");
    assert!(!said(&effects).contains(phrases::NO_RELIABLE_ANSWER));
}

proptest::proptest! {
    /// Whatever happens in whatever order: the flow neither panics nor rings anybody before the caller was
    /// understood, and after its end it gives no more orders.
    #[test]
    fn any_course_of_events_keeps_the_invariants(events in proptest::collection::vec(0u8..14, 1..60)) {
        let mut call = Call::new(agent(), true);
        let mut spoke = false;
        let mut over = false;
        for event in events {
            let effects = match event {
                0 => call.give(Input::Answered),
                1 => { spoke = true; call.hear("when do you open") }
                2 => call.hear(""),
                3 => call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag),
                4 => call.decide("when do you open", Verdict::HandOff, Reason::NotKnown, Action::Escalate),
                5 => call.decide("when do you open", Verdict::Hold, Reason::NotKnown, Action::Nothing),
                6 => { spoke = true; call.give(Input::Key(b'0')) }
                7 => call.give(Input::SpeechEnded),
                8 => call.give(Input::TransferEnded(AttemptOutcome::NoAnswer)),
                9 => call.give(Input::Joined),
                10 => call.wait(Duration::from_secs(9)),
                11 => { spoke = true; call.hear("yes") }
                12 => call.give(Input::CallerGone),
                _ => { spoke = true; call.hear("never mind") }
            };
            proptest::prop_assert!(!over || effects.is_empty());
            let rings = effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. }));
            proptest::prop_assert!(!rings || spoke);
            let ends = effects.iter().filter(|effect| matches!(effect, Effect::End(_))).count();
            proptest::prop_assert!(ends <= 1);
            over |= ends == 1;
        }
    }
}

/// A cough stops the clock of the caller's silence, and must start it again, or nobody ever speaks.
#[test]
fn a_noise_after_our_words_does_not_leave_the_call_without_a_next_word() {
    let mut call = Call::answered(agent(), false);
    call.give(Input::CallerSpeaks);
    assert_eq!(call.flow.poll_timeout(), None);
    call.give(Input::NothingSaid);
    let effects = call.wait(SILENCE);
    assert!(matches!(effects[..], [Effect::Say(_)]), "{effects:?}");
}
