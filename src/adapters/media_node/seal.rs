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
        Some(Seal { local: context(&keys.local)?, remote: context(&keys.remote)?, tried: ArrayVec::new() })
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
