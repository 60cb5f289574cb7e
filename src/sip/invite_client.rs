//! A client INVITE transaction in a task of its own: it owns the stack's transaction, answers challenges,
//! and tells the call what comes back. The stack sends the ACKs, and we where it cannot.

use std::sync::Arc;

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Request, Response, SipMessage, StatusCodeKind};
use rsipstack::transaction::Transaction;
use tokio::sync::mpsc;

use super::client::{Challenge, acknowledge};
use super::core::{Core, Flow};
use super::dialog::tag_of_to;

/// What comes back to an INVITE of ours.
pub(super) enum InviteAnswer {
    /// It was sent once more, with credentials; a CANCEL must fit this one.
    SentAgain(Box<Request>),
    /// A provisional response.
    Provisional(Box<Response>),
    /// The first final response.
    Final(Box<Response>),
    /// Another branch answered as well: it is to be ended (RFC 3261 §13.2.2.4).
    Fork(Box<Response>),
    /// Nothing more will come.
    Over,
}

/// Drives the transaction; it must have been sent.
pub(super) fn start(
    transaction: Transaction,
    challenge: Challenge,
    way: (Arc<Core>, Flow),
) -> mpsc::Receiver<InviteAnswer> {
    let (sender, receiver) = mpsc::channel(ANSWERS);
    tokio::spawn(drive(transaction, challenge, way, sender));
    receiver
}

/// Responses that may wait for the call.
const ANSWERS: usize = 16;
/// Branches of one INVITE that are told apart; the rest would be an attack.
pub(super) const FORKS_MAX: usize = 16;

async fn drive(
    mut transaction: Transaction,
    mut challenge: Challenge,
    (core, flow): (Arc<Core>, Flow),
    answers: mpsc::Sender<InviteAnswer>,
) {
    let mut accepted: Vec<Option<String>> = Vec::new();
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        let answer = match response.status_code.kind() {
            StatusCodeKind::Provisional => InviteAnswer::Provisional(Box::new(response)),
            StatusCodeKind::Successful => {
                acknowledge(&core, &transaction, &flow).await;
                let tag = response.to_header().ok().and_then(tag_of_to);
                if accepted.contains(&tag) || accepted.len() >= FORKS_MAX {
                    continue;
                }
                accepted.push(tag);
                match accepted.len() {
                    1 => InviteAnswer::Final(Box::new(response)),
                    _ => InviteAnswer::Fork(Box::new(response)),
                }
            }
            _ => match challenge.answer(&transaction, &response) {
                Some(mut again) => {
                    if again.send().await.is_err() {
                        break;
                    }
                    transaction = again;
                    InviteAnswer::SentAgain(Box::new(transaction.original.clone()))
                }
                None => InviteAnswer::Final(Box::new(response)),
            },
        };
        let _ = answers.send(answer).await;
    }
    let _ = answers.send(InviteAnswer::Over).await;
}
