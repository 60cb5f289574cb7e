//! Kamailio (Debian's package) as a trunk: it knows us by our registration, asks for digests, and keeps itself in the
//! way of every request. Behind it stands our peer as the rest of the telephone network.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use switchboard::config::sip::{SipConfig, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling};

use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, unique};

/// A running Kamailio; ended when dropped.
struct Kamailio {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Kamailio {
    /// `None` with a printed reason where it is not installed.
    fn start(network: SocketAddr) -> Option<Kamailio> {
        let installed = Command::new("kamailio").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            println!("skipped: kamailio is not installed");
            return None;
        }
        let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder = std::env::temp_dir().join(format!("switchboard-kamailio-{}-{}", std::process::id(), unique()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = SETTINGS.replace("OWN", &address.to_string()).replace("NETWORK", &network.port().to_string());
        std::fs::write(folder.join("kamailio.cfg"), settings).unwrap();
        let process = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "16", "-M", "4", "-f"])
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
disable_tcp=yes
auto_aliases=no
listen=udp:OWN
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

/// What a request within the call must look like to go through the proxy: to our Contact, by its route.
fn routed(request: &str, method: &str, peer: &Peer, contact: &str) -> String {
    let contact = contact.trim_matches(['<', '>']);
    request.replacen(&format!("{method} sip:desk@{} ", peer.server), &format!("{method} {contact} "), 1)
}

/// R1, R49: registered with a digest, a call goes out through it and another comes in.
#[tokio::test]
async fn calls_go_out_and_come_in_through_kamailio() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let Some(kamailio) = Kamailio::start(peer.address()) else { return };
    peer.server = kamailio.address;
    let trunk = TrunkConfig {
        name: "kamailio".into(),
        host: kamailio.address.to_string(),
        username: Some("acme".into()),
        password: Some("secret phrase".into()),
        own_number: Some("+4930901820".into()),
        register: true,
        ..TrunkConfig::default()
    };
    let mut house = House::with(SipConfig { trunks: vec![trunk], loopback: false, ..config() }).await;
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
    let (route, contact) = (routes(&ok, "Route"), ok.header("Contact").unwrap().to_owned());
    let ack = peer.request_numbered("ACK", peer.cseq, &format!("z9hG4bK-{}", unique()), &route, "");
    peer.send(&routed(&ack, "ACK", &peer, &contact)).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    let bye = peer.request("BYE", &route, "");
    peer.send(&routed(&bye, "BYE", &peer, &contact)).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}
