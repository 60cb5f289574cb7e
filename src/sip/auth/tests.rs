//! Digest authentication as devices and attackers do it (S8).

use std::collections::HashMap;

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::*;

const NOW: EpochMs = EpochMs(1_700_000_000_000);
const URI: &str = "sip:pbx.example.com";

fn source() -> IpAddr {
    [198, 51, 100, 7].into()
}

fn authenticator() -> Authenticator {
    Authenticator::new(AuthRules::new("pbx"), [3; 32])
}

fn users() -> HashMap<String, Credentials> {
    HashMap::from([("desk".to_owned(), Credentials::from_password("desk", "pbx", "secret"))])
}

fn hash(algorithm: &str, text: String) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match algorithm {
        "MD5" => hex(&Md5::digest(text.as_bytes())),
        _ => hex(&Sha256::digest(text.as_bytes())),
    }
}

/// What a device sends back, computed here independently of the code under test.
struct Device {
    user: &'static str,
    password: &'static str,
    algorithm: &'static str,
    count: Option<u32>,
}

impl Device {
    fn desk(algorithm: &'static str, count: Option<u32>) -> Device {
        Device { user: "desk", password: "secret", algorithm, count }
    }

    fn answer(&self, nonce: &str) -> String {
        let Device { user, password, algorithm, count } = self;
        let ha1 = hash(algorithm, format!("{user}:pbx:{password}"));
        let ha2 = hash(algorithm, format!("REGISTER:{URI}"));
        let (middle, more) = match count {
            Some(count) => {
                (format!("{nonce}:{count:08x}:cn:auth"), format!(", qop=auth, nc={count:08x}, cnonce=\"cn\""))
            }
            None => (nonce.to_owned(), String::new()),
        };
        let response = hash(algorithm, format!("{ha1}:{middle}:{ha2}"));
        format!(
            "Digest username=\"{user}\", realm=\"pbx\", nonce=\"{nonce}\", uri=\"{URI}\", \
             response=\"{response}\", algorithm={algorithm}{more}"
        )
    }
}

fn check_at(authenticator: &mut Authenticator, now: EpochMs, source: IpAddr, authorization: &[&str]) -> Verdict {
    let request = AuthRequest { method: "REGISTER", uri: URI, caller: "sip:desk@pbx", authorization };
    authenticator.check(now, source, &request, &users())
}

fn check(authenticator: &mut Authenticator, authorization: &[&str]) -> Verdict {
    check_at(authenticator, NOW, source(), authorization)
}

fn challenge(verdict: &Verdict) -> (&str, bool) {
    let Verdict::Challenge { values, .. } = verdict else { panic!("{verdict:?}") };
    assert!(values[0].contains("algorithm=SHA-256") && values[1].contains("algorithm=MD5"), "{values:?}");
    let nonce = values[0].split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(values[1].contains(nonce));
    (nonce, values[0].contains("stale=true"))
}

fn fresh_nonce(authenticator: &mut Authenticator) -> String {
    challenge(&check(authenticator, &[])).0.to_owned()
}

fn accepted() -> Verdict {
    Verdict::Accepted { user: "desk".to_owned() }
}

#[test]
fn a_device_answers_with_either_hash_and_in_the_old_form() {
    let mut authenticator = authenticator();
    for (algorithm, count) in [("SHA-256", Some(1)), ("MD5", Some(1)), ("SHA-256", None), ("MD5", None)] {
        let nonce = fresh_nonce(&mut authenticator);
        let answer = Device::desk(algorithm, count).answer(&nonce);
        assert_eq!(check(&mut authenticator, &[&answer]), accepted(), "{answer}");
    }
}

/// The example of RFC 7616 §3.9.1, both hashes.
#[test]
fn the_digest_is_that_of_the_standard() {
    let user = Credentials::from_password("Mufasa", "http-auth@example.org", "Circle of Life");
    let responses = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, response) in responses {
        let value = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\""
        );
        let answer = header::find(&[&value], "http-auth@example.org").unwrap().unwrap();
        assert_eq!(user.response("GET", &answer), response);
    }
}

#[test]
fn the_same_count_is_never_taken_twice_and_the_device_is_told_that_it_is_stale() {
    let mut authenticator = authenticator();
    let nonce = fresh_nonce(&mut authenticator);
    let first = Device::desk("SHA-256", Some(1)).answer(&nonce);
    assert_eq!(check(&mut authenticator, &[&first]), accepted());
    let replayed = check(&mut authenticator, &[&first]);
    assert!(challenge(&replayed).1, "stale: {replayed:?}");
    assert!(matches!(replayed, Verdict::Challenge { failed: false, .. }), "a replay is no wrong password");
    let second = Device::desk("SHA-256", Some(2)).answer(&nonce);
    assert_eq!(check(&mut authenticator, &[&second]), accepted());

    let nonce = fresh_nonce(&mut authenticator);
    let old_form = Device::desk("MD5", None).answer(&nonce);
    assert_eq!(check(&mut authenticator, &[&old_form]), accepted());
    assert!(challenge(&check(&mut authenticator, &[&old_form])).1);
}

