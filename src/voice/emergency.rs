//! An emergency number, dialled by a telephone of our own: straight to the trunk that is configured for it, with
//! nobody and nothing between (R57).
//!
//! 1. The call goes out by [`Destination::Emergency`]; the caller hears it ring.
//! 2. Answered: the two are joined, and either side's end is the end.
//! 3. It cannot be carried: the caller is told so aloud, which is the plan's affair.

use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::seams::media::LegCommand;
use crate::seams::signaling::{Destination, DialOrder, Dialog, DialogEvent, IncomingCall, OutgoingCall};

use super::front_desk::FrontDesk;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The call is over.
    Over,
    /// No trunk carried it; the caller waits.
    Refused,
}

/// Carries the call to its end, or tells that it cannot be. Nothing of it is stored.
pub async fn carry(desk: &FrontDesk, incoming: &mut IncomingCall, dialled: &str) -> Carried {
    let order = DialOrder {
        to: Destination::Emergency(dialled.to_owned()),
        ring_timeout: RING_TIME,
        beside: Some(incoming.leg.id),
        on_behalf_of: incoming.info.from.clone(),
    };
    let outgoing = match desk.signaling.dial(order).await {
        Ok(outgoing) => outgoing,
        Err(error) => {
            warn!(%error, sip.phone = incoming.info.trunk, "An emergency call cannot be carried and is refused aloud");
            return Carried::Refused;
        }
    };
    info!(sip.phone = incoming.info.trunk, "An emergency call goes out");
    if let Err(error) = incoming.dialog.ring().await {
        debug!(%error, "Ringing could not be told");
    }
    joined(incoming, outgoing).await
}

async fn joined(incoming: &mut IncomingCall, mut outgoing: OutgoingCall) -> Carried {
    let mut is_answered = false;
    loop {
        tokio::select! {
            biased;
            event = incoming.events.recv() => {
                if is_over(event.as_ref()) {
                    end(&*outgoing.dialog).await;
                    return Carried::Over;
                }
            }
            event = outgoing.events.recv() => match event {
                Some(DialogEvent::Confirmed) if !is_answered => {
                    if incoming.dialog.answer().await.is_err() {
                        end(&*outgoing.dialog).await;
                        return Carried::Over;
                    }
                    is_answered = true;
                    if incoming.leg.control.send(LegCommand::Bridge(outgoing.leg.id)).is_err() {
                        warn!("The legs of an emergency call could not be joined");
                    }
                }
                event if is_over(event.as_ref()) && is_answered => {
                    end(&*incoming.dialog).await;
                    return Carried::Over;
                }
                event if is_over(event.as_ref()) => return Carried::Refused,
                _ => {}
            },
            // What happens to the audio of either is read, so that nothing waits for us.
            () = read(&mut incoming.leg.events) => {}
            () = read(&mut outgoing.leg.events) => {}
        }
    }
}

/// The next event of a leg; for ever after the last.
async fn read<T>(events: &mut mpsc::Receiver<T>) {
    if events.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

fn is_over(event: Option<&DialogEvent>) -> bool {
    matches!(event, None | Some(DialogEvent::Ended(_) | DialogEvent::Refused(_)))
}

async fn end(dialog: &dyn Dialog) {
    if let Err(error) = dialog.hang_up().await {
        debug!(%error, "Hanging up an emergency call");
    }
}

/// Emergency services let it ring until somebody is free.
const RING_TIME: Duration = Duration::from_secs(180);
