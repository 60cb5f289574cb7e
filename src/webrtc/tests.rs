//! The port over loopback, with a browser made of parts: its checks, and the other end of the exchange of keys.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use media::UtteranceId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use tokio::sync::mpsc;

use super::dtls::{Exchange, Identity, fingerprint};
use super::ice::{Agent, Credentials};
use super::path::{Described, Path};
use super::peer::{Patience, Peer};
use super::port::{Admission, Order, Port, Told, bind_even};
use super::stun;
use crate::seams::media::{Datagram, LegCommand, LegPort, SrtpKeys, SrtpSuite};

/// A leg that keeps what it is told.
#[derive(Default)]
struct Leg {
    keys: Mutex<Option<SrtpKeys>>,
    route: Mutex<Option<SocketAddr>>,
}

impl LegPort for Leg {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        match command {
            LegCommand::Secure(keys) => *self.keys.lock().unwrap() = Some(*keys),
            LegCommand::Route(to) => *self.route.lock().unwrap() = Some(to),
            _ => {}
        }
        Ok(())
    }
    fn flush(&self, _: UtteranceId) {}
    fn samples_sent(&self, _: UtteranceId) -> u64 {
        0
    }
    fn wait_ms(&self) -> u32 {
        0
    }
}

struct House {
    port: Port,
    leg: Arc<Leg>,
    arrivals: rtrb::Consumer<Datagram>,
    told: mpsc::Receiver<Told>,
}

fn ours() -> Credentials {
    Credentials { ufrag: "ours".into(), password: "a-password-of-ours-long-enough".into() }
}

/// A port that expects one browser with this fingerprint.
fn house(fingerprint: &str, patience: Patience) -> House {
    let port = Port::open("127.0.0.1:0".parse().unwrap()).unwrap();
    let exchange = Exchange::new(&Identity::generate().unwrap(), fingerprint).unwrap();
    let peer = Peer::new(
        Instant::now(),
        Path::Checked(Box::new(Agent::new(Instant::now(), ours(), "them".into()))),
        exchange,
        patience,
    );
    let leg = Arc::new(Leg::default());
    let as_port: Arc<dyn LegPort> = leg.clone();
    let (producer, arrivals) = rtrb::RingBuffer::new(8);
    let (news, told) = mpsc::channel(8);
    let admission = Admission { key: 1, peer, leg: Arc::downgrade(&as_port), arrivals: producer, news, socket: None };
    assert!(port.order(Order::Admit(Box::new(admission))));
    House { port, leg, arrivals, told }
}

const PATIENT: Patience = Patience { connect: Duration::from_secs(60), lost: Duration::from_secs(60) };

impl House {
    fn address(&self) -> SocketAddr {
        self.port.local_addr().unwrap()
    }

    fn told(&mut self) -> Told {
        eventually("the call is told something", || self.told.try_recv().ok())
    }
}

/// A condition that has not come by then never will.
fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(met) = condition() {
            return met;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

struct Browser {
    socket: UdpSocket,
    endpoint: Endpoint,
    config: Arc<HandshakeConfig>,
    waiting: Arc<HandshakeConfig>,
    fingerprint: String,
}

impl Browser {
    fn new() -> Browser {
        Browser::with(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
    }

    fn with(profiles: Vec<SrtpProtectionProfile>) -> Browser {
        let provider = rtc_crypto::default_provider().unwrap();
        let certificate = Certificate::generate_self_signed(vec!["browser".to_owned()], provider.crypto()).unwrap();
        let fingerprint = fingerprint(certificate.certificate[0].as_ref());
        let config = |is_client| {
            let config = ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(profiles.clone())
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require);
            Arc::new(config.build(is_client, None).unwrap())
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let endpoint = Endpoint::new(socket.local_addr().unwrap(), TransportProtocol::UDP, None);
        Browser { socket, endpoint, config: config(true), waiting: config(false), fingerprint }
    }

    fn check(&self, to: SocketAddr, use_candidate: bool) {
        let check = stun::check("ours:them", &ours().password, use_candidate, false);
        self.socket.send_to(&check, to).unwrap();
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        self.socket.recv_from(&mut buffer).ok().map(|(len, _)| buffer[..len].to_vec())
    }

    /// Waits for the answer to a check.
    fn until_answered(&self, to: SocketAddr) -> Vec<u8> {
        eventually("the check is answered", || {
            self.check(to, true);
            self.receive().filter(|answer| stun::is_stun(answer))
        })
    }

    /// One step of the exchange; whether it is complete.
    fn exchange(&mut self, to: SocketAddr) -> bool {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.socket.send_to(&transmit.message, to).unwrap();
        }
        let mut complete = false;
        if let Some(datagram) = self.receive().filter(|datagram| !stun::is_stun(datagram)) {
            let events = self.endpoint.read(Instant::now(), to, None, BytesMut::from(&datagram[..]));
            complete = events.unwrap_or_default().iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
        }
        let _ = self.endpoint.handle_timeout(to, Instant::now());
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.socket.send_to(&transmit.message, to).unwrap();
        }
        complete
    }

    fn connect(&mut self, to: SocketAddr) {
        self.until_answered(to);
        self.endpoint.connect(Instant::now(), to, self.config.clone(), None).unwrap();
        eventually("the keys are agreed", || self.exchange(to).then_some(()));
    }
}

