use super::*;
use crate::domain::escalation::{Rung, RungAction, Target};
use crate::domain::turn::{Reason, RiskTopic};
use crate::support::unresolved::Action;

pub(super) fn agent() -> Agent {
    let id = crate::domain::ids::AgentId(uuid::Uuid::nil());
    Agent { greeting: "Hello, this is Acorn.".into(), record_calls: true, ..Agent::automatic(id, "Acorn") }
}

pub(super) struct Call {
    pub flow: CallFlow,
    now: Instant,
}

impl Call {
    fn new(agent: Agent, can_ring: bool) -> Call {
        Call::with(agent, Outlook { can_ring, can_ring_in_danger: can_ring, otherwise: LadderEnd::Flag })
    }

    fn with(agent: Agent, outlook: Outlook) -> Call {
        let caller = PhoneNumber::parse("+4930901820", None).ok();
        let flow = CallFlow::new(Arc::new(agent), caller, Some("DE".into()), outlook);
        Call { flow, now: Instant::now() }
    }

    fn answered(agent: Agent, can_ring: bool) -> Call {
        Call::answered_with(agent, Outlook { can_ring, can_ring_in_danger: can_ring, otherwise: LadderEnd::Flag })
    }

    pub fn answered_with(agent: Agent, outlook: Outlook) -> Call {
        let mut call = Call::with(agent, outlook);
        call.give(Input::Answered);
        call.give(Input::NoticeHeard);
        call.give(Input::SpeechEnded);
        call
    }

    pub fn give(&mut self, input: Input) -> Vec<Effect> {
        self.flow.handle(self.now, input);
        self.drain()
    }

    pub fn hear(&mut self, text: &str) -> Vec<Effect> {
        self.give(Input::Heard { text: text.into(), clip: None })
    }

    fn decide(&mut self, text: &str, verdict: Verdict, reason: Reason, action: Action) -> Vec<Effect> {
        let decision = Decision {
            verdict,
            reason,
            confidence: 0.95,
            sources: vec![],
            features: vec![],
            desk_ms: 1.0,
            writer: None,
        };
        let turn = Turn { decision, sentences: vec!["We open at nine.".into()], offered: None };
        let resolution = Resolution { action, then: None, needs_human: true, urgent: false, why: "because".into() };
        self.give(Input::TurnReady { text: text.into(), turn: Box::new(turn), resolution })
    }

    /// A language model has begun to write the answer to this.
    fn begin(&mut self, text: &str) -> Vec<Effect> {
        let decision = Decision {
            verdict: Verdict::Send,
            reason: Reason::ClearAndLowRisk,
            confidence: 0.95,
            sources: vec![],
            features: vec![],
            desk_ms: 1.0,
            writer: None,
        };
        let turn = Turn { decision, sentences: vec!["We open at nine.".into()], offered: None };
        let (action, why) = (Action::Nothing, String::new());
        let resolution = Resolution { action, then: None, needs_human: false, urgent: false, why };
        self.give(Input::TurnBegun { text: text.into(), turn: Box::new(turn), resolution })
    }

