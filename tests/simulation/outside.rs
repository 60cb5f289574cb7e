//! What happens outside the machines, and how the driver tells them.

use std::time::Duration;

use switchboard::domain::turn::{Line, Speaker};
use switchboard::voice::colleague::Deed;
use switchboard::voice::flow::Input;
use switchboard::voice::intents::{self, Intent};

use crate::agenda::Event;
use crate::caller::{self, Deed as Does};
use crate::case::Is;
use crate::checks::Check;
use crate::kept::Row;
use crate::providers::spoken_for;
use crate::sabotage::Sabotage;
use crate::world::World;

impl World {
    pub fn happens(&mut self, call: usize, event: Event) {
        match event {
            Event::Comes => self.comes(call),
            Event::Crash => self.crash(),
            Event::Restart => self.restart(),
            Event::AtTelephone { line, news } => self.at_telephone(call, line, news),
            Event::ToldPerson { line, words } => self.told_person(call, line, words),
            Event::ToldFirst { line, words } => self.told_first(call, line, words),
            Event::CallsBack => self.calls_back(call),
            Event::Back { back, on } => self.on_back(back, on),
            Event::CallsIn { line } => self.calls_in(call, line),
            // What was planned for a call that is over comes to nothing.
            _ if !self.cases[call].is_live() => {}
            Event::Does { plan, deed } if plan == self.cases[call].plan => self.does(call, deed),
            Event::Does { .. } | Event::BridgeEnds => {}
            Event::FallsSilent { said } => self.falls_silent(call, said),
            Event::TurnEnds { said } => self.turn_ends(call, said),
            Event::GiveWay { words } => self.give_way(call, words),
            Event::WordsBegin { words } => self.words_begin(call, words),
            Event::WordsEnd { words } => self.words_end(call, words),
            Event::Answers { question, answer } => self.answers(call, question, answer.map(|answer| *answer)),
            Event::Holds => self.holds(call),
            Event::Resumes => {
                self.cases[call].holds = false;
                self.give(call, Input::Resumed);
                if self.chance.percent(60) {
                    let deed = caller::anything(&mut self.chance);
                    self.plan(call, Duration::from_millis(900), deed);
                }
            }
            Event::HangsUp => self.hangs_up(call),
            Event::Deafened => {
                self.cases[call].deaf = true;
                self.cases[call].turns_pending = 0;
                self.look_ahead(call);
                self.give(call, Input::Deafened);
            }
            Event::TimeIsUp => self.give(call, Input::TimeIsUp),
        }
    }

    /// Gives the flow an input and carries out what it orders.
    pub fn give(&mut self, call: usize, input: Input) {
        self.note(call, || format!("{input:?}"));
        self.cases[call].flow.handle(self.now, input);
        self.carry_out(call);
    }

    fn comes(&mut self, call: usize) {
        if self.down {
            self.cases[call].is = Is::Unanswered;
            return;
        }
        if !self.routed(call) {
            self.cases[call].is = Is::Refused;
            return;
        }
        self.cases[call].is = Is::Live;
        self.cases[call].watch.agent_owes = true;
        self.keep(call, Row::Begun);
        self.give(call, Input::Answered);
    }

    /// The caller has something in mind, in place of whatever it was.
    pub fn plan(&mut self, call: usize, after: Duration, deed: Does) {
        self.cases[call].plan += 1;
        let plan = self.cases[call].plan;
        self.agenda.at(self.now + after, call, Event::Does { plan, deed });
    }

    fn does(&mut self, call: usize, deed: Does) {
        let case = &mut self.cases[call];
        if case.speaks || case.holds {
            return;
        }
        match deed {
            Does::HangsUp => self.hangs_up(call),
            Does::Keys(keys) => self.keys(call, keys),
            Does::Says(text) => {
                let lasting = spoken_for(std::slice::from_ref(&text)).max(Duration::from_millis(500));
                self.speaks(call, lasting, Some(text));
            }
            Does::Coughs => self.speaks(call, Duration::from_millis(400), None),
        }
    }

