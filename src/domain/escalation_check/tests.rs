use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn facts() -> Facts {
    Facts {
        own_numbers: vec![PhoneNumber::parse("+4930901820", None).unwrap()],
        own_hosts: vec![("127.0.0.1".into(), 5060), ("pbx.example.com".into(), 5060)],
        phones: vec!["anna".into()],
        home_country: Some("DE".into()),
        emergency_number: "112".into(),
        takes_calls: true,
    }
}

/// The places at which something is wrong.
fn wrong(policy: Value, facts: &Facts) -> Vec<String> {
    let hand_over: HandOver = serde_json::from_value(with_lists(policy)).unwrap();
    check(&hand_over, facts).into_iter().map(|problem| problem.path).collect()
}

fn with_lists(mut policy: Value) -> Value {
    for (key, default) in
        [("on_unresolved", json!("flag")), ("escalate_topics", json!([])), ("callback_topics", json!([]))]
    {
        policy.as_object_mut().unwrap().entry(key).or_insert(default);
    }
    policy
}

fn ring(targets: &[&str]) -> Value {
    json!({"ladder": [{"do": "ring", "targets": targets}]})
}

#[test]
fn a_full_ladder_is_taken() {
    let policy = json!({
        "on_unresolved": "escalate",
        "ladder": [
            {"do": "ring", "targets": ["person:anna", "+493012345678"], "ring_seconds": 15},
            {"do": "ring", "targets": ["rota:night"], "when": {"time_zone": "UTC", "hours": ["Mon-Sun 20:00-08:00"]}},
            {"do": "voicemail"}, {"do": "callback"}, {"do": "flag"}, {"do": "best_effort"},
        ],
        "people": [{"id": "anna", "name": "Anna", "destinations": ["sip:anna@127.0.0.1", "+493012345679"]}],
        "rotas": [{"id": "night", "shifts": [{"person": "anna", "when": {"time_zone": "Europe/Berlin"}}]}],
        "fields": [{"name": "order_number", "question": "What is your order number?", "kind": "digits"}],
    });
    assert_eq!(wrong(policy, &facts()), Vec::<String>::new());
}

/// R6: the caller's side calls one party by itself, and knows no telephone that registers with us.
#[test]
fn a_blind_transfer_goes_to_one_target_that_the_callers_side_can_reach() {
    let blind = |targets: &[&str]| json!({"transfer": "blind", "ladder": [{"do": "ring", "targets": targets}]});
    assert_eq!(wrong(blind(&["+493012345678"]), &facts()), Vec::<String>::new());
    assert_eq!(wrong(blind(&["+493012345678", "sip:anna@192.0.2.1"]), &facts()), ["ladder[0].targets"]);
    assert_eq!(wrong(blind(&["sip:anna@127.0.0.1"]), &facts()), ["ladder[0].targets[0]"]);
    let bridged = json!({"transfer": "blind", "ladder": [
        {"do": "ring", "targets": ["sip:anna@127.0.0.1", "+493012345678"], "transfer": "attended"},
    ]});
    assert_eq!(wrong(bridged, &facts()), Vec::<String>::new(), "the rung goes before the policy");
}

/// R5: a ladder that rings ourselves would go round in circles.
#[test]
fn our_own_numbers_and_addresses_are_no_destinations() {
    for own in
        ["+4930901820", "sip:support@127.0.0.1", "sip:support@127.0.0.1:5060;transport=tcp", "sip:x@PBX.example.com"]
    {
        assert_eq!(wrong(ring(&[own]), &facts()), ["ladder[0].targets[0]"], "{own}");
    }
    let person = json!({"people": [{"id": "a", "name": "A", "destinations": ["+4930901820"]}]});
    assert_eq!(wrong(person, &facts()), ["people[0].destinations[0]"]);
    // A gateway would dial the user part.
    assert_eq!(wrong(ring(&["sip:+4930901820@trunk.example.com"]), &facts()), ["ladder[0].targets[0]"]);
    for other in ["sip:anna@127.0.0.1", "sip:support@127.0.0.1:5099", "sip:2001@10.0.0.7", "sip:[::1]:5070"] {
        assert_eq!(wrong(ring(&[other]), &facts()), Vec::<String>::new(), "{other}");
    }
}

/// R5: what is not listed is not dialled; nothing listed is the home country and those of our own numbers.
#[test]
fn numbers_outside_the_countries_and_prefixes_are_refused() {
    assert_eq!(wrong(ring(&["+12125550123"]), &facts()), ["ladder[0].targets[0]"]);
    assert_eq!(wrong(ring(&["sip:0012125550123@trunk"]), &facts()), ["ladder[0].targets[0]"]);
    let listed = |prefixes: &[&str], to: &str| {
        let mut policy = ring(&[to]);
        policy["allowed_prefixes"] = json!(prefixes);
        wrong(policy, &facts())
    };
    assert_eq!(listed(&["+1212"], "+12125550123"), Vec::<String>::new());
    assert_eq!(listed(&["+1212"], "+4930123456"), ["ladder[0].targets[0]"], "the home country must be listed too then");
    for prefix in ["", "+", "49", "+49x", "+0", "0049"] {
        assert!(listed(&["+49", prefix], "+4930123456").contains(&"allowed_prefixes[1]".into()), "{prefix:?}");
    }
    // The United States and Jamaica share +1.
    let american = Facts { home_country: Some("us".into()), own_numbers: vec![], ..facts() };
    assert_eq!(wrong(ring(&["+12125550123"]), &american), Vec::<String>::new());
    assert_eq!(wrong(ring(&["+18765551234"]), &american), ["ladder[0].targets[0]"]);
    let nowhere = Facts { home_country: None, own_numbers: vec![], ..facts() };
    assert_eq!(wrong(ring(&["+4930123456"]), &nowhere), ["ladder[0].targets[0]"]);
}

