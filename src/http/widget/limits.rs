//! How often one visit, and one address, may ask (token buckets), and how many streams one address may hold.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::http::{HeaderValue, StatusCode, header};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use crate::http::problem::Problem;

/// What is counted.
pub struct Limits {
    begun: Often<IpAddr>,
    messages: Often<Uuid>,
    messages_from: Often<IpAddr>,
    files: Often<Uuid>,
    signs: Often<Uuid>,
    streams: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            begun: Often::new(30, 30),
            messages: Often::new(30, 10),
            messages_from: Often::new(240, 120),
            files: Often::new(10, 5),
            signs: Often::new(120, 40),
            streams: Arc::default(),
        }
    }
}

impl Limits {
    /// A visit begins. A school or an office has one address for many.
    pub fn begins(&self, from: IpAddr) -> Result<(), Problem> {
        self.begun.once(&network(from))
    }

    /// A message is written.
    pub fn writes(&self, visit: Uuid, from: IpAddr) -> Result<(), Problem> {
        self.messages.once(&visit)?;
        self.messages_from.once(&network(from))
    }

    /// A file is brought.
    pub fn brings(&self, visit: Uuid) -> Result<(), Problem> {
        self.files.once(&visit)
    }

    /// A sign is given.
    pub fn signs(&self, visit: Uuid) -> Result<(), Problem> {
        self.signs.once(&visit)
    }

    /// A stream is opened; it counts until what is given back is dropped.
    pub fn opens(&self, from: IpAddr) -> Result<Open, Problem> {
        let from = network(from);
        let mut streams = held(&self.streams);
        let open = streams.entry(from).or_default();
        if *open >= STREAMS_MAX {
            return Err(too_often("Too many chats are open from this address; close one.", 10));
        }
        *open += 1;
        Ok(Open { from, streams: self.streams.clone() })
    }
}

/// An open stream's place.
pub struct Open {
    from: IpAddr,
    streams: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut streams = held(&self.streams);
        let left = streams.get(&self.from).map_or(0, |open| open.saturating_sub(1));
        match left {
            0 => drop(streams.remove(&self.from)),
            left => drop(streams.insert(self.from, left)),
        }
    }
}

struct Often<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> Often<K> {
    fn new(a_minute: u32, at_once: u32) -> Often<K> {
        let number = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Often(RateLimiter::keyed(Quota::per_minute(number(a_minute)).allow_burst(number(at_once))))
    }

    fn once(&self, key: &K) -> Result<(), Problem> {
        if self.0.len() > REMEMBERED_MAX {
            self.0.retain_recent();
        }
        self.0.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            too_often("That was too often; wait a little and try again.", wait.try_into().unwrap_or(60))
        })
    }
}

fn too_often(detail: &str, wait_s: u32) -> Problem {
    let wait = HeaderValue::from(wait_s);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, wait)
}

/// Whoever has one IPv6 address has the 64 bits after its network as well.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn held(streams: &Mutex<HashMap<IpAddr, u32>>) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
    streams.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Chats open at once from one address: an office behind one.
const STREAMS_MAX: u32 = 100;
/// Visits and addresses remembered before the quiet ones are forgotten: about 1 MB.
const REMEMBERED_MAX: usize = 10_000;
