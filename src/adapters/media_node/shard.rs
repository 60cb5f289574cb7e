//! A real-time thread: news → receive → due ticks → sleep until the earliest of anything.
//!
//! It owns its legs. Nothing here blocks but the sleep, locks, or (on plain RTP) allocates. A panic over one leg
//! closes that leg; the others on the thread go on.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{Timespec, epoll};

use super::bell::Bell;
use super::bin::Bin;
use super::leg::{Bench, DATAGRAM_BYTES, Leg, Port, key_duration};
use super::line::Order;
use super::pace::{Nap, Pace};
use super::stats::Stats;
use crate::seams::media::{LegCommand, MediaError};

/// Readable sockets taken from the kernel at once; the rest are taken in the next round.
const READY_MAX: usize = 512;
/// Missed ticks caught up with in one go after the thread was held up; the session sheds what is older.
const CATCH_UP_MAX: usize = 4;
/// How much more urgent than the rest of the process the threads ask to be. Without the privilege they stay equal.
const NICE: i32 = -11;

/// The legs of one thread.
pub(super) struct Shard {
    bell: Arc<Bell>,
    bin: Arc<Bin>,
    pub(super) legs: Vec<Option<Box<Leg>>>,
    /// When each leg wants to be ticked, beside each other so that looking for due ones is cheap.
    due: Vec<Option<Instant>>,
    /// Slots from here on are empty.
    pub(super) top: usize,
    pace: Pace,
    stats: Stats,
    round: u32,
    datagram: Box<[u8; DATAGRAM_BYTES]>,
}

/// Has the thread woken by the sockets of a leg that is about to arrive.
pub(super) fn register(bell: &Bell, leg: &Leg) -> Result<(), MediaError> {
    for (port, socket) in leg.sockets() {
        let token = u64::from(leg.slot()) << 1 | u64::from(port == Port::Rtcp);
        let data = epoll::EventData::new_u64(token);
        epoll::add(bell.sockets(), socket, data, epoll::EventFlags::IN).map_err(std::io::Error::from)?;
    }
    Ok(())
}

impl Shard {
    /// `anchor` is where the ticks of all legs are counted from.
    pub(super) fn new(bell: Arc<Bell>, bin: Arc<Bin>, legs_max: usize, anchor: Instant) -> Shard {
        Shard {
            bell,
            bin,
            legs: (0..legs_max).map(|_| None).collect(),
            due: vec![None; legs_max],
            top: 0,
            pace: Pace::new(anchor),
            stats: Stats::new(anchor),
            round: 0,
            datagram: Box::new([0; DATAGRAM_BYTES]),
        }
    }