    pub fn wait(&mut self, time: Duration) -> Vec<Effect> {
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

/// What a language model writes is said as it comes, and repeated whole.
#[test]
fn an_answer_that_is_still_being_written_goes_on_until_it_is_over() {
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    let effects = call.begin("when do you open");
    assert!(matches!(&effects[..], [Effect::Say(say)] if say.goes_on), "{effects:?}");
    let more = "On Sunday at ten.".to_owned();
    assert_eq!(call.give(Input::TurnGoesOn(more.clone())), [Effect::SayMore(more)]);
    assert_eq!(call.give(Input::TurnOver), [Effect::SaidAll]);
    assert_eq!(call.give(Input::TurnOver), []);
    assert_eq!(said(&call.hear("can you repeat that")), "We open at nine. On Sunday at ten.");
}

/// P2: what other words have taken the place of does not go on.
#[test]
fn an_answer_that_was_overtaken_does_not_go_on() {
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    call.begin("when do you open");
    call.hear("goodbye");
    assert_eq!(call.give(Input::TurnGoesOn("On Sunday at ten.".into())), []);
    assert_eq!(call.give(Input::TurnOver), []);
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
    let effects = call.give(Input::LadderEnded(LadderEnd::Flag));
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
    assert_eq!(effects[0], Effect::CancelTransfer { caller_gone: true });
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
    fn any_course_of_events_keeps_the_invariants(events in proptest::collection::vec(0u8..24, 1..60)) {
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
                8 => call.give(Input::LadderEnded(LadderEnd::Voicemail { or_callback: true })),
                9 => call.give(Input::Joined),
                10 => call.wait(Duration::from_secs(9)),
                11 => { spoke = true; call.hear("yes") }
                12 => call.give(Input::CallerGone),
                13 => call.give(Input::PersonLost),
                14 => call.give(Input::PassedOn),
                15 => call.give(Input::TryingNext),
                16 => call.give(Input::LadderEnded(LadderEnd::GivenBack)),
                17 => call.give(Input::LadderEnded(LadderEnd::Callback { or_voicemail: false })),
                18 => call.give(Input::PersonHolds(true)),
                19 => { spoke = true; call.give(Input::Key(b'1')) }
                20 => call.give(Input::TimeIsUp),
                21 => call.give(Input::TransferOrdered(vec![ring_anna()])),
                22 => call.give(Input::EndOrdered),
                _ => { spoke = true; call.hear("never mind") }
            };
            proptest::prop_assert!(!over || effects.is_empty());
            let rings = effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. }));
            // What a teammate orders, they answer for.
            spoke |= event == 21;
            proptest::prop_assert!(!rings || spoke);
            let ends = effects.iter().filter(|effect| matches!(effect, Effect::End(_))).count();
            proptest::prop_assert!(ends <= 1);
            over |= ends == 1;
        }
    }
}

fn ring_anna() -> Rung {
    let targets = vec![Target::Person("anna".into())];
    Rung { action: RungAction::Ring { targets, ring_seconds: 18, transfer: None }, when: None }
}

/// R9: a teammate has the caller connected, whatever the agent was about to do; nobody taking it is as ever.
#[test]
fn a_transfer_that_is_ordered_rings_and_goes_on_as_a_ladder_does() {
    let mut call = Call::answered(agent(), false);
    call.hear("when do you open");
    let effects = call.give(Input::TransferOrdered(vec![ring_anna()]));
    assert_eq!(said(&effects), phrases::CALLING_A_COLLEAGUE);
    assert!(effects.contains(&Effect::Ring(vec![ring_anna()])));
    let late = call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    assert_eq!(said(&late), "", "the answer that was under way is dropped");
    assert_eq!(call.give(Input::TransferOrdered(vec![ring_anna()])), [], "somebody is being rung already");
    let effects = call.give(Input::LadderEnded(LadderEnd::Flag));
    assert!(said(&effects).contains(phrases::NOBODY_FREE), "{effects:?}");
}

/// R9: whoever is spoken with is parted, the caller is told, and then it is over.
#[test]
fn an_end_that_is_ordered_is_told_before_the_call_is_over() {
    for is_bridged in [false, true] {
        let mut call = Call::answered(agent(), true);
        call.hear("when do you open");
        if is_bridged {
            call.give(Input::Joined);
        }
        let effects = call.give(Input::EndOrdered);
        assert_eq!(said(&effects), phrases::ENDED_BY_TEAM);
        assert_eq!(effects.contains(&Effect::CancelTransfer { caller_gone: true }), is_bridged);
        let effects = call.give(Input::SpeechEnded);
        let outcome = if is_bridged { CallOutcome::Person } else { CallOutcome::Resolved };
        assert_eq!(effects, [Effect::HangUp, Effect::End(outcome)]);
    }
}

