//! Which adapter carries which channel.

use std::sync::Arc;

use crate::adapters::channels::discord::Discord;
use crate::adapters::channels::email::EmailChannel;
use crate::adapters::channels::slack::Slack;
use crate::adapters::channels::telegram::Telegram;
use crate::adapters::channels::widget::WidgetChannel;
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
            Kind::Slack => Ok(Arc::new(Slack::new(setup)?)),
            Kind::Telegram => Ok(Arc::new(Telegram::new(setup)?)),
            Kind::Discord => Ok(Arc::new(Discord::new(setup)?)),
            Kind::Widget => Ok(Arc::new(WidgetChannel::make(setup)?)),
            Kind::Email => Ok(Arc::new(EmailChannel::new(setup, self.clock.clone(), self.blobs.clone())?)),
        }
    }
}
