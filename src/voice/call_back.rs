//! Calling a customer back when a teammate asks for it (R8): the order, and who carries it out.

use std::sync::{Arc, OnceLock};

use tracing::Instrument;

use crate::domain::callback_number::CallbackNumber;
use crate::domain::conversation::Conversation;
use crate::domain::ids::CallId;
use crate::domain::on_duty::Party;
use crate::domain::standing_offers::Source;
use crate::domain::ticket::Ticket;

use super::call;
use super::front_desk::FrontDesk;

/// A customer to be called, and the teammate who speaks with them.
#[derive(Clone)]
pub struct CallBackOrder {
    /// The case.
    pub ticket: Ticket,
    /// The conversation it belongs to, in which the call stands.
    pub conversation: Conversation,
    /// Rung first, on their configured telephones.
    pub teammate: Party,
    /// Called once the teammate has accepted.
    pub customer: CallbackNumber,
    /// What the teammate hears of the case.
    pub summary: String,
}

/// Why nobody is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// Calls cannot be made yet.
    #[error("calls cannot be made yet; try again once /health says that they can")]
    NotReady,
    /// The house is about to stop.
    #[error("Switchboard is stopping and makes no more calls; try again once it runs again")]
    Stopping,
    /// The customer was called as often as they may be.
    #[error("this customer was called as often within an hour as they may be; try again later")]
    TooOften,
}

/// Makes such calls.
pub trait CallsBack: Send + Sync {
    /// Begins one and returns at once; what becomes of it stands in the ticket's conversation.
    fn call_back(&self, order: CallBackOrder) -> Result<CallId, NotCalled>;
}

/// The front desk, once calls can be made.
impl CallsBack for OnceLock<Arc<FrontDesk>> {
    fn call_back(&self, order: CallBackOrder) -> Result<CallId, NotCalled> {
        let desk = self.get().ok_or(NotCalled::NotReady)?.clone();
        if desk.callbacks.is_closed() {
            return Err(NotCalled::Stopping);
        }
        // Counted as escalations are: nobody is called without end, whoever asks for it.
        let source = Source::of(Some(&format!("callback to {}", order.customer.number().as_str())), "");
        if !desk.offers().may_escalate(desk.clock.now(), &source) {
            return Err(NotCalled::TooOften);
        }
        let id = CallId(desk.ids.next());
        let span = tracing::info_span!("callback", call.id = %id);
        let callbacks = desk.callbacks.clone();
        callbacks.spawn(call::call_back(desk, order, id).instrument(span));
        Ok(id)
    }
}