/// R9: the agent says nothing while a person has the call, however they came to have it, and again once it is given back.
#[test]
fn the_agent_is_silent_from_the_take_over_to_the_hand_back() {
    let mut call = Call::answered(agent(), true);
    call.hear("when do you open");
    call.give(Input::Joined);
    let late = call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    let heard = call.hear("and on sundays");
    let waited = call.wait(Duration::from_secs(600));
    assert_eq!([said(&late), said(&heard), said(&waited)], ["", "", ""]);
    assert!(said(&call.give(Input::LadderEnded(LadderEnd::GivenBack))).contains(phrases::GIVEN_BACK));
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

const PERSON: Reason = Reason::Risk(RiskTopic::RequestForHuman);
const WISH: &str = "let me talk to a person about my lamp";

/// A call that waits for a person, with what follows when nobody comes.
fn waiting(otherwise: LadderEnd) -> Call {
    let mut call = Call::answered_with(agent(), Outlook { can_ring: true, can_ring_in_danger: true, otherwise });
    call.hear(WISH);
    call.decide(WISH, Verdict::HandOff, PERSON, Action::Escalate);
    call
}

fn tickets(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Ticket { .. })).count()
}

/// R4: the honest sentence, and the choice where the policy has both.
#[test]
fn when_nobody_comes_the_caller_chooses_between_a_message_and_a_callback() {
    let end = LadderEnd::Voicemail { or_callback: true };
    let mut call = waiting(end);
    let effects = call.give(Input::LadderEnded(end));
    assert!(said(&effects).contains(phrases::NOBODY_FREE) && said(&effects).contains(phrases::MESSAGE_OR_CALLBACK));
    assert!(said(&call.hear("please call me back")).contains("Shall we call you back on"));
    let effects = call.give(Input::CallerGone);
    assert_eq!((tickets(&effects), effects.last()), (1, Some(&Effect::End(CallOutcome::Callback))));
    let mut call = waiting(end);
    call.give(Input::LadderEnded(end));
    assert!(said(&call.hear("um what")).contains(phrases::MESSAGE_OR_CALLBACK), "asked again");
    let effects = call.hear("neither of them");
    assert!(said(&effects).contains(phrases::CASE_IS_NOTED));
    assert_eq!(tickets(&effects), 1, "the case is kept all the same");
}

/// R4: whoever hangs up at the question has left a case.
#[test]
fn a_case_is_kept_wherever_the_caller_leaves_the_ladder() {
    let end = LadderEnd::Voicemail { or_callback: true };
    let leave_at_the_choice = [Input::LadderEnded(end)].to_vec();
    let leave_after_the_loss = [Input::Joined, Input::PersonLost].to_vec();
    for inputs in [Vec::new(), leave_at_the_choice, leave_after_the_loss] {
        for last in [Input::CallerGone, Input::TimeIsUp] {
            let mut call = waiting(end);
            for input in inputs.clone() {
                call.give(input);
            }
            let mut effects = call.give(last.clone());
            effects.extend(call.give(Input::SpeechEnded));
            assert_eq!(tickets(&effects), 1, "{inputs:?} {last:?}");
            assert_eq!(effects.last(), Some(&Effect::End(CallOutcome::Ticket)), "{inputs:?} {last:?}");
        }
    }
}

/// R26: both lists name the topic.
#[test]
fn a_mandatory_callback_is_taken_when_nobody_can_be_rung() {
    let outlook = Outlook { can_ring: false, can_ring_in_danger: false, otherwise: LadderEnd::Flag };
    let mut call = Call::answered_with(agent(), outlook);
    call.hear(WISH);
    let decision = Decision {
        verdict: Verdict::HandOff,
        reason: PERSON,
        confidence: 0.9,
        sources: vec![],
        features: vec![],
        desk_ms: 1.0,
        writer: None,
    };
    let turn = Turn { decision, sentences: vec![], offered: None };
    let then = Some(Action::Callback);
    let resolution =
        Resolution { action: Action::Escalate, then, needs_human: true, urgent: false, why: "both".into() };
    let effects = call.give(Input::TurnReady { text: WISH.into(), turn: Box::new(turn), resolution });
    assert!(!said(&effects).contains(phrases::CALLING_A_COLLEAGUE), "R58");
    assert!(said(&effects).contains(phrases::NOBODY_NOW));
    assert_eq!(call.give(Input::CallerGone).last(), Some(&Effect::End(CallOutcome::Callback)));
}

