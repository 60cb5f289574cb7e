//! Who may call: trunks by their addresses, this machine, and registered phones; with the rules of each.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use media::{Codec, SourceRule};

use super::caps::DayMinutes;
use super::client::FirstRealm;
use super::limits::{Place, Places, TokenBucket};
use super::numbers::{CalledPlace, CallingPlace, NumberRules};
use super::sdp::MediaPreferences;
use crate::config::sip::{
    CalledNumberFrom, CallingNumberFrom, CodecName, LOOPBACK, MediaSource, PhoneConfig, SipConfig, TransportName,
    TrunkConfig,
};
use crate::domain::time::EpochMs;
use crate::domain::trunk_use::TrunkUse;
use crate::seams::clock::Clock;
use crate::seams::signaling::SignalingError;

/// One party that we accept calls from or send calls to, with its rules.
pub struct Peer {
    /// Its configured name.
    pub name: String,
    /// Its trunk section, where it is a trunk.
    pub trunk: Option<TrunkConfig>,
    /// What we are willing to speak with it.
    pub preferences: MediaPreferences,
    /// Address to write into its session descriptions.
    pub advertised: Option<IpAddr>,
    /// RTP ports for its calls.
    pub rtp_ports: RangeInclusive<u16>,
    /// Addresses found for its host name, refreshed from time to time.
    pub resolved: ArcSwap<Vec<IpAddr>>,
    /// Whether our registration with it stands.
    pub is_registered: AtomicBool,
    /// Whether it answered when it was last asked if it is there; true where it never is.
    pub answers: AtomicBool,
    /// The realm it named first, where configuration names none.
    pub(super) realm: FirstRealm,
    places: Places,
    calls: Mutex<TokenBucket>,
    minutes: Mutex<DayMinutes>,
}

/// An answered call of ours that uses up a trunk's minutes until it is dropped.
pub(super) struct Talk {
    peer: Arc<Peer>,
    clock: Arc<dyn Clock>,
    call: u64,
}

impl Talk {
    /// The call was answered now.
    pub fn begin(peer: Arc<Peer>, clock: Arc<dyn Clock>) -> Talk {
        let call = peer.minutes().begin(clock.epoch());
        Talk { peer, clock, call }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let now = self.clock.epoch();
        self.peer.minutes().end(self.call, now);
    }
}

impl Peer {
    /// Counts a new call: a place for it, or nothing when the peer calls too often or too much.
    pub fn admit(&self, now: Instant) -> Option<Place> {
        let place = self.places.take()?;
        let in_time = self.calls.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        in_time.then_some(place)
    }

    /// Counts a call of ours that it shall carry; says which cap it is that forbids it.
    pub fn admit_outgoing(&self, now: Instant, epoch: EpochMs) -> Result<Place, SignalingError> {
        if !self.minutes().has_left(epoch) {
            return Err(SignalingError::NotAllowed(format!(
                "trunk {} has used up its minutes of today; see sip.trunks.minutes_per_day",
                self.name
            )));
        }
        self.admit(now)
            .ok_or_else(|| SignalingError::NotAllowed(format!("trunk {} carries as many calls as it may", self.name)))
    }

    /// How much of a trunk's minutes of today is used.
    pub fn used(&self, now: EpochMs) -> TrunkUse {
        let (day, used_ms) = self.minutes().used(now);
        TrunkUse { trunk: self.name.clone(), day, used_ms }
    }

    /// So much was used before a restart.
    pub fn restore_use(&self, used: &TrunkUse) {
        self.minutes().restore(used.day, used.used_ms);
    }

    /// A place for an emergency call, whatever the caps say (R57).
    pub fn admit_emergency(&self) -> Place {
        self.places.take_beyond()
    }

    fn minutes(&self) -> std::sync::MutexGuard<'_, DayMinutes> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its calls must show a password.
    pub fn is_challenged(&self) -> bool {
        self.trunk.as_ref().is_some_and(|trunk| trunk.challenge)
    }

