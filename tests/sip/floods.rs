//! Floods from many sources and crowds of idle connections (S4, S7): a tenth of the full size here, the whole of it by
//! `scripts/floods`.

use std::net::Ipv4Addr;
use std::time::Duration;

use switchboard::config::sip::TrunkConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::house::{House, PATIENCE, config, until};
use crate::peer::{Peer, sdp, unique};
use crate::tcp::Stream;

/// How many tenths of the full size.
fn tenths() -> usize {
    std::env::var("SIP_FLOOD_TENTHS").ok().and_then(|tenths| tenths.parse().ok()).unwrap_or(1)
}

/// S4: 1,000 sources call all at once: memory stays bounded, each gets an answer or none, and a trunk gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_flooding_sources_do_not_keep_a_trunk_out() {
    let sources = 100 * tenths();
    let mut open = config();
    // They are not strangers: the general rule for this machine lets them in.
    open.trunks = vec![TrunkConfig {
        name: "carrier".into(),
        host: "127.0.0.2".into(),
        sources: vec!["127.0.0.2".parse().unwrap()],
        calls_per_second: 1_000,
        health_seconds: 0,
        ..TrunkConfig::default()
    }];
    let limits = open.limits.clone();
    let house = House::with(open).await;
    let address = house.address();
    let (server, _legs) = house.answer_everything();
    let mut floods = Vec::new();
    for index in 0..sources {
        let ip = Ipv4Addr::new(127, 1, (index / 250) as u8, (index % 250) as u8 + 1);
        floods.push(Peer::at(&ip.to_string(), address).await);
    }
    let flooding = tokio::spawn(async move {
        let mut refused = 0;
        for round in 0..30 {
            for flood in &mut floods {
                flood.call_id = format!("flood-{}", unique());
                let invite = flood.request("INVITE", "", &sdp(30_000));
                flood.send(&invite).await;
                let mut buffer = [0; 2_000];
                while let Ok(length) = flood.socket.try_recv(&mut buffer) {
                    refused += usize::from(buffer[..length].starts_with(b"SIP/2.0 503"));
                }
            }
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        refused
    });
    let mut got_through = 0;
    let mut carrier = Peer::at("127.0.0.2", address).await;
    while !flooding.is_finished() || got_through == 0 {
        carrier.call_id = format!("carrier-{}", unique());
        carrier.remote_tag = String::new();
        let invite = carrier.request("INVITE", "", &sdp(30_000));
        // What the socket's buffer could not hold is sent again, as every telephone does.
        while !carrier.is_answered(&invite, Duration::from_millis(500)).await {}
        carrier.ack("").await;
        let bye = carrier.request("BYE", "", "");
        while !carrier.is_answered(&bye, Duration::from_millis(500)).await {}
        got_through += 1;
        let load = server.load();
        assert!(load.dialogs <= 2 * limits.calls_max + 2, "{load:?}");
        assert!(load.transactions + load.remembered <= limits.transactions_max, "{load:?}");
    }
    assert!(flooding.await.unwrap() > sources, "most were refused with 503");
}

/// S7: thousands of connections that say nothing are held, or closed where they are too many; calls go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_idle_connections_stops_nothing() {
    let crowd = 500 * tenths();
    let mut tight = config();
    tight.limits.tcp_connections_max = crowd / 2;
    tight.limits.tcp_connections_per_source = crowd;
    let house = House::with(tight).await;
    let address = house.address();
    let mut idle = Vec::new();
    for _ in 0..crowd {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    // Those beyond the limit are closed; nobody else is.
    let closed = || idle.iter().filter(|stream| is_closed(stream)).count();
    until("the excess is closed", || closed() >= crowd - crowd / 2).await;
    assert_eq!(closed(), crowd - crowd / 2);
    let (_server, _legs) = house.answer_everything();
    let mut caller = Peer::new(address).await;
    caller.establish("").await;
    // A place that comes free is given to the next.
    drop(idle);
    let mut peer = Peer::new(address).await;
    let got_in = async {
        loop {
            let mut stream = Stream::to(address).await;
            let options = peer.request("OPTIONS", "", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
            if stream.stream.write_all(options.as_bytes()).await.is_ok() && stream.receive().await.is_some() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, got_in).await.expect("a place came free");
}

fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
