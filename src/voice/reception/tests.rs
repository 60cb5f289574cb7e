use proptest::prelude::*;

use super::*;
use crate::domain::dialplan::Place;
use crate::domain::dialplan::plan::{NamedAction, SoundFile};

fn to(name: &str) -> ActionRef {
    ActionRef { name: name.into(), place: Place::default() }
}

fn says(text: &str, then: &str) -> Action {
    Action::Announce { prompt: Prompt::Text(text.into()), then: to(then) }
}

fn menu(keys: &[(u8, &str)], otherwise: &str) -> Action {
    Action::Menu(Menu {
        prompt: Prompt::Text("For sales, press 1. For anything else, press 2.".into()),
        keys: keys.iter().map(|(key, name)| (*key, to(name))).collect(),
        tries: 2,
        timeout_seconds: 5,
        otherwise: to(otherwise),
    })
}

struct Bench {
    now: Instant,
    reception: Reception,
}

impl Bench {
    /// Begins with the action "first".
    fn with(actions: &[(&str, Action)]) -> Bench {
        let now = Instant::now();
        let named = |action: &Action| NamedAction { place: Place::default(), action: action.clone() };
        let actions = actions.iter().map(|(name, action)| ((*name).to_owned(), named(action))).collect();
        let plan = Arc::new(Plan { actions, ..Plan::default() });
        let first = plan.action("first").unwrap();
        Bench { now, reception: Reception::begin(now, plan, first) }
    }

    fn orders(&mut self) -> Vec<Order> {
        std::iter::from_fn(|| self.reception.poll_order()).collect()
    }

    fn after(&mut self, input: ReceptionInput) -> Vec<Order> {
        self.reception.handle(self.now, input);
        self.orders()
    }

    /// Lets the time pass that is waited for.
    fn waited(&mut self) -> Vec<Order> {
        self.now = self.reception.poll_timeout().expect("something is waited for");
        self.reception.handle_timeout(self.now);
        self.orders()
    }
}

fn choice() -> Order {
    Order::Say(vec!["For sales, press 1.".into(), "For anything else, press 2.".into()])
}

fn choice_after(lead: &str) -> Order {
    let Order::Say(words) = choice() else { unreachable!("it is said") };
    Order::Say([vec![lead.to_owned()], words].concat())
}

/// R10: keys act at once, also during the prompt.
#[test]
fn a_key_leads_on_while_the_choice_is_still_being_said() {
    let mut bench = Bench::with(&[
        ("first", menu(&[(b'1', "agent"), (b'2', "note")], "agent")),
        ("note", says("Wait.", "callback")),
    ]);
    assert_eq!(bench.orders(), [choice()]);
    assert_eq!(bench.after(ReceptionInput::Key(b'2')), [Order::Say(vec!["Wait.".into()])]);
    assert_eq!(bench.after(ReceptionInput::SpeechEnded), [Order::TakeDetails]);
    assert!(bench.reception.is_done() && bench.reception.poll_timeout().is_none());
}

#[test]
fn who_presses_nothing_is_asked_again_and_then_goes_on() {
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "agent"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::SpeechEnded), []);
    assert_eq!(bench.waited(), [choice()]);
    bench.after(ReceptionInput::SpeechEnded);
    assert_eq!(bench.waited(), [Order::Agent]);
}

#[test]
fn a_key_that_is_not_offered_is_told_as_often_as_there_are_tries() {
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "voicemail"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::Key(b'7')), [choice_after(phrases::KEY_NOT_OFFERED)]);
    assert_eq!(bench.after(ReceptionInput::Key(b'#')), [Order::TakeMessage]);
}

