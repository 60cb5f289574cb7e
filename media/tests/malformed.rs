//! Datagrams that are wrong in every way: nothing panics, nothing of them is heard (M3).

mod common;

use common::*;
use media::{Direction, Event, SessionConfig, StreamParams};
use proptest::prelude::*;

fn talk(leg: &mut Leg, far: &mut Far, packets: usize) {
    for i in 0..packets {
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
}

/// M3.
#[test]
fn headers_that_overrun_the_datagram_are_refused() {
    use media::rtp::{Malformed, parse};
    let good = media::rtp::header(false, 0, 1, 2, 3);
    let with = |first: u8, rest: &[u8]| [&[first], &good[1..], rest].concat();
    assert_eq!(parse(&[]), Err(Malformed::Truncated));
    assert_eq!(parse(&good[..11]), Err(Malformed::Truncated));
    assert_eq!(parse(&with(0x40, &[1])), Err(Malformed::Version));
    assert_eq!(parse(&with(0x8f, &[0; 59])), Err(Malformed::Truncated));
    assert_eq!(parse(&with(0x8f, &[0; 60])).unwrap().payload, []);
    assert_eq!(parse(&with(0x90, &[0xbe, 0xde, 0])), Err(Malformed::Truncated));
    assert_eq!(parse(&with(0x90, &[0xbe, 0xde, 0, 1, 0, 0, 0])), Err(Malformed::Truncated));
    assert_eq!(parse(&with(0x90, &[0xbe, 0xde, 0, 1, 0, 0, 0, 0, 5])).unwrap().payload, [5]);
    assert_eq!(parse(&with(0xa0, &[])), Err(Malformed::Padding));
    assert_eq!(parse(&with(0xa0, &[7, 7, 0])), Err(Malformed::Padding));
    assert_eq!(parse(&with(0xa0, &[7, 7, 4])), Err(Malformed::Padding));
    assert_eq!(parse(&with(0xa0, &[7, 7, 2])).unwrap().payload, [7]);
    assert_eq!(parse(&with(0xa0, &[7, 7, 3])).unwrap().payload, []);
}

/// M3: padding, CSRCs, extensions and empty payloads within a call.
#[test]
fn odd_packets_do_not_disturb_a_call() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    talk(&mut leg, &mut far, 50);
    for first in 0..=255u8 {
        for body in [&[][..], &[0], &[255; 7], &[0; 64], &[1; 300]] {
            let mut packet = far.clone().packet(body);
            packet[0] = first;
            leg.arrive(STRANGER, &packet);
            packet[1] = first;
            packet[2] ^= 0x55;
            leg.arrive(FAR, &packet);
        }
    }
    let from = leg.heard.len();
    talk(&mut leg, &mut far, 50);
    let samples: Vec<i16> = leg.heard[from + 10..].iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.95, "{}", share_of(440.0, &samples));
}

/// M3.
#[test]
fn a_forged_goodbye_ends_nothing() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    talk(&mut leg, &mut far, 10);
    let mut bye = vec![0x80, 201, 0, 1];
    bye.extend(far.ssrc.to_be_bytes());
    bye.extend([0x81, 203, 0, 1]);
    bye.extend(far.ssrc.to_be_bytes());
    leg.session.handle_rtcp(leg.now, address(FAR), &bye);
    leg.arrive(FAR, &bye);
    let from = leg.heard.len();
    talk(&mut leg, &mut far, 10);
    assert!(leg.heard[from..].iter().all(|(_, heard)| !heard.concealed));
    assert_eq!(leg.events, [Event::RtpStarted]);
}

/// M3: a jump of ten seconds, forwards and backwards, and the wrap of both counters (every test here wraps).
#[test]
fn a_jump_of_the_senders_clock_is_followed() {
    for jump in [80_000u32, 80_000u32.wrapping_neg(), 1 << 31] {
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        talk(&mut leg, &mut far, 50);
        far.timestamp = far.timestamp.wrapping_add(jump);
        let from = leg.heard.len();
        talk(&mut leg, &mut far, 50);
        assert!(leg.heard[from..].iter().all(|(_, heard)| !heard.concealed), "jump by {jump}");
    }
}

/// M3.
#[test]
fn payload_types_change_in_mid_call_among_the_accepted_ones_alone() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    talk(&mut leg, &mut far, 20);
    far.payload_type = 8;
    let alaw = |i: usize| {
        use audio_codec::Encoder as _;
        audio_codec::pcma::PcmaEncoder::new().encode(&tone_at(8000.0, 440.0, 8000.0, i * 160, 160))
    };
    let from = leg.heard.len();
    for i in 20..70 {
        let packet = far.packet(&alaw(i));
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
    let samples: Vec<i16> = leg.heard[from..].iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.98);
    far.payload_type = 3;
    let from = leg.heard.len();
    talk(&mut leg, &mut far, 20);
    assert!(leg.heard[from + 6..].iter().all(|(_, heard)| level(&heard.frame.0) < 500.0));
}

