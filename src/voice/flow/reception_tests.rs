//! The dialplan and the agent on one call.

use super::*;
use crate::domain::dialplan::plan::{Menu, NamedAction, Prompt, Queue, Ring, RingTarget};
use crate::domain::dialplan::{ActionRef, Place};
use crate::domain::escalation::{RungAction, Target};

fn to(name: &str) -> ActionRef {
    ActionRef { name: name.into(), place: Place::default() }
}

fn agent(published: bool) -> Arc<Agent> {
    Arc::new(Agent { published, ..super::tests::agent() })
}

struct Call {
    flow: CallFlow,
    now: Instant,
}

impl Call {
    /// Answered, with this action before the agent.
    fn at(action: Action, actions: &[(&str, Action)], published: bool) -> (Call, Vec<Effect>) {
        let named = |action: &Action| NamedAction { place: Place::default(), action: action.clone() };
        let actions = actions.iter().map(|(name, action)| ((*name).to_owned(), named(action))).collect();
        let plan = Arc::new(Plan { actions, ..Plan::default() });
        let outlook = Outlook { can_ring: false, can_ring_in_danger: false, otherwise: LadderEnd::Flag };
        let flow = CallFlow::new(agent(published), None, None, outlook).planned(plan, action);
        let mut call = Call { flow, now: Instant::now() };
        let effects = call.give(Input::Answered);
        (call, effects)
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        self.flow.handle(self.now, input);
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

fn menu(key: u8, leads_to: &str) -> Action {
    let prompt = Prompt::Text("For orders, press 1.".into());
    let keys = [(key, to(leads_to))].into();
    Action::Menu(Menu { prompt, keys, tries: 2, timeout_seconds: 5, otherwise: to("agent") })
}

fn ring(then: &str) -> Action {
    let target = RingTarget { target: Target::Sip("sip:anna@192.0.2.1".into()), place: Place::default() };
    Action::Ring(Ring { steps: vec![vec![target]], ring_seconds: 20, then: to(then) })
}

/// R10, R48: nothing is recorded at the menu, and the agent greets as ever.
#[test]
fn a_menu_leads_to_the_agent_who_greets_with_its_notices() {
    let (mut call, effects) = Call::at(menu(b'1', "agent"), &[], true);
    assert_eq!(said(&effects), "For orders, press 1.");
    let effects = call.give(Input::Key(b'1'));
    assert!(said(&effects).contains(phrases::AUTOMATED) && said(&effects).contains(phrases::RECORDED));
    assert_eq!(call.give(Input::NoticeHeard), [Effect::StartRecording]);
    assert!(matches!(
        call.give(Input::Heard { text: "when do you open".into(), clip: None })[..],
        [Effect::Consult { .. }]
    ));
}

/// R58: a colleague is promised only once telephones ring.
#[test]
fn people_are_rung_and_the_caller_is_told_when_they_are() {
    let (mut call, effects) = Call::at(ring("agent"), &[], true);
    let [Effect::Ring(rungs)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(matches!(&rungs[0].action, RungAction::Ring { targets, ring_seconds: 20, .. } if targets.len() == 1));
    assert_eq!(rungs.last().map(|rung| &rung.action), Some(&RungAction::Flag));
    let words = said(&call.give(Input::PeopleRing));
    assert!(words.contains(phrases::AUTOMATED) && words.ends_with(phrases::CALLING_A_COLLEAGUE), "{words}");
    call.give(Input::Joined);
    let effects = call.give(Input::LadderEnded(LadderEnd::Person));
    assert!(effects.contains(&Effect::End(CallOutcome::Person)), "{effects:?}");
}

#[test]
fn when_nobody_takes_the_call_the_plan_goes_on() {
    let says = Action::Announce { prompt: Prompt::Text("All are busy.".into()), then: to("agent") };
    let (mut call, _) = Call::at(ring("busy"), &[("busy", says)], true);
    call.give(Input::PeopleRing);
    assert_eq!(said(&call.give(Input::LadderEnded(LadderEnd::Flag))), "All are busy.");
    let words = said(&call.give(Input::SpeechEnded));
    assert!(words.contains(phrases::NOBODY_FREE_NOW) && words.ends_with(phrases::HOW_CAN_I_HELP), "{words}");
}

#[test]
fn where_nobody_can_ring_nobody_is_promised() {
    let (mut call, _) = Call::at(ring("callback"), &[], true);
    let words = said(&call.give(Input::LadderEnded(LadderEnd::Flag)));
    assert!(!words.contains(phrases::CALLING_A_COLLEAGUE) && words.contains(phrases::ASK_NUMBER), "{words}");
}

#[test]
fn a_caller_who_says_never_mind_stays_with_the_agent() {
    let (mut call, _) = Call::at(ring("hang_up"), &[], true);
    call.give(Input::PeopleRing);
    let effects = call.give(Input::Heard { text: "never mind".into(), clip: None });
    assert!(effects.contains(&Effect::CancelTransfer { caller_gone: false }), "{effects:?}");
    assert_eq!(call.give(Input::LadderEnded(LadderEnd::NeverMind)), []);
    assert!(matches!(
        call.give(Input::Heard { text: "when do you open".into(), clip: None })[..],
        [Effect::Consult { .. }]
    ));
}

#[test]
fn the_hash_key_leaves_the_queue_while_people_ring() {
    let queue = Queue {
        name: "sales".into(),
        targets: Vec::new(),
        ring_seconds: 20,
        callers_max: 5,
        wait_seconds_max: 60,
        music: None,
        then: to("agent"),
    };
    let (mut call, effects) = Call::at(Action::Queue(queue.clone()), &[], true);
    assert_eq!(effects, [Effect::JoinQueue(queue)]);
    assert!(matches!(call.give(Input::QueuePlace(1, None))[..], [Effect::Ring(_)]));
    call.give(Input::PeopleRing);
    let effects = call.give(Input::Key(b'#'));
    assert!(effects.contains(&Effect::LeaveQueue), "{effects:?}");
    assert!(effects.contains(&Effect::CancelTransfer { caller_gone: false }));
    assert!(said(&effects).contains(phrases::ASK_NUMBER));
}

/// R57.
#[test]
fn an_emergency_that_cannot_be_carried_is_told_and_the_call_ends() {
    let (mut call, effects) = Call::at(Action::Emergency { say: None }, &[], false);
    assert!(said(&effects).contains(phrases::EMERGENCY_REFUSED));
    let effects = call.give(Input::SpeechEnded);
    assert_eq!(effects, [Effect::HangUp, Effect::End(CallOutcome::BestEffort)]);
}

#[test]
fn a_caller_who_leaves_at_the_menu_ends_the_call() {
    let (mut call, _) = Call::at(menu(b'1', "agent"), &[], true);
    assert_eq!(call.give(Input::CallerGone), [Effect::End(CallOutcome::Abandoned)]);
}

#[test]
fn an_unpublished_agent_takes_the_case_after_the_menu() {
    let (mut call, _) = Call::at(menu(b'1', "agent"), &[], false);
    assert!(said(&call.give(Input::Key(b'1'))).contains(phrases::ASK_NAME));
}
