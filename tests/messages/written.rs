//! Messages whose answers a language model writes: through the store, and over the wire to a server that fails.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::domain::conversation::Author;
use switchboard::domain::turn::WriterOutcome;
use switchboard::messages::MessageDesk;
use switchboard::seams::fakes::ToldLlm;
use switchboard::seams::fakes::told_llm::{LlmAct, call};
use switchboard::seams::llm::LlmError;
use switchboard::seams::store::{ConversationView, Store};
use switchboard::support;
use switchboard::support::writer::{Writer, WriterLimits};

use crate::house::Desk;
use crate::words::{ASKED, Words, shipping};

/// What becomes of a message when the model does these, request by request.
async fn answered(text: &str, scripts: Vec<Vec<LlmAct>>) -> (ConversationView, Arc<ToldLlm>) {
    let folder = tempfile::tempdir().unwrap();
    let mut house = Desk::open(&folder.path().join("test.db")).await;
    let llm = Arc::new(ToldLlm::new(scripts));
    let limits = WriterLimits {
        first_token: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        message: Duration::from_secs(5),
        summary: Duration::from_secs(5),
        tokens_max: 400,
    };
    let writer = Writer::new(llm.clone(), llm.clone(), limits);
    let desk = support::Desk::new(Some(Arc::new(Words))).with_writer(Some(writer));
    desk.set_knowledge(house.agent.load().id, vec![shipping()]).unwrap();
    house.messages = MessageDesk::open(switchboard::messages::Parts {
        store: house.store.clone(),
        bus: house.bus.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        blobs: Arc::new(switchboard::seams::fakes::MemoryBlobs::default()),
        desk: Arc::new(desk),
        agent: house.agent.clone(),
        config: Default::default(),
    });
    let accepted = house.messages.accept(house.intake("thread", text)).await.unwrap();
    house.work_off().await;
    (house.store.conversation(accepted.conversation_id).await.unwrap().unwrap(), llm)
}

/// R16, R45: the reply is the model's, and the store says so.
#[tokio::test]
async fn a_message_is_answered_in_the_models_words_and_the_store_keeps_who_wrote_them() {
    let arguments =
        json!({"citations": [1], "text": "Sending it to Austria costs five euros. Shipping to Austria costs €5."});
    let (view, llm) = answered(ASKED, vec![call("answer", &arguments.to_string())]).await;
    let reply = view.messages.iter().find(|message| message.author == Author::Agent).unwrap();
    assert_eq!(reply.text, "Shipping to Austria costs €5.", "what stands of it");
    let writer = reply.decision.as_ref().unwrap().writer.as_ref().unwrap();
    assert_eq!((writer.model.as_str(), writer.outcome), ("told-1", WriterOutcome::Wrote));
    assert_eq!(llm.requests().len(), 1);
}

/// P1: a provider that is down costs nobody their answer.
#[tokio::test]
async fn a_message_is_answered_in_the_knowledges_words_when_the_model_is_down() {
    let down = LlmError::Stalled { provider: "told".into(), reason: "no connection".into() };
    let (view, _) = answered(ASKED, vec![vec![LlmAct::Fail(down)]]).await;
    let reply = view.messages.iter().find(|message| message.author == Author::Agent).unwrap();
    assert_eq!(reply.text, "Shipping to Austria costs €5 and takes 2 to 3 working days.");
    let writer = reply.decision.as_ref().unwrap().writer.as_ref().unwrap();
    assert_eq!(writer.outcome, WriterOutcome::Failed);
}

/// R18, R21: a model that will not answer leaves the case to a person, with the draft and a summary beside it.
#[tokio::test]
async fn a_message_that_the_model_will_not_answer_waits_for_a_person() {
    let flagged = call("flag", &json!({"reason": "it depends on the size"}).to_string());
    let fact = json!({"slot": "want", "text": "how much shipping to austria does cost", "turn": 1});
    let summary = call("summary", &json!({"facts": [fact]}).to_string());
    let (view, _) = answered(ASKED, vec![flagged, summary]).await;
    let draft = view.messages.iter().find(|message| message.author == Author::Draft).unwrap();
    assert_eq!(draft.text, "Shipping to Austria costs €5 and takes 2 to 3 working days.");
    let note = draft.decision.as_ref().unwrap().writer.as_ref().unwrap().note.as_deref();
    assert_eq!(note, Some("it depends on the size"));
    assert_eq!(view.conversation.summary.as_deref(), Some("How much shipping to austria does cost."));
    assert_eq!(view.tickets.len(), 1);
}
