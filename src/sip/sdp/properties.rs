//! What holds for every description.

use media::{Codec, Direction, SourceRule};
use proptest::prelude::*;

use super::*;

fn preferences() -> impl Strategy<Value = MediaPreferences> {
    let codecs =
        proptest::sample::subsequence(vec![Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus], 1..=4).prop_shuffle();
    let packet_ms = proptest::sample::select(vec![10_u8, 20, 30, 40, 60]);
    (codecs, packet_ms, any::<[bool; 3]>()).prop_map(
        |(codecs, packet_ms, [telephone_event, comfort_noise, rtcp_mux])| {
            let source_rule = SourceRule::FromSdp;
            let base = MediaPreferences { source_rule, ..MediaPreferences::default() };
            MediaPreferences { codecs, packet_ms, telephone_event, comfort_noise, rtcp_mux, ..base }
        },
    )
}

fn local() -> impl Strategy<Value = LocalMedia> {
    let directions = vec![Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    (1024_u16..=65534, any::<u64>(), 0_u64..1000, proptest::sample::select(directions)).prop_map(
        |(port, session_id, version, direction)| {
            let base = LocalMedia::new(([192, 0, 2, 9], port).into(), session_id);
            LocalMedia { version, direction, ..base }
        },
    )
}

/// Lines as they occur, in any order and number.
fn jumbled_description() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("v=0".to_owned()),
        Just("o=- 1 1 IN IP4 198.51.100.1".to_owned()),
        Just("c=IN IP4 198.51.100.1".to_owned()),
        Just("c=IN IP4 0.0.0.0".to_owned()),
        Just("a=sendonly".to_owned()),
        Just("a=rtcp-mux".to_owned()),
        "m=(audio|video) [0-9]{1,6} RTP/(S)?AVP(F)?( [0-9]{1,3}){1,6}",
        "a=rtpmap:[0-9]{1,3} (PCMU|pcma|G722|telephone-event|CN|opus)/(8000|16000|48000)(/[12])?",
        "a=(ptime|maxptime|rtcp):[0-9]{0,4}",
        "[a-z]=[ -~]{0,30}",
    ];
    proptest::collection::vec(line, 0..20)
        .prop_map(|lines| format!("v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\n{}", lines.join("\r\n")))
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzz(&bytes);
    }

    #[test]
    fn jumbled_lines_never_panic_and_every_answer_is_within_its_offer(
        text in jumbled_description(), preferences in preferences(), local in local(),
    ) {
        fuzz(text.as_bytes());
        let Ok(theirs) = SessionDescription::parse(&text) else { return Ok(()) };
        let Ok((text, Agreement { params, .. })) = answer(&theirs, &preferences, &local) else { return Ok(()) };
        let ours = SessionDescription::parse(&text).unwrap();
        prop_assert_eq!(ours.media.len(), theirs.media.len());
        for (answered, offered) in ours.media.iter().zip(&theirs.media) {
            prop_assert_eq!(&answered.protocol, &offered.protocol);
            prop_assert!(offered.port != 0 || answered.port == 0, "a disabled stream stays disabled");
            for format in &answered.formats {
                prop_assert!(offered.formats.contains(format), "{} was never offered", format);
            }
        }
        prop_assert_eq!(ours.media.iter().filter(|stream| stream.port != 0).count(), 1);
        prop_assert!(preferences.codecs.contains(&params.codec));
        prop_assert!([10, 20, 30, 40, 60].contains(&params.packet_ms));
    }

    #[test]
    fn every_offer_of_ours_is_answered_by_ourselves_and_both_sides_agree(
        offerer in preferences(), answerer in preferences(), from in local(), to in local(),
    ) {
        let first = offer(&offerer, &from);
        let read = SessionDescription::parse(&first).unwrap();
        let common = offerer.codecs.iter().any(|codec| answerer.codecs.contains(codec));
        let answered = answer(&read, &answerer, &to);
        prop_assert_eq!(answered.is_ok(), common);
        let Ok((text, Agreement { params: theirs, .. })) = answered else { return Ok(()) };
        let ours = apply_answer(&first, &SessionDescription::parse(&text).unwrap(), &offerer, None).unwrap().params;

        prop_assert_eq!((ours.codec, ours.payload_type), (theirs.codec, theirs.payload_type));
        prop_assert_eq!(ours.dtmf, theirs.dtmf);
        prop_assert_eq!(ours.comfort_noise_payload_type, theirs.comfort_noise_payload_type);
        prop_assert_eq!((ours.remote, theirs.remote), (to.rtp, from.rtp));
        prop_assert_eq!((ours.remote_rtcp, theirs.remote_rtcp), (Some(to.rtcp), Some(from.rtcp)));
        prop_assert_eq!(ours.direction, mirrored(theirs.direction));

        let again = re_offer(&first, &offerer, &from).unwrap();
        let read_again = SessionDescription::parse(&again).unwrap();
        prop_assert_eq!(&read_again.media, &read.media);
        prop_assert!(read_again.origin.version.parse::<u64>().unwrap() > from.version);
    }
}

fn mirrored(direction: Direction) -> Direction {
    match direction {
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        both @ (Direction::SendRecv | Direction::Inactive) => both,
    }
}
