//! Recordings of legs over real UDP on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/rtp_peer.rs"]
mod rtp_peer;

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use media::{PlayItem, UtteranceId};
use rtp_peer::{RtpPeer, drive, holds_tone, tone};
use switchboard::adapters::media_node::{Node, repair_recordings};
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegCommand, LegEvent, LegSpec, MediaLeg, MediaNode};
use uuid::Uuid;

/// Samples of one channel in 20 ms.
const FRAME: usize = 320;

fn call() -> (Node, MediaLeg, RtpPeer) {
    let node = Node::start(&MediaConfig { legs_max: 4, shards: 1, ..MediaConfig::default() }).unwrap();
    let spec = LegSpec::on_loopback(LegId(Uuid::new_v4()));
    let leg = block_on(node.open(spec)).unwrap();
    let mut peer = RtpPeer::new();
    peer.connect(leg.advertised, leg.advertised_rtcp);
    send(&leg, LegCommand::Configure(Box::new(peer.params())));
    (node, leg, peer)
}

fn send(leg: &MediaLeg, command: LegCommand) {
    assert!(leg.control.send(command).is_ok(), "the leg takes orders");
}

fn say(leg: &MediaLeg, duration_ms: u32) {
    let item = PlayItem { utterance: UtteranceId(1), clip: tone(700.0, duration_ms), last: true };
    send(leg, LegCommand::Play(item));
}

fn await_recorded(leg: &mut MediaLeg, peer: &mut RtpPeer) -> (PathBuf, u64) {
    let mut recorded = None;
    drive(&mut [peer], "the recording is complete", |_| {
        while let Ok(event) = leg.events.try_recv() {
            match event {
                LegEvent::Recorded { file, duration_ms } => recorded = Some((file, duration_ms)),
                LegEvent::RecordingFailed(reason) => panic!("{reason}"),
                _other_events_do_not_matter_here => {}
            }
        }
        recorded.is_some()
    });
    recorded.unwrap()
}

/// Both channels of a file: left the caller, right what was sent.
fn channels(file: &Path) -> (Vec<i16>, Vec<i16>) {
    let mut wav = hound::WavReader::open(file).unwrap();
    let spec = wav.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 16_000, 16));
    let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
    (samples.iter().step_by(2).copied().collect(), samples.iter().skip(1).step_by(2).copied().collect())
}

fn tones(samples: &[i16], hz: f64) -> usize {
    samples.chunks_exact(FRAME).filter(|frame| holds_tone(frame, hz)).count()
}

#[test]
fn the_caller_is_on_the_left_and_we_are_on_the_right() {
    let (_node, mut leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("2026/11/call.wav");
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 2_000);
    caller.play(tone(440.0, 2_000));
    drive(&mut [&mut caller], "the sentence is heard", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 700.0)).count() >= 50
    });
    send(&leg, LegCommand::StopRecording);
    let (recorded, duration_ms) = await_recorded(&mut leg, &mut caller);
    assert_eq!(recorded, file);
    let (left, right) = channels(&file);
    assert_eq!(duration_ms, left.len() as u64 / 16);
    assert!(tones(&left, 440.0) >= 40 && tones(&left, 700.0) == 0);
    assert!(tones(&right, 700.0) >= 40 && tones(&right, 440.0) == 0);
}

#[test]
fn a_muted_recording_is_silent_on_both_sides_and_keeps_its_length() {
    let (_node, mut leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    send(&leg, LegCommand::MuteRecording(true));
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 1_500);
    caller.play(tone(440.0, 1_500));
    drive(&mut [&mut caller], "the sentence is heard", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 700.0)).count() >= 50
    });
    send(&leg, LegCommand::MuteRecording(false));
    let item = PlayItem { utterance: UtteranceId(2), clip: tone(1_100.0, 1_000), last: true };
    send(&leg, LegCommand::Play(item));
    drive(&mut [&mut caller], "the next sentence is heard", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 1_100.0)).count() >= 25
    });
    send(&leg, LegCommand::StopRecording);
    await_recorded(&mut leg, &mut caller);
    let (left, right) = channels(&file);
    assert!(left.len() >= 75 * FRAME);
    assert!(left[..40 * FRAME].iter().chain(&right[..40 * FRAME]).all(|sample| *sample == 0));
    assert!(tones(&right, 1_100.0) >= 20);
}

/// R48: a card number is known for one only once it has been said.
#[test]
fn what_was_just_said_can_be_taken_out_of_the_recording() {
    let (_node, mut leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 3_000);
    caller.play(tone(440.0, 3_000));
    drive(&mut [&mut caller], "the sentence is heard", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 700.0)).count() >= 75
    });
    send(&leg, LegCommand::EraseRecorded(400));
    drive(&mut [&mut caller], "the sentence goes on", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 700.0)).count() >= 110
    });
    send(&leg, LegCommand::StopRecording);
    let (_, duration_ms) = await_recorded(&mut leg, &mut caller);
    let (left, right) = channels(&file);
    assert_eq!(duration_ms, left.len() as u64 / 16, "its length stays");
    let silent = |samples: &[i16]| samples.chunks_exact(FRAME).filter(|frame| frame.iter().all(|s| *s == 0)).count();
    for (side, hz) in [(&left, 440.0), (&right, 700.0)] {
        assert!((20..=45).contains(&silent(side)), "{} silent frames of {}", silent(side), side.len() / FRAME);
        assert!(tones(&side[..40 * FRAME], hz) >= 25, "what was said before is there");
        assert!(tones(&side[side.len() - 15 * FRAME..], hz) >= 10, "and what was said after");
    }
}

