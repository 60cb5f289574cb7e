//! Every course that a ladder can take (P5), and what holds in all of them.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const NOON: EpochMs = EpochMs(1_800_014_400_000);
const BREATH: Duration = Duration::from_secs(3);

struct Case {
    ladder: Ladder,
    now: Instant,
}

fn policy(ladder: serde_json::Value) -> EscalationPolicy {
    serde_json::from_value(serde_json::json!({
        "ladder": ladder,
        "people": [
            {"id": "anna", "name": "Anna", "destinations": ["sip:anna@desk", "+4930901820"]},
            {"id": "ben", "name": "Ben", "destinations": ["sip:ben@desk"]},
            {"id": "cleo", "name": "Cleo", "destinations": ["sip:cleo@desk"], "do_not_disturb": true}
        ]
    }))
    .unwrap()
}

/// Anna and Ben in turn, then a message or being called back.
fn in_turn() -> EscalationPolicy {
    policy(serde_json::json!([
        {"do": "ring", "targets": ["sip:one@desk"], "ring_seconds": 15},
        {"do": "ring", "targets": ["sip:two@desk"]},
        {"do": "voicemail"}, {"do": "callback"}, {"do": "flag"}
    ]))
}

fn together() -> EscalationPolicy {
    policy(serde_json::json!([
        {"do": "ring", "targets": ["sip:one@desk", "sip:two@desk", "sip:three@desk"]},
        {"do": "callback"}
    ]))
}

impl Case {
    fn of(policy: &EscalationPolicy) -> (Case, Vec<LadderEffect>) {
        let now = Instant::now();
        let mut case = Case { ladder: Ladder::begin(now, policy, NOON, false), now };
        let first = case.drain();
        (case, first)
    }

    fn drain(&mut self) -> Vec<LadderEffect> {
        std::iter::from_fn(|| self.ladder.poll_effect()).collect()
    }

    fn give(&mut self, input: LadderInput) -> Vec<LadderEffect> {
        self.ladder.handle(self.now, input);
        self.drain()
    }

    fn ends(&mut self, attempt: u32, outcome: AttemptOutcome) -> Vec<LadderEffect> {
        self.give(LadderInput::Ended { attempt: AttemptNo(attempt), outcome })
    }

    fn accepts(&mut self, attempt: u32) -> Vec<LadderEffect> {
        self.ends(attempt, AttemptOutcome::Accepted)
    }
}

fn rung_in(effects: &[LadderEffect]) -> Vec<String> {
    let rings = effects.iter().filter_map(|effect| match effect {
        LadderEffect::Ring(rings) => Some(rings),
        _ => None,
    });
    rings.flatten().map(|ring| String::from(ring.destination.clone())).collect()
}

fn end_in(effects: &[LadderEffect]) -> Option<LadderEnd> {
    effects.iter().find_map(|effect| if let LadderEffect::Ended(end) = effect { Some(*end) } else { None })
}

/// R4: each way of not taking the call moves the case on, and is no accept.
#[test]
fn whatever_one_person_does_but_accept_the_next_rung_is_tried() {
    for outcome in [
        AttemptOutcome::Declined,
        AttemptOutcome::NoKey,
        AttemptOutcome::Busy,
        AttemptOutcome::NoAnswer,
        AttemptOutcome::Rejected,
        AttemptOutcome::VoicemailDetected,
        AttemptOutcome::Screened,
        AttemptOutcome::HumanHungUp,
        AttemptOutcome::Failed,
    ] {
        let (mut case, first) = Case::of(&in_turn());
        assert_eq!(rung_in(&first), ["sip:one@desk"]);
        assert_eq!(rung_in(&case.ends(1, outcome)), ["sip:two@desk"], "{outcome:?}");
        let last = case.ends(2, outcome);
        assert_eq!(last, [LadderEffect::Ended(LadderEnd::Voicemail { or_callback: true })], "{outcome:?}");
        assert!(case.ladder.is_over());
    }
}

