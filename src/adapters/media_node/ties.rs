//! The legs of one call: who is joined with whom, who listens, and what follows for each of them.
//!
//! What is ordered (joined, parted, supervised) is noted first; then every leg that it may concern is told anew whom it
//! is heard by, as [`Room`] has it. Whatever stays the same through that is not touched, so that a voice goes on without
//! a gap while others come and go: a supervisor who takes over is joined before the other is let go.

use std::time::Instant;

use arrayvec::ArrayVec;
use media::{Role, Room, Seat, Supervision, Voice};

use super::shard::Shard;
use crate::domain::ids::LegId;

/// A leg and the other legs of its call, by their slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Ties {
    /// Where it sits, for as long as it is tied to anybody.
    pub(super) seat: Seat,
    /// The leg it is joined with.
    pub(super) peer: Option<u32>,
    /// Who listens to it and whoever it is joined with, and how far they take part.
    supervisor: Option<(u32, Supervision)>,
    /// The leg it listens to.
    supervises: Option<u32>,
    /// Who hears what comes from it.
    pub(super) heard_by: ArrayVec<u32, 2>,
    /// Who hears what is played to it.
    pub(super) overheard_by: Option<u32>,
}

/// Legs that one order may concern: two calls of three.
type Concerned = ArrayVec<usize, 6>;

impl Shard {
    pub(super) fn join(&mut self, slot: usize, other: LegId) {
        let Some(other) = self.slot_of(other).filter(|&other| other != slot) else {
            tracing::warn!(leg.id = %other, "The leg to bridge with is gone or on another thread");
            return;
        };
        let concerned = self.concerned(&[slot, other]);
        self.untie(other);
        self.unlink(slot);
        self.sit_beside(other, slot);
        self.ties(slot, |ties| ties.peer = Some(other as u32));
        self.ties(other, |ties| ties.peer = Some(slot as u32));
        self.reroute(&concerned);
    }

    pub(super) fn part(&mut self, slot: usize) {
        let concerned = self.concerned(&[slot]);
        self.unlink(slot);
        self.reroute(&concerned);
    }

    pub(super) fn supervise(&mut self, slot: usize, by: LegId, how: Supervision) {
        let Some(by) = self.slot_of(by).filter(|&by| by != slot) else {
            tracing::warn!(leg.id = %by, "The leg that is to listen is gone or on another thread");
            return;
        };
        let concerned = self.concerned(&[slot, by]);
        let is_there =
            self.legs[slot].as_ref().and_then(|leg| leg.ties.supervisor).is_some_and(|(is, _)| is == by as u32);
        if !is_there {
            self.untie(by);
            self.dismiss(slot);
            self.sit_beside(by, slot);
            self.ties(by, |ties| ties.supervises = Some(slot as u32));
        }
        self.ties(slot, |ties| ties.supervisor = Some((by as u32, how)));
        self.reroute(&concerned);
    }

    pub(super) fn unsupervise(&mut self, slot: usize) {
        let concerned = self.concerned(&[slot]);
        self.dismiss(slot);
        self.reroute(&concerned);
    }

    /// A leg is about to close.
    pub(super) fn leave(&mut self, slot: usize) {
        let concerned = self.concerned(&[slot]);
        self.untie(slot);
        self.reroute(&concerned);
    }

    /// A leg is lost, and what it was tied to with it.
    pub(super) fn forget(&mut self, slot: usize) {
        let gone = slot as u32;
        let mut concerned = Concerned::new();
        for other in 0..self.top {
            let Some(leg) = &mut self.legs[other] else { continue };
            let ties = &mut leg.ties;
            let knew_it = ties.peer == Some(gone)
                || ties.supervises == Some(gone)
                || ties.supervisor.is_some_and(|(by, _)| by == gone)
                || ties.heard_by.contains(&gone);
            if knew_it {
                ties.peer = ties.peer.filter(|peer| *peer != gone);
                ties.supervises = ties.supervises.filter(|of| *of != gone);
                ties.supervisor = ties.supervisor.filter(|(by, _)| *by != gone);
                // More than a call has legs are not tied to one.
                let _ = concerned.try_push(other);
            }
        }
        self.reroute(&concerned);
    }

    fn slot_of(&self, id: LegId) -> Option<usize> {
        self.legs[..self.top].iter().position(|leg| leg.as_ref().is_some_and(|leg| leg.id == id))
    }

    fn ties(&mut self, slot: usize, change: impl FnOnce(&mut Ties)) {
        if let Some(leg) = &mut self.legs[slot] {
            change(&mut leg.ties);
        }
    }

    /// These legs, and all that are of their calls now.
    fn concerned(&self, slots: &[usize]) -> Concerned {
        let mut concerned = Concerned::new();
        for slot in slots {
            let call = self.customer_of(*slot);
            let ties = self.legs[call].as_ref().map(|leg| &leg.ties);
            let others = ties.into_iter().flat_map(|ties| {
                ties.peer.into_iter().chain(ties.supervisor.map(|(by, _)| by)).map(|slot| slot as usize)
            });
            for slot in [*slot, call].into_iter().chain(others) {
                if !concerned.contains(&slot) {
                    // There is room for two whole calls.
                    let _ = concerned.try_push(slot);
                }
            }
        }
        concerned
    }

