//! One Markdown file as knowledge entries.

use super::knowledge::{Entry, Kind, Sensitivity};
use super::time::EpochMs;

/// Characters of a question. Longer ones are no questions, and the model reads only their beginning.
const QUESTION_CHARS_MAX: usize = 500;
/// Characters of an answer.
const ANSWER_CHARS_MAX: usize = 20_000;
/// Alternative questions of one entry; each costs about 10 ms when it is first embedded.
const ALTERNATIVES_MAX: usize = 200;

/// The sensitivity of an entry (by its question and alternatives) for which nobody has set one.
pub type DefaultSensitivity = fn(&str, &[String]) -> Sensitivity;

/// Why a file is no knowledge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from one.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// Reads the entries of one file; `name` becomes part of their ids and their source.
pub fn parse(name: &str, text: &str, default: DefaultSensitivity) -> Result<Vec<Entry>, ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
    let front = front_matter(&mut lines)?;
    let mut file = File { name, front, default, entries: Vec::new() };
    let mut open: Option<Section> = None;
    let mut fenced = false;
    for (number, line) in lines {
        fenced ^= line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        let heading = line.strip_prefix("## ").filter(|_| !fenced);
        if let Some(question) = heading {
            file.close(open.take())?;
            open = Some(Section::new(number, question)?);
        } else if let Some(section) = &mut open {
            section.line(number, line, fenced)?;
        }
    }
    file.close(open)?;
    if file.entries.is_empty() {
        return Err(error(1, "it holds no question; write each as a heading `## Question?` with its answer below"));
    }
    Ok(file.entries)
}

/// A file being read.
struct File<'a> {
    name: &'a str,
    front: FrontMatter,
    default: DefaultSensitivity,
    entries: Vec<Entry>,
}

struct FrontMatter {
    kind: Kind,
    sensitivity: Option<Sensitivity>,
    source: Option<String>,
    valid_until: Option<EpochMs>,
}

fn front_matter<'a>(
    lines: &mut std::iter::Peekable<impl Iterator<Item = (usize, &'a str)>>,
) -> Result<FrontMatter, ParseError> {
    let mut front = FrontMatter { kind: Kind::Faq, sensitivity: None, source: None, valid_until: None };
    let Some((first, _)) = lines.next_if(|(number, line)| *number == 1 && line.trim_end() == "---") else {
        return Ok(front);
    };
    for (number, line) in lines {
        let line = line.trim();
        if line == "---" {
            return Ok(front);
        }
        if line.is_empty() || (line.starts_with('#') && !line.starts_with("##")) {
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            return Err(error(number, "front matter has lines `key: value`"));
        };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "kind" => front.kind = kind(number, value)?,
            "sensitivity" => front.sensitivity = Some(sensitivity(number, value)?),
            "source" => front.source = Some(value.to_owned()).filter(|source| !source.is_empty()),
            "valid_until" => front.valid_until = Some(day_after(number, value)?),
            other => {
                let known = "kind, sensitivity, source, valid_until";
                return Err(error(number, format!("`{other}` is not known in front matter; {known} are")));
            }
        }
    }
    Err(error(first, "the front matter that begins here has no closing `---`"))
}

/// One `##` heading with what stands under it.
struct Section {
    line: usize,
    question: String,
    alternatives: Vec<String>,
    answer: String,
    spoken: Option<String>,
    sensitivity: Option<Sensitivity>,
    part: Part,
}

/// Where in a section the reader is.
#[derive(PartialEq)]
enum Part {
    Answer,
    Alternatives,
    Spoken,
}

impl Section {
    fn new(line: usize, heading: &str) -> Result<Section, ParseError> {
        let question = heading.trim().trim_end_matches('#').trim();
        if question.is_empty() {
            return Err(error(line, "this heading has no question"));
        }
        check_length(line, "question", question, QUESTION_CHARS_MAX)?;
        Ok(Section {
            line,
            question: question.to_owned(),
            alternatives: Vec::new(),
            answer: String::new(),
            spoken: None,
            sensitivity: None,
            part: Part::Answer,
        })
    }