#[test]
fn a_rung_rings_as_long_as_it_says() {
    let (_, first) = Case::of(&in_turn());
    let LadderEffect::Ring(rings) = &first[0] else { panic!("a ring") };
    assert_eq!(rings[0].ring_time, Duration::from_secs(15));
}

/// R55: whoever was rung in vain and calls in is joined as if they had picked up, and the others are let go.
#[test]
fn who_calls_in_while_others_ring_is_joined_when_they_accept() {
    let (mut case, _) = Case::of(&in_turn());
    case.ends(1, AttemptOutcome::NoAnswer);
    let one = Target::Sip("sip:one@desk".into());
    let attempt = case.ladder.called_in(case.now, None, one.clone()).unwrap();
    assert_eq!((attempt, case.drain()), (AttemptNo(3), vec![]), "nobody is rung for it");
    let outcome = AttemptOutcome::Superseded;
    let cancel = LadderEffect::Cancel { attempt: AttemptNo(2), outcome };
    assert_eq!(case.accepts(3), [cancel, LadderEffect::Join(attempt)]);
    assert_eq!(case.ladder.called_in(case.now, None, one), None, "somebody has the caller");
}

/// R55: whoever calls in and passes leaves the ladder, or what followed it, as it was.
#[test]
fn who_calls_in_and_passes_changes_nothing() {
    let (mut case, _) = Case::of(&in_turn());
    case.ends(1, AttemptOutcome::NoAnswer);
    let one = Target::Sip("sip:one@desk".into());
    case.ladder.called_in(case.now, None, one.clone());
    assert_eq!(case.ends(3, AttemptOutcome::Declined), []);
    assert_eq!(end_in(&case.ends(2, AttemptOutcome::NoAnswer)), Some(LadderEnd::Voicemail { or_callback: true }));
    assert_eq!(case.ladder.called_in(case.now, None, one.clone()), None, "it is over");
    let end = LadderEffect::Ended(LadderEnd::Voicemail { or_callback: true });
    for (outcome, expected) in
        [(AttemptOutcome::Declined, end.clone()), (AttemptOutcome::Accepted, LadderEffect::Join(AttemptNo(1)))]
    {
        let (ladder, attempt) = Ladder::of_caller_in(case.now, &in_turn(), NOON, None, one.clone());
        case.ladder = ladder;
        assert_eq!(case.ends(attempt.0, outcome), [expected]);
    }
    assert_eq!(case.give(LadderInput::PassedOn), [LadderEffect::Part(AttemptNo(1)), end], "nobody is left to ring");
}

#[test]
fn who_accepts_is_joined_and_the_end_of_the_talk_is_the_end_of_the_ladder() {
    let (mut case, _) = Case::of(&in_turn());
    assert_eq!(case.accepts(1), [LadderEffect::Join(AttemptNo(1))]);
    assert_eq!(case.ladder.joined(), Some(AttemptNo(1)));
    case.now += HUNG_UP_AT_ONCE;
    assert_eq!(case.give(LadderInput::PersonGone { hung_up: true }), [LadderEffect::Ended(LadderEnd::Person)]);
}

/// R53: rung together, the first to accept wins, the others are let go.
#[test]
fn the_first_of_several_who_accepts_wins_and_the_others_are_superseded() {
    let (mut case, first) = Case::of(&together());
    assert_eq!(rung_in(&first), ["sip:one@desk", "sip:two@desk", "sip:three@desk"]);
    let outcome = AttemptOutcome::Superseded;
    assert_eq!(
        case.accepts(2),
        [
            LadderEffect::Cancel { attempt: AttemptNo(1), outcome },
            LadderEffect::Cancel { attempt: AttemptNo(3), outcome },
            LadderEffect::Join(AttemptNo(2))
        ]
    );
}

/// P5: two people accept at once.
#[test]
fn a_second_accept_at_the_same_moment_joins_nobody() {
    let (mut case, _) = Case::of(&together());
    case.accepts(3);
    assert_eq!(case.accepts(1), []);
    assert_eq!(case.ladder.joined(), Some(AttemptNo(3)));
}

