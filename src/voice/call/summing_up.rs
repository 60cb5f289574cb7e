//! The case in few words, for whoever takes the call and for whoever reads of it.

use tracing::debug;

use crate::domain::ticket::Field;
use crate::support::summary::case_summary;

use super::super::journal::Entry;
use super::Call;
use super::replies::Answered;

/// A summary that a language model had a part in.
#[derive(Clone)]
pub(super) struct SummedUp {
    text: String,
    /// How much had been said then.
    lines: usize,
    /// Which question it answers.
    number: u64,
}

/// The newest of them, and the newest asked for.
#[derive(Default)]
pub(super) struct Summaries {
    newest: Option<SummedUp>,
    asked: u64,
}

impl Call {
    /// The case in at most 45 words, as it is known now.
    pub(super) fn summary(&self, fields: &[Field]) -> String {
        let summed_up = self.replies.summaries.newest.as_ref();
        match summed_up.filter(|newest| fields.is_empty() && newest.lines == self.lines.len()) {
            Some(newest) => newest.text.clone(),
            None => case_summary(&self.lines, fields, self.known_number()),
        }
    }

    /// Has a language model sum up the case, where there is one. What was made here stands until it is in.
    pub(super) fn sum_up(&mut self, fields: &[Field]) {
        if self.desk.desk.writer().is_none() {
            return;
        }
        self.replies.summaries.asked += 1;
        let number = self.replies.summaries.asked;
        let (desk, lines, fields) = (self.desk.desk.clone(), self.lines.clone(), fields.to_vec());
        let (caller, answers) = (self.known_number().map(str::to_owned), self.replies.answers());
        tokio::spawn(async move {
            let text = desk.sum_up(&lines, &fields, caller.as_deref()).await;
            let summed_up = SummedUp { text, lines: lines.len(), number };
            // A call that is over has told its summary.
            let _ = answers.send(Answered::SummedUp(summed_up)).await;
        });
    }

    /// A summary is there. One that was overtaken by another is dropped.
    pub(super) fn summed_up(&mut self, summed_up: SummedUp) {
        if summed_up.number < self.replies.summaries.asked {
            return debug!("A summary was overtaken by what was said since");
        }
        self.journal.keep(Entry::Summary(summed_up.text.clone()));
        if self.staff.is_ringing() {
            self.staff.case_is(&summed_up.text);
        }
        self.replies.summaries.newest = Some(summed_up);
    }

    /// An address such as sip:… says nothing to the person who hears it.
    fn known_number(&self) -> Option<&str> {
        self.row.from.as_deref().filter(|from| from.starts_with('+'))
    }
}