    fn line(&mut self, number: usize, line: &str, fenced: bool) -> Result<(), ParseError> {
        let trimmed = line.trim();
        if !fenced {
            if let Some(value) = label(trimmed, "sensitivity") {
                self.sensitivity = Some(sensitivity(number, value)?);
                self.part = Part::Answer;
                return Ok(());
            }
            if let Some(value) = label(trimmed, "spoken") {
                self.spoken = Some(value.to_owned());
                self.part = Part::Spoken;
                return Ok(());
            }
            if let Some(value) = label(trimmed, "also asked") {
                if !value.is_empty() {
                    return Err(error(number, "write the alternative questions as a list below `Also asked:`"));
                }
                self.part = Part::Alternatives;
                return Ok(());
            }
        }
        match self.part {
            Part::Alternatives => self.alternative(number, trimmed, line)?,
            Part::Spoken if trimmed.is_empty() => self.part = Part::Answer,
            Part::Spoken => {
                let spoken = self.spoken.get_or_insert_default();
                spoken.push(' ');
                spoken.push_str(trimmed);
            }
            Part::Answer => {
                self.answer.push_str(line.trim_end());
                self.answer.push('\n');
            }
        }
        Ok(())
    }

    fn alternative(&mut self, number: usize, trimmed: &str, line: &str) -> Result<(), ParseError> {
        if trimmed.is_empty() {
            return Ok(());
        }
        let Some(question) = ["- ", "* ", "+ "].iter().find_map(|mark| trimmed.strip_prefix(mark)) else {
            // Whatever is no list item ends the list: the answer goes on.
            self.part = Part::Answer;
            self.answer.push_str(line.trim_end());
            self.answer.push('\n');
            return Ok(());
        };
        let question = question.trim();
        check_length(number, "alternative question", question, QUESTION_CHARS_MAX)?;
        if self.alternatives.len() == ALTERNATIVES_MAX {
            return Err(error(number, format!("an entry has at most {ALTERNATIVES_MAX} alternative questions")));
        }
        if !question.is_empty() {
            self.alternatives.push(question.to_owned());
        }
        Ok(())
    }
}

impl File<'_> {
    /// A section is over: it becomes an entry.
    fn close(&mut self, section: Option<Section>) -> Result<(), ParseError> {
        let Some(section) = section else { return Ok(()) };
        let answer = section.answer.trim();
        if answer.is_empty() {
            return Err(error(section.line, "this question has no answer; write it below the heading"));
        }
        check_length(section.line, "answer", answer, ANSWER_CHARS_MAX)?;
        let by_words = || (self.default)(&section.question, &section.alternatives);
        let sensitivity = section.sensitivity.or(self.front.sensitivity).unwrap_or_else(by_words);
        self.entries.push(Entry {
            id: unused_id(format!("{}#{}", self.name, slug(&section.question)), &self.entries),
            kind: self.front.kind,
            sensitivity,
            question: section.question,
            alternatives: section.alternatives,
            answer: answer.to_owned(),
            spoken: section.spoken.map(|spoken| spoken.trim().to_owned()).filter(|spoken| !spoken.is_empty()),
            source: self.front.source.clone().unwrap_or_else(|| self.name.to_owned()),
            valid_until: self.front.valid_until,
            article: None,
        });
        Ok(())
    }
}

/// The text behind `Label:` at the beginning of a line, in any case, with or without bold marks.
fn label<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let line = line.trim_start_matches("**");
    let head = line.get(..label.len())?;
    if !head.eq_ignore_ascii_case(label) {
        return None;
    }
    let rest = line[label.len()..].trim_start_matches("**").strip_prefix(':')?;
    Some(rest.trim_start_matches("**").trim())
}

fn kind(line: usize, value: &str) -> Result<Kind, ParseError> {
    match value.to_lowercase().as_str() {
        "faq" => Ok(Kind::Faq),
        "policy" => Ok(Kind::Policy),
        "product" => Ok(Kind::Product),
        "internal" => Ok(Kind::Internal),
        _ => Err(error(line, format!("`{value}` is no kind; faq, policy, product, internal are"))),
    }
}

fn sensitivity(line: usize, value: &str) -> Result<Sensitivity, ParseError> {
    match value.to_lowercase().as_str() {
        "auto" => Ok(Sensitivity::Auto),
        "review" => Ok(Sensitivity::Review),
        "human" => Ok(Sensitivity::Human),
        _ => Err(error(line, format!("`{value}` is no sensitivity; auto, review, human are"))),
    }
}

/// The first moment after a day, so that the day itself still counts.
fn day_after(line: usize, value: &str) -> Result<EpochMs, ParseError> {
    let day = value.parse::<jiff::civil::Date>().ok().and_then(|day| day.tomorrow().ok());
    let midnight = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let midnight = midnight.ok_or_else(|| error(line, format!("`{value}` is no day; write it as 2030-12-31")))?;
    Ok(EpochMs(midnight.timestamp().as_millisecond()))
}

