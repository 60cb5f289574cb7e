//! Browsers that signal by another way than HTTP: their audio alone. Whoever signals for them ends it by dropping the session.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::calls::{Browsers, credentials, params};
use super::ice::Credentials;
use super::meeting::{Meeting, Seating};
use super::port::{Key, Order, Told};
use super::sdp::{self, Offer, Ours};
use crate::domain::ids::LegId;
use crate::seams::browser::{BrowserCallError, BrowserMedia, BrowserMedium, BrowserSession, KeyedMedium};
use crate::seams::media::{LegCommand, LegPort, LegSpec, MediaError, MediaLeg};

#[async_trait]
impl BrowserMedia for Browsers {
    async fn answer(
        &self,
        from: IpAddr,
        offer: &str,
        beside: Option<LegId>,
    ) -> Result<BrowserMedium, BrowserCallError> {
        let offer = read(offer)?;
        let (leg, mut session, connected) = self.session(from, beside).await?;
        session.expect(&offer)?;
        let description = session.answered(&offer);
        Ok(BrowserMedium { leg, description, session: Box::new(session), connected })
    }

    async fn offer(&self, to: IpAddr, beside: Option<LegId>) -> Result<BrowserMedium, BrowserCallError> {
        let (leg, mut session, connected) = self.session(to, beside).await?;
        let description = sdp::offer(&session.ours());
        Ok(BrowserMedium { leg, description, session: Box::new(session), connected })
    }

    async fn open_keyed(&self, spec: LegSpec) -> Result<KeyedMedium, MediaError> {
        self.keyed_leg(spec).await
    }
}

impl Browsers {
    async fn session(
        &self,
        browser: IpAddr,
        beside: Option<LegId>,
    ) -> Result<(MediaLeg, Session, oneshot::Receiver<()>), BrowserCallError> {
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(BrowserCallError::NotNow);
        }
        let (leg, seating, connected) = self.seated_leg(self.spec(beside), None).await.map_err(|error| {
            tracing::warn!(%error, "No leg could be made for a browser");
            BrowserCallError::NotNow
        })?;
        let session = Session {
            meeting: self.meeting.clone(),
            leg: seating.leg.clone(),
            key: seating.key,
            seating: Some(seating),
            local: credentials(),
            remote: None,
            hears: true,
            addresses: self.addresses(browser),
            name: rand::random(),
            version: 0,
        };
        Ok((leg, session, connected))
    }

    /// A leg with a place at the thread; the last tells when both sides hear each other.
    pub(super) async fn seated_leg(
        &self,
        spec: LegSpec,
        socket: Option<Arc<UdpSocket>>,
    ) -> Result<(MediaLeg, Seating, oneshot::Receiver<()>), MediaError> {
        let (leg, seating, told) = self.leg(spec, socket).await?;
        let (sender, connected) = oneshot::channel();
        tokio::spawn(listen(told, sender));
        Ok((leg, seating, connected))
    }
}

/// Tells when it is connected. Everything else that happens at the port is seen on the leg as well: audio comes, or stops.
async fn listen(mut told: mpsc::Receiver<Told>, connected: oneshot::Sender<()>) {
    let mut connected = Some(connected);
    while let Some(told) = told.recv().await {
        match told {
            Told::Connected => drop(connected.take().map(|connected| connected.send(()))),
            Told::Moved => tracing::debug!("A far end has changed its network"),
            Told::Closed | Told::Lost => return,
        }
    }
}

fn read(description: &str) -> Result<Offer, BrowserCallError> {
    Offer::parse(description).map_err(|error| BrowserCallError::Offer(error.to_string()))
}

/// What of a browser must be known to answer it again.
struct Session {
    meeting: Meeting,
    leg: Weak<dyn LegPort>,
    key: Key,
    /// Gone once somebody is expected.
    seating: Option<Seating>,
    local: Credentials,
    remote: Option<Remote>,
    /// Whether the browser wants to hear us.
    hears: bool,
    addresses: Vec<SocketAddr>,
    name: u64,
    version: u64,
}

/// Whom we expect.
#[derive(PartialEq, Eq)]
struct Remote {
    ufrag: String,
    fingerprint: String,
}

impl Remote {
    fn of(description: &Offer) -> Remote {
        Remote { ufrag: description.ice.ufrag.clone(), fingerprint: description.fingerprint.clone() }
    }
}

impl Session {
    /// Expects whom this description names, under our present credentials, and speaks as it says.
    fn expect(&mut self, theirs: &Offer) -> Result<(), BrowserCallError> {
        let peer = self.meeting.browser(self.local.clone(), theirs)?;
        self.meeting.order(match self.seating.take() {
            Some(seating) => Order::Admit(seating.with(peer)),
            None => Order::Renew(self.key, Box::new(peer)),
        })?;
        self.remote = Some(Remote::of(theirs));
        self.configure(theirs)
    }

    fn configure(&mut self, theirs: &Offer) -> Result<(), BrowserCallError> {
        let leg = self.leg.upgrade().ok_or(BrowserCallError::Unknown)?;
        leg.send(LegCommand::Configure(Box::new(params(theirs)))).map_err(|_| BrowserCallError::NotNow)?;
        self.hears = theirs.hears;
        Ok(())
    }

    /// Our side of the next description.
    fn ours(&mut self) -> Ours<'_> {
        self.version += 1;
        Ours {
            local: &self.local,
            fingerprint: &self.meeting.identity.fingerprint,
            addresses: &self.addresses,
            session: self.name,
            version: self.version,
        }
    }

    fn answered(&mut self, offer: &Offer) -> String {
        sdp::answer(offer, &self.ours())
    }
}

impl BrowserSession for Session {
    fn answer_again(&mut self, offer: &str) -> Result<String, BrowserCallError> {
        let offer = read(offer)?;
        let named = Remote::of(&offer);
        match &self.remote {
            Some(known) if *known == named => self.configure(&offer)?,
            // A change of network (RFC 8839 §4.4.1.1.1).
            Some(known) if known.fingerprint == named.fingerprint => {
                let (local, remote_ufrag) = (credentials(), named.ufrag.clone());
                self.meeting.order(Order::Restart { key: self.key, local: local.clone(), remote_ufrag })?;
                (self.local, self.remote) = (local, Some(named));
                self.configure(&offer)?;
            }
            // Somebody else in its place.
            Some(_) | None => {
                self.local = credentials();
                self.expect(&offer)?;
            }
        }
        Ok(self.answered(&offer))
    }

    fn take_answer(&mut self, answer: &str) -> Result<(), BrowserCallError> {
        let answer = read(answer)?;
        match self.remote.as_ref().is_some_and(|known| *known == Remote::of(&answer)) {
            true => self.configure(&answer),
            false => self.expect(&answer),
        }
    }

    fn is_held(&self) -> bool {
        !self.hears
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.meeting.order(Order::Close(self.key));
    }
}
