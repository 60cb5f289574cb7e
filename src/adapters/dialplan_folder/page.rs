//! One file under the reader's eyes: values with their lines, and everything that is wrong with them.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::dialplan::{Place, Problem};

/// A file being read.
pub struct Page {
    file: Arc<str>,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// Bytes of the file.
pub type Span = Range<usize>;

impl Page {
    /// This text of this file.
    pub fn new(file: &str, text: &str) -> Page {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Page { file: file.into(), starts: [0].into_iter().chain(after_breaks).collect(), problems: Vec::new() }
    }

    /// The line of a span's beginning.
    pub fn place(&self, span: &Span) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        Place { file: self.file.clone(), line }
    }

    /// Something is wrong there.
    pub fn wrong(&mut self, span: &Span, what: impl Into<String>, allowed: impl Into<String>) {
        let place = self.place(span);
        self.problems.push(Problem { place, what: what.into(), allowed: allowed.into() });
    }
}

/// A value and where it stands.
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// The keys of one table.
pub struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// The table as it is called, such as `[[route]]`.
    what: String,
    /// Where the table stands.
    pub span: Span,
}

impl<'t> Fields<'t> {
    /// A table that may hold these keys; others are told.
    pub fn of(page: &mut Page, what: &str, table: &'t DeTable<'t>, span: Span, known: &[&str]) -> Fields<'t> {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let found = key.get_ref();
            page.wrong(&key.span(), format!("{what} has no key {found:?}"), format!("known are {}", known.join(", ")));
        }
        Fields { table, what: what.to_owned(), span }
    }

    /// The value under a key, whatever it is.
    pub fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// A text.
    pub fn text(&self, page: &mut Page, key: &str) -> Option<At<String>> {
        let value = self.value(key)?;
        text(page, key, value)
    }

    /// A text that must be there.
    pub fn needed(&self, page: &mut Page, key: &str, example: &str) -> Option<At<String>> {
        if self.value(key).is_none() {
            page.wrong(&self.span, format!("{} lacks {key}", self.what), format!("write {key} = {example}"));
        }
        self.text(page, key)
    }

    /// A text, or a list of texts.
    pub fn texts(&self, page: &mut Page, key: &str) -> Vec<At<String>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else { return text(page, key, value).into_iter().collect() };
        if items.iter().len() > LIST_MAX {
            page.wrong(&value.span(), format!("{key} is too long a list"), format!("at most {LIST_MAX} are read"));
        }
        items.iter().take(LIST_MAX).filter_map(|item| text(page, key, item)).collect()
    }

    /// A whole number within bounds.
    pub fn whole<N: TryFrom<u64>>(&self, page: &mut Page, key: &str, bounds: (u64, u64)) -> Option<N> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            // Anything else is no whole number, whatever it is.
            _ => None,
        };
        let fits = number.filter(|number| (bounds.0..=bounds.1).contains(number));
        if fits.is_none() {
            let allowed = format!("write a whole number from {} to {}", bounds.0, bounds.1);
            page.wrong(&value.span(), format!("{key} is no such number"), allowed);
        }
        fits.and_then(|number| N::try_from(number).ok())
    }

    /// A table under a key.
    pub fn table(&self, page: &mut Page, key: &str) -> Option<At<&'t DeTable<'t>>> {
        let value = self.value(key)?;
        table(page, key, value)
    }

    /// A list of tables, or one table.
    pub fn tables(&self, page: &mut Page, key: &str) -> Vec<At<&'t DeTable<'t>>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().take(LIST_MAX).filter_map(|item| table(page, key, item)).collect(),
            // One, or something else, which is told.
            _ => table(page, key, value).into_iter().collect(),
        }
    }
}

/// A text.
pub fn text(page: &mut Page, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
    match value.get_ref() {
        DeValue::String(text) => Some(At { value: text.to_string(), span: value.span() }),
        other => {
            let what = format!("{key} is {}, not a text", kind(other));
            page.wrong(&value.span(), what, "write it in quotes");
            None
        }
    }
}

/// A table.
pub fn table<'t>(page: &mut Page, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<At<&'t DeTable<'t>>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(At { value: table, span: value.span() }),
        other => {
            let what = format!("{key} is {}, not a section", kind(other));
            page.wrong(&value.span(), what, format!("write [{key}] and its keys below"));
            None
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// Entries of one list; a block list is the longest, and each call looks through all of it.
const LIST_MAX: usize = 5_000;
