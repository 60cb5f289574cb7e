//! Telephones that exchange keys on their audio's own way (RFC 5763), each at a port of its own from the range of RTP
//! ports. Their descriptions are signalling's; dropping the exchange ends the audio.

use rand::Rng;

use super::calls::Browsers;
use super::meeting::{Meeting, Seating};
use super::port::{Key, Order, bind_even};
use crate::seams::browser::{BrowserCallError, KeyExchange, KeyedFarEnd, KeyedMedium};
use crate::seams::media::{LegSpec, MediaError};

impl Browsers {
    /// A leg with a port of its own.
    pub(super) async fn keyed_leg(&self, spec: LegSpec) -> Result<KeyedMedium, MediaError> {
        let socket = bind_even(spec.bind, &spec.ports, rand::rng().random())?;
        let (bind, advertised) = (spec.bind, spec.advertised);
        let (mut leg, seating, connected) = self.seated_leg(spec, Some(socket)).await?;
        for address in [&mut leg.advertised, &mut leg.advertised_rtcp] {
            address.set_ip(advertised.unwrap_or(bind));
        }
        let fingerprint = self.meeting.identity.fingerprint.clone();
        let exchange = Keyed { meeting: self.meeting.clone(), key: seating.key, seating: Some(seating), met: None };
        Ok(KeyedMedium { leg, fingerprint, exchange: Box::new(exchange), connected })
    }
}

/// The exchange of one call.
struct Keyed {
    meeting: Meeting,
    key: Key,
    /// Gone once somebody is expected.
    seating: Option<Seating>,
    met: Option<KeyedFarEnd>,
}

impl KeyExchange for Keyed {
    fn meet(&mut self, far: &KeyedFarEnd) -> Result<(), BrowserCallError> {
        let same = self.met.as_ref().filter(|met| {
            (&met.fingerprint, &met.tls_id, met.is_called) == (&far.fingerprint, &far.tls_id, far.is_called)
        });
        let order = match same {
            Some(met) if met.address == far.address => return Ok(()),
            Some(_) => Order::Redirect(self.key, far.address),
            None => {
                let peer = self.meeting.telephone(far)?;
                match self.seating.take() {
                    Some(seating) => Order::Admit(seating.with(peer)),
                    None => Order::Renew(self.key, Box::new(peer)),
                }
            }
        };
        self.meeting.order(order)?;
        self.met = Some(far.clone());
        Ok(())
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        let _ = self.meeting.order(Order::Close(self.key));
    }
}