#[test]
fn a_rung_is_over_when_the_last_of_those_who_ring_together_has_not_taken_it() {
    let (mut case, _) = Case::of(&together());
    assert_eq!(case.ends(1, AttemptOutcome::Busy), []);
    assert_eq!(case.ends(3, AttemptOutcome::Declined), []);
    let last = case.ends(2, AttemptOutcome::NoAnswer);
    assert_eq!(end_in(&last), Some(LadderEnd::Callback { or_voicemail: false }));
}

#[test]
fn a_persons_destinations_are_tried_in_order_until_they_pass() {
    let ring_anna = policy(serde_json::json!([{"do": "ring", "targets": ["person:anna"]}, {"do": "flag"}]));
    let (mut case, first) = Case::of(&ring_anna);
    assert_eq!(rung_in(&first), ["sip:anna@desk"]);
    assert_eq!(rung_in(&case.ends(1, AttemptOutcome::NoAnswer)), ["+4930901820"]);
    assert_eq!(end_in(&case.ends(2, AttemptOutcome::NoAnswer)), Some(LadderEnd::Flag));
    let (mut case, _) = Case::of(&ring_anna);
    assert_eq!(end_in(&case.ends(1, AttemptOutcome::Declined)), Some(LadderEnd::Flag), "she passed: no other phone");
}

#[test]
fn who_passed_is_not_asked_again_on_a_later_rung() {
    let (mut case, _) = Case::of(&policy(serde_json::json!([
        {"do": "ring", "targets": ["person:anna"]},
        {"do": "ring", "targets": ["person:anna", "person:ben"]},
        {"do": "ring", "targets": ["person:anna"]},
        {"do": "callback"}
    ])));
    assert_eq!(rung_in(&case.ends(1, AttemptOutcome::Declined)), ["sip:ben@desk"]);
    let last = case.ends(2, AttemptOutcome::Busy);
    assert_eq!(last, [LadderEffect::Ended(LadderEnd::Callback { or_voicemail: false })]);
}

#[test]
fn who_was_busy_is_asked_again_where_a_later_rung_says_so() {
    let (mut case, _) = Case::of(&policy(serde_json::json!([
        {"do": "ring", "targets": ["person:ben"]},
        {"do": "ring", "targets": ["person:ben"]}
    ])));
    assert_eq!(rung_in(&case.ends(1, AttemptOutcome::Busy)), ["sip:ben@desk"]);
}

/// R53, R58: nobody is rung outside their hours or against their wish, and nothing is promised.
#[test]
fn rungs_that_are_not_there_now_are_passed_over() {
    let night = serde_json::json!({"time_zone": "UTC", "hours": ["Mon-Sun 20:00-08:00"]});
    let policy = policy(serde_json::json!([
        {"do": "ring", "targets": ["sip:night@desk"], "when": night},
        {"do": "ring", "targets": ["person:cleo"]},
        {"do": "voicemail", "when": night},
        {"do": "callback"}
    ]));
    let end = LadderEnd::Callback { or_voicemail: false };
    assert_eq!(
        outlook(&policy, NOON, false, |_| true),
        Outlook { can_ring: false, can_ring_in_danger: false, otherwise: end }
    );
    let (_, first) = Case::of(&policy);
    assert_eq!(first, [LadderEffect::Ended(end)]);
}

#[test]
fn a_ladder_without_rungs_ends_in_a_ticket() {
    let (_, first) = Case::of(&EscalationPolicy::default());
    assert_eq!(first, [LadderEffect::Ended(LadderEnd::Flag)]);
    let (_, first) = Case::of(&policy(serde_json::json!([{"do": "best_effort"}, {"do": "flag"}])));
    assert_eq!(first, [LadderEffect::Ended(LadderEnd::BestEffort)]);
}

