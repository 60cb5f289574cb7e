//! Ticks of plain RTP take no memory: an allocator that counts what the real-time thread asks of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/rtp_peer.rs"]
mod rtp_peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use futures::executor::block_on;
use media::{PlayItem, Supervision, UtteranceId};
use rtp_peer::{RtpPeer, drive, tone};
use switchboard::adapters::media_node::Node;
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegCommand, LegSpec, MediaLeg, MediaNode};
use uuid::Uuid;

/// The thread that is counted; 0 counts nobody.
static COUNTED: AtomicI32 = AtomicI32::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: everything is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, which is the same.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    let counted = COUNTED.load(Ordering::Relaxed);
    if counted != 0 && rustix::thread::gettid().as_raw_nonzero().get() == counted {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_second_of_calls_allocates_and_frees_nothing() {
    let node = Node::start(&MediaConfig { legs_max: 8, shards: 1, ..MediaConfig::default() }).unwrap();
    let mut calls: Vec<(MediaLeg, RtpPeer)> = (0..8).map(|_| call(&node)).collect();
    let clip = tone(700.0, 20_000);
    for (index, (leg, caller)) in calls.iter_mut().enumerate() {
        caller.play(tone(440.0, 20_000));
        let item = PlayItem { utterance: UtteranceId(1), clip: clip.clone(), last: true };
        let order = if index % 2 == 0 { LegCommand::Echo(true) } else { LegCommand::Play(item) };
        assert!(leg.control.send(order).is_ok());
    }
    // Two of the calls are one: a supervisor barges in, so that all is decoded, added up and encoded.
    let [joined, supervisor] = [4, 5].map(|index| calls[index].0.id);
    for order in [LegCommand::Bridge(joined), LegCommand::Supervise(supervisor, Supervision::Barge)] {
        assert!(calls[1].0.control.send(order).is_ok());
    }
    let mut callers: Vec<&mut RtpPeer> = calls.iter_mut().map(|(_, caller)| caller).collect();
    let reach = |callers: &mut Vec<&mut RtpPeer>, packets: u64| {
        drive(callers, "packets flow", |callers| callers.iter().all(|caller| caller.packets >= packets));
    };
    reach(&mut callers, 50);
    // The counter itself can count: this thread allocates.
    COUNTED.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    drop(std::hint::black_box(Box::new(1)));
    COUNTED.store(0, Ordering::Relaxed);
    assert_eq!(CALLS.swap(0, Ordering::Relaxed), 2);
    COUNTED.store(media_thread(), Ordering::Relaxed);
    reach(&mut callers, 100);
    COUNTED.store(0, Ordering::Relaxed);
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
}

fn media_thread() -> i32 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let media = tasks.filter(|task| std::fs::read_to_string(task.path().join("comm")).unwrap().trim() == "media-0");
    let [task] = &media.collect::<Vec<_>>()[..] else { panic!("one thread is named media-0") };
    task.file_name().to_string_lossy().parse().unwrap()
}

fn call(node: &Node) -> (MediaLeg, RtpPeer) {
    let spec = LegSpec::on_loopback(LegId(Uuid::new_v4()));
    let leg = block_on(node.open(spec)).unwrap();
    let mut peer = RtpPeer::new();
    peer.connect(leg.advertised, leg.advertised_rtcp);
    assert!(leg.control.send(LegCommand::Configure(Box::new(peer.params()))).is_ok());
    (leg, peer)
}
