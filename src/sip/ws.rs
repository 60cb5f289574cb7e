//! SIP over WebSockets (RFC 7118), as SIP clients in browsers speak it: each message of the one is a message of the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::core::{Core, Flow};
use super::line::{Line, Writing};

/// The sub-protocol (RFC 7118 §4.1).
const SUB_PROTOCOL: &str = "sip";

/// Takes up a WebSocket, where the page that asks for it may and speaks SIP.
pub(super) async fn upgrade<S>(core: &Core, stream: S) -> Option<WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let most = Some(core.config.limits.message_bytes_max);
    let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
    let origins = &core.config.ws_origins;
    #[allow(clippy::result_large_err)] // The library's own form of a refusal.
    let judge = |request: &Request, response: Response| judged(request, response, origins).map_err(|refused| *refused);
    match accept_hdr_async_with_config(stream, judge, Some(config)).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "No WebSocket came about");
            None
        }
    }
}

fn judged(request: &Request, mut response: Response, origins: &[String]) -> Result<Response, Box<ErrorResponse>> {
    let refuse = |status: StatusCode, why: &str| {
        let mut refused = ErrorResponse::new(Some(why.to_owned()));
        *refused.status_mut() = status;
        Err(Box::new(refused))
    };
    let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let speaks_sip =
        asked.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(SUB_PROTOCOL));
    if !speaks_sip {
        return refuse(StatusCode::BAD_REQUEST, "ask for the sub-protocol sip (RFC 7118)");
    }
    let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
    if !is_allowed(origin, origins) {
        tracing::info!(ws.origin = origin, "A page may not open a WebSocket here; see sip.ws_origins");
        return refuse(StatusCode::FORBIDDEN, "pages of this origin may not call here");
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUB_PROTOCOL));
    Ok(response)
}

/// Whether a page of this origin may (RFC 6454). What is no browser names none, and has its password to show.
fn is_allowed(origin: Option<&str>, origins: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    if !origins.is_empty() {
        return origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin));
    }
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(h, _)| h);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Writes each message as one of the WebSocket's.
pub(super) struct Frames<S>(pub SplitSink<WebSocketStream<S>, Message>);

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Writing for Frames<S> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let message = match std::str::from_utf8(bytes) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(bytes.to_vec()),
        };
        self.0.send(message).await.map_err(io::Error::other)
    }

    async fn end(&mut self) {
        let _ = self.0.close().await;
    }
}

impl Core {
    /// Reads a WebSocket to its end.
    pub async fn read_frames<S>(self: &Arc<Self>, line: &Arc<Line>, mut frames: SplitStream<WebSocketStream<S>>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let flow = line.flow();
        let idle = Duration::from_secs(self.config.limits.tcp_idle_seconds.into());
        loop {
            match tokio::time::timeout(idle, frames.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.take_frame(text.as_bytes(), &flow).await,
                Ok(Some(Ok(Message::Binary(bytes)))) => self.take_frame(&bytes, &flow).await,
                // The library answers pings by itself.
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
                Err(_) if self.is_needed(&flow) => {}
                Err(_) => return,
            }
        }
    }

    async fn take_frame(self: &Arc<Self>, bytes: &[u8], flow: &Flow) {
        match bytes {
            // Keep-alives as on other streams (RFC 7118 §6).
            b"\r\n\r\n" => self.send_raw(flow, b"\r\n").await,
            b"\r\n" => {}
            message => self.receive(message, flow).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_from_elsewhere_must_be_named() {
        let none: [String; 0] = [];
        for local in [None, Some("http://localhost:8080"), Some("http://127.0.0.1"), Some("https://[::1]:1")] {
            assert!(is_allowed(local, &none), "{local:?}");
        }
        for foreign in
            ["https://evil.example", "null", "?", "http://localhost.evil.example", "https://127.0.0.1.evil:80"]
        {
            assert!(!is_allowed(Some(foreign), &none), "{foreign}");
        }
        let named = ["https://help.example.com/".to_owned()];
        assert!(is_allowed(Some("https://help.example.com"), &named) && is_allowed(None, &named));
        assert!(!is_allowed(Some("http://help.example.com"), &named));
        assert!(!is_allowed(Some("http://localhost"), &named), "a list is the whole list");
    }
}
