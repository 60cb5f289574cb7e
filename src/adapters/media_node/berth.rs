//! Seats on the real-time threads and pairs of ports: who has which, and which rest after a call.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng;
use socket2::{Domain, Protocol, Socket, Type};

use crate::domain::ids::LegId;
use crate::seams::media::MediaError;

/// How long a port rests after its leg closed, so that late packets of the old call meet no new one. Far ends
/// stop within a round trip of the BYE; a longer rest only spends ports. Rested ones are preferred, not required:
/// at a thousand calls a second the whole range would rest.
const REST: Duration = Duration::from_secs(4);
/// Packets that wait in the kernel while the thread is held up: about a second of audio.
const RTP_RECEIVE_BYTES: usize = 64 * 1024;
/// RTCP is a packet every few seconds.
const RTCP_RECEIVE_BYTES: usize = 8 * 1024;
/// Expedited forwarding (RFC 3246), the class for voice, as the upper six bits of the traffic class.
const EXPEDITED_FORWARDING: u32 = 46 << 2;

/// All berths of the node.
pub(super) struct Harbour {
    legs_max: usize,
    ledger: Mutex<Ledger>,
}

struct Ledger {
    /// Free slots of each shard.
    free: Vec<Vec<u32>>,
    shard_of: HashMap<LegId, usize>,
    legs: usize,
    ports_in_use: HashSet<u16>,
    /// Ports with the time at which their leg closed, oldest first.
    resting: VecDeque<(u16, Instant)>,
    is_resting: HashSet<u16>,
}

/// A leg's place: its thread, its slot there and its ports. Dropping it gives them back.
pub(super) struct Berth {
    harbour: Arc<Harbour>,
    leg: LegId,
    shard: usize,
    slot: u32,
    port: Mutex<Option<u16>>,
}

/// The sockets of a leg; `port` is the RTP port, RTCP is on the next.
pub(super) struct Pair {
    pub(super) port: u16,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
}

impl Harbour {
    pub(super) fn new(shards: usize, legs_max: usize) -> Harbour {
        // Any shard may have to take every leg, since bridged legs share one.
        let slots = u32::try_from(legs_max).unwrap_or(u32::MAX / 2);
        let ledger = Ledger {
            free: vec![(0..slots).rev().collect(); shards],
            shard_of: HashMap::new(),
            legs: 0,
            ports_in_use: HashSet::new(),
            resting: VecDeque::new(),
            is_resting: HashSet::new(),
        };
        Harbour { legs_max, ledger: Mutex::new(ledger) }
    }

    pub(super) fn legs(&self) -> usize {
        self.ledger().legs
    }

    /// A seat beside the given leg, or on the emptiest thread.
    pub(super) fn enter(self: &Arc<Self>, leg: LegId, beside: Option<LegId>) -> Result<Berth, MediaError> {
        let mut ledger = self.ledger();
        if ledger.legs >= self.legs_max {
            return Err(MediaError::LegLimit(self.legs_max));
        }
        let emptiest = || (0..ledger.free.len()).max_by_key(|&shard| ledger.free[shard].len()).unwrap_or(0);
        let shard = beside.and_then(|beside| ledger.shard_of.get(&beside).copied()).unwrap_or_else(emptiest);
        let slot = ledger.free[shard].pop().ok_or(MediaError::LegLimit(self.legs_max))?;
        ledger.legs += 1;
        ledger.shard_of.insert(leg, shard);
        metrics::gauge!("switchboard_media_legs").set(ledger.legs as f64);
        Ok(Berth { harbour: self.clone(), leg, shard, slot, port: Mutex::new(None) })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Berth {
    pub(super) fn shard(&self) -> usize {
        self.shard
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        let port = *self.port.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ledger = self.harbour.ledger();
        ledger.free[self.shard].push(self.slot);
        ledger.legs -= 1;
        ledger.shard_of.remove(&self.leg);
        metrics::gauge!("switchboard_media_legs").set(ledger.legs as f64);
        if let Some(port) = port {
            ledger.ports_in_use.remove(&port);
            ledger.resting.push_back((port, Instant::now()));
            ledger.is_resting.insert(port);
        }
    }
}

/// Binds an even port and the odd one after it: a random free one, else the one that has rested longest.
pub(super) fn bind_pair(berth: &Berth, address: IpAddr, ports: &RangeInclusive<u16>) -> Result<Pair, MediaError> {
    let exhausted = || MediaError::PortsExhausted(*ports.start(), *ports.end());
    let first = u32::from(*ports.start()).next_multiple_of(2);
    let pairs = (u32::from(*ports.end()) + 1).saturating_sub(first) / 2;
    if pairs == 0 {
        return Err(exhausted());
    }
    let start = rand::rng().random_range(0..pairs);
    let fresh = (0..pairs).map(|step| (first + (start + step) % pairs * 2) as u16);
    for port in fresh {
        if berth.claim_fresh(port)
            && let Some(pair) = berth.bind_claimed(address, port)?
        {
            return Ok(pair);
        }
    }
    for _ in 0..pairs {
        let Some(port) = berth.claim_rested(ports) else { break };
        if let Some(pair) = berth.bind_claimed(address, port)? {
            return Ok(pair);
        }
    }
    Err(exhausted())
}

impl Berth {
    fn claim_fresh(&self, port: u16) -> bool {
        let mut ledger = self.harbour.ledger();
        ledger.wake_rested(Instant::now());
        !ledger.is_resting.contains(&port) && ledger.ports_in_use.insert(port)
    }

    fn claim_rested(&self, ports: &RangeInclusive<u16>) -> Option<u16> {
        let mut ledger = self.harbour.ledger();
        let at = ledger.resting.iter().position(|(port, _)| ports.contains(port) && ports.contains(&(port + 1)))?;
        let (port, _) = ledger.resting.remove(at)?;
        ledger.is_resting.remove(&port);
        ledger.ports_in_use.insert(port);
        Some(port)
    }

    /// `None` when another program has one of the two ports.
    fn bind_claimed(&self, address: IpAddr, port: u16) -> Result<Option<Pair>, MediaError> {
        let bound = bind(address, port, RTP_RECEIVE_BYTES)
            .and_then(|rtp| Ok(Pair { port, rtp, rtcp: bind(address, port + 1, RTCP_RECEIVE_BYTES)? }));
        match bound {
            Ok(pair) => {
                *self.port.lock().unwrap_or_else(PoisonError::into_inner) = Some(port);
                Ok(Some(pair))
            }
            Err(error) => {
                self.harbour.ledger().ports_in_use.remove(&port);
                let taken = matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied);
                if taken { Ok(None) } else { Err(error.into()) }
            }
        }
    }
}

impl Ledger {
    fn wake_rested(&mut self, now: Instant) {
        while let Some(&(port, since)) = self.resting.front()
            && now.duration_since(since) >= REST
        {
            self.resting.pop_front();
            self.is_resting.remove(&port);
        }
    }
}

fn bind(address: IpAddr, port: u16, receive_bytes: usize) -> io::Result<UdpSocket> {
    let to = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if to.is_ipv6() {
        // Mapped IPv4 sources would not match the addresses in session descriptions.
        socket.set_only_v6(true)?;
        // Marking is a courtesy to the network; some containers forbid it.
        let _ = socket.set_tclass_v6(EXPEDITED_FORWARDING);
    } else {
        let _ = socket.set_tos_v4(EXPEDITED_FORWARDING);
    }
    socket.set_recv_buffer_size(receive_bytes)?;
    socket.bind(&to.into())?;
    Ok(socket.into())
}
