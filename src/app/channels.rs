//! Which adapter carries which channel.

use std::sync::Arc;

use crate::adapters::channels::email::EmailChannel;
use crate::domain::conversation::Channel as Kind;
use crate::seams::blobs::Blobs;
use crate::seams::channel::{Channel, Maker, Setup};
use crate::seams::clock::Clock;

/// Makes accounts of every kind there is.
pub struct Makers {
    clock: Arc<dyn Clock>,
    blobs: Arc<dyn Blobs>,
}

impl Makers {
    /// All of them.
    pub fn new(clock: Arc<dyn Clock>, blobs: Arc<dyn Blobs>) -> Makers {
        Makers { clock, blobs }
    }
}

impl Maker for Makers {
    fn make(&self, kind: Kind, setup: Setup) -> Result<Arc<dyn Channel>, String> {
        match kind {
            Kind::Phone | Kind::Api => Err("calls and the API are set up in configuration; name another kind".into()),
            Kind::Email => Ok(Arc::new(EmailChannel::new(setup, self.clock.clone(), self.blobs.clone())?)),
            Kind::Widget | Kind::Slack | Kind::Telegram | Kind::Discord => {
                Err("this kind of channel is not there yet".into())
            }
        }
    }
}