#[test]
fn an_old_nonce_and_one_of_another_source_are_stale() {
    let mut authenticator = authenticator();
    let nonce = fresh_nonce(&mut authenticator);
    let answer = Device::desk("SHA-256", Some(1)).answer(&nonce);
    let later = EpochMs(NOW.0 + 5 * 60_000);
    assert!(challenge(&check_at(&mut authenticator, later, source(), &[&answer])).1);
    assert!(challenge(&check_at(&mut authenticator, NOW, [203, 0, 113, 1].into(), &[&answer])).1);
    assert_eq!(check(&mut authenticator, &[&answer]), accepted());
}

/// Whoever writes another's source into a packet never hears the nonce that was sent there.
#[test]
fn a_forged_source_neither_tests_passwords_nor_blocks_its_victim() {
    let mut authenticator = authenticator();
    let mut answers = ["guess", "secret"].map(|password| {
        let forged = Device { password, ..Device::desk("SHA-256", Some(1)) }.answer("bm9uY2U");
        (0..100).for_each(|_| assert!(challenge(&check(&mut authenticator, &[&forged])).1));
        let verdict = check(&mut authenticator, &[&forged]);
        format!("{verdict:?}").replace(challenge(&verdict).0, "")
    });
    assert_eq!(std::mem::take(&mut answers[0]), answers[1], "right and wrong are told the same");
    let nonce = fresh_nonce(&mut authenticator);
    let answer = Device::desk("SHA-256", Some(1)).answer(&nonce);
    assert_eq!(check(&mut authenticator, &[&answer]), accepted());
}

#[test]
fn the_realm_of_a_challenge_to_us_is_read() {
    let value = "Digest nonce=\"x\", realm=\"sip.carrier.example\", algorithm=MD5";
    assert_eq!(challenged_realm(value).as_deref(), Some("sip.carrier.example"));
    for value in ["Basic realm=\"x\"", "Digest nonce=\"x\"", "Digest realm=\"a\", realm=\"b\"", ""] {
        assert_eq!(challenged_realm(value), None, "{value}");
    }
}

/// S8: no enumeration.
#[test]
fn an_unknown_user_and_a_wrong_password_are_told_the_same() {
    let mut authenticator = authenticator();
    let wrong = [
        Device { user: "nobody-here", ..Device::desk("SHA-256", Some(1)) },
        Device { password: "guess", ..Device::desk("SHA-256", Some(1)) },
        Device { user: "nobody", ..Device::desk("MD5", None) },
    ];
    let shapes = wrong.map(|device| {
        let nonce = fresh_nonce(&mut authenticator);
        let verdict = check(&mut authenticator, &[&device.answer(&nonce)]);
        assert!(matches!(verdict, Verdict::Challenge { failed: true, .. }));
        let nonce = challenge(&verdict).0.to_owned();
        format!("{verdict:?}").replace(&nonce, "")
    });
    assert!(shapes[0] == shapes[1] && shapes[1] == shapes[2], "{shapes:?}");
}

/// S8: 10,000 wrong passwords.
#[test]
fn guessing_is_slowed_to_a_crawl_and_others_are_not_hurt() {
    let mut authenticator = authenticator();
    let mut judged = 0;
    for attempt in 0..10_000 {
        let now = EpochMs(NOW.0 + attempt * 10);
        let nonce = match check_at(&mut authenticator, now, source(), &[]) {
            Verdict::Wait { .. } => continue,
            verdict => challenge(&verdict).0.to_owned(),
        };
        let guess = Device { password: "guess", ..Device::desk("SHA-256", Some(1)) }.answer(&nonce);
        judged +=
            u32::from(matches!(check_at(&mut authenticator, now, source(), &[&guess]), Verdict::Challenge { .. }));
    }
    assert!(judged <= 12, "{judged} guesses within 100 seconds");

    let elsewhere: IpAddr = [203, 0, 113, 50].into();
    let nonce = challenge(&check_at(&mut authenticator, NOW, elsewhere, &[])).0.to_owned();
    let answer = Device::desk("SHA-256", Some(1)).answer(&nonce);
    assert_eq!(check_at(&mut authenticator, NOW, elsewhere, &[&answer]), accepted());
}

#[test]
fn a_digest_made_for_another_request_is_worth_nothing() {
    let mut authenticator = authenticator();
    let nonce = fresh_nonce(&mut authenticator);
    let answer = Device::desk("SHA-256", Some(1)).answer(&nonce);
    for (method, uri) in [("INVITE", URI), ("REGISTER", "sip:+4930123@pbx.example.com"), ("REGISTER", "sip:other")] {
        let request = AuthRequest { method, uri, caller: "sip:desk@pbx", authorization: &[&answer] };
        let verdict = authenticator.check(NOW, source(), &request, &users());
        assert!(matches!(verdict, Verdict::Challenge { failed: true, .. }), "{method} {uri}");
    }
    let request = AuthRequest {
        method: "REGISTER",
        uri: "sip:PBX.example.com:5060;transport=udp",
        caller: "sip:desk@pbx",
        authorization: &[&answer],
    };
    assert_eq!(authenticator.check(NOW, source(), &request, &users()), accepted(), "devices differ in port and case");
}

