//! The text of HTML, for the core: what is quoted stands behind `> `, so that one rule parts it from the rest.

use ego_tree::iter::Edge;
use scraper::{Html, Node, node::Element};

use super::clean::nests_too_deeply;

/// The text of HTML as a reader would see it. Never runs, fetches or follows anything.
///
/// HTML that nests too deeply to be read at reasonable cost gives what stands between its tags.
pub fn text_of_html(html: &str) -> String {
    if nests_too_deeply(html) {
        return between_tags(html);
    }
    let document = Html::parse_document(html);
    let mut writer = Writer::default();
    let mut hidden = 0usize;
    for edge in document.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) if is_hidden(element) => hidden += 1,
                Node::Element(element) if hidden == 0 => writer.open(element),
                Node::Text(text) if hidden == 0 => writer.text(text),
                _ => {} // Comments, document types, and all that is hidden.
            },
            Edge::Close(node) => match node.value() {
                Node::Element(element) if is_hidden(element) => hidden = hidden.saturating_sub(1),
                Node::Element(element) if hidden == 0 => writer.close(element),
                _ => {} // Only elements have an end that matters.
            },
        }
    }
    writer.finish()
}

fn between_tags(html: &str) -> String {
    let mut words = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let first = words.next().unwrap_or_default();
    let text =
        words.fold(first.to_owned(), |text, word| if word.trim().is_empty() { text } else { text + "\n" + word });
    text.trim().to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    line: String,
    quote_depth: usize,
    preformatted: usize,
    blank_wanted: bool,
}

impl Writer {
    fn open(&mut self, element: &Element) {
        match element.name() {
            "br" => self.end_line(),
            "hr" => {
                self.end_line_if_begun();
                self.line.push_str(RULE);
                self.end_line();
            }
            "li" => {
                self.end_line_if_begun();
                self.line.push_str("- ");
            }
            "td" | "th" if !self.line.is_empty() && !self.line.ends_with(' ') => self.line.push(' '),
            name if is_block(name) => self.end_line_if_begun(),
            _ => {} // Everything inline is its text.
        }
        if is_quote(element) {
            self.end_line_if_begun();
            self.quote_depth += 1;
        }
        self.preformatted += usize::from(element.name() == "pre");
    }

    fn close(&mut self, element: &Element) {
        if is_quote(element) || is_block(element.name()) {
            self.end_line_if_begun();
        }
        if is_quote(element) {
            self.quote_depth = self.quote_depth.saturating_sub(1);
        }
        if element.name() == "p" {
            self.blank_wanted = true;
        }
        self.preformatted = self.preformatted.saturating_sub(usize::from(element.name() == "pre"));
    }

    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.end_line();
                }
                self.line.push_str(line.trim_end_matches('\r'));
            }
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() || c == '\u{a0}' {
                self.line.push(if c == '\u{a0}' { ' ' } else { c });
            } else if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    fn end_line_if_begun(&mut self) {
        if !self.line.trim().is_empty() {
            self.end_line();
        } else {
            self.line.clear();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if self.blank_wanted && !self.out.is_empty() && !line.is_empty() {
            self.prefix();
            self.out.push('\n');
        }
        self.blank_wanted = false;
        self.prefix();
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn prefix(&mut self) {
        for _ in 0..self.quote_depth.min(QUOTE_DEPTH_MAX) {
            self.out.push('>');
        }
        if self.quote_depth > 0 {
            self.out.push(' ');
        }
    }

    fn finish(mut self) -> String {
        self.end_line_if_begun();
        self.out.trim().to_owned()
    }
}

fn is_hidden(element: &Element) -> bool {
    matches!(
        element.name(),
        "head" | "style" | "script" | "title" | "template" | "noscript" | "object" | "svg" | "math"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "table"
            | "tr"
            | "ul"
            | "ol"
            | "li"
            | "blockquote"
            | "pre"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "dl"
            | "dt"
            | "dd"
            | "center"
            | "address"
            | "body"
    )
}

/// Where mail programs put the mail that they answer.
fn is_quote(element: &Element) -> bool {
    let named = |name: &str| element.classes().any(|class| class == name);
    let id = element.id().unwrap_or_default();
    element.name() == "blockquote"
        || named("gmail_quote")
        || named("yahoo_quoted")
        || named("moz-cite-prefix")
        || matches!(
            id,
            "OLK_SRC_BODY_SECTION" | "divRplyFwdMsg" | "appendonsend" | "mail-editor-reference-message-container"
        )
}

/// A rule across the page, as plain mails draw it.
const RULE: &str = "________________________________";
/// Marks at the beginning of a quoted line; deeper is no easier to read.
const QUOTE_DEPTH_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_paragraphs_lists_and_quotes_are_kept_apart() {
        let html = "<html><head><title>x</title><style>p{}</style></head><body><p>Hello,<br>two</p><p>three &amp; four</p>\
                    <ul><li>one</li><li>two</li></ul><blockquote>old <b>words</b></blockquote>last<script>evil()</script>";
        assert_eq!(text_of_html(html), "Hello,\ntwo\n\nthree & four\n\n- one\n- two\n> old words\nlast");
    }

    /// W1: deep nesting neither overflows nor takes long.
    #[test]
    fn deep_nesting_is_walked() {
        let html = "<div>".repeat(50_000) + "deep";
        assert_eq!(text_of_html(&html), "deep");
    }
}
