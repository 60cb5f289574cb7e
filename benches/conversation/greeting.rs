//! 200 OK to the first voiced packet of the greeting.

use std::time::Duration;

use switchboard::adapters::models::Models;
use switchboard::cli::demo::stage::{Stage, sample_config};

use super::figures::{Values, load, say_machine};

#[derive(clap::Args)]
pub struct Args {
    /// Calls, one after the other.
    #[arg(long, default_value_t = 20)]
    calls: usize,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::open(sample_config(folder.path())?, Models::resolve(None)).await?;
    println!("200 OK to the first voiced packet of the greeting, {} calls.", args.calls);
    say_machine();
    let mut times = Values::default();
    let mut packets = Values::default();
    for _ in 0..args.calls {
        let mut call = stage.call().await?;
        call.wait_for_quiet(Duration::from_millis(40), Duration::from_secs(5)).await;
        let (first, voiced) = call.phone.look(|wire| (wire.arrivals.first().map(|(at, _)| *at), wire.first_voice()));
        // Speech that overtakes the telephone's own reading of the 200 counts as no wait.
        if let Some(at) = voiced {
            times.add(at.saturating_duration_since(call.answered_at));
        }
        if let Some(at) = first {
            packets.add(at.saturating_duration_since(call.answered_at));
        }
        call.hang_up().await;
    }
    times.show("first voiced packet");
    packets.show("first packet");
    println!("load at the end {}", load());
    stage.close().await;
    Ok(())
}
