//! The torture messages of RFC 4475 (S1), oversized and malformed ones (S2), and smuggling (S3).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::*;

const SOURCE: ([u8; 4], u16) = ([203, 0, 113, 5], 5099);

fn judge(bytes: &[u8], transport: Transport) -> Screening<'_> {
    screen(bytes, SocketAddr::from(SOURCE), transport, &ScreenLimits::default())
}

/// A sound request with `extra` header lines.
fn request(extra: &str) -> String {
    format!(
        "OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bKabc\r\n\
         From: <sip:b@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n{extra}\
         Content-Length: 0\r\n\r\n"
    )
}

fn accepted(text: &str) -> String {
    match judge(text.as_bytes(), Transport::Datagram) {
        Screening::Accept { normalised } => String::from_utf8(normalised.into_owned()).unwrap(),
        other => panic!("{other:?}\n{text}"),
    }
}

fn status(bytes: &[u8]) -> u16 {
    match judge(bytes, Transport::Datagram) {
        Screening::Accept { .. } => 200,
        Screening::Reply { status, .. } => status,
        Screening::Drop { .. } => 0,
    }
}

/// What screening makes of each message: 200 hands it on, 0 drops it. Where `expected.tsv` leaves a choice
/// the stricter one is taken: nothing that reads in two ways goes on.
const TORTURE: [(&str, u16); 50] = [
    ("wsinv", 200),
    ("intmeth", 501),
    ("esc01", 200),
    ("escnull", 200),
    ("esc02", 501),
    ("lwsdisp", 200),
    ("longreq", 200),
    ("dblreq", 200),
    ("semiuri", 200),
    ("transports", 200),
    ("mpart01", 200),
    ("unreason", 200), // a response that belongs to no transaction: the core drops it
    ("noreason", 200), // likewise
    ("badinv01", 400),
    ("clerr", 400),
    ("ncl", 400),
    ("scalar02", 400),
    ("scalarlg", 0),
    ("quotbal", 400),
    ("ltgtruri", 400),
    ("lwsruri", 400),
    ("lwsstart", 400),
    ("trws", 400),
    ("escruri", 400),
    ("baddate", 200), // Date means nothing to us
    ("regbadct", 400),
    ("badaspec", 400),
    ("baddn", 400),
    ("badvers", 505),
    ("mismatch01", 400),
    ("mismatch02", 400),
    ("bigcode", 0),
    ("badbranch", 400),
    ("insuf", 400),
    ("unkscm", 416),
    ("novelsc", 416),
    ("unksm2", 400),
    ("bext01", 200),   // 420 is the core's
    ("invut", 200),    // 415 is the core's
    ("regaut01", 200), // 401 is the core's
    ("multi01", 400),
    ("mcl01", 400),
    ("bcast", 0), // a second Via: not ours, and nothing goes to 255.255.255.255
    ("zeromf", 200),
    ("cparam01", 200),
    ("cparam02", 200),
    ("regescrt", 200),
    ("sdp01", 200), // 406 is the core's
    ("inv2543", 200),
    ("test", 0), // no Via to answer by
];

fn torture_messages() -> Option<BTreeMap<String, Vec<u8>>> {
    let Some(folder) = std::env::var_os("FIXTURES_DIR") else {
        eprintln!("skipped: FIXTURES_DIR is not set");
        return None;
    };
    let folder = PathBuf::from(folder).join("voice/sip/rfc4475");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let message = |name: &str| {
        let class = ["valid", "invalid"].into_iter().map(|class| folder.join(class).join(format!("{name}.dat")));
        std::fs::read(class.into_iter().find(|file| file.exists()).unwrap()).unwrap()
    };
    let names = table.lines().skip(1).filter_map(|line| line.split('\t').next());
    Some(names.map(|name| (name.to_owned(), message(name))).collect())
}

