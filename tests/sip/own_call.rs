//! `check --call`: our own number called by way of a carrier, which sends the call back to us as one of its own (R47).

use std::time::Duration;

use switchboard::cli::check::own_call::{OwnCall, place};
use switchboard::config::Config;
use switchboard::config::sip::TrunkConfig;

use crate::peer::{Message, Peer, unique};

const OWN: &str = "+4930901820";

/// A carrier at this socket, and a house that calls itself by it.
async fn carrier() -> (Peer, Config, TrunkConfig) {
    let carrier = Peer::new("127.0.0.1:1".parse().unwrap()).await;
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: carrier.address().to_string(),
        own_number: Some(OWN.into()),
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let mut config = Config::default();
    config.sip.listen = "127.0.0.1:0".parse().unwrap();
    (carrier, config, trunk)
}

/// Takes the INVITE, and sends it back as a call of its own with this description.
async fn send_back(carrier: &mut Peer, described: impl Fn(&str) -> String) -> (Message, Message) {
    let (invite, from) = loop {
        let (message, from) = carrier.receive_from().await;
        if message.method() == "INVITE" {
            break (message, from);
        }
    };
    carrier.server = from;
    carrier.send(&carrier.response(&invite, "100 Trying", "", "")).await;
    let offer = described(invite.body());
    let back = carrier.request_numbered("INVITE", 1, &format!("z9hG4bK-{}", unique()), "", &offer);
    // The caller is our own number: a call that would else be refused as one to ourselves.
    let back = back.replace("sip:+4930123456@", &format!("sip:{OWN}@")).replace("sip:desk@", &format!("sip:{OWN}@"));
    carrier.cseq = 1;
    carrier.send(&back).await;
    let ok = carrier.expect(200).await;
    carrier.ack("").await;
    (invite, ok)
}

/// R47: heard at both ends.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_number_is_called_and_both_ends_are_heard() {
    let (mut carrier, config, trunk) = carrier().await;
    let calling = tokio::spawn(async move { place(&config, &trunk).await });
    let (invite, ok) = send_back(&mut carrier, str::to_owned).await;
    carrier.send(&carrier.response(&invite, "200 OK", "", ok.body())).await;
    let OwnCall::PickedUp { heard_by_called: Some(_), heard_by_caller: Some(_), .. } = calling.await.unwrap() else {
        panic!("both ends are heard");
    };
}

/// R47: a carrier that tells both ends addresses at which nobody listens.
#[tokio::test(flavor = "multi_thread")]
async fn silence_at_both_ends_is_found() {
    let (mut carrier, config, trunk) = carrier().await;
    let nowhere = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = nowhere.local_addr().unwrap().port();
    let calling = tokio::spawn(async move { place(&config, &trunk).await });
    let elsewhere = move |described: &str| {
        let line = described.lines().find(|line| line.starts_with("m=audio ")).unwrap();
        let rest = line.splitn(3, ' ').nth(2).unwrap();
        described.replace(line, &format!("m=audio {port} {rest}"))
    };
    let (invite, ok) = send_back(&mut carrier, elsewhere).await;
    carrier.send(&carrier.response(&invite, "200 OK", "", &elsewhere(ok.body()))).await;
    let call = calling.await.unwrap();
    let OwnCall::PickedUp { heard_by_called: None, heard_by_caller: None, .. } = call else { panic!("{call:?}") };
}

/// R47: refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told() {
    let (mut carrier, config, trunk) = carrier().await;
    let calling = tokio::spawn(async move { place(&config, &trunk).await });
    let (invite, from) = carrier.receive_from().await;
    carrier.server = from;
    carrier.send(&carrier.response(&invite, "403 Forbidden", "", "")).await;
    carrier.expect_request("ACK").await;
    let call = tokio::time::timeout(Duration::from_secs(40), calling).await.unwrap().unwrap();
    assert!(matches!(call, OwnCall::Refused(_) | OwnCall::NotPlaced(_)), "{call:?}");
}
