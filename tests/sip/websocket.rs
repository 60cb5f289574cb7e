//! SIP over WebSockets (RFC 7118): registered, rung and called as from a page.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use switchboard::config::sip::{PhoneConfig, SipConfig};
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, Signaling};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::certificates::{Authority, connect};
use crate::house::{House, PATIENCE, config, event};
use crate::peer::{Message, Peer, sdp};
use crate::phones::{answer, register};

/// A WebSocket of a page of this origin.
pub struct Page<S = TcpStream>(WebSocketStream<S>);

async fn opened<S>(stream: S, protocol: &str, origin: Option<&str>) -> Result<Page<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = "ws://desk.example.com/".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    client_async(request, stream).await.map(|(stream, _)| Page(stream))
}

impl Page {
    pub async fn open(server: SocketAddr) -> Page {
        opened(TcpStream::connect(server).await.unwrap(), "sip", Some("http://localhost:3000")).await.unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Page<S> {
    pub async fn send(&mut self, text: &str) {
        let text = text.replace("SIP/2.0/UDP", "SIP/2.0/WS");
        self.0.send(Frame::text(text)).await.unwrap();
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.send(Frame::binary(bytes.to_vec())).await;
    }

    pub async fn receive(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes")?;
        Some(Message(frame.ok()?.into_text().ok()?.to_string()))
    }

    pub async fn expect(&mut self, status: u16) -> Message {
        loop {
            let message = self.receive().await.expect("it goes on");
            match message.status() {
                Some(found) if found == status => return message,
                Some(found) if found < 200 => {}
                _ => panic!("instead of {status}: {message:?}"),
            }
        }
    }
}

fn listening(config: SipConfig) -> SipConfig {
    SipConfig { ws_listen: Some("127.0.0.1:0".parse().unwrap()), ..config }
}

/// What a page writes for where it can be reached: nowhere.
fn from_a_page(request: &str, peer: &Peer) -> String {
    request.replace(&format!("sip:peer@{}", peer.address()), "sip:x7@k3.invalid;transport=ws")
}

/// RFC 7118 §5: a page registers, is rung by its WebSocket, and calls over it.
#[tokio::test]
async fn a_page_registers_is_rung_and_calls() {
    let password = "long enough";
    let phone = PhoneConfig { name: "anna".into(), password: password.into(), ..PhoneConfig::default() };
    let mut house = House::with(listening(SipConfig { phones: vec![phone], ..config() })).await;
    let mut page = Page::open(house.server.ws_addr().unwrap()).await;
    let mut peer = Peer::new(house.address()).await;
    page.send(&register(&mut peer, "anna", "")).await;
    let challenge = page.expect(401).await;
    let uri = format!("sip:{}", house.address());
    page.send(&register(&mut peer, "anna", &answer(&challenge, "SHA-256", "anna", password, &uri))).await;
    page.expect(200).await;
    page.send("\r\n\r\n").await;
    assert_eq!(page.receive().await.unwrap().0, "\r\n");

    let to = Destination::Uri(format!("sip:anna@{}", house.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut rung = house.server.dial(order).await.unwrap();
    let invite = page.receive().await.unwrap();
    assert_eq!(invite.method(), "INVITE");
    assert!(invite.header("Via").unwrap().starts_with("SIP/2.0/WS "), "{invite:?}");
    page.send(&peer.response(&invite, "200 OK", "", &sdp(30_000))).await;
    assert_eq!(page.receive().await.unwrap().method(), "ACK");
    assert_eq!(event(&mut rung.events).await, DialogEvent::Confirmed);

    let mut caller = Peer::new(house.address()).await;
    let invite = caller.request("INVITE", "", &sdp(30_000));
    page.send(&from_a_page(&invite, &caller)).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let ok = page.expect(200).await;
    assert!(ok.header("Contact").unwrap().contains("transport=ws"), "{ok:?}");
    caller.remote_tag = ok.tag("To");
    page.send(&caller.request_numbered("ACK", 1, "z9hG4bK-wsack", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    // Its Contact leads nowhere; the WebSocket does.
    call.dialog.hang_up().await.unwrap();
    assert_eq!(page.receive().await.unwrap().method(), "BYE");
}

/// W5: a page of a foreign origin, and one that does not speak SIP, get no WebSocket.
#[tokio::test]
async fn foreign_pages_and_other_protocols_are_turned_away() {
    let house = House::with(listening(config())).await;
    let address = house.server.ws_addr().unwrap();
    for (protocol, origin, status) in [("sip", "https://evil.example", 403), ("chat", "http://localhost", 400)] {
        let stream = TcpStream::connect(address).await.unwrap();
        match opened(stream, protocol, Some(origin)).await.err() {
            Some(Error::Http(response)) => assert_eq!(response.status().as_u16(), status),
            other => panic!("{protocol} {origin}: {other:?}"),
        }
    }
    Page::open(address).await;
}

/// The same over TLS, with the same certificate; a browser is never asked for one.
#[tokio::test]
async fn a_page_calls_over_tls() {
    let authority = Authority::new();
    let secure = SipConfig { wss_listen: Some("127.0.0.1:0".parse().unwrap()), ..config() };
    let mut house = House::with(authority.listening(secure)).await;
    let stream = connect(&authority.client(None), house.server.wss_addr().unwrap()).await;
    let mut page = opened(stream, "sip", None).await.unwrap();
    let mut peer = Peer::new(house.address()).await;
    page.send(&peer.request("INVITE", "", &sdp(30_000))).await;
    house.next_call().await.dialog.answer().await.unwrap();
    page.expect(200).await;
}