/// R58: zero reaches help anywhere, unless the menu has another use for it.
#[test]
fn zero_is_help_in_a_menu_and_during_a_prompt() {
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "voicemail"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::Key(b'0')), [Order::Help]);
    let mut bench = Bench::with(&[("first", says("We are closed.", "hang_up"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::Key(b'0')), [Order::Help]);
    let mut bench = Bench::with(&[("first", menu(&[(b'0', "callback")], "agent"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::Key(b'0')), [Order::TakeDetails]);
}

#[test]
fn words_at_a_menu_reach_the_agent_where_it_is_the_way_out() {
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "agent"))]);
    bench.orders();
    bench.after(ReceptionInput::CallerSpeaks);
    assert_eq!(bench.after(ReceptionInput::Heard), [Order::Agent]);
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "voicemail"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::Heard), [choice_after(phrases::CHOOSE_BY_KEYS)]);
}

/// P2: a noise that silenced the prompt strands nobody.
#[test]
fn after_a_noise_the_call_goes_on_by_itself() {
    let mut bench = Bench::with(&[("first", says("We are closed today.", "agent"))]);
    bench.orders();
    bench.after(ReceptionInput::CallerSpeaks);
    bench.after(ReceptionInput::NothingSaid);
    assert_eq!(bench.waited(), [Order::Agent]);
    let mut bench = Bench::with(&[("first", menu(&[(b'1', "callback")], "agent"))]);
    bench.orders();
    bench.after(ReceptionInput::CallerSpeaks);
    assert_eq!(bench.after(ReceptionInput::NothingSaid), []);
    assert_eq!(bench.waited(), [choice()]);
}

#[test]
fn a_sound_file_is_played_in_place_of_words() {
    let file = Prompt::File(SoundFile { name: "closed.wav".into(), place: Place::default() });
    let mut bench = Bench::with(&[("first", Action::Announce { prompt: file, then: to("hang_up") })]);
    assert_eq!(bench.orders(), [Order::Play("closed.wav".into())]);
    assert_eq!(bench.after(ReceptionInput::SpeechEnded), [Order::Leave(vec![phrases::GOODBYE.into()])]);
}

/// R57.
#[test]
fn an_emergency_number_that_cannot_be_reached_is_told_twice() {
    let mut bench = Bench::with(&[("first", Action::Emergency { say: None })]);
    assert_eq!(bench.orders(), [Order::Leave(vec![phrases::EMERGENCY_REFUSED.into(); 2])]);
}

#[test]
fn when_nobody_came_the_plan_goes_on() {
    let ring = Ring { steps: vec![Vec::new()], ring_seconds: 18, then: to("callback") };
    let mut bench = Bench::with(&[("first", Action::Ring(ring.clone()))]);
    assert_eq!(bench.orders(), [Order::Ring(ring)]);
    assert!(bench.reception.is_elsewhere());
    assert_eq!(bench.after(ReceptionInput::NobodyCame), [Order::TakeDetails]);
}

#[test]
fn what_the_plan_does_not_have_is_the_agent() {
    let mut bench = Bench::with(&[("first", says("One moment.", "gone"))]);
    bench.orders();
    assert_eq!(bench.after(ReceptionInput::SpeechEnded), [Order::Agent]);
}

fn some_input() -> impl Strategy<Value = Option<ReceptionInput>> {
    prop_oneof![
        "[0-9*#]".prop_map(|key| Some(ReceptionInput::Key(key.as_bytes()[0]))),
        Just(Some(ReceptionInput::SpeechEnded)),
        Just(Some(ReceptionInput::CallerSpeaks)),
        Just(Some(ReceptionInput::NothingSaid)),
        Just(Some(ReceptionInput::Heard)),
        Just(Some(ReceptionInput::NobodyCame)),
        Just(None),
    ]
}

