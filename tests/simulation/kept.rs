//! The store of one call as a crash leaves it: what was written by then, and no more.

use std::time::{Duration, Instant};

use switchboard::domain::call::{AttemptOutcome, CallOutcome};
use switchboard::domain::ticket::TicketKind;

/// Something the journal keeps, as far as the checks look at it.
#[derive(Clone, Debug)]
pub enum Row {
    Begun,
    CustomerSaid(String),
    Ticket(TicketKind),
    Attempt { line: usize, outcome: Option<AttemptOutcome> },
    Ended(CallOutcome),
}

/// Rows with the moment from which on they survive.
#[derive(Default)]
pub struct Kept {
    rows: Vec<(Instant, Row)>,
}

impl Kept {
    /// One row after the other is written.
    pub fn keep(&mut self, now: Instant, takes: Duration, row: Row) {
        let begins = self.rows.last().map_or(now, |(written, _)| (*written).max(now));
        self.rows.push((begins + takes, row));
    }

    /// We are killed: what is not written by now never will be.
    pub fn cut(&mut self, now: Instant) {
        self.rows.retain(|(written, _)| *written <= now);
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().map(|(_, row)| row)
    }

    pub fn has_begun(&self) -> bool {
        self.rows().any(|row| matches!(row, Row::Begun))
    }

    pub fn ends(&self) -> Vec<CallOutcome> {
        self.rows().filter_map(|row| if let Row::Ended(outcome) = row { Some(*outcome) } else { None }).collect()
    }

    pub fn tickets(&self) -> Vec<TicketKind> {
        self.rows().filter_map(|row| if let Row::Ticket(kind) = row { Some(*kind) } else { None }).collect()
    }

    /// The last known state of each attempt.
    pub fn attempts(&self) -> Vec<Option<AttemptOutcome>> {
        let mut last = std::collections::BTreeMap::new();
        for row in self.rows() {
            if let Row::Attempt { line, outcome } = row {
                last.insert(*line, *outcome);
            }
        }
        last.into_values().collect()
    }

    pub fn customer_said(&self) -> Vec<String> {
        self.rows()
            .filter_map(|row| if let Row::CustomerSaid(text) = row { Some(text.clone()) } else { None })
            .collect()
    }
}