/// R3: a waiting caller is listened to: a question is answered, a fact is passed on, and there is never 3 s of nothing
/// to say.
#[test]
fn a_waiting_caller_may_ask_and_add() {
    let mut call = waiting(LadderEnd::Flag);
    assert_eq!(call.give(Input::SpeechEnded), [Effect::HoldTone]);
    let effects = call.hear("when do you open");
    assert!(matches!(&effects[..], [Effect::Consult { .. }, Effect::HoldTone]));
    let effects = call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    assert_eq!(said(&effects), "We open at nine.");
    call.hear("the shade is broken");
    let effects = call.decide("the shade is broken", Verdict::Hold, Reason::NotKnown, Action::Flag);
    assert_eq!(said(&effects), phrases::PASSED_ON_TO_COLLEAGUE);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. })), "it rings already");
    assert_eq!(said(&call.hear("okay")), phrases::STILL_CALLING);
    assert_eq!(said(&call.wait(TRANSFER_UPDATE_EVERY)), phrases::STILL_CALLING);
    assert_eq!(said(&call.give(Input::TryingNext)), phrases::TRYING_ANOTHER);
    let effects = call.hear("never mind");
    assert_eq!(effects[0], Effect::CancelTransfer { caller_gone: false });
    assert_eq!(said(&effects), phrases::NEVER_MIND);
}

/// R54.
#[test]
fn a_lost_person_is_offered_again() {
    let lost = || {
        let mut call = waiting(LadderEnd::Flag);
        call.give(Input::Joined);
        let effects = call.give(Input::PersonLost);
        assert!(said(&effects).contains(phrases::PERSON_LOST));
        call
    };
    let mut call = lost();
    assert!(call.hear("yes please").contains(&Effect::Reconnect));
    assert!(call.give(Input::Joined).iter().any(|effect| matches!(effect, Effect::Mark { .. })));
    let effects = lost().hear("no thank you");
    assert_eq!(effects[0], Effect::CancelTransfer { caller_gone: false });
    assert!(said(&effects).contains(phrases::NEVER_MIND));
    let effects = lost().hear("goodbye");
    assert_eq!(tickets(&effects), 1, "the case that a person did not settle is kept");
    let effects = lost().hear("when do you open");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Consult { .. })));
}

/// R54: keys of the caller go nowhere while they speak with a person, and a person who holds them lets our tone play.
#[test]
fn a_joined_caller_has_no_keys_and_hears_our_tone_on_hold() {
    let mut call = waiting(LadderEnd::Flag);
    call.give(Input::Joined);
    for key in *b"0*12#" {
        assert_eq!(call.give(Input::Key(key)), []);
    }
    assert_eq!(call.give(Input::PersonHolds(true)), [Effect::HoldTone]);
    assert_eq!(call.give(Input::SpeechEnded), [Effect::HoldTone]);
    assert_eq!(call.give(Input::PersonHolds(false)), []);
    assert_eq!(call.give(Input::SpeechEnded), []);
    let effects = call.give(Input::LadderEnded(LadderEnd::GivenBack));
    assert!(said(&effects).contains(phrases::GIVEN_BACK));
    let mut call = waiting(LadderEnd::Flag);
    call.give(Input::Joined);
    assert!(said(&call.give(Input::PassedOn)).contains(phrases::PASSED_ON));
    let mut call = waiting(LadderEnd::Flag);
    call.give(Input::Joined);
    assert_eq!(call.give(Input::LadderEnded(LadderEnd::Person)), [Effect::HangUp, Effect::End(CallOutcome::Person)]);
}

/// R55: whoever was rung in vain and calls in has the caller, wherever the call stands; a message under way is dropped,
/// and no ticket is left beside the person.
#[test]
fn a_colleague_who_calls_in_has_the_caller_wherever_the_call_stands() {
    let end = LadderEnd::Voicemail { or_callback: false };
    let mut call = waiting(end);
    call.give(Input::LadderEnded(end));
    call.give(Input::SpeechEnded);
    call.give(Input::SpeechEnded);
    let effects = call.give(Input::Joined);
    assert!(effects.contains(&Effect::StopMessage { keep: false }), "{effects:?}");
    let effects = call.give(Input::LadderEnded(LadderEnd::Person));
    assert_eq!((tickets(&effects), effects.last()), (0, Some(&Effect::End(CallOutcome::Person))));
    for end in
        [LadderEnd::Callback { or_voicemail: false }, LadderEnd::Callback { or_voicemail: true }, LadderEnd::Flag]
    {
        let mut call = waiting(end);
        call.give(Input::LadderEnded(end));
        call.give(Input::Joined);
        let effects = call.give(Input::CallerGone);
        assert_eq!((tickets(&effects), effects.last()), (0, Some(&Effect::End(CallOutcome::Person))), "{end:?}");
    }
}

