//! What holds for every message and every stream.

use proptest::prelude::*;

use super::*;

/// Header lines as they occur and as they should not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx;rport".to_owned()),
        Just("f: \"A\" <sip:a@example.com>;tag=7".to_owned()),
        Just("From: sip:a@example.com".to_owned()),
        Just("To : <sip:b@example.com>".to_owned()),
        Just("i: abc".to_owned()),
        Just("CSeq: 1 OPTIONS".to_owned()),
        Just("l: 0".to_owned()),
        "Contact: [<>\"sip:@a-z;=,?% ]{0,30}",
        "(Via|v) ?: [SIP/2.0UDa-z;=,:\\[\\] ]{0,30}",
        "[A-Za-z-]{1,12}[ \t]?:[ -~]{0,30}",
        "[ \t][ -~]{0,20}",
        "[ -~]{0,20}",
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        4 => Just("OPTIONS sip:a@example.com SIP/2.0".to_owned()),
        1 => Just("SIP/2.0 200 OK".to_owned()),
        1 => "[A-Z]{1,8} [a-z:@.?%<>]{1,20} SIP/[0-9].[0-9]",
        1 => "[ -~]{0,40}",
    ];
    let base = Just(
        "Via: SIP/2.0/UDP h;branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: d\r\nCSeq: 1 OPTIONS\r\n",
    );
    let base = prop_oneof![3 => base, 1 => Just("")];
    (start, base, proptest::collection::vec(line(), 0..8), proptest::collection::vec(any::<u8>(), 0..20)).prop_map(
        |(start, base, lines, body)| {
            let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            [format!("{start}\r\n{base}{lines}\r\n").into_bytes(), body].concat()
        },
    )
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
        fuzz(&bytes);
    }

    #[test]
    fn plausible_messages_never_panic_and_plain_form_is_final(bytes in message()) {
        fuzz(&bytes);
    }

    #[test]
    fn what_is_accepted_can_be_read_by_the_stack(bytes in message()) {
        let limits = ScreenLimits::default();
        if let Screening::Accept { normalised } = screen(&bytes, ([192, 0, 2, 1], 5).into(), Transport::Datagram, &limits) {
            let read = rsipstack::sip::SipMessage::try_from(&normalised[..]);
            prop_assert!(read.is_ok(), "{:?}\n{}", read.err(), String::from_utf8_lossy(&normalised));
        }
    }

    #[test]
    fn a_stream_is_cut_the_same_however_it_is_split(
        messages in proptest::collection::vec(message(), 1..4), cuts in proptest::collection::vec(1_usize..90, 1..40),
    ) {
        let stream = messages.concat();
        // A split ping reads as two pongs, so keep-alives are left out of the comparison.
        let cut = |sizes: &[usize]| {
            let mut framer = StreamFramer::new(FramerLimits::default());
            let (mut rest, mut found, mut sizes) = (&stream[..], Vec::new(), sizes.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                framer.push(now);
                rest = later;
                loop {
                    match framer.poll() {
                        Ok(Some(Framed::Message(message))) => found.push(Some(message)),
                        Ok(Some(Framed::Ping | Framed::Pong)) => {}
                        Ok(None) => break,
                        Err(_) => {
                            found.push(None);
                            return found;
                        }
                    }
                }
            }
            found
        };
        prop_assert_eq!(cut(&[stream.len()]), cut(&cuts));
    }
}
