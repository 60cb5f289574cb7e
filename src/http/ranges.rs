//! Parts of a file (RFC 9110, section 14), so that a player can jump in it and a download can be taken up again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::problem::Problem;

/// The first and last byte that are asked for; `None` for all of it. 416 beyond the end.
pub fn part(headers: &HeaderMap, tag: &str, length: u64) -> Result<Option<(u64, u64)>, Problem> {
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // A part is only of use beside parts of the same file.
    let same = headers.get(header::IF_RANGE).is_none_or(|seen| seen.as_bytes() == tag.as_bytes());
    match asked.filter(|_| same).map(|range| parse_range(range, length)) {
        None | Some(Asked::Whole) => Ok(None),
        Some(Asked::Part(first, last)) => Ok(Some((first, last))),
        Some(Asked::Outside) => {
            let detail = format!("The file has {length} bytes; ask for some of those.");
            let refused = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail);
            Err(match HeaderValue::from_str(&format!("bytes */{length}")) {
                Ok(whole) => refused.with(header::CONTENT_RANGE, whole),
                Err(_) => refused, // Digits always are a header's value.
            })
        }
    }
}

/// Says in the headers which part it is.
pub fn describe(response: &mut Response, part: Option<(u64, u64)>, tag: &str, length: u64) {
    let count = part.map_or(length, |(first, last)| last - first + 1);
    let mut set = vec![
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_LENGTH, count.to_string()),
        (header::ETAG, tag.to_owned()),
    ];
    if let Some((first, last)) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set.push((header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
    }
    for (name, value) in set {
        response.headers_mut().extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
}

#[derive(Debug, PartialEq)]
enum Asked {
    /// Also for what is not understood, as the standard wants.
    Whole,
    /// First and last byte.
    Part(u64, u64),
    /// Beyond the end.
    Outside,
}

fn parse_range(range: &str, length: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|part| part.trim().split_once('-')) else {
        return Asked::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= length => Asked::Outside,
        (Ok(first), Ok(last)) if last < first => Asked::Whole,
        (Ok(first), Ok(last)) => Asked::Part(first, last.min(length - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Asked::Part(first, length - 1),
        (Err(_), Ok(0)) if first.is_empty() => Asked::Outside,
        (Err(_), Ok(_)) if first.is_empty() && length == 0 => Asked::Outside,
        (Err(_), Ok(last)) if first.is_empty() => Asked::Part(length.saturating_sub(last), length - 1),
        // Several parts at once, or no numbers.
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        let rows = [
            ("bytes=0-99", Asked::Part(0, 99)),
            ("bytes=0-", Asked::Part(0, 999)),
            ("bytes=900-5000", Asked::Part(900, 999)),
            ("bytes=-100", Asked::Part(900, 999)),
            ("bytes=-5000", Asked::Part(0, 999)),
            ("bytes=999-", Asked::Part(999, 999)),
            ("bytes=1000-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=99999999999999999999-", Asked::Whole),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (range, expected) in rows {
            assert_eq!(parse_range(range, 1_000), expected, "{range}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Asked::Outside);
        assert_eq!(parse_range("bytes=-5", 0), Asked::Outside);
    }
}
