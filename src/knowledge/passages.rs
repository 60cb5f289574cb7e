//! An article as the passages that are searched and quoted.
//!
//! 1. A Markdown file in the form of the knowledge folder (questions as headings, `Also asked:`, `Sensitivity:`) is
//!    read as such.
//! 2. A short text is one passage: its title is the question, its body the answer.
//! 3. A longer one is cut at its headings, then at paragraphs, then at sentences. A heading that is a question keeps
//!    its answer whole. What a passage says is also how it is found: its first sentences stand beside its heading.

use crate::domain::article::{Article, FileFormat, Origin};
use crate::domain::knowledge::{Entry, Kind};
use crate::domain::knowledge_markdown::{DefaultSensitivity, parse};

/// The entries of an article, in its order; none when it is deleted.
pub fn passages(article: &Article, default: DefaultSensitivity) -> Vec<Entry> {
    if article.deleted {
        return Vec::new();
    }
    if let Some(entries) = as_folder_file(article, default) {
        return entries;
    }
    let content = &article.content;
    if content.body.chars().count() <= WHOLE_CHARS_MAX && !content.body.lines().any(|line| heading(line).is_some()) {
        let entry = entry(article, 0, content.title.clone(), content.questions.clone(), content.body.trim(), default);
        return vec![Entry { spoken: content.spoken.clone(), ..entry }];
    }
    let cut = cut(&content.title, &content.body);
    let sentences_max = (TEXTS_MAX / cut.len().max(1)).saturating_sub(1).min(SENTENCES_MAX);
    let mut entries = Vec::with_capacity(cut.len());
    for (at, passage) in cut.into_iter().enumerate() {
        let mut alternatives = passage.sentences(sentences_max);
        // What a teammate wrote down as questions asks for the article as a whole: its beginning answers.
        if at == 0 {
            alternatives.extend(content.questions.iter().cloned());
        }
        entries.push(entry(article, at, passage.question, alternatives, passage.text.trim(), default));
    }
    entries
}

/// A file that is written as the knowledge folder's are; its own words about kind and sensitivity count where the
/// teammate who uploaded it said nothing stricter.
fn as_folder_file(article: &Article, default: DefaultSensitivity) -> Option<Vec<Entry>> {
    let Origin::File { name, format: FileFormat::Markdown, .. } = &article.origin else { return None };
    let content = &article.content;
    let entries = parse(name, &content.body, default).ok()?;
    let given = |(at, entry): (usize, Entry)| Entry {
        id: id(article, at),
        kind: if content.kind == Kind::Faq { entry.kind } else { content.kind },
        sensitivity: content.sensitivity.unwrap_or(entry.sensitivity),
        source: content.title.clone(),
        valid_until: content.valid_until.or(entry.valid_until),
        article: Some(article.reference()),
        ..entry
    };
    Some(entries.into_iter().enumerate().map(given).collect())
}

fn entry(
    article: &Article,
    at: usize,
    question: String,
    alternatives: Vec<String>,
    answer: &str,
    default: DefaultSensitivity,
) -> Entry {
    let content = &article.content;
    Entry {
        id: id(article, at),
        kind: content.kind,
        sensitivity: content.sensitivity.unwrap_or_else(|| default(&question, &alternatives)),
        question,
        alternatives,
        answer: answer.to_owned(),
        spoken: None,
        source: match &article.origin {
            Origin::Written | Origin::File { .. } => content.title.clone(),
            Origin::Page { url } => url.clone(),
        },
        valid_until: content.valid_until,
        article: Some(article.reference()),
    }
}

/// Stays the same from one revision to the next, so that an offered question can be confirmed after an edit.
fn id(article: &Article, at: usize) -> String {
    format!("{}#{}", article.id, at + 1)
}

/// A part of a text that is found and quoted as one.
struct Passage {
    question: String,
    text: String,
}

