//! A third ear on real legs (R9): the node carries each voice to whom the table says, over UDP on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/rtp_peer.rs"]
mod rtp_peer;

use futures::executor::block_on;
use media::{PlayItem, Side, Supervision, UtteranceId};
use rtp_peer::{RtpPeer, drive, tone};
use switchboard::adapters::media_node::Node;
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegCommand, LegEvent, LegSpec, MediaLeg, MediaNode};
use uuid::Uuid;

const CUSTOMER_HZ: f64 = 400.0;
const COLLEAGUE_HZ: f64 = 700.0;
const SUPERVISOR_HZ: f64 = 1_000.0;
const AGENT_HZ: f64 = 1_300.0;
/// Frames that show how things stand now.
const LATELY: usize = 10;

/// Three telephones on one thread, each of which says a tone of its own, and nobody is tied to anybody.
struct Call {
    _node: Node,
    legs: [MediaLeg; 3],
    peers: [RtpPeer; 3],
}

const CUSTOMER: usize = 0;
const COLLEAGUE: usize = 1;
const SUPERVISOR: usize = 2;

impl Call {
    fn new() -> Call {
        let node = Node::start(&MediaConfig { legs_max: 4, shards: 1, ..MediaConfig::default() }).unwrap();
        let legs: [MediaLeg; 3] =
            std::array::from_fn(|_| block_on(node.open(LegSpec::on_loopback(LegId(Uuid::new_v4())))).unwrap());
        let mut peers: [RtpPeer; 3] = std::array::from_fn(|_| RtpPeer::new());
        for (which, hz) in [CUSTOMER_HZ, COLLEAGUE_HZ, SUPERVISOR_HZ].into_iter().enumerate() {
            peers[which].connect(legs[which].advertised, legs[which].advertised_rtcp);
            peers[which].play(tone(hz, 60_000));
            let configure = LegCommand::Configure(Box::new(peers[which].params()));
            assert!(legs[which].control.send(configure).is_ok());
        }
        Call { _node: node, legs, peers }
    }

    fn order(&self, command: LegCommand) {
        assert!(self.legs[CUSTOMER].control.send(command).is_ok(), "the leg takes orders");
    }

    fn bridge(&self, with: usize) {
        self.order(LegCommand::Bridge(self.legs[with].id));
    }

    fn supervise(&self, how: Supervision) {
        self.order(LegCommand::Supervise(self.legs[SUPERVISOR].id, how));
    }

    fn agent_speaks(&self) {
        let clip = tone(AGENT_HZ, 60_000);
        self.order(LegCommand::Play(PlayItem { utterance: UtteranceId(1), clip, last: true }));
    }

    /// Waits until one of the three hears this pitch; how long that takes, in milliseconds.
    fn first_heard(&mut self, by: usize, hz: f64) -> u128 {
        self.peers.iter_mut().for_each(|peer| peer.heard.clear());
        let ordered_at = std::time::Instant::now();
        let [customer, colleague, supervisor] = &mut self.peers;
        drive(&mut [customer, colleague, supervisor], "the first of it is heard", |peers| {
            peers[by].heard.iter().any(|frame| loudness(&frame.0, hz) > 4_000.0)
        });
        ordered_at.elapsed().as_millis()
    }

    /// Waits until each of the three has heard these pitches and no other for a while.
    fn until_heard(&mut self, what: &str, wanted: [&[f64]; 3]) {
        self.peers.iter_mut().for_each(|peer| peer.heard.clear());
        let [customer, colleague, supervisor] = &mut self.peers;
        drive(&mut [customer, colleague, supervisor], what, |peers| {
            peers.iter().zip(wanted).all(|(peer, wanted)| lately(peer, wanted))
        });
    }
}

/// Whether the last frames held these pitches and no other, one and all.
fn lately(peer: &RtpPeer, wanted: &[f64]) -> bool {
    let Some(frames) = peer.heard.last_chunk::<LATELY>() else { return false };
    let all = [CUSTOMER_HZ, COLLEAGUE_HZ, SUPERVISOR_HZ, AGENT_HZ];
    frames.iter().all(|frame| all.iter().all(|hz| (loudness(&frame.0, *hz) > 4_000.0) == wanted.contains(hz)))
}

