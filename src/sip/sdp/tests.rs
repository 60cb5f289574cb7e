//! Offers as devices send them, and what must come of each (R47, R48; faults M1, M2).

use std::net::SocketAddr;

use media::{Codec, Direction, StreamParams};

use super::*;

const OURS: &str = "192.0.2.1:4000";

fn local() -> LocalMedia {
    LocalMedia::new(OURS.parse().unwrap(), 77)
}

/// An offer with one audio stream: `m` is what follows the port, `attributes` are its lines.
fn offered(m: &str, attributes: &[&str]) -> SessionDescription {
    let mut text =
        format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 30000 {m}\r\n");
    attributes.iter().for_each(|line| text += &format!("{line}\r\n"));
    SessionDescription::parse(&text).unwrap()
}

/// An answer without its keys, of which there are none here.
fn answer(
    offer: &SessionDescription,
    preferences: &MediaPreferences,
    local: &LocalMedia,
) -> Result<(String, StreamParams), NegotiationError> {
    super::answer(offer, preferences, local).map(|(text, agreed)| (text, agreed.params))
}

fn apply_answer(
    ours: &str,
    answer: &SessionDescription,
    preferences: &MediaPreferences,
) -> Result<StreamParams, NegotiationError> {
    super::apply_answer(ours, answer, preferences, None).map(|agreed| agreed.params)
}

fn accept(offer: &SessionDescription) -> (String, StreamParams) {
    answer(offer, &MediaPreferences::default(), &local()).unwrap()
}

