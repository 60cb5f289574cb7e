//! SRTP (RFC 3711): protects what a leg sends and opens what it hears.

use arrayvec::ArrayVec;
use bytes::BytesMut;
use media::TransmitKind;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::leg::Port;
use crate::seams::media::{SrtpKey, SrtpKeys, SrtpSuite};

/// Packets that may come late and are still told from replayed ones: over a second of audio.
const REPLAY_WINDOW: usize = 128;
/// Sources of one far end. State is kept for each that is tried, before its tag proves anything, so that strangers
/// must not be able to name as many as they like; whoever was proven once stays.
const SOURCES_MAX: usize = 16;

/// The protection of one leg, both ways.
pub(super) struct Seal {
    local: Context,
    remote: Context,
    tried: ArrayVec<u32, SOURCES_MAX>,
    keys: SrtpKeys,
}

impl Seal {
    /// `None` where the keys do not fit the suite.
    pub(super) fn new(keys: &SrtpKeys) -> Option<Seal> {
        let profile = match keys.suite {
            SrtpSuite::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            SrtpSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            SrtpSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        };
        let provider = rtc_crypto::default_provider().ok()?;
        let context = |key: &SrtpKey| {
            let rtp = Some(srtp_replay_protection(REPLAY_WINDOW));
            let rtcp = Some(srtcp_replay_protection(REPLAY_WINDOW));
            Context::new(&key.key, &key.salt, profile, rtp, rtcp, provider.crypto()).ok()
        };
        Some(Seal {
            local: context(&keys.local)?,
            remote: context(&keys.remote)?,
            tried: ArrayVec::new(),
            keys: keys.clone(),
        })
    }

    /// Goes on where another left off, for the side whose key stays the same: counting anew would use up a key's stream a
    /// second time on one side, and take replayed packets on the other.
    pub(super) fn take_over(&mut self, before: &mut Seal) {
        if self.keys.suite != before.keys.suite {
            return;
        }
        if is_same(&self.keys.local, &before.keys.local) {
            std::mem::swap(&mut self.local, &mut before.local);
        }
        if is_same(&self.keys.remote, &before.keys.remote) {
            std::mem::swap(&mut self.remote, &mut before.remote);
            self.tried = before.tried.clone();
        }
    }

    /// A datagram as it leaves.
    pub(super) fn protect(&mut self, kind: TransmitKind, plain: &[u8]) -> Option<BytesMut> {
        match kind {
            TransmitKind::Rtp => self.local.encrypt_rtp(plain).ok(),
            TransmitKind::Rtcp => self.local.encrypt_rtcp(plain).ok(),
        }
    }

    /// What a datagram says; `None` for a wrong tag, a replay, and what is no SRTP at all.
    pub(super) fn open(&mut self, port: Port, sealed: &[u8]) -> Option<BytesMut> {
        // The source stands at different places in RTP and RTCP (RFC 3550 §5.1, §6.4).
        let at = if port == Port::Rtp { 8 } else { 4 };
        let source = u32::from_be_bytes(*sealed.get(at..)?.first_chunk::<4>()?);
        if !self.tried.contains(&source) && self.tried.try_push(source).is_err() {
            return None;
        }
        match port {
            Port::Rtp => self.remote.decrypt_rtp(sealed).ok(),
            Port::Rtcp => self.remote.decrypt_rtcp(sealed).ok(),
        }
    }
}

