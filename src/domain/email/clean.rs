//! HTML that is safe to show: no scripts, no forms, no styles that leave their box, nothing fetched from elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ammonia::{Builder, UrlRelative};

/// HTML for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// To be shown in a frame of its own.
    pub html: String,
    /// Pictures that would have been fetched from elsewhere, and were left out: the sender learns nothing.
    pub remote_images: usize,
}

/// Cleans HTML. `inline` gives for each Content-ID where its picture lies with us; others are left out.
/// HTML that nests too deeply to be read at reasonable cost is not shown at all.
pub fn clean(html: &str, inline: &HashMap<String, String>) -> Option<Cleaned> {
    if nests_too_deeply(html) {
        return None;
    }
    let left_out = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&left_out);
    let inline = inline.clone();
    let mut builder = Builder::default();
    builder
        .url_schemes(["http", "https", "mailto", "tel", "cid"].into())
        // What is relative is ours: the filter lets in our own places for pictures alone.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .rm_tags(["area", "map", "figure", "details", "summary"])
        .add_tag_attributes("td", ["colspan", "rowspan"])
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => {
                let kept = value.strip_prefix("cid:").and_then(|id| inline.get(id));
                if kept.is_none() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                kept.map(|place| place.as_str().to_owned().into())
            }
            (_, "href") if !leads_elsewhere(value) => None,
            // Addresses that are not links: sources of quotations.
            (_, "cite" | "longdesc" | "background" | "ping") => None,
            _ => Some(value.into()),
        });
    let html = builder.clean(html).to_string();
    Some(Cleaned { html, remote_images: left_out.load(Ordering::Relaxed) })
}

/// A link with a scheme of its own: what is relative would lead into the console.
fn leads_elsewhere(link: &str) -> bool {
    let link = link.trim_start().to_ascii_lowercase();
    ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| link.starts_with(scheme))
}

/// Whether elements that have to be closed stand open in numbers that no letter has. Reading such HTML takes time that
/// grows with the square of its length.
pub(super) fn nests_too_deeply(html: &str) -> bool {
    let mut open = 0i64;
    for (at, _) in html.match_indices('<') {
        let behind = &html.as_bytes()[at + 1..];
        match behind.first() {
            Some(b'/') => open = (open - 1).max(0),
            Some(first) if first.is_ascii_alphabetic() && !closes_itself(behind) => open += 1,
            _ => {} // Comments, declarations, and a bare `<`.
        }
        if open > DEPTH_MAX {
            return true;
        }
    }
    false
}

fn closes_itself(tag: &[u8]) -> bool {
    let name: Vec<u8> =
        tag.iter().take(12).take_while(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    matches!(
        name.as_slice(),
        b"br"
            | b"hr"
            | b"img"
            | b"meta"
            | b"link"
            | b"input"
            | b"col"
            | b"area"
            | b"base"
            | b"wbr"
            | b"source"
            | b"p"
            | b"li"
            | b"td"
            | b"th"
            | b"tr"
            | b"dd"
            | b"dt"
            | b"option"
            | b"tbody"
            | b"thead"
            | b"tfoot"
    )
}

/// Letters of office programs reach a few dozen.
const DEPTH_MAX: i64 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cleaned(html: &str) -> Cleaned {
        clean(html, &HashMap::from([("pic@1".to_owned(), "/api/v1/attachments/7".to_owned())])).unwrap()
    }

    /// W1: what could run, ask or fetch is gone; the words stay.
    #[test]
    fn nothing_runs_and_nothing_is_fetched() {
        let dirty = "<p onclick='x()'>Hello <b>you</b></p><script>alert(1)</script><style>p{background:url(http://e/1)}\
            </style><iframe src='http://e'></iframe><form action='http://e'><input name=a></form>\
            <img src='http://e/track.gif'><img src='cid:pic@1'><img src='data:image/svg+xml,x'>\
            <a href='javascript:alert(1)'>a</a><a href='https://example.com/'>b</a>\
            <div style=\"background:url(http://e/2)\" background='http://e/3'>c</div>\
            <svg onload=alert(1)><link rel=stylesheet href='http://e/4'><meta http-equiv=refresh content='0;http://e/5'>";
        let shown = cleaned(dirty);
        for gone in
            ["script", "onclick", "onload", "http://e", "javascript", "style", "iframe", "form", "data:", "meta"]
        {
            assert!(!shown.html.contains(gone), "{gone} in {}", shown.html);
        }
        assert!(shown.html.contains("<b>you</b>") && shown.html.contains("src=\"/api/v1/attachments/7\""));
        assert!(shown.html.contains("href=\"https://example.com/\""));
        assert!(shown.html.contains("noopener"));
        assert!(shown.remote_images >= 1);
    }

    /// W1: HTML that would take long to read is not read.
    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(clean(&"<div>".repeat(100_000), &HashMap::new()), None);
        assert!(clean(&"<p>one<br>".repeat(5_000), &HashMap::new()).is_some());
    }

    proptest! {
        /// W1: whatever is written, no script and no handler comes through.
        #[test]
        fn no_html_runs(html in "(<(a|img|p|svg|style|math|table|script|title|noscript)( (src|href|onerror|style)=[\"']?(javascript:x|http://e|cid:q)[\"']?)?>|</(p|a|svg|script|style)>|[a-z<>\"'&;-]{0,4}){0,20}") {
            if let Some(shown) = clean(&html, &HashMap::new()) {
                let lower = shown.html.to_lowercase();
                prop_assert!(!lower.contains("<script") && !lower.contains("<svg") && !lower.contains("<style"));
                prop_assert!(!lower.contains("<img src"), "{}", lower);
                // As text it harms nobody; only a tag of its own would.
                prop_assert!(!lower.split("<a ").skip(1).any(|tag| tag.starts_with("href=\"javascript")), "{}", lower);
            }
        }
    }
}
