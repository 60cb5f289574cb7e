//! Carries out the orders of a call's flow, as its driver does.

use std::time::Duration;

use switchboard::domain::call::CallOutcome;
use switchboard::domain::ladder::LadderInput;
use switchboard::domain::ticket::TicketKind;
use switchboard::voice::flow::{Effect, Input, Say, SayKind, TicketOf};
use switchboard::voice::phrases;

use crate::agenda::Event;
use crate::case::Is;
use crate::checks::Check;
use crate::kept::Row;
use crate::providers;
use crate::sabotage::Sabotage;
use crate::world::World;

/// What is heard before a message.
pub const BEEP: &str = "beep";

impl World {
    pub fn carry_out(&mut self, call: usize) {
        for _ in 0..ORDERS_AT_ONCE {
            let Some(effect) = self.cases[call].flow.poll_effect() else { return };
            self.order(call, effect);
        }
        self.broken(call, Check::Endless, "more orders at once than there ever should be".into());
    }

    fn order(&mut self, call: usize, effect: Effect) {
        self.note(call, || match &effect {
            Effect::Say(say) => format!("  → says {:?}", say.sentences.join(" ")),
            effect => format!("  → {effect:?}"),
        });
        match effect {
            Effect::Say(say) => self.say(call, say),
            Effect::Consult { text, .. } => self.consult(call, text),
            Effect::Draft { sentences, .. } => {
                if self.sabotage == Some(Sabotage::SpeakDrafts) {
                    self.say(call, Say::new(SayKind::Answer, sentences));
                }
            }
            Effect::Ticket { of, .. } => {
                if self.sabotage != Some(Sabotage::NoTicket) {
                    let kind = match of {
                        TicketOf::FollowUp => TicketKind::FollowUp,
                        TicketOf::Voicemail { .. } => TicketKind::Voicemail,
                        TicketOf::Callback { .. } => TicketKind::Callback,
                    };
                    self.keep(call, Row::Ticket(kind));
                }
            }
            Effect::RecordMessage => self.cases[call].watch.records_message = true,
            Effect::StopMessage { .. } => self.cases[call].watch.records_message = false,
            Effect::Beep => {
                let words = self.cases[call].mouth.order(vec![BEEP.to_owned()], false, None);
                self.cases[call].filler_due = None;
                self.agenda.at(self.now, call, Event::WordsBegin { words });
            }
            Effect::Transfer { callback_after, urgent, .. } => self.transfer(call, callback_after, urgent),
            Effect::Reconnect => {
                self.tell_ladder(call, LadderInput::Reconnect);
                self.settle(call);
            }
            Effect::CancelTransfer { caller_gone } => self.cancel_transfer(call, caller_gone),
            Effect::HoldTone => {
                let mouth = &mut self.cases[call].mouth;
                if mouth.under_way().is_none() {
                    mouth.tone = true;
                }
            }
            Effect::End(outcome) => self.end(call, outcome),
            Effect::Ring(rungs) => self.ring_planned(call, rungs),
            Effect::JoinQueue(queue) => self.join_queue(call, &queue),
            Effect::AskPlace => self.tell_place(call),
            Effect::LeaveQueue => self.leave_queue(call),
            // No plan is drawn with sound files.
            Effect::Play(_) => self.broken(call, Check::Stranded, "a sound that no plan has".into()),
            // What is kept, marked and recorded is looked at elsewhere.
            // Only a language model writes while it is heard; there is none.
            Effect::SayMore(_) | Effect::SaidAll => {}
            Effect::Mark { .. }
            | Effect::StartRecording
            | Effect::ResumeRecording
            | Effect::DeleteRecording
            | Effect::MuteRecording(_)
            | Effect::HangUp => {}
        }
    }

    fn say(&mut self, call: usize, say: Say) {
        if say.sentences.iter().any(|sentence| sentence.contains(providers::DRAFTED)) {
            self.broken(call, Check::DraftSpoken, say.sentences.join(" "));
        }
        if self.sabotage == Some(Sabotage::DialTheCaller)
            && say.sentences.iter().any(|sentence| sentence.contains("+4930901899"))
        {
            self.dial(call, "+4930901899");
        }
        let ready = say.sentences.first().is_some_and(|first| self.kept_ready.contains(first));
        let takes = providers::synthesis(&mut self.chance, ready);
        let filler = say.kind == SayKind::Filler;
        let case = &mut self.cases[call];
        case.at_menu = say.sentences.join(" ").contains(crate::business::MENU);
        let words = case.mouth.order(say.sentences, filler, say.notice);
        case.filler_due = (!filler).then_some(self.now + SPEECH_IS_LATE);
        self.agenda.at(self.now + takes, call, Event::WordsBegin { words });
    }

    /// Words that are late are bridged by a phrase that is kept ready.
    pub fn fill_dead_air(&mut self, call: usize) {
        let now = self.now;
        let case = &mut self.cases[call];
        if !case.is_live() || case.filler_due.is_none_or(|due| now < due) {
            return;
        }
        case.filler_due = None;
        if case.mouth.under_way().is_some_and(|words| !words.begun) {
            case.filler_due = Some(now + FILLED_FOR);
            let until = now + providers::spoken_for(&[phrases::FILLERS[1].to_owned()]);
            case.mouth.bridge(until);
            self.agenda.at(until, call, Event::BridgeEnds);
            self.note(call, || "speech is late; the pause is filled".into());
        }
    }

    fn consult(&mut self, call: usize, text: String) {
        let case = &mut self.cases[call];
        case.asked += 1;
        let question = case.asked;
        case.awaited = Some((question, text.clone()));
        let (delay, answer) = providers::desk(&mut self.chance, &self.agent, &text, &case.lines);
        if let Some(delay) = delay {
            let answer = answer.map(Box::new);
            self.agenda.at(self.now + delay, call, Event::Answers { question, answer });
        }
    }

    fn end(&mut self, call: usize, outcome: CallOutcome) {
        self.keep(call, Row::Ended(outcome));
        let case = &mut self.cases[call];
        case.ends.push(outcome);
        if self.sabotage == Some(Sabotage::EndTwice) {
            case.ends.push(outcome);
        }
        case.is = Is::Over;
        case.over_at = Some(self.now);
        case.mouth.stop();
        case.filler_due = None;
        self.leave_queue(call);
        if self.cases[call].is_ringing() {
            self.cancel_transfer(call, true);
        }
        self.dismiss(call);
        if self.chance.percent(40) {
            let after = self.chance.ms(1_000..=120_000);
            self.agenda.at(self.now + after, call, Event::CallsBack);
        }
    }

    pub fn look_at_the_flow(&mut self, call: usize, input: Input) {
        self.note(call, || format!("{input:?}"));
        self.cases[call].flow.handle(self.now, input);
    }
}

/// More orders than any event brings.
const ORDERS_AT_ONCE: usize = 64;
/// As in the driver: speech that has not begun by then is bridged,
const SPEECH_IS_LATE: Duration = Duration::from_millis(900);
/// and again after this.
const FILLED_FOR: Duration = Duration::from_millis(2_500);
