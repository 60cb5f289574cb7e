//! A telephone that returns the agent's own voice at −20 dB: the agent must never take it for the caller.

use std::time::Duration;

use switchboard::adapters::models::Models;
use switchboard::cli::demo::stage::{Stage, sample_config};
use switchboard::domain::conversation::Author;

use super::corpus::Clips;
use super::figures::{load, say_machine};

#[derive(clap::Args)]
pub struct Args {
    /// Delays in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [40, 77, 120, 163, 200, 250, 300])]
    delays_ms: Vec<u64>,
    /// How much quieter it returns, in dB.
    #[arg(long, default_value_t = 20.0)]
    loss_db: f32,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::open(sample_config(folder.path())?, Models::resolve(None)).await?;
    let clips = Clips::default();
    println!("Echo of the agent's own voice, −{} dB after {:?} ms.", args.loss_db, args.delays_ms);
    say_machine();
    let (mut interrupted, mut invented, mut words) = (0, 0, 0);
    for delay_ms in &args.delays_ms {
        let mut call = stage.call().await?;
        call.phone.echo(Duration::from_millis(*delay_ms), args.loss_db);
        call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        let mut asked = 0;
        for question in ["What are your opening hours?", "Do you deliver abroad?"] {
            let clip = clips.of(&stage, question).await?;
            call.phone.say(&clip);
            asked += 1;
            tokio::time::sleep(Duration::from_secs(4)).await;
            call.wait_for_quiet(PAUSE, LONGEST_SPEECH).await;
        }
        let conversation = call.conversation;
        call.hang_up().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let view = stage.house.store.conversation(conversation).await?;
        let messages = view.map(|view| view.messages).unwrap_or_default();
        let ours: Vec<_> = messages.iter().filter(|message| message.author == Author::Agent).collect();
        let theirs: Vec<_> = messages.iter().filter(|message| message.author == Author::Customer).collect();
        words += ours.len();
        let cut: Vec<_> = ours.iter().filter(|m| m.heard_text.as_ref() != Some(&m.text)).collect();
        interrupted += cut.len();
        invented += theirs.len().saturating_sub(asked);
        for message in cut {
            println!("  {delay_ms} ms: cut: {:?} of {:?}", message.heard_text, message.text);
        }
        if theirs.len() != asked {
            println!("  {delay_ms} ms: heard {:?}", theirs.iter().map(|m| &m.text).collect::<Vec<_>>());
        }
    }
    println!("interruptions {interrupted} of {words} utterances, turns heard that nobody spoke: {invented}");
    println!("load at the end {}", load());
    stage.close().await;
    Ok(())
}

const PAUSE: Duration = Duration::from_millis(1500);
const LONGEST_SPEECH: Duration = Duration::from_secs(30);
