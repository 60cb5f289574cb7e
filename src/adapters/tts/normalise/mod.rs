//! Text to words that can be spoken: dates, times, money, numbers, codes, addresses, telephone numbers,
//! abbreviations and symbols, in American English. Pure, and no text makes it fail.
//!
//! The rules run in an order in which each finds what it knows before a more general one takes its digits:
//! addresses, abbreviations, dates, times, money, telephone numbers, quantities with a unit, codes, plain numbers,
//! symbols, capitals.

mod clean;
mod codes;
mod contact;
mod dates;
mod money;
mod numbers;
mod quantities;
mod rule;
mod times;
mod words;

pub use numbers::is_number_word;

/// Characters of a text that are read; what follows is dropped. About five minutes of speech.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Said instead of a text in which nothing can be read: silence would leave the caller waiting.
pub const UNREADABLE: &str = "There is something here that I cannot read out.";

/// How `3/4/2026` is understood, where it cannot be told from the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// March fourth.
    #[default]
    MonthFirst,
    /// The third of April.
    DayFirst,
}

/// The words of a text. Holds only Latin letters, spaces and `. , ! ? ; : ' -`; empty only where the text has
/// neither letter nor digit.
pub fn normalise(text: &str) -> String {
    normalise_with(text, DateOrder::default())
}

/// As [`normalise`], with the order of dates written in numbers.
pub fn normalise_with(text: &str, order: DateOrder) -> String {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let spoken = clean::plain(&text);
    let spoken = contact::read(spoken);
    let spoken = words::read_abbreviations(spoken);
    let spoken = dates::read(spoken, order);
    let spoken = times::read(spoken);
    let spoken = money::read(spoken);
    let spoken = contact::read_phones(spoken);
    let spoken = quantities::read_marked(spoken);
    let spoken = codes::read(spoken);
    let spoken = quantities::read_plain(spoken);
    let spoken = words::read_symbols(spoken);
    let spoken = words::read_capitals(spoken);
    let spoken = clean::finish(&spoken);
    if spoken.is_empty() && text.chars().any(char::is_alphanumeric) {
        return UNREADABLE.to_owned();
    }
    spoken
}

#[cfg(test)]
mod tests;
