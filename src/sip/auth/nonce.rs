//! Nonces that prove themselves (RFC 7616 §3.3): time, number and source under a key, so that nothing is
//! kept for challenges that nobody answers. Only nonces of right answers are remembered, against replay.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::domain::time::EpochMs;

/// Bytes of the key's proof in a nonce. 128 bits cannot be guessed.
const PROOF_BYTES: usize = 16;
/// Bytes of time and number.
const STAMP_BYTES: usize = 16;

/// A nonce of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    number: u64,
    issued_at: EpochMs,
}

/// What is known of a nonce that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceState {
    /// Ours, made for this source, young enough.
    Live(Nonce),
    /// Anything else: ask again.
    Stale,
}

/// How often a nonce is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// The form without a count: a single time.
    Once,
    /// The count the user sent, from 1.
    Number(u32),
}

/// Counts seen of one nonce: the highest, and which of the 64 below it.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    highest: u32,
    below: u64,
}

pub(super) struct Nonces {
    secret: [u8; 32],
    lifetime_ms: i64,
    used_max: usize,
    next_number: u64,
    used: HashMap<u64, Seen>,
    /// Used ones in the order of their first use.
    order: VecDeque<Nonce>,
    /// Whatever has this number or a lower one and is not remembered may have been used: it is stale.
    forgotten_up_to: u64,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32], lifetime_ms: i64, used_max: usize) -> Nonces {
        Nonces {
            secret,
            lifetime_ms,
            used_max: used_max.max(1),
            next_number: 1,
            used: HashMap::new(),
            order: VecDeque::new(),
            forgotten_up_to: 0,
        }
    }

    pub(super) fn issue(&mut self, now: EpochMs, source: IpAddr) -> String {
        let number = self.next_number;
        self.next_number += 1;
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&now.0.to_be_bytes());
        stamp[8..].copy_from_slice(&number.to_be_bytes());
        URL_SAFE_NO_PAD.encode([&stamp[..], &self.proof(&stamp, source)[..]].concat())
    }

    pub(super) fn state(&self, now: EpochMs, source: IpAddr, text: &str) -> NonceState {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return NonceState::Stale };
        if bytes.len() != STAMP_BYTES + PROOF_BYTES {
            return NonceState::Stale;
        }
        let (stamp, proof) = bytes.split_at(STAMP_BYTES);
        if !bool::from(self.proof(stamp, source).ct_eq(proof)) {
            return NonceState::Stale;
        }
        let field = |at: usize| <[u8; 8]>::try_from(&stamp[at..at + 8]).expect("the length was checked");
        let nonce = Nonce { number: u64::from_be_bytes(field(8)), issued_at: EpochMs(i64::from_be_bytes(field(0))) };
        let age_ms = now.0.saturating_sub(nonce.issued_at.0);
        match (0..self.lifetime_ms).contains(&age_ms) {
            true => NonceState::Live(nonce),
            false => NonceState::Stale,
        }
    }

    /// Notes one use by someone who gave the right answer; false when that use was made before.
    pub(super) fn use_once(&mut self, now: EpochMs, nonce: Nonce, count: Count) -> bool {
        self.forget_old(now);
        let count = match count {
            Count::Once => 1,
            Count::Number(number) => number,
        };
        if let Some(seen) = self.used.get_mut(&nonce.number) {
            return seen.note(count);
        }
        if nonce.number <= self.forgotten_up_to {
            return false;
        }
        if self.used.len() == self.used_max {
            self.forget_first();
        }
        let mut seen = Seen::default();
        let fresh = seen.note(count);
        self.used.insert(nonce.number, seen);
        self.order.push_back(nonce);
        fresh
    }

    /// Nonces past their time need no memory: their age refuses them.
    fn forget_old(&mut self, now: EpochMs) {
        while self.order.front().is_some_and(|first| now.0.saturating_sub(first.issued_at.0) >= self.lifetime_ms) {
            let first = self.order.pop_front().expect("it was looked at just now");
            self.used.remove(&first.number);
        }
    }

    fn forget_first(&mut self) {
        let Some(first) = self.order.pop_front() else { return };
        self.used.remove(&first.number);
        self.forgotten_up_to = self.forgotten_up_to.max(first.number);
    }

    fn proof(&self, stamp: &[u8], source: IpAddr) -> [u8; PROOF_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(stamp);
        match source.to_canonical() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        let full = mac.finalize().into_bytes();
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&full[..PROOF_BYTES]);
        proof
    }
}

