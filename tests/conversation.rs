//! Whole spoken conversations by real SIP and RTP on loopback, in one process: heard, understood, answered and
//! spoken by the real models. Skipped, with a printed reason, when `SWITCHBOARD_MODELS_DIR` names no models.

use std::time::Duration;

use switchboard::adapters::models::Models;
use switchboard::adapters::stt::moonshine::Moonshine;
use switchboard::adapters::stt::{transcribe_whole, wav};
use switchboard::cli::demo::stage::{Stage, StageCall, sample_config};
use switchboard::domain::call::CallOutcome;
use switchboard::domain::conversation::{Author, Status};
use switchboard::domain::turn::Verdict;
use switchboard::seams::store::ConversationView;

fn models() -> Option<Models> {
    let dir = std::env::var_os("SWITCHBOARD_MODELS_DIR");
    if dir.is_none() {
        println!("skipped: SWITCHBOARD_MODELS_DIR names no folder of models");
    }
    dir.map(Models::new)
}

async fn stage(folder: &std::path::Path, models: Models) -> Stage {
    Stage::open(sample_config(folder).expect("a folder"), models).await.expect("a house")
}

async fn say(stage: &Stage, call: &mut StageCall, words: &str) {
    let clip = stage.caller_says(words).await.expect("speech");
    call.ask(&clip, PATIENCE).await.unwrap_or_else(|| panic!("no reply to {words:?}"));
    call.wait_for_quiet(PAUSE, PATIENCE * 3).await;
}

/// The newest conversation, once its call is over and written down.
async fn kept(stage: &Stage) -> ConversationView {
    for _ in 0..200 {
        let newest = stage.house.store.conversations(None, 1).await.expect("a list");
        if let Some((conversation, Some(call))) = newest.first()
            && call.ended_at.is_some()
        {
            return stage.house.store.conversation(conversation.id).await.expect("a store").expect("a row");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the call was never written down as ended");
}

fn said(view: &ConversationView, author: Author) -> Vec<String> {
    let text = |message: &switchboard::domain::conversation::Message| match author {
        Author::Agent => message.heard_text.clone().unwrap_or_default(),
        _ => message.text.clone(),
    };
    view.messages.iter().filter(|message| message.author == author).map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_heard_understood_and_answered_aloud() {
    // R1, R7, R16, R48
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path(), models.clone()).await;
    let mut call = stage.call().await.expect("an answered call");
    call.wait_for_quiet(PAUSE, PATIENCE * 3).await;
    say(&stage, &mut call, "When are you open on Saturday?").await;
    say(&stage, &mut call, "Goodbye.").await;
    let view = kept(&stage).await;
    let heard_by_caller = call.phone.wire().heard;
    call.hang_up().await;

    assert!(said(&view, Author::Customer)[0].to_lowercase().contains("saturday"));
    let greeting = &said(&view, Author::Agent)[0];
    assert!(greeting.contains("automated") && greeting.contains("recorded"), "{greeting}");
    let answer = view.messages.iter().find(|message| message.verdict() == Some(Verdict::Send)).expect("an answer");
    let decision = answer.decision.as_ref().expect("a decision");
    assert!(answer.heard_text.as_deref().is_some_and(|heard| heard.contains("Saturday from ten to four")));
    assert!(!decision.sources.is_empty() && decision.confidence >= 0.9 && decision.features.len() == 8);
    let timings = answer.timings.expect("timings");
    assert!(timings.reply_gap_ms.is_some() && timings.end_of_turn_ms.is_some());
    assert_eq!(view.call.as_ref().and_then(|call| call.outcome), Some(CallOutcome::Resolved));
    assert_eq!(view.conversation.status, Status::Resolved);

    let mut recogniser = Moonshine::load(&models).expect("a recogniser");
    let heard: Vec<f32> = heard_by_caller.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
    let heard = transcribe_whole(&mut recogniser, &wav::resampled(heard, 8_000).unwrap()).unwrap().to_lowercase();
    assert!(heard.contains("automated") && heard.contains("saturday"), "the caller heard: {heard}");

    let file = stage.house.config.recordings_dir().join(&view.recordings[0].file);
    let (caller, agent) = channels(&file);
    let left = transcribe_whole(&mut recogniser, &caller).unwrap().to_lowercase();
    let right = transcribe_whole(&mut recogniser, &agent).unwrap().to_lowercase();
    assert!(left.contains("saturday") && !left.contains("sunday"), "left, the caller: {left}");
    assert!(right.contains("sunday"), "right, the agent: {right}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_matter_is_not_answered_but_becomes_a_ticket() {
    // R18, R24
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path(), models).await;
    let mut call = stage.call().await.expect("an answered call");
    call.wait_for_quiet(PAUSE, PATIENCE * 3).await;
    say(&stage, &mut call, "I want my money back for a broken lamp.").await;
    say(&stage, &mut call, "My name is Anna Miller.").await;
    call.hang_up().await;
    let view = kept(&stage).await;

    assert_eq!(view.conversation.status, Status::NeedsHuman);
    assert!(view.messages.iter().all(|message| message.verdict() != Some(Verdict::Send)), "nothing was answered");
    let ticket = view.tickets.first().expect("a ticket");
    let field =
        |name: &str| ticket.fields.iter().find(|field| field.name == name).map(|field| field.value.to_lowercase());
    assert!(field("name").is_some_and(|name| !name.is_empty()), "{:?}", field("name"));
    assert!(field("reason").is_some_and(|reason| reason.contains("money back")));
    assert_eq!(view.call.as_ref().and_then(|call| call.outcome), Some(CallOutcome::Ticket));
    stage.close().await;
}

/// The two channels of a recording, as the recogniser takes them.
fn channels(file: &std::path::Path) -> (Vec<f32>, Vec<f32>) {
    let mut reader = hound::WavReader::open(file).expect("a recording");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 16_000));
    let samples: Vec<f32> =
        reader.samples::<i16>().map(|sample| f32::from(sample.expect("a sample")) / 32768.0).collect();
    samples.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip()
}

/// The agent has finished when it has been quiet for so long.
const PAUSE: Duration = Duration::from_millis(900);
/// No reply takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