#[test]
fn a_leg_that_closes_completes_its_recording() {
    let (_node, mut leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 500);
    drive(&mut [&mut caller], "something was said", |peers| peers[0].packets >= 20);
    let MediaLeg { control, events, .. } = &mut leg;
    let gone = std::mem::replace(control, switchboard::seams::media::LegControl(std::sync::Arc::new(Nobody)));
    drop(gone);
    let mut recorded = None;
    while let Some(event) = block_on(events.recv()) {
        if let LegEvent::Recorded { file, .. } = event {
            recorded = Some(file);
        }
    }
    assert_eq!(recorded, Some(file.clone()));
    assert!(tones(&channels(&file).1, 700.0) >= 15);
}

/// P3: what `kill -9` leaves of a recording at any instant can be repaired and lacks a second at most.
#[test]
fn a_recording_cut_short_is_repaired_to_its_true_length() {
    let (_node, leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 4_000);
    let cut = folder.path().join("after/crash.wav");
    fs::create_dir(cut.parent().unwrap()).unwrap();
    let mut sent_when_cut = 0;
    drive(&mut [&mut caller], "three seconds are recorded", |_| {
        sent_when_cut = leg.control.samples_sent(UtteranceId(1));
        if sent_when_cut < 3 * 16_000 {
            return false;
        }
        // A copy of the open file is what a crash at this instant leaves; a torn sample makes it worse.
        fs::copy(&file, &cut).unwrap();
        true
    });
    let torn = fs::metadata(&cut).unwrap().len() / 4 * 4 - 1;
    fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(torn).unwrap();
    let repaired = repair_recordings(cut.parent().unwrap());
    let [(path, duration_ms)] = &repaired[..] else { panic!("{repaired:?}") };
    assert_eq!(*path, cut);
    let missing = sent_when_cut / 16 - (*duration_ms).min(sent_when_cut / 16);
    assert!(missing <= 1_000, "{missing} ms are missing");
    let (left, right) = channels(&cut);
    assert_eq!(left.len() as u64 / 16, *duration_ms);
    assert!(tones(&right, 700.0) >= 90);
    assert_eq!(repair_recordings(cut.parent().unwrap()), [], "a second look finds nothing to do");
}

/// P4: the disk is full; the call goes on.
#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let (_node, mut leg, mut caller) = call();
    send(&leg, LegCommand::Record("/dev/full".into()));
    let mut failed = false;
    drive(&mut [&mut caller], "the failure is told", |_| {
        while let Ok(event) = leg.events.try_recv() {
            failed |= matches!(event, LegEvent::RecordingFailed(_));
        }
        failed
    });
    say(&leg, 500);
    drive(&mut [&mut caller], "the call goes on", |peers| {
        peers[0].heard.iter().filter(|frame| holds_tone(&frame.0, 700.0)).count() >= 15
    });
    // A later recording works again.
    let folder = tempfile::tempdir().unwrap();
    send(&leg, LegCommand::Record(folder.path().join("again.wav")));
    drive(&mut [&mut caller], "the file appears", |_| folder.path().join("again.wav").exists());
    send(&leg, LegCommand::StopRecording);
    await_recorded(&mut leg, &mut caller);
}

#[test]
fn shutting_down_completes_recordings() {
    let (node, mut leg, mut caller) = call();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    send(&leg, LegCommand::Record(file.clone()));
    say(&leg, 1_000);
    drive(&mut [&mut caller], "something was said", |peers| peers[0].packets >= 25);
    node.shutdown();
    assert!(tones(&channels(&file).1, 700.0) >= 15);
    let mut recorded = false;
    while let Ok(event) = leg.events.try_recv() {
        recorded |= matches!(event, LegEvent::Recorded { .. });
    }
    assert!(recorded);
}

#[test]
fn files_that_are_no_recordings_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.wav", b"");
    write("text.wav", b"RIFF is not enough of a header");
    write("note.txt", b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff");
    write("endless.wav", &[b"RIFF\0\0\0\0WAVE".as_slice(), &b"junk\0\0\0\0".repeat(100)].concat());
    write("no-format.wav", b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff\0\0");
    assert_eq!(repair_recordings(folder.path()), []);
    assert_eq!(fs::read(folder.path().join("empty.wav")).unwrap(), b"");
}

/// A port that leads nowhere.
struct Nobody;

impl switchboard::seams::media::LegPort for Nobody {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        Err(command)
    }
    fn flush(&self, _up_to: UtteranceId) {}
    fn samples_sent(&self, _utterance: UtteranceId) -> u64 {
        0
    }

    fn wait_ms(&self) -> u32 {
        0
    }
}
