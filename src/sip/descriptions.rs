//! One call's session descriptions: what was offered, answered and agreed so far (RFC 3264 §8).

use std::net::SocketAddr;

use media::{Direction, StreamParams};

use super::sdp::{
    self, Agreement, LocalMedia, MediaPreferences, NegotiationError, OurExchange, OurKeys, SdpError, SessionDescription,
};
use crate::config::sip::Srtp;
use crate::seams::browser::{BrowserCallError, BrowserSession, KeyExchange};
use crate::seams::media::{SrtpKeys, Wire};

/// Why a body cannot become an agreement, with the status to refuse it with.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The far end wrote something unreadable: 400.
    #[error("session description: {0}")]
    Unreadable(#[from] SdpError),
    /// It can be read but nothing fits: 488.
    #[error(transparent)]
    Refused(#[from] NegotiationError),
    /// A browser's offer that cannot be taken: 488.
    #[error(transparent)]
    Browser(#[from] BrowserCallError),
    /// An answer came where no offer of ours was open.
    #[error("an answer came without an offer")]
    NoOffer,
}

impl DescriptionError {
    /// The status to refuse with.
    pub fn status(&self) -> u16 {
        match self {
            DescriptionError::Unreadable(_) => 400,
            DescriptionError::Refused(refused) => refused.status(),
            DescriptionError::NoOffer | DescriptionError::Browser(_) => 488,
        }
    }

    /// The Warning header's value (RFC 3261 §20.43).
    pub fn warning(&self, agent: &str) -> String {
        match self {
            DescriptionError::Refused(refused) => refused.warning(agent),
            DescriptionError::Unreadable(_) | DescriptionError::NoOffer | DescriptionError::Browser(_) => {
                format!("399 {agent} \"{}\"", self.to_string().replace(['"', '\\'], "'"))
            }
        }
    }
}

/// Both sides' descriptions of one call.
pub struct Descriptions {
    preferences: MediaPreferences,
    local: LocalMedia,
    /// The last text we sent.
    sent: Option<String>,
    /// Our offer that waits for its answer.
    open_offer: Option<String>,
    agreed: Option<Agreement>,
    /// Draws keys of ours.
    draw: DrawKeys,
    medium: Medium,
}

/// How the leg is reached.
#[derive(Default)]
pub enum Medium {
    /// By ports of its own, where everything can be agreed on that descriptions say.
    #[default]
    Plain,
    /// Its keys are exchanged on its way, and nothing else can be agreed on.
    Keyed(Box<dyn KeyExchange>),
    /// A browser's, whose descriptions are another room's.
    Browser(Box<dyn BrowserSession>),
}

/// Draws keys of ours at random.
pub type DrawKeys = fn() -> OurKeys;

impl Descriptions {
    /// Nothing agreed yet. `session_id` is drawn at random by the caller.
    pub fn new(
        preferences: MediaPreferences,
        (rtp, rtcp): (SocketAddr, SocketAddr),
        session_id: u64,
        draw: DrawKeys,
    ) -> Descriptions {
        let local = LocalMedia { rtcp, keys: Some(draw()), ..LocalMedia::new(rtp, session_id) };
        let medium = Medium::Plain;
        Descriptions { preferences, local, sent: None, open_offer: None, agreed: None, draw, medium }
    }

    /// Those of a browser: we answered its offer with this text, or offer this.
    pub fn of_browser(&mut self, session: Box<dyn BrowserSession>, description: &str) {
        self.medium = Medium::Browser(session);
        self.sent = Some(description.to_owned());
    }

    /// Those of a leg whose keys are exchanged on its way, with our certificate's fingerprint.
    pub fn keyed_by(&mut self, exchange: Box<dyn KeyExchange>, fingerprint: String) {
        self.medium = Medium::Keyed(exchange);
        self.local.exchange = Some(OurExchange { fingerprint, we_called: None });
    }

    /// Nothing agreed yet, for the same leg and by the same wishes. What was encrypted stays so.
    pub fn afresh(&mut self, session_id: u64) -> Descriptions {
        let addresses = (self.local.rtp, self.local.rtcp);
        let mut afresh = Descriptions::new(self.preferences.clone(), addresses, session_id, self.draw);
        afresh.take_medium_of(self);
        afresh
    }

    /// The leg is described here from now on, and no longer there.
    pub fn take_medium_of(&mut self, other: &mut Descriptions) {
        self.medium = std::mem::take(&mut other.medium);
        let ours = other.local.exchange.as_ref();
        self.local.exchange = ours.map(|ours| OurExchange { we_called: None, ..ours.clone() });
        if matches!(self.medium, Medium::Browser(_)) {
            self.sent = other.sent.clone();
        }
    }

    /// Whether an offer of ours may leave at all.
    pub fn can_offer(&self) -> bool {
        self.preferences.can_offer()
    }

    /// Answers an offer; the agreement is in force at once.
    pub fn answer(&mut self, offer: &[u8]) -> Result<String, DescriptionError> {
        if let Medium::Browser(browser) = &mut self.medium {
            let answer = browser.answer_again(&String::from_utf8_lossy(offer))?;
            self.sent = Some(answer.clone());
            return Ok(answer);
        }
        let offer = SessionDescription::parse(offer)?;
        let local = if self.sent.is_some() { self.local.next() } else { self.local.clone() };
        let local = LocalMedia { keys: Some(self.keys_for(&offer)), ..local };
        let (text, agreed) = sdp::answer(&offer, &self.preferences, &local)?;
        self.local = local;
        self.sent = Some(text.clone());
        self.agree(agreed);
        Ok(text)
    }

    /// Our keys for an answer: those in use while the far end keeps its own, else new ones (RFC 4568 §7.1.4).
    fn keys_for(&self, offer: &SessionDescription) -> OurKeys {
        let in_use = self.agreed.as_ref().and_then(|agreed| agreed.keys.as_ref());
        let kept = in_use.filter(|keys| {
            let mut lines = offer.media.iter().flat_map(|stream| &stream.crypto);
            lines.any(|line| line.is_same_key(keys.suite, &keys.remote))
        });
        match (kept, in_use, &self.local.keys) {
            (Some(keys), _, _) => OurKeys::only(keys.suite, keys.local.clone()),
            (None, None, Some(fresh)) if self.sent.is_none() => fresh.clone(),
            (None, ..) => (self.draw)(),
        }
    }

    /// In force from now on. Once it was encrypted, no offer or answer makes it plain again.
    fn agree(&mut self, agreed: Agreement) {
        if agreed.keys.is_some() || agreed.exchange.is_some() {
            self.preferences.srtp = Srtp::Required;
        }
        if let (Some(ours), Some(far)) = (&mut self.local.exchange, &agreed.exchange) {
            ours.we_called = Some(far.is_called);
        }
        self.agreed = Some(agreed);
    }

    /// Our offer: the first of the call, or another by which nothing changes (a re-INVITE without an offer).
    pub fn offer(&mut self) -> String {
        if let (Medium::Browser(_), Some(sent)) = (&self.medium, &self.sent) {
            // By which nothing changes: only who offers leaves it open who begins (RFC 5763 §5).
            let text = sent.replace("a=setup:passive", "a=setup:actpass");
            self.open_offer = Some(text.clone());
            return text;
        }
        let text = match &self.sent {
            None => sdp::offer(&self.preferences, &self.local),
            Some(sent) => {
                self.local = self.local.next();
                sdp::re_offer(sent, &self.preferences, &self.local)
                    .unwrap_or_else(|_| sdp::offer(&self.preferences, &self.local))
            }
        };
        self.sent = Some(text.clone());
        self.open_offer = Some(text.clone());
        text
    }

    /// Takes the answer to our open offer.
    pub fn take_answer(&mut self, answer: &[u8]) -> Result<(), DescriptionError> {
        let offer = self.open_offer.take().ok_or(DescriptionError::NoOffer)?;
        if let Medium::Browser(browser) = &mut self.medium {
            return Ok(browser.take_answer(&String::from_utf8_lossy(answer))?);
        }
        let answer = SessionDescription::parse(answer)?;
        let agreed = sdp::apply_answer(&offer, &answer, &self.preferences, self.local.exchange.as_ref())?;
        self.agree(agreed);
        Ok(())
    }

    /// Takes the answer of another branch to the offer that one branch has answered already: the branch that is
    /// picked up counts, and each may have its own (RFC 3261 §13.2.2.4).
    pub fn take_other_answer(&mut self, answer: &[u8]) -> Result<(), DescriptionError> {
        self.open_offer = self.sent.clone();
        self.take_answer(answer)
    }

    /// Whether an offer of ours waits for its answer.
    pub fn is_offer_open(&self) -> bool {
        self.open_offer.is_some()
    }

    /// Our offer came to nothing (refused, 491): what was agreed before stays in force.
    pub fn withdraw_offer(&mut self) {
        self.open_offer = None;
    }

    /// What is in force.
    pub fn agreed(&self) -> Option<&StreamParams> {
        self.agreed.as_ref().map(|agreed| &agreed.params)
    }

    /// What is in force, as the leg is to know it: where its far end is proven by keys, that is not told by addresses.
    pub fn params(&self) -> Option<StreamParams> {
        let params = self.agreed()?.clone();
        Some(match self.medium {
            Medium::Plain | Medium::Browser(_) => params,
            Medium::Keyed(_) => {
                let is_muxed = params.remote_rtcp == Some(params.remote);
                StreamParams { remote: Wire::FAR, remote_rtcp: is_muxed.then_some(Wire::FAR), ..params }
            }
        })
    }

    /// Begins the exchange of keys with whom was agreed on, where that is how keys are had. Later calls change what changed.
    pub fn meet(&mut self) -> Result<(), BrowserCallError> {
        match (&mut self.medium, self.agreed.as_ref().and_then(|agreed| agreed.exchange.as_ref())) {
            (Medium::Keyed(exchange), Some(far)) => exchange.meet(far),
            (Medium::Keyed(_) | Medium::Plain | Medium::Browser(_), _) => Ok(()),
        }
    }

    /// How it is protected, where it is.
    pub fn keys(&self) -> Option<&SrtpKeys> {
        self.agreed.as_ref()?.keys.as_ref()
    }

    /// Whether the far end holds us: it does not want to hear us.
    pub fn is_held(&self) -> bool {
        if let Medium::Browser(browser) = &self.medium {
            return browser.is_held();
        }
        self.agreed().is_some_and(|params| {
            matches!(params.direction, Direction::RecvOnly | Direction::Inactive) || params.remote.ip().is_unspecified()
        })
    }
}
