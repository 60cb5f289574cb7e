//! What our calls speak at present: whoever is rung for a caller is offered the same first, so that their audio is joined as
//! it comes, and what began in wideband stays so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use media::Codec;

use crate::domain::ids::LegId;

/// The codecs of all legs that have one.
#[derive(Clone, Default)]
pub(super) struct Spoken(Arc<Mutex<HashMap<LegId, Codec>>>);

/// One leg's entry; gone when dropped.
pub(super) struct Speaker {
    spoken: Spoken,
    leg: LegId,
}

impl Spoken {
    fn open(&self) -> MutexGuard<'_, HashMap<LegId, Codec>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A leg that will speak.
    pub fn speaker(&self, leg: LegId) -> Speaker {
        Speaker { spoken: self.clone(), leg }
    }

    /// What a leg speaks. One that is not ours is a browser's, which speaks Opus alone.
    pub fn by(&self, leg: LegId) -> Codec {
        self.open().get(&leg).copied().unwrap_or(Codec::Opus)
    }
}

impl Speaker {
    /// It speaks this from now on.
    pub fn speaks(&self, codec: Codec) {
        self.spoken.open().insert(self.leg, codec);
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.spoken.open().remove(&self.leg);
    }
}

/// Puts first what a caller speaks; for one in wideband, the other wideband codecs next. Nothing is added: what
/// configuration leaves out is not spoken.
pub(super) fn follow(codecs: &mut [Codec], caller: Codec) {
    codecs.sort_by_key(|codec| match *codec {
        same if same == caller => 0,
        other if is_wide(caller) && is_wide(other) => 1,
        _ => 2,
    });
}

fn is_wide(codec: Codec) -> bool {
    match codec {
        Codec::G722 | Codec::Opus => true,
        Codec::Pcmu | Codec::Pcma => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codec::{G722, Opus, Pcma, Pcmu};

    fn followed(codecs: &[Codec], caller: Codec) -> Vec<Codec> {
        let mut codecs = codecs.to_vec();
        follow(&mut codecs, caller);
        codecs
    }

    #[test]
    fn who_is_rung_is_offered_what_the_caller_speaks() {
        assert_eq!(followed(&[G722, Opus, Pcmu, Pcma], Pcma), [Pcma, G722, Opus, Pcmu]);
        assert_eq!(followed(&[Pcmu, Pcma, G722, Opus], Opus), [Opus, G722, Pcmu, Pcma]);
        assert_eq!(followed(&[Pcmu, G722], Opus), [G722, Pcmu], "wideband stays wideband where it can");
        assert_eq!(followed(&[Pcmu, Pcma], G722), [Pcmu, Pcma], "what is not configured is not offered");
    }

    #[test]
    fn a_leg_is_known_while_its_call_lasts() {
        let spoken = Spoken::default();
        let leg = LegId(uuid::Uuid::from_u128(1));
        let speaker = spoken.speaker(leg);
        speaker.speaks(Pcmu);
        assert_eq!(spoken.by(leg), Pcmu);
        drop(speaker);
        assert_eq!(spoken.by(leg), Opus);
    }
}