proptest! {
    /// Whatever happens, either something is waited for or the call is somebody else's; and it ends there.
    #[test]
    fn nobody_is_stranded_and_every_call_is_handed_on(
        inputs in prop::collection::vec(some_input(), 0..60), target in "first|second|agent|hang_up|nowhere",
    ) {
        let round = menu(&[(b'1', "second"), (b'2', target.as_str())], "second");
        let mut bench = Bench::with(&[("first", round), ("second", says("Hello.", &target))]);
        let mut handed_on = 0;
        let is_last = |order: &Order| !matches!(order, Order::Say(_) | Order::Play(_) | Order::Ring(_));
        handed_on += bench.orders().iter().filter(|order| is_last(order)).count();
        for input in inputs {
            let orders = match input {
                Some(input) => bench.after(input),
                None if bench.reception.poll_timeout().is_some() => bench.waited(),
                None => Vec::new(),
            };
            handed_on += orders.iter().filter(|order| is_last(order)).count();
            prop_assert!(bench.reception.poll_timeout().is_some() != bench.reception.is_done());
        }
        // Left to itself it ends.
        for _ in 0..200 {
            if bench.reception.is_done() {
                break;
            }
            handed_on += bench.waited().iter().filter(|order| is_last(order)).count();
        }
        prop_assert!(bench.reception.is_done());
        prop_assert_eq!(handed_on, 1);
    }
}

fn queue() -> Queue {
    Queue {
        name: "sales".into(),
        targets: Vec::new(),
        ring_seconds: 18,
        callers_max: 5,
        wait_seconds_max: 120,
        music: None,
        then: to("voicemail"),
    }
}

fn waiting() -> Bench {
    let mut bench = Bench::with(&[("first", Action::Queue(queue()))]);
    assert_eq!(bench.orders(), [Order::Join(queue())]);
    bench
}

#[test]
fn a_waiting_caller_is_told_the_place_and_the_wait_with_music_between() {
    let mut bench = waiting();
    let minutes = Some(Duration::from_secs(170));
    let told = bench.after(ReceptionInput::Place(3, minutes));
    let Some(Order::Say(words)) = told.first() else { panic!("{told:?}") };
    assert_eq!(words[..2], ["There are 2 callers before you.", "The wait is about 3 minutes."]);
    assert_eq!(bench.after(ReceptionInput::SpeechEnded), [Order::HoldTone]);
    assert_eq!(bench.waited(), [Order::AskPlace]);
    assert_eq!(bench.after(ReceptionInput::Place(3, minutes)), [], "nothing is new");
    bench.now += TELL_NEWS_EVERY;
    assert_eq!(bench.after(ReceptionInput::Place(2, None)).len(), 1, "one caller less");
}

#[test]
fn whoever_is_next_has_the_people_rung_again_and_again_until_the_wait_is_over() {
    let mut bench = waiting();
    let ring = Ring { steps: vec![Vec::new()], ring_seconds: 18, then: to("voicemail") };
    assert_eq!(bench.after(ReceptionInput::Place(1, None)), [Order::Ring(ring.clone())]);
    assert_eq!(bench.after(ReceptionInput::Place(1, None)), [], "they ring already");
    assert!(matches!(bench.after(ReceptionInput::NobodyCame).as_slice(), [Order::Say(_)]));
    assert_eq!(bench.after(ReceptionInput::Place(1, None)), [], "telephones have a pause");
    bench.now += RING_PAUSE;
    assert_eq!(bench.after(ReceptionInput::Place(1, None)), [Order::Ring(ring)]);
    bench.now += Duration::from_secs(120);
    bench.after(ReceptionInput::NobodyCame);
    assert_eq!(bench.waited(), [Order::LeaveQueue, Order::TakeMessage]);
}

#[test]
fn the_hash_key_is_a_callback_and_zero_is_help_while_waiting() {
    let mut bench = waiting();
    assert_eq!(bench.after(ReceptionInput::Key(b'#')), [Order::LeaveQueue, Order::TakeDetails]);
    let mut bench = waiting();
    assert_eq!(bench.after(ReceptionInput::Key(b'0')), [Order::LeaveQueue, Order::Help]);
}

#[test]
fn a_full_queue_takes_nobody() {
    let mut bench = waiting();
    assert_eq!(bench.after(ReceptionInput::Full), [Order::TakeMessage]);
}