fn is_same(one: &SrtpKey, other: &SrtpKey) -> bool {
    one.key == other.key && one.salt == other.salt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8, suite: SrtpSuite) -> SrtpKey {
        let (key, salt) = match suite {
            SrtpSuite::Aes128CmSha1_80 => (16, 14),
            SrtpSuite::AeadAes128Gcm => (16, 12),
            SrtpSuite::AeadAes256Gcm => (32, 12),
        };
        SrtpKey { key: (0..key).map(|i| i ^ seed).collect(), salt: (0..salt).map(|i| i + seed).collect() }
    }

    /// Two ends of one stream.
    fn pair(suite: SrtpSuite) -> (Seal, Seal) {
        let keys = |ours, theirs| SrtpKeys { suite, local: key(ours, suite), remote: key(theirs, suite) };
        (Seal::new(&keys(1, 2)).unwrap(), Seal::new(&keys(2, 1)).unwrap())
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let header = media::rtp::header(false, 111, sequence, u32::from(sequence) * 960, 0x1234_5678);
        [&header[..], &[0x55; 60]].concat()
    }

    const SUITES: [SrtpSuite; 3] = [SrtpSuite::Aes128CmSha1_80, SrtpSuite::AeadAes128Gcm, SrtpSuite::AeadAes256Gcm];

    #[test]
    fn what_is_protected_is_opened_at_the_other_end_and_read_by_nobody_else() {
        for suite in SUITES {
            let (mut us, mut them) = pair(suite);
            let sealed = us.protect(TransmitKind::Rtp, &packet(1)).unwrap();
            assert!(!sealed.windows(8).any(|eight| eight == [0x55; 8]), "{suite:?}: nothing is in the clear");
            assert_eq!(&them.open(Port::Rtp, &sealed).unwrap()[..], packet(1));
            let report = [0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78];
            let sealed = us.protect(TransmitKind::Rtcp, &report).unwrap();
            assert_eq!(&them.open(Port::Rtcp, &sealed).unwrap()[..], report);
        }
    }

    /// M4: wrong tags do not end a call, whoever they claim to be from.
    #[test]
    fn after_ten_thousand_wrong_tags_the_call_goes_on() {
        for suite in SUITES {
            let (mut us, mut them) = pair(suite);
            for sequence in 0..10_000u16 {
                let mut forged = us.protect(TransmitKind::Rtp, &packet(sequence)).unwrap();
                let last = forged.len() - 1;
                forged[last] ^= 1;
                // Every other one by a source of its own, for each of which something would be kept.
                if sequence % 2 == 1 {
                    forged[8..12].copy_from_slice(&u32::from(sequence).to_be_bytes());
                }
                assert!(them.open(Port::Rtp, &forged).is_none());
            }
            assert!(them.tried.len() <= SOURCES_MAX);
            let sealed = us.protect(TransmitKind::Rtp, &packet(10_000)).unwrap();
            assert!(them.open(Port::Rtp, &sealed).is_some(), "{suite:?}");
        }
    }

    /// M4.
    #[test]
    fn a_replayed_packet_is_heard_once() {
        for suite in SUITES {
            let (mut us, mut them) = pair(suite);
            let sealed: Vec<_> = (0..300).map(|i| us.protect(TransmitKind::Rtp, &packet(i)).unwrap()).collect();
            // Out of order within the window is no replay.
            for at in [0, 2, 1, 5, 3, 4] {
                assert!(them.open(Port::Rtp, &sealed[at]).is_some(), "{suite:?} {at}");
            }
            assert!(sealed[..6].iter().all(|old| them.open(Port::Rtp, old).is_none()));
            assert!(them.open(Port::Rtp, &sealed[299]).is_some());
            assert!(them.open(Port::Rtp, &sealed[6]).is_none(), "older than the window");
        }
    }

    /// M4, RFC 3711 §9.1: the same keys once more begin nothing anew; new ones do, each side for itself.
    #[test]
    fn new_keys_begin_anew_and_the_same_keys_go_on() {
        for suite in SUITES {
            let keys = |ours, theirs| SrtpKeys { suite, local: key(ours, suite), remote: key(theirs, suite) };
            let (mut us, mut them) = pair(suite);
            // Far enough that the rollover counter matters.
            let mut last = BytesMut::new();
            for number in 0..70_000u32 {
                last = us.protect(TransmitKind::Rtp, &packet(number as u16)).unwrap();
                assert!(them.open(Port::Rtp, &last).is_some());
            }
            let mut again = Seal::new(&keys(2, 1)).unwrap();
            again.take_over(&mut them);
            assert!(again.open(Port::Rtp, &last).is_none(), "{suite:?}: what was replayed before is replayed now");
            let next = us.protect(TransmitKind::Rtp, &packet(4_464)).unwrap();
            assert!(again.open(Port::Rtp, &next).is_some(), "{suite:?}: the counter went on");
            // We take a new key, they do not.
            let mut renewed = Seal::new(&keys(3, 2)).unwrap();
            renewed.take_over(&mut us);
            let mut told = Seal::new(&keys(2, 3)).unwrap();
            told.take_over(&mut again);
            let sealed = renewed.protect(TransmitKind::Rtp, &packet(4_465)).unwrap();
            assert!(again.open(Port::Rtp, &sealed).is_none() && told.open(Port::Rtp, &sealed).is_some());
        }
    }

    /// M4: sequence numbers begin again after 22 minutes, and the rollover counter with them.
    #[test]
    fn the_rollover_of_sequence_numbers_is_followed_with_loss_around_it() {
        for suite in SUITES {
            let (mut us, mut them) = pair(suite);
            for number in 60_000u32..200_000 {
                let sealed = us.protect(TransmitKind::Rtp, &packet(number as u16)).unwrap();
                // One in seven is lost, and everything right around a rollover.
                let position = number % 65_536;
                if number % 7 == 0 || !(3..=65_532).contains(&position) {
                    continue;
                }
                assert!(them.open(Port::Rtp, &sealed).is_some(), "{suite:?} {number}");
            }
        }
    }

    /// M4: no null cipher and no downgrade: what is in the clear is not taken, nor what is no packet at all.
    #[test]
    fn nothing_in_the_clear_is_taken() {
        let (_, mut them) = pair(SrtpSuite::AeadAes128Gcm);
        assert!(them.open(Port::Rtp, &packet(1)).is_none());
        for length in 0..40 {
            assert!(them.open(Port::Rtp, &vec![0x80; length]).is_none());
            assert!(them.open(Port::Rtcp, &vec![0x80; length]).is_none());
        }
        let short = SrtpKey { key: ArrayVec::new(), salt: ArrayVec::new() };
        let keys = SrtpKeys { suite: SrtpSuite::AeadAes128Gcm, local: short.clone(), remote: short };
        assert!(Seal::new(&keys).is_none());
    }
}