    fn speaks(&mut self, call: usize, lasting: Duration, said: Option<String>) {
        let case = &mut self.cases[call];
        case.speaks = true;
        let words = case.mouth.under_way().filter(|words| words.begun).map(|words| words.number);
        if let Some(words) = words
            && said.is_some()
            && !case.deaf
            && self.chance.percent(70)
        {
            self.agenda.at(self.now + Duration::from_millis(400), call, Event::GiveWay { words });
        }
        self.agenda.at(self.now + lasting, call, Event::FallsSilent { said });
        if !self.cases[call].deaf {
            self.give(call, Input::CallerSpeaks);
        }
    }

    fn falls_silent(&mut self, call: usize, said: Option<String>) {
        let case = &mut self.cases[call];
        case.speaks = false;
        if case.deaf {
            return;
        }
        if let Some(said) = &said
            && case.flow.listens()
        {
            case.mouth.mark_before_a_turn();
            case.watch.agent_owes = case.is_waiting() || intents::intent(said) != Some(Intent::Wait);
        }
        case.turns_pending += 1;
        let wait = if self.chance.percent(80) { 200..=700 } else { 700..=1_800 };
        let at = self.now + self.chance.ms(wait);
        self.agenda.at(at, call, Event::TurnEnds { said });
    }

    fn turn_ends(&mut self, call: usize, said: Option<String>) {
        if self.cases[call].deaf {
            return;
        }
        self.cases[call].turns_pending -= 1;
        let Some(text) = said else { return self.give(call, Input::NothingSaid) };
        if !text.is_empty() {
            self.cases[call].lines.push(Line { speaker: Speaker::Customer, text: text.clone() });
            self.keep(call, Row::CustomerSaid(text.clone()));
            self.tell_the_case(call);
        }
        if !self.cases[call].flow.hears(&text) {
            return;
        }
        if text.is_empty() && self.cases[call].at_menu {
            // Keys are asked for: a mumble leaves the word with the caller.
            self.cases[call].watch.agent_owes = false;
        }
        self.look_ahead(call);
        if self.sabotage == Some(Sabotage::NoReprompt) && text.is_empty() {
            return;
        }
        self.give(call, Input::Heard { text, clip: None });
        // Some go on right after their turn was taken for over.
        if self.cases[call].is_live() && self.chance.percent(7) {
            let deed = caller::anything(&mut self.chance);
            let after = self.chance.ms(50..=900);
            self.plan(call, after, deed);
        }
    }

    fn keys(&mut self, call: usize, mut keys: Vec<u8>) {
        if keys.is_empty() {
            return;
        }
        let key = keys.remove(0);
        self.look_ahead(call);
        let case = &mut self.cases[call];
        let listens = case.flow.listens();
        let digits = case.flow.collects_digits();
        if listens && ((key == b'0' && !digits) || (key == b'#' && digits)) {
            case.watch.agent_owes = true;
            case.mouth.mark_before_a_turn();
        }
        if digits && key != b'#' {
            // Whoever keys a number has the word until they pause.
            case.watch.agent_owes = false;
        }
        if digits && case.mouth.under_way().is_some() {
            case.mouth.stop();
            case.filler_due = None;
        }
        if !keys.is_empty() {
            let after = self.chance.ms(200..=900);
            self.plan(call, after, Does::Keys(keys));
        }
        self.give(call, Input::Key(key));
    }

    fn give_way(&mut self, call: usize, words: u32) {
        let case = &mut self.cases[call];
        if case.mouth.words(words).is_some() {
            case.mouth.stop();
            case.filler_due = None;
            self.note(call, || "our words give way".into());
        }
    }