#[test]
fn a_browser_that_is_expected_gets_its_keys() {
    let mut browser = Browser::new();
    let mut house = house(&browser.fingerprint, PATIENT);
    browser.connect(house.address());
    assert_eq!(house.told(), Told::Connected);
    assert_eq!(*house.leg.route.lock().unwrap(), Some(browser.socket.local_addr().unwrap()));
    let keys = house.leg.keys.lock().unwrap().clone().unwrap();
    assert_eq!((keys.suite, keys.local.key.len(), keys.local.salt.len()), (SrtpSuite::AeadAes128Gcm, 16, 12));
    assert!(keys.local.key != keys.remote.key);
    // Its audio is handed on as it came; a stranger's is not.
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[0x80; 50], house.address()).unwrap();
    browser.socket.send_to(&[0x81; 60], house.address()).unwrap();
    let datagram = eventually("audio is handed on", || house.arrivals.pop().ok());
    assert_eq!(&datagram[..], [0x81; 60]);
}

/// M4: the fingerprint in the offer is what proves a certificate.
#[test]
fn a_browser_with_another_certificate_gets_no_keys() {
    let mut browser = Browser::new();
    let other = Browser::new().fingerprint;
    let mut house = house(&other, Patience { connect: Duration::from_millis(700), ..PATIENT });
    browser.until_answered(house.address());
    browser.endpoint.connect(Instant::now(), house.address(), browser.config.clone(), None).unwrap();
    let told = eventually("the call is given up", || {
        browser.exchange(house.address());
        house.told.try_recv().ok()
    });
    assert_eq!(told, Told::Lost);
    assert!(house.leg.keys.lock().unwrap().is_none());
}

/// M4: a ClientHello from a third address first; it is nobody's, and the browser's own is answered.
#[test]
fn a_client_hello_from_a_third_address_is_not_answered() {
    let (mut browser, mut third) = (Browser::new(), Browser::new());
    let mut house = house(&browser.fingerprint, PATIENT);
    third.endpoint.connect(Instant::now(), house.address(), third.config.clone(), None).unwrap();
    for _ in 0..5 {
        assert!(!third.exchange(house.address()));
    }
    assert!(third.receive().is_none(), "a stranger was answered");
    browser.connect(house.address());
    assert_eq!(house.told(), Told::Connected);
}

/// M4: no downgrade to a tag of 32 bits.
#[test]
fn a_short_tag_is_not_agreed_on() {
    let mut browser = Browser::with(vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32]);
    let mut house = house(&browser.fingerprint, Patience { connect: Duration::from_millis(700), ..PATIENT });
    browser.until_answered(house.address());
    browser.endpoint.connect(Instant::now(), house.address(), browser.config.clone(), None).unwrap();
    let told = eventually("the call is given up", || {
        browser.exchange(house.address());
        house.told.try_recv().ok()
    });
    assert_eq!(told, Told::Lost);
    assert!(house.leg.keys.lock().unwrap().is_none());
}

