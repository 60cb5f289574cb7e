//! What an answer looks like on a channel: plain or with markup, short enough to be spoken, sentence by sentence.

use crate::domain::knowledge::Entry;
use crate::domain::turn::ChannelTraits;

use super::text;

/// Words of a spoken answer: about 17 seconds, after which callers forget how it began.
pub const SPOKEN_WORDS_MAX: usize = 40;

/// The choice is *nothing* and there is no good answer (R23).
pub const NO_RELIABLE_ANSWER: &str = "I am sorry, I have no reliable answer to that.";

/// An entry's answer as this channel gives it.
pub fn answer(entry: &Entry, channel: ChannelTraits) -> Vec<String> {
    if channel.live {
        let source = entry.spoken.as_deref().unwrap_or(&entry.answer);
        return shortened(text::sentences(&plain(source)));
    }
    let text = if channel.markup { entry.answer.clone() } else { plain(&entry.answer) };
    within(split_keeping_lines(&text, channel.markup), channel.text_chars_max)
}

/// The question that goes back when it is unsure what was asked.
pub fn clarify(entry: &Entry) -> Vec<String> {
    let question = plain(&entry.question);
    let question = question.trim().trim_end_matches(['?', '.', '!', ' ']);
    vec![format!("Do you mean: {question}?")]
}

/// With markup a list must keep its lines, so that the text stays whole.
fn split_keeping_lines(text: &str, markup: bool) -> Vec<String> {
    if markup && text.trim().contains('\n') { vec![text.trim().to_owned()] } else { text::sentences(text) }
}

/// Whole sentences up to the spoken length. A first sentence that is too long is cut at a clause.
fn shortened(sentences: Vec<String>) -> Vec<String> {
    let mut words = 0;
    let mut kept = Vec::new();
    for sentence in sentences {
        words += text::word_count(&sentence);
        if words > SPOKEN_WORDS_MAX {
            if kept.is_empty() {
                kept.push(first_clauses(&sentence));
            }
            break;
        }
        kept.push(sentence);
    }
    kept
}

fn first_clauses(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let within = &words[..words.len().min(SPOKEN_WORDS_MAX)];
    let cut = within.iter().rposition(|word| word.ends_with([',', ';', ':', '–'])).map_or(within.len(), |at| at + 1);
    let text = within[..cut].join(" ");
    format!("{}.", text.trim_end_matches([',', ';', ':', '–', '.', ' ']))
}

/// Whole sentences within a number of characters; a single longer one is cut.
fn within(sentences: Vec<String>, chars_max: usize) -> Vec<String> {
    let mut chars = 0;
    let mut kept = Vec::new();
    for sentence in sentences {
        let length = sentence.chars().count() + 1;
        if chars + length > chars_max {
            if kept.is_empty() {
                kept.push(sentence.chars().take(chars_max).collect());
            }
            break;
        }
        chars += length;
        kept.push(sentence);
    }
    kept
}

/// The words of a Markdown text: links by their text, list items and paragraphs as lines, no marks.
pub fn plain(markdown: &str) -> String {
    use pulldown_cmark::{Event, Parser, TagEnd};
    let mut plain = String::with_capacity(markdown.len());
    for event in Parser::new(markdown) {
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::SoftBreak => plain.push(' '),
            Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => plain.push('\n'),
            // Marks, rules and HTML say nothing aloud.
            _ => {}
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::knowledge::{Kind, Sensitivity};

    fn entry(answer: &str, spoken: Option<&str>) -> Entry {
        Entry {
            id: "a".into(),
            kind: Kind::Faq,
            sensitivity: Sensitivity::Auto,
            question: "How long?".into(),
            alternatives: vec![],
            answer: answer.into(),
            spoken: spoken.map(str::to_owned),
            source: "a.md".into(),
            valid_until: None,
            article: None,
        }
    }

    #[test]
    fn a_call_gets_the_spoken_answer_and_a_message_the_written_one() {
        let entry = entry("It takes **two** days. See [here](https://x.y).", Some("Two days."));
        assert_eq!(answer(&entry, ChannelTraits::PHONE), ["Two days."]);
        assert_eq!(answer(&entry, ChannelTraits::API), ["It takes **two** days.", "See [here](https://x.y)."]);
        let bare = ChannelTraits { markup: false, ..ChannelTraits::API };
        assert_eq!(answer(&entry, bare), ["It takes two days.", "See here."]);
    }

    #[test]
    fn a_long_answer_is_spoken_in_whole_sentences_of_at_most_forty_words() {
        let entry = entry(&"This sentence has exactly seven whole words. ".repeat(9), None);
        assert_eq!(answer(&entry, ChannelTraits::PHONE).len(), 5);
    }

    #[test]
    fn one_endless_sentence_is_cut_at_a_clause() {
        let entry = entry(&"here come five more words, ".repeat(20), None);
        let spoken = answer(&entry, ChannelTraits::PHONE);
        assert_eq!(spoken.len(), 1);
        assert_eq!(text::word_count(&spoken[0]), 40);
        assert!(spoken[0].ends_with("words."));
    }

    #[test]
    fn a_message_keeps_within_the_characters_of_its_channel() {
        let channel = ChannelTraits { text_chars_max: 20, ..ChannelTraits::API };
        assert_eq!(answer(&entry("Short one. And then another.", None), channel), ["Short one."]);
        assert_eq!(answer(&entry(&"x".repeat(50), None), channel)[0].len(), 20);
    }
}
