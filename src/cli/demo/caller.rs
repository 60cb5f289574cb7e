//! Somebody who calls a house by real SIP and RTP, with a telephone that notes what is on the wire.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::adapters::system::{SystemClock, SystemIds};
use crate::config::media::MediaConfig;
use crate::config::sip::{CodecName, SipConfig};
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, OutgoingCall, Signaling};
use crate::sip::{SipParts, SipServer, SipTimes};

use super::phone::{Phone, Phones};

/// Calls, one after the other.
pub struct Caller {
    sip: SipServer,
    phones: Arc<Phones>,
}

/// One call, answered.
pub struct CallerCall {
    call: OutgoingCall,
    /// The caller's telephone.
    pub phone: Phone,
    /// When the 200 came.
    pub answered_at: Instant,
}

/// What a caller's words brought.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// From the caller's last voiced packet to the first voiced packet of the answer, on the wire.
    pub gap: Duration,
}

impl Caller {
    /// On a free loopback port, with these settings but for trunks, telephones and codecs: it speaks G.711 alone.
    pub async fn start(config: &SipConfig) -> anyhow::Result<Caller> {
        let phones = Arc::new(Phones::default());
        let config = SipConfig {
            listen: "127.0.0.1:0".parse().context("a loopback address")?,
            trunks: Vec::new(),
            phones: Vec::new(),
            codecs: vec![CodecName::Pcmu],
            ..config.clone()
        };
        let (sip, _) = SipServer::start(SipParts {
            config,
            media: phones.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            rtp_ports: MediaConfig::default().rtp_ports.into(),
            browsers: None,
            times: SipTimes::default(),
            takes_own_calls: false,
        })
        .await?;
        Ok(Caller { sip, phones })
    }

    /// Calls this URI and waits until it is answered.
    pub async fn call(&self, uri: String) -> anyhow::Result<CallerCall> {
        let order = DialOrder {
            to: Destination::Uri(uri),
            ring_timeout: Duration::from_secs(20),
            beside: None,
            on_behalf_of: None,
        };
        let mut call = self.sip.dial(order).await?;
        let phone = self.phones.newest().context("a phone")?;
        loop {
            match call.events.recv().await {
                Some(DialogEvent::Confirmed) => break,
                Some(DialogEvent::Ringing) => {}
                other => bail!("the call was not answered: {other:?}"),
            }
        }
        Ok(CallerCall { call, phone, answered_at: Instant::now() })
    }
}

impl CallerCall {
    /// Says something and measures the reply; `None` when nothing was answered within `patience`.
    pub async fn ask(&mut self, clip: &[i16], patience: Duration) -> Option<Reply> {
        self.phone.say(clip);
        while self.phone.is_speaking() {
            tokio::time::sleep(LOOK).await;
        }
        // The last packet is on its way.
        tokio::time::sleep(LOOK * 5).await;
        let spoke = self.phone.look(|wire| wire.last_voice_sent_at)?;
        loop {
            if let Some(at) = self.phone.look(|wire| wire.voice_after(spoke)) {
                return Some(Reply { gap: at - spoke });
            }
            if spoke.elapsed() > patience || self.is_over() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the agent has been quiet for `pause`, at most `patience`.
    pub async fn wait_for_quiet(&mut self, pause: Duration, patience: Duration) {
        let began = Instant::now();
        while began.elapsed() < patience && !self.is_over() {
            let quiet = self.phone.look(|wire| wire.last_voice().is_some_and(|at| at.elapsed() > pause));
            if quiet {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether the house has ended the call.
    pub fn is_over(&mut self) -> bool {
        loop {
            match self.call.events.try_recv() {
                Ok(DialogEvent::Ended(_)) | Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => return true,
                Ok(_) => {}
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return false,
            }
        }
    }

    /// The caller hangs up.
    pub async fn hang_up(self) {
        // A call that the house has ended needs nothing more.
        let _ = self.call.dialog.hang_up().await;
    }
}

/// How often the wire is looked at; what happened on it was timed when it happened.
const LOOK: Duration = Duration::from_millis(4);
