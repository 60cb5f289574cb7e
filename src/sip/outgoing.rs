//! Making a call: the ways are found, a leg is opened, and the INVITE sent. `calling.rs` goes on from there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use media::Codec;
use rsipstack::transaction::random_text;
use tokio::sync::mpsc;

use super::call::Call;
use super::calling::{Begun, Calling};
use super::core::{Core, Dialogs, Flow, draw_keys};
use super::descriptions::Descriptions;
use super::dialog::{Dialog, DialogParties};
use super::handle;
use super::identity::Identity;
use super::peers::Peer;
use super::spoken;
use super::ways::{self, OpenWay, Way};
use crate::config::sip::{Srtp, TransportName};
use crate::seams::browser::{BrowserCallError, BrowserMedium, KeyedMedium};
use crate::seams::media::LegSpec;
use crate::seams::signaling::{DialOrder, OutgoingCall, SignalingError};

impl Core {
    /// Makes a call.
    pub async fn dial(self: &Arc<Self>, order: DialOrder) -> Result<OutgoingCall, SignalingError> {
        let mut other_ways = self.ways_to(&order.to, order.on_behalf_of.as_ref())?;
        let open = self.open_way(&mut other_ways).await?;
        let kind = self.kind_of(&open.way.peer, &open.flow);
        // A leg is of one kind for its whole life; ways that want another cannot stand in.
        other_ways.retain(|way| self.kind_by(way) == kind);
        let ports = ways::common_ports(&open.way, &mut other_ways);
        let spec = LegSpec { ports, beside: order.beside, ..self.leg_spec(&open.flow, &open.way.peer) };
        let (inbox_sender, inbox) = mpsc::channel(INBOX);
        let lines = handle::lines();
        let follows = order.beside.map(|caller| self.spoken.by(caller));
        let (leg, begun, connecting) = match self.browsers.as_ref().filter(|_| kind != Kind::Plain) {
            Some(browsers) if kind == Kind::Browser => {
                let medium = browsers.offer(open.flow.address.ip(), order.beside).await;
                let BrowserMedium { leg, description, session, connected } = medium.map_err(not_offered)?;
                let mut begun = self.begin(&open, (leg.advertised, leg.advertised_rtcp), follows);
                begun.descriptions.of_browser(session, &description);
                (leg, begun, Some(connected))
            }
            Some(keyed) => {
                let KeyedMedium { leg, fingerprint, exchange, connected } = keyed.open_keyed(spec).await?;
                let mut begun = self.begin(&open, (leg.advertised, leg.advertised_rtcp), follows);
                begun.descriptions.keyed_by(exchange, fingerprint);
                (leg, begun, Some(connected))
            }
            None => {
                let leg = self.media.open(spec).await?;
                let begun = self.begin(&open, (leg.advertised, leg.advertised_rtcp), follows);
                (leg, begun, None)
            }
        };
        let OpenWay { way, flow, addresses, place } = open;
        let call = Call {
            core: self.clone(),
            peer: Some(way.peer.clone()),
            dialog: begun.base.clone(),
            flow,
            next_hop: None,
            descriptions: begun.descriptions,
            leg: Some(leg.control.clone()),
            speaker: self.spoken.speaker(leg.id),
            commands: lines.commands,
            inbox,
            events: lines.events,
            timer: None,
            can_update: false,
            is_held: false,
            reinvite: None,
            refresh: None,
            connecting,
            places: vec![place],
            transfers: Default::default(),
            talk: None,
            listed: vec![Dialogs::list(self, &begun.base.call_id, &begun.base.local_tag, inbox_sender.clone())],
        };
        let local = (leg.advertised, leg.advertised_rtcp, follows);
        let rung = self.ringing.begin(&order.to, order.beside);
        let calling = Calling::new(call, begun.base, way, inbox_sender, local, order.ring_timeout, rung);
        calling.start(other_ways, addresses).await?;
        Ok(OutgoingCall { leg, dialog: lines.handle, events: lines.events_out })
    }

    /// What a leg for a call by this flow must be able to do.
    fn kind_of(&self, peer: &Peer, flow: &Flow) -> Kind {
        let wishes = self.wishes(peer, flow);
        match flow.transport {
            // Who comes by a WebSocket is a page, and speaks as pages do.
            TransportName::Ws | TransportName::Wss if self.browsers.is_some() && wishes.srtp != Srtp::Off => {
                Kind::Browser
            }
            _ if wishes.offers_exchange() => Kind::Keyed,
            _ => Kind::Plain,
        }
    }

    /// The same for a way that was not opened yet: there are several by trunks alone.
    fn kind_by(&self, way: &Way) -> Kind {
        let transport = way.peer.trunk.as_ref().map_or(TransportName::Udp, |trunk| trunk.transport);
        let flow = Flow { transport, ..self.udp_flow(SocketAddr::new(self.stack.local.ip(), 0)) };
        self.kind_of(&way.peer, &flow)
    }

    /// What a call over this way begins with. `local` is where the leg listens; the address is told anew to each way. It `follows`
    /// what the caller speaks.
    pub fn begin(&self, open: &OpenWay, local: (SocketAddr, SocketAddr), follows: Option<Codec>) -> Begun {
        let ip = self.advertised_to(&open.way, &open.flow).unwrap_or(self.stack.local.ip());
        let [rtp, rtcp] = [local.0, local.1].map(|address| SocketAddr::new(ip, address.port()));
        let session_id = u64::from(self.random_number());
        let mut preferences = self.wishes(&open.way.peer, &open.flow);
        if let Some(caller) = follows {
            spoken::follow(&mut preferences.codecs, caller);
        }
        let call_id = format!("{}@switchboard", self.ids.next());
        Begun {
            descriptions: Descriptions::new(preferences, (rtp, rtcp), session_id, draw_keys),
            base: self.dialog_over(&open.way, &open.way.identity, &open.flow, &call_id, &random_text(16)),
        }
    }

    /// A dialog before any response.
    pub fn dialog_over(&self, way: &Way, identity: &Identity, flow: &Flow, call_id: &str, local_tag: &str) -> Dialog {
        let to = format!("<{}>", way.target);
        let from = identity.from(&self.own_domain(way, flow));
        let contact = self.contact(flow, Some(&way.peer));
        let parties = DialogParties { call_id, local_tag, from: &from, to: &to, contact: &contact };
        let route_set = way.route.iter().cloned().collect();
        Dialog::calling(&parties, way.target.clone(), route_set, self.random_number() >> 8)
    }

    /// The host of our From: the trunk's own, since many know their customers by it; else ourselves.
    pub fn own_domain(&self, way: &Way, flow: &Flow) -> String {
        match &way.peer.trunk {
            Some(trunk) => trunk.host.clone(),
            None => self.own_host(flow, Some(&way.peer)),
        }
    }

    fn advertised_to(&self, way: &Way, flow: &Flow) -> Option<IpAddr> {
        let is_open = self.stack.local.ip().is_unspecified();
        way.peer.advertised.or_else(|| is_open.then(|| self.own_ip(flow.address.ip())))
    }
}

/// What a leg can do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// RTP in the clear, or with keys from the descriptions.
    Plain,
    /// Keys are exchanged on its own way, with whom its description names.
    Keyed,
    /// The same with a browser, which checks its way first.
    Browser,
}

fn not_offered(error: BrowserCallError) -> SignalingError {
    SignalingError::Stack(error.to_string())
}

/// Requests of the far end that may wait for the call.
const INBOX: usize = 16;
