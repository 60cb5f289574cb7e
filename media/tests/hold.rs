//! Direction and hold (RFC 3264 §5.1; M8).

mod common;

use common::*;
use media::{Direction, Event, SessionConfig, StreamParams};

fn directed(direction: Direction) -> StreamParams {
    StreamParams { direction, ..params() }
}

#[test]
fn on_hold_nothing_is_sent_and_no_timeout_is_raised() {
    let mut leg = Leg::with(SessionConfig { rtp_timeout: ms(2000), ..config() }, &directed(Direction::SendRecv));
    let mut far = Far::new();
    let packet = far.packet(&[0xff; 160]);
    leg.arrive(FAR, &packet);
    leg.run(ms(500));
    for direction in [Direction::Inactive, Direction::SendOnly] {
        leg.session.configure(leg.now, &directed(direction));
        leg.run(ms(60_000));
    }
    assert_eq!(leg.events, [Event::RtpStarted]);
    leg.session.configure(leg.now, &directed(Direction::Inactive));
    let sent = leg.sent.len();
    leg.run(ms(1000));
    assert_eq!(leg.sent.len(), sent);
    leg.session.configure(leg.now, &directed(Direction::SendRecv));
    leg.run(ms(3000));
    assert_eq!(leg.events, [Event::RtpStarted, Event::RtpTimedOut], "after the hold the time begins anew");
}

#[test]
fn speech_waits_while_it_may_not_be_sent_and_the_timeline_runs_on() {
    let mut leg = Leg::new(&directed(Direction::SendRecv));
    leg.run(ms(200));
    leg.session.configure(leg.now, &directed(Direction::RecvOnly));
    leg.play(1, &tone(440.0, 8000.0, 3200), true);
    leg.run(ms(1000));
    let before = leg.sent.len();
    assert!(leg.events.is_empty());
    leg.session.configure(leg.now, &directed(Direction::SendRecv));
    leg.run(ms(1000));
    let (last, next) = (&leg.sent[before - 1], &leg.sent[before]);
    assert!(next.packet().marker);
    assert_eq!(next.packet().sequence, last.packet().sequence.wrapping_add(1));
    let by_clock = (next.at - last.at).as_millis() as u32 * 8;
    assert_eq!(next.packet().timestamp.wrapping_sub(last.packet().timestamp), by_clock);
    assert!(matches!(leg.events[..], [Event::PlayStarted(_), Event::PlayEnded { samples_sent: 3200, .. }]));
}

#[test]
fn what_comes_while_we_only_send_is_not_heard() {
    let mut leg = Leg::new(&directed(Direction::SendOnly));
    let mut far = Far::new();
    for i in 0..50 {
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
    assert!(leg.heard_samples().iter().all(|sample| *sample == 0));
    assert!(leg.heard.len() >= 49, "silence keeps the time");
}

#[test]
fn an_unspecified_address_gets_nothing() {
    for remote in ["0.0.0.0:4000", "192.0.2.7:0"] {
        let mut leg = Leg::new(&StreamParams { remote: address(remote), ..params() });
        leg.run(ms(500));
        assert!(leg.sent.is_empty());
    }
}

/// M8: a caller who is merely silent still reports.
#[test]
fn reports_of_the_far_end_count_as_life() {
    let mut leg = Leg::with(SessionConfig { rtp_timeout: ms(8000), ..config() }, &params());
    let mut far = Far::new();
    let packet = far.packet(&[0xff; 160]);
    leg.arrive(FAR, &packet);
    let mut report = vec![0x80, 200, 0, 6];
    report.extend(far.ssrc.to_be_bytes());
    report.extend([0; 20]);
    for _ in 0..10 {
        leg.run(ms(5000));
        leg.session.handle_rtcp(leg.now, address("192.0.2.7:4001"), &report);
        leg.session.handle_rtcp(leg.now, address(STRANGER), &report);
    }
    assert_eq!(leg.events, [Event::RtpStarted]);
    leg.run(ms(9000));
    assert_eq!(leg.events, [Event::RtpStarted, Event::RtpTimedOut]);
}

/// M8: comfort noise that was not negotiated is not heard, but it is a sign of life.
#[test]
fn a_caller_who_sends_only_unknown_payloads_is_still_there() {
    let mut leg = Leg::with(SessionConfig { rtp_timeout: ms(3000), ..config() }, &params());
    let mut far = Far::new();
    let packet = far.packet(&[0xff; 160]);
    leg.arrive(FAR, &packet);
    for _ in 0..20 {
        leg.run(ms(1000));
        let packet = far.raw(false, 13, far.timestamp, &[40]);
        leg.arrive(FAR, &packet);
        let packet = Far { ssrc: 5, ..Far::new() }.raw(false, 13, 0, &[40]);
        leg.arrive(STRANGER, &packet);
    }
    assert_eq!(leg.events, [Event::RtpStarted]);
    leg.run(ms(3000));
    assert_eq!(leg.events.last(), Some(&Event::RtpTimedOut));
}

#[test]
fn a_far_end_that_moves_and_stays_silent_is_told_again() {
    let mut leg = Leg::with(SessionConfig { rtp_timeout: ms(3000), ..config() }, &params());
    leg.run(ms(4000));
    leg.session.configure(leg.now, &StreamParams { remote: address("192.0.2.8:4000"), ..params() });
    leg.run(ms(4000));
    assert_eq!(leg.events, [Event::RtpTimedOut, Event::RtpTimedOut]);
}
