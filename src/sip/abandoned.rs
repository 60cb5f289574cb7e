//! An INVITE of ours that nobody waits for any more: given up, or left for another way that answers (RFC 3261 §9.1).
//!
//! It is cancelled as soon as it may be; a 200 that crosses the CANCEL was acknowledged by the stack and is ended.

use std::sync::Arc;

use rsipstack::sip::headers::{Reason, Route};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response};
use tokio::sync::mpsc;

use super::call::in_dialog_flow;
use super::client::{self, Challenge};
use super::core::{Core, Flow};
use super::dialog::Dialog;
use super::invite_client::InviteAnswer;
use super::peers::Peer;

/// What is needed to end it.
pub(super) struct Abandoned {
    pub core: Arc<Core>,
    pub peer: Option<Arc<Peer>>,
    /// The dialog before any response.
    pub base: Dialog,
    pub flow: Flow,
    /// As it was sent last.
    pub invite: Request,
    /// Whether a provisional response came: nothing may be cancelled before.
    pub has_begun: bool,
    /// Reason header of the CANCEL and of BYEs (RFC 3326).
    pub reason: Option<&'static str>,
}

impl Abandoned {
    /// Cancels it where that is possible at once; [`Abandoned::run`] does the rest.
    pub async fn cancel(&self) {
        if !self.has_begun {
            return;
        }
        let mut cancel = cancel_of(&self.invite);
        cancel.headers.extend(reason_header(self.reason));
        send_and_forget(&self.core, self.peer.as_ref(), cancel, &self.flow).await;
    }

    /// Ends whatever still comes of it. The stack ends the transaction in its time, and with it this.
    pub async fn run(mut self, mut answers: mpsc::Receiver<InviteAnswer>) {
        let limit = self.core.times.t1 * 64;
        let mut until = tokio::time::Instant::now() + limit;
        loop {
            let answer = match tokio::time::timeout_at(until, answers.recv()).await {
                Ok(Some(answer)) => answer,
                Ok(None) | Err(_) => return,
            };
            match answer {
                InviteAnswer::SentAgain(request) => {
                    if let Ok(cseq) = request.cseq_header().and_then(|header| header.seq()) {
                        self.base.skip_to_cseq(cseq);
                    }
                    self.invite = *request;
                    self.has_begun = false;
                }
                InviteAnswer::Provisional(_) => {
                    if !self.has_begun {
                        self.has_begun = true;
                        self.cancel().await;
                        until = tokio::time::Instant::now() + limit;
                    }
                }
                InviteAnswer::Final(response) | InviteAnswer::Fork(response) if response.status_code.code() < 300 => {
                    end_branch(&self.core, self.peer.as_ref(), &self.base, &self.flow, &response, self.reason).await;
                }
                // It was refused; other branches may still answer (§13.2.2.4).
                InviteAnswer::Final(_) | InviteAnswer::Fork(_) => {}
                InviteAnswer::Over => return,
            }
        }
    }
}

/// Ends every further branch that answers after the first.
pub(super) async fn end_forks(
    core: Arc<Core>,
    peer: Option<Arc<Peer>>,
    base: Dialog,
    flow: Flow,
    mut answers: mpsc::Receiver<InviteAnswer>,
) {
    while let Some(answer) = answers.recv().await {
        if let InviteAnswer::Fork(response) = answer {
            end_branch(&core, peer.as_ref(), &base, &flow, &response, None).await;
        }
    }
}

/// Ends the branch that this 2xx made.
pub(super) async fn end_branch(
    core: &Arc<Core>,
    peer: Option<&Arc<Peer>>,
    base: &Dialog,
    flow: &Flow,
    response: &Response,
    reason: Option<&str>,
) {
    let Ok(mut dialog) = base.made_by(response) else { return };
    let flow = in_dialog_flow(core, peer, &dialog, flow).await;
    let mut bye = dialog.request(Method::Bye, core.via(&flow, peer.map(|peer| &**peer)));
    bye.headers.extend(reason_header(reason));
    send_and_forget(core, peer, bye, &flow).await;
}

/// Sends a request whose response changes nothing.
pub(super) async fn send_and_forget(core: &Arc<Core>, peer: Option<&Arc<Peer>>, request: Request, flow: &Flow) {
    let Ok(mut transaction) = core.client(request, flow) else { return };
    if transaction.send().await.is_ok() {
        tokio::spawn(client::finish(transaction, Challenge::of(peer), None));
    }
}

fn reason_header(reason: Option<&str>) -> Vec<Header> {
    reason.map(|reason| Header::Reason(Reason::new(reason))).into_iter().collect()
}

/// The CANCEL of an INVITE (§9.1): the same request line, top Via, From, To, Call-ID, number and routes.
fn cancel_of(invite: &Request) -> Request {
    let mut has_via = false;
    let kept = invite.headers.iter().filter_map(|header| match header {
        Header::Via(_) if std::mem::replace(&mut has_via, true) => None,
        Header::Via(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::MaxForwards(_) => {
            Some(header.clone())
        }
        Header::Route(route) => Some(Header::Route(Route::new(route.value()))),
        Header::CSeq(cseq) => {
            let number = cseq.value().split_whitespace().next().unwrap_or_default();
            Some(Header::CSeq(format!("{number} CANCEL").as_str().into()))
        }
        // Everything else belongs to the INVITE alone.
        _ => None,
    });
    let headers: Vec<_> = kept.collect();
    Request { method: Method::Cancel, headers: headers.into(), body: vec![], ..invite.clone() }
}
