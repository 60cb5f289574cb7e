//! Drives one call: turns orders of the pure machines into SIP, media, speech and store, and what happens there
//! into their inputs. A short loop; every decision is in [`super::flow`], [`super::offer`] and the ear.

mod effects;
mod ordered;
mod queue;
mod replies;
mod said;
mod staff;
mod summing_up;
mod third_ear;
mod tickets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use media::fax::CallingTone;
use media::{HeardFrame, Key, UtteranceId};
use tokio::sync::mpsc;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::domain::agent::Agent;
use crate::domain::call::{Call as CallRow, Recording};
use crate::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status};
use crate::domain::dialplan::Action;
use crate::domain::ids::{CallId, ConversationId, LegId, RecordingId};
use crate::domain::standing_offers::Source;
use crate::domain::ticket::Clip;
use crate::domain::time::EpochMs;
use crate::domain::turn::{Line, Speaker};
use crate::seams::media::{Ears, LegCommand, LegControl, LegEvent};
use crate::seams::signaling::{Dialog, DialogEvent, IncomingCall, Party};
use crate::seams::stt::SttEvent;

use super::dialplan::{Dialplan, facts, read_at_home};
use super::ear::{Ear, EarEvent};
use super::emergency::{self, Carried};
use super::flow::{CallFlow, Input};
use super::front_desk::FrontDesk;
use super::journal::{Entry, Journal};
use super::live_calls::{Asked, Listed};
use super::mouth::{Mouth, MouthEvent};

use ordered::Look;
use queue::QueuePlace;
use replies::{Answered, Replies};
use said::Said;
use staff::{CalledIn, CameIn, Door, Staff, TakeOver};
pub use staff::{LiveCases, call_back};
use third_ear::ThirdEar;

/// One call under way.
struct Call {
    desk: Arc<FrontDesk>,
    agent: Arc<Agent>,
    dialplan: Arc<Dialplan>,
    /// The caller's place in a queue, while they wait.
    place: Option<QueuePlace>,
    row: CallRow,
    /// As signalled, for those who may see it (R50).
    caller: Option<Party>,
    flow: CallFlow,
    dialog: Box<dyn Dialog>,
    leg: LegId,
    control: LegControl,
    mouth: Mouth,
    ear: Ear,
    replies: Replies,
    said: Said,
    journal: Journal,
    lines: Vec<Line>,
    recording: Option<LiveRecording>,
    /// What was recorded of the call before a message took its place, complete.
    recorded_before: Vec<LiveRecording>,
    /// The message that is being left, or was.
    message: Option<LiveRecording>,
    staff: Staff,
    /// By which somebody enters who was rung in vain and has called in.
    door: Door,
    /// A supervisor who takes the call over, while the caller is being told.
    takeover: Option<TakeOver>,
    supervisor: Option<ThirdEar>,
    /// Its place among the live calls, once it is answered, and how it looks there.
    listed: Option<Listed>,
    look: Option<Look>,
    stands_since: EpochMs,
    /// The caller's last turn, where it went to the desk.
    last_turn: Option<String>,
    /// The caller began to speak so soon after it that they were cut off.
    goes_on: bool,
    /// How often the recogniser was lost.
    ears_lost: u32,
    /// Frames of the caller that came while we were too busy to take them.
    frames_missed: u64,
    /// A fax tells by a tone that it calls.
    fax: CallingTone,
    /// No more orders are carried out: the call is over.
    over: bool,
}

/// What the caller's side tells.
struct Outside<'a> {
    events: &'a mut mpsc::Receiver<DialogEvent>,
    leg_events: &'a mut mpsc::Receiver<LegEvent>,
    ears: &'a mut Ears,
    /// What the team orders.
    orders: &'a mut mpsc::Receiver<Asked>,
}

/// A recording under way.
struct LiveRecording {
    row: Recording,
    file: PathBuf,
    began_at: Instant,
    /// The caller does not want it.
    unwanted: bool,
    complete: bool,
}