impl Passage {
    /// Its first sentences that say something.
    fn sentences(&self, max: usize) -> Vec<String> {
        let plain = self.text.replace(['*', '_', '`', '|'], " ");
        let said = sentences(&plain).into_iter().map(str::trim).filter(|sentence| {
            let chars = sentence.chars().count();
            (SENTENCE_CHARS_MIN..=SENTENCE_CHARS_MAX).contains(&chars)
        });
        said.take(max).map(str::to_owned).collect()
    }
}

/// Cuts a text at headings, and what is between them to passages.
fn cut(title: &str, body: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut question = title.to_owned();
    let mut section = String::new();
    let mut fenced = false;
    for line in body.lines() {
        fenced ^= line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        match heading(line).filter(|_| !fenced) {
            Some(heading) => {
                cut_section(&question, &section, &mut passages);
                section.clear();
                question = if heading.ends_with('?') || heading.eq_ignore_ascii_case(title) {
                    heading.to_owned()
                } else {
                    format!("{title}: {heading}")
                };
            }
            None => {
                section.push_str(line);
                section.push('\n');
            }
        }
    }
    cut_section(&question, &section, &mut passages);
    passages.truncate(PASSAGES_MAX);
    passages
}

fn cut_section(question: &str, section: &str, passages: &mut Vec<Passage>) {
    if section.trim().is_empty() {
        return;
    }
    let max = if question.ends_with('?') { ANSWER_CHARS_MAX } else { PASSAGE_CHARS_MAX };
    for (at, text) in pack(section, max).into_iter().enumerate() {
        let first =
            || sentences(&text).first().map(|sentence| sentence.trim().chars().take(SENTENCE_CHARS_MAX).collect());
        // A second passage under one heading is asked for by what it says, not by what all of them say.
        let question = if at == 0 { Some(question.to_owned()) } else { first() };
        passages.push(Passage { question: question.unwrap_or_else(|| question_of(section)), text });
    }
}

fn question_of(text: &str) -> String {
    text.trim().chars().take(SENTENCE_CHARS_MAX).collect()
}

/// Paragraphs together as long as they fit; what does not fit alone is cut at sentences, and those by length.
fn pack(section: &str, max: usize) -> Vec<String> {
    let mut packed: Vec<String> = Vec::new();
    let mut add = |piece: &str, between: &str| match packed.last_mut() {
        Some(last) if last.chars().count() + piece.chars().count() + between.len() <= max => {
            last.push_str(between);
            last.push_str(piece);
        }
        _ => packed.push(piece.to_owned()),
    };
    for paragraph in section.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        if paragraph.chars().count() <= max {
            add(paragraph, "\n\n");
            continue;
        }
        for sentence in sentences(paragraph).into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()) {
            if sentence.chars().count() <= max {
                add(sentence, " ");
                continue;
            }
            let chars: Vec<char> = sentence.chars().collect();
            for piece in chars.chunks(max) {
                add(&piece.iter().collect::<String>(), " ");
            }
        }
    }
    packed
}

/// Cuts after `.`, `!`, `?` before a space, and at the end of list items.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let ends = (c.is_whitespace() && matches!(before, '.' | '!' | '?')) || (c == '\n' && at > from);
        if ends {
            found.push(&text[from..at]);
            from = at + c.len_utf8();
        }
        before = c;
    }
    found.push(&text[from..]);
    found.retain(|sentence| !sentence.trim().is_empty());
    found
}

/// The words of a Markdown heading.
fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let words = rest.strip_prefix(' ')?.trim().trim_end_matches('#').trim();
    ((1..=6).contains(&level) && !words.is_empty()).then_some(words)
}

