//! Packets forwarded between bridged legs (R6).

mod common;

use common::*;
use media::{Codec, Direction, Key, Session, StreamParams};

/// Bridges two legs for one packet that `from` received: as the driver does.
fn forward(from: &mut Leg, to: &mut Leg) -> usize {
    let mut forwarded = 0;
    while let Some(packet) = from.session.poll_relay() {
        forwarded += usize::from(to.session.relay(from.now, &packet));
    }
    to.run(ms(0));
    forwarded
}

fn pair(to: StreamParams) -> (Leg, Leg, Far) {
    let (mut from, mut to) = (Leg::new(&params()), Leg::new(&to));
    from.session.set_relaying(true);
    to.now = from.now;
    from.run(ms(100));
    to.run_until(from.now);
    (from, to, Far::new())
}

/// Both legs' time passes; a packet of the far end arrives and is handed on.
fn step(from: &mut Leg, to: &mut Leg, datagram: &[u8]) -> usize {
    from.arrive(FAR, datagram);
    let forwarded = forward(from, to);
    for (_, heard) in from.heard.drain(..) {
        to.session.push_bridged(&heard.frame);
    }
    from.run(ms(20));
    to.run_until(from.now);
    forwarded
}

/// R6: payload bytes pass untouched and at once; numbers are ours and without a seam, marker and all.
#[test]
fn packets_of_one_codec_pass_untouched() {
    let (mut from, mut to, mut far) = pair(params());
    let before = to.sent.len();
    let last =
        to.sent.last().map(|sent| (sent.packet().sequence, sent.packet().timestamp, sent.packet().ssrc)).unwrap();
    let payloads: Vec<Vec<u8>> = (0..50).map(|i| ulaw_tone(440.0, 8000.0, i * 160, 160)).collect();
    for payload in &payloads {
        let at = from.now;
        assert_eq!(step(&mut from, &mut to, &far.packet(payload)), 1);
        assert_eq!(to.sent.last().unwrap().at, at, "it waits for nothing");
    }
    let sent = &to.sent[before..];
    // Nothing of our own in between.
    assert_eq!(sent.len(), payloads.len());
    for (i, (sent, payload)) in sent.iter().zip(&payloads).enumerate() {
        let packet = sent.packet();
        assert_eq!(packet.payload, payload);
        assert_eq!((packet.ssrc, packet.payload_type, packet.marker), (last.2, 0, i == 0));
        assert_eq!(packet.sequence, last.0.wrapping_add(1 + i as u16));
        assert_eq!(packet.timestamp, last.1.wrapping_add(160 * (1 + i as u32)));
    }
}

/// A lost packet stays a gap that the far end can conceal; one that comes twice passes once.
#[test]
fn gaps_and_order_of_the_sender_are_kept() {
    let (mut from, mut to, mut far) = pair(params());
    let packets: Vec<Vec<u8>> = (0..12).map(|i| far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160))).collect();
    let before = to.sent.len();
    for i in [0, 1, 2, 4, 5, 5, 7, 6, 8] {
        step(&mut from, &mut to, &packets[i]);
    }
    let numbers: Vec<u16> = to.sent[before..].iter().map(|sent| sent.packet().sequence).collect();
    let relative: Vec<u16> = numbers.iter().map(|number| number.wrapping_sub(numbers[0])).collect();
    assert_eq!(relative, [0, 1, 2, 4, 5, 7, 6, 8]);
}

/// What cannot be forwarded is transcoded: another codec, another packet time.
#[test]
fn other_codecs_and_packet_times_are_not_forwarded() {
    let other_codec = StreamParams { codec: Codec::Pcma, payload_type: 8, ..params() };
    let other_time = StreamParams { packet_ms: 30, ..params() };
    for to in [other_codec, other_time] {
        let payload_type = to.payload_type;
        let (mut from, mut to, mut far) = pair(to);
        for i in 0..25 {
            assert_eq!(step(&mut from, &mut to, &far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160))), 0);
        }
        let last = to.sent.last().unwrap().packet();
        assert_eq!(last.payload_type, payload_type);
        assert!(to.sent.iter().rev().take(5).all(|sent| sent.packet().payload.iter().any(|byte| byte & 0x70 < 0x60)));
    }
}

