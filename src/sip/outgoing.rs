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
use super::spoken;
use super::ways::{self, OpenWay, Way};
use crate::domain::ids::LegId;
use crate::seams::media::LegSpec;
use crate::seams::signaling::{DialOrder, OutgoingCall, SignalingError};

impl Core {
    /// Makes a call.
    pub async fn dial(self: &Arc<Self>, order: DialOrder) -> Result<OutgoingCall, SignalingError> {
        let mut other_ways = self.ways_to(&order.to, order.on_behalf_of.as_ref())?;
        let open = self.open_way(&mut other_ways).await?;
        let bind = self.stack.local.ip();
        let spec = LegSpec {
            leg: LegId(self.ids.next()),
            bind,
            advertised: self.advertised_to(&open.way, &open.flow),
            ports: ways::common_ports(&open.way, &mut other_ways),
            beside: order.beside,
            inband_dtmf: true,
        };
        let leg = self.media.open(spec).await?;
        let (inbox_sender, inbox) = mpsc::channel(INBOX);
        let lines = handle::lines();
        let follows = order.beside.map(|caller| self.spoken.by(caller));
        let begun = self.begin(&open, (leg.advertised, leg.advertised_rtcp), follows);
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

/// Requests of the far end that may wait for the call.
const INBOX: usize = 16;
