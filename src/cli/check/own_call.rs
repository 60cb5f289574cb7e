//! `switchboard check --call`: calls our own number by each trunk that has one, picks up, and listens at both ends (R47).
//! What a carrier, a NAT and a firewall do to calls shows in nothing but a call.

use std::f32::consts::TAU;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Clip, ENGINE_RATE_HZ, Frame, PlayItem, UtteranceId};
use tokio::sync::mpsc;

use super::{Finding, Good, Mend};
use crate::adapters::media_node::Node;
use crate::adapters::system::{SystemClock, SystemIds};
use crate::config::Config;
use crate::config::sip::{SipConfig, TrunkConfig};
use crate::domain::phone_number::PhoneNumber;
use crate::seams::media::{Ears, LegCommand, LegControl};
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, IncomingCall, OutgoingCall, Signaling};
use crate::sip::{SipParts, SipServer, SipTimes};

/// What became of a call to our own number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCall {
    /// It could not be placed, and why.
    NotPlaced(String),
    /// The trunk refused it with this status.
    Refused(u16),
    /// The trunk took it, and no call came here.
    NotHere,
    /// It came here and was picked up.
    PickedUp {
        /// From our INVITE to the one that came here.
        after: Duration,
        /// Until the caller's tone was heard by the one who was called; `None`: never.
        heard_by_called: Option<Duration>,
        /// Until the tone of the one who was called was heard by the caller; `None`: never.
        heard_by_caller: Option<Duration>,
    },
}

/// Tries each trunk that has a number of ours and can carry a call.
pub(super) async fn all(config: &Config, is_running: bool) -> Vec<(String, Finding)> {
    let trunks = config.sip.trunks.iter().filter(|trunk| trunk.own_number.is_some() && !trunk.host.is_empty());
    let mut found = Vec::new();
    for trunk in trunks {
        let part = format!("call by {}", trunk.name);
        let finding = match is_running {
            true => Mend(
                "the server is running, and its calls and ports are its own".into(),
                "stop it for a minute, or call your number from any telephone".into(),
            ),
            false => told(trunk, &place(config, trunk).await),
        };
        found.push((part, finding));
    }
    if found.is_empty() {
        let remedy = "set own_number of a trunk under [[sip.trunks]]";
        found.push(("call".into(), Mend("no trunk has a number of ours that could be called".into(), remedy.into())));
    }
    found
}

fn told(trunk: &TrunkConfig, call: &OwnCall) -> Finding {
    let name = &trunk.name;
    match call {
        OwnCall::NotPlaced(why) => Mend(why.clone(), format!("mend sip.trunks \"{name}\"")),
        OwnCall::Refused(status @ (401 | 403 | 407)) => {
            Mend(format!("the trunk refuses it ({status})"), format!("check username and password of \"{name}\""))
        }
        OwnCall::Refused(status) => Mend(
            format!("the trunk refuses it ({status})"),
            format!(
                "check own_number and outbound_format of \"{name}\", and whether the carrier lets you call yourself"
            ),
        ),
        OwnCall::NotHere => Mend(
            "the trunk took it, and no call came here".into(),
            format!(
                "have the carrier send calls of this number here: register = true for \"{name}\", or your address there"
            ),
        ),
        OwnCall::PickedUp { after, heard_by_called: Some(out), heard_by_caller: Some(back) } => Good(format!(
            "it came here after {} ms; heard at both ends, after {} and {} ms",
            after.as_millis(),
            out.as_millis(),
            back.as_millis()
        )),
        OwnCall::PickedUp { heard_by_called: None, heard_by_caller: None, .. } => Mend(
            "it was picked up, and neither end hears the other".into(),
            format!(
                "forward the UDP ports of rtp_ports to this machine, and set advertised of \"{name}\" to your public address"
            ),
        ),
        OwnCall::PickedUp { heard_by_called, .. } => {
            let deaf = if heard_by_called.is_none() { "the one who is called" } else { "the caller" };
            Mend(
                format!("it was picked up, and {deaf} hears nothing"),
                format!("look at advertised and rtp_ports of \"{name}\", and at what the firewall does to UDP"),
            )
        }
    }
}