/// M5: whoever does not know the password is not answered, however much they send.
#[test]
fn a_storm_of_forged_checks_leaves_the_browser_alone() {
    let mut browser = Browser::new();
    let mut house = house(&browser.fingerprint, PATIENT);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    for number in 0..2_000u32 {
        let mut forged = stun::check("ours:them", "another-password-altogether", true, number % 2 == 0);
        let place = number as usize % forged.len();
        forged[place] ^= (number >> 3) as u8;
        stranger.send_to(&forged, house.address()).unwrap();
    }
    assert!(stranger.recv_from(&mut [0; 100]).is_err(), "a stranger was answered");
    browser.connect(house.address());
    assert_eq!(house.told(), Told::Connected);
    assert_eq!(*house.leg.route.lock().unwrap(), Some(browser.socket.local_addr().unwrap()));
}

#[test]
fn a_browser_that_comes_from_another_address_after_a_restart_is_sent_to_there() {
    let mut browser = Browser::new();
    let mut house = house(&browser.fingerprint, PATIENT);
    browser.connect(house.address());
    assert_eq!(house.told(), Told::Connected);
    let again = Credentials { ufrag: "again".into(), password: "another-password-of-ours".into() };
    let order = Order::Restart { key: 1, local: again.clone(), remote_ufrag: "they".into() };
    assert!(house.port.order(order));
    let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let check = stun::check("again:they", &again.password, true, false);
    elsewhere.send_to(&check, house.address()).unwrap();
    assert_eq!(house.told(), Told::Moved);
    assert_eq!(*house.leg.route.lock().unwrap(), Some(elsewhere.local_addr().unwrap()));
    elsewhere.send_to(&[0x82; 60], house.address()).unwrap();
    assert_eq!(&eventually("audio is handed on", || house.arrivals.pop().ok())[..], [0x82; 60]);
}

#[test]
fn hanging_up_is_told_at_once_both_ways() {
    let mut browser = Browser::new();
    let mut first = house(&browser.fingerprint, PATIENT);
    let to = first.address();
    browser.connect(to);
    assert_eq!(first.told(), Told::Connected);
    assert!(first.port.order(Order::Close(1)));
    eventually("the browser is told", || {
        let datagram = browser.receive().filter(|datagram| !stun::is_stun(datagram))?;
        let events = browser.endpoint.read(Instant::now(), to, None, BytesMut::from(&datagram[..])).ok()?;
        events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed)).then_some(())
    });

    let mut browser = Browser::new();
    let mut second = house(&browser.fingerprint, PATIENT);
    let to = second.address();
    browser.connect(to);
    assert_eq!(second.told(), Told::Connected);
    browser.endpoint.close(Instant::now()).unwrap();
    browser.exchange(to);
    assert_eq!(second.told(), Told::Closed);
}

#[test]
fn a_browser_that_never_comes_is_given_up() {
    let mut house = house(&Browser::new().fingerprint, Patience { connect: Duration::from_millis(50), ..PATIENT });
    assert_eq!(house.told(), Told::Lost);
}

/// M5, M3: nothing that comes to the port makes it fall over.
#[test]
fn garbage_of_every_kind_is_dropped() {
    let browser = Browser::new();
    let mut house = house(&browser.fingerprint, PATIENT);
    browser.until_answered(house.address());
    let mut state = 7u32;
    for number in 0..3_000u32 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (state >> 16) as usize % 1_400;
        let mut bytes: Vec<u8> = (0..length).map(|at| (state.wrapping_mul(at as u32 + 3) >> 11) as u8).collect();
        if let Some(first) = bytes.first_mut() {
            // Every class of RFC 7983 in turn, from the browser's own address.
            *first = [0, 1, 20, 22, 23, 63, 64, 128, 144, 200][number as usize % 10];
        }
        browser.socket.send_to(&bytes, house.address()).unwrap();
    }
    while house.arrivals.pop().is_ok() {}
    while browser.receive().is_some() {}
    assert!(stun::is_stun(&browser.until_answered(house.address())), "the port is still there");
    assert!(house.told.try_recv().is_err());
}