/// R57: nobody is transferred to an emergency number, nor to one that costs by the minute.
#[test]
fn emergency_and_premium_numbers_are_never_destinations() {
    for never in ["sip:112@trunk.example.com", "sip:911@10.0.0.1", "sip:1-1-0@10.0.0.1"] {
        assert_eq!(wrong(ring(&[never]), &facts()), ["ladder[0].targets[0]"], "{never}");
    }
    let mut premium = ring(&["+499001234567"]);
    premium["allowed_prefixes"] = json!(["+49900", "+49"]);
    assert_eq!(wrong(premium, &facts()), ["ladder[0].targets[0]"]);
}

/// R25
#[test]
fn escalate_is_refused_with_a_way_out_where_nobody_can_be_rung() {
    let escalate = with_lists(json!({"on_unresolved": "escalate", "ladder": [{"do": "flag"}]}));
    let hand_over: HandOver = serde_json::from_value(escalate).unwrap();
    for facts in [facts(), Facts { takes_calls: false, ..facts() }] {
        let problems = check(&hand_over, &facts);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].path, "on_unresolved");
        assert!(problems[0].remedy.contains("flag") && problems[0].remedy.contains("decide"), "{problems:?}");
    }
    let rings =
        with_lists(json!({"on_unresolved": "escalate", "ladder": [{"do": "ring", "targets": ["+4930123456"]}]}));
    let rings: HandOver = serde_json::from_value(rings).unwrap();
    assert_eq!(check(&rings, &facts()), []);
    let problems = check(&rings, &Facts { takes_calls: false, ..facts() });
    assert!(problems[0].problem.contains("message channels alone"), "{problems:?}");
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let policy = json!({
        "escalate_topics": [" "],
        "ladder": [
            {"do": "ring", "targets": []},
            {"do": "ring", "targets": ["person:bob", "rota:day", "person:bob"], "ring_seconds": 200},
            {"do": "flag"},
            {"do": "voicemail"},
        ],
        "people": [
            {"id": "a", "name": "A", "destinations": []},
            {"id": "a", "name": "", "destinations": ["person:a"]},
            {"id": "Not so", "name": "C", "destinations": ["sip:c@"]},
        ],
        "rotas": [{"id": "r", "shifts": []}, {"id": "s", "shifts": [{"person": "z", "when": {"time_zone": "UTC"}}]}],
        "fields": [{"name": "number", "question": "?", "kind": "text"}, {"name": "x", "question": "", "kind": "text"}],
    });
    let expected = [
        "escalate_topics[0]",
        "ladder[0].targets",
        "ladder[1].ring_seconds",
        "ladder[1].targets[0]",
        "ladder[1].targets[1]",
        "ladder[1].targets[2]",
        "ladder[3]",
        "people[0].destinations",
        "people[1]",
        "people[1].name",
        "people[1].destinations[0]",
        "people[2]",
        "people[2].destinations[0]",
        "rotas[0].shifts",
        "rotas[1].shifts[0].person",
        "fields[0].name",
        "fields[1].question",
    ];
    assert_eq!(wrong(policy, &facts()), expected);
}

#[test]
fn nothing_follows_what_always_ends_the_case() {
    let ladder = |rungs: &[&str]| {
        let rungs: Vec<Value> = rungs.iter().map(|rung| json!({"do": rung})).collect();
        wrong(json!({"ladder": rungs}), &facts())
    };
    assert_eq!(ladder(&["voicemail", "callback", "flag", "best_effort"]), Vec::<String>::new());
    assert_eq!(ladder(&["flag", "voicemail"]), ["ladder[1]"]);
    assert_eq!(ladder(&["best_effort", "flag"]), ["ladder[1]"]);
    let at_night = json!({"ladder": [
        {"do": "flag", "when": {"time_zone": "UTC", "hours": ["Mon-Sun 20:00-08:00"]}}, {"do": "voicemail"},
    ]});
    assert_eq!(wrong(at_night, &facts()), Vec::<String>::new());
}

#[test]
fn a_ladder_has_an_end_and_so_has_what_is_told_about_it() {
    let rung = json!({"do": "ring", "targets": vec!["person:nobody"; 8]});
    let policy = json!({"ladder": vec![rung; 400]});
    let found = wrong(policy, &facts());
    assert!(found.contains(&"ladder".to_owned()) && found.len() <= PROBLEMS_MAX);
}

proptest! {
    /// Whatever an admin or a program writes as an address, it is judged and nothing panics.
    #[test]
    fn any_address_is_judged(text in "sip:.{0,40}|sip:[a-z0-9.@:;?\\[\\]+-]{0,40}") {
        if let Ok(target) = Target::try_from(text) {
            let _ = facts().refuses(&target, &[]);
        }
    }

    /// However it is dressed, an address that would dial our own number is refused.
    #[test]
    fn no_dress_hides_our_own_number(
        written in "(\\+49|0049|0)[ .-]?30[ .-]?90[.-]?1820", host in "[a-z]{1,8}(:[1-9][0-9]{3})?", tail in "|;user=phone|\\?a=b",
    ) {
        let address = format!("sip:{}@{host}{tail}", written.replace(' ', ""));
        prop_assert!(facts().refuses(&Target::Sip(address), &[]).is_some());
    }
}
