//! What a question would be answered, before anybody asks it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::asked::Asks;
use super::super::body;
use super::super::problem::Problem;
use super::form::ShownPassage;
use crate::domain::knowledge::ArticleRef;
use crate::domain::turn::{ChannelTraits, Reason, Turn, Verdict};
use crate::support::unresolved;

/// A question.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The question, of up to 2,000 characters.
    q: String,
    /// As it is asked: `message` (the usual) or `call`.
    #[serde(default)]
    #[param(inline)]
    on: On,
}

/// Where a question is asked.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// In writing.
    #[default]
    Message,
    /// Aloud.
    Call,
}

/// What would become of it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = KnowledgePreview)]
struct Shown {
    /// As the agent is now.
    now: ShownTurn,
    /// As it would be were the agent published and automatic when safe.
    if_automatic: ShownTurn,
    /// The passages it would use, best first.
    passages: Vec<Found>,
}

/// What the desk would do.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PreviewedTurn)]
struct ShownTurn {
    verdict: Verdict,
    reason_code: Reason,
    /// A sentence for people.
    reason: String,
    /// Calibrated probability that the best answer is right, 0 to 1.
    confidence: f64,
    /// What the customer would get, or the draft a teammate would see; empty where there is none.
    answer: String,
}

/// A passage found.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FoundPassage)]
struct Found {
    #[serde(flatten)]
    passage: ShownPassage,
    source: String,
    /// The retrieval score.
    score: f64,
    /// The article and revision it is a passage of; `null` for entries of the folder.
    article: Option<ArticleRef>,
}

/// What a question would find and be answered. Nothing is stored and nothing goes out.
#[utoipa::path(get, path = "/api/v1/knowledge/search", tag = "knowledge", params(Asked), operation_id = "preview_answer",
    responses((status = 200, description = "What would become of it", body = Shown)))]
pub async fn preview(State(shared): State<Shared>, Asks(asked): Asks<Asked>) -> Result<Response, Problem> {
    let text = body::text(&asked.q, QUESTION_CHARS_MAX)?;
    let channel = match asked.on {
        On::Message => ChannelTraits::API,
        On::Call => ChannelTraits::PHONE,
    };
    let preview = shared.parts.library.preview(&text, channel).await?;
    let passages = preview.passages.into_iter().map(|(source, entry)| Found {
        article: entry.article,
        passage: ShownPassage::of(entry),
        source: source.source,
        score: f64::from(source.score),
    });
    let shown = Shown {
        now: ShownTurn::of(&preview.turn),
        if_automatic: ShownTurn::of(&preview.if_automatic),
        passages: passages.collect(),
    };
    Ok(Json(shown).into_response())
}

impl ShownTurn {
    fn of(turn: &Turn) -> ShownTurn {
        ShownTurn {
            verdict: turn.decision.verdict,
            reason_code: turn.decision.reason,
            reason: unresolved::explain(turn.decision.reason),
            confidence: f64::from(turn.decision.confidence),
            answer: turn.sentences.join(" "),
        }
    }
}

/// As much as the desk reads of a message, with room for none of its decoration.
const QUESTION_CHARS_MAX: usize = 2_000;