/// A telephone's leg at a port of its own.
struct Keyed {
    port: Port,
    leg: Arc<Leg>,
    arrivals: rtrb::Consumer<Datagram>,
    told: mpsc::Receiver<Told>,
    address: SocketAddr,
}

impl Keyed {
    /// Expects whoever has this fingerprint, at this address or, unless that is the only one, elsewhere; or calls it there.
    fn with(fingerprint: &str, at: SocketAddr, is_only_there: bool, is_called: bool, patience: Patience) -> Keyed {
        let port = Port::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let socket = bind_even(at.ip(), &(30_000..=39_999), rand::random()).unwrap();
        let address = socket.local_addr().unwrap();
        assert_eq!(address.port() % 2, 0, "RTCP would have the next");
        let identity = Identity::generate().unwrap();
        let exchange = match is_called {
            true => Exchange::calling(&identity, fingerprint),
            false => Exchange::new(&identity, fingerprint),
        };
        let path = Path::Described(Described::new(at, is_only_there));
        let peer = Peer::new(Instant::now(), path, exchange.unwrap(), patience);
        let leg = Arc::new(Leg::default());
        let as_port: Arc<dyn LegPort> = leg.clone();
        let (producer, arrivals) = rtrb::RingBuffer::new(8);
        let (news, told) = mpsc::channel(8);
        let leg_port = Arc::downgrade(&as_port);
        let admission = Admission { key: 7, peer, leg: leg_port, arrivals: producer, news, socket: Some(socket) };
        assert!(port.order(Order::Admit(Box::new(admission))));
        Keyed { port, leg, arrivals, told, address }
    }

    fn told(&mut self) -> Told {
        eventually("the call is told something", || self.told.try_recv().ok())
    }
}

impl Browser {
    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Calls for the keys without any check before it, as telephones do.
    fn call(&mut self, to: SocketAddr) {
        self.endpoint.connect(Instant::now(), to, self.config.clone(), None).unwrap();
    }
}

/// RFC 5763 §5: the telephone calls, from an address that it does not know itself.
#[test]
fn a_telephone_behind_nat_is_where_its_certificate_is_shown() {
    let mut telephone = Browser::new();
    let private = "10.0.0.5:4000".parse().unwrap();
    let mut keyed = Keyed::with(&telephone.fingerprint, "127.0.0.1:4000".parse().unwrap(), false, false, PATIENT);
    telephone.call(keyed.address);
    eventually("the keys are agreed", || telephone.exchange(keyed.address).then_some(()));
    assert_eq!(keyed.told(), Told::Connected);
    assert_eq!(*keyed.leg.route.lock().unwrap(), Some(telephone.address()));
    assert!(keyed.leg.keys.lock().unwrap().is_some());
    // M1: its audio is handed on, a stranger's is not.
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[0x80; 50], keyed.address).unwrap();
    telephone.socket.send_to(&[0x81; 60], keyed.address).unwrap();
    assert_eq!(&eventually("audio is handed on", || keyed.arrivals.pop().ok())[..], [0x81; 60]);
    // What a wrong description says later moves nothing.
    assert!(keyed.port.order(Order::Redirect(7, private)));
    telephone.socket.send_to(&[0x82; 60], keyed.address).unwrap();
    assert_eq!(&eventually("audio is handed on", || keyed.arrivals.pop().ok())[..], [0x82; 60]);
    assert_eq!(*keyed.leg.route.lock().unwrap(), Some(telephone.address()));
}

