//! A language model that writes what it is told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::seams::llm::{Llm, LlmError, LlmPiece, LlmRequest, LlmStream};

/// One step of it.
#[derive(Clone, Debug, PartialEq)]
pub enum LlmAct {
    /// It writes this piece.
    Write(LlmPiece),
    /// So long nothing comes.
    Wait(Duration),
    /// It fails.
    Fail(LlmError),
    /// It says nothing more, and does not end either.
    Hang,
}

/// Plays one list of steps for each request, the last one for all further ones.
pub struct ToldLlm {
    scripts: Mutex<VecDeque<Vec<LlmAct>>>,
    requests: Mutex<Vec<LlmRequest>>,
    let_go: Arc<AtomicUsize>,
}

impl ToldLlm {
    /// One that does these, request by request.
    pub fn new(scripts: Vec<Vec<LlmAct>>) -> ToldLlm {
        ToldLlm { scripts: Mutex::new(scripts.into()), requests: Mutex::default(), let_go: Arc::default() }
    }

    /// One that always uses this tool.
    pub fn using(tool: &str, arguments: Value) -> ToldLlm {
        ToldLlm::new(vec![call(tool, &arguments.to_string())])
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<LlmRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many answers were let go of before their end.
    pub fn let_go(&self) -> usize {
        self.let_go.load(Ordering::SeqCst)
    }
}

/// The steps of a model that uses one tool, its arguments cut into pieces of seven characters.
pub fn call(tool: &str, arguments: &str) -> Vec<LlmAct> {
    let mut acts = vec![LlmAct::Write(LlmPiece::Call { index: 0, name: tool.to_owned() })];
    let letters: Vec<char> = arguments.chars().collect();
    let pieces = letters.chunks(7).map(|piece| LlmPiece::Arguments { index: 0, json: piece.iter().collect() });
    acts.extend(pieces.map(LlmAct::Write));
    acts.push(LlmAct::Write(LlmPiece::Done { tokens: Some(100) }));
    acts
}

impl Llm for ToldLlm {
    fn name(&self) -> &str {
        "told"
    }

    fn model(&self) -> &str {
        "told-1"
    }

    fn write(&self, request: LlmRequest) -> LlmStream {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let script = if scripts.len() > 1 { scripts.pop_front() } else { scripts.front().cloned() };
        drop(scripts);
        let (pieces, stream) = mpsc::channel(PIECES_WAITING);
        let let_go = self.let_go.clone();
        tokio::spawn(async move {
            for act in script.unwrap_or_default() {
                let sent = match act {
                    LlmAct::Write(piece) => pieces.send(Ok(piece)).await.is_ok(),
                    LlmAct::Fail(error) => {
                        let _ = pieces.send(Err(error)).await;
                        return;
                    }
                    LlmAct::Wait(time) => tokio::select! {
                        () = tokio::time::sleep(time) => true,
                        () = pieces.closed() => false,
                    },
                    LlmAct::Hang => {
                        pieces.closed().await;
                        false
                    }
                };
                if !sent {
                    let_go.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
        });
        stream
    }
}

/// A slow listener slows it down, as it does a real one.
const PIECES_WAITING: usize = 8;