/// R26: a topic that is always called back is called back when nobody accepts, whatever the rungs say.
#[test]
fn a_mandatory_callback_follows_when_nobody_accepts() {
    let now = Instant::now();
    let mut ladder = Ladder::begin(now, &in_turn(), NOON, true);
    for attempt in [1, 2] {
        ladder.handle(now, LadderInput::Ended { attempt: AttemptNo(attempt), outcome: AttemptOutcome::Busy });
    }
    let effects: Vec<_> = std::iter::from_fn(|| ladder.poll_effect()).collect();
    assert_eq!(end_in(&effects), Some(LadderEnd::Callback { or_voicemail: true }));
}

/// P5: the caller hangs up while people ring.
#[test]
fn all_ringing_stops_when_the_caller_leaves() {
    for (input, end) in
        [(LadderInput::CallerGone, LadderEnd::CallerGone), (LadderInput::NeverMind, LadderEnd::NeverMind)]
    {
        let (mut case, _) = Case::of(&together());
        let effects = case.give(input);
        let cancelled = |effect: &&LadderEffect| {
            matches!(effect, LadderEffect::Cancel { outcome: AttemptOutcome::CallerHungUp, .. })
        };
        assert_eq!(effects.iter().filter(cancelled).count(), 3);
        assert_eq!(end_in(&effects), Some(end));
        assert_eq!(case.accepts(1), [], "whoever accepts afterwards is joined with nobody");
    }
}

/// P5: both hang up at once.
#[test]
fn caller_and_person_who_hang_up_together_end_it_once() {
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    case.now += HUNG_UP_AT_ONCE;
    let effects = case.give(LadderInput::CallerGone);
    assert_eq!(effects, [LadderEffect::Part(AttemptNo(1)), LadderEffect::Ended(LadderEnd::Person)]);
    assert_eq!(case.give(LadderInput::PersonGone { hung_up: true }), []);
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    case.give(LadderInput::PersonGone { hung_up: true });
    assert_eq!(case.give(LadderInput::CallerGone), [LadderEffect::Ended(LadderEnd::CallerGone)]);
}

/// R54: a leg that dies, or a person who hangs up within 10 s, gives the caller back; they may be connected again.
#[test]
fn a_person_who_is_lost_may_be_rung_again() {
    for (hung_up, after) in [(true, HUNG_UP_AT_ONCE - BREATH), (false, Duration::from_secs(500))] {
        let (mut case, _) = Case::of(&in_turn());
        case.accepts(1);
        case.now += after;
        assert_eq!(case.give(LadderInput::PersonGone { hung_up }), [LadderEffect::Lost(AttemptNo(1))]);
        assert_eq!(rung_in(&case.give(LadderInput::Reconnect)), ["sip:one@desk"]);
        assert_eq!(case.accepts(2), [LadderEffect::Join(AttemptNo(2))]);
    }
}

#[test]
fn who_is_lost_and_cannot_be_reached_again_is_followed_by_the_next_rung() {
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    case.give(LadderInput::PersonGone { hung_up: true });
    case.give(LadderInput::Reconnect);
    assert_eq!(rung_in(&case.ends(2, AttemptOutcome::Busy)), ["sip:two@desk"]);
}

#[test]
fn a_caller_who_wants_no_reconnection_goes_on_with_the_agent() {
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    case.give(LadderInput::PersonGone { hung_up: true });
    assert_eq!(case.give(LadderInput::NeverMind), [LadderEffect::Ended(LadderEnd::NeverMind)]);
}

/// R54: `*1`.
#[test]
fn a_person_gives_the_call_back_to_the_agent() {
    let (mut case, _) = Case::of(&in_turn());
    assert_eq!(case.give(LadderInput::GivenBack), [], "nobody is joined");
    case.accepts(1);
    let effects = case.give(LadderInput::GivenBack);
    assert_eq!(effects, [LadderEffect::Part(AttemptNo(1)), LadderEffect::Ended(LadderEnd::GivenBack)]);
    assert_eq!(case.give(LadderInput::PersonGone { hung_up: true }), []);
}