/// R48: "don't record" is obeyed while the caller speaks with a person as well, and nothing else of theirs is for us.
#[test]
fn dont_record_is_obeyed_while_the_caller_speaks_with_a_person() {
    let mut call = Call::answered_with(
        Agent { record_calls: true, ..agent() },
        Outlook { can_ring: true, can_ring_in_danger: true, otherwise: LadderEnd::Flag },
    );
    call.give(Input::NoticeHeard);
    call.hear(WISH);
    call.decide(WISH, Verdict::HandOff, PERSON, Action::Escalate);
    call.give(Input::Joined);
    assert!(!call.flow.hears("my lamp is broken") && call.flow.hears("please do not record this"));
    let effects = call.hear("please do not record this");
    assert_eq!(effects[0], Effect::DeleteRecording);
    assert_eq!(said(&effects), phrases::NOT_RECORDED);
    assert_eq!(call.give(Input::SpeechEnded), []);
}

/// R52.
#[test]
fn a_fax_is_hung_up_on_without_a_ticket_or_a_word() {
    let abandoned = [Effect::HangUp, Effect::End(CallOutcome::Abandoned)];
    assert_eq!(Call::answered(agent(), true).give(Input::FaxCalls), abandoned);
    let unpublished = Agent { published: false, ..agent() };
    assert_eq!(Call::answered(unpublished, false).give(Input::FaxCalls), abandoned);
}

/// R52: nobody who was understood is taken for a fax.
#[test]
fn a_caller_who_whistles_after_a_word_stays() {
    let mut call = Call::answered(agent(), true);
    call.hear("when do you open");
    assert_eq!(call.give(Input::FaxCalls), []);
    let mut call = waiting(LadderEnd::Flag);
    assert_eq!(call.give(Input::FaxCalls), []);
}

/// R59: whoever speaks a language that is not known ends with keys, a person or a message, and in no loop.
#[test]
fn whoever_is_never_understood_may_leave_a_message() {
    let mut call = Call::answered(agent(), true);
    assert!(said(&call.hear("")).contains(phrases::NOT_UNDERSTOOD));
    assert!(said(&call.hear("")).contains("two to leave a message"));
    let mut keyed = Call { flow: call.flow.clone(), now: call.now };
    assert!(said(&keyed.give(Input::Key(b'2'))).contains(phrases::LEAVE_A_MESSAGE));
    assert!(said(&call.hear("")).contains(phrases::PERHAPS_ANOTHER_LANGUAGE), "nobody is rung for a recorded voice");
    call.give(Input::SpeechEnded);
    assert!(call.give(Input::SpeechEnded).contains(&Effect::RecordMessage));
}

/// R59, R52: whoever was understood before gets a person.
#[test]
fn whoever_is_no_longer_understood_is_given_a_person() {
    let mut call = Call::answered(agent(), true);
    call.hear("when do you open");
    call.decide("when do you open", Verdict::Send, Reason::ClearAndLowRisk, Action::Flag);
    call.hear("");
    call.hear("");
    let effects = call.hear("");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Transfer { .. })));
}

/// R48, R58: what is said stays in the recording; keyed digits do not.
#[test]
fn the_recording_is_silent_from_the_first_digit_to_the_last() {
    let mut call = Call::new(Agent { published: false, ..agent() }, false);
    call.give(Input::Answered);
    let muted = |effects: &[Effect]| {
        effects.iter().rev().find_map(|effect| match effect {
            Effect::MuteRecording(muted) => Some(*muted),
            _ => None,
        })
    };
    call.hear("Ann Smith.");
    let asked = call.hear("no");
    assert!(said(&asked).contains(phrases::ASK_NUMBER));
    assert_eq!(muted(&asked), Some(false));
    for key in *b"030901820" {
        assert_eq!(muted(&call.give(Input::Key(key))), Some(true));
    }
    assert_eq!(muted(&call.give(Input::Key(b'#'))), Some(false));
}
