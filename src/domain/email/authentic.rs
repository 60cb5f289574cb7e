//! Whether the address a mail claims to be from is proven, by what our own mail server wrote into it (RFC 8601).

use super::header::Headers;

/// Whether the mail passed DMARC for the domain it claims (RFC 7489), told by one of `servers`: the names under which
/// our own mail server signs its results. A header by any other name may be the sender's, and proves nothing.
pub fn passed_dmarc(headers: &Headers, domain: &str, servers: &[String]) -> bool {
    // Our server writes its header above all that came with the mail.
    let results = headers.all("authentication-results").find_map(|value| {
        let value = without_comments(value);
        let (server, results) = value.split_once(';')?;
        let server = server.split_whitespace().next()?;
        servers.iter().any(|known| known.eq_ignore_ascii_case(server)).then(|| results.to_owned())
    });
    let Some(results) = results else { return false };
    results.split(';').any(|result| {
        let mut words = result.split_whitespace();
        let passed = words.next().is_some_and(|method| method.eq_ignore_ascii_case("dmarc=pass"));
        let about =
            words.filter_map(|word| word.strip_prefix("header.from=")).any(|from| from.eq_ignore_ascii_case(domain));
        passed && about
    })
}

/// Comments in brackets, which may nest and may hold anything.
fn without_comments(text: &str) -> String {
    let mut depth = 0usize;
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {} // Within a comment.
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(values: &[&str]) -> bool {
        let pairs = values.iter().map(|value| ("Authentication-Results".to_owned(), (*value).to_owned()));
        passed_dmarc(&Headers::from_pairs(pairs), "example.com", &["mx.ours.net".to_owned()])
    }

    /// R56: only our own server's word counts, and only its first.
    #[test]
    fn only_our_own_servers_word_proves_a_sender() {
        assert!(passed(&["mx.ours.net 1; spf=pass; dmarc=pass (p=REJECT) header.from=example.com"]));
        assert!(!passed(&["mx.ours.net; dmarc=fail header.from=example.com"]));
        assert!(!passed(&["mx.ours.net; dmarc=pass header.from=evil.org"]));
        assert!(!passed(&["mx.evil.org; dmarc=pass header.from=example.com"]));
        assert!(!passed(&[
            "mx.ours.net; dmarc=none header.from=example.com",
            "mx.ours.net; dmarc=pass header.from=example.com"
        ]));
        assert!(!passed(&["mx.ours.net; spf=pass (dmarc=pass header.from=example.com)"]));
        assert!(!passed(&[]));
    }
}
