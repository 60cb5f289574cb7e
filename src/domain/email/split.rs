//! Parts what the sender wrote now from what they quoted and how they signed. The core reads the first; people can see
//! all of it.

use super::markers::{
    BlockHeader, begins_attribution, begins_signature, block_header, is_attribution, is_device_line, is_separator,
    is_signed_name,
};

/// A mail's text in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What was written now.
    pub words: String,
    /// How it was signed.
    pub signature: String,
    /// What was quoted, with the lines that say of whom.
    pub quoted: String,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Words,
    Signature,
    Quoted,
}

/// Parts a text. Where nothing would be left, as in a mail that was only passed on, all of it is the sender's.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).take(LINES_MAX).collect();
    let mut kinds = vec![Kind::Words; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        at += mark(&lines, &mut kinds, at);
    }
    mark_signed_names(&lines, &mut kinds);
    let of = |kind: Kind| {
        let chosen = lines.iter().zip(&kinds).filter(|(_, of)| **of == kind).map(|(line, _)| *line);
        tidy(chosen)
    };
    let split = Split { words: of(Kind::Words), signature: of(Kind::Signature), quoted: of(Kind::Quoted) };
    if split.words.is_empty() && !text.trim().is_empty() {
        return Split { words: tidy(lines.into_iter()), ..Split::default() };
    }
    split
}

/// Marks from this line on; gives how many lines it settled.
fn mark(lines: &[&str], kinds: &mut [Kind], at: usize) -> usize {
    let line = lines[at];
    if is_quoted(line) {
        kinds[at] = Kind::Quoted;
        return 1;
    }
    if let Some(length) = attribution_at(lines, at) {
        let behind = at + length;
        let next = lines[behind..].iter().find(|line| !line.trim().is_empty());
        // With marked lines behind it, answers may stand between them; without, all that follows is quoted.
        let end = if next.is_some_and(|line| is_quoted(line)) { behind } else { lines.len() };
        kinds[at..end].fill(Kind::Quoted);
        return end - at;
    }
    let rest = lines.len() - at;
    if is_separator(line) || block_at(lines, at) {
        kinds[at..].fill(Kind::Quoted);
        return rest;
    }
    if begins_signature(line) && signature_at(lines, at) || is_device_line(line) && ends_words(lines, at) {
        let length = signature_length(lines, at);
        kinds[at..at + length].fill(Kind::Signature);
        return length;
    }
    1
}

/// Three lines at most say who wrote what follows.
fn attribution_at(lines: &[&str], at: usize) -> Option<usize> {
    if is_attribution(lines[at]) {
        return Some(1);
    }
    if !begins_attribution(lines[at]) {
        return None;
    }
    (2..=3).find(|length| lines.get(at..at + length).is_some_and(|some| is_attribution(&some.join(" "))))
}

/// The headers of a quoted mail begin here: who wrote it and, close by, two other of its headers. A rule may stand
/// before them.
fn block_at(lines: &[&str], at: usize) -> bool {
    let mut rest = lines[at..].iter().filter(|line| !line.trim().is_empty()).take(BLOCK_LINES);
    let Some(mut first) = rest.next() else { return false };
    if begins_signature(first) {
        let Some(behind) = rest.next() else { return false };
        first = behind;
    }
    if block_header(first) != Some(BlockHeader::From) {
        return false;
    }
    rest.filter(|line| block_header(line) == Some(BlockHeader::Other)).count() >= 2
}

/// `--` within a text is a dash: a signature is short.
fn signature_at(lines: &[&str], at: usize) -> bool {
    lines[at..at + signature_length(lines, at)].iter().filter(|line| !line.trim().is_empty()).count() <= SIGNATURE_LINES
}

/// A signature goes on to the next quotation or to the end.
fn signature_length(lines: &[&str], at: usize) -> usize {
    let ends = |index: &usize| {
        is_quoted(lines[*index])
            || attribution_at(lines, *index).is_some()
            || is_separator(lines[*index])
            || block_at(lines, *index)
    };
    (at + 1..lines.len()).find(ends).unwrap_or(lines.len()) - at
}

/// Nothing but the signature's rest or quotations stands behind this line.
fn ends_words(lines: &[&str], at: usize) -> bool {
    let behind = lines[at + 1..].iter().find(|line| !line.trim().is_empty());
    behind.is_none() || signature_at(lines, at)
}

/// `-Ann Example` is a signature where nothing of the sender's follows.
fn mark_signed_names(lines: &[&str], kinds: &mut [Kind]) {
    let words = |index: &usize| kinds[*index] == Kind::Words && !lines[*index].trim().is_empty();
    let Some(last) = (0..lines.len()).rev().find(words) else { return };
    let alone = last == 0 || lines[last - 1].trim().is_empty();
    if alone && is_signed_name(lines[last]) {
        kinds[last] = Kind::Signature;
    }
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Lines as one text: no more than one blank line in a row, none at either end.
fn tidy<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let mut text = String::new();
    let mut blank = false;
    for line in lines {
        if line.trim().is_empty() {
            blank = !text.is_empty();
            continue;
        }
        if blank {
            text.push('\n');
        }
        blank = false;
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Lines that are looked at; a mail of more is no letter.
const LINES_MAX: usize = 20_000;
/// Lines in which the headers of a quoted mail stand.
const BLOCK_LINES: usize = 6;
/// More than this below `--` is text.
const SIGNATURE_LINES: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_between_quoted_lines_are_all_kept() {
        let text = "On 3 May, Ann wrote:\n> Does it fit?\nYes.\n> And the colour?\nBlue.\n-- \nBob\n";
        let split = split(text);
        assert_eq!(split.words, "Yes.\nBlue.");
        assert_eq!(split.signature, "-- \nBob".replace("-- ", "--"));
        assert!(split.quoted.contains("Does it fit?"));
    }

    #[test]
    fn a_mail_that_is_only_passed_on_is_read_whole() {
        let text = "---------- Forwarded message ----------\nFrom: Ann <ann@example.com>\n\nMy order is late.";
        assert!(split(text).words.contains("My order is late."));
    }

    #[test]
    fn dates_and_dashes_within_a_text_are_no_quotation() {
        for text in [
            "On Monday I wrote to you about order 7.",
            "I ordered on 3 May:\n- a lamp\n- two bulbs",
            "From: Berlin, where I live, it takes 3 days.\nWhy so long?",
            "It costs 5 -- or does it?\nPlease tell me.",
        ] {
            assert_eq!(split(text).words, text, "{text}");
        }
    }

    #[test]
    fn history_in_other_languages_is_cut() {
        for history in [
            "Am 3. Mai 2026 um 10:00 schrieb Ann <ann@example.com>:\n> alt",
            "Le lun. 3 mai 2026 à 10:00, Ann <ann@example.com> a écrit :\n> vieux",
            "El 3 may 2026, Ann <ann@example.com> escribió:\n\nviejo",
            "Von: Ann <ann@example.com>\nGesendet: Montag, 3. Mai 2026\nAn: support@example.com\nBetreff: Lampe\n\nalt",
            "-----Ursprüngliche Nachricht-----\nalt",
        ] {
            assert_eq!(split(&format!("Neu.\n\n{history}")).words, "Neu.", "{history}");
        }
    }
}