/// Places the call by this trunk alone, picks up and listens; half a minute at most. The server must not be running.
pub async fn place(config: &Config, trunk: &TrunkConfig) -> OwnCall {
    let home = trunk.home_country.as_deref().or(config.sip.home_country.as_deref());
    let number = match PhoneNumber::parse(trunk.own_number.as_deref().unwrap_or_default(), home) {
        Ok(number) => number,
        Err(error) => return OwnCall::NotPlaced(error.to_string()),
    };
    let node = match Node::start(&config.media) {
        Ok(node) => Arc::new(node),
        Err(error) => return OwnCall::NotPlaced(error.to_string()),
    };
    let parts = SipParts {
        config: SipConfig { trunks: vec![trunk.clone()], phones: Vec::new(), ..config.sip.clone() },
        media: node.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        rtp_ports: config.media.rtp_ports.into(),
        browsers: None,
        times: SipTimes::default(),
        takes_own_calls: true,
    };
    let (sip, mut incoming) = match SipServer::start(parts).await {
        Ok(started) => started,
        Err(error) => return OwnCall::NotPlaced(error.to_string()),
    };
    if trunk.register && !registered(&sip).await {
        return OwnCall::NotPlaced(format!("{} does not take our registration", trunk.host));
    }
    let order =
        DialOrder { to: Destination::Number(number), ring_timeout: COMES_WITHIN, beside: None, on_behalf_of: None };
    let began = Instant::now();
    let mut out = match sip.dial(order).await {
        Ok(out) => out,
        Err(error) => return OwnCall::NotPlaced(error.to_string()),
    };
    let here = match tokio::time::timeout(COMES_WITHIN, comes(&mut out, &mut incoming)).await {
        Ok(Ok(here)) => here,
        Ok(Err(status)) => return OwnCall::Refused(status),
        Err(_) => {
            let _ = out.dialog.hang_up().await;
            return OwnCall::NotHere;
        }
    };
    let after = began.elapsed();
    if let Err(error) = here.dialog.answer().await {
        return OwnCall::NotPlaced(error.to_string());
    }
    let picked_up = Instant::now();
    let (caller, called) = (tone(CALLER_HZ), tone(CALLED_HZ));
    play(&out.leg.control, caller);
    play(&here.leg.control, called);
    let (heard_by_called, heard_by_caller) = tokio::join!(
        heard(here.leg.ears, CALLER_HZ, picked_up), //
        heard(out.leg.ears, CALLED_HZ, picked_up),
    );
    let _ = out.dialog.hang_up().await;
    let _ = here.dialog.hang_up().await;
    sip.drained(ENDS_WITHIN).await;
    OwnCall::PickedUp { after, heard_by_called, heard_by_caller }
}

async fn registered(sip: &SipServer) -> bool {
    let stands = async {
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        while !sip.trunks().iter().all(|trunk| trunk.is_registered) {
            beat.tick().await;
        }
    };
    tokio::time::timeout(REGISTERS_WITHIN, stands).await.is_ok()
}

/// The call as it comes here, or the status by which it was refused.
async fn comes(out: &mut OutgoingCall, incoming: &mut mpsc::Receiver<IncomingCall>) -> Result<IncomingCall, u16> {
    loop {
        tokio::select! {
            here = incoming.recv() => return here.ok_or(503),
            event = out.events.recv() => match event {
                Some(DialogEvent::Refused(status)) => return Err(status),
                Some(DialogEvent::Ended(_)) | None => return Err(480),
                Some(_) => {}
            },
        }
    }
}

fn play(leg: &LegControl, clip: Clip) {
    let _ = leg.send(LegCommand::Play(PlayItem { utterance: UtteranceId(1), clip, last: true }));
}

