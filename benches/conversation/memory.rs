//! Resident memory of live calls, without speech and with it.

use std::time::Duration;

use switchboard::adapters::models::Models;
use switchboard::cli::demo::phone::Wire;
use switchboard::cli::demo::stage::{Stage, StageCall, sample_config};

use super::corpus::{Clips, questions};
use super::figures::{load, resident_kb, say_machine};

#[derive(clap::Args)]
pub struct Args {
    /// Calls at once.
    #[arg(long, default_value_t = 20)]
    calls: usize,
    /// Turns of each call with speech.
    #[arg(long, default_value_t = 2)]
    turns: usize,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::open(sample_config(folder.path())?, Models::resolve(None)).await?;
    let clips = Clips::default();
    let asked = questions();
    println!("Resident memory, {} calls at once.", args.calls);
    println!("Their telephones are in the same process: what they keep is left out, their threads are not.");
    say_machine();
    // The models take their working memory, and the allocator its arenas, with the first turns.
    for round in 0..2 {
        let mut call = stage.call().await?;
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        for text in asked.iter().skip(round * 3).take(3) {
            let clip = clips.of(&stage, text).await?;
            call.ask(&clip, PATIENCE).await;
            call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        }
        call.hang_up().await;
    }
    for text in asked.iter().take(args.turns) {
        clips.of(&stage, text).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before_kb = resident_kb();
    println!("house without calls        {:8.1} MB", before_kb as f64 / 1024.0);
    let per_call = |kb: u64| kb.saturating_sub(before_kb) as f64 / 1024.0 / args.calls as f64;
    let now_kb = |live: &[StageCall]| {
        let kept: usize = live.iter().map(|call| call.phone.look(Wire::bytes)).sum();
        resident_kb().saturating_sub(kept as u64 / 1024)
    };
    let mut live = Vec::new();
    for _ in 0..args.calls {
        live.push(stage.call().await?);
    }
    println!("while greeted              {:8.3} MB a call", per_call(now_kb(&live)));
    for call in &mut live {
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
    }
    println!("connected, nobody speaks   {:8.3} MB a call", per_call(now_kb(&live)));
    let mut most = 0;
    for text in asked.iter().take(args.turns) {
        let clip = clips.of(&stage, text).await?;
        for call in &live {
            call.phone.say(&clip);
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        for number in 0..live.len() {
            let now = now_kb(&live);
            let call = &mut live[number];
            most = most.max(now);
            tokio::time::sleep(Duration::from_millis(200)).await;
            call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        }
    }
    println!("in conversation, at most   {:8.3} MB a call", per_call(most));
    println!("after {} turns              {:8.3} MB a call", args.turns, per_call(now_kb(&live)));
    for call in live {
        call.hang_up().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("all calls over             {:8.1} MB in all; load {}", resident_kb() as f64 / 1024.0, load());
    stage.close().await;
    Ok(())
}

const PAUSE: Duration = Duration::from_millis(700);
const LONGEST_SPEECH: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(8);
