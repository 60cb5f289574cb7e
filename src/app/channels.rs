//! Which adapter carries which channel.

use std::sync::Arc;

use crate::domain::conversation::Channel as Kind;
use crate::seams::channel::{Channel, Maker, Setup};

/// Makes accounts of every kind there is.
pub struct Makers;

impl Makers {
    /// All of them.
    pub fn new() -> Makers {
        Makers
    }
}

impl Maker for Makers {
    fn make(&self, kind: Kind, _setup: Setup) -> Result<Arc<dyn Channel>, String> {
        match kind {
            Kind::Phone | Kind::Api => Err("calls and the API are set up in configuration; name another kind".into()),
            Kind::Widget | Kind::Email | Kind::Slack | Kind::Telegram | Kind::Discord => {
                Err("this kind of channel is not there yet".into())
            }
        }
    }
}
