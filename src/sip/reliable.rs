//! Reliable provisional responses as the called side (RFC 3262 §3): one at a time, sent again until its
//! PRACK comes or 64·T1 have passed. Pure.

use std::time::{Duration, Instant};

use rsipstack::sip::headers::{RSeq, Require};
use rsipstack::sip::{Header, Method, Response};

/// The reliable responses of one INVITE.
pub(super) struct Reliable {
    next_rseq: u32,
    t1: Duration,
    pending: Option<Pending>,
}

struct Pending {
    rseq: u32,
    cseq: u32,
    response: Response,
    interval: Duration,
    resend_at: Instant,
    give_up_at: Instant,
}

/// What is due.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    /// Send it once more.
    Resend(Box<Response>),
    /// No PRACK came: the INVITE is to be refused (§3: 5xx).
    GiveUp,
}

impl Reliable {
    /// `first_rseq` is drawn at random, below 2³¹ (§7.1).
    pub fn new(first_rseq: u32, t1: Duration) -> Reliable {
        Reliable { next_rseq: first_rseq.clamp(1, 0x7fff_ffff), t1, pending: None }
    }

    /// Whether one waits for its PRACK; until then no other may be sent (§3).
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Makes `response` reliable and remembers it.
    pub fn begin(&mut self, response: &mut Response, cseq: u32, now: Instant) {
        let rseq = self.next_rseq;
        self.next_rseq += 1;
        response.headers.push(Header::Require(Require::new("100rel")));
        response.headers.push(Header::RSeq(RSeq::new(rseq.to_string())));
        self.pending = Some(Pending {
            rseq,
            cseq,
            response: response.clone(),
            interval: self.t1,
            resend_at: now + self.t1,
            give_up_at: now + self.t1 * 64,
        });
    }

    /// A PRACK's RAck. False when it acknowledges nothing that waits (481, §3).
    pub fn handle_prack(&mut self, rack: Option<(u32, u32, Method)>) -> bool {
        let matches = |pending: &mut Pending| rack == Some((pending.rseq, pending.cseq, Method::Invite));
        self.pending.take_if(matches).is_some()
    }

    /// The INVITE is answered: nothing is sent again any more.
    pub fn stop(&mut self) {
        self.pending = None;
    }

    /// When [`Reliable::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.resend_at.min(pending.give_up_at))
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        let pending = self.pending.as_mut()?;
        if now >= pending.give_up_at {
            self.pending = None;
            return Some(Due::GiveUp);
        }
        if now < pending.resend_at {
            return None;
        }
        pending.interval *= 2;
        pending.resend_at = now + pending.interval;
        Some(Due::Resend(Box::new(pending.response.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ringing() -> Response {
        Response::default()
    }

    #[test]
    fn it_is_sent_again_with_doubling_intervals_until_the_prack() {
        let start = Instant::now();
        let mut reliable = Reliable::new(7, Duration::from_millis(500));
        reliable.begin(&mut ringing(), 3, start);
        let mut sent_after_ms = Vec::new();
        while let Some(at) = reliable.poll_timeout() {
            match reliable.handle_timeout(at) {
                Some(Due::Resend(_)) => sent_after_ms.push((at - start).as_millis()),
                Some(Due::GiveUp) => sent_after_ms.push(0),
                None => unreachable!(),
            }
        }
        assert_eq!(sent_after_ms, [500, 1_500, 3_500, 7_500, 15_500, 31_500, 0]);
    }

    #[test]
    fn only_the_matching_prack_counts_and_only_once() {
        let mut reliable = Reliable::new(7, Duration::from_millis(500));
        reliable.begin(&mut ringing(), 3, Instant::now());
        assert!(!reliable.handle_prack(Some((8, 3, Method::Invite))));
        assert!(!reliable.handle_prack(Some((7, 4, Method::Invite))));
        assert!(!reliable.handle_prack(None));
        assert!(reliable.handle_prack(Some((7, 3, Method::Invite))));
        assert!(!reliable.handle_prack(Some((7, 3, Method::Invite))));
        assert_eq!(reliable.poll_timeout(), None);
    }
}