    /// How its numbers are read (R49). What trunks assert is believed; anybody else only says.
    pub fn number_rules(&self, home_country: Option<&str>) -> NumberRules {
        let Some(trunk) = &self.trunk else {
            let home_country = home_country.map(str::to_owned);
            return NumberRules { home_country, ..NumberRules::default() };
        };
        NumberRules {
            called: trunk
                .called_number_from
                .iter()
                .map(|place| match place {
                    CalledNumberFrom::RequestLine => CalledPlace::RequestLine,
                    CalledNumberFrom::To => CalledPlace::To,
                    CalledNumberFrom::PCalledPartyId => CalledPlace::PCalledPartyId,
                })
                .collect(),
            calling: match trunk.calling_number_from {
                CallingNumberFrom::From => CallingPlace::From,
                CallingNumberFrom::PAssertedIdentity => CallingPlace::PAssertedIdentity,
            },
            home_country: trunk.home_country.clone().or_else(|| home_country.map(str::to_owned)),
            trusted: true,
            verifies_from: trunk.verifies_from,
        }
    }

    /// Calls under way.
    pub fn calls(&self) -> usize {
        self.places.taken()
    }

    /// Whether its calls come from this address, by this transport. What is configured for TLS is heard over TLS alone,
    /// and what is known by its certificate is known by nothing else.
    fn is_source(&self, address: IpAddr, transport: TransportName) -> bool {
        let Some(trunk) = &self.trunk else { return false };
        if trunk.mutual_tls || (trunk.transport.is_secure() && !transport.is_secure()) {
            return false;
        }
        if trunk.sources.is_empty() {
            return self.resolved.load().contains(&address);
        }
        trunk.sources.iter().any(|network| network.contains(address))
    }
}

/// All peers.
pub struct Peers {
    loopback: Option<Arc<Peer>>,
    direct: Arc<Peer>,
    trunks: Vec<Arc<Peer>>,
    phones: Vec<Arc<Peer>>,
}

impl Peers {
    /// Reads the configuration. `rtp_ports` serves those that name none.
    pub fn new(config: &SipConfig, rtp_ports: RangeInclusive<u16>, now: Instant) -> Peers {
        let make = |name: &str, trunk: Option<&TrunkConfig>, phone: Option<&PhoneConfig>| {
            let own_codecs = trunk.map(|trunk| &trunk.codecs).filter(|codecs| !codecs.is_empty());
            let media_source = trunk.map(|trunk| trunk.media_source).or(phone.map(|phone| phone.media_source));
            let limits = &config.limits;
            let (calls_max, per_second) = match trunk {
                Some(trunk) => (trunk.calls_max, trunk.calls_per_second),
                None => (limits.calls_max, limits.calls_per_second_per_source),
            };
            Arc::new(Peer {
                name: name.to_owned(),
                trunk: trunk.cloned(),
                preferences: MediaPreferences {
                    codecs: own_codecs.unwrap_or(&config.codecs).iter().map(codec).collect(),
                    packet_ms: config.packet_ms,
                    source_rule: match media_source.unwrap_or(MediaSource::LearnOnce) {
                        MediaSource::FromSdp => SourceRule::FromSdp,
                        MediaSource::LearnOnce => SourceRule::LearnOnce,
                    },
                    keying: trunk
                        .map(|trunk| trunk.srtp_keys.clone())
                        .or(phone.map(|phone| phone.srtp_keys.clone()))
                        .unwrap_or_else(|| MediaPreferences::default().keying),
                    srtp: trunk.map(|trunk| trunk.srtp).or(phone.map(|phone| phone.srtp)).unwrap_or_default(),
                    ..MediaPreferences::default()
                },
                advertised: trunk.and_then(|trunk| trunk.advertised).or(phone.and_then(|phone| phone.advertised)),
                rtp_ports: trunk
                    .and_then(|trunk| trunk.rtp_ports)
                    .map_or(rtp_ports.clone(), |(first, last)| first..=last),
                resolved: ArcSwap::default(),
                is_registered: AtomicBool::new(false),
                answers: AtomicBool::new(true),
                realm: FirstRealm::new(),
                places: Places::new(calls_max),
                calls: Mutex::new(TokenBucket::new(per_second, per_second.saturating_mul(2), now)),
                minutes: Mutex::new(DayMinutes::new(trunk.map_or(0, |trunk| trunk.minutes_per_day))),
            })
        };
        Peers {
            direct: make("direct", None, None),
            loopback: config.loopback.then(|| make(LOOPBACK, None, None)),
            trunks: config.trunks.iter().map(|trunk| make(&trunk.name, Some(trunk), None)).collect(),
            phones: config.phones.iter().map(|phone| make(&phone.name, None, Some(phone))).collect(),
        }
    }