fn refuse(offer: &SessionDescription) -> NegotiationError {
    answer(offer, &MediaPreferences::default(), &local()).unwrap_err()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_codec_we_like_best_is_taken_under_the_number_it_was_offered_with() {
    let cases: [(&str, &[&str], u8, Codec); 8] = [
        ("RTP/AVP 0 8", &[], 8, Codec::Pcma),
        ("RTP/AVP 0", &[], 0, Codec::Pcmu),
        ("RTP/AVP 0 9 8", &["a=rtpmap:9 G722/8000"], 9, Codec::G722),
        ("RTP/AVP 0 9", &["a=rtpmap:9 G722/16000"], 9, Codec::G722),
        ("RTP/AVP 111 118 0", &["a=rtpmap:111 opus/48000/2", "a=rtpmap:118 g722/8000/1"], 118, Codec::G722),
        ("RTP/AVP 97 0", &["a=rtpmap:97 pcma/8000"], 97, Codec::Pcma),
        ("RTP/AVP 08 +8 0", &[], 0, Codec::Pcmu),
        ("RTP/AVPF 0 8", &["a=rtpmap:8 PCMU/8000", "a=rtpmap:0 PCMA/8000"], 0, Codec::Pcma),
    ];
    for (m, attributes, number, codec) in cases {
        let (text, params) = accept(&offered(m, attributes));
        assert_eq!((params.payload_type, params.codec), (number, codec), "{m}");
        assert_eq!(params.accepted.as_slice(), &[(number, codec)], "{m}");
        assert!(text.contains(&format!("m=audio 4000 {} {number}\r\n", m.split(' ').next().unwrap())), "{text}");
    }
}

#[test]
fn keys_and_comfort_noise_are_agreed_to_at_the_audio_clock_only() {
    let lines =
        ["a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000", "a=rtpmap:126 telephone-event/8000"];
    let (text, params) = accept(&offered("RTP/AVP 111 0 110 126 13", &lines));
    assert_eq!(params.dtmf.map(|dtmf| (dtmf.payload_type, dtmf.clock_rate_hz)), Some((126, 8000)));
    assert_eq!(params.comfort_noise_payload_type, Some(13));
    assert!(text.contains("m=audio 4000 RTP/AVP 0 13 126\r\n") && text.contains("a=fmtp:126 0-15\r\n"), "{text}");

    let (text, params) = accept(&offered("RTP/AVP 0 110", &lines[1..2]));
    assert_eq!(params.dtmf, None, "an event clock that no audio of ours runs on");
    assert!(!text.contains("110"), "{text}");

    let reserved = MediaPreferences { telephone_event: false, comfort_noise: false, ..MediaPreferences::default() };
    let (text, params) = answer(&offered("RTP/AVP 0 13 126", &lines[2..]), &reserved, &local()).unwrap();
    assert_eq!((params.dtmf, params.comfort_noise_payload_type), (None, None));
    assert!(text.contains("m=audio 4000 RTP/AVP 0\r\n"), "{text}");
}

#[test]
fn packet_times_are_honoured_between_10_and_60_ms() {
    let cases: [(&[&str], u8); 12] = [
        (&[], 20),
        (&["a=ptime:10"], 10),
        (&["a=ptime:20.0"], 20),
        (&["a=ptime:30"], 30),
        (&["a=ptime:40"], 40),
        (&["a=ptime:50"], 40),
        (&["a=ptime:60"], 60),
        (&["a=ptime:200"], 60),
        (&["a=ptime:1"], 10),
        (&["a=ptime:0"], 20),
        (&["a=ptime:nonsense", "a=maxptime:10"], 10),
        (&["a=maxptime:30", "a=ptime:60"], 30),
    ];
    for (lines, packet_ms) in cases {
        let (text, params) = accept(&offered("RTP/AVP 0", lines));
        assert_eq!(params.packet_ms, packet_ms, "{lines:?}");
        assert!(text.contains(&format!("a=ptime:{packet_ms}\r\n")), "{text}");
    }
}

#[test]
fn direction_is_mirrored_and_hold_understood_in_both_manners() {
    let hold = "c=IN IP4 0.0.0.0";
    let cases: [(&[&str], Direction, &str); 8] = [
        (&[], Direction::SendRecv, "sendrecv"),
        (&["a=sendrecv"], Direction::SendRecv, "sendrecv"),
        (&["a=sendonly"], Direction::RecvOnly, "recvonly"),
        (&["a=recvonly"], Direction::SendOnly, "sendonly"),
        (&["a=inactive"], Direction::Inactive, "inactive"),
        (&[hold], Direction::RecvOnly, "recvonly"),
        (&[hold, "a=inactive"], Direction::Inactive, "inactive"),
        (&["c=IN IP4 hold.invalid", "a=sendonly"], Direction::RecvOnly, "recvonly"),
    ];
    for (lines, direction, name) in cases {
        let (text, params) = accept(&offered("RTP/AVP 0", lines));
        assert_eq!(params.direction, direction, "{lines:?}");
        assert!(text.contains(&format!("a={name}\r\n")), "{lines:?}: {text}");
        assert_eq!(params.remote.ip().is_unspecified(), lines.iter().any(|line| line.starts_with("c=")));
    }
    // While we hold the far end ourselves we go on sending only.
    let holding = LocalMedia { direction: Direction::SendOnly, ..local() };
    let (text, params) = answer(&offered("RTP/AVP 0", &[]), &MediaPreferences::default(), &holding).unwrap();
    assert_eq!(params.direction, Direction::SendOnly);
    assert!(text.contains("a=sendonly\r\n"));
}

#[test]
fn a_session_level_direction_and_packet_time_hold_for_streams_without_their_own() {
    let text = "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\na=sendonly\na=ptime:30\nm=audio 30000 RTP/AVP 0\n";
    let (_, params) = accept(&SessionDescription::parse(text).unwrap());
    assert_eq!((params.direction, params.packet_ms), (Direction::RecvOnly, 30));
    let (_, params) = accept(&SessionDescription::parse(format!("{text}a=sendrecv\n")).unwrap());
    assert_eq!(params.direction, Direction::SendRecv);
}

#[test]
fn the_streams_own_address_wins_and_rtcp_goes_where_it_was_asked_for() {
    let cases: [(&[&str], &str, Option<&str>); 11] = [
        (&[], "198.51.100.7:30000", Some("198.51.100.7:30001")),
        (&["c=IN IP4 203.0.113.9"], "203.0.113.9:30000", Some("203.0.113.9:30001")),
        (&["c=IN IP4 203.0.113.9", "c=IN IP4 203.0.113.10"], "203.0.113.9:30000", Some("203.0.113.9:30001")),
        (&["a=rtcp:40000"], "198.51.100.7:30000", Some("198.51.100.7:40000")),
        (&["a=rtcp:40000 IN IP4 203.0.113.3"], "198.51.100.7:30000", Some("203.0.113.3:40000")),
        (&["a=rtcp:40000 IN IP4 224.0.0.1"], "198.51.100.7:30000", None),
        (&["a=rtcp-mux"], "198.51.100.7:30000", Some("198.51.100.7:30000")),
        (&["b=RS:0", "b=RR:0"], "198.51.100.7:30000", None),
        (&["a=rtcp:0"], "198.51.100.7:30000", None),
        (&["a=rtcp:1 IN IP7 X"], "198.51.100.7:30000", Some("198.51.100.7:30001")),
        (&["a=rtcp:40000 IN IP4 phone.example"], "198.51.100.7:30000", Some("198.51.100.7:40000")),
    ];
    for (lines, rtp, rtcp) in cases {
        let (text, params) = accept(&offered("RTP/AVP 0", lines));
        assert_eq!(params.remote, address(rtp), "{lines:?}");
        assert_eq!(params.remote_rtcp, rtcp.map(address), "{lines:?}");
        assert_eq!(text.contains("a=rtcp-mux"), lines.contains(&"a=rtcp-mux"), "{text}");
    }
}

#[test]
fn our_rtcp_port_is_written_when_it_is_not_the_next_one() {
    let odd = LocalMedia { rtcp: address("192.0.2.1:5555"), ..local() };
    assert!(offer(&MediaPreferences::default(), &odd).contains("a=rtcp:5555 IN IP4 192.0.2.1\r\n"));
    assert!(!offer(&MediaPreferences::default(), &local()).contains("a=rtcp"));
}

#[test]
fn other_streams_are_refused_in_their_places() {
    let text = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
                m=video 30002 RTP/AVP 31 34\r\nm=audio 30004 RTP/SAVP 0\r\nm=audio 30000 RTP/AVP 8\r\n\
                m=audio 30006 RTP/AVP 0\r\nm=image 9 udptl t38\r\n";
    let (text, params) = accept(&SessionDescription::parse(text).unwrap());
    let streams: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    let expected = [
        "m=video 0 RTP/AVP 31 34",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 4000 RTP/AVP 8",
        "m=audio 0 RTP/AVP 0",
        "m=image 0 udptl t38",
    ];
    assert_eq!(streams, expected);
    assert_eq!(params.codec, Codec::Pcma);
}

#[test]
fn what_cannot_be_agreed_says_what_was_offered_and_what_we_speak() {
    let opus = ["a=rtpmap:111 opus/48000/2"];
    let cases = [
        (
            offered("RTP/AVP 111 18", &opus),
            "offered opus/48000, G729/8000; this line speaks G722/8000, PCMA/8000, PCMU/8000",
            305,
        ),
        (offered("RTP/SAVP 0 8", &[]), "encrypted audio (RTP/SAVP) was offered, with keys that can be read", 302),
        (offered("UDP/TLS/RTP/SAVPF 0", &[]), "encrypted audio (UDP/TLS/RTP/SAVPF) was offered without keys", 302),
        (offered("TCP 0", &[]), "audio over TCP was offered", 302),
        (offered("RTP/AVP 0", &["c=IN IP4 224.1.1.1/127"]), "the media address 224.1.1.1", 301),
        (offered("RTP/AVP 0", &["c=IN IP4 255.255.255.255"]), "the media address 255.255.255.255", 301),
        (offered("RTP/AVP 0", &["c=IN IP4 phone.example.com"]), "the media address phone.example.com", 301),
        (offered("RTP/AVP 0", &["c=IN IP6 2001:db8::1"]), "the media address is IPv6, ours is IPv4", 301),
        (offered("RTP/AVP 101", &["a=rtpmap:101 telephone-event/8000"]), "offered telephone-event/8000", 305),
    ];
    for (offer, reason, code) in cases {
        let error = refuse(&offer);
        assert_eq!((error.status(), error.warning_code()), (488, code));
        assert!(error.to_string().starts_with(reason), "{error}");
        assert_eq!(error.warning("pbx.example").matches('"').count(), 2, "a quoted string");
    }
    let disabled =
        "v=0\no=- 1 1 IN IP4 198.51.100.7\nc=IN IP4 198.51.100.7\nm=audio 0 RTP/AVP 0\nm=video 4 RTP/AVP 31\n";
    assert_eq!(refuse(&SessionDescription::parse(disabled).unwrap()), NegotiationError::NoAudio);
}

#[test]
fn ipv6_is_answered_with_ipv6() {
    let text =
        "v=0\r\no=- 1 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n";
    let ours = LocalMedia::new("[2001:db8::1]:4000".parse().unwrap(), 1);
    let offer = SessionDescription::parse(text).unwrap();
    let (text, params) = answer(&offer, &MediaPreferences::default(), &ours).unwrap();
    assert!(text.contains("o=- 1 1 IN IP6 2001:db8::1\r\n") && text.contains("c=IN IP6 2001:db8::1\r\n"), "{text}");
    assert_eq!(params.remote, address("[2001:db8::7]:30000"));
}

#[test]
fn our_offer_is_what_devices_expect_to_read() {
    let expected = "v=0\r\no=- 77 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 9 8 0 13 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
        a=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n";
    assert_eq!(offer(&MediaPreferences::default(), &local()), expected);
}

#[test]
fn an_answer_settles_what_we_send_and_what_we_may_hear() {
    let preferences = MediaPreferences::default();
    let ours = offer(&preferences, &local());
    let apply = |theirs: &SessionDescription| apply_answer(&ours, theirs, &preferences);

    let params = apply(&offered("RTP/AVP 8 101", &["a=rtpmap:101 telephone-event/8000", "a=ptime:30"])).unwrap();
    assert_eq!((params.payload_type, params.codec, params.packet_ms), (8, Codec::Pcma, 30));
    assert_eq!(params.accepted.as_slice(), &[(8, Codec::Pcma)]);
    assert_eq!(params.dtmf.map(|dtmf| dtmf.payload_type), Some(101));
    assert_eq!(params.remote, address("198.51.100.7:30000"));

    let renumbered = ["a=rtpmap:118 PCMU/8000", "a=rtpmap:96 telephone-event/8000"];
    let params = apply(&offered("RTP/AVP 118 96", &renumbered)).unwrap();
    assert_eq!(params.payload_type, 118, "we send under the number of the answer");
    assert_eq!(params.accepted.as_slice(), &[(0, Codec::Pcmu), (118, Codec::Pcmu)]);
    assert_eq!(params.dtmf.map(|dtmf| dtmf.payload_type), Some(101), "keys come under the number of our offer");

    let unasked = ["a=rtpmap:111 opus/48000/2"];
    assert_eq!(apply(&offered("RTP/AVP 111 0", &unasked)).unwrap().codec, Codec::Pcmu, "opus was never offered");
    assert!(matches!(apply(&offered("RTP/AVP 111", &unasked)), Err(NegotiationError::NoCommonCodec { .. })));
    assert!(matches!(apply(&offered("RTP/SAVP 0", &[])), Err(NegotiationError::NoUsableKeys(_))));
    assert_eq!(apply(&offered("RTP/AVP 0", &["a=sendonly"])).unwrap().direction, Direction::RecvOnly);
    let unasked_mux = apply(&offered("RTP/AVP 0", &["a=rtcp-mux"])).unwrap();
    assert_eq!(unasked_mux.remote_rtcp, Some(address("198.51.100.7:30001")), "we never offered to share the port");
    let refused = "v=0\no=- 1 1 IN IP4 198.51.100.7\nc=IN IP4 198.51.100.7\nm=audio 0 RTP/AVP 0\n";
    assert_eq!(apply(&SessionDescription::parse(refused).unwrap()), Err(NegotiationError::Refused));
    let empty = "v=0\no=- 1 1 IN IP4 198.51.100.7\n";
    assert!(matches!(apply(&SessionDescription::parse(empty).unwrap()), Err(NegotiationError::AnswerMismatch(_))));
}

#[test]
fn hold_and_resume_keep_streams_and_numbers_and_raise_the_version() {
    let preferences = MediaPreferences::default();
    let lines = ["a=rtpmap:118 G722/8000", "a=rtpmap:96 telephone-event/8000", "m=video 30002 RTP/AVP 31"];
    let (answered, _) = accept(&offered("RTP/AVP 118 96", &lines));

    let held = LocalMedia { direction: Direction::SendOnly, ..local().next() };
    let hold = re_offer(&answered, &preferences, &held).unwrap();
    assert!(hold.contains("o=- 77 2 IN"), "{hold}");
    assert!(hold.contains("m=audio 4000 RTP/AVP 118 8 0 13 96\r\n"), "{hold}");
    assert!(hold.contains("a=rtpmap:118 G722/8000\r\n") && hold.contains("a=sendonly\r\n"), "{hold}");
    assert!(hold.ends_with("m=video 0 RTP/AVP 31\r\n"), "{hold}");
    let confirmed =
        offered("RTP/AVP 118 96", &["a=rtpmap:118 G722/8000", "a=rtpmap:96 telephone-event/8000", "a=recvonly"]);
    assert_eq!(apply_answer(&hold, &confirmed, &preferences).unwrap().direction, Direction::SendOnly);

    let resume = re_offer(&hold, &preferences, &local()).unwrap();
    assert!(resume.contains("o=- 77 3 IN"), "the version grows even if the caller forgot: {resume}");
    assert!(resume.contains("a=sendrecv\r\n"));
}

#[test]
fn a_number_that_means_something_else_is_never_given_twice() {
    let (answered, _) = accept(&offered("RTP/AVP 101", &["a=rtpmap:101 PCMU/8000"]));
    let again = re_offer(&answered, &MediaPreferences::default(), &local()).unwrap();
    assert!(
        again.contains("a=rtpmap:101 PCMU/8000\r\n") && again.contains("a=rtpmap:96 telephone-event/8000\r\n"),
        "{again}"
    );
}

#[test]
fn unreadable_descriptions_name_the_line_and_the_reason() {
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\n";
    let cases = [
        (String::new(), 0, "empty"),
        ("o=- 1 1 IN IP4 1.2.3.4".to_owned(), 1, "begins with v=0"),
        ("v=1".to_owned(), 1, "version 0"),
        ("v=0\r\nv=0".to_owned(), 2, "second v="),
        ("v=0\r\ns=-".to_owned(), 0, "no o="),
        ("v=0\r\no=- 1 IN IP4 1.2.3.4".to_owned(), 2, "o= needs"),
        (format!("{head}f=invalid:yes"), 3, "type letter"),
        (format!("{head}m =video 1 RTP/AVP 31"), 3, "letter=value"),
        (format!("{head}m=audio 70000 RTP/AVP 0"), 3, "port"),
        (format!("{head}m=audio +5 RTP/AVP 0"), 3, "port"),
        (format!("{head}m=audio 5000 RTP/AVP"), 3, "no format"),
        (format!("{head}m=audio 5000"), 3, "m= needs"),
        (format!("{head}c=IN IP4"), 3, "c= needs"),
        (format!("{head}c=IN IP4 999.1.1.1"), 3, "neither"),
        (format!("{head}s=a\0b"), 3, "NUL"),
        (format!("{head}m=audio 1 RTP/AVP {}", "0 ".repeat(65)), 3, "64 formats"),
        (format!("{head}m=audio 1 RTP/AVP {}", "x".repeat(65)), 3, "token"),
        (format!("{head}{}", "m=audio 1 RTP/AVP 0\r\n".repeat(17)), 19, "16 streams"),
        (format!("{head}{}", "a=x\r\n".repeat(1000)), 1001, "1,000 lines"),
        (format!("{head}a={}", "x".repeat(40_000)), 0, "32 kB"),
    ];
    for (text, line, reason) in cases {
        let error = SessionDescription::parse(&text).unwrap_err();
        assert_eq!(error.line, line, "{error}: {:.80}", text);
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn harmless_mistakes_of_devices_are_read_past() {
    let texts: [&[u8]; 4] = [
        b"v=0\no=- 1 1 IN IP4 198.51.100.7\nc=IN IP4 198.51.100.7\nm=audio 30000 RTP/AVP 0\n",
        b"v=0\r\no=My Phone 1 1 IN IP4 198.51.100.7\r\nt=0 0\r\nc=IN IP4 198.51.100.7 \r\nm=audio 30000/2  RTP/AVP 0 \r\n\r\n",
        b"v=0\r\no=- 99999999999999999999999 1 IN IP4 x\r\ns=caf\xe9\r\nc=IN IP6 198.51.100.7\r\nm=audio 30000 rtp/avp 0 200 x\r\na=rtpmap:nonsense\r\na=rtpmap:0 PCMU/x",
        b"v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\nc=IN IP4 ::ffff:198.51.100.7\r\nm=AUDIO 30000 RTP/AVP 0 0 0\r\n",
    ];
    for text in texts {
        let (_, params) = accept(&SessionDescription::parse(text).unwrap());
        assert_eq!(params.remote, address("198.51.100.7:30000"));
        assert_eq!(params.payload_type, 0);
    }
}

/// Descriptions of real devices, from the sdp-transform project.
#[test]
fn descriptions_of_real_devices_are_read_and_only_invalid_ones_refused() {
    let Some(folder) = std::env::var_os("FIXTURES_DIR") else {
        eprintln!("skipped: FIXTURES_DIR is not set");
        return;
    };
    let folder = std::path::Path::new(&folder).join("voice/sdp/sdp-transform");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let parsed = SessionDescription::parse(&bytes);
        match name.as_str() {
            "invalid.sdp" => assert_eq!(parsed.unwrap_err().line, 10, "the type letter f"),
            _ => {
                let parsed = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
                let answered = answer(&parsed, &MediaPreferences::default(), &local());
                assert_eq!(answered.is_ok(), name == "bfcp.sdp", "{name}: {answered:?}");
            }
        }
        fuzz(&bytes);
        seen += 1;
    }
    assert!(seen >= 17, "only {seen} fixtures");
}