fn tone(hz: f32) -> Clip {
    let samples = (LISTENS.as_secs_f32() * ENGINE_RATE_HZ as f32) as usize;
    (0..samples).map(|at| ((TAU * hz * at as f32 / ENGINE_RATE_HZ as f32).sin() * LOUDNESS) as i16).collect()
}

/// When this tone was heard for certain.
async fn heard(mut ears: Ears, hz: f32, since: Instant) -> Option<Duration> {
    let certain = async {
        let mut frames = 0;
        while let Some(heard) = ears.next().await {
            frames = if !heard.concealed && holds(&heard.frame, hz) { frames + 1 } else { 0 };
            if frames == FRAMES_CERTAIN {
                return Some(since.elapsed());
            }
        }
        None
    };
    tokio::time::timeout(LISTENS, certain).await.ok().flatten()
}

/// Whether most of a frame's energy lies at this tone.
fn holds(frame: &Frame, hz: f32) -> bool {
    let (mut cosine, mut sine, mut energy) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (at, sample) in frame.0.iter().enumerate() {
        let (sample, angle) = (f32::from(*sample), TAU * hz * at as f32 / ENGINE_RATE_HZ as f32);
        cosine += sample * angle.cos();
        sine += sample * angle.sin();
        energy += sample * sample;
    }
    let at_tone = (cosine * cosine + sine * sine) * 2.0 / frame.0.len() as f32;
    energy > ENERGY_MIN && at_tone > energy / 2.0
}

/// In the telephone's band, of no key, and whole turns in a frame of 20 ms, so that each is told from the other.
const CALLER_HZ: f32 = 600.0;
const CALLED_HZ: f32 = 1_050.0;
/// As loud as speech.
const LOUDNESS: f32 = 6_000.0;
/// Far above the noise of a line, far below a tone.
const ENERGY_MIN: f32 = 1.0e7;
/// A tenth of a second is no accident.
const FRAMES_CERTAIN: u32 = 5;
/// Carriers take seconds to send a call round.
const COMES_WITHIN: Duration = Duration::from_secs(20);
const REGISTERS_WITHIN: Duration = Duration::from_secs(10);
const LISTENS: Duration = Duration::from_secs(6);
const ENDS_WITHIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tone_is_told_from_the_other_and_from_noise() {
        let frame = |clip: &Clip| Frame(clip[..media::FRAME_SAMPLES].try_into().unwrap());
        let (caller, called) = (frame(&tone(CALLER_HZ)), frame(&tone(CALLED_HZ)));
        assert!(holds(&caller, CALLER_HZ) && !holds(&caller, CALLED_HZ));
        assert!(holds(&called, CALLED_HZ) && !holds(&called, CALLER_HZ));
        assert!(!holds(&Frame::SILENCE, CALLER_HZ));
        let both = Frame(std::array::from_fn(|at| caller.0[at] / 4 + called.0[at]));
        assert!(!holds(&both, CALLER_HZ), "its own tone leaking back is not the other's");
    }

    #[test]
    fn what_is_wrong_says_what_to_mend() {
        let trunk = TrunkConfig { name: "carrier".into(), ..TrunkConfig::default() };
        let picked_up = |out: Option<u64>, back: Option<u64>| OwnCall::PickedUp {
            after: Duration::from_millis(900),
            heard_by_called: out.map(Duration::from_millis),
            heard_by_caller: back.map(Duration::from_millis),
        };
        assert!(matches!(told(&trunk, &picked_up(Some(80), Some(120))), Good(_)));
        for (call, says) in [
            (picked_up(None, None), "advertised"),
            (picked_up(Some(80), None), "firewall"),
            (OwnCall::NotHere, "register = true"),
            (OwnCall::Refused(403), "password"),
            (OwnCall::Refused(404), "own_number"),
        ] {
            let Mend(_, remedy) = told(&trunk, &call) else { panic!("{call:?} is not good") };
            assert!(remedy.contains(says), "{remedy}");
        }
    }
}