/// R54: `*2`.
#[test]
fn a_person_passes_the_call_to_the_next_rung() {
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    let effects = case.give(LadderInput::PassedOn);
    assert_eq!(effects[0], LadderEffect::Part(AttemptNo(1)));
    assert_eq!(rung_in(&effects), ["sip:two@desk"]);
    case.accepts(2);
    let effects = case.give(LadderInput::PassedOn);
    assert_eq!(end_in(&effects), Some(LadderEnd::Voicemail { or_callback: true }));
}

/// P3: our restart in the middle.
#[test]
fn a_restart_loses_every_open_attempt_and_ends_the_ladder() {
    let (mut case, _) = Case::of(&together());
    case.ends(2, AttemptOutcome::Busy);
    let outcome = AttemptOutcome::Lost;
    assert_eq!(
        case.give(LadderInput::Restarted),
        [
            LadderEffect::Cancel { attempt: AttemptNo(1), outcome },
            LadderEffect::Cancel { attempt: AttemptNo(3), outcome },
            LadderEffect::Ended(LadderEnd::CutByRestart)
        ]
    );
}

#[test]
fn an_attempt_of_which_nothing_is_heard_any_more_does_not_hold_up_the_case() {
    let (mut case, _) = Case::of(&in_turn());
    case.now = case.ladder.poll_timeout().unwrap();
    case.ladder.handle_timeout(case.now);
    let effects = case.drain();
    assert_eq!(effects[0], LadderEffect::Cancel { attempt: AttemptNo(1), outcome: AttemptOutcome::Failed });
    assert_eq!(rung_in(&effects), ["sip:two@desk"]);
}

#[test]
fn a_long_ladder_neither_rings_for_ever_nor_too_often() {
    let rungs = vec![serde_json::json!({"do": "ring", "targets": ["sip:one@desk"]}); 40];
    let (mut case, _) = Case::of(&policy(rungs.clone().into()));
    for attempt in 1..ATTEMPTS_MAX {
        assert_eq!(end_in(&case.ends(attempt, AttemptOutcome::Failed)), None);
    }
    assert_eq!(end_in(&case.ends(ATTEMPTS_MAX, AttemptOutcome::Failed)), Some(LadderEnd::Flag));
    let (mut case, _) = Case::of(&policy(rungs.into()));
    case.now += LONGEST_LADDER;
    assert_eq!(end_in(&case.ends(1, AttemptOutcome::NoAnswer)), Some(LadderEnd::Flag));
}

fn any_rung() -> impl Strategy<Value = serde_json::Value> {
    let target = prop::sample::select(vec![
        "sip:one@desk",
        "sip:two@desk",
        "+4930901821",
        "person:anna",
        "person:ben",
        "person:cleo",
        "person:nobody",
        "rota:nobody",
    ]);
    prop_oneof![
        4 => prop::collection::vec(target, 1..4).prop_map(|targets| serde_json::json!({"do": "ring", "targets": targets})),
        1 => prop::sample::select(vec!["voicemail", "callback", "flag", "best_effort"])
            .prop_map(|action| serde_json::json!({"do": action})),
    ]
}

fn any_outcome() -> impl Strategy<Value = AttemptOutcome> {
    prop::sample::select(vec![
        AttemptOutcome::Accepted,
        AttemptOutcome::Declined,
        AttemptOutcome::NoKey,
        AttemptOutcome::Busy,
        AttemptOutcome::NoAnswer,
        AttemptOutcome::VoicemailDetected,
        AttemptOutcome::HumanHungUp,
        AttemptOutcome::Failed,
    ])
}

fn any_input() -> impl Strategy<Value = LadderInput> {
    prop_oneof![
        12 => (1u32..8, any_outcome())
            .prop_map(|(attempt, outcome)| LadderInput::Ended { attempt: AttemptNo(attempt), outcome }),
        2 => any::<bool>().prop_map(|hung_up| LadderInput::PersonGone { hung_up }),
        1 => Just(LadderInput::GivenBack),
        1 => Just(LadderInput::PassedOn),
        2 => Just(LadderInput::Reconnect),
        1 => Just(LadderInput::NeverMind),
        1 => Just(LadderInput::CallerGone),
        1 => Just(LadderInput::Restarted),
    ]
}

