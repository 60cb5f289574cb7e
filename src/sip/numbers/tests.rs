//! Numbers as carriers write them (R49).

use proptest::prelude::*;

use super::*;

const OURS: &str = "+4930123456";
const CALLER: &str = "+4989654321";

fn rules() -> NumberRules {
    let called = vec![CalledPlace::RequestLine, CalledPlace::To];
    NumberRules {
        called,
        calling: CallingPlace::PAssertedIdentity,
        home_country: Some("DE".to_owned()),
        trusted: true,
        verifies_from: false,
    }
}

fn read(headers: &[(&str, &str)], rules: &NumberRules) -> Parties {
    parties("sip:+4930123456@pbx.example.com", headers, rules)
}

fn number(party: Option<&Party>) -> Option<&str> {
    party.and_then(|party| party.number.as_ref()).map(PhoneNumber::as_str)
}

fn caller(headers: &[(&str, &str)]) -> Option<String> {
    number(read(headers, &rules()).from.as_ref()).map(str::to_owned)
}

#[test]
fn an_address_yields_its_number_however_it_is_written() {
    let written = [
        "sip:+4930123456@carrier.example",
        "sips:+4930123456@carrier.example;user=phone",
        "sip:%2B4930123456@carrier.example",
        "sip:+49-30-123.456@carrier.example",
        "sip:004930123456@10.0.0.1:5060",
        "sip:030123456@carrier.example;user=phone",
        "sip:4930123456@carrier.example",
        "sip:+4930123456;npdi;rn=+4930@carrier.example",
        "sip:030123456;phone-context=+49@carrier.example;user=phone",
        "sip:123456;phone-context=+4930@carrier.example",
        "sip:030123456;phone-context=carrier.example@carrier.example",
        "sip:+4930123456:secret@carrier.example",
        "tel:+49-30-123456",
        "tel:030-123456;phone-context=+49",
        "TEL:30123456;isub=1;phone-context=+49",
        "sip:+4930123456@carrier.example?Subject=x",
    ];
    for uri in written {
        assert_eq!(number_of(uri, Some("DE")).as_ref().map(PhoneNumber::as_str), Some(OURS), "{uri}");
    }
    let none = [
        "sip:reception@carrier.example",
        "sip:100@carrier.example",
        "sip:110@carrier.example",
        "sip:4930123456.example.com",
        "sip:@carrier.example",
        "mailto:+4930123456@example.com",
        "+4930123456",
        "sip:agent30123456@carrier.example",
        "tel:",
        "",
    ];
    for uri in none {
        assert!(number_of(uri, Some("DE")).is_none(), "{uri}");
    }
}

#[test]
fn the_called_number_is_read_where_the_trunk_writes_it() {
    let headers = [("To", "<sip:030123456@pbx>"), ("P-Called-Party-ID", "<sip:+4989777777@pbx>")];
    let called = |request_uri: &str, places: &[CalledPlace]| {
        let rules = NumberRules { called: places.to_vec(), ..rules() };
        parties(request_uri, &headers, &rules).to
    };
    use CalledPlace::{PCalledPartyId, RequestLine, To};
    let cases: [(&str, &[CalledPlace], &str); 6] = [
        ("sip:+4940555555@pbx", &[], "+4940555555"),
        ("sip:trunk-user@pbx", &[], OURS),
        ("sip:+4940555555@pbx", &[To], OURS),
        ("sip:+4940555555@pbx", &[PCalledPartyId, To], "+4989777777"),
        ("tel:+4940555555", &[RequestLine, To], "+4940555555"),
        ("sip:trunk-user@pbx", &[RequestLine, PCalledPartyId], "+4989777777"),
    ];
    for (request_uri, places, expected) in cases {
        assert_eq!(number(Some(&called(request_uri, places))), Some(expected), "{request_uri} {places:?}");
    }
    let nameless = parties("sip:reception@pbx", &[("To", "<sip:100@pbx>")], &rules()).to;
    assert_eq!((nameless.uri.as_str(), nameless.number.is_none()), ("sip:reception@pbx", true));
}

#[test]
fn an_asserted_identity_counts_from_trusted_peers_only() {
    let headers = [
        ("f", "\"Spoofed\" <sip:+4940111111@carrier>;tag=1"),
        ("P-Asserted-Identity", "\"Ann \\\"A\\\" Lee\" <sip:089654321@carrier;user=phone>, <tel:+4989654321>"),
    ];
    let believed = read(&headers, &rules()).from.unwrap();
    assert_eq!(number(Some(&believed)), Some(CALLER));
    assert_eq!(believed.display_name.as_deref(), Some("Ann \"A\" Lee"));
    let stranger = NumberRules { trusted: false, ..rules() };
    assert_eq!(number(read(&headers, &stranger).from.as_ref()), Some("+4940111111"));
    let by_from = NumberRules { calling: CallingPlace::From, ..rules() };
    assert_eq!(number(read(&headers, &by_from).from.as_ref()), Some("+4940111111"));
    assert_eq!(caller(&headers[..1]).as_deref(), Some("+4940111111"), "without one, From counts");

    let names_first = [("P-Asserted-Identity", "<sip:ann@carrier>"), ("P-Asserted-Identity", "<tel:+4989654321>")];
    assert_eq!(caller(&names_first).as_deref(), Some(CALLER), "the one with a number");
}

