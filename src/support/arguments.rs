//! A tool's arguments while they are still being written: what of the JSON is there already. Pure.

use serde_json::Value;

/// Arguments so far.
#[derive(Default)]
pub struct Arguments {
    json: String,
}

impl Arguments {
    /// The next characters. False when there are more than any tool takes.
    #[must_use]
    pub fn push(&mut self, json: &str) -> bool {
        let fits = self.json.len() + json.len() <= ARGUMENTS_BYTES_MAX;
        if fits {
            self.json.push_str(json);
        }
        fits
    }

    /// All of it, as it was written.
    pub fn whole(&self) -> &str {
        &self.json
    }

    /// What is there so far, with what is open closed; `None` while that is not JSON, as in the middle of a key.
    pub fn so_far(&self) -> Option<Value> {
        let (mut closers, mut in_string, mut escaped) = (Vec::new(), false, None);
        for (at, c) in self.json.char_indices() {
            match (in_string, c) {
                (true, _) if escaped.is_some_and(|from: usize| at <= from + escape_len(&self.json[from..])) => {}
                (true, '\\') => escaped = Some(at),
                (true, '"') => in_string = false,
                (true, _) => {}
                (false, '"') => in_string = true,
                (false, '{') => closers.push('}'),
                (false, '[') => closers.push(']'),
                (false, '}' | ']') => {
                    closers.pop()?;
                }
                (false, _) => {}
            }
        }
        // An escape that is not whole yet is left for the next piece.
        let cut = escaped.filter(|from| in_string && self.json.len() <= from + escape_len(&self.json[*from..]));
        let mut closed = self.json[..cut.unwrap_or(self.json.len())].to_owned();
        if in_string {
            closed.push('"');
        }
        closed.extend(closers.iter().rev());
        serde_json::from_str(&closed).ok()
    }
}

/// Bytes of an escape behind its backslash.
fn escape_len(escape: &str) -> usize {
    if escape.as_bytes().get(1) == Some(&b'u') { 5 } else { 1 }
}

/// An answer of many sentences; a model that writes more has lost its way.
const ARGUMENTS_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn so_far(json: &str) -> Option<Value> {
        let mut arguments = Arguments::default();
        assert!(arguments.push(json));
        arguments.so_far()
    }

    #[test]
    fn what_is_there_is_read_before_the_rest_comes() {
        assert_eq!(so_far(r#"{"citations":[1,2],"text":"We op"#), Some(json!({"citations": [1, 2], "text": "We op"})));
        assert_eq!(so_far(r#"{"citations":[1],"te"#), None);
        assert_eq!(so_far(r#"{"text":"say \"hi\" \"#), Some(json!({"text": "say \"hi\" "})));
        assert_eq!(so_far(r#"{"text":"5 \u20a"#), Some(json!({"text": "5 "})));
        assert_eq!(so_far(r#"{"text":"5 \u20ac"#), Some(json!({"text": "5 €"})));
        assert_eq!(so_far(r#"}"#), None);
    }

    #[test]
    fn arguments_without_end_are_refused() {
        let mut arguments = Arguments::default();
        assert!(arguments.push(&"x".repeat(8_000)));
        assert!(!arguments.push(&"x".repeat(8_000)));
    }

    proptest::proptest! {
        /// Cut anywhere, it never tells more than was written, and whole it tells all.
        #[test]
        fn a_cut_text_is_a_beginning_of_the_whole(text in "[a-z\"\\\\\n€ ]{0,30}", cut in 0usize..80) {
            let whole = json!({"citations": [1], "text": text}).to_string();
            let mut end = cut.min(whole.len());
            while !whole.is_char_boundary(end) {
                end -= 1;
            }
            if let Some(found) = so_far(&whole[..end]) {
                let found = found["text"].as_str().unwrap_or_default().to_owned();
                proptest::prop_assert!(text.starts_with(&found), "{:?} {:?}", text, found);
            }
            proptest::prop_assert_eq!(&so_far(&whole).unwrap()["text"], &json!(text));
        }

        #[test]
        fn nothing_panics(json in "\\PC{0,80}") {
            let _ = so_far(&json);
        }
    }
}