/// What we say goes before what the other side says, and afterwards forwarding goes on; never a number twice.
#[test]
fn our_own_words_interrupt_the_forwarding() {
    let (mut from, mut to, mut far) = pair(params());
    let mut forwarded = Vec::new();
    for i in 0..40 {
        if i == 10 {
            assert!(to.play(1, &tone(440.0, 8000.0, 3200), true));
        }
        forwarded.push(step(&mut from, &mut to, &far.packet(&ulaw_tone(300.0, 8000.0, i * 160, 160))));
    }
    assert!(forwarded[..10].iter().all(|n| *n == 1) && forwarded[30..].iter().all(|n| *n == 1));
    assert_eq!(forwarded[12], 0);
    let mut numbers: Vec<u16> = to.sent.iter().map(|sent| sent.packet().sequence.wrapping_sub(65_530)).collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!((numbers.len(), numbers[0], usize::from(*numbers.last().unwrap())), (count, 0, count - 1));
    // Time never runs backwards.
    for pair in to.sent.windows(2) {
        let step = pair[1].packet().timestamp.wrapping_sub(pair[0].packet().timestamp);
        assert!(step > 0 && step < 8_000, "{step}");
    }
}

/// R48: whoever is told something while they are bridged hears the other side beneath it, from its first packet on.
#[test]
fn our_own_words_are_mixed_with_what_the_other_side_says() {
    let (mut from, mut to, mut far) = pair(params());
    let mut both = Vec::new();
    for i in 0..40 {
        if i == 10 {
            assert!(to.play(1, &tone(440.0, 8000.0, 6400), true));
        }
        let before = to.sent.len();
        step(&mut from, &mut to, &far.packet(&ulaw_tone(1000.0, 8000.0, i * 160, 160)));
        if (11..29).contains(&i) {
            both.extend(to.sent[before..].iter().flat_map(|sent| ulaw_decode(sent.packet().payload)));
        }
    }
    assert!(both.len() >= 17 * 160);
    for packet in both.chunks_exact(160) {
        // At 8 kHz a tone looks like its octave at 16 kHz.
        let (ours, theirs) = (share_of(2.0 * 440.0, packet), share_of(2.0 * 1000.0, packet));
        assert!(ours > 0.3 && theirs > 0.3, "{ours} {theirs}");
    }
}

/// When the other side falls silent we send on by ourselves, so that the far end hears that the line stands.
#[test]
fn silence_of_the_other_side_is_filled() {
    let (mut from, mut to, mut far) = pair(params());
    for i in 0..10 {
        step(&mut from, &mut to, &far.packet(&ulaw_tone(300.0, 8000.0, i * 160, 160)));
    }
    let before = to.sent.len();
    from.run(ms(1000));
    to.run_until(from.now);
    assert!((40..=50).contains(&(to.sent.len() - before)), "{}", to.sent.len() - before);
}

/// Keys are for us: they are told, and reach nobody else. Nothing goes to a far end that holds us.
#[test]
fn keys_and_held_legs_are_not_forwarded() {
    let (mut from, mut to, mut far) = pair(params());
    let at = far.timestamp;
    for i in 0..8 {
        let datagram = far.event(i == 0, at, 5, i >= 5, 160 * (i + 1));
        assert_eq!(step(&mut from, &mut to, &datagram), 0);
    }
    assert_eq!(from.keys(), "5");
    assert!(to.sent.iter().all(|sent| sent.packet().payload_type == 0));
    to.session.send_key(to.now, Key(b'1'), ms(100));
    let held = StreamParams { direction: Direction::RecvOnly, ..params() };
    to.session.configure(to.now, &held);
    let before = to.sent.len();
    for i in 0..5 {
        assert_eq!(step(&mut from, &mut to, &far.packet(&ulaw_tone(300.0, 8000.0, i * 160, 160))), 0);
    }
    assert_eq!(to.sent.len(), before);
}