/// How loud a pitch is (Goertzel).
fn loudness(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / 16_000.0).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (f64::from(*sample) + coefficient * last - before, last);
    }
    (last * last + before * before - coefficient * last * before).max(0.0).sqrt() * 2.0 / samples.len() as f64
}

#[test]
fn a_supervisor_hears_agent_and_customer_and_is_heard_as_far_as_they_say() {
    let mut call = Call::new();
    call.agent_speaks();
    call.supervise(Supervision::Listen);
    let both: &[f64] = &[CUSTOMER_HZ, AGENT_HZ];
    call.until_heard("listening", [&[AGENT_HZ], &[], both]);
    call.supervise(Supervision::Barge);
    println!(
        "From the order to the supervisor's voice at the customer's ear: {} ms",
        call.first_heard(CUSTOMER, SUPERVISOR_HZ)
    );
    call.until_heard("barging", [&[AGENT_HZ, SUPERVISOR_HZ], &[], both]);
    call.supervise(Supervision::Whisper(Side::Customer));
    call.until_heard("whispering", [&[AGENT_HZ, SUPERVISOR_HZ], &[], both]);
    call.order(LegCommand::Unsupervise);
    call.until_heard("gone", [&[AGENT_HZ], &[], &[]]);
}

/// Every mode while customer and colleague speak, whose audio is forwarded as it came wherever nobody else is heard.
#[test]
fn in_every_mode_of_a_joined_call_each_hears_whom_they_should() {
    let mut call = Call::new();
    call.bridge(COLLEAGUE);
    call.until_heard("joined", [&[COLLEAGUE_HZ], &[CUSTOMER_HZ], &[]]);
    let both: &[f64] = &[CUSTOMER_HZ, COLLEAGUE_HZ];
    for _ in 0..2 {
        call.supervise(Supervision::Listen);
        call.until_heard("listening", [&[COLLEAGUE_HZ], &[CUSTOMER_HZ], both]);
        call.supervise(Supervision::Whisper(Side::Colleague));
        call.until_heard("whispering", [&[COLLEAGUE_HZ], &[CUSTOMER_HZ, SUPERVISOR_HZ], both]);
        call.supervise(Supervision::Barge);
        call.until_heard("barging", [&[COLLEAGUE_HZ, SUPERVISOR_HZ], &[CUSTOMER_HZ, SUPERVISOR_HZ], both]);
        call.order(LegCommand::Unsupervise);
        call.until_heard("gone", [&[COLLEAGUE_HZ], &[CUSTOMER_HZ], &[]]);
    }
}

/// A supervisor takes over from a colleague, and is let go again: at no time is a packet missing at the customer's
/// telephone, nor one that holds nobody's voice.
#[test]
fn a_swap_of_whom_the_customer_speaks_with_has_no_gap() {
    let mut call = Call::new();
    call.bridge(COLLEAGUE);
    call.supervise(Supervision::Barge);
    call.until_heard(
        "barging",
        [&[COLLEAGUE_HZ, SUPERVISOR_HZ], &[CUSTOMER_HZ, SUPERVISOR_HZ], &[CUSTOMER_HZ, COLLEAGUE_HZ]],
    );
    call.peers[CUSTOMER].heard.clear();
    call.bridge(SUPERVISOR);
    call.until_quiet_customer("taken over", SUPERVISOR_HZ, &[COLLEAGUE_HZ]);
    call.until_heard("taken over", [&[SUPERVISOR_HZ], &[], &[CUSTOMER_HZ]]);
    // And from the supervisor to the agent.
    call.agent_speaks();
    call.order(LegCommand::Unbridge);
    call.until_heard("back with the agent", [&[AGENT_HZ], &[], &[]]);
}

