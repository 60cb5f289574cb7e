//! What legs take from the system, counted in a process that does nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use futures::executor::block_on;
use switchboard::adapters::media_node::Node;
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegSpec, MediaLeg, MediaNode};
use uuid::Uuid;

/// P6, in small: what a leg takes it gives back.
#[test]
fn fifty_legs_come_and_go_without_leaking_a_descriptor() {
    let node = Node::start(&MediaConfig { legs_max: 50, shards: 1, ..MediaConfig::default() }).unwrap();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for _ in 0..3 {
        let legs: Vec<MediaLeg> = (0..50).map(|_| open(&node)).collect();
        assert_eq!(descriptors(), before + 100);
        drop(legs);
        let deadline = Instant::now() + Duration::from_secs(20);
        while node.legs() > 0 {
            assert!(Instant::now() < deadline, "the legs do not close");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        assert_eq!(descriptors(), before);
    }
}

fn open(node: &Node) -> MediaLeg {
    let spec = LegSpec::on_loopback(LegId(Uuid::new_v4()));
    block_on(node.open(spec)).unwrap()
}