/// M2: what the source rules keep out is not passed on, and a flood is bounded.
#[test]
fn strangers_and_floods_are_not_forwarded() {
    let (mut from, mut to, mut far) = pair(params());
    step(&mut from, &mut to, &far.packet(&ulaw_tone(300.0, 8000.0, 0, 160)));
    let mut stranger = Far { ssrc: 1, ..Far::new() };
    from.arrive(STRANGER, &stranger.packet(&[0; 160]));
    assert_eq!(forward(&mut from, &mut to), 0);
    let mut forwarded = 0;
    for i in 0..1000 {
        from.arrive(FAR, &far.packet(&ulaw_tone(300.0, 8000.0, i * 160, 160)));
        forwarded += forward(&mut from, &mut to);
    }
    assert!(forwarded <= 10, "{forwarded}");
}

/// The recording of a forwarding leg holds both sides.
#[test]
fn what_is_forwarded_is_recorded() {
    let (mut from, mut to, mut far) = pair(params());
    to.session.set_recording(true);
    for i in 0..50 {
        step(&mut from, &mut to, &far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160)));
    }
    let sent: Vec<i16> = to.record.iter().skip(10).flat_map(|pair| pair.sent.0).collect();
    assert!(sent.len() > 8_000 && share_of(440.0, &sent) > 0.95);
}

/// Packets that nobody listens to are forwarded without being decoded; the next one that somebody does is heard.
#[test]
fn what_nobody_takes_is_forwarded_and_not_decoded() {
    let (mut from, mut to, mut far) = pair(params());
    from.heard.clear();
    from.session.set_unheard(from.now, true);
    for i in 0..25 {
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
        from.arrive(FAR, &packet);
        assert_eq!(forward(&mut from, &mut to), 1);
        from.run(ms(20));
        to.run_until(from.now);
    }
    assert!(from.heard.is_empty());
    from.session.set_unheard(from.now, false);
    for i in 25..50 {
        from.arrive(FAR, &far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160)));
        from.run(ms(20));
    }
    let heard = from.heard_samples();
    assert!(heard.len() >= 20 * 320 && share_of(440.0, &heard[4 * 320..]) > 0.95);
}

/// A leg that forwards and is listened to by nobody asks for no slots; its own words still leave at once, and numbers and
/// time go on.
#[test]
fn a_leg_that_forwards_alone_wants_no_ticks() {
    let (mut from, mut to, mut far) = pair(params());
    let mut other_far = Far::new();
    to.session.set_relaying(true);
    let mut ticks = 0;
    for i in 0..50 {
        let payload = ulaw_tone(440.0, 8000.0, i * 160, 160);
        from.arrive(FAR, &far.packet(&payload));
        to.arrive(FAR, &other_far.packet(&payload));
        assert_eq!(forward(&mut from, &mut to) + forward(&mut to, &mut from), 2);
        from.run(ms(20));
        while let Some(due) = to.session.poll_timeout().filter(|due| *due < from.now) {
            to.run_until(due);
            // The wait of its jitter buffer is found in the first of them.
            ticks += usize::from(i >= 10);
        }
        to.now = from.now;
        from.session.set_unheard(from.now, true);
        to.session.set_unheard(to.now, true);
    }
    assert_eq!(ticks, 0);
    let before = to.sent.len();
    let at = to.now;
    assert!(to.play(1, &tone(440.0, 8000.0, 3200), true));
    to.run(ms(0));
    assert_eq!((to.sent.len(), to.sent.last().unwrap().at), (before + 1, at), "the first word waits for no slot");
    to.run(ms(600));
    let since: Vec<_> = to.sent[before - 1..].iter().map(|sent| sent.packet()).collect();
    assert!(since.len() > 28);
    for pair in since.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((160..=320).contains(&step), "{step}");
    }
}

#[test]
fn a_session_that_is_not_bridged_keeps_no_packets() {
    let mut leg = Leg::new(&params());
    leg.arrive(FAR, &Far::new().packet(&[0; 160]));
    let session: &mut Session = &mut leg.session;
    assert!(session.poll_relay().is_none());
}
