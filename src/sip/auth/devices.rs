//! What a device is asked with. Old ones give the whole challenge up when one of its algorithms is new to them (libre
//! before 2.0, which Debian 12 ships), where RFC 7616 §3.7 wants them to take one they know.
//!
//! A device that was asked and comes again without an answer is asked with MD5 alone, and so from then on once it has
//! answered that. What it gains: it can register. What it costs: nothing that offering both would have kept, since
//! whoever can change the challenge on its way could have taken SHA-256 out of it.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::time::EpochMs;

use super::credentials::Algorithm;

/// A device: where it comes from and as whom.
type Device = (IpAddr, String);

#[derive(Clone, Copy)]
struct Asked {
    at: EpochMs,
    with_md5_alone: bool,
    answered: bool,
}

#[derive(Default)]
pub(super) struct Devices {
    asked: HashMap<Device, Asked>,
}

impl Devices {
    /// What this device is asked with now, best first.
    pub(super) fn algorithms(&mut self, now: EpochMs, source: IpAddr, caller: &str) -> &'static [Algorithm] {
        let device = device(source, caller);
        let known = self.asked.get(&device).copied();
        if known.is_none() {
            self.make_room();
        }
        let with_md5_alone = match known {
            // Several requests at once are each asked before any of them is answered.
            Some(asked) if !asked.answered && now.0.saturating_sub(asked.at.0) >= GAVE_UP_AFTER_MS => {
                !asked.with_md5_alone
            }
            Some(asked) => asked.with_md5_alone,
            None => false,
        };
        let at = known.filter(|asked| asked.with_md5_alone == with_md5_alone).map_or(now, |asked| asked.at);
        self.asked.insert(device, Asked { at, with_md5_alone, answered: false });
        if with_md5_alone { &[Algorithm::Md5] } else { &[Algorithm::Sha256, Algorithm::Md5] }
    }

    /// It understood what it was asked with.
    pub(super) fn answered(&mut self, now: EpochMs, source: IpAddr, caller: &str) {
        if let Some(asked) = self.asked.get_mut(&device(source, caller)) {
            *asked = Asked { at: now, answered: true, ..*asked };
        }
    }

    fn make_room(&mut self) {
        if self.asked.len() >= DEVICES_MAX {
            let oldest = self.asked.iter().min_by_key(|(_, asked)| asked.at).map(|(device, _)| device.clone());
            oldest.map(|device| self.asked.remove(&device));
        }
    }
}

fn device(source: IpAddr, caller: &str) -> Device {
    (source, caller.chars().take(CALLER_CHARS_MAX).collect())
}

/// An answer follows within a round trip.
const GAVE_UP_AFTER_MS: i64 = 2_000;
/// Most devices remembered, about 150 bytes each.
const DEVICES_MAX: usize = 4096;
/// Longer names are told apart by their beginning.
const CALLER_CHARS_MAX: usize = 80;