/// S1 over UDP.
#[test]
fn every_torture_message_gets_what_the_table_says() {
    let Some(messages) = torture_messages() else { return };
    assert_eq!(messages.len(), TORTURE.len(), "every row has its outcome");
    let outcomes: BTreeMap<&str, u16> = TORTURE.into_iter().collect();
    for (name, bytes) in &messages {
        let screening = judge(bytes, Transport::Datagram);
        assert_eq!(status(bytes), outcomes[name.as_str()], "{name}: {screening:?}");
        if let Screening::Reply { response, .. } = screening {
            let text = String::from_utf8(response).unwrap();
            assert!(text.contains(";received=203.0.113.5"), "{name}: {text}");
            assert!(text.ends_with("\r\n\r\n") && text.contains("\r\nCSeq: "), "{name}: {text}");
        }
        fuzz(bytes);
    }
}

/// What is handed on can be read by the stack: nothing stays without an answer there.
#[test]
fn the_stack_reads_everything_that_is_accepted() {
    let Some(messages) = torture_messages() else { return };
    for (name, bytes) in &messages {
        let Screening::Accept { normalised } = judge(bytes, Transport::Datagram) else { continue };
        let read = rsipstack::sip::SipMessage::try_from(&normalised[..]);
        assert!(read.is_ok(), "{name}: {:?}\n{}", read.err(), String::from_utf8_lossy(&normalised));
    }
}

/// S1 over streams: byte by byte, split anywhere, and several in one segment.
#[test]
fn a_stream_of_torture_messages_is_cut_where_they_end_however_it_arrives() {
    let Some(messages) = torture_messages() else { return };
    // Without a Content-Length that fits, a stream cannot be followed: those are tested apart. The second
    // message of `dblreq` is one of its own here.
    let unfit = ["clerr", "ncl", "mcl01", "inv2543", "insuf", "baddn", "test"];
    let whole: Vec<&Vec<u8>> =
        messages.iter().filter(|(name, _)| !unfit.contains(&name.as_str())).map(|(_, bytes)| bytes).collect();
    let stream: Vec<u8> = whole.iter().flat_map(|bytes| bytes.iter().copied()).collect();
    let cut = |chunk: usize| {
        let mut framer = StreamFramer::new(FramerLimits::default());
        let mut found = Vec::new();
        for bytes in stream.chunks(chunk) {
            framer.push(bytes);
            while let Some(framed) = framer.poll().unwrap() {
                if let Framed::Message(message) = framed {
                    found.push(message);
                }
            }
        }
        found
    };
    let expected = cut(stream.len());
    assert!(expected.len() > whole.len(), "the second message of dblreq counts");
    for chunk in [1, 2, 3, 7, 100, 1500] {
        assert!(cut(chunk) == expected, "in pieces of {chunk}");
    }
}

#[test]
fn a_plain_message_is_handed_on_as_it_is() {
    let text = request("X-Note: hello\r\n");
    let Screening::Accept { normalised } = judge(text.as_bytes(), Transport::Datagram) else { panic!() };
    assert!(matches!(normalised, std::borrow::Cow::Borrowed(_)));
}

#[test]
fn folds_short_names_and_blanks_before_colons_are_written_plainly() {
    let plain = accepted(&request("k :\r\n timer ,\r\n\t100rel\r\nX-Auth\t : yes\r\nm: sip:b@192.0.2.9;ob\r\n"));
    for line in ["Supported: timer , 100rel", "X-Auth: yes", "Contact: <sip:b@192.0.2.9>;ob"] {
        assert!(plain.contains(&format!("\r\n{line}\r\n")), "{line}: {plain}");
    }
    let plain = accepted(&request(
        "v: SIP / 2.0 / TCP [2001:db8::1] ; branch = x , SIP/2.0/UDP h\r\nRoute: <sip:a;lr>, <sip:b;lr>\r\n",
    ));
    for line in
        ["Via: SIP/2.0/TCP [2001:db8::1];branch=x", "Via: SIP/2.0/UDP h", "Route: <sip:a;lr>", "Route: <sip:b;lr>"]
    {
        assert!(plain.contains(&format!("\r\n{line}\r\n")), "{line}: {plain}");
    }
}

