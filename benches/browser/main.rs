//! Measures calls by a browser beside calls by a telephone, in turn, to one house that runs as a process of its own.
//!
//! ```text
//! cargo bench --bench browser -- --calls 10
//! ```
//!
//! - *join*: from the click to the first audio packet, as the page sees it.
//! - *browser, mouth to ear*: from the end of the words in the microphone to the first sound of the answer, both on the
//!   clock of the page's sound: Chromium's coding, packets and buffer are part of it.
//! - *browser, telephone*: by the house's own account of the wire; *telephone, on the wire*: as the telephone itself sees
//!   its packets, which shows what that account is worth.
//!
//! Needs Chromium and the models (`SWITCHBOARD_MODELS_DIR`). Figures count on a quiet machine only; the load is printed
//! beside them.

#![allow(missing_docs, dead_code, clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../../tests/walkthroughs/audio.rs"]
mod audio;
#[path = "../../tests/browser/chromium.rs"]
mod chromium;
#[path = "../conversation/figures.rs"]
mod figures;
#[path = "../../tests/walkthroughs/hosts.rs"]
mod hosts;
#[path = "../../tests/walkthroughs/house.rs"]
mod house;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use switchboard::cli::demo::caller::Caller;
use switchboard::config::sip::SipConfig;

use chromium::{Microphone, Tab, is_there};
use figures::{Values, load, say_machine};
use house::{House, Setup, alone, messages};

/// Measurements of calls by a browser.
#[derive(Parser)]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Calls of each kind.
    #[arg(long, default_value_t = 10)]
    calls: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Some(_turn) = alone().filter(|_| is_there()) else { return Ok(()) };
    let config = "[browser]\ncalls_per_minute = 1000\n".to_owned();
    let house = House::start(Setup { published: true, config: Some(config), ..Setup::default() });
    let question = audio::spoken("What are your opening hours?");
    println!("Calls by a browser and by a telephone, {} each.", arguments.calls);
    say_machine();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let caller = runtime.block_on(Caller::start(&SipConfig::default()))?;
    let (mut join, mut ear, mut browser, mut wire, mut telephone) =
        (Values::default(), Values::default(), Values::default(), Values::default(), Values::default());
    for _ in 0..arguments.calls {
        let (joined, heard, told) = call_by_browser(&house, &question);
        join.add_ms(joined);
        ear.add_ms(heard);
        browser.add_ms(told);
        let (seen, told) = runtime.block_on(call_by_telephone(&house, &caller, &question))?;
        wire.add_ms(seen);
        telephone.add_ms(told);
    }
    join.show("click to first audio");
    ear.show("browser, mouth to ear");
    browser.show("browser, by account");
    wire.show("telephone, on the wire");
    telephone.show("telephone, by account");
    println!("browser / telephone, by account {:.2} at p50", browser.at(0.5) / telephone.at(0.5));
    println!("load at the end {}", load());
    Ok(())
}

/// Milliseconds to join, from mouth to ear, and by the house's account.
fn call_by_browser(house: &House, question: &Path) -> (f64, f64, f64) {
    const CALLER: &str = "browser@127.0.0.1";
    let page = format!("http://127.0.0.1:{}/call", house.http_port());
    let mut tab = Tab::open_with(&page, &Microphone::Scripted, KEEPS_THE_PEER);
    tab.click("#call");
    tab.until_phase("live");
    until_said(house, CALLER, "How can I help you?");
    let joined = tab.call()["joinedMs"].as_f64().unwrap();
    tab.run(BOTH_SIDES);
    tab.say(question);
    let conversation = until_said(house, CALLER, "Saturday");
    let gap = tab.run("bothSides.gapMs()").as_f64().unwrap();
    tab.click("#hang-up");
    house.until_over(CALLER);
    (joined, gap, account(&conversation))
}

/// Milliseconds on the wire, and by the house's account.
async fn call_by_telephone(house: &House, caller: &Caller, question: &Path) -> anyhow::Result<(f64, f64)> {
    const QUIET: Duration = Duration::from_millis(700);
    let mut call = caller.call(house.uri()).await?;
    call.wait_for_quiet(QUIET, LONGEST_SPEECH).await;
    let mut reader = hound::WavReader::open(question)?;
    let samples: Vec<i16> = reader.samples().collect::<Result<_, _>>()?;
    let end = samples.iter().rposition(|sample| *sample != 0).map_or(0, |last| last + 1);
    // The file is at a telephone's rate, and this takes the engine's.
    let doubled: Vec<i16> = samples[..end].iter().flat_map(|sample| [*sample, *sample]).collect();
    let reply = call.ask(&doubled, LONGEST_SPEECH).await;
    let conversation = tokio::task::block_in_place(|| until_said(house, "127.0.0.1", "Saturday"));
    call.hang_up().await;
    tokio::task::block_in_place(|| house.until_over("127.0.0.1"));
    Ok((reply.map_or(f64::NAN, |reply| reply.gap.as_secs_f64() * 1000.0), account(&conversation)))
}

/// The newest call of this caller, once the agent has said these words in it to their end.
fn until_said(house: &House, caller: &str, words: &str) -> Value {
    house.until(caller, &format!("“{words}” was said"), |conversation| {
        let said = messages(conversation, "agent");
        conversation["call"]["ended_at_ms"].is_null()
            && said.iter().any(|message| message["heard_text"].as_str().is_some_and(|heard| heard.contains(words)))
    })
}

/// The gap before the answer, by the house's own account.
fn account(conversation: &Value) -> f64 {
    let answer = *messages(conversation, "agent").last().unwrap();
    answer["timings_ms"]["reply_gap"].as_f64().unwrap_or(f64::NAN)
}

/// Greeting and answer are shorter.
const LONGEST_SPEECH: Duration = Duration::from_secs(20);

const KEEPS_THE_PEER: &str = r#"
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(setup) { super(setup); window.thePeer = this; }
};
"#;

/// What the microphone gives and what is heard, side by side on one clock.
const BOTH_SIDES: &str = r#"
window.bothSides = (() => {
  const rate = 16000, part = 256;
  const context = new AudioContext({ sampleRate: rate });
  const merger = context.createChannelMerger(2);
  const from = (track, input) => context.createMediaStreamSource(new MediaStream([track])).connect(merger, 0, input);
  from(thePeer.getSenders().find((one) => one.track).track, 0);
  from(thePeer.getReceivers().find((one) => one.track).track, 1);
  const node = context.createScriptProcessor(part, 2, 1);
  const sides = [[], []];
  node.onaudioprocess = ({ inputBuffer }) => sides.forEach((side, at) => {
    const samples = inputBuffer.getChannelData(at);
    side.push(Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / part) > 0.0056);
  });
  merger.connect(node);
  node.connect(context.destination);
  return {
    gapMs: () => {
      const spoke = sides[0].lastIndexOf(true);
      const answered = sides[1].indexOf(true, spoke + 1);
      return spoke < 0 || answered < 0 ? null : (answered - spoke - 1) * part / rate * 1000;
    },
  };
})();
undefined;
"#;
