//! Reports out and in (RFC 3550 §6).

mod common;

use common::*;
use media::StreamParams;
use media::rtcp::{Report, parse};

fn reporting() -> StreamParams {
    StreamParams { remote_rtcp: Some(address("192.0.2.7:4001")), ..params() }
}

fn parts(datagram: &[u8]) -> Vec<Report> {
    let mut parts = Vec::new();
    assert!(parse(datagram, |part| parts.push(part)), "well formed");
    parts
}

#[test]
fn reports_go_out_every_five_seconds_or_so_and_tell_what_was_lost() {
    let (mut leg, mut far) = (Leg::new(&reporting()), Far::new());
    for i in 0..3000 {
        let packet = far.packet(&[0xff; 160]);
        if i % 4 != 3 {
            leg.arrive(FAR, &packet);
        }
        leg.run(ms(20));
    }
    assert!((9..=18).contains(&leg.rtcp.len()), "{}", leg.rtcp.len());
    let mut gaps: Vec<u128> = leg.rtcp.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
    assert!(gaps.iter().all(|gap| (2500..=7500).contains(gap)), "{gaps:?}");
    gaps.dedup();
    assert!(gaps.len() > 3, "they do not beat in step");
    for sent in &leg.rtcp {
        assert_eq!(sent.transmit.to, address("192.0.2.7:4001"));
        let [Report::Sender { ssrc, .. }, Report::Block { ssrc: about, fraction_lost, lost, .. }] =
            parts(&sent.bytes)[..]
        else {
            panic!("a sender report with one block");
        };
        assert_eq!((ssrc, about), (0x1234_5678, far.ssrc));
        assert!((60..=68).contains(&fraction_lost), "{fraction_lost}");
        assert!(lost > 0);
        // SDES with a CNAME of 16 bytes follows (§6.5.1).
        assert_eq!(sent.bytes[52 + 1], 202);
        assert_eq!(&sent.bytes[52 + 8..52 + 10], &[1, 16]);
    }
}

#[test]
fn on_hold_a_receiver_report_is_sent_and_at_the_end_a_goodbye() {
    let mut leg = Leg::new(&StreamParams { direction: media::Direction::RecvOnly, ..reporting() });
    leg.run(ms(6000));
    assert_eq!(leg.rtcp[0].bytes[1], 201);
    leg.session.close(leg.now);
    leg.run(ms(1));
    assert_eq!(parts(&leg.rtcp.last().unwrap().bytes).last(), Some(&Report::Bye));
}

#[test]
fn the_round_trip_is_read_from_two_sessions_talking() {
    let (mut a, mut b) = (Leg::new(&reporting()), Leg::new(&reporting()));
    let mut taken = [[0, 0], [0, 0]];
    for _ in 0..12_000 {
        a.run(ms(1));
        b.run(ms(1));
        // Each direction takes 40 ms.
        for from in [0, 1] {
            let (source, target) = if from == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            while let Some(sent) = source.sent.get(taken[from][0]).filter(|sent| sent.at + ms(40) <= source.now) {
                target.session.handle_rtp(target.now, address(FAR), &sent.bytes);
                taken[from][0] += 1;
            }
            while let Some(sent) = source.rtcp.get(taken[from][1]).filter(|sent| sent.at + ms(40) <= source.now) {
                target.session.handle_rtcp(target.now, address("192.0.2.7:4001"), &sent.bytes);
                taken[from][1] += 1;
            }
        }
    }
    let stats = a.session.stats();
    assert!(stats.round_trip_ms.is_some_and(|time| (78..=84).contains(&time)), "{stats:?}");
    assert_eq!(stats.far_fraction_lost, Some(0));
    assert_eq!(stats.lost, 0);
}

/// M3.
#[test]
fn garbage_is_refused() {
    for garbage in [&[][..], &[0x80], &[0x80, 200, 0, 1], &[0x80, 203, 0, 0], &[0x80, 200, 255, 255, 0, 0, 0, 0]] {
        assert!(!parse(garbage, |_| {}), "{garbage:?}");
    }
    assert!(!parse(&[0x80, 201, 0, 1, 0, 0, 0, 1, 9], |_| {}), "a rest of one byte");
    assert!(!parse(&[0x80, 201, 0, 1, 0, 0, 0, 1, 0x40, 203, 0, 0], |_| {}), "another version");
}