/// Up to this a text without headings is one answer.
const WHOLE_CHARS_MAX: usize = 1_500;
/// An answer under a question of its own; longer ones are read by nobody.
const ANSWER_CHARS_MAX: usize = 3_000;
/// A passage of running text: about a paragraph, which fits a reply.
const PASSAGE_CHARS_MAX: usize = 700;
/// Passages of one article.
const PASSAGES_MAX: usize = 400;
/// Texts of one article that are embedded, at about 10 ms each: a manual is searchable after some seconds.
const TEXTS_MAX: usize = 600;
/// Sentences by which one passage is found.
const SENTENCES_MAX: usize = 6;
/// Shorter ones say too little, longer ones are not read to their end by the model.
const SENTENCE_CHARS_MIN: usize = 15;
/// See above.
const SENTENCE_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::article::{Change, Content};
    use crate::domain::ids::{AgentId, ArticleId};
    use crate::domain::knowledge::Sensitivity;
    use crate::domain::time::EpochMs;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn article(title: &str, body: &str, origin: Origin) -> Article {
        Article {
            id: ArticleId(Uuid::from_u128(7)),
            agent: AgentId(Uuid::nil()),
            revision: 3,
            content: Content {
                kind: Kind::Faq,
                title: title.into(),
                body: body.into(),
                questions: vec!["opening times".into()],
                spoken: Some("Nine to five.".into()),
                sensitivity: None,
                valid_until: None,
            },
            origin,
            deleted: false,
            change: Change::Edited,
            by: "ann".into(),
            created_at: EpochMs(1),
            updated_at: EpochMs(2),
        }
    }

    fn auto(_: &str, _: &[String]) -> Sensitivity {
        Sensitivity::Auto
    }

    #[test]
    fn a_short_article_is_one_passage_that_names_its_revision() {
        let entries = passages(&article("When are you open?", "From nine to five.", Origin::Written), auto);
        let [entry] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!((entry.question.as_str(), entry.answer.as_str()), ("When are you open?", "From nine to five."));
        assert_eq!((entry.alternatives.len(), entry.spoken.as_deref()), (1, Some("Nine to five.")));
        assert_eq!(entry.article.map(|article| article.revision), Some(3));
    }

    #[test]
    fn a_long_text_is_cut_at_headings_and_paragraphs() {
        let filler = "The lamps of this line are made by hand in our own workshop by the sea. ".repeat(8);
        let body = format!("# Lamps\n\nIntro.\n\n## Care\n\n{filler}\n\n{filler}\n\n## Can I wash it?\n\nNo, never.\n");
        let entries = passages(&article("Lamps", &body, Origin::Page { url: "https://x.example/".into() }), auto);
        let questions: Vec<_> = entries.iter().map(|entry| entry.question.as_str()).collect();
        assert_eq!(questions[..2], ["Lamps", "Lamps: Care"]);
        assert_eq!(questions.last(), Some(&"Can I wash it?"));
        assert!(
            entries.iter().all(|entry| entry.answer.chars().count() <= 700 && entry.source == "https://x.example/")
        );
        assert_eq!(entries.last().map(|entry| entry.answer.as_str()), Some("No, never."));
    }

    /// A file of the folder's form keeps its alternative questions and its sensitivity.
    #[test]
    fn a_markdown_file_is_read_as_the_knowledge_folder_reads_it() {
        let body = "---\nkind: internal\n---\n## Refunds?\nSensitivity: human\nAsk Bob.\n\nAlso asked:\n- money back\n";
        let origin =
            Origin::File { name: "a.md".into(), format: FileFormat::Markdown, size_bytes: 1, sha256: String::new() };
        let entries = passages(&article("a", body, origin), auto);
        assert_eq!((entries[0].kind, entries[0].sensitivity), (Kind::Internal, Sensitivity::Human));
        assert_eq!(entries[0].alternatives, ["money back"]);
    }

    #[test]
    fn a_deleted_article_has_no_passages() {
        let deleted = Article { deleted: true, ..article("a?", "b", Origin::Written) };
        assert!(passages(&deleted, auto).is_empty());
    }

    proptest! {
        /// Whatever a file or page holds is cut within its bounds and without a panic.
        #[test]
        fn any_text_is_cut_within_bounds(body in "(?s)[#a-zé .!?\\n]{0,4000}") {
            let entries = passages(&article("T", &body, Origin::Written), auto);
            prop_assert!(entries.len() <= PASSAGES_MAX);
            for entry in entries {
                prop_assert!(entry.answer.chars().count() <= ANSWER_CHARS_MAX);
                prop_assert!(!entry.question.trim().is_empty());
            }
        }
    }
}