/// What a driver would know from the orders alone, and what must hold of them.
#[derive(Default)]
struct Witness {
    open: HashSet<AttemptNo>,
    joined: Option<AttemptNo>,
    seen: u32,
    ended: bool,
}

impl Witness {
    fn see(&mut self, effects: Vec<LadderEffect>, allowed: &HashSet<String>) -> Result<(), TestCaseError> {
        for effect in effects {
            prop_assert!(!self.ended, "an order after the end: {effect:?}");
            match effect {
                LadderEffect::Ring(rings) => {
                    prop_assert!(!rings.is_empty() && self.joined.is_none());
                    for ring in rings {
                        prop_assert!(allowed.contains(&String::from(ring.destination.clone())));
                        prop_assert_eq!(ring.attempt, AttemptNo(self.seen + 1));
                        self.seen += 1;
                        self.open.insert(ring.attempt);
                    }
                }
                LadderEffect::Cancel { attempt, .. } => prop_assert!(self.open.remove(&attempt)),
                LadderEffect::Join(attempt) => {
                    prop_assert!(self.open.is_empty() && self.joined.is_none());
                    self.joined = Some(attempt);
                }
                LadderEffect::Part(attempt) | LadderEffect::Lost(attempt) => {
                    prop_assert_eq!(self.joined.take(), Some(attempt));
                }
                LadderEffect::Ended(_) => {
                    prop_assert!(self.open.is_empty(), "a leg is leaked: {:?}", self.open);
                    self.ended = true;
                }
            }
        }
        Ok(())
    }
}

proptest! {
    /// Whatever the policy and the course: one end, nobody rung who is not in the policy, no ring after the end, no
    /// attempt left open, and without a word from outside the ladder comes to its end by itself.
    #[test]
    fn every_ladder_ends_exactly_once_and_rings_only_whom_the_policy_names(
        rungs in prop::collection::vec(any_rung(), 0..6),
        inputs in prop::collection::vec((any_input(), 0u64..40), 0..40),
        callback_after in any::<bool>(),
    ) {
        let policy = policy(rungs.into());
        let allowed: HashSet<String> = ["sip:one@desk", "sip:two@desk", "+4930901821", "sip:anna@desk", "+4930901820",
            "sip:ben@desk"].map(str::to_owned).into();
        let start = Instant::now();
        let mut case = Case { ladder: Ladder::begin(start, &policy, NOON, callback_after), now: start };
        let mut witness = Witness::default();
        let can_ring = outlook(&policy, NOON, callback_after, |_| true).can_ring;
        let first = case.drain();
        prop_assert_eq!(can_ring, !rung_in(&first).is_empty());
        witness.see(first, &allowed)?;
        for (input, seconds) in inputs {
            case.now += Duration::from_secs(seconds);
            if let LadderInput::Ended { attempt, .. } = &input {
                witness.open.remove(attempt);
            }
            if let LadderInput::PersonGone { .. } = &input
                && case.ladder.joined().is_some()
            {
                let effects = case.give(input);
                if !matches!(effects[0], LadderEffect::Lost(_)) {
                    witness.joined = None;
                }
                witness.see(effects, &allowed)?;
                continue;
            }
            let effects = case.give(input);
            witness.see(effects, &allowed)?;
        }
        let mut steps = 0;
        while !case.ladder.is_over() {
            steps += 1;
            prop_assert!(steps <= 2 * ATTEMPTS_MAX, "stuck in {:?}", case.ladder);
            match case.ladder.poll_timeout() {
                Some(due) => {
                    case.now = due;
                    case.ladder.handle_timeout(due);
                }
                // Only the talk with a person, or the question whether to connect again, has no end of its own.
                None => case.ladder.handle(case.now, LadderInput::CallerGone),
            }
            let effects = case.drain();
            witness.see(effects, &allowed)?;
        }
        prop_assert!(witness.ended);
    }
}

