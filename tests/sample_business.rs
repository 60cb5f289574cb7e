//! What the sample business answers by itself and what it never does, with the real embedding model. Skipped, with a
//! printed reason, when `SWITCHBOARD_MODELS_DIR` names no models.

use std::sync::Arc;

use switchboard::adapters::embed::MiniLm;
use switchboard::adapters::knowledge_folder::sample_business;
use switchboard::adapters::models::Models;
use switchboard::app::business;
use switchboard::config::Config;
use switchboard::config::agent::AgentConfig;
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{ChannelTraits, TurnInput, Verdict};
use switchboard::support::Desk;
use switchboard::support::sensitivity::default_sensitivity;

fn verdict_of(desk: &Desk, text: &str) -> Verdict {
    let agent = AgentConfig { publish: true, ..AgentConfig::default() };
    let agent = business::configured(&Config { agent, ..Config::default() }, business::UNSTORED).expect("valid");
    let input = TurnInput {
        text: text.to_owned(),
        history: Vec::new(),
        offered: None,
        channel: ChannelTraits::PHONE,
        now: EpochMs(1),
    };
    desk.turn(&agent, &input).decision.verdict
}

#[test]
fn everyday_questions_are_answered_and_sensitive_ones_never() {
    // R16, R18
    let Some(dir) = std::env::var_os("SWITCHBOARD_MODELS_DIR") else {
        println!("skipped: SWITCHBOARD_MODELS_DIR names no folder of models");
        return;
    };
    let embedder = MiniLm::open(&Models::new(dir)).expect("a model");
    let desk = Desk::new(Some(Arc::new(embedder)));
    desk.set_knowledge(business::UNSTORED, sample_business(default_sensitivity).entries).expect("knowledge");
    for question in ["can i pay by card", "when are you open on saturday", "how long does delivery take"] {
        assert_eq!(verdict_of(&desk, question), Verdict::Send, "{question}");
    }
    for matter in [
        "i want my money back",
        "there is a charge on my card i do not recognise",
        "you charged my card twice",
        "i will sue you",
        "let me talk to a person",
        "i can not log in to my account",
        "i want to end my life",
    ] {
        let verdict = verdict_of(&desk, matter);
        assert!(matches!(verdict, Verdict::Hold | Verdict::HandOff), "{matter}: {verdict:?}");
    }
}