/// Takes one call from its INVITE to its last entry in the journal.
pub async fn take(desk: Arc<FrontDesk>, incoming: IncomingCall) {
    let id = CallId(desk.ids.next());
    let span = info_span!("call", call.id = %id);
    drive(desk, incoming, id).instrument(span).await;
}

async fn drive(desk: Arc<FrontDesk>, incoming: IncomingCall, id: CallId) {
    let mut incoming = incoming;
    let agent = desk.agent.load_full();
    let dialplan = desk.dialplan.load_full();
    read_at_home(&mut incoming.info, dialplan.plan.home_country.as_deref());
    let facts = facts(&desk, &incoming.info);
    let decision = dialplan.plan.route(&facts, desk.clock.epoch());
    let route = decision.route.as_ref().map_or(decision.name.as_str(), |(name, _)| name.as_str());
    info!(dialplan.route = route, dialplan.action = decision.name, "Call routed");
    if let Action::Reject { code, reason } = &decision.action {
        return refuse(&*incoming.dialog, *code, reason, &decision.name).await;
    }
    if let Action::Emergency { .. } = &decision.action
        && emergency::carry(&desk, &mut incoming, &facts.called.user).await == Carried::Over
    {
        return;
    }
    let mut is_answered = false;
    if let Some(case) = staff::pending(&desk, &incoming.info).await {
        match staff::offer_case(&desk, case, incoming).await {
            CalledIn::Over => return,
            CalledIn::GoesOn { incoming: theirs, is_answered: answered } => {
                (incoming, is_answered) = (*theirs, answered);
            }
        }
    }
    let IncomingCall { info, leg, dialog, mut events } = incoming;
    let conversation = new_conversation(&desk, &agent);
    let row = CallRow {
        id,
        conversation: conversation.id,
        from: info
            .from
            .as_ref()
            .map(|party| party.number.as_ref().map_or(party.uri.clone(), |n| n.as_str().to_owned())),
        to: info.to.number.as_ref().map_or(info.to.uri.clone(), |number| number.as_str().to_owned()),
        trunk: info.trunk.clone(),
        started_at: desk.clock.epoch(),
        answered_at: None,
        ended_at: None,
        outcome: None,
    };
    let (journal, kept) =
        Journal::begin(desk.store.clone(), desk.bus.clone(), desk.clock.clone(), conversation, row.clone());
    journal.keep(Entry::Begun);
    dialog.filed_under(row.conversation);
    let Some(ear) = open_ear(&desk) else {
        // Without a recogniser nobody would be heard; the caller may try again in a moment.
        let _ = dialog.reject(503, "Speech recognition is not available").await;
        journal.keep(Entry::Ended(crate::domain::call::CallOutcome::Lost));
        return;
    };
    let caller = info.from.as_ref().and_then(|party| party.number.clone());
    let source = Source::of(row.from.as_deref(), &row.trunk);
    let outlook = desk.outlook(&source, &agent.escalation, false);
    let home_country = desk.settings.home_country.clone().or_else(|| dialplan.plan.home_country.clone());
    let flow = CallFlow::new(agent.clone(), caller, home_country, outlook);
    let flow = match decision.action {
        Action::Agent { .. } => flow,
        action => flow.planned(dialplan.plan.clone(), action),
    };
    let (replies, mut answers) = Replies::new();
    let (door, mut colleagues) = Door::new();
    let mut leg_events = leg.events;
    let mut ears = leg.ears;
    let mut call = Call {
        mouth: Mouth::new(desk.tts.clone(), None, leg.control.clone()),
        said: Said::default(),
        leg: leg.id,
        control: leg.control,
        desk,
        agent,
        dialplan,
        place: None,
        row,
        caller: info.from.clone(),
        flow,
        dialog,
        ear,
        replies,
        journal,
        lines: Vec::new(),
        recording: None,
        recorded_before: Vec::new(),
        message: None,
        staff: Staff::default(),
        door,
        takeover: None,
        supervisor: None,
        listed: None,
        look: None,
        stands_since: EpochMs(0),
        last_turn: None,
        goes_on: false,
        ears_lost: 0,
        frames_missed: 0,
        fax: CallingTone::new(),
        over: false,
    };
    info!(sip.call_id = %info.sip_call_id, sip.trunk = %info.trunk, "Call ringing");
    if call.answer(is_answered).await {
        let orders = &mut call.list();
        let outside = Outside { events: &mut events, leg_events: &mut leg_events, ears: &mut ears, orders };
        call.run(outside, &mut answers, &mut colleagues).await;
        call.finish(&mut leg_events).await;
    }
    drop(call);
    // The journal's task ends once everything is written.
    if let Err(error) = kept.await {
        warn!(%error, "The journal of a call failed");
    }
}

