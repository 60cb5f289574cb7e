//! Measures the handing over of a call, on the wire: the house in this process, called and answered over loopback by
//! telephones that note when each message and packet is there.
//!
//! ```text
//! cargo bench --bench handover -- --calls 20
//! ```
//!
//! `SWITCHBOARD_MODELS_DIR` names the models. Figures count on a quiet machine only; the load is printed beside them.

#![allow(missing_docs, clippy::unwrap_used)]

#[expect(dead_code, reason = "shared with the measurements of conversations")]
#[path = "../conversation/figures.rs"]
mod figures;
mod peer;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use figures::{Values, load, say_machine};
use media::Clip;
use peer::Peer;
use switchboard::adapters::models::Models;
use switchboard::cli::demo::stage::{Stage, sample_config};
use switchboard::config::sip::PhoneConfig;

/// Measurements of the handing over of calls.
#[derive(Parser)]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Calls of each measurement; a person is rung 60 times an hour at most, and two of them share one.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=28))]
    calls: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    }
    runtime.block_on(run(arguments.calls))
}

async fn run(calls: u32) -> anyhow::Result<()> {
    println!("Handing over, {calls} calls each.");
    say_machine();
    with_the_agent(calls).await?;
    while_recording(calls.min(RECORDED)).await?;
    by_the_dialplan(calls, Way::Address).await?;
    by_the_dialplan(calls, Way::Registered).await?;
    println!("load at the end {}", load());
    Ok(())
}

/// A stage whose agent rings this person.
async fn stage(person: &Peer, dialplan: Option<&str>, records: bool) -> anyhow::Result<(Stage, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut config = sample_config(folder.path())?;
    config.agent.escalate_to = Some(person.uri());
    config.agent.ring_seconds = 60;
    config.agent.record_calls = records;
    let phone = PhoneConfig { name: REGISTERED.into(), password: PASSWORD.into(), ..PhoneConfig::default() };
    config.sip.phones = vec![phone];
    config.sip.limits.calls_per_second = 1_000;
    config.sip.limits.calls_per_second_per_source = 1_000;
    if let Some(text) = dialplan {
        let plans = folder.path().join("dialplans");
        std::fs::create_dir_all(&plans)?;
        std::fs::write(plans.join("plan.toml"), text)?;
        config.dialplans = Some(plans);
    }
    Ok((Stage::open(config, Models::resolve(None)).await?, folder))
}

async fn with_the_agent(calls: u32) -> anyhow::Result<()> {
    let mut person = Peer::start("oncall")?;
    let mut caller = Peer::start("caller")?;
    let (stage, _folder) = stage(&person, None, false).await?;
    let house = stage.address();
    let words = voiced(&stage.caller_says("I want to speak to an agent.").await?);
    let (mut answer, mut rung, mut cancelled, mut joined) =
        (Values::default(), Values::default(), Values::default(), Values::default());
    for number in 0..calls {
        // The caller gives up while the person rings.
        let ring = ask(&mut caller, &mut person, house, &format!("gone{number}"), &words, &mut answer).await?;
        rung.add(ring);
        tokio::time::sleep(BETWEEN).await;
        let left = caller.bye(house)?;
        let cancel = person.until("CANCEL ").await?;
        cancelled.add(cancel.at.saturating_duration_since(left));
        tokio::time::sleep(BETWEEN).await;

        // The person takes it.
        let ring = ask(&mut caller, &mut person, house, &format!("taken{number}"), &words, &mut answer).await?;
        rung.add(ring);
        person.pick_up(house)?;
        person.until("ACK ").await?;
        tokio::time::sleep(OFFERED).await;
        if let Some(took) = take(&caller, &person).await {
            joined.add(took);
        }
        caller.bye(house)?;
        person.until("BYE ").await?;
        person.audio.reset();
        tokio::time::sleep(BETWEEN).await;
    }
    answer.show("INVITE → 200");
    rung.show("“agent” → INVITE (≤ 700)");
    cancelled.show("BYE → CANCEL (≤ 200)");
    joined.show("key → two-way (≤ 100)");
    stage.close().await;
    Ok(())
}

/// Calls, asks for a person, and waits for their telephone to ring: from the caller's last voiced packet to the INVITE.
async fn ask(
    caller: &mut Peer,
    person: &mut Peer,
    house: SocketAddr,
    name: &str,
    words: &Clip,
    answer: &mut Values,
) -> anyhow::Result<Duration> {
    let invited = caller.invite(house, name, "support")?;
    answer.add(caller.answered(house).await?.saturating_duration_since(invited));
    // Whoever speaks into the greeting interrupts it, which takes its own time.
    tokio::time::sleep(GREETING).await;
    caller.audio.say(words);
    let invite = person.until("INVITE ").await?;
    let said_at = caller.audio.state().said_at.unwrap_or(invite.at);
    Ok(invite.at.saturating_duration_since(said_at))
}

