//! Registrations as phones make them (R47, S5).

use proptest::prelude::*;

use super::*;

struct Bench {
    registrar: Registrar,
    start: Instant,
    cseq: u32,
}

impl Bench {
    fn new() -> Bench {
        Bench { registrar: Registrar::new(RegistrarRules::default()), start: Instant::now(), cseq: 0 }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// Registers with the next CSeq at a time.
    fn send(&mut self, seconds: u64, expires: Option<&str>, contacts: &[&str]) -> Outcome {
        self.cseq += 1;
        self.send_as("call", self.cseq, seconds, expires, contacts)
    }

    fn send_as(&mut self, call_id: &str, cseq: u32, seconds: u64, expires: Option<&str>, contacts: &[&str]) -> Outcome {
        let register = Register { phone: "desk", call_id, cseq, expires, contacts, flow: flow(5060) };
        self.registrar.register(self.at(seconds), &register)
    }

    fn uris(&self, seconds: u64) -> Vec<&str> {
        self.registrar.bindings(self.at(seconds), "desk").iter().map(|binding| binding.uri.as_str()).collect()
    }
}

fn flow(port: u16) -> Flow {
    Flow { remote: ([203, 0, 113, 5], port).into(), transport: FlowTransport::Udp, connection: None }
}

fn registered(contacts: &[&str]) -> Outcome {
    Outcome::Registered { contacts: contacts.iter().map(|contact| (*contact).to_owned()).collect() }
}

#[test]
fn a_phone_registers_refreshes_and_is_forgotten_when_it_falls_silent() {
    let mut bench = Bench::new();
    let contact = ["<sip:desk@10.0.0.5:5060;ob>"];
    assert_eq!(bench.send(0, Some("300"), &contact), registered(&["<sip:desk@10.0.0.5:5060;ob>;expires=300"]));
    assert_eq!(bench.send(200, Some("300"), &contact), registered(&["<sip:desk@10.0.0.5:5060;ob>;expires=300"]));
    assert_eq!(
        bench.send(300, None, &[]),
        registered(&["<sip:desk@10.0.0.5:5060;ob>;expires=200"]),
        "a fetch changes nothing"
    );
    assert_eq!(bench.uris(499), ["sip:desk@10.0.0.5:5060;ob"]);
    assert_eq!(bench.registrar.poll_timeout(), Some(bench.at(500)));
    assert!(bench.uris(500).is_empty());
    let late = bench.at(500);
    assert_eq!(bench.registrar.forget_expired(late), ["desk"]);
    assert_eq!(bench.registrar.poll_timeout(), None);
}

#[test]
fn the_contacts_own_lifetime_comes_first_and_all_are_kept_within_bounds() {
    let cases = [
        (None, "<sip:a@h>", 3600),
        (Some("120"), "<sip:a@h>", 120),
        (Some("120"), "<sip:a@h>;expires=90", 90),
        (None, "<sip:a@h>;expires=999999", 3600),
        (None, "<sip:a@h>;expires=280297596632815", 3600),
        (Some("nonsense"), "<sip:a@h>", 3600),
        (Some("-5"), "<sip:a@h>", 3600),
    ];
    for (expires, contact, granted) in cases {
        let outcome = Bench::new().send(0, expires, &[contact]);
        assert_eq!(outcome, registered(&[&format!("<sip:a@h>;expires={granted}")]), "{expires:?} {contact}");
    }
    let mut bench = Bench::new();
    assert_eq!(bench.send(0, Some("59"), &["<sip:a@h>"]), Outcome::TooBrief { min_expires_s: 60 });
    assert!(bench.uris(0).is_empty());
}

#[test]
fn a_contact_is_removed_by_zero_and_all_by_the_star() {
    let mut bench = Bench::new();
    bench.send(0, None, &["<sip:a@h>", "<sip:b@h>", "<sip:c@h>"]);
    assert_eq!(
        bench.send(0, None, &["<sip:b@h>;expires=0"]),
        registered(&["<sip:a@h>;expires=3600", "<sip:c@h>;expires=3600"])
    );
    for (expires, contacts) in [(None, &["*"][..]), (Some("60"), &["*"]), (Some("0"), &["*", "<sip:a@h>"])] {
        assert!(matches!(bench.send(0, expires, contacts), Outcome::Malformed { .. }));
    }
    assert_eq!(bench.uris(0).len(), 2);
    assert_eq!(bench.send(0, Some("0"), &["*"]), registered(&[]));
    assert_eq!(bench.send(0, Some("0"), &["*"]), registered(&[]), "nothing to remove is no fault");
}

#[test]
fn an_older_request_of_the_same_call_changes_nothing() {
    let mut bench = Bench::new();
    bench.send_as("c1", 10, 0, None, &["<sip:a@h>"]);
    for cseq in [9, 10] {
        assert_eq!(bench.send_as("c1", cseq, 0, Some("0"), &["<sip:a@h>"]), Outcome::OutOfOrder);
        assert_eq!(bench.send_as("c1", cseq, 0, Some("0"), &["*"]), Outcome::OutOfOrder);
        let both = ["<sip:new@h>", "<sip:a@h>"];
        assert_eq!(bench.send_as("c1", cseq, 0, None, &both), Outcome::OutOfOrder, "all or nothing");
    }
    assert_eq!(bench.uris(0), ["sip:a@h"]);
    assert_eq!(bench.send_as("c2", 1, 0, Some("0"), &["<sip:a@h>"]), registered(&[]), "a restarted phone begins anew");
}

/// R47: the way back is the way it came, whatever address the phone believes to have.
#[test]
fn a_phone_is_called_over_the_flow_of_its_newest_registration() {
    let mut bench = Bench::new();
    bench.send(0, None, &["<sip:desk@10.0.0.5>"]);
    let moved = Register {
        phone: "desk",
        call_id: "call",
        cseq: 50,
        expires: None,
        contacts: &["<sip:desk@10.0.0.5>"],
        flow: flow(7777),
    };
    bench.registrar.register(bench.start, &moved);
    let bindings = bench.registrar.bindings(bench.start, "desk");
    assert_eq!(bindings.iter().map(|binding| binding.flow).collect::<Vec<_>>(), [flow(7777)]);
    assert_eq!(bench.registrar.phone_on(bench.start, &flow(7777)), Some("desk"));
    assert_eq!(bench.registrar.phone_on(bench.start, &flow(5060)), None);
    assert_eq!(bench.registrar.flow_closed(&flow(7777)), ["desk"]);
    assert!(bench.uris(0).is_empty());
}

#[test]
fn a_restarted_device_replaces_itself_and_bindings_are_bounded() {
    let mut bench = Bench::new();
    let instance = ";+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    bench.send(0, None, &[&format!("<sip:desk@10.0.0.5:1000>{instance}")]);
    bench.send(0, None, &[&format!("<sip:desk@10.0.0.5:2000>{instance}")]);
    assert_eq!(bench.uris(0), ["sip:desk@10.0.0.5:2000"]);
    for port in 3000..3100_u64 {
        bench.send(port - 3000, None, &[&format!("<sip:desk@10.0.0.5:{port}>")]);
        assert!(bench.uris(99).len() <= 8);
    }
    assert_eq!(bench.uris(99).first(), Some(&"sip:desk@10.0.0.5:3099"));
    let many: Vec<String> = (0..9).map(|n| format!("<sip:{n}@h>")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(bench.send(99, None, &many), Outcome::Malformed { .. }));
}

#[test]
fn the_most_wanted_binding_comes_first() {
    let mut bench = Bench::new();
    bench.send(0, None, &["<sip:a@h>;q=0.25", "<sip:b@h>;q=1", "<sip:c@h>;q=0.5", "<sip:d@h>;q=7", "<sip:e@h>;q=0.5"]);
    assert_eq!(bench.uris(0), ["sip:d@h", "sip:b@h", "sip:e@h", "sip:c@h", "sip:a@h"]);
}

#[test]
fn addresses_are_compared_as_the_standard_says() {
    let same = [
        ("sip:a@H.com", "sip:a@h.com"),
        ("sip:a@h;transport=TCP", "SIP:a@h;transport=tcp"),
        ("sip:a@h;ob", "sip:a@h"),
        ("sip:a@h;x=1;y=2", "sip:a@h;y=2;x=1"),
    ];
    let different = [
        ("sip:a@h", "sip:A@h"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a@h", "sip:a@h:5060"),
        ("sip:a@h", "sip:h"),
        ("sip:a@h;transport=tcp", "sip:a@h"),
        ("sip:a@h;rinstance=1", "sip:a@h;rinstance=2"),
        ("sip:%00@h", "sip:%00%00@h"),
    ];
    for (one, other) in same {
        assert!(same_uri(one, other) && same_uri(other, one), "{one} {other}");
    }
    for (one, other) in different {
        assert!(!same_uri(one, other) && !same_uri(other, one), "{one} {other}");
    }
}

#[test]
fn embedded_headers_are_kept_but_never_used_and_strange_contacts_refused() {
    let mut bench = Bench::new();
    bench.send(0, None, &["<sip:user@example.com?Route=%3Csip:evil%3E>"]);
    assert_eq!(bench.registrar.bindings(bench.start, "desk")[0].request_uri(), "sip:user@example.com");
    let long = format!("<sip:{}@h>", "x".repeat(600));
    for contact in ["<tel:+4930>", "<mailto:a@b>", "a@b", "<sip:a@b", "<sip:a@b@c>", "", "<sip:a@b>;;", &long] {
        assert!(matches!(bench.send(0, None, &[contact]), Outcome::Malformed { .. }), "{contact}");
    }
}

proptest! {
    /// Whatever a phone sends, nothing panics, the bound holds, and the answer lists what is there.
    #[test]
    fn the_answer_always_lists_what_is_registered(
        steps in proptest::collection::vec(
            (0_u64..100, proptest::option::of("[0-9]{1,5}|x"), proptest::collection::vec(
                prop_oneof![
                    "<sip:[ab]@h(:1|;transport=tcp)?>(;expires=(0|50|100|x)|;q=0\\.[0-9])?",
                    Just("*".to_owned()),
                    ".{0,12}",
                ], 0..4)), 1..20),
    ) {
        let mut bench = Bench::new();
        let mut seconds = 0;
        for (pause, expires, contacts) in steps {
            seconds += pause;
            let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
            let before: Vec<String> = bench.uris(seconds).into_iter().map(str::to_owned).collect();
            match bench.send(seconds, expires.as_deref(), &contacts) {
                Outcome::Registered { contacts } => prop_assert_eq!(contacts.len(), bench.uris(seconds).len()),
                _ => prop_assert_eq!(before, bench.uris(seconds)),
            }
            prop_assert!(bench.uris(seconds).len() <= 8);
        }
    }
}
