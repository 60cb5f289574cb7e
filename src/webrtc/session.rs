//! Browsers that signal by another way than HTTP: their audio alone. Whoever signals for them ends it by dropping the session.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::calls::{Browsers, Expected, credentials, params};
use super::ice::Credentials;
use super::port::{Key, Order, Port, Told};
use super::sdp::{self, Answering, Offer};
use crate::seams::browser::{BrowserCallError, BrowserMedia, BrowserMedium, BrowserSession};
use crate::seams::media::{LegCommand, LegPort};

#[async_trait]
impl BrowserMedia for Browsers {
    async fn answer(&self, from: IpAddr, offer: &str) -> Result<BrowserMedium, BrowserCallError> {
        let offer = Offer::parse(offer).map_err(|error| BrowserCallError::Offer(error.to_string()))?;
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(BrowserCallError::NotNow);
        }
        let (Expected { leg, local, key, told }, admission) = self.expect(&offer, None).await?;
        let mut session = Session {
            port: self.port.clone(),
            leg: Arc::downgrade(&leg.control.0),
            key,
            local,
            remote_ufrag: offer.ice.ufrag.clone(),
            fingerprint: self.identity.fingerprint.clone(),
            addresses: self.addresses(from),
            name: rand::random(),
            version: 0,
        };
        if !self.port.order(Order::Admit(Box::new(admission))) {
            return Err(BrowserCallError::NotNow);
        }
        let (connected_sender, connected) = oneshot::channel();
        tokio::spawn(listen(told, connected_sender));
        let answer = session.answered(&offer);
        Ok(BrowserMedium { leg, answer, session: Box::new(session), connected })
    }
}

/// Tells when it is connected. Everything else that happens at the port is seen on the leg as well: audio comes, or stops.
async fn listen(mut told: mpsc::Receiver<Told>, connected: oneshot::Sender<()>) {
    let mut connected = Some(connected);
    while let Some(told) = told.recv().await {
        match told {
            Told::Connected => drop(connected.take().map(|connected| connected.send(()))),
            Told::Moved => tracing::debug!("A browser has changed its network"),
            Told::Closed | Told::Lost => return,
        }
    }
}

/// What of a browser must be known to answer it again.
struct Session {
    port: Arc<Port>,
    leg: Weak<dyn LegPort>,
    key: Key,
    local: Credentials,
    remote_ufrag: String,
    fingerprint: String,
    addresses: Vec<SocketAddr>,
    name: u64,
    version: u64,
}

impl Session {
    fn answered(&mut self, offer: &Offer) -> String {
        self.version += 1;
        let ours = Answering {
            local: &self.local,
            fingerprint: &self.fingerprint,
            addresses: &self.addresses,
            session: self.name,
            version: self.version,
        };
        sdp::answer(offer, &ours)
    }
}

impl BrowserSession for Session {
    fn answer_again(&mut self, offer: &str) -> Result<String, BrowserCallError> {
        let offer = Offer::parse(offer).map_err(|error| BrowserCallError::Offer(error.to_string()))?;
        if offer.ice.ufrag != self.remote_ufrag {
            // A change of network (RFC 8839 §4.4.1.1.1).
            let local = credentials();
            let remote_ufrag = offer.ice.ufrag.clone();
            let order = Order::Restart { key: self.key, local: local.clone(), remote_ufrag };
            if !self.port.order(order) {
                return Err(BrowserCallError::NotNow);
            }
            (self.local, self.remote_ufrag) = (local, offer.ice.ufrag.clone());
        }
        let leg = self.leg.upgrade().ok_or(BrowserCallError::Unknown)?;
        leg.send(LegCommand::Configure(Box::new(params(&offer)))).map_err(|_| BrowserCallError::NotNow)?;
        Ok(self.answered(&offer))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.port.order(Order::Close(self.key));
    }
}
