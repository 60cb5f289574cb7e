//! What every far end is met with: our certificate, our patience, and the thread that reads the ports.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rtc_shared::error::Error;
use tokio::sync::mpsc;

use super::dtls::{Exchange, Identity};
use super::ice::{Agent, Credentials};
use super::path::{Described, Path};
use super::peer::{Patience, Peer};
use super::port::{Admission, Key, Order, Port, Told};
use super::sdp::Offer;
use crate::config::browser::BrowserConfig;
use crate::seams::browser::{BrowserCallError, KeyedFarEnd};
use crate::seams::clock::Clock;
use crate::seams::media::{Datagram, LegPort};

/// Shared by all calls.
#[derive(Clone)]
pub struct Meeting {
    /// Who we are.
    pub identity: Arc<Identity>,
    /// The port that browsers share.
    pub port: Arc<Port>,
    patience: Patience,
    clock: Arc<dyn Clock>,
}

impl Meeting {
    /// As configured.
    pub fn new(identity: Identity, port: Port, config: &BrowserConfig, clock: Arc<dyn Clock>) -> Meeting {
        let patience = Patience {
            connect: Duration::from_millis(config.connect_timeout_ms),
            lost: Duration::from_millis(config.lost_after_ms),
        };
        Meeting { identity: Arc::new(identity), port: Arc::new(port), patience, clock }
    }

    /// A browser that will look for us, by these credentials of ours, as its description says.
    pub fn browser(&self, local: Credentials, theirs: &Offer) -> Result<Peer, BrowserCallError> {
        let now = self.clock.now();
        let exchange = Exchange::new(&self.identity, &theirs.fingerprint).map_err(defective)?;
        let agent = Agent::new(now, local, theirs.ice.ufrag.clone());
        Ok(Peer::new(now, Path::Checked(Box::new(agent)), exchange, self.patience))
    }

    /// A telephone where its description says.
    pub fn telephone(&self, far: &KeyedFarEnd) -> Result<Peer, BrowserCallError> {
        let exchange = match far.is_called {
            true => Exchange::calling(&self.identity, &far.fingerprint),
            false => Exchange::new(&self.identity, &far.fingerprint),
        };
        let path = Path::Described(Described::new(far.address, far.is_only_there));
        Ok(Peer::new(self.clock.now(), path, exchange.map_err(defective)?, self.patience))
    }

    /// Gives an order to the thread.
    pub fn order(&self, order: Order) -> Result<(), BrowserCallError> {
        if self.port.order(order) { Ok(()) } else { Err(BrowserCallError::NotNow) }
    }
}

fn defective(error: Error) -> BrowserCallError {
    tracing::error!(%error, "No exchange of keys could be begun");
    BrowserCallError::NotNow
}

/// A leg's place at the thread, until it is known whom to expect.
pub struct Seating {
    /// Its name.
    pub key: Key,
    /// The leg, which its call owns.
    pub leg: Weak<dyn LegPort>,
    /// Where its audio goes. Behind a lock that nobody waits for: it is handed on before it is used.
    pub arrivals: Mutex<rtrb::Producer<Datagram>>,
    /// Where news go.
    pub news: mpsc::Sender<Told>,
    /// A port of its own, where it has one.
    pub socket: Option<Arc<UdpSocket>>,
}

impl Seating {
    /// For this far end.
    pub fn with(self, peer: Peer) -> Box<Admission> {
        let Seating { key, leg, arrivals, news, socket } = self;
        let arrivals = arrivals.into_inner().unwrap_or_else(PoisonError::into_inner);
        Box::new(Admission { key, peer, leg, arrivals, news, socket })
    }
}