#[test]
fn other_schemes_and_realms_are_passed_over() {
    let mut authenticator = authenticator();
    let nonce = fresh_nonce(&mut authenticator);
    let answer = Device::desk("SHA-256", Some(1)).answer(&nonce);
    let foreign = answer.replace("realm=\"pbx\"", "realm=\"other\"");
    assert!(!challenge(&check(&mut authenticator, &["NoOneKnowsThisScheme opaque-data=here"])).1);
    assert!(!challenge(&check(&mut authenticator, &[&foreign])).1);
    assert_eq!(check(&mut authenticator, &["Basic x", &foreign, &answer]), accepted());
}

#[test]
fn a_stored_hash_opens_the_door_for_its_algorithm_only() {
    let mut authenticator = authenticator();
    let stored = HashMap::from([(
        "desk".to_owned(),
        Credentials::from_ha1(None, Some(&hash("MD5", "desk:pbx:secret".to_owned()).to_uppercase())),
    )]);
    for (algorithm, opens) in [("MD5", true), ("SHA-256", false)] {
        let nonce = fresh_nonce(&mut authenticator);
        let answer = Device::desk(algorithm, Some(1)).answer(&nonce);
        let request = AuthRequest { method: "REGISTER", uri: URI, caller: "sip:desk@pbx", authorization: &[&answer] };
        assert_eq!(authenticator.check(NOW, source(), &request, &stored) == accepted(), opens);
    }
}

#[test]
fn unreadable_headers_are_malformed_and_never_a_guess() {
    let mut authenticator = authenticator();
    let nonce = fresh_nonce(&mut authenticator);
    let sound = Device::desk("SHA-256", Some(1)).answer(&nonce);
    let cases = [
        sound.replace("SHA-256", "SHA-512-256"),
        sound.replace("qop=auth", "qop=auth-int"),
        sound.replace("nc=00000001", "nc=1"),
        sound.replace("nc=00000001", "nc=00000000"),
        sound.replace("nc=00000001", "nc=+0000001"),
        sound.replace("cnonce=\"cn\"", "other=\"cn\""),
        sound.replace("username=\"desk\"", "other=\"x\""),
        sound.replace("response=\"", "response=\"zz"),
        format!("{sound}, nonce=\"again\""),
        format!("{sound} trailing"),
        format!("{sound}, open=\"quote"),
        format!("{sound}, pad=\"{}\"", "x".repeat(5000)),
        format!("{sound}{}", (0..40).map(|n| format!(", p{n}=x")).collect::<String>()),
    ];
    for value in cases {
        let verdict = check(&mut authenticator, &[&value]);
        assert!(matches!(verdict, Verdict::Malformed { .. }), "{verdict:?}: {value}");
    }
    assert_eq!(check(&mut authenticator, &[&sound]), accepted(), "none of them counted");
}

proptest::proptest! {
    #[test]
    fn arbitrary_headers_never_panic(value in "(Digest )?([a-z]{1,8}=(\"[ -~]{0,12}\"|[ -~]{0,8}),? ?){0,8}", raw in ".{0,60}") {
        let mut authenticator = authenticator();
        let digest = format!("Digest realm=\"pbx\", {value}");
        let verdict = check(&mut authenticator, &[&value, &raw, &digest]);
        let passed = matches!(verdict, Verdict::Accepted { .. });
        proptest::prop_assert!(!passed);
    }
}

/// RFC 8760: a device that gives up at a challenge with two algorithms is asked with the older one alone when it comes
/// again, and no other device is.
#[test]
fn a_device_that_gives_up_at_sha_256_is_asked_with_md5_alone() {
    let mut authenticator = authenticator();
    let later = |ms: i64| EpochMs(NOW.0 + ms);
    let mut ask = |now: EpochMs, caller: &str, authorization: &[&str]| {
        let request = AuthRequest { method: "REGISTER", uri: URI, caller, authorization };
        match authenticator.check(now, source(), &request, &users()) {
            Verdict::Challenge { values, .. } => values,
            verdict => panic!("{verdict:?}"),
        }
    };
    let old = "sip:desk@pbx";
    assert_eq!(ask(NOW, old, &[]).len(), 2);
    assert_eq!(ask(later(500), old, &[]).len(), 2, "two requests at once");
    let alone = ask(later(30_000), old, &[]);
    assert!(alone.len() == 1 && alone[0].contains("algorithm=MD5"), "{alone:?}");
    assert_eq!(ask(later(30_000), "sip:other@pbx", &[]).len(), 2);

    let nonce = alone[0].split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = Device::desk("MD5", Some(1)).answer(&nonce);
    let request = AuthRequest { method: "REGISTER", uri: URI, caller: old, authorization: &[&answer] };
    assert_eq!(
        authenticator.check(later(30_100), source(), &request, &users()),
        Verdict::Accepted { user: "desk".into() }
    );
    let bare = AuthRequest { authorization: &[], ..request };
    let Verdict::Challenge { values, .. } = authenticator.check(later(90_000), source(), &bare, &users()) else {
        panic!()
    };
    assert_eq!(values.len(), 1, "it goes on as it can");
}