/// R6: whom the caller's side is to call by itself is told with the ring, on rungs that say so or by the policy.
#[test]
fn a_rung_says_how_its_call_is_handed_over() {
    let mut policy = policy(serde_json::json!([
        {"do": "ring", "targets": ["sip:one@desk", "sip:two@desk"], "transfer": "blind"},
        {"do": "ring", "targets": ["sip:three@desk"]},
    ]));
    policy.transfer = TransferBy::Attended;
    let (mut case, first) = Case::of(&policy);
    let transfers = |effects: &[LadderEffect]| match &effects[0] {
        LadderEffect::Ring(rings) => rings.iter().map(|ring| ring.transfer).collect::<Vec<_>>(),
        other => panic!("a ring, not {other:?}"),
    };
    assert_eq!(transfers(&first), [TransferBy::Blind], "the caller's side calls one party");
    assert_eq!(transfers(&case.ends(1, AttemptOutcome::Busy)), [TransferBy::Attended]);
}

/// R6: a call that goes on without us is a person's, and the end of the ladder.
#[test]
fn a_call_that_was_handed_on_ends_the_ladder() {
    let (mut case, _) = Case::of(&in_turn());
    assert_eq!(case.give(LadderInput::HandedOn), [], "nobody is joined yet");
    case.accepts(1);
    assert_eq!(case.give(LadderInput::HandedOn), [LadderEffect::Ended(LadderEnd::Person)]);
    assert_eq!(case.give(LadderInput::PersonGone { hung_up: true }), []);
}

/// R6: a joined person's side names who is next; the rest of the ladder follows when they do not take it.
#[test]
fn a_person_may_pass_the_caller_to_a_telephone() {
    let (mut case, _) = Case::of(&in_turn());
    case.accepts(1);
    let next = Target::Sip("sip:three@desk".into());
    let effects = case.give(LadderInput::PassedTo(next));
    assert_eq!(effects[0], LadderEffect::Part(AttemptNo(1)));
    assert_eq!(rung_in(&effects), ["sip:three@desk"]);
    assert_eq!(rung_in(&case.ends(2, AttemptOutcome::Busy)), ["sip:two@desk"]);
}

fn boss() -> Target {
    Target::Sip("sip:boss@desk".into())
}

/// R9: a supervisor has the case from whoever rings: they are let go, and nobody else is rung.
#[test]
fn who_takes_over_a_ringing_case_is_joined_and_the_ringing_stops() {
    let (mut case, _) = Case::of(&together());
    let taken = case.ladder.taken_over(case.now, None, boss()).unwrap();
    let effects = case.drain();
    let cancelled = |attempt| LadderEffect::Cancel { attempt, outcome: AttemptOutcome::Superseded };
    assert_eq!(effects.last(), Some(&LadderEffect::Join(taken)));
    assert_eq!(effects[..3], [1, 2, 3].map(|attempt| cancelled(AttemptNo(attempt))));
    assert_eq!(case.accepts(1), [], "they are too late");
    assert_eq!(
        case.give(LadderInput::GivenBack),
        [LadderEffect::Part(taken), LadderEffect::Ended(LadderEnd::GivenBack)]
    );
    assert_eq!(case.ladder.taken_over(case.now, None, boss()), None, "it is over");
}

/// R9: from the person who speaks with the caller, who is let go by whoever carries the orders out; and after they were lost.
#[test]
fn who_takes_over_from_a_person_has_the_call_as_they_had() {
    for is_lost in [false, true] {
        let (mut case, _) = Case::of(&in_turn());
        case.accepts(1);
        if is_lost {
            case.give(LadderInput::PersonGone { hung_up: false });
        }
        let taken = case.ladder.taken_over(case.now, None, boss()).unwrap();
        assert_eq!(case.drain(), [LadderEffect::Join(taken)]);
        assert_eq!(case.ladder.joined(), Some(taken));
        case.now += HUNG_UP_AT_ONCE;
        assert_eq!(case.give(LadderInput::PersonGone { hung_up: true }), [LadderEffect::Ended(LadderEnd::Person)]);
    }
}
