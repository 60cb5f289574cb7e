//! Word errors of what a call understood, against decoding the same audio directly after a G.711 round trip.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder, Encoder};
use switchboard::adapters::models::Models;
use switchboard::adapters::stt::moonshine::Moonshine;
use switchboard::adapters::stt::wav::{read_wav, resampled};
use switchboard::adapters::stt::word_errors::{word_errors, words};
use switchboard::cli::demo::stage::{Stage, sample_config};
use switchboard::domain::conversation::Author;

use super::figures::{load, say_machine};

#[derive(clap::Args)]
pub struct Args {
    /// Every file so often: the call path is not the same twice.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let fixtures = std::env::var_os("FIXTURES_DIR").context("FIXTURES_DIR names no recorded speech")?;
    let speech = PathBuf::from(fixtures).join("speech");
    let manifest = std::fs::read_to_string(speech.join("manifest.tsv"))?;
    let folder = tempfile::tempdir()?;
    let models = Models::resolve(None);
    let mut direct = Moonshine::load(&models)?;
    let stage = Stage::open(sample_config(folder.path())?, models).await?;
    println!("Word errors of calls and of direct decoding.");
    say_machine();
    let (mut said, mut by_call, mut by_decoder) = (0, 0, 0);
    for round in 0..args.rounds {
        for line in manifest.lines().skip(1) {
            let mut columns = line.split('\t');
            let (Some(file), Some(text)) = (columns.next(), columns.next()) else { continue };
            // 32 kHz read as 16 kHz is 8 kHz.
            let narrow = resampled(read_wav(&speech.join(file))?, 32_000)?;
            let narrow: Vec<i16> = narrow.iter().map(|s| (s * 32_767.0).clamp(-32_768.0, 32_767.0) as i16).collect();
            let heard = through_a_call(&stage, &narrow).await?;
            let coded = PcmuDecoder::new().decode(&PcmuEncoder::new().encode(&narrow));
            let coded: Vec<f32> = coded.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
            let decoded = direct.decode(&resampled(coded, 8_000)?, &[])?.text;
            let reference = words(text);
            let errors = [&heard, &decoded].map(|text| word_errors(&reference, &words(text)));
            said += reference.len();
            by_call += errors[0];
            by_decoder += errors[1];
            println!("  {file} {round}: call {} direct {} of {}", errors[0], errors[1], reference.len());
            if errors[0] != errors[1] {
                println!("    said   {text}\n    call   {heard}\n    direct {decoded}");
            }
        }
    }
    let percent = |errors: usize| 100.0 * errors as f64 / said as f64;
    println!(
        "WER by call {:.1} %, direct {:.1} %, difference {:+.1} points ({said} words)",
        percent(by_call),
        percent(by_decoder),
        percent(by_call) - percent(by_decoder)
    );
    println!("load at the end {}", load());
    stage.close().await;
    Ok(())
}

/// All that a call understood of some speech (8 kHz).
async fn through_a_call(stage: &Stage, narrow: &[i16]) -> anyhow::Result<String> {
    let mut call = stage.call().await?;
    call.wait_for_quiet(Duration::from_millis(700), Duration::from_secs(30)).await;
    call.phone.say_narrow(narrow);
    let length = Duration::from_millis(narrow.len() as u64 / 8);
    tokio::time::sleep(length + UNDERSTOOD).await;
    let conversation = call.conversation;
    call.hang_up().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let view = stage.house.store.conversation(conversation).await?;
    let messages = view.map(|view| view.messages).unwrap_or_default();
    let theirs = messages.into_iter().filter(|message| message.author == Author::Customer);
    Ok(theirs.map(|message| message.text).collect::<Vec<_>>().join(" "))
}

/// The longest wait for the end of a turn, and the store.
const UNDERSTOOD: Duration = Duration::from_millis(3_500);