/// Refuses a call without answering it. Nothing is stored and nobody is alarmed: it is counted (R52).
async fn refuse(dialog: &dyn Dialog, code: u16, reason: &str, why: &str) {
    metrics::counter!("switchboard_calls_refused_total", "why" => why.to_owned()).increment(1);
    if let Err(error) = dialog.reject(code, reason).await {
        debug!(%error, "The caller was gone before the call was refused");
    }
}

fn new_conversation(desk: &FrontDesk, agent: &Agent) -> Conversation {
    let now = desk.clock.epoch();
    Conversation {
        id: ConversationId(desk.ids.next()),
        agent: agent.id,
        inbox: desk.inbox,
        channel: Channel::Phone,
        status: Status::Open,
        handler: Handler::Bot,
        reason: None,
        summary: None,
        preview: false,
        version: 1,
        created_at: now,
        updated_at: now,
        casework: Default::default(),
    }
}

fn open_ear(desk: &FrontDesk) -> Option<Ear> {
    match desk.stt.open() {
        Ok(session) => Some(Ear::new(session, &desk.settings.end_of_turn).with_melody(desk.turn_end.clone())),
        Err(error) => {
            warn!(%error, "Speech recognition cannot be opened");
            None
        }
    }
}

impl Call {
    /// 180, then 200, unless it is answered already. False when the caller was gone before.
    async fn answer(&mut self, is_answered: bool) -> bool {
        // The greeting is already synthesised when the 200 leaves.
        self.prepare_greeting();
        if !is_answered && let Err(error) = self.dialog.ring().await {
            debug!(%error, "Ringing could not be told");
        }
        if !is_answered && let Err(error) = self.dialog.answer().await {
            info!(%error, "The caller was gone before the call was answered");
            self.journal.keep(Entry::Ended(crate::domain::call::CallOutcome::Abandoned));
            return false;
        }
        self.row.answered_at = Some(self.desk.clock.epoch());
        self.flow.handle(self.desk.clock.now(), Input::Answered);
        self.carry_out().await;
        self.journal.keep(Entry::Call(Box::new(self.row.clone())));
        info!("Call answered");
        true
    }

    async fn run(
        &mut self,
        outside: Outside<'_>,
        answers: &mut mpsc::Receiver<Answered>,
        colleagues: &mut mpsc::Receiver<CameIn>,
    ) {
        let Outside { events, leg_events, ears, orders } = outside;
        let mut ends_at = self.desk.clock.now() + self.desk.settings.longest_call;
        while !self.over {
            let deadline = self.next_deadline().map_or(ends_at, |deadline| deadline.min(ends_at));
            tokio::select! {
                biased;
                event = events.recv() => self.dialog_event(event).await,
                event = leg_events.recv() => self.leg_event(event),
                frame = ears.next() => match frame {
                    Some(frame) => {
                        self.ear.frame(self.desk.clock.now(), &frame);
                        self.listen_for_fax(&frame);
                        self.notice_progress();
                        self.count_missed(ears.dropped());
                    }
                    None => self.flow.handle(self.desk.clock.now(), Input::CallerGone),
                },
                event = self.ear.next_transcript() => self.transcript(event),
                Some(answered) = answers.recv() => self.answered(answered),
                event = self.mouth.work() => self.mouth_event(event),
                event = self.staff.next() => self.staff_event(event).await,
                Some(colleague) = colleagues.recv() => self.came_in(colleague).await,
                event = third_ear::next(&mut self.supervisor) => self.supervisor_event(event).await,
                Some(asked) = orders.recv() => self.asked(asked).await,
                () = tokio::time::sleep_until(deadline.into()) => self.timeout(&mut ends_at).await,
            }
            self.hear();
            self.carry_out().await;
            self.settle_third_ear().await;
        }
    }

