use proptest::prelude::*;

use super::plan::{Block, Menu, Named, NamedAction, NamedHours, Prompt};
use super::*;
use crate::domain::schedule::{ScheduleText, local_moment};
use crate::domain::time::EpochMs;

const HOME: Option<&str> = Some("DE");

fn place() -> Place {
    Place { file: "plan.toml".into(), line: 1 }
}

fn to(name: &str) -> ActionRef {
    ActionRef { name: name.into(), place: place() }
}

fn named(names: &[&str]) -> Vec<Named> {
    names.iter().map(|name| Named { name: (*name).into(), place: place() }).collect()
}

fn route(name: &str, action: &str) -> Route {
    Route {
        name: name.into(),
        place: place(),
        called: Vec::new(),
        callers: Vec::new(),
        trunks: Vec::new(),
        headers: Vec::new(),
        when: Vec::new(),
        not_when: Vec::new(),
        holiday_of: Vec::new(),
        to: to(action),
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::read(text, HOME).unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn hours(zone: &str, hours: &[&str], closed: &[&str]) -> NamedHours {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let text = ScheduleText { time_zone: zone.into(), hours: lines(hours), closed: lines(closed), open: Vec::new() };
    NamedHours { place: place(), schedule: text.try_into().unwrap() }
}

fn call(from: Option<&str>, to: &str) -> CallFacts {
    CallFacts {
        called: Address::read(to, HOME),
        caller: from.map(|from| Address::read(from, HOME)),
        trunk: "carrier".into(),
        ..CallFacts::default()
    }
}

fn at(local: &str, zone: &str) -> EpochMs {
    local_moment(local, zone).unwrap().unwrap()
}

fn taken(plan: &Plan, facts: &CallFacts) -> String {
    plan.route(facts, EpochMs(0)).route.map_or("default".into(), |(name, _)| name)
}

/// R2, R49: numbers are compared as E.164, however they are written.
#[test]
fn a_number_fits_however_it_is_written() {
    let table: &[(&str, &str, bool)] = &[
        ("+4930901820", "sip:030901820@carrier.example", true),
        ("030 90 18 20", "+4930901820", true),
        ("0049 30 901820", "sip:+4930901820@10.0.0.1:5080;user=phone", true),
        ("+4930901820", "+4930901821", false),
        ("+4930*", "030901820", true),
        ("+49 (30) *", "030901820", true),
        ("+4930*", "+4989123456", false),
        ("+4930*", "sip:4930@host", false),
        ("sip:support@pbx.example", "sip:support@PBX.example:5060", true),
        ("sip:support@pbx.example", "sip:support@other.example", false),
        ("sip:*@pbx.example", "sip:anybody@pbx.example;transport=tcp", true),
        ("sip:support@*", "sip:support@192.0.2.1", true),
        ("support", "sip:support@192.0.2.1", true),
        ("support", "sip:sales@192.0.2.1", false),
        ("112", "sip:112@192.0.2.1", true),
        ("*", "sip:anything@anywhere", true),
        ("anonymous", "sip:support@192.0.2.1", false),
    ];
    for (pattern, address, fits) in table {
        let read = Pattern::read(pattern, HOME).unwrap();
        assert_eq!(read.fits(Some(&Address::read(address, HOME))), *fits, "{pattern} and {address}");
    }
    assert!(Pattern::read("anonymous", None).unwrap().fits(None));
    assert!(Pattern::read("*", None).unwrap().fits(None));
    assert!(!Pattern::read("+4930*", None).unwrap().fits(None));
}

#[test]
fn what_names_nobody_is_refused() {
    for text in
        ["", "0*", "030*", "+*", "+49*30", "sip:", "sip:a", "sip:a b@c", "sip:@host", "one two", "03012345678901"]
    {
        assert!(Pattern::read(text, None).is_err(), "{text:?}");
    }
}

#[test]
fn the_first_route_that_fits_wins_and_the_others_say_why_not() {
    let mut plan = Plan::default();
    let called = patterns(&["+4930901820"]);
    plan.routes = vec![
        Route { trunks: named(&["other"]), ..route("by trunk", "hang_up") },
        Route { called: patterns(&["+4989*"]), ..route("munich", "voicemail") },
        Route { called: called.clone(), callers: patterns(&["anonymous"]), ..route("withheld", "callback") },
        Route { called, ..route("berlin", "voicemail") },
        route("rest", "agent"),
    ];
    let decision = plan.route(&call(Some("+4930123456"), "+4930901820"), EpochMs(0));
    assert_eq!(decision.name, "voicemail");
    let why: Vec<(&str, bool)> = decision.why.iter().map(|step| (step.what.as_str(), step.fits)).collect();
    assert_eq!(why, [("by trunk", false), ("munich", false), ("withheld", false), ("berlin", true)]);
    assert_eq!(decision.why[0].because, "it came by carrier, not by other");
    assert!(decision.why[1].because.contains("+4989*") && decision.why[2].because.contains("+4930123456"));
    assert_eq!(taken(&plan, &call(None, "+4930901820")), "withheld");
    assert_eq!(taken(&plan, &call(None, "sip:x@y")), "rest");
}

#[test]
fn without_a_route_that_fits_the_agent_answers_and_it_is_said() {
    let plan = Plan { routes: vec![Route { trunks: named(&["x"]), ..route("x", "hang_up") }], ..Plan::default() };
    let decision = plan.route(&call(None, "support"), EpochMs(0));
    assert!(decision.route.is_none() && decision.action == Action::Agent { agent: None });
    assert_eq!(decision.why.last().unwrap().because, "no route fits, so the agent answers");
}

#[test]
fn headers_are_compared_whole_or_in_part() {
    use super::matching::{HeaderTest, HeaderValue};
    let test = |value: HeaderValue| HeaderTest { name: "X-Department".into(), value, place: place() };
    let headers = [("x-department".to_owned(), " Accounts ".to_owned()), ("Other".into(), "billing".into())];
    assert!(test(HeaderValue::Equals("accounts".into())).fits(&headers));
    assert!(!test(HeaderValue::Equals("account".into())).fits(&headers));
    assert!(test(HeaderValue::Contains("COUNT".into())).fits(&headers));
    assert!(!test(HeaderValue::Contains("billing".into())).fits(&headers));
}

/// Hours, holidays, zones, past midnight and the change of the clocks.
#[test]
fn time_decides_as_it_is_meant_where_the_office_is() {
    let mut plan = Plan::default();
    plan.hours.insert("office".into(), hours("Europe/Berlin", &["Mon-Fri 09:00-17:00"], &["2026-12-24..2026-12-26"]));
    plan.hours.insert("bar".into(), hours("Europe/Berlin", &["Fri-Sat 20:00-02:00"], &["2026-12-31"]));
    plan.hours.insert("york".into(), hours("America/New_York", &["Mon-Fri 09:00-17:00"], &[]));
    plan.routes = vec![
        Route { holiday_of: named(&["office"]), ..route("holiday", "hang_up") },
        Route { when: named(&["office"]), ..route("office", "agent") },
        Route { when: named(&["bar"]), ..route("bar", "agent") },
        Route { not_when: named(&["york"]), ..route("both shut", "voicemail") },
        route("york", "agent"),
    ];
    let table = [
        ("2026-11-20T09:00", "Europe/Berlin", "office"),
        ("2026-11-20T16:59", "Europe/Berlin", "office"),
        ("2026-11-20T17:00", "Europe/Berlin", "york"),
        ("2026-11-20T09:00", "America/New_York", "office"),
        ("2026-11-20T12:00", "America/New_York", "york"),
        ("2026-12-25T10:00", "Europe/Berlin", "holiday"),
        ("2026-12-23T10:00", "Europe/Berlin", "office"),
        ("2026-11-21T01:59", "Europe/Berlin", "bar"),
        ("2026-11-21T02:00", "Europe/Berlin", "both shut"),
        ("2026-11-22T12:00", "Europe/Berlin", "both shut"),
        // Clocks go back on 25 October 2026: eight o'clock in UTC is nine in Berlin from then on, and was ten before.
        ("2026-10-23T07:30:00Z", "UTC", "office"),
        ("2026-10-26T07:30:00Z", "UTC", "both shut"),
        ("2026-10-26T08:00:00Z", "UTC", "office"),
        // And forward on 29 March 2026; the bar's night of Saturday is an hour shorter.
        ("2026-03-28T23:30:00Z", "UTC", "bar"),
        ("2026-03-29T01:30:00Z", "UTC", "both shut"),
    ];
    for (local, zone, expected) in table {
        let decision = plan.route(&call(None, "support"), at(local, zone));
        let name = decision.route.map(|(name, _)| name);
        assert_eq!(name.as_deref(), Some(expected), "{local} {zone}: {:?}", decision.why);
    }
}

/// R52.
#[test]
fn blocked_callers_are_refused_before_any_route() {
    let block = Block { callers: patterns(&["+4930555*", "anonymous"]), code: 486, reason: "Busy Here".into() };
    let plan = Plan { block, routes: vec![route("all", "agent")], ..Plan::default() };
    for caller in [Some("+4930555123"), None] {
        let decision = plan.route(&call(caller, "support"), EpochMs(0));
        assert_eq!(decision.action, Action::Reject { code: 486, reason: "Busy Here".into() });
    }
    assert_eq!(taken(&plan, &call(Some("+4930123456"), "support")), "all");
}

/// R55.
#[test]
fn calls_of_our_own_making_are_told_that_we_are_busy() {
    let plan = Plan { routes: vec![route("all", "agent")], ..Plan::default() };
    let decision = plan.route(&CallFacts { from_ourselves: true, ..call(None, "support") }, EpochMs(0));
    assert!(matches!(decision.action, Action::Reject { code: 486, .. }), "{:?}", decision.action);
}

/// R57: whatever the routes say; and only for telephones of our own.
#[test]
fn emergency_numbers_of_our_own_telephones_go_before_everything() {
    let mut plan = Plan { routes: vec![route("all", "hang_up")], ..Plan::default() };
    plan.emergency.numbers = vec!["110".into()];
    plan.block.callers = patterns(&["*"]);
    for number in ["112", "911", "110"] {
        let facts = CallFacts { own_phone: true, ..call(Some("desk"), &format!("sip:{number}@192.0.2.1")) };
        let decision = plan.route(&facts, EpochMs(0));
        assert!(matches!(decision.action, Action::Emergency { .. }), "{number}: {:?}", decision.action);
        let facts = CallFacts { own_phone: false, ..facts };
        assert!(matches!(plan.route(&facts, EpochMs(0)).action, Action::Reject { .. }), "a trunk's caller");
    }
    plan.block = Block::default();
    assert_eq!(taken(&plan, &CallFacts { own_phone: true, ..call(None, "113") }), "all");
}

fn action(action: Action) -> NamedAction {
    NamedAction { place: place(), action }
}

fn says(then: &str) -> NamedAction {
    action(Action::Announce { prompt: Prompt::Text("Hello.".into()), then: to(then) })
}

fn menu(keys: &[(u8, &str)], otherwise: &str) -> NamedAction {
    action(Action::Menu(Menu {
        prompt: Prompt::Text("Press a key.".into()),
        keys: keys.iter().map(|(key, name)| (*key, to(name))).collect(),
        tries: 2,
        timeout_seconds: 5,
        otherwise: to(otherwise),
    }))
}

fn problems(actions: Vec<(&str, NamedAction)>) -> Vec<String> {
    let plan = Plan {
        routes: vec![route("all", "a")],
        actions: actions.into_iter().map(|(name, action)| (name.to_owned(), action)).collect(),
        ..Plan::default()
    };
    let around = check::Surroundings {
        ways_in: vec!["carrier".into()],
        agents: vec!["Acorn".into()],
        people: Vec::new(),
        rotas: Vec::new(),
        may_ring: &|_, _| Ok(()),
    };
    check::findings(&plan, &around).problems.into_iter().map(|problem| problem.what).collect()
}

#[test]
fn actions_that_go_round_by_themselves_are_found() {
    assert_eq!(problems(vec![("a", says("b")), ("b", says("a"))]), ["a → b → a goes round for ever"]);
    assert_eq!(problems(vec![("a", says("a"))]), ["a → a goes round for ever"]);
    assert_eq!(
        problems(vec![("a", menu(&[(b'1', "agent")], "b")), ("b", says("c")), ("c", menu(&[(b'1', "a")], "b"))]),
        ["b → c → b goes round for ever"]
    );
}

#[test]
fn a_key_may_lead_back_to_an_earlier_menu() {
    let back = vec![("a", menu(&[(b'1', "b")], "agent")), ("b", menu(&[(b'9', "a")], "agent"))];
    assert_eq!(problems(back), Vec::<String>::new());
}

#[test]
fn what_is_not_there_or_comes_too_late_is_told() {
    assert_eq!(problems(vec![("a", says("nowhere"))]), ["there is no action \"nowhere\""]);
    assert_eq!(problems(vec![("a", says("reject"))]), ["\"reject\" refuses a call that is answered by then"]);
    assert_eq!(problems(vec![("a", says("agent")), ("agent", says("a"))]).len(), 2, "built in, and it goes round");
    let other = action(Action::Agent { agent: named(&["Birch"]).pop() });
    assert_eq!(problems(vec![("a", other)]), ["there is no agent \"Birch\""]);
}

prop_compose! {
    fn some_plan()(
        routes in prop::collection::vec(
            (prop::option::of("[+*a-z0-9@:.]{1,12}"), prop::bool::ANY, "[a-d]|agent|reject|voicemail"), 0..8),
        targets in prop::collection::vec("[a-d]|agent", 0..4),
        blocked in prop::option::of("[+*0-9]{1,8}"),
    ) -> Plan {
        let mut plan = Plan::default();
        plan.hours.insert("office".into(), hours("Europe/Berlin", &["Mon-Fri 09:00-17:00"], &[]));
        plan.routes = routes.into_iter().enumerate().map(|(index, (called, timed, target))| Route {
            called: called.iter().filter_map(|text| Pattern::read(text, HOME).ok()).collect(),
            when: if timed { named(&["office"]) } else { Vec::new() },
            ..route(&format!("r{index}"), &target)
        }).collect();
        for (index, target) in targets.iter().enumerate() {
            plan.actions.insert(["a", "b", "c", "d"][index].into(), says(target));
        }
        plan.block.callers.extend(blocked.and_then(|text| Pattern::read(&text, HOME).ok()));
        plan
    }
}

proptest! {
    #[test]
    fn every_call_is_decided_and_the_last_step_says_why(
        plan in some_plan(), from in prop::option::of(".{0,20}"), called in ".{0,20}", moment in any::<i64>(),
        own_phone in any::<bool>(),
    ) {
        let facts = CallFacts { own_phone, ..call(from.as_deref(), &called) };
        let decision = plan.route(&facts, EpochMs(moment));
        prop_assert!(decision.why.last().is_some_and(|step| step.fits && !step.because.is_empty()));
        prop_assert!(decision.why.iter().rev().skip(1).all(|step| !step.fits));
        prop_assert_eq!(plan.route(&facts, EpochMs(moment)).why, decision.why);
    }

    #[test]
    fn no_text_panics_as_a_condition_or_an_address(text in ".{0,40}", home in prop::option::of("[A-Z]{2}|DE|US")) {
        let address = Address::read(&text, home.as_deref());
        if let Ok(pattern) = Pattern::read(&text, home.as_deref()) {
            let again = Pattern::read(&pattern.to_string(), home.as_deref());
            prop_assert!(again == Ok(pattern.clone()), "{} is read as it is written", pattern);
            pattern.fits(Some(&address));
        }
    }
}