/// RFC 5763 §5: we call a telephone that waits (`a=setup:passive`).
#[test]
fn a_telephone_that_waits_is_called_for_the_keys() {
    let mut telephone = Browser::new();
    let waiting = Some(telephone.waiting.clone());
    telephone.endpoint = Endpoint::new(telephone.address(), TransportProtocol::UDP, waiting);
    let mut keyed = Keyed::with(&telephone.fingerprint, telephone.address(), true, true, PATIENT);
    eventually("the keys are agreed", || telephone.exchange(keyed.address).then_some(()));
    assert_eq!(keyed.told(), Told::Connected);
    assert_eq!(*keyed.leg.route.lock().unwrap(), Some(telephone.address()));
    let keys = keyed.leg.keys.lock().unwrap().clone().unwrap();
    let theirs = telephone.endpoint.get_connection_state(keyed.address).unwrap();
    let material = theirs.export_keying_material("EXTRACTOR-dtls_srtp", &[], 56).unwrap();
    let material: &[u8] = material.as_ref();
    assert_eq!((&keys.local.key[..], &keys.remote.key[..]), (&material[..16], &material[16..32]), "the caller's first");
    assert_eq!((&keys.local.salt[..], &keys.remote.salt[..]), (&material[32..44], &material[44..]));
}

/// M4: a ClientHello from a third address first, and a whole exchange with another certificate, keep the telephone from
/// nothing; where it is to be in one place only, they are not even answered.
#[test]
fn strangers_who_call_first_do_not_keep_a_telephone_out() {
    for is_only_there in [false, true] {
        let (mut telephone, mut third) = (Browser::new(), Browser::new());
        let mut keyed = Keyed::with(&telephone.fingerprint, telephone.address(), is_only_there, false, PATIENT);
        third.call(keyed.address);
        let mut was_answered = false;
        for _ in 0..10 {
            assert!(!third.exchange(keyed.address), "another certificate was taken");
            was_answered |= third.receive().is_some();
        }
        assert!(!(is_only_there && was_answered), "a stranger was answered");
        // As many of them as there may be, and more.
        for _ in 0..40 {
            let mut another = Browser::new();
            another.call(keyed.address);
            another.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            another.exchange(keyed.address);
        }
        telephone.call(keyed.address);
        eventually("the keys are agreed", || telephone.exchange(keyed.address).then_some(()));
        assert_eq!(keyed.told(), Told::Connected);
        assert_eq!(*keyed.leg.route.lock().unwrap(), Some(telephone.address()));
        // M4: neither a goodbye in the clear nor anything else from a stranger ends it.
        let goodbye = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 1, 0];
        third.socket.send_to(&goodbye, keyed.address).unwrap();
        telephone.socket.send_to(&goodbye, keyed.address).unwrap();
        telephone.socket.send_to(&[0x81; 60], keyed.address).unwrap();
        assert_eq!(&eventually("audio is handed on", || keyed.arrivals.pop().ok())[..], [0x81; 60]);
        assert!(keyed.told.try_recv().is_err());
    }
}

/// RFC 8842 §4.4: another certificate in a later description is another exchange; until it is done the first holds.
#[test]
fn another_certificate_is_another_exchange_of_keys() {
    let (mut first, mut second) = (Browser::new(), Browser::new());
    let mut keyed = Keyed::with(&first.fingerprint, first.address(), false, false, PATIENT);
    first.call(keyed.address);
    eventually("the keys are agreed", || first.exchange(keyed.address).then_some(()));
    assert_eq!(keyed.told(), Told::Connected);
    let before = keyed.leg.keys.lock().unwrap().clone().unwrap();
    let exchange = Exchange::new(&Identity::generate().unwrap(), &second.fingerprint).unwrap();
    let path = Path::Described(Described::new(second.address(), false));
    let peer = Peer::new(Instant::now(), path, exchange, PATIENT);
    assert!(keyed.port.order(Order::Renew(7, Box::new(peer))));
    second.call(keyed.address);
    eventually("the keys are agreed", || second.exchange(keyed.address).then_some(()));
    assert_eq!(keyed.told(), Told::Connected);
    assert!(keyed.leg.keys.lock().unwrap().as_ref().unwrap().remote.key != before.remote.key);
    assert_eq!(*keyed.leg.route.lock().unwrap(), Some(second.address()));
}

#[test]
fn a_telephone_that_never_comes_is_given_up() {
    let patience = Patience { connect: Duration::from_millis(50), ..PATIENT };
    let telephone = Browser::new();
    let mut keyed = Keyed::with(&telephone.fingerprint, telephone.address(), false, true, patience);
    assert_eq!(keyed.told(), Told::Lost);
    assert!(keyed.leg.keys.lock().unwrap().is_none());
}