    fn words_begin(&mut self, call: usize, number: u32) {
        let (now, case) = (self.now, &mut self.cases[call]);
        let bridged_until = case.mouth.bridged_until();
        let Some(words) = case.mouth.words(number) else { return };
        if let Some(until) = bridged_until.filter(|until| *until > now) {
            self.agenda.at(until, call, Event::WordsBegin { words: number });
            return;
        }
        words.begun = true;
        let lasting = words.lasting;
        case.filler_due = None;
        self.agenda.at(now + lasting, call, Event::WordsEnd { words: number });
        let interrupts = self.cases[call].temper.interrupts;
        if self.chance.percent(interrupts) {
            let after = lasting * u32::try_from(self.chance.number(1..=9)).unwrap_or(1) / 10;
            let deed = caller::anything(&mut self.chance);
            self.plan(call, after, deed);
        }
    }

    fn words_end(&mut self, call: usize, number: u32) {
        let case = &mut self.cases[call];
        let Some(words) = case.mouth.finish(number) else { return };
        let heard = words.sentences.join(" ");
        case.lines.push(Line { speaker: Speaker::Us, text: heard.clone() });
        if !words.filler && !words.before_a_turn && !case.is_waiting() && !case.caller_turn_pending() {
            case.watch.agent_owes = false;
        }
        if words.notice.is_some() {
            self.give(call, Input::NoticeHeard);
        }
        self.give(call, Input::SpeechEnded);
        let case = &self.cases[call];
        if !case.is_live() {
            return;
        }
        if case.is_waiting() {
            if self.chance.percent(30) {
                let deed = caller::while_waiting(&mut self.chance);
                let after = self.chance.ms(300..=9_000);
                self.plan(call, after, deed);
            }
        } else if !words.filler
            && let Some((after, deed)) = caller::after(&mut self.chance, &self.cases[call].temper, &heard)
        {
            self.plan(call, after, deed);
        }
    }

    fn answers(
        &mut self,
        call: usize,
        question: u32,
        answer: Option<(switchboard::domain::turn::Turn, switchboard::support::unresolved::Resolution)>,
    ) {
        let awaited = &mut self.cases[call].awaited;
        let Some((_, text)) = awaited.take_if(|(number, _)| *number == question) else { return };
        match answer {
            Some((turn, resolution)) => {
                self.look_ahead(call);
                self.give(call, Input::TurnReady { text, turn: Box::new(turn), resolution });
            }
            None => self.give(call, Input::TurnFailed),
        }
    }

    fn holds(&mut self, call: usize) {
        let case = &mut self.cases[call];
        if case.speaks || case.joined.is_some() {
            return;
        }
        case.holds = true;
        let back_at = self.now + self.chance.ms(500..=60_000);
        self.agenda.at(back_at, call, Event::Resumes);
        self.give(call, Input::Held);
    }

    pub fn hangs_up(&mut self, call: usize) {
        self.tally.count("callers left", if self.cases[call].is_ringing() { "while it rang" } else { "otherwise" });
        self.give(call, Input::CallerGone);
        if self.cases[call].is_live() {
            self.broken(call, Check::Outcome, "the caller is gone and the call goes on".into());
        }
    }

    /// A person joined, left, or asked for something.
    pub fn person_news(&mut self, call: usize, line: usize, news: Deed) {
        use switchboard::domain::ladder::LadderInput;
        match news {
            Deed::Ended(outcome) => {
                let attempt = self.cases[call].people[line].attempt;
                self.tell_ladder(call, LadderInput::Ended { attempt, outcome });
            }
            Deed::Gone { hung_up } => self.tell_ladder(call, LadderInput::PersonGone { hung_up }),
            Deed::GivesBack => self.tell_ladder(call, LadderInput::GivenBack),
            Deed::PassesOn => {
                self.cases[call].rounds.passes_on();
                self.tell_ladder(call, LadderInput::PassedOn);
            }
            Deed::Holds(holds) => {
                if !holds {
                    self.cases[call].mouth.stop();
                }
                self.cases[call].person_holds = holds;
                self.cases[call].watch.agent_owes = holds;
                self.cases[call].flow.handle(self.now, Input::PersonHolds(holds));
            }
        }
    }
}
