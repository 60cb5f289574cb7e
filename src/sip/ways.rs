//! By which ways a call can be made: the address itself, a phone's own flow, or the trunks that may carry a number.
//!
//! Trunks are tried in their order of priority; those that did not answer lately come last, so that they are skipped
//! while another can carry the call, and still tried before nobody is called.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rsipstack::sip::{Scheme, Uri};

use super::caps;
use super::core::{Core, Flow, Hop};
use super::identity::Identity;
use super::limits::Place;
use super::numbers::{self, NumberForm};
use super::peers::Peer;
use crate::config::sip::{NumberFormat, TrunkConfig};
use crate::domain::phone_number::PhoneNumber;
use crate::seams::signaling::{Destination, Party, SignalingError};

/// Where a call goes: whom it asks for, by whom, over which way.
pub(super) struct Way {
    pub peer: Arc<Peer>,
    pub target: Uri,
    pub route: Option<Uri>,
    pub identity: Identity,
    /// The flow a phone registered over; nothing else reaches it behind NAT (R47).
    pub flow: Option<Flow>,
    /// Whether it passes the caps (R57).
    is_emergency: bool,
}

/// A way that can be gone: there is a place for the call, and its first address can be reached.
pub(super) struct OpenWay {
    pub way: Way,
    pub flow: Flow,
    /// Addresses not yet tried.
    pub addresses: VecDeque<Hop>,
    pub place: Place,
}

impl Way {
    /// How long it may be silent before another is tried.
    pub fn silence(&self) -> Duration {
        self.peer.trunk.as_ref().map_or(SILENCE, |trunk| Duration::from_millis(trunk.silence_ms.into()))
    }

    fn plain(peer: Arc<Peer>, target: Uri, own: &str, flow: Option<Flow>) -> Way {
        let identity = Identity { own: own.to_owned(), original: None, is_asserted: false };
        Way { peer, target, route: None, identity, flow, is_emergency: false }
    }
}

/// The patience with an address that is no trunk: three retransmissions by RFC 3261 §17.1.1.2.
const SILENCE: Duration = Duration::from_secs(4);

impl Core {
    /// All ways to a destination, the best first; at least one.
    pub fn ways_to(
        &self,
        destination: &Destination,
        on_behalf_of: Option<&Party>,
    ) -> Result<VecDeque<Way>, SignalingError> {
        match destination {
            Destination::Uri(uri) => Ok(VecDeque::from([self.way_to_address(uri)?])),
            Destination::Number(number) => self.ways_to_number(number, on_behalf_of),
            Destination::Emergency(digits) => Ok(VecDeque::from([self.emergency_way(digits)?])),
        }
    }

    fn way_to_address(&self, uri: &str) -> Result<Way, SignalingError> {
        let bad = || SignalingError::BadDestination(uri.to_owned());
        let target = Uri::try_from(uri).map_err(|_| bad())?;
        if !matches!(target.scheme, Some(Scheme::Sip | Scheme::Sips)) || uri.contains(char::is_whitespace) {
            return Err(bad());
        }
        let own = &self.config.own_number;
        let Some(phone) = self.phone_named_by(&target) else {
            return Ok(Way::plain(self.peers.direct().clone(), target, own, None));
        };
        let (uri, flow) = self
            .phone_address(&phone.name)
            .ok_or_else(|| SignalingError::Stack(format!("phone {} is not registered", phone.name)))?;
        let target = Uri::try_from(uri.as_str()).map_err(|_| bad())?;
        Ok(Way::plain(phone, target, own, Some(flow)))
    }

    fn ways_to_number(
        &self,
        number: &PhoneNumber,
        on_behalf_of: Option<&Party>,
    ) -> Result<VecDeque<Way>, SignalingError> {
        let mut ways = Vec::new();
        let mut is_forbidden = false;
        for peer in self.peers.trunks() {
            let Some(trunk) = peer.trunk.as_ref().filter(|trunk| can_carry(peer, trunk)) else { continue };
            let home = trunk.home_country.as_deref().or(self.config.home_country.as_deref());
            if !caps::permits(trunk, home, number) {
                is_forbidden = true;
                continue;
            }
            let form = form(trunk.outbound_format);
            let original = on_behalf_of.filter(|_| trunk.original_caller).and_then(|party| party.number.as_ref());
            let original = original.map(|original| numbers::written(original, form, home));
            ways.push(self.way_by(peer, trunk, &numbers::written(number, form, home), original)?);
        }
        let rank = |way: &Way| {
            let priority = way.peer.trunk.as_ref().map_or(u16::MAX, |trunk| trunk.priority);
            (!way.peer.answers.load(Ordering::Acquire), priority)
        };
        ways.sort_by_key(rank);
        match ways.is_empty() {
            false => Ok(ways.into()),
            true if is_forbidden => Err(SignalingError::NotAllowed(
                "no trunk may call this number's country; see sip.trunks.allowed_countries and allowed_prefixes".into(),
            )),
            true => Err(SignalingError::NoTrunk),
        }
    }

