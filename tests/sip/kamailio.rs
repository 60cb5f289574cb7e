//! Kamailio (Debian's package) as a trunk: it knows us by our registration, asks for digests, and keeps itself in the
//! way of every request. Behind it stands our peer as the rest of the telephone network.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use switchboard::config::sip::{SipConfig, TransportName, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling};

use crate::certificates::{Authority, Issued};
use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, unique};

/// A running Kamailio; ended when dropped.
struct Kamailio {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

/// Where the distribution puts its module for TLS.
fn tls_module() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("kamailio/modules/tls.so")).find(|module| module.exists())
}

/// What its settings need to be called over TLS with this certificate.
fn over_tls(issued: &Issued) -> String {
    format!(
        "enable_tls=yes\ntcp_children=1\nlisten=tls:OWN\nloadmodule \"tls.so\"\nmodparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n\
         modparam(\"tls\", \"certificate\", {:?})\n\
         modparam(\"tls\", \"private_key\", {:?})\n",
        issued.certificate, issued.key
    )
}

impl Kamailio {
    /// `None` with a printed reason where it is not installed. With a certificate it is called over TLS.
    fn start(network: SocketAddr, shown: Option<&Issued>) -> Option<Kamailio> {
        if shown.is_some() && tls_module().is_none() {
            println!("skipped: Kamailio's module for TLS is not installed (Debian: kamailio-tls-modules)");
            return None;
        }
        let installed = Command::new("kamailio").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            println!("skipped: kamailio is not installed");
            return None;
        }
        let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder = std::env::temp_dir().join(format!("switchboard-kamailio-{}-{}", std::process::id(), unique()));
        std::fs::create_dir_all(&folder).unwrap();
        let streams = shown.map_or("disable_tcp=yes\n".to_owned(), over_tls);
        let settings = SETTINGS
            .replace("STREAMS\n", &streams)
            .replace("OWN", &address.to_string())
            .replace("NETWORK", &network.port().to_string());
        std::fs::write(folder.join("kamailio.cfg"), settings).unwrap();
        let process = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "8", "-f"])
            .arg(folder.join("kamailio.cfg"))
            .arg("-Y")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        Some(Kamailio { process, address, folder })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its main process ends its workers only when it is asked kindly.
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const SETTINGS: &str = r#"#!KAMAILIO
debug=1
log_stderror=yes
children=1
auto_aliases=no
listen=udp:OWN
STREAMS
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"

request_route {
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("kamailio", "secret phrase", "0")) { www_challenge("kamailio", "0"); exit; }
        save("location");
        exit;
    }
    if (!is_method("INVITE")) { sl_send_reply("405", "Method Not Allowed"); exit; }
    if ($sp == NETWORK) {
        # From the telephone network to whoever registered.
        $rU = "acme";
        if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    } else {
        if (!pv_proxy_authenticate("kamailio", "secret phrase", "0")) { proxy_challenge("kamailio", "0"); exit; }
        consume_credentials();
        $du = "sip:127.0.0.1:NETWORK";
    }
    record_route();
    t_relay();
}
"#;

fn routes(message: &Message, name: &str) -> String {
    message.headers("Record-Route").iter().map(|route| format!("{name}: {route}\r\n")).collect()
}

/// The way of requests of whoever called: the other way round (RFC 3261 §12.1.2).
fn route_set(ok: &Message) -> String {
    ok.headers("Record-Route").iter().rev().map(|route| format!("Route: {route}\r\n")).collect()
}

/// What a request within the call must look like to go through the proxy: to our Contact, by its route.
fn routed(request: &str, method: &str, peer: &Peer, contact: &str) -> String {
    let contact = contact.trim_matches(['<', '>']);
    request.replacen(&format!("{method} sip:desk@{} ", peer.server), &format!("{method} {contact} "), 1)
}

/// R1, R49: registered with a digest, a call goes out through it and another comes in.
#[tokio::test]
async fn calls_go_out_and_come_in_through_kamailio() {
    calls_go_out_and_come_in(TransportName::Udp).await;
}

/// R1: the same over TLS, its certificate proven by the authority that the trunk names, ours by nobody but ourselves.
#[tokio::test]
async fn calls_go_out_and_come_in_through_kamailio_over_tls() {
    calls_go_out_and_come_in(TransportName::Tls).await;
}

async fn calls_go_out_and_come_in(transport: TransportName) {
    let authority = Authority::new();
    let shown = authority.issue(&["127.0.0.1"]);
    let is_tls = transport == TransportName::Tls;
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let Some(kamailio) = Kamailio::start(peer.address(), is_tls.then_some(&shown)) else { return };
    peer.server = kamailio.address;
    let trunk = TrunkConfig {
        name: "kamailio".into(),
        host: kamailio.address.to_string(),
        username: Some("acme".into()),
        password: Some("secret phrase".into()),
        own_number: Some("+4930901820".into()),
        register: true,
        transport,
        ca_file: is_tls.then(|| authority.file()),
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let settings = SipConfig { trunks: vec![trunk], loopback: false, ..config() };
    let settings = if is_tls { authority.listening(settings) } else { settings };
    let mut house = House::with(settings).await;
    let server = house.server.clone();
    until("registered with Kamailio", || server.trunks()[0].is_registered).await;

    let to = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    assert!(invite.header("Proxy-Authorization").is_none(), "credentials stay with the trunk: {}", kamailio.log());
    assert!(invite.header("P-Asserted-Identity").unwrap().contains("+4930901820"));
    let route = routes(&invite, "Record-Route");
    peer.send(&peer.response(&invite, "180 Ringing", &route, "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    peer.send(&peer.response(&invite, "200 OK", &route, &sdp(30_004))).await;
    peer.expect_request("ACK").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    call.dialog.hang_up().await.unwrap();
    let bye = peer.expect_request("BYE").await;
    peer.send(&peer.response(&bye, "200 OK", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));

    peer.call_id = format!("in-{}@test", unique());
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    assert_eq!(call.info.trunk, "kamailio");
    call.dialog.answer().await.unwrap();
    let ok = peer.expect(200).await;
    let (route, contact) = (route_set(&ok), ok.header("Contact").unwrap().to_owned());
    let ack = peer.request_numbered("ACK", peer.cseq, &format!("z9hG4bK-{}", unique()), &route, "");
    peer.send(&routed(&ack, "ACK", &peer, &contact)).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    let bye = peer.request("BYE", &route, "");
    peer.send(&routed(&bye, "BYE", &peer, &contact)).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}