impl Seen {
    /// Datagrams overtake each other, so counts may come in any order within 64; none twice.
    fn note(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.below = if ahead >= 64 { 0 } else { self.below << ahead };
            if self.highest > 0 && ahead <= 64 {
                self.below |= 1 << (ahead - 1);
            }
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        if behind == 0 || behind > 64 || self.below & (1 << (behind - 1)) != 0 {
            return false;
        }
        self.below |= 1 << (behind - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_000_000);

    fn live(nonces: &Nonces, now: EpochMs, source: IpAddr, text: &str) -> Option<Nonce> {
        match nonces.state(now, source, text) {
            NonceState::Live(nonce) => Some(nonce),
            NonceState::Stale => None,
        }
    }

    #[test]
    fn a_nonce_is_good_for_its_source_and_time_alone() {
        let mut nonces = Nonces::new([7; 32], 1000, 10);
        let (here, there): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let text = nonces.issue(NOW, here);
        assert!(live(&nonces, EpochMs(NOW.0 + 999), here, &text).is_some());
        assert!(live(&nonces, EpochMs(NOW.0 + 1000), here, &text).is_none(), "too old");
        assert!(live(&nonces, EpochMs(NOW.0 - 1), here, &text).is_none(), "from the future");
        assert!(live(&nonces, NOW, there, &text).is_none(), "another source");
        assert!(live(&Nonces::new([8; 32], 1000, 10), NOW, here, &text).is_none(), "another secret");
        for wrong in
            ["", "x", "AAAA", &text[1..], &format!("{text}A"), &text.replace(|c: char| c.is_ascii_digit(), "z")]
        {
            assert!(wrong == text || live(&nonces, NOW, here, wrong).is_none(), "{wrong}");
        }
        assert_ne!(text, nonces.issue(NOW, here), "no two are the same");
    }

    #[test]
    fn a_count_is_taken_once_in_any_order_within_reach() {
        let mut seen = Seen::default();
        let taken: Vec<bool> =
            [1, 1, 3, 2, 2, 3, 70, 6, 6, 5, 200, 135, 136, 136, 200, u32::MAX, 1].map(|count| seen.note(count)).into();
        let expected = [
            true, false, true, true, false, false, true, true, false, false, true, false, true, false, false, true,
            false,
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_was_forgotten_counts_as_used() {
        let mut nonces = Nonces::new([7; 32], 1000, 2);
        let source: IpAddr = [192, 0, 2, 1].into();
        let texts: Vec<String> = (0..4).map(|_| nonces.issue(NOW, source)).collect();
        let at = |index: usize, nonces: &Nonces| live(nonces, NOW, source, &texts[index]).unwrap();
        for index in [1, 2, 3] {
            let nonce = at(index, &nonces);
            assert!(nonces.use_once(NOW, nonce, Count::Once));
        }
        assert_eq!(nonces.used.len(), 2);
        for index in [0, 1, 2, 3] {
            let nonce = at(index, &nonces);
            assert!(!nonces.use_once(NOW, nonce, Count::Once), "{index}");
        }
        let later = EpochMs(NOW.0 + 2000);
        let fresh = nonces.issue(later, source);
        let fresh = live(&nonces, later, source, &fresh).unwrap();
        assert!(nonces.use_once(later, fresh, Count::Number(1)));
        assert_eq!((nonces.used.len(), nonces.order.len()), (1, 1), "old ones are gone");
    }
}
