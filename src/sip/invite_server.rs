//! A server INVITE transaction in a task of its own: it owns the stack's transaction, which must not be
//! interrupted between its steps, and tells the call what happens.

use rsipstack::sip::{Method, Request, Response, SipMessage};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::TransactionKey;
use rsipstack::transaction::transaction::{TransactionEvent, TransactionEventSender};
use tokio::sync::mpsc;

/// What happens to an INVITE we received.
pub(super) enum InviteEvent {
    /// The ACK came, with its body.
    Acked(Box<Request>),
    /// CANCEL came before a final answer; the stack has answered it.
    Cancelled,
    /// The transaction is over; if no ACK came before, none will.
    Over,
}

/// The call's end of it.
pub(super) struct InviteServer {
    pub request: Request,
    pub events: mpsc::Receiver<InviteEvent>,
    responses: TransactionEventSender,
    key: TransactionKey,
}

impl InviteServer {
    /// Hands the transaction to a task of its own.
    pub fn start(transaction: Transaction) -> InviteServer {
        let (sender, events) = mpsc::channel(EVENTS);
        let request = transaction.original.clone();
        let responses = transaction.tu_sender.clone();
        let key = transaction.key.clone();
        tokio::spawn(drive(transaction, sender));
        InviteServer { request, events, responses, key }
    }

    /// Sends a response, after those sent before. The stack retransmits a final one until its ACK.
    pub fn respond(&self, response: Response) {
        // It fails only when the transaction is over, which the call learns from its events.
        let _ = self.responses.send(TransactionEvent::Respond(response));
    }

    /// Ends the transaction: nothing is sent again any more.
    pub fn stop(&self) {
        let _ = self.responses.send(TransactionEvent::Terminate(self.key.clone()));
    }
}

/// CANCEL, ACK and the end: no more can come of one transaction, retransmissions aside.
const EVENTS: usize = 8;

async fn drive(mut transaction: Transaction, events: mpsc::Sender<InviteEvent>) {
    while let Some(message) = transaction.receive().await {
        let SipMessage::Request(request) = message else { continue };
        let event = match request.method {
            Method::Ack => InviteEvent::Acked(Box::new(request)),
            Method::Cancel => InviteEvent::Cancelled,
            // The stack passes on nothing else to a server INVITE transaction.
            _ => continue,
        };
        let _ = events.send(event).await;
    }
    let _ = events.send(InviteEvent::Over).await;
}