/// R55: what a trusted peer asserts is vouched for; From only where the peer is known to verify it, and nothing that it
/// says has failed a check.
#[test]
fn a_peer_vouches_for_what_it_asserts_and_for_from_only_where_it_verifies_it() {
    let from = ("From", "<sip:+4989654321@carrier>;tag=1");
    let asserted = ("P-Asserted-Identity", "<sip:+4989654321@carrier>");
    let failed = ("P-Asserted-Identity", "<sip:+4989654321;verstat=TN-Validation-Failed@carrier;user=phone>");
    let verifies = NumberRules { verifies_from: true, ..rules() };
    let stranger = NumberRules { trusted: false, ..verifies.clone() };
    for (headers, rules, is_vouched) in [
        (&[from, asserted][..], rules(), true),
        (&[from], rules(), false),
        (&[from], verifies.clone(), true),
        (&[from, failed], rules(), false),
        (&[from, failed], verifies, false),
        (&[from, asserted], stranger, false),
        (&[from, asserted], NumberRules { calling: CallingPlace::From, ..super::tests::rules() }, false),
    ] {
        let read = read(headers, &rules);
        assert!(read.from.is_some());
        assert_eq!(read.is_vouched, is_vouched, "{headers:?}");
    }
    assert!(!read(&[from, asserted, ("Privacy", "id")], &rules()).is_vouched, "nobody is vouched for");
}

#[test]
fn whoever_asks_for_privacy_gets_it() {
    let identity = ("P-Asserted-Identity", "<sip:+4989654321@carrier>");
    let from = ("From", "<sip:+4989654321@carrier>;tag=1");
    for privacy in ["id", "ID", "user;id", "header; critical", "critical;id", "user"] {
        assert!(read(&[from, identity, ("Privacy", privacy)], &rules()).from.is_none(), "{privacy}");
    }
    for privacy in ["none", "critical", "session", ""] {
        assert!(read(&[from, identity, ("Privacy", privacy)], &rules()).from.is_some(), "{privacy}");
    }
    let anonymous = [
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1",
        "<sip:Anonymous@carrier>;tag=1",
        "<sip:+4989654321@anonymous.invalid>;tag=1",
        "sip:unavailable@unknown.invalid:5060;tag=1",
        "<sip:restricted@carrier>",
    ];
    for from in anonymous {
        assert!(read(&[("From", from), identity], &rules()).from.is_none(), "{from}");
    }
    let named = read(&[("From", "\"Anonymous\" <sip:+4989654321@carrier>;tag=1")], &rules()).from.unwrap();
    assert_eq!((named.display_name.as_deref(), number(Some(&named))), (None, Some(CALLER)));
}

#[test]
fn callers_without_a_number_keep_their_address() {
    for from in ["Ann <sip:ann@example.com>;tag=1", "sip:ann@example.com;tag=1", "\"Ann\"<sip:ann@example.com>"] {
        let party = read(&[("From", from)], &rules()).from.unwrap();
        assert_eq!((party.uri.as_str(), party.number.is_none()), ("sip:ann@example.com", true), "{from}");
    }
    assert!(read(&[("From", "no address at all")], &rules()).from.is_none());
}

#[test]
fn a_diversion_names_who_sent_the_call_here() {
    let diverted = |headers: &[(&str, &str)]| number(read(headers, &rules()).diverted_by.as_ref()).map(str::to_owned);
    let by = |value: &str| diverted(&[("Diversion", value)]);
    let last = "<sip:+4940555555@a>;reason=no-answer;privacy=off, <sip:+4940666666@b>;reason=busy";
    assert_eq!(by(last).as_deref(), Some("+4940555555"), "the topmost is the latest");
    assert_eq!(by("<tel:+4940555555>;reason=unconditional;counter=1").as_deref(), Some("+4940555555"));
    for hidden in
        ["<sip:+4940555555@a>;privacy=full", "<sip:+4940555555@a>;privacy=\"full\"", "<sip:anonymous@a>", "junk"]
    {
        assert_eq!(by(hidden), None, "{hidden}");
    }
    let history = |first: &str, last: &str| diverted(&[("History-Info", first), ("History-Info", last)]);
    let cause = "<sip:+4930123456@pbx;cause=302>;index=1.1";
    assert_eq!(history("<sip:+4940555555@a>;index=1", cause).as_deref(), Some("+4940555555"));
    let reason = "<sip:+4940555555@a?Reason=SIP%3Bcause%3D486>;index=1";
    assert_eq!(history(reason, "<sip:+4930123456@pbx>;index=1.1").as_deref(), Some("+4940555555"));
    assert_eq!(history("<sip:+4940555555@a>;index=1", "<sip:+4930123456@pbx>;index=1.1"), None, "mere routing");
    assert_eq!(history("<sip:+4940555555@a?Privacy=history>;index=1", cause), None);
    assert_eq!(diverted(&[("History-Info", cause)]), None);

    let stranger = NumberRules { trusted: false, ..rules() };
    assert!(read(&[("Diversion", last)], &stranger).diverted_by.is_none());
}

#[test]
fn parties_become_what_the_house_knows_of_a_call() {
    let info = read(&[("From", "<sip:+4989654321@carrier>")], &rules()).into_call_info("carrier", "c1");
    assert_eq!((info.trunk.as_str(), info.sip_call_id.as_str()), ("carrier", "c1"));
    assert_eq!((number(info.from.as_ref()), number(Some(&info.to))), (Some(CALLER), Some(OURS)));
}

proptest! {
    #[test]
    fn arbitrary_headers_never_panic(
        uri in ".{0,40}|(sip|tel):[+0-9%a-f;=@.-]{0,40}",
        values in proptest::collection::vec(("(From|f|To|P-Asserted-Identity|Privacy|Diversion|History-Info)", "[ -~]{0,40}|.{0,20}"), 0..8),
        trusted in any::<bool>(),
    ) {
        let parties = parties(&uri, &values, &NumberRules { trusted, ..rules() });
        prop_assert!(trusted || parties.diverted_by.is_none());
    }
}
