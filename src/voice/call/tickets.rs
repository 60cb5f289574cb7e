//! Tickets of a call, and the recording of a message that one may hold.

use tracing::warn;

use crate::domain::call::Recording;
use crate::domain::conversation::{Handler, Status};
use crate::domain::ids::{RecordingId, TicketId};
use crate::domain::ticket::{CallbackWish, FIRST_VERSION, Field, TICKET_DUE_MS, Ticket, TicketKind, TicketStatus};
use crate::domain::time::EpochMs;
use crate::seams::media::LegCommand;

use super::super::flow::TicketOf;
use super::super::journal::Entry;
use super::super::{spoken_time, tones};
use super::{Call, LiveRecording};

impl Call {
    pub(super) fn ticket(&mut self, reason: String, fields: Vec<Field>, of: TicketOf) {
        let now = self.desk.clock.epoch();
        self.journal.keep(Entry::Summary(self.summary(&fields)));
        self.sum_up(&fields);
        let mut ticket = Ticket {
            id: TicketId(self.desk.ids.next()),
            conversation: self.row.conversation,
            kind: TicketKind::FollowUp,
            status: TicketStatus::Pending,
            reason: reason.clone(),
            fields,
            created_at: now,
            due_at: Some(EpochMs(now.0 + TICKET_DUE_MS)),
            recording: None,
            callback: None,
            notes: String::new(),
            version: FIRST_VERSION,
        };
        match of {
            TicketOf::FollowUp => {}
            TicketOf::Voicemail { recorded } => {
                ticket.kind = TicketKind::Voicemail;
                ticket.recording = self.message.as_ref().filter(|_| recorded).map(|message| message.row.id);
            }
            TicketOf::Callback { number, time } => {
                ticket.kind = TicketKind::Callback;
                let zone = self.agent.escalation.time_zone();
                let at = time.as_deref().and_then(|time| spoken_time::moment(time, now, zone));
                ticket.due_at = at.or(ticket.due_at);
                ticket.callback = Some(CallbackWish { number, time, at });
            }
        }
        self.journal.keep(Entry::Mark { status: Status::NeedsHuman, handler: Handler::Bot, reason });
        self.journal.keep(Entry::Ticket(Box::new(ticket)));
    }

    pub(super) fn beep(&mut self) {
        self.words_cut();
        self.mouth.play_tone(tones::beep());
    }

    /// A recording of its own takes the place of the call's, which ends here: the notice of the greeting does not
    /// cover a message that is passed on, and the words before the tone do.
    pub(super) fn record_message(&mut self) {
        let id = RecordingId(self.desk.ids.next());
        let name = format!("{id}.wav");
        let file = self.desk.settings.recordings_dir.join(&name);
        if self.control.send(LegCommand::Record(file.clone())).is_err() {
            warn!("The message cannot be recorded; what is understood of it is kept");
            return self.message_failed();
        }
        let row =
            Recording { id, call: self.row.id, file: name, started_at: self.desk.clock.epoch(), duration_ms: None };
        self.journal.keep(Entry::Recording(Box::new(row.clone())));
        self.message =
            Some(LiveRecording { row, file, began_at: self.desk.clock.now(), unwanted: false, complete: false });
    }

    pub(super) fn stop_message(&mut self, keep: bool) {
        if let Some(message) = &mut self.message {
            message.unwanted = !keep;
            let _ = self.control.send(LegCommand::StopRecording);
        }
    }
}