/// S3.
#[test]
fn internal_headers_of_strangers_vanish_however_they_are_written() {
    let text = request("X-Switchboard-Trunk: a\r\nx-switchboard-user : b\r\nX-SWITCHBOARD-Z:\r\n c\r\nX-Other: d\r\n");
    let plain = accepted(&text).to_ascii_lowercase();
    assert!(!plain.contains("switchboard") && plain.contains("x-other: d\r\n"), "{plain}");
    let trusting = ScreenLimits { trusted: true, ..ScreenLimits::default() };
    let Screening::Accept { normalised } = screen(text.as_bytes(), SOURCE.into(), Transport::Datagram, &trusting)
    else {
        panic!()
    };
    assert!(String::from_utf8_lossy(&normalised).contains("X-Switchboard-Trunk: a\r\n"));
}

/// S2, S3.
#[test]
fn what_reads_in_two_ways_is_refused() {
    let lines = [
        "Call-ID: other\r\n",
        "i: c1\r\n",
        "From: <sip:x@example.com>;tag=2\r\n",
        "t: <sip:x@example.com>\r\n",
        "CSeq: 1 OPTIONS\r\n",
        "Max-Forwards: 70\r\nMax-Forwards: 70\r\n",
        "Content-Length: 0\r\n",
        "L: 5\r\n",
        "Expires: 5\r\nExpires: 6\r\n",
        "Max-Forwards: 256\r\n",
        "Max-Forwards: 70, 71\r\n",
        "Max-Forwards: -1\r\n",
        "No colon here\r\n",
        "Bad Name: x\r\n",
        ": x\r\n",
        "X-A: b\nX-Evil: c\r\n",
        "X-A: b\rX-Evil: c\r\n",
        "X-A: nul \0 byte\r\n",
        "X-A: \"quoted \\\n break\"\r\n",
        "Via: SIP/2.0/UDP\r\n",
        "Via: SIP/2.0/UDP host;;\r\n",
        "Via: SIP/2.0/UDP host:99999\r\n",
        "Via: SIP/2.0/UDP [::zz]\r\n",
        "Contact: <sip:a@b\r\n",
        "Contact: <sip:a@b>;;\r\n",
        "Contact: sip:a@b?Route=x\r\n",
        "Route: sip:a@b\r\n",
        "Route: <tel:5>\r\n",
    ];
    for line in lines {
        assert_eq!(status(request(line).as_bytes()), 400, "{line:?}");
    }
    assert_eq!(status(&[request("").as_bytes().split_at(200).0, b"Route: <sip:\xff@b>\r\n\r\n"].concat()), 400);
}

