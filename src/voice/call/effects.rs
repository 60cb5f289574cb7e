//! Carries out the orders of the call's flow.

use tracing::{debug, info, warn};

use crate::domain::call::{CallOutcome, Recording};
use crate::domain::conversation::{Author, Handler, Status};
use crate::domain::ids::RecordingId;
use crate::domain::turn::{Decision, Speaker};
use crate::seams::media::LegCommand;

use super::super::flow::{Effect, Input, Say, SayKind};
use super::super::journal::Entry;
use super::super::phrases;
use super::{Call, LiveRecording};

impl Call {
    /// Carries out every order that is due.
    pub(super) async fn carry_out(&mut self) {
        // Each pass may bring new orders; a bound guards against two machines that feed each other.
        for _ in 0..ORDERS_AT_ONCE {
            let Some(effect) = self.flow.poll_effect() else { return };
            self.order(effect).await;
        }
        warn!("A call gave more orders at once than it ever should");
    }

    async fn order(&mut self, effect: Effect) {
        match effect {
            Effect::Say(say) => self.say(say),
            Effect::SayMore(words) => self.say_more(&words),
            Effect::SaidAll => self.said_all(),
            Effect::Play(sound) => self.play(&sound),
            Effect::Consult { text, offered } => self.consult(text, offered),
            Effect::Draft { sentences, decision } => self.draft(sentences, *decision),
            Effect::Mark { status, handler, reason } => self.mark(status, handler, reason),
            Effect::Ticket { reason, fields, of } => self.ticket(reason, fields, of),
            Effect::Beep => self.beep(),
            Effect::RecordMessage => self.record_message(),
            Effect::StopMessage { keep } => self.stop_message(keep),
            Effect::Transfer { reason, callback_after, urgent } => self.transfer(reason, callback_after, urgent).await,
            Effect::Ring(rungs) => self.ring_planned(rungs).await,
            Effect::JoinQueue(queue) => self.join_queue(&queue),
            Effect::AskPlace => self.tell_place(),
            Effect::LeaveQueue => self.place = None,
            Effect::Reconnect => self.reconnect().await,
            Effect::CancelTransfer { caller_gone } => self.cancel_transfer(caller_gone).await,
            Effect::HoldTone => {
                let waiting = &self.desk.settings.waiting;
                self.mouth.play_tone(waiting.of(self.agent.escalation.meanwhile));
            }
            Effect::StartRecording => self.start_recording(),
            Effect::ResumeRecording => self.resume_recording(),
            Effect::DeleteRecording => self.delete_recording(),
            Effect::MuteRecording(mute) => {
                if mute {
                    let _ = self.control.send(LegCommand::EraseRecorded(ERASED_BEFORE_KEY_MS));
                }
                let _ = self.control.send(LegCommand::MuteRecording(mute));
            }
            Effect::HangUp => {
                if let Err(error) = self.dialog.hang_up().await {
                    debug!(%error, "Hanging up");
                }
            }
            Effect::End(outcome) => self.end(outcome),
        }
    }

    /// Says something in place of what is being said, and keeps it as a message.
    fn say(&mut self, say: Say) {
        self.words_cut();
        let now = self.desk.clock.now();
        match say.goes_on {
            true => self.mouth.begin(&say.sentences, say.slower),
            false => self.mouth.say(&say.sentences, say.slower),
        }
        let text = say.sentences.join(" ");
        self.ear.agent_speaks(now, &text, text.ends_with('?'));
        self.ear.expect(self.flow.expectation());
        let message = (say.kind != SayKind::Filler).then(|| {
            let mut message = self.message(Author::Agent, text.clone());
            message.decision = say.decision.map(|decision| *decision);
            message
        });
        if let Some(message) = &message {
            self.journal.keep(Entry::Message(Box::new(message.clone())));
        }
        self.said.begin(now, message, say.notice, say.kind);
    }

    /// Plays a sound file of the dialplan in place of what is being said.
    fn play(&mut self, sound: &str) {
        self.words_cut();
        let now = self.desk.clock.now();
        match self.dialplan.sounds.get(sound).cloned() {
            Some(clip) => {
                self.ear.agent_speaks(now, "", false);
                self.mouth.play_tone(clip);
            }
            // A checked plan has all its sounds; without one the plan goes on.
            None => self.flow.handle(now, Input::SpeechEnded),
        }
    }

    pub(super) fn prepare_greeting(&mut self) {
        let mut rehearsal = self.flow.clone();
        rehearsal.handle(self.desk.clock.now(), Input::Answered);
        if let Some(first) = first_sentence(&mut rehearsal) {
            self.mouth.prepare(&first.0, first.1);
        }
    }

