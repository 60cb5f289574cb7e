//! The desk for messages over any store, without models: small talk is answered, risky words are held.

use std::sync::Arc;

use arc_swap::ArcSwap;
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::domain::agent::Agent;
use switchboard::messages::{MessageDesk, Parts};
use switchboard::seams::bus::Bus;
use switchboard::seams::store::Store;
use switchboard::support::Desk;

pub fn message_desk(store: Arc<dyn Store>, bus: Arc<dyn Bus>, agent: Arc<ArcSwap<Agent>>) -> Arc<MessageDesk> {
    MessageDesk::open(Parts {
        store,
        bus,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        desk: Arc::new(Desk::new(None)),
        agent,
        config: Default::default(),
    })
}
