//! Refusals and failures, in the form of RFC 9457, each saying what to do.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::escalation_check::Problem as Mend;
use crate::seams::store::StoreError;

/// A refusal.
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    problems: Vec<Mend>,
    /// Boxed: a refusal is returned by value all over.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [Mend],
}

impl Problem {
    /// A status and what to do about it.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, kind: "about:blank", detail: detail.into(), problems: Vec::new(), header: None }
    }

    /// With a type that programs can tell from others of its status.
    pub fn of_type(mut self, kind: &'static str) -> Problem {
        self.kind = kind;
        self
    }

    /// With everything that is to be mended, each with its place in the body (`problems`, an extension of RFC 9457).
    pub fn because(mut self, problems: Vec<Mend>) -> Problem {
        self.problems = problems;
        self
    }

    /// With a header that belongs to the status.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// 503 with `Retry-After`, in seconds.
    pub fn busy(detail: impl Into<String>, retry_after_s: u32) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, retry_after_s.into())
    }

    /// 404.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, format!("There is no such {what}; take its id from a list."))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let body = Body {
            r#type: self.kind,
            title,
            status: self.status.as_u16(),
            detail: &self.detail,
            problems: &self.problems,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Problem::not_found("row"),
            StoreError::Conflict => Problem::new(StatusCode::CONFLICT, "It was changed meanwhile; read it again."),
            StoreError::Backend(_) => {
                tracing::error!(error = %error, "The store does not answer");
                Problem::busy("The store does not answer; the server's log says why. Try again shortly.", 2)
            }
        }
    }
}

/// An error's words as people are told them.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// For paths that lead nowhere.
pub async fn no_such_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is nothing here; the API begins at /api/v1/conversations.")
}

/// For methods that a path does not know.
pub async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path does not know that method; paths are read by GET, and Allow names what else there is.",
    )
}
