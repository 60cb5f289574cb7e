use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::dialplan::{Address, CallFacts};
use crate::domain::escalation_check::Facts;
use crate::domain::schedule::local_moment;

/// What surrounds a plan in a house with one trunk and one telephone.
fn loaded(folder: &Path) -> Result<Loaded, DialplanError> {
    let own_numbers = vec![crate::domain::phone_number::PhoneNumber::parse("+4930901899", None).unwrap()];
    let facts = Facts { own_numbers, emergency_number: "112".into(), takes_calls: true, ..Facts::default() };
    let around = Surroundings {
        ways_in: ["carrier", "desk", "loopback"].map(str::to_owned).into(),
        agents: vec!["Acorn".into()],
        people: vec!["anna".into()],
        rotas: vec!["night".into()],
        may_ring: &|target, home| {
            let facts = Facts { home_country: home.map(str::to_owned), ..facts.clone() };
            facts.refuses(target, &[]).map_or(Ok(()), Err)
        },
    };
    load(folder, None, &around)
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn told(files: &[(&str, &str)]) -> Vec<String> {
    match loaded(folder(files).path()) {
        Ok(_) => Vec::new(),
        Err(DialplanError::Wrong(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_problem_is_told_at_once_with_file_line_and_what_is_allowed() {
    let text = r#"
[hours.office]
time_zone = "Berlin"

[[route]]
whn = "office"
called = ["+49*9", "support"]
to = "sales"

[action.sell]
do = "sing"

[action.ring]
do = "ring"
how = "together"
targets = [
    "+4930901899",
    "+33142685300",
    "sip:112@192.0.2.1",
    "person:bob",
    "nobody",
]
ring_seconds = 1
"#;
    let told = told(&[("a.toml", text)]);
    let expected = [
        (3, "\"Berlin\" is no time zone", "Europe/Berlin"),
        (6, "has no key \"whn\"", "not_when"),
        (7, "\"+49*9\" names nobody", "+4930*"),
        (8, "there is no action \"sales\"", "known are ring, agent, voicemail"),
        (11, "as \"sing\"", "\"menu\""),
        (17, "one of our own numbers", "name the number of a person"),
        (18, "outside the countries", "allowed_prefixes"),
        (19, "emergency number", "name a person"),
        (20, "no person \"bob\"", "known are anna"),
        (21, "\"nobody\" names nobody", "rota:ID"),
        (23, "ring_seconds is no such number", "from 5 to 120"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for ((line, what, allowed), told) in expected.iter().zip(&told) {
        assert!(told.starts_with(&format!("a.toml:{line}: ")), "{told} at {line}");
        let (wrong, remedy) = told.split_once("; ").unwrap();
        assert!(wrong.contains(what) && remedy.contains(allowed), "{told}");
    }
}

#[test]
fn text_that_is_not_toml_is_told_with_its_line() {
    let told = told(&[("a.toml", "home_country = \"DE\"\n[[route]\nto = 1\n")]);
    assert!(told[0].starts_with("a.toml:2: "), "{told:?}");
}

#[test]
fn files_are_joined_in_the_order_of_their_names() {
    let folder = folder(&[
        ("20-rest.toml", "[[route]]\nname = \"rest\"\nto = \"hello\"\n"),
        (
            "10-first.toml",
            "[[route]]\nname = \"first\"\ncalled = \"vip\"\nto = \"hello\"\n[block]\ncallers = [\"a\"]\n",
        ),
        ("actions.toml", "[block]\ncallers = [\"b\"]\n[action.hello]\ndo = \"prompt\"\nsay = \"Hello.\"\n"),
        ("notes.txt", "not a plan"),
    ]);
    let loaded = loaded(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = loaded.plan.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!((names, loaded.files), (vec!["first", "rest"], 3));
    assert_eq!(loaded.plan.block.callers.len(), 2);
    assert_eq!(loaded.plan.routes[1].to.place.to_string(), "20-rest.toml:3");
}

#[test]
fn a_name_that_is_given_twice_is_told_with_both_places() {
    let action = "[action.hello]\ndo = \"callback\"\n";
    let route = "[[route]]\nname = \"all\"\nto = \"hello\"\n";
    let told = told(&[("a.toml", &format!("{route}{action}")), ("b.toml", &format!("\n{route}{action}"))]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("b.toml:2: ") && told[0].contains("a.toml:1"), "{told:?}");
    assert!(told[1].starts_with("b.toml:5: ") && told[1].contains("a.toml:4"), "{told:?}");
}

#[test]
fn what_cannot_be_a_menu_a_sound_or_a_refusal_is_told() {
    let menu = "[[route]]\nto = \"m\"\n[action.m]\ndo = \"menu\"\n";
    let cases = [
        (format!("{menu}keys = {{ 1 = \"agent\" }}\n"), "the menu says nothing"),
        (format!("{menu}say = \"Hi\"\n"), "the menu offers no key"),
        (format!("{menu}say = \"Hi\"\nkeys = {{ 12 = \"agent\" }}\n"), "\"12\" is no key"),
        (format!("{menu}say = \"Hi\"\nkeys = {{ 1 = \"agent\" }}\ntries = 9\n"), "tries is no such number"),
        (format!("{menu}file = \"../secret.wav\"\nkeys = {{ 1 = \"agent\" }}\n"), "no sound file of this folder"),
        (format!("{menu}file = \"none.wav\"\nkeys = {{ 1 = \"agent\" }}\n"), "none.wav cannot be played"),
        ("[[route]]\nto = \"r\"\n[action.r]\ndo = \"reject\"\ncode = 200\n".into(), "code is no such number"),
        ("[block]\nreason = \"a\\r\\nEvil: b\"\n".into(), "the reason cannot be sent"),
        ("[[route]]\n".into(), "[[route]] lacks to"),
        ("route = 3\n".into(), "route is a number, not a section"),
        ("[emergency]\ntrunk = \"carrier\"\n".into(), "[emergency] has no key \"trunk\""),
        ("[emergency]\nnumbers = [\"+49112\"]\n".into(), "no emergency number"),
    ];
    for (text, expected) in cases {
        let told = told(&[("a.toml", &text)]);
        assert!(told.iter().any(|told| told.contains(expected)), "{text}: {told:?}");
    }
}

#[test]
fn a_sound_file_is_brought_to_the_engines_rate() {
    let folder = folder(&[(
        "a.toml",
        "[[route]]\nto = \"hello\"\n[action.hello]\ndo = \"prompt\"\nfile = \"hello.wav\"\nthen = \"hang_up\"\n",
    )]);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(folder.path().join("hello.wav"), spec).unwrap();
    for _ in 0..8_000 {
        writer.write_sample(1_000i16).unwrap();
    }
    writer.finalize().unwrap();
    let loaded = loaded(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let samples = loaded.sounds["hello.wav"].len();
    assert!((15_000..=17_000).contains(&samples), "one second at 16 kHz, not {samples}");
}

#[test]
fn a_missing_folder_says_what_to_name() {
    let Err(error) = loaded(Path::new("/nonexistent/plans")) else { panic!("there is no such folder") };
    assert!(error.to_string().contains("name a folder"));
}

#[test]
fn a_changed_file_is_seen() {
    let folder = folder(&[("a.toml", "")]);
    let before = fingerprint(folder.path());
    fs::write(folder.path().join("a.toml"), "home_country = \"DE\"\n").unwrap();
    assert_ne!(fingerprint(folder.path()), before);
}

fn example(name: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialplans/examples").join(name);
    fs::copy(shipped, folder.path().join(name)).unwrap();
    loaded(folder.path()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Time, caller, called, header, and the route that is taken.
type Try<'a> = (&'a str, Option<&'a str>, &'a str, &'a str, &'a str);

fn assert_tries(name: &str, zone: &str, home: &str, tries: &[Try<'_>]) {
    let plan = example(name).plan;
    for (local, from, to, department, expected) in tries {
        let facts = CallFacts {
            called: Address::read(to, Some(home)),
            caller: from.map(|from| Address::read(from, Some(home))),
            headers: vec![("X-Department".into(), (*department).into())],
            ..CallFacts::default()
        };
        let decision = plan.route(&facts, local_moment(local, zone).unwrap().unwrap());
        let taken = decision.route.map_or(decision.name, |(name, _)| name);
        assert_eq!(taken, *expected, "{name}: {local} from {from:?} to {to}: {:?}", decision.why);
    }
}

#[test]
fn the_small_business_has_hours_holidays_and_a_block_list() {
    let number = "+4930901820";
    assert_tries(
        "small-business.toml",
        "Europe/Berlin",
        "DE",
        &[
            ("2026-11-20T10:00", Some("030123456"), number, "", "open"),
            ("2026-11-21T12:00", Some("030123456"), number, "", "open"),
            ("2026-11-21T14:00", Some("030123456"), number, "", "closed"),
            ("2026-12-25T10:00", Some("030123456"), number, "", "holidays"),
            ("2027-01-01T03:00", None, number, "", "holidays"),
            ("2026-11-20T10:00", Some("+4930555123"), number, "", "block"),
        ],
    );
}

#[test]
fn out_of_hours_knows_the_day_the_late_shift_and_the_night() {
    assert_tries(
        "out-of-hours.toml",
        "Europe/London",
        "GB",
        &[
            ("2026-11-20T10:00", None, "support", "", "day"),
            ("2026-11-20T19:00", None, "support", "", "late"),
            ("2026-11-21T01:30", None, "support", "", "late"),
            ("2026-11-21T02:30", None, "support", "", "night"),
            ("2026-12-25T10:00", None, "support", "", "night"),
            ("2026-11-23T03:00", None, "support", "", "night"),
        ],
    );
}

#[test]
fn several_sites_are_told_apart_by_number_zone_header_and_caller() {
    assert_tries(
        "several-sites.toml",
        "Europe/Berlin",
        "DE",
        &[
            ("2026-11-20T09:30", Some("+4930123456"), "030901820", "", "berlin"),
            ("2026-11-20T09:30", Some("+4930123456"), "+49309018217", "", "berlin"),
            ("2026-11-20T09:30", Some("+4930123456"), "+442079460018", "", "everything-else"),
            ("2026-11-20T10:30", Some("+4930123456"), "+442079460018", "", "london"),
            ("2026-11-20T14:30", Some("+4930123456"), "+12125550123", "", "everything-else"),
            ("2026-11-20T16:00", Some("+4930123456"), "+12125550123", "", "new-york"),
            ("2026-11-26T16:00", Some("+4930123456"), "+12125550123", "", "everything-else"),
            ("2026-11-21T16:00", Some("+4989123456"), "030901820", "", "partners"),
            ("2026-11-21T16:00", Some("sip:kim@partner.example"), "030901820", "", "partners"),
            ("2026-11-21T03:00", None, "030901820", "", "anonymous-at-night"),
            ("2026-11-20T16:00", None, "support", "", "everything-else"),
            ("2026-11-21T16:00", Some("+4930123456"), "030901820", "Billing, late", "accounts"),
            ("2026-11-20T09:30", Some("sip:x@scanner.example"), "030901820", "accounts", "block"),
        ],
    );
}

/// Lines of plans and of nonsense, mixed.
fn some_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("[[route]]".to_owned()),
        Just("[action.a]".to_owned()),
        Just("[hours.office]".to_owned()),
        Just("[block]".to_owned()),
        Just("[emergency]".to_owned()),
        "(to|do|say|then|when|called|caller|time_zone|hours|keys|targets|code|trunk|header|tries) = \"[a-z+*0-9: -]{0,12}\"",
        "(to|do|hours|keys|targets|callers|code|header|numbers) = (\\[\"[a-z+0-9:]{0,9}\"\\]|\\{ [a-z0-9]{1,4} = \"a\" \\}|[0-9]{1,20}|true)",
        ".{0,30}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_text_is_a_plan_or_is_told_with_a_line_of_it(text in some_text()) {
        let mut plan = Plan::default();
        let lines = text.matches('\n').count() + 1;
        for problem in read("a.toml", &text, Some("DE"), &mut plan) {
            prop_assert!((1..=lines).contains(&problem.place.line), "{}", problem);
            prop_assert!(!problem.what.is_empty() && !problem.allowed.is_empty());
        }
        let facts = CallFacts { called: Address::read("support", None), ..CallFacts::default() };
        prop_assert!(!plan.route(&facts, crate::domain::time::EpochMs(0)).why.is_empty());
    }
}