/// M8.
#[test]
fn a_stream_that_stops_is_told_once_and_again_when_it_comes_back() {
    let mut leg = Leg::with(SessionConfig { rtp_timeout: ms(3000), ..config() }, &params());
    let mut far = Far::new();
    leg.run(ms(3100));
    talk(&mut leg, &mut far, 10);
    leg.run(ms(10_000));
    talk(&mut leg, &mut far, 10);
    assert_eq!(leg.events, [Event::RtpTimedOut, Event::RtpStarted, Event::RtpTimedOut, Event::RtpStarted]);
}

/// M3: the stored corpus.
#[test]
fn the_corpus_is_read_without_a_panic() {
    let Some(folder) = fixtures("voice/fuzz") else { return };
    let mut folders = vec![folder];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for from in [0, 1, 4, 8, 16, 32].into_iter().filter(|from| *from < bytes.len()) {
                media::rtp::fuzz(&bytes[from..]);
                media::rtcp::fuzz(&bytes[from..]);
            }
            let mut leg = Leg::new(&params());
            leg.arrive(FAR, &bytes);
            leg.session.handle_rtcp(leg.now, address(FAR), &bytes);
            leg.run(ms(40));
            files += 1;
        }
    }
    assert!(files > 50);
}

/// One thing that happens to a session.
#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Rtp { payload_type: u8, sequence: u16, timestamp: u32, payload: Vec<u8>, first: u8 },
    Rtcp(Vec<u8>),
    Wait(u16),
    Play { utterance: u32, samples: u16, last: bool },
    Flush(u32),
    Configure { packet_ms: u8, direction: u8 },
    Key(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..700);
    prop_oneof![
        bytes().prop_map(Step::Bytes),
        (
            prop_oneof![Just(0u8), Just(8), Just(9), Just(101), any::<u8>()],
            any::<u16>(),
            any::<u32>(),
            bytes(),
            any::<u8>()
        )
            .prop_map(|(payload_type, sequence, timestamp, payload, first)| {
                Step::Rtp { payload_type, sequence: sequence % 8, timestamp: timestamp % 4000, payload, first }
            }),
        bytes().prop_map(Step::Rtcp),
        (0u16..300).prop_map(Step::Wait),
        (0u32..9, 0u16..2000, any::<bool>()).prop_map(|(utterance, samples, last)| Step::Play {
            utterance,
            samples,
            last
        }),
        (0u32..9).prop_map(Step::Flush),
        (any::<u8>(), 0u8..4).prop_map(|(packet_ms, direction)| Step::Configure { packet_ms, direction }),
        any::<u8>().prop_map(Step::Key),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// M3: our reader and the `rtp` crate's agree on what a packet is.
    #[test]
    fn the_reader_agrees_with_another_one(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), first in any::<u8>()) {
        use rtp::packet::Packet;
        if let Some(byte) = bytes.first_mut() {
            *byte = 0x80 | first & 0x2f;
        }
        let theirs = <Packet as rtc_shared::marshal::Unmarshal>::unmarshal(&mut &bytes[..]);
        match (media::rtp::parse(&bytes), theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(ours.payload, &theirs.payload[..]);
                prop_assert_eq!(ours.sequence, theirs.header.sequence_number);
                prop_assert_eq!(ours.timestamp, theirs.header.timestamp);
                prop_assert_eq!(ours.ssrc, theirs.header.ssrc);
                prop_assert_eq!(ours.payload_type, theirs.header.payload_type);
            }
            // A padding of zero is malformed by RFC 3550; the other reader lets it pass.
            (Err(media::rtp::Malformed::Padding), Ok(_)) => prop_assert_eq!(bytes.last(), Some(&0)),
            (ours, theirs) => prop_assert_eq!(ours.is_ok(), theirs.is_ok()),
        }
    }

    /// M3: whatever comes, in whatever order: no panic, only negotiated payload types, bounded output.
    #[test]
    fn no_input_upsets_a_session(steps in proptest::collection::vec(step(), 1..60)) {
        let mut leg = Leg::new(&StreamParams { remote_rtcp: Some(address("192.0.2.7:4001")), ..params() });
        leg.session.set_recording(true);
        for step in steps {
            match step {
                Step::Bytes(bytes) => leg.arrive(FAR, &bytes),
                Step::Rtp { payload_type, sequence, timestamp, payload, first } => {
                    let mut packet = media::rtp::header(false, payload_type, sequence, timestamp, 1).to_vec();
                    packet.extend(payload);
                    packet[0] |= first & 0x31;
                    leg.arrive(FAR, &packet);
                }
                Step::Rtcp(bytes) => leg.session.handle_rtcp(leg.now, address(FAR), &bytes),
                Step::Wait(time) => leg.run(ms(time.into())),
                Step::Play { utterance, samples, last } => {
                    leg.play(utterance, &vec![1000; samples.into()], last);
                }
                Step::Flush(utterance) => leg.flush(utterance),
                Step::Configure { packet_ms, direction } => {
                    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
                    let direction = all[usize::from(direction)];
                    leg.session.configure(leg.now, &StreamParams { packet_ms, direction, ..params() });
                }
                Step::Key(key) => leg.session.send_key(leg.now, media::Key(key), ms(u64::from(key) * 3)),
            }
        }
        for sent in &leg.sent {
            prop_assert!([0, 101].contains(&sent.packet().payload_type));
        }
        for window in leg.sent.windows(8) {
            prop_assert!(window[7].at - window[0].at >= ms(30), "no burst");
        }
    }
}