    /// The leg whose call this one is of: the one that is listened to, or itself.
    fn customer_of(&self, slot: usize) -> usize {
        let Some(ties) = self.legs[slot].as_ref().map(|leg| &leg.ties) else { return slot };
        let is_supervised =
            |slot: &u32| self.legs[*slot as usize].as_ref().is_some_and(|leg| leg.ties.supervisor.is_some());
        match (ties.supervises, ties.peer.filter(is_supervised)) {
            (Some(customer), _) => customer as usize,
            (None, Some(customer)) if ties.supervisor.is_none() => customer as usize,
            (None, _) => slot,
        }
    }

    fn unlink(&mut self, slot: usize) {
        let Some(peer) = self.legs[slot].as_mut().and_then(|leg| leg.ties.peer.take()) else { return };
        self.ties(peer as usize, |ties| ties.peer = None);
    }

    fn dismiss(&mut self, slot: usize) {
        let Some((by, _)) = self.legs[slot].as_mut().and_then(|leg| leg.ties.supervisor.take()) else { return };
        self.ties(by as usize, |ties| ties.supervises = None);
    }

    /// Nobody is tied to it any more, nor it to anybody.
    fn untie(&mut self, slot: usize) {
        self.unlink(slot);
        self.dismiss(slot);
        if let Some(customer) = self.legs[slot].as_mut().and_then(|leg| leg.ties.supervises.take()) {
            self.ties(customer as usize, |ties| ties.supervisor = None);
        }
    }

    /// Somebody who comes to a call sits where nobody sits, unless they sit there already.
    fn sit_beside(&mut self, comes: usize, slot: usize) {
        let seats: ArrayVec<Seat, 6> = self
            .concerned(&[slot])
            .into_iter()
            .filter(|other| *other != comes)
            .filter_map(|other| Some(self.legs[other].as_ref()?.ties.seat))
            .collect();
        self.ties(comes, |ties| {
            if seats.contains(&ties.seat) {
                ties.seat = Seat::beside(&seats);
            }
        });
    }

    fn reroute(&mut self, slots: &[usize]) {
        // First who is to be heard anew, then who is not heard any more: nobody's last voice ends before the next begins.
        let mut silenced: ArrayVec<(Seat, u32), 18> = ArrayVec::new();
        let now = Instant::now();
        for &slot in slots {
            let Some((heard_by, is_mixed)) = self.routes(slot) else { continue };
            let Some(leg) = &mut self.legs[slot] else { continue };
            let ties = &mut leg.ties;
            let gone = ties.heard_by.iter().filter(|ear| !heard_by.contains(ear)).map(|ear| (ties.seat, *ear));
            silenced.extend(gone);
            ties.heard_by = heard_by;
            let overheard_by = ties.supervisor.map(|(by, _)| by);
            let before = std::mem::replace(&mut ties.overheard_by, overheard_by);
            let is_joined = ties.peer.is_some();
            if before != overheard_by {
                leg.session.set_overheard(overheard_by.is_some());
                if let Some(ear) = before
                    && let Some(seat) = self.legs[ear as usize].as_ref().map(|leg| leg.ties.seat)
                {
                    silenced.push((seat, ear));
                }
            }
            let Some(leg) = &mut self.legs[slot] else { continue };
            leg.session.set_relaying(is_joined);
            leg.session.set_mixed(is_mixed);
            leg.session.set_unheard(now, false);
        }
        for (seat, ear) in silenced {
            if let Some(ear) = &mut self.legs[ear as usize] {
                ear.session.close_voice(seat);
            }
        }
    }

    /// Whom a leg is heard by, and whether it hears more than the one that it is joined with.
    fn routes(&self, slot: usize) -> Option<(ArrayVec<u32, 2>, bool)> {
        let own = &self.legs[slot].as_ref()?.ties;
        let customer = self.customer_of(slot);
        let ties = &self.legs[customer].as_ref()?.ties;
        let room = Room { is_bridged: ties.peer.is_some(), supervision: ties.supervisor.map(|(_, how)| how) };
        let role = match slot {
            _ if own.supervises.is_some() => Role::Supervisor,
            slot if slot == customer => Role::Customer,
            _ => Role::Colleague,
        };
        let ears = [
            (Role::Customer, Some(customer as u32)),
            (Role::Colleague, ties.peer),
            (Role::Supervisor, ties.supervisor.map(|(by, _)| by)),
        ];
        let heard_by = ears.into_iter().filter(|(ear, _)| room.hears(*ear, Voice::Of(role)));
        let is_mixed = role != Role::Supervisor && room.hears(role, Voice::Of(Role::Supervisor));
        Some((heard_by.filter_map(|(_, slot)| slot).take(2).collect(), is_mixed))
    }
}