    fn listen_for_fax(&mut self, frame: &HeardFrame) {
        if self.fax.frame(&frame.frame) {
            info!("A fax calls");
            self.flow.handle(self.desk.clock.now(), Input::FaxCalls);
        }
    }

    /// Says so when words may have been lost because this machine was starved.
    fn count_missed(&mut self, dropped: u64) {
        let missed = dropped - self.frames_missed;
        if missed > 0 {
            warn!(frames = missed, "The caller was not listened to for a moment: this machine is too busy");
            metrics::counter!("switchboard_heard_frames_missed_total").increment(missed);
            self.frames_missed = dropped;
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let third = self.third_ear_timeout();
        [self.flow.poll_timeout(), self.said.filler_due(), self.staff.poll_timeout(), third].into_iter().flatten().min()
    }

    async fn timeout(&mut self, ends_at: &mut Instant) {
        let now = self.desk.clock.now();
        if now >= *ends_at {
            warn!("The call reached its longest permitted time");
            *ends_at = now + self.desk.settings.longest_call;
            self.flow.handle(now, Input::TimeIsUp);
        }
        self.flow.handle_timeout(now);
        self.fill_dead_air(now);
        self.staff_timeout(now).await;
    }

    async fn dialog_event(&mut self, event: Option<DialogEvent>) {
        let now = self.desk.clock.now();
        match event {
            Some(DialogEvent::Held) => self.flow.handle(now, Input::Held),
            Some(DialogEvent::Resumed) => self.flow.handle(now, Input::Resumed),
            Some(DialogEvent::Ended(by)) => {
                debug!(call.ended_by = ?by, "Call ended");
                self.flow.handle(now, Input::CallerGone);
            }
            None => self.flow.handle(now, Input::CallerGone),
            Some(DialogEvent::ReferProgress(status)) => self.refer_progress(status).await,
            // A caller does not decide with whom we, or a person of ours, talk next (R5).
            Some(DialogEvent::TransferAsked(_)) => {
                info!("The caller's side asked for a transfer, which is declined");
                if let Err(error) = self.dialog.report_transfer(staff::DECLINED).await {
                    debug!(%error, "A transfer's outcome could not be told");
                }
            }
            // What calls that we make tell.
            Some(DialogEvent::Ringing | DialogEvent::Confirmed | DialogEvent::Refused(_)) => {}
        }
    }

    fn leg_event(&mut self, event: Option<LegEvent>) {
        let now = self.desk.clock.now();
        match event {
            Some(LegEvent::Key(key)) => self.key(now, key),
            Some(LegEvent::PlayStarted(utterance)) => self.play_started(now, utterance),
            Some(LegEvent::PlayEnded { utterance, complete, .. }) => self.play_ended(utterance, complete),
            Some(LegEvent::Recorded { file, duration_ms }) => self.recorded(&file, duration_ms),
            Some(LegEvent::RecordingFailed(reason)) => {
                warn!(reason, "The recording cannot go on; the call does");
                self.message_failed();
            }
            Some(LegEvent::RtpTimedOut) => info!("No audio arrives from the caller"),
            Some(LegEvent::RtpStarted) => debug!("Audio arrives from the caller"),
            None => self.flow.handle(now, Input::CallerGone),
        }
    }

    fn key(&mut self, now: Instant, key: Key) {
        if self.flow.collects_digits() && self.mouth.is_speaking() {
            // The caller keys the number while the question is still being asked.
            self.words_cut();
        }
        self.look_ahead();
        self.flow.handle(now, Input::Key(key.0));
    }

    fn transcript(&mut self, event: Option<SttEvent>) {
        match event {
            Some(event) => self.ear.take(self.desk.clock.now(), event),
            None => self.reopen_ear("the recogniser closed"),
        }
    }

    fn reopen_ear(&mut self, reason: &str) {
        warn!(reason, "Speech recognition was lost on a call");
        self.ears_lost += 1;
        let reopened = if self.ears_lost <= EARS_REOPENED { self.desk.stt.open().ok() } else { None };
        match reopened {
            Some(session) => self.ear.reopen(session),
            None => {
                self.ear.deafen();
                self.look_ahead();
                self.flow.handle(self.desk.clock.now(), Input::Deafened);
            }
        }
    }

    /// What the ear has to tell.
    fn hear(&mut self) {
        while let Some(event) = self.ear.poll() {
            let now = self.desk.clock.now();
            match event {
                EarEvent::SpeechStarted { after_turn } => {
                    self.goes_on = after_turn < GOES_ON_WITHIN;
                    self.flow.handle(now, Input::CallerSpeaks);
                }
                EarEvent::HoldSpeech => self.mouth.silence(),
                EarEvent::ResumeSpeech => self.mouth.go_on(),
                EarEvent::StopSpeech => {
                    self.words_cut();
                    self.ear.agent_finished(now);
                }
                EarEvent::Partial(text) => self.journal.keep(Entry::Hearing(text)),
                EarEvent::PrepareReply(text) => self.prepare_reply(&text),
                EarEvent::DropPrepared => self.drop_prepared(),
                EarEvent::NothingSaid => self.flow.handle(now, Input::NothingSaid),
                EarEvent::TurnEnded(turn) => self.turn_ended(now, turn),
                EarEvent::Lost(error) => self.reopen_ear(&error.to_string()),
            }
        }
    }

    fn turn_ended(&mut self, now: Instant, turn: super::ear::HeardTurn) {
        self.said.heard(&turn, self.control.wait_ms(), now);
        if turn.held_card {
            let last = now.duration_since(turn.began_at) + ERASED_BEFORE;
            let _ = self.control.send(LegCommand::EraseRecorded(last.as_millis() as u32));
        }
        let text = turn.text.trim().to_owned();
        if !text.is_empty() {
            self.add_line(Speaker::Customer, &text);
            let message = self.message(Author::Customer, text.clone());
            self.journal.keep(Entry::Message(Box::new(message)));
            if self.staff.is_ringing() {
                let summary = self.summary(&[]);
                self.staff.case_is(&summary);
                self.sum_up(&[]);
            }
        }
        if self.flow.hears(&text) {
            self.look_ahead();
            let text = self.with_what_was_cut_off(text);
            let clip = self.clip_of(&turn);
            self.flow.handle(now, Input::Heard { text, clip });
        }
    }

    /// Where the call's recording holds this turn (R58).
    fn clip_of(&self, turn: &super::ear::HeardTurn) -> Option<Clip> {
        let recording = self.recording.as_ref().filter(|recording| !recording.unwanted && !recording.complete)?;
        let at = |moment: Instant| moment.saturating_duration_since(recording.began_at);
        let (from, to) = (at(turn.began_at), at(turn.last_voice_at));
        Some(Clip {
            recording: recording.row.id,
            from_ms: from.saturating_sub(CLIP_MARGIN).as_millis() as u32,
            to_ms: (to + CLIP_MARGIN).as_millis() as u32,
        })
        .filter(|_| !to.is_zero() && !turn.held_card)
    }

    /// A caller who goes on right after we took their turn for over was cut off: both parts are one question.
    fn with_what_was_cut_off(&mut self, text: String) -> String {
        let goes_on = std::mem::take(&mut self.goes_on);
        let whole = match self.last_turn.take() {
            Some(before) if goes_on && self.flow.would_consult(&text) && !text.is_empty() => format!("{before} {text}"),
            _ => text,
        };
        self.last_turn = Some(whole.clone()).filter(|whole| self.flow.would_consult(whole));
        whole
    }

    fn play_started(&mut self, now: Instant, utterance: UtteranceId) {
        if self.mouth.utterance() != Some(utterance) {
            return;
        }
        if let Some(message) = self.said.started(now) {
            self.journal.keep(Entry::MessageChanged(Box::new(message)));
        }
    }

    fn play_ended(&mut self, utterance: UtteranceId, complete: bool) {
        let event = self.mouth.play_ended(utterance, complete);
        self.mouth_event(event);
    }

    fn mouth_event(&mut self, event: Option<MouthEvent>) {
        let Some(event) = event else { return };
        if let MouthEvent::Failed(error) = &event {
            warn!(%error, "Speech synthesis failed before the end");
        }
        self.notice_progress();
        self.words_heard();
        let now = self.desk.clock.now();
        self.ear.agent_finished(now);
        self.flow.handle(now, Input::SpeechEnded);
    }

    fn message(&self, author: Author, text: String) -> Message {
        third_ear::spoken(&self.desk, &self.row, author, text)
    }

    fn add_line(&mut self, speaker: Speaker, text: &str) {
        if self.lines.len() >= LINES_KEPT {
            self.lines.remove(0);
        }
        self.lines.push(Line { speaker, text: text.to_owned() });
    }

    fn recorded(&mut self, file: &std::path::Path, duration_ms: u64) {
        let slot = [&mut self.recording, &mut self.message]
            .into_iter()
            .find(|slot| slot.as_ref().is_some_and(|recording| recording.file == file));
        let Some(slot) = slot else { return };
        let Some(recording) = slot.as_mut() else { return };
        recording.complete = true;
        if recording.unwanted {
            let id: RecordingId = recording.row.id;
            if let Err(error) = std::fs::remove_file(&recording.file) {
                warn!(%error, "An unwanted recording could not be deleted");
            }
            self.journal.keep(Entry::RecordingDeleted(id));
            *slot = None;
        } else {
            recording.row.duration_ms = i64::try_from(duration_ms).ok();
            self.journal.keep(Entry::Recording(Box::new(recording.row.clone())));
        }
    }

    /// The recording of a message cannot go on: what is understood of it is kept.
    fn message_failed(&mut self) {
        self.flow.handle(self.desk.clock.now(), Input::RecordingFailed);
    }

    fn records(&self) -> bool {
        [&self.recording, &self.message].into_iter().flatten().any(|recording| !recording.complete)
    }

    /// After the last order: the recording is completed and the person's leg is gone.
    async fn finish(&mut self, leg_events: &mut mpsc::Receiver<LegEvent>) {
        self.words_cut();
        self.desk.live_cases.settled(self.row.id);
        if self.staff.is_ringing() {
            // Whoever had called in for this case after its ladder's end is told that it is over.
            self.cancel_transfer(true).await;
        }
        self.dismiss_supervisor().await;
        self.staff.dismiss(&self.desk).await;
        if self.records() {
            let _ = self.control.send(LegCommand::StopRecording);
            let complete = async {
                while self.records() {
                    match leg_events.recv().await {
                        Some(LegEvent::Recorded { file, duration_ms }) => self.recorded(&file, duration_ms),
                        Some(_) => {}
                        None => break,
                    }
                }
            };
            if tokio::time::timeout(RECORDING_ENDS, complete).await.is_err() {
                warn!("A recording was not completed in time; it is repaired at the next start");
            }
        }
        info!("Call over");
    }
}

/// Lines of the conversation that the desk is given: enough for any summary of a call.
const LINES_KEPT: usize = 200;
/// A recogniser that fails again and again is not asked for ever.
const EARS_REOPENED: u32 = 3;
/// A person who begins again this soon after their turn was taken for over had not finished.
const GOES_ON_WITHIN: std::time::Duration = std::time::Duration::from_millis(1000);
/// Written over before a card number: its first sound may have been noticed late, and waits in the jitter buffer.
const ERASED_BEFORE: std::time::Duration = std::time::Duration::from_millis(700);
/// Kept of a clip before and after the words: their first sound may have been noticed late.
const CLIP_MARGIN: std::time::Duration = std::time::Duration::from_millis(400);
/// A recording's last frames are on disk within this time.
const RECORDING_ENDS: std::time::Duration = std::time::Duration::from_secs(3);
