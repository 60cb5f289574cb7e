//! Keys that are exchanged on the audio's own way (DTLS-SRTP, RFC 5763): who is met, by which role, and what is refused.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use switchboard::config::sip::{SipConfig, Srtp, SrtpKeying, TrunkConfig};
use switchboard::domain::ids::LegId;
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::browser::{
    BrowserCallError, BrowserMedia, BrowserMedium, KeyExchange, KeyedFarEnd, KeyedMedium,
};
use switchboard::seams::media::{LegSpec, MediaError, MediaNode, Wire};
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling, SignalingError};
use tokio::sync::oneshot;

use crate::house::{House, Node, config, event, until};
use crate::peer::{Message, Peer, sdp};

const OURS: &str = "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";
const THEIRS: &str = "BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB";
const OTHER: &str = "CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC:CC";
const SDES: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n";

/// Exchanges without packets: whom they met, and how they shall go.
#[derive(Clone)]
struct Exchanges {
    node: Arc<dyn MediaNode>,
    met: Arc<Mutex<Vec<KeyedFarEnd>>>,
    open: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

struct Exchange(Exchanges);

impl KeyExchange for Exchange {
    fn meet(&mut self, far: &KeyedFarEnd) -> Result<(), BrowserCallError> {
        let mut met = self.0.met.lock().unwrap();
        if met.last() != Some(far) {
            met.push(far.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl BrowserMedia for Exchanges {
    async fn answer(&self, _: IpAddr, _: &str, _: Option<LegId>) -> Result<BrowserMedium, BrowserCallError> {
        Err(BrowserCallError::NotNow)
    }

    async fn offer(&self, _: IpAddr, _: Option<LegId>) -> Result<BrowserMedium, BrowserCallError> {
        Err(BrowserCallError::NotNow)
    }

    async fn open_keyed(&self, spec: LegSpec) -> Result<KeyedMedium, MediaError> {
        let leg = self.node.open(spec).await?;
        let (sender, connected) = oneshot::channel();
        self.open.lock().unwrap().push(sender);
        Ok(KeyedMedium { leg, fingerprint: OURS.into(), exchange: Box::new(Exchange(self.clone())), connected })
    }
}

impl Exchanges {
    fn last(&self) -> KeyedFarEnd {
        self.met.lock().unwrap().last().expect("somebody was met").clone()
    }

    fn count(&self) -> usize {
        self.met.lock().unwrap().len()
    }

    /// The newest comes about, or does not.
    fn settle(&self, is_connected: bool) {
        let sender = self.open.lock().unwrap().pop().expect("an exchange is under way");
        if is_connected {
            let _ = sender.send(());
        }
    }
}

async fn house(trunk: TrunkConfig) -> (House, Exchanges) {
    let mut made = None;
    let config = SipConfig { trunks: vec![trunk], ..config() };
    let house = House::with_browsers(config, |legs| {
        let node = Arc::new(Node(legs));
        let exchanges = Exchanges { node, met: Arc::default(), open: Arc::default() };
        made = Some(exchanges.clone());
        Arc::new(exchanges)
    })
    .await;
    (house, made.unwrap())
}

fn trunk(srtp: Srtp, keys: &[SrtpKeying]) -> TrunkConfig {
    TrunkConfig {
        name: "carrier".into(),
        host: "127.0.0.1".into(),
        health_seconds: 0,
        allowed_prefixes: vec!["+49".into()],
        srtp,
        srtp_keys: keys.to_vec(),
        ..TrunkConfig::default()
    }
}

/// A description with these lines in place of none.
fn keyed(protocol: &str, fingerprint: &str, setup: &str, more: &str) -> String {
    let lines = format!("a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\na=rtcp-mux\r\n{more}");
    sdp(30_000).replace("RTP/AVP", protocol) + &lines
}

fn setup(message: &Message) -> Option<String> {
    message.body().lines().find_map(|line| line.strip_prefix("a=setup:")).map(str::to_owned)
}

const BOTH: &[SrtpKeying] = &[SrtpKeying::Sdes, SrtpKeying::Dtls];
const KEYED: &str = "UDP/TLS/RTP/SAVP";

/// RFC 5763 §5, RFC 4145 §4.1, M4: what each kind of offer over UDP gets: protocol, our role and whether we call, or the
/// reason of a refusal.
#[tokio::test]
async fn an_offer_to_exchange_keys_is_answered_by_the_other_role_or_refused() {
    type Answered = Result<(&'static str, &'static str, bool), &'static str>;
    let sha_1 = keyed(KEYED, THEIRS, "actpass", "").replace("sha-256", "sha-1");
    let cases: [(Srtp, &[SrtpKeying], String, Answered); 12] = [
        (Srtp::Optional, BOTH, keyed(KEYED, THEIRS, "actpass", ""), Ok((KEYED, "passive", false))),
        (
            Srtp::Optional,
            BOTH,
            keyed("UDP/TLS/RTP/SAVPF", THEIRS, "active", ""),
            Ok(("UDP/TLS/RTP/SAVPF", "passive", false)),
        ),
        (Srtp::Required, BOTH, keyed(KEYED, THEIRS, "passive", ""), Ok((KEYED, "active", true))),
        // RFC 8643: beside a plain stream, and beside keys that could be read on the way.
        (Srtp::Optional, BOTH, keyed("RTP/AVP", THEIRS, "actpass", ""), Ok(("RTP/AVP", "passive", false))),
        (Srtp::Required, BOTH, keyed("RTP/SAVP", THEIRS, "actpass", SDES), Ok(("RTP/SAVP", "passive", false))),
        (Srtp::Optional, BOTH, keyed(KEYED, THEIRS, "holdconn", ""), Err("without keys that this line takes")),
        (Srtp::Optional, BOTH, sdp(30_000).replace("RTP/AVP", KEYED), Err("without keys that this line takes")),
        (Srtp::Optional, BOTH, sha_1, Err("without keys that this line takes")),
        (Srtp::Optional, BOTH, keyed(KEYED, &THEIRS[3..], "actpass", ""), Err("without keys that this line takes")),
        (Srtp::Off, BOTH, keyed(KEYED, THEIRS, "actpass", ""), Err("only encrypted audio")),
        (Srtp::Optional, &[SrtpKeying::Sdes], keyed(KEYED, THEIRS, "actpass", ""), Err("without keys")),
        (Srtp::Required, &[SrtpKeying::Dtls], keyed("RTP/AVP", THEIRS, "holdconn", ""), Err("demands encryption")),
    ];
    for (srtp, keys, offer, expected) in cases {
        let (mut house, exchanges) = house(trunk(srtp, keys)).await;
        let mut peer = Peer::new(house.address()).await;
        let invite = peer.request("INVITE", "", &offer);
        peer.send(&invite).await;
        match expected {
            Ok((protocol, role, is_called)) => {
                let call = house.next_call().await;
                assert_eq!(exchanges.count(), 0, "nobody is met before our answer leaves");
                let answering = tokio::spawn(async move { call.dialog.answer().await });
                let ok = peer.expect(200).await;
                assert!(ok.body().contains(&format!(" {protocol} 0")), "{offer} {ok:?}");
                assert_eq!(setup(&ok).as_deref(), Some(role), "{offer}");
                assert!(ok.body().contains(&format!("a=fingerprint:sha-256 {OURS}")));
                assert!(ok.body().contains("a=rtcp-mux") && !ok.body().contains("a=crypto"));
                let far = exchanges.last();
                assert_eq!((far.fingerprint.as_str(), far.is_called, far.address.port()), (THEIRS, is_called, 30_000));
                // The leg knows its far end by keys alone, and the call is answered once there are any.
                assert_eq!(house.legs.configured.lock().unwrap().last().unwrap().remote, Wire::FAR);
                assert!(house.legs.secured.lock().unwrap().is_empty() && !answering.is_finished());
                exchanges.settle(true);
                answering.await.unwrap().unwrap();
            }
            Err(reason) => {
                let refused = peer.expect(488).await;
                assert!(refused.header("Warning").unwrap().contains(reason), "{offer}: {refused:?}");
                assert_eq!(exchanges.count(), 0);
            }
        }
    }
}

/// M4: where no keys come about, the call is not answered.
#[tokio::test]
async fn a_call_whose_keys_are_never_agreed_on_is_not_answered() {
    let (mut house, exchanges) = house(trunk(Srtp::Optional, BOTH)).await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &keyed(KEYED, THEIRS, "actpass", ""));
    peer.send(&invite).await;
    let call = house.next_call().await;
    let answering = tokio::spawn(async move { call.dialog.answer().await });
    peer.expect(200).await;
    exchanges.settle(false);
    assert!(matches!(answering.await.unwrap(), Err(SignalingError::WrongState)));
}

/// RFC 8842 §4, M4: roles stay, another address or certificate is told on, and nothing makes the call less protected.
#[tokio::test]
async fn a_reinvite_changes_whom_keys_are_exchanged_with_and_never_gives_them_up() {
    let (mut house, exchanges) = house(trunk(Srtp::Optional, BOTH)).await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &keyed(KEYED, THEIRS, "passive", ""));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    let dialog = call.dialog;
    let answering = tokio::spawn(async move { (dialog.answer().await, dialog) });
    let ok = peer.expect(200).await;
    peer.remote_tag = ok.tag("To");
    exchanges.settle(true);
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    let _dialog = answering.await.unwrap().1;

    let moved = keyed(KEYED, THEIRS, "actpass", "").replace("m=audio 30000", "m=audio 30010");
    for (offer, port, fingerprint) in [
        (keyed(KEYED, THEIRS, "actpass", ""), 30_000, THEIRS),
        (moved.clone(), 30_010, THEIRS),
        (moved.replace(THEIRS, OTHER), 30_010, OTHER),
    ] {
        let invite = peer.request("INVITE", "", &offer);
        peer.send(&invite).await;
        let ok = peer.expect(200).await;
        peer.ack("").await;
        assert_eq!(setup(&ok).as_deref(), Some("active"), "who called stays who called");
        until("the far end is met", || {
            let far = exchanges.last();
            (far.address.port(), far.fingerprint.as_str()) == (port, fingerprint) && far.is_called
        })
        .await;
    }
    let met = exchanges.count();
    for body in [sdp(30_000), sdp(30_000).replace("RTP/AVP", "RTP/SAVP") + SDES] {
        let invite = peer.request("INVITE", "", &body);
        peer.send(&invite).await;
        let refused = peer.expect(488).await;
        assert!(refused.header("Warning").unwrap().contains("certificate"), "{refused:?}");
    }
    assert_eq!(exchanges.count(), met);
}

/// Our own calls: nothing stands beside the offer to exchange keys; what comes of each answer.
#[tokio::test]
async fn our_calls_exchange_keys_or_are_given_up() {
    let first: &[SrtpKeying] = &[SrtpKeying::Dtls];
    let cases = [
        (Srtp::Optional, first, keyed(KEYED, THEIRS, "active", ""), Some(false), true),
        // Keys in descriptions would be read here, and nothing may be in the clear.
        (Srtp::Required, BOTH, keyed(KEYED, THEIRS, "passive", ""), Some(true), true),
        (Srtp::Required, BOTH, keyed(KEYED, THEIRS, "active", ""), Some(false), false),
        // M4: no downgrade, to the clear or to keys that can be read.
        (Srtp::Optional, first, sdp(30_000), None, false),
        (Srtp::Optional, first, keyed("RTP/AVP", THEIRS, "active", ""), None, false),
        (Srtp::Required, BOTH, sdp(30_000).replace("RTP/AVP", "RTP/SAVP") + SDES, None, false),
    ];
    for (srtp, keys, answer, met, comes_about) in cases {
        let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
        let (house, exchanges) = house(TrunkConfig { host: peer.address().to_string(), ..trunk(srtp, keys) }).await;
        peer.server = house.address();
        let to = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
        let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
        let mut call = house.server.dial(order).await.unwrap();
        let invite = peer.expect_request("INVITE").await;
        assert!(invite.body().contains(&format!(" {KEYED} ")), "{invite:?}");
        assert!(
            invite.body().contains(&format!("a=fingerprint:sha-256 {OURS}")) && invite.body().contains("a=rtcp-mux")
        );
        assert_eq!(setup(&invite).as_deref(), Some("actpass"));
        assert!(!invite.body().contains("a=crypto"));
        peer.send(&peer.response(&invite, "200 OK", "", &answer)).await;
        peer.expect_request("ACK").await;
        match met {
            None => {
                assert_eq!(event(&mut call.events).await, DialogEvent::Refused(488), "{answer}");
                peer.expect_request("BYE").await;
                assert_eq!(exchanges.count(), 0);
            }
            Some(is_called) => {
                until("the far end is met", || exchanges.count() == 1).await;
                assert_eq!(exchanges.last().is_called, is_called);
                assert!(call.events.try_recv().is_err(), "nobody hears anybody yet");
                exchanges.settle(comes_about);
                if comes_about {
                    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
                } else {
                    peer.expect_request("BYE").await;
                    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
                }
            }
        }
    }
}