impl Call {
    /// Waits until the others are gone from the customer's ear; this pitch was in every frame meanwhile.
    fn until_quiet_customer(&mut self, what: &str, stays_hz: f64, gone: &[f64]) {
        let [customer, colleague, supervisor] = &mut self.peers;
        drive(&mut [customer, colleague, supervisor], what, |peers| {
            let heard = &peers[CUSTOMER].heard;
            let shares: Vec<f64> = heard.iter().map(|frame| loudness(&frame.0, stays_hz)).collect();
            assert!(shares.iter().all(|loud| *loud > 6_000.0), "a gap: {shares:?}");
            let recent = heard.last_chunk::<LATELY>();
            recent.is_some_and(|frames| frames.iter().all(|f| gone.iter().all(|hz| loudness(&f.0, *hz) < 4_000.0)))
        });
    }
}

/// A leg that dies leaves the others as they are without it.
#[test]
fn whoever_goes_leaves_the_others_as_they_are() {
    let mut call = Call::new();
    call.bridge(COLLEAGUE);
    call.supervise(Supervision::Barge);
    let both: &[f64] = &[CUSTOMER_HZ, COLLEAGUE_HZ];
    call.until_heard("barging", [&[COLLEAGUE_HZ, SUPERVISOR_HZ], &[CUSTOMER_HZ, SUPERVISOR_HZ], both]);
    let gone = std::mem::replace(&mut call.legs[COLLEAGUE], block_on(call._node.open(spare())).unwrap());
    drop(gone);
    call.peers[COLLEAGUE].heard.clear();
    let [customer, _, supervisor] = &mut call.peers;
    customer.heard.clear();
    supervisor.heard.clear();
    drive(&mut [customer, supervisor], "the colleague is gone", |peers| {
        lately(peers[0], &[SUPERVISOR_HZ]) && lately(peers[1], &[CUSTOMER_HZ])
    });
}

fn spare() -> LegSpec {
    LegSpec::on_loopback(LegId(Uuid::new_v4()))
}

/// R48, R9: the recording holds what the customer said and what the customer heard. A whisper to the colleague is not
/// in it; what a supervisor says to both is, beside the colleague.
#[test]
fn a_whisper_is_not_in_the_recording_and_a_barge_is() {
    let mut call = Call::new();
    let folder = tempfile::tempdir().unwrap();
    call.bridge(COLLEAGUE);
    for (how, is_heard) in [(Supervision::Whisper(Side::Colleague), false), (Supervision::Barge, true)] {
        call.supervise(how);
        let theirs: &[f64] = if is_heard { &[COLLEAGUE_HZ, SUPERVISOR_HZ] } else { &[COLLEAGUE_HZ] };
        let both: &[f64] = &[CUSTOMER_HZ, COLLEAGUE_HZ];
        call.until_heard("the mode is heard", [theirs, &[CUSTOMER_HZ, SUPERVISOR_HZ], both]);
        let file = folder.path().join(format!("{is_heard}.wav"));
        call.order(LegCommand::Record(file.clone()));
        call.until_heard("some of it is recorded", [theirs, &[CUSTOMER_HZ, SUPERVISOR_HZ], both]);
        call.order(LegCommand::StopRecording);
        let [customer, colleague, supervisor] = &mut call.peers;
        let events = &mut call.legs[CUSTOMER].events;
        drive(&mut [customer, colleague, supervisor], "the recording is complete", |_| {
            std::iter::from_fn(|| events.try_recv().ok()).any(|event| matches!(event, LegEvent::Recorded { .. }))
        });
        let (left, right) = channels(&file);
        let has = |channel: &[i16], hz: f64| {
            let frames: Vec<_> = channel.chunks_exact(320).skip(2).collect();
            let count = frames.iter().filter(|frame| loudness(frame, hz) > 4_000.0).count();
            (count * 10 >= frames.len() * 8, count == 0)
        };
        assert_eq!(has(&left, CUSTOMER_HZ), (true, false));
        assert_eq!([SUPERVISOR_HZ, COLLEAGUE_HZ].map(|hz| has(&left, hz).1), [true, true]);
        assert_eq!(has(&right, COLLEAGUE_HZ), (true, false));
        assert_eq!(has(&right, SUPERVISOR_HZ), (is_heard, !is_heard));
    }
}

fn channels(file: &std::path::Path) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> = hound::WavReader::open(file).unwrap().samples().map(Result::unwrap).collect();
    let side = |side: usize| samples.iter().skip(side).step_by(2).copied().collect();
    (side(0), side(1))
}