/// Presses 1 for the case and 1 to take it; from the first packet of the second key to the first packet of each side at
/// the other.
async fn take(caller: &Peer, person: &Peer) -> Option<Duration> {
    person.audio.press(1);
    tokio::time::sleep(OFFERED).await;
    caller.audio.mark(CALLERS);
    person.audio.mark(PERSONS);
    person.audio.press(1);
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        let pressed = person.audio.state().pressed_at;
        if let Some(pressed) = pressed {
            let heard = caller.audio.marked_after(pressed, PERSONS).zip(person.audio.marked_after(pressed, CALLERS));
            if let Some((at_caller, at_person)) = heard {
                return Some(at_caller.max(at_person).saturating_duration_since(pressed));
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("a person took the call and was not heard");
    None
}

/// A recorded call is taken before the person has heard that it is recorded.
async fn while_recording(calls: u32) -> anyhow::Result<()> {
    let mut person = Peer::start("oncall")?;
    let mut caller = Peer::start("caller")?;
    let (stage, _folder) = stage(&person, None, true).await?;
    let house = stage.address();
    let words = voiced(&stage.caller_says("I want to speak to an agent.").await?);
    let (mut answer, mut joined) = (Values::default(), Values::default());
    for number in 0..calls {
        ask(&mut caller, &mut person, house, &format!("recorded{number}"), &words, &mut answer).await?;
        person.pick_up(house)?;
        person.until("ACK ").await?;
        tokio::time::sleep(OFFERED).await;
        person.audio.press(1);
        tokio::time::sleep(BETWEEN).await;
        if let Some(took) = key_to_voice(&caller, &person).await {
            joined.add(took);
        }
        caller.bye(house)?;
        person.until("BYE ").await?;
        person.audio.reset();
        tokio::time::sleep(BETWEEN).await;
    }
    joined.show("key → person, recorded (≤ 100)");
    stage.close().await;
    Ok(())
}

/// From the first packet of the key to the first of the person's at the caller. What the person hears is mixed with the
/// notice, which no mark survives; both ways are joined by one order.
async fn key_to_voice(caller: &Peer, person: &Peer) -> Option<Duration> {
    person.audio.mark(PERSONS);
    person.audio.press(1);
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        let pressed = person.audio.state().pressed_at;
        if let Some(pressed) = pressed
            && let Some(heard) = caller.audio.marked_after(pressed, PERSONS)
        {
            return Some(heard.saturating_duration_since(pressed));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("a person took the call and was not heard");
    None
}

/// How the telephone is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By its address.
    Address,
    /// Over the flow by which it registered.
    Registered,
}

/// A route that rings a telephone before any agent: what we add between the caller's INVITE and ours.
async fn by_the_dialplan(calls: u32, way: Way) -> anyhow::Result<()> {
    let mut person = Peer::start(if way == Way::Registered { REGISTERED } else { "desk" })?;
    let mut caller = Peer::start("caller")?;
    let plan = format!(
        "[[route]]\nname = \"desk\"\ncalled = \"support\"\nto = \"ring\"\n\n[action.ring]\ndo = \"ring\"\n\
         targets = [\"{}\"]\nring_seconds = 30\nthen = \"agent\"\n",
        if way == Way::Registered { format!("sip:{REGISTERED}@127.0.0.1") } else { person.uri() }
    );
    let (stage, _folder) = stage(&person, Some(&plan), false).await?;
    let house = stage.address();
    if way == Way::Registered {
        person.register(house, PASSWORD).await?;
    }
    let (mut set_up, mut answer) = (Values::default(), Values::default());
    for number in 0..calls * 2 {
        let invited = caller.invite(house, &format!("direct{number}"), "support")?;
        let ring = person.until("INVITE ").await?;
        set_up.add(ring.at.saturating_duration_since(invited));
        answer.add(caller.answered(house).await?.saturating_duration_since(invited));
        tokio::time::sleep(BETWEEN).await;
        caller.bye(house)?;
        person.until("CANCEL ").await?;
        tokio::time::sleep(BETWEEN).await;
    }
    set_up.show(match way {
        Way::Address => "INVITE → phone's INVITE (≤ 5)",
        Way::Registered => "INVITE → registered phone (≤ 5)",
    });
    answer.show("INVITE → 200, dialplan");
    stage.close().await;
    Ok(())
}

/// The clip up to its last loud sample, so that the last packet said is the last one voiced.
fn voiced(clip: &Clip) -> Clip {
    let last = clip.iter().rposition(|sample| sample.unsigned_abs() > LOUD).unwrap_or(0);
    let mut words = clip[..=last].to_vec();
    // A packet is whole or not sent.
    words.resize(words.len().next_multiple_of(320), 0);
    words.into()
}

/// The telephone that registers: no other may be called so, since its name at our address means it.
const REGISTERED: &str = "registered";
/// Its password.
const PASSWORD: &str = "long enough to register";
/// Recorded calls: each takes as long as the greeting.
const RECORDED: u32 = 10;
/// The greeting of the sample business, to its end.
const GREETING: Duration = Duration::from_millis(9_000);
/// What was said to the person is under way.
const OFFERED: Duration = Duration::from_millis(1_500);
/// Between two steps, so that each finds the house at rest.
const BETWEEN: Duration = Duration::from_millis(300);
/// -36 dBFS.
const LOUD: u16 = 500;
/// The payload by which the caller's packets are known: no silence, and no sound of ours.
const CALLERS: u8 = 0x2a;
/// The person's.
const PERSONS: u8 = 0x3b;
