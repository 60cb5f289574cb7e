//! What a server of chat completions sends, as pieces: events of a stream, or one whole answer. Pure.
//!
//! Servers differ in small ways: an index or a finish may be missing, a name be repeated in every piece, arguments be
//! an object instead of its text, choices be empty, usage come in an event of its own or not at all.

use serde_json::Value;

use crate::adapters::cloud::{CloudError, shortened};
use crate::seams::llm::LlmPiece;

/// Reads one answer.
#[derive(Default)]
pub struct Chunks {
    /// The calls begun, by their index.
    named: Vec<usize>,
    tokens: Option<u64>,
    finished: bool,
    chars: usize,
}

impl Chunks {
    /// Reads the next event's data into pieces; not the end mark.
    pub fn read(&mut self, data: &str, pieces: &mut Vec<LlmPiece>) -> Result<(), CloudError> {
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return Err(CloudError::Stalled(format!("it sent what is no JSON: {}", shortened(data))));
        };
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            let words = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
            return Err(CloudError::Refused(shortened(&words)));
        }
        self.tokens = event["usage"]["total_tokens"].as_u64().or(self.tokens);
        let Some(choice) = event["choices"].as_array().and_then(|choices| choices.first()) else { return Ok(()) };
        // A whole answer has a message where a stream has deltas.
        let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            self.count(text)?;
            pieces.push(LlmPiece::Text(text.to_owned()));
        }
        for (place, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            self.call(place, call, pieces)?;
        }
        match choice["finish_reason"].as_str() {
            None | Some("") => Ok(()),
            Some("length") => Err(CloudError::Stalled("its answer is longer than tokens_max".into())),
            Some("content_filter") => Err(CloudError::Refused("it filtered its own answer".into())),
            Some(_) => {
                self.finished = true;
                Ok(())
            }
        }
    }

    /// It has said that it is at its end; only the count of tokens may follow.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What it cost, where it was told.
    pub fn tokens(&self) -> Option<u64> {
        self.tokens
    }

    fn call(&mut self, place: usize, call: &Value, pieces: &mut Vec<LlmPiece>) -> Result<(), CloudError> {
        let index = call["index"].as_u64().map_or(place, |index| usize::try_from(index).unwrap_or(usize::MAX));
        if index >= CALLS_MAX {
            return Err(CloudError::Stalled("it makes calls without end".into()));
        }
        let function = &call["function"];
        if let Some(name) = function["name"].as_str().filter(|name| !name.is_empty())
            && !self.named.contains(&index)
        {
            self.count(name)?;
            self.named.push(index);
            pieces.push(LlmPiece::Call { index, name: name.to_owned() });
        }
        let json = match &function["arguments"] {
            Value::String(json) => json.clone(),
            Value::Object(whole) => Value::Object(whole.clone()).to_string(),
            _ => String::new(),
        };
        if !json.is_empty() {
            self.count(&json)?;
            pieces.push(LlmPiece::Arguments { index, json });
        }
        Ok(())
    }

    fn count(&mut self, text: &str) -> Result<(), CloudError> {
        self.chars += text.len();
        let fits = self.chars <= ANSWER_BYTES_MAX;
        if fits { Ok(()) } else { Err(CloudError::Stalled("its answer does not end".into())) }
    }
}

/// Calls in one answer; we read one.
const CALLS_MAX: usize = 8;
/// Of one answer: thrice what `tokens_max` allows at most. A server that minds no limit is cut off here.
const ANSWER_BYTES_MAX: usize = 48 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces_of(events: &[&str]) -> Result<Vec<LlmPiece>, CloudError> {
        let (mut chunks, mut pieces) = (Chunks::default(), Vec::new());
        events.iter().try_for_each(|event| chunks.read(event, &mut pieces))?;
        Ok(pieces)
    }

    fn call(name: &str) -> LlmPiece {
        LlmPiece::Call { index: 0, name: name.into() }
    }

    fn arguments(json: &str) -> LlmPiece {
        LlmPiece::Arguments { index: 0, json: json.into() }
    }

    #[test]
    fn a_name_that_is_repeated_in_every_piece_is_told_once() {
        let event = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"answer","arguments":"{"}}]}}]}"#;
        assert_eq!(pieces_of(&[event, event]).unwrap(), [call("answer"), arguments("{"), arguments("{")]);
    }

    #[test]
    fn a_whole_answer_with_arguments_as_an_object_reads_the_same() {
        let whole = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"ask","arguments":{"a":1}}}]},"finish_reason":"tool_calls"}],"usage":{"total_tokens":9}}"#;
        let (mut chunks, mut pieces) = (Chunks::default(), Vec::new());
        chunks.read(whole, &mut pieces).unwrap();
        assert_eq!(pieces, [call("ask"), arguments(r#"{"a":1}"#)]);
        assert_eq!((chunks.is_finished(), chunks.tokens()), (true, Some(9)));
    }

    #[test]
    fn empty_choices_and_empty_deltas_say_nothing() {
        assert_eq!(pieces_of(&[r#"{"choices":[]}"#, r#"{"choices":[{"delta":{}}]}"#, "{}", "[]", "7"]).unwrap(), []);
    }

    #[test]
    fn an_error_within_the_stream_is_a_refusal_in_its_own_words() {
        let error = pieces_of(&[r#"{"error":{"message":"overloaded"}}"#]);
        assert_eq!(error, Err(CloudError::Refused("overloaded".into())));
    }

    #[test]
    fn an_answer_without_end_is_cut_off() {
        let event = format!(r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#, "x".repeat(10_000));
        assert_eq!(pieces_of(&[&*event; 5]), Err(CloudError::Stalled("its answer does not end".into())));
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_server_sends_panics(data in "\\PC{0,200}") {
            let _ = Chunks::default().read(&data, &mut Vec::new());
        }
    }
}