#[test]
fn parts_that_must_be_there_and_fit_are_checked() {
    let sound = request("");
    let changed = |from: &str, to: &str| {
        assert!(sound.contains(from), "{from}");
        sound.replacen(from, to, 1)
    };
    let cases = [
        (changed("CSeq: 1 OPTIONS\r\n", ""), 400),
        (changed("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), 400),
        (changed("CSeq: 1 OPTIONS", "CSeq: 2147483648 OPTIONS"), 400),
        (changed("CSeq: 1 OPTIONS", "CSeq: 2147483647   OPTIONS"), 200),
        (changed("CSeq: 1 OPTIONS", "CSeq: +1 OPTIONS"), 400),
        (changed("CSeq: 1 OPTIONS", "CSeq: 1"), 400),
        (changed("Call-ID: c1", "Call-ID: "), 400),
        (changed("Call-ID: c1", "Call-ID: c 1"), 400),
        (changed("To: <sip:a@example.com>", "To: \"A <sip:a@example.com>"), 400),
        (changed("To: <sip:a@example.com>", "To: A, B <sip:a@example.com>"), 400),
        (changed("To: <sip:a@example.com>", "To: J\u{f6}rg M <sip:a@example.com>"), 200),
        (changed("To: <sip:a@example.com>", "To: <tel:+49301234>"), 200),
        (changed("To: <sip:a@example.com>", "To: <http://a>"), 400),
        (changed("Content-Length: 0", "Content-Length: 1"), 400),
        (changed("Content-Length: 0", "Content-Length: -1"), 400),
        (changed("Content-Length: 0", "Content-Length: 2147483648"), 400),
        (changed("Content-Length: 0", "Content-Length: 99999999999999999999"), 400),
        (changed("Content-Length: 0\r\n", ""), 200),
        (changed("SIP/2.0\r\n", "SIP/3.0\r\n"), 505),
        (changed("SIP/2.0\r\n", "HTTP/1.1\r\n"), 400),
        (changed("SIP/2.0\r\n", "sip/2.0\r\n"), 200),
        (changed("OPTIONS sip:", "OPTIONS  sip:"), 400),
        (changed("sip:a@example.com SIP", "sip:a@b@example.com SIP"), 400),
        (changed("sip:a@example.com SIP", "sip:a%4@example.com SIP"), 400),
        (changed("sip:a@example.com SIP", "mailto:a@example.com SIP"), 416),
        (changed("sip:a@example.com SIP", "example.com SIP"), 400),
        (sound.replace("OPTIONS", "options"), 501),
        (sound.replace("OPTIONS", "ACK").replacen("ACK sip", "ACK  sip", 1), 0),
        (sound.replace("OPTIONS", "ACK").replace("Call-ID: c1\r\n", ""), 0),
        (changed("Via: ", "X-Via: "), 0),
    ];
    for (text, expected) in cases {
        assert_eq!(status(text.as_bytes()), expected, "{text}");
    }
}

/// S2: sizes and counts.
#[test]
fn floods_of_headers_and_bytes_are_refused_briefly() {
    let cases = [
        (request(&"X-A: b\r\n".repeat(10_000)), 513),
        (request(&"X-A: b\r\n".repeat(250)), 513),
        (request(&format!("X-A: {}\r\n", "b".repeat(1_000_000))), 513),
        (request(&format!("X-A: {}\r\n", "b".repeat(10_000))), 513),
        (request(&format!("X-A: b\r\n{}", " folded\r\n".repeat(3_000))), 513),
        (request(&"Via: SIP/2.0/UDP h\r\n".repeat(150)), 400),
        (request(&format!("Via: SIP/2.0/UDP h{}\r\n", ", SIP/2.0/UDP h".repeat(400))), 400),
        (request(&format!("Route: <sip:a>{}\r\n", ",<sip:a>".repeat(900))), 400),
        (request(&"Contact: <sip:a>\r\n".repeat(150)), 400),
        (request(&"Record-Route: <sip:a>\r\n".repeat(10_000)), 513),
        (request(&"i: c\r\n".repeat(100)), 400),
        (request("").replace("\r\n\r\n", "\r\n"), 400),
    ];
    for (text, expected) in cases {
        let Screening::Reply { status, response, .. } = judge(text.as_bytes(), Transport::Datagram) else {
            panic!("{:.300}", text)
        };
        assert_eq!(status, expected, "{:.300}", text);
        assert!(response.len() <= text.len() + 256);
    }
    let long = [request("").replace("Content-Length: 0", "Content-Length: 64900").as_bytes(), &[b'x'; 64_900]].concat();
    assert_eq!(status(&long), 200, "a long body alone is no fault");
    assert_eq!(status(&[long, vec![b'x'; 9_000]].concat()), 513);
}

#[test]
fn keep_alives_and_broken_responses_get_no_answer() {
    for bytes in [
        &b""[..],
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 20 OK\r\n\r\n",
        b"sip/7.0 200 OK\r\n\r\n",
    ] {
        assert_eq!(status(bytes), 0);
    }
    let response = request("").replace("OPTIONS sip:a@example.com SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(status(response.as_bytes()), 200);
    assert_eq!(status(response.replace("Call-ID: c1\r\n", "").as_bytes()), 0);
}

#[test]
fn a_refusal_goes_to_the_real_source_and_repeats_itself() {
    let text = request("").replace("Call-ID: c1", "Call-ID: c 1").replace(";rport", ";received=198.51.100.1;rport=9");
    let Screening::Reply { response, .. } = judge(text.as_bytes(), Transport::Datagram) else { panic!() };
    let first = String::from_utf8(response).unwrap();
    assert!(first.starts_with("SIP/2.0 400 Bad Call-ID\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKabc;received=203.0.113.5;rport=5099\r\n"), "{first}");
    assert!(first.contains("\r\nTo: <sip:a@example.com>;tag=") && first.contains("\r\nCSeq: 1 OPTIONS\r\n"), "{first}");
    let Screening::Reply { response, .. } = judge(text.as_bytes(), Transport::Datagram) else { panic!() };
    assert_eq!(response, first.as_bytes(), "a retransmission gets the same tag");
}

#[test]
fn octets_behind_a_datagrams_body_are_cut_off_and_a_missing_length_is_added() {
    let twice = request("").repeat(2);
    assert_eq!(accepted(&twice), request(""));
    let without = request("").replace("Content-Length: 0\r\n", "") + "v=0\r\n";
    assert!(accepted(&without).ends_with("Content-Length: 5\r\n\r\nv=0\r\n"));
    assert!(matches!(judge(without.as_bytes(), Transport::Stream), Screening::Reply { status: 400, .. }));
}

#[test]
fn a_caller_of_the_old_standard_gets_a_steady_tag() {
    let old = request("").replace(";tag=1", "");
    let first = accepted(&old);
    assert!(first.contains("From: <sip:b@example.com>;tag="), "{first}");
    assert_eq!(first, accepted(&old));
}

#[test]
fn keep_alives_between_messages_are_told_apart() {
    let mut framer = StreamFramer::new(FramerLimits::default());
    framer.push(format!("\r\n\r\n{}\r\n", request("")).as_bytes());
    assert_eq!(framer.poll(), Ok(Some(Framed::Ping)));
    assert_eq!(framer.poll(), Ok(Some(Framed::Message(request("").into_bytes()))));
    assert_eq!(framer.poll(), Ok(Some(Framed::Pong)));
    assert_eq!(framer.poll(), Ok(None));
    assert_eq!(framer.pending_bytes(), 0);
}

/// S2 on streams, S7: what one connection can make us keep.
#[test]
fn a_stream_that_cannot_be_followed_is_given_up_for_good() {
    let broken = |text: &str| {
        let mut framer = StreamFramer::new(FramerLimits::default());
        for chunk in text.as_bytes().chunks(4096) {
            framer.push(chunk);
            if let Err(error) = framer.poll() {
                assert_eq!((framer.pending_bytes(), framer.poll()), (0, Err(error.clone())));
                return error;
            }
        }
        panic!("{:.200}", text)
    };
    let lengths = ["-1", "2147483648x", "99999999999", "0\r\nl: 5", "1 1"];
    for length in lengths {
        let text = request("").replace("Content-Length: 0", &format!("Content-Length: {length}"));
        let FramerError::BadContentLength { head } = broken(&text) else { panic!("{length}") };
        assert!(matches!(judge(&head, Transport::Stream), Screening::Reply { status: 400, .. }), "{length}");
    }
    let text = request("").replace("Content-Length: 0", "Content-Length :\r\n 2147483647");
    assert!(matches!(broken(&text), FramerError::BodyTooLarge { limit: 65_536, .. }));
    assert_eq!(broken(&request(&"X: y\r\n".repeat(20_000))), FramerError::HeadTooLarge(65_536));
}

#[test]
fn a_message_waits_for_its_whole_body() {
    let text = request("").replace("Content-Length: 0", "l\t:\r\n 4") + "body";
    let mut framer = StreamFramer::new(FramerLimits::default());
    framer.push(&text.as_bytes()[..text.len() - 1]);
    assert_eq!(framer.poll(), Ok(None));
    assert_eq!(framer.pending_bytes(), text.len() - 1);
    framer.push(b"y");
    assert_eq!(framer.poll(), Ok(Some(Framed::Message(text.into_bytes()))));
}