    /// The trunk that calls from this address, or this machine where that is allowed. A trunk that is
    /// configured on loopback comes before the general rule.
    pub fn by_source(&self, address: IpAddr, transport: TransportName) -> Option<&Arc<Peer>> {
        let address = address.to_canonical();
        let trunk = self.trunks.iter().find(|trunk| trunk.is_source(address, transport));
        trunk.or_else(|| self.loopback.as_ref().filter(|_| address.is_loopback()))
    }

    /// The phone of this user name.
    pub fn phone(&self, name: &str) -> Option<&Arc<Peer>> {
        self.phones.iter().find(|phone| phone.name == name)
    }

    /// The trunks in the order of configuration.
    pub fn trunks(&self) -> &[Arc<Peer>] {
        &self.trunks
    }

    /// Whether any phone may register.
    pub fn has_phones(&self) -> bool {
        !self.phones.is_empty()
    }

    /// Rules for a destination that is no trunk and no phone.
    pub fn direct(&self) -> &Arc<Peer> {
        &self.direct
    }
}

fn codec(name: &CodecName) -> Codec {
    match name {
        CodecName::Pcmu => Codec::Pcmu,
        CodecName::Pcma => Codec::Pcma,
        CodecName::G722 => Codec::G722,
        CodecName::Opus => Codec::Opus,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> SipConfig {
        let trunk = TrunkConfig {
            name: "carrier".into(),
            host: "sip.example.com".into(),
            sources: vec!["203.0.113.0/24".parse().unwrap(), "127.0.0.9".parse().unwrap()],
            calls_max: 1,
            calls_per_second: 5,
            ..Default::default()
        };
        SipConfig { trunks: vec![trunk], ..Default::default() }
    }

    fn name_at(peers: &Peers, address: &str) -> Option<String> {
        peers.by_source(address.parse().unwrap(), TransportName::Udp).map(|peer| peer.name.clone())
    }

    /// S9: nobody calls who is not configured.
    #[test]
    fn only_trunks_and_this_machine_may_call() {
        let peers = Peers::new(&config(), 10_000..=20_000, Instant::now());
        assert_eq!(name_at(&peers, "203.0.113.9").as_deref(), Some("carrier"));
        assert_eq!(name_at(&peers, "127.0.0.9").as_deref(), Some("carrier"));
        assert_eq!(name_at(&peers, "127.0.0.1").as_deref(), Some(LOOPBACK));
        assert_eq!(name_at(&peers, "::1").as_deref(), Some(LOOPBACK));
        assert_eq!(name_at(&peers, "198.51.100.1"), None);
        let closed = SipConfig { loopback: false, ..config() };
        assert_eq!(name_at(&Peers::new(&closed, 1..=2, Instant::now()), "127.0.0.1"), None);
    }

    #[test]
    fn a_trunk_has_no_more_calls_at_once_than_its_places() {
        let now = Instant::now();
        let peers = Peers::new(&config(), 10_000..=20_000, now);
        let carrier = &peers.trunks()[0];
        let place = carrier.admit(now).unwrap();
        assert!(carrier.admit(now).is_none());
        drop(place);
        assert!(carrier.admit(now).is_some());
    }
}