fn check_length(line: usize, what: &str, text: &str, chars_max: usize) -> Result<(), ParseError> {
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(error(line, format!("this {what} has {chars} characters; {chars_max} are allowed")));
    }
    Ok(())
}

fn slug(question: &str) -> String {
    let lower = question.to_lowercase().replace(['\'', '’'], "");
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(12).collect::<Vec<_>>().join("-")
}

fn unused_id(id: String, entries: &[Entry]) -> String {
    let taken = |id: &str| entries.iter().any(|entry| entry.id == id);
    if !taken(&id) {
        return id;
    }
    let mut numbers = 2_usize..;
    let number = numbers.find(|number| !taken(&format!("{id}-{number}"))).unwrap_or(usize::MAX);
    format!("{id}-{number}")
}

fn error(line: usize, reason: impl Into<String>) -> ParseError {
    ParseError { line, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Entry>, ParseError> {
        parse(name, text, |question, _| match question.contains("refund") || question.contains("password") {
            true => Sensitivity::Review,
            false => Sensitivity::Auto,
        })
    }

    const FILE: &str = "---\nkind: product\nsource: The lamp guide\nvalid_until: 2030-12-31\n---\n# Lamps\n\nIntroduction.\n\n\
        ## Do you sell lamps?\n\nYes, **twelve** kinds.\n\n- Small\n- Large\n\nAlso asked:\n- lamps?\n- do you have lights\n\nSpoken: Yes,\n  twelve kinds.\n\n\
        ## How do I get a refund?\nWe look into it.\n\n## How is my password stored?\nSensitivity: auto\nNot at all.\n";

    #[test]
    fn headings_are_questions_with_answers_alternatives_and_overrides() {
        let entries = read("lamps.md", FILE).unwrap();
        let lamps = &entries[0];
        assert_eq!(lamps.id, "lamps.md#do-you-sell-lamps");
        assert_eq!((lamps.kind, lamps.sensitivity), (Kind::Product, Sensitivity::Auto));
        assert_eq!(lamps.alternatives, ["lamps?", "do you have lights"]);
        assert_eq!(lamps.answer, "Yes, **twelve** kinds.\n\n- Small\n- Large");
        assert_eq!(lamps.spoken.as_deref(), Some("Yes, twelve kinds."));
        assert_eq!(lamps.source, "The lamp guide");
        assert_eq!(lamps.valid_until, Some(EpochMs(1_924_992_000_000)));
    }

    /// R18: without a word about it, a risk topic makes an entry one to review.
    #[test]
    fn a_risk_topic_makes_an_entry_one_to_review_unless_it_says_otherwise() {
        let entries = read("lamps.md", FILE).unwrap();
        assert_eq!(entries[1].sensitivity, Sensitivity::Review);
        assert_eq!(entries[2].sensitivity, Sensitivity::Auto);
        let all = read("x.md", "---\nsensitivity: human\n---\n## Q?\nA.\n## R?\nSensitivity: review\nB.\n").unwrap();
        assert_eq!(
            all.iter().map(|entry| entry.sensitivity).collect::<Vec<_>>(),
            [Sensitivity::Human, Sensitivity::Review]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_what_is_allowed() {
        for (text, line, says) in [
            ("---\nkind: faq\n## Q?\nA.\n", 3, "key: value"),
            ("---\nkind: faq\n", 1, "closing `---`"),
            ("---\ncolour: red\n---\n## Q?\nA.", 2, "kind, sensitivity"),
            ("## Q?\nSensitivity: low\nA.", 2, "auto, review, human"),
            ("text only", 1, "## Question?"),
            ("## Q?\n\n## R?\nA.", 1, "no answer"),
            ("---\nvalid_until: soon\n---\n## Q?\nA.", 2, "2030-12-31"),
            ("## Q?\nA.\nAlso asked: this", 3, "list below"),
        ] {
            let error = read("a.md", text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.reason.contains(says), "{text}: {}", error.reason);
        }
    }

    #[test]
    fn questions_asked_twice_get_ids_of_their_own() {
        let entries = read("a.md", "## Q?\nA.\n## Q!\nB.\n").unwrap();
        assert_eq!((entries[0].id.as_str(), entries[1].id.as_str()), ("a.md#q", "a.md#q-2"));
    }

    #[test]
    fn a_heading_inside_a_code_fence_is_no_question() {
        let entries = read("a.md", "## Q?\n```\n## not a question\n```\n").unwrap();
        assert_eq!(entries.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(---\n)?([ -~äß\n]|## |Also asked:|Spoken:|- |Sensitivity: |```\n){0,60}") {
            let _ = read("any.md", &text);
        }
    }
}