    /// The words were cut off, or another's turn has come: what was heard of them is kept.
    pub(super) fn words_cut(&mut self) {
        let heard = self.mouth.stop();
        self.keep_heard(heard);
    }

    /// The words were heard to their end.
    pub(super) fn words_heard(&mut self) {
        let heard = self.mouth.heard_so_far();
        self.keep_heard(heard);
    }

    fn keep_heard(&mut self, heard: Option<String>) {
        let Some(mut message) = self.said.take_message() else { return };
        let heard = heard.unwrap_or_default();
        if !heard.is_empty() {
            self.add_line(Speaker::Us, &heard);
        }
        message.heard_text = Some(heard);
        self.journal.keep(Entry::MessageChanged(Box::new(message)));
    }

    /// Tells the flow once the recording notice was heard.
    pub(super) fn notice_progress(&mut self) {
        if let Some(sentence) = self.said.notice()
            && self.mouth.has_heard(sentence)
        {
            self.said.notice_heard();
            self.flow.handle(self.desk.clock.now(), Input::NoticeHeard);
        }
    }

    /// Speech that does not come (a stalled synthesiser) is bridged with a phrase that is kept ready.
    pub(super) fn fill_dead_air(&mut self, now: std::time::Instant) {
        if self.said.filler_due().is_none_or(|due| now < due) {
            return;
        }
        self.said.filled(now);
        if !self.mouth.has_speech() {
            info!("Speech is late; the pause is filled");
            self.mouth.fill(phrases::FILLERS[1]);
        }
    }

    fn draft(&mut self, sentences: Vec<String>, decision: Decision) {
        let mut message = self.message(Author::Draft, sentences.join(" "));
        message.decision = Some(decision);
        self.journal.keep(Entry::Message(Box::new(message)));
    }

    fn mark(&mut self, status: Status, handler: Handler, reason: String) {
        self.journal.keep(Entry::Mark { status, handler, reason });
        if status == Status::NeedsHuman {
            self.journal.keep(Entry::Summary(self.summary(&[])));
            self.sum_up(&[]);
        }
    }

    fn start_recording(&mut self) {
        if self.recording.is_some() {
            return;
        }
        let id = RecordingId(self.desk.ids.next());
        let name = format!("{id}.wav");
        let file = self.desk.settings.recordings_dir.join(&name);
        if self.control.send(LegCommand::Record(file.clone())).is_err() {
            warn!("The recording could not be started; the call goes on without");
            return;
        }
        let row =
            Recording { id, call: self.row.id, file: name, started_at: self.desk.clock.epoch(), duration_ms: None };
        self.journal.keep(Entry::Recording(Box::new(row.clone())));
        self.recording =
            Some(LiveRecording { row, file, began_at: self.desk.clock.now(), unwanted: false, complete: false });
        self.supervisor_hears_of_recording();
    }

    /// A message was being recorded in a file of its own, which ended the call's: what follows goes into another.
    fn resume_recording(&mut self) {
        if self.message.is_none() {
            return;
        }
        if let Some(before) = self.recording.take() {
            self.recorded_before.push(before);
            self.start_recording();
        }
    }

    fn delete_recording(&mut self) {
        for mut before in std::mem::take(&mut self.recorded_before) {
            before.unwanted = true;
            let file = before.file.clone();
            // Whichever is being recorded keeps its place.
            let current = self.recording.replace(before);
            self.recorded(&file, 0);
            self.recording = current;
        }
        if let Some(recording) = &mut self.recording {
            recording.unwanted = true;
            if recording.complete {
                // A message was recorded after it, so it has ended already.
                let (file, duration_ms) = (recording.file.clone(), 0);
                return self.recorded(&file, duration_ms);
            }
            let _ = self.control.send(LegCommand::StopRecording);
        }
    }

    fn end(&mut self, outcome: CallOutcome) {
        info!(call.outcome = ?outcome, "Call ended");
        self.words_cut();
        self.journal.keep(Entry::Ended(outcome));
        self.over = true;
    }
}

/// The first sentence that a flow is about to have said, and whether slowly.
pub(super) fn first_sentence(flow: &mut super::super::flow::CallFlow) -> Option<(String, bool)> {
    let mut first = None;
    while let Some(effect) = flow.poll_effect() {
        if let Effect::Say(say) = effect {
            first = say.sentences.first().map(|sentence| (sentence.clone(), say.slower));
        }
    }
    first
}

/// A key is told once its tone has been heard for a while, and its sound waits in the jitter buffer.
const ERASED_BEFORE_KEY_MS: u32 = 400;
/// More orders than any event brings.
const ORDERS_AT_ONCE: usize = 64;