    /// Works until the bell says stop, then closes every leg.
    pub(super) fn run(mut self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::info!(%error, "Media threads run at normal priority");
        }
        let mut nap = Nap { until: None, for_packets: true };
        while !self.bell.stopped() {
            let now = Instant::now();
            self.take_arrivals(now);
            self.take_news(now);
            if self.pace.receives(now, nap) {
                self.receive(now);
            }
            self.tick(now);
            self.stats.publish(now);
            nap = self.pace.nap(now, self.due[..self.top].iter().flatten().min().copied());
            let now = Instant::now();
            self.bell.sleep(nap.until.map(|until| until.saturating_duration_since(now)), nap.for_packets);
        }
        // Dropping the thread's state closes the legs.
    }

    fn take_arrivals(&mut self, now: Instant) {
        while let Some(leg) = self.bell.arrival() {
            let slot = leg.slot() as usize;
            self.due[slot] = leg.session.poll_timeout().map(|due| due.max(now));
            self.legs[slot] = Some(leg);
            self.top = self.top.max(slot + 1);
        }
    }

    fn take_news(&mut self, now: Instant) {
        while let Some(slot) = self.bell.next_news() {
            let slot = slot as usize;
            if self.legs[slot].is_none() {
                // Its news overtook its arrival.
                self.take_arrivals(now);
            }
            let Some(leg) = &self.legs[slot] else { continue };
            leg.line.attend();
            if leg.line.abandoned() {
                self.close(slot);
            } else {
                self.guard(slot, |shard| shard.obey(now, slot));
            }
        }
    }

    fn obey(&mut self, now: Instant, slot: usize) {
        // The sender may refill the queue meanwhile; it then announces the leg again.
        for _ in 0..ORDERS_AT_ONCE {
            let Some(order) = self.legs[slot].as_ref().and_then(|leg| leg.line.orders.pop()) else { break };
            self.obey_one(now, slot, order);
        }
        let mut bench = Bench { datagram: &mut self.datagram, stats: &mut self.stats, bin: &self.bin };
        if let Some(leg) = &mut self.legs[slot] {
            self.pace.worked(leg.receive_arrivals(now, &mut bench));
            leg.speak(now, &mut bench);
        }
        self.drain(now, slot);
    }

    fn obey_one(&mut self, now: Instant, slot: usize, order: Order) {
        let order = match order {
            Order::Leg(LegCommand::Bridge(other)) => return self.join(slot, other),
            Order::Leg(LegCommand::Unbridge) => return self.part(slot),
            Order::Leg(LegCommand::Supervise(by, how)) => return self.supervise(slot, by, how),
            Order::Leg(LegCommand::Unsupervise) => return self.unsupervise(slot),
            order => order,
        };
        let Some(leg) = &mut self.legs[slot] else { return };
        match order {
            Order::Record(tap) => leg.start_recording(tap),
            Order::Secure(seal) => leg.secure(seal),
            Order::Leg(LegCommand::Route(to)) => leg.route_to(to),
            Order::Leg(LegCommand::Configure(params)) => {
                leg.session.configure(now, &params);
                self.bin.params(params);
            }
            Order::Leg(LegCommand::SendKey(key, duration_ms)) => {
                leg.session.send_key(now, key, key_duration(duration_ms));
            }
            Order::Leg(LegCommand::KeyByInfo(key)) => leg.session.key_by_info(now, key),
            Order::Leg(LegCommand::MuteRecording(muted)) => leg.recording_muted = muted,
            Order::Leg(LegCommand::EraseRecorded(last_ms)) => leg.erase_recorded(last_ms),
            Order::Leg(LegCommand::StopRecording) => leg.stop_recording(),
            Order::Leg(LegCommand::Echo(echo)) => leg.echo = echo,
            // Handled above, or (speech, new recordings, keys) never queued as plain orders.
            Order::Leg(
                LegCommand::Bridge(_)
                | LegCommand::Unbridge
                | LegCommand::Supervise(..)
                | LegCommand::Unsupervise
                | LegCommand::Play(_)
                | LegCommand::Record(_)
                | LegCommand::Secure(_),
            ) => {}
        }
    }

    fn receive(&mut self, now: Instant) {
        self.round = self.round.wrapping_add(1);
        let mut ready = [MaybeUninit::<epoll::Event>::uninit(); READY_MAX];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let Ok((ready, _)) = epoll::wait(self.bell.sockets(), &mut ready, Some(&at_once)) else { return };
        for event in ready {
            let token = event.data.u64();
            let (slot, port) = ((token >> 1) as usize, if token & 1 == 0 { Port::Rtp } else { Port::Rtcp });
            if slot < self.top {
                self.guard(slot, |shard| shard.receive_from(now, slot, port));
            }
        }
    }

    fn receive_from(&mut self, now: Instant, slot: usize, port: Port) {
        let mut bench = Bench { datagram: &mut self.datagram, stats: &mut self.stats, bin: &self.bin };
        let Some(leg) = &mut self.legs[slot] else { return };
        let read = leg.receive(now, port, self.round, &mut bench);
        self.pace.worked(read);
        self.drain(now, slot);
    }

    fn tick(&mut self, now: Instant) {
        for slot in 0..self.top {
            for _ in 0..CATCH_UP_MAX {
                let Some(due) = self.due[slot].filter(|due| *due <= now) else { break };
                self.stats.tick(now - due);
                self.pace.worked(1);
                self.guard(slot, |shard| shard.tick_one(now, slot));
            }
        }
    }

    fn tick_one(&mut self, now: Instant, slot: usize) {
        let Some(leg) = &mut self.legs[slot] else { return };
        leg.session.handle_timeout(now);
        if leg.is_holding() {
            let mut bench = Bench { datagram: &mut self.datagram, stats: &mut self.stats, bin: &self.bin };
            leg.speak(now, &mut bench);
        }
        self.drain(now, slot);
    }

    /// Lets a leg hand on what it has, to the other legs of its call as well, and notes when it wants its next tick.
    fn drain(&mut self, now: Instant, slot: usize) {
        let Some(mut leg) = self.legs[slot].take() else { return };
        let mut bench = Bench { datagram: &mut self.datagram, stats: &mut self.stats, bin: &self.bin };
        leg.drain(now, &mut bench, &mut self.legs);
        self.due[slot] = leg.session.poll_timeout();
        self.legs[slot] = Some(leg);
    }

    /// Works on a leg; should that panic, the leg is lost and nothing else.
    fn guard(&mut self, slot: usize, work: impl FnOnce(&mut Shard)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_ok() {
            return;
        }
        tracing::error!(slot, "A leg was closed over a defect in its audio");
        metrics::counter!("switchboard_media_leg_panics_total").increment(1);
        self.forget(slot);
        self.close(slot);
    }

    fn close(&mut self, slot: usize) {
        self.leave(slot);
        let Some(leg) = &mut self.legs[slot] else {
            self.due[slot] = None;
            return;
        };
        leg.line.close();
        let now = Instant::now();
        leg.session.close(now);
        self.drain(now, slot);
        self.due[slot] = None;
        let Some(leg) = self.legs[slot].take() else { return };
        for (_, socket) in leg.sockets() {
            // Not yet registered when the node stops while a leg is being made.
            let _ = epoll::delete(self.bell.sockets(), socket);
        }
        self.bin.leg(leg);
        while self.top > 0 && self.legs[self.top - 1].is_none() {
            self.top -= 1;
        }
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        // After a defect of the thread itself nobody may wait for it.
        self.bell.stop();
        self.take_arrivals(Instant::now());
        (0..self.top).rev().for_each(|slot| self.close(slot));
    }
}

/// Orders of one leg before the others get their turn.
const ORDERS_AT_ONCE: usize = 64;