    fn emergency_way(&self, digits: &str) -> Result<Way, SignalingError> {
        if !self.config.emergency_numbers.iter().any(|known| known == digits) {
            return Err(SignalingError::BadDestination("(not one of sip.emergency_numbers)".into()));
        }
        let named = |peer: &&Arc<Peer>| Some(&peer.name) == self.config.emergency_trunk.as_ref();
        let peer = self.peers.trunks().iter().find(named).ok_or(SignalingError::NoTrunk)?;
        let trunk = peer.trunk.as_ref().ok_or(SignalingError::NoTrunk)?;
        Ok(Way { is_emergency: true, ..self.way_by(peer, trunk, digits, None)? })
    }

    fn way_by(
        &self,
        peer: &Arc<Peer>,
        trunk: &TrunkConfig,
        user: &str,
        original: Option<String>,
    ) -> Result<Way, SignalingError> {
        let suffix = trunk.transport.uri_parameter();
        let uri =
            |text: String| Uri::try_from(text.as_str()).map_err(|_| SignalingError::BadDestination(trunk.host.clone()));
        let route = trunk.outbound_proxy.as_ref().map(|proxy| uri(format!("sip:{proxy}{suffix};lr"))).transpose()?;
        let own = trunk.own_number.as_ref().or(trunk.username.as_ref()).unwrap_or(&self.config.own_number);
        Ok(Way {
            peer: peer.clone(),
            target: uri(format!("sip:{user}@{}{suffix}", trunk.host))?,
            route,
            identity: Identity { own: own.clone(), original, is_asserted: true },
            flow: None,
            is_emergency: false,
        })
    }

    /// One of our phones, where the address is at our own host or realm.
    fn phone_named_by(&self, target: &Uri) -> Option<Arc<Peer>> {
        let host = target.host_with_port.host.to_string();
        let is_ours = host.eq_ignore_ascii_case(&self.config.realm)
            || self.config.advertised.as_deref().is_some_and(|own| own.split(':').next() == Some(&*host))
            || self.stack.local.ip().to_string() == host;
        self.peers.phone(target.user().filter(|_| is_ours)?).cloned()
    }

    /// The first of these ways that can be gone; it and those before it are taken out.
    pub async fn open_way(self: &Arc<Self>, ways: &mut VecDeque<Way>) -> Result<OpenWay, SignalingError> {
        let mut last = SignalingError::NoTrunk;
        while let Some(way) = ways.pop_front() {
            let name = way.peer.name.clone();
            match self.open_one(way).await {
                Ok(open) => return Ok(open),
                Err(error) => {
                    tracing::info!(sip.trunk = %name, %error, "A way cannot carry the call");
                    last = error;
                }
            }
        }
        Err(last)
    }

    async fn open_one(self: &Arc<Self>, way: Way) -> Result<OpenWay, SignalingError> {
        let mut addresses = VecDeque::new();
        if way.flow.is_none() {
            addresses.extend(self.resolve(way.route.as_ref().unwrap_or(&way.target)).await?);
        }
        let place = match way.is_emergency {
            true => way.peer.admit_emergency(),
            false => way.peer.admit_outgoing(self.clock.now(), self.clock.epoch())?,
        };
        let flow = match way.flow.clone() {
            Some(flow) => flow,
            None => self.first_flow(&mut addresses, &way.peer).await?,
        };
        if !self.wishes(&way.peer, &flow).can_offer() {
            return Err(SignalingError::NotAllowed(format!(
                "{} demands encrypted audio, and its keys would be readable on the way: set transport = \"tls\"",
                way.peer.name
            )));
        }
        Ok(OpenWay { way, flow, addresses, place })
    }

    /// The first of these addresses that can be reached; it and those before it are taken out.
    pub async fn first_flow(
        self: &Arc<Self>,
        addresses: &mut VecDeque<Hop>,
        peer: &Arc<Peer>,
    ) -> Result<Flow, SignalingError> {
        let mut last = SignalingError::Stack("the destination has no address".into());
        while let Some(hop) = addresses.pop_front() {
            match self.flow_to(&hop, Some(peer)).await {
                Ok(flow) => return Ok(flow),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The RTP ports that the first way and those that stand in for it have in common. A leg keeps its port for its whole
/// life, so a trunk whose firewall does not know that port cannot stand in, and is taken out.
pub(super) fn common_ports(first: &Way, others: &mut VecDeque<Way>) -> RangeInclusive<u16> {
    let mut common = first.peer.rtp_ports.clone();
    others.retain(|way| {
        let ports = &way.peer.rtp_ports;
        let both = *common.start().max(ports.start())..=*common.end().min(ports.end());
        // RTP takes an even port and the one after it.
        let has_room = u32::from(*both.start()) + 2 <= u32::from(*both.end());
        if has_room {
            common = both;
        } else {
            tracing::warn!(sip.trunk = %way.peer.name, "A trunk cannot stand in for another: their rtp_ports differ");
        }
        has_room
    });
    common
}

fn can_carry(peer: &Peer, trunk: &TrunkConfig) -> bool {
    !trunk.register || peer.is_registered.load(Ordering::Acquire)
}

fn form(format: NumberFormat) -> NumberForm {
    match format {
        NumberFormat::E164 => NumberForm::E164,
        NumberFormat::WithoutPlus => NumberForm::WithoutPlus,
        NumberFormat::DoubleZero => NumberForm::DoubleZero,
        NumberFormat::National => NumberForm::National,
    }
}
