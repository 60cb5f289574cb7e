//! A call that we make, until it is agreed on (RFC 3261 §13.2).
//!
//! 1. The INVITE goes to the first address of the first way. One that is silent, dead or overloaded before anything
//!    rang leads to the next address, and then to the next trunk (RFC 3263 §4.3); never once somebody may have been
//!    rung.
//! 2. Each branch of a fork may ring; reliable responses get their PRACK. Early media is no answer.
//! 3. It rings until the ring time is over: then CANCEL, and BYE should a 200 cross it.
//! 4. The first 200 agrees; further branches that answer are ended.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::Codec;
use rsipstack::sip::headers::RAck;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::Transaction;
use tokio::sync::mpsc;

use super::abandoned::{Abandoned, end_branch, end_forks, send_and_forget};
use super::call::{Call, SDP, in_dialog_flow, until, wish};
use super::client::Challenge;
use super::core::{Dialogs, Flow, Hop, stack_error};
use super::descriptions::Descriptions;
use super::dialog::Dialog;
use super::gate::{ALLOW, LOOP_HEADER, SUPPORTED};
use super::handle::{Command, reason_text};
use super::invite_client::{self, FORKS_MAX, InviteAnswer};
use super::peers::Talk;
use super::ringing::Rung;
use super::session_timer::{self, Asked, SessionTimer, Wish};
use super::transfer::Replaces;
use super::ways::{OpenWay, Way};
use crate::seams::signaling::{DialogEvent, EndedBy, SignalingError};

/// What a call over one way begins with.
pub(super) struct Begun {
    pub descriptions: Descriptions,
    /// The dialog before any response: what each branch begins from.
    pub base: Dialog,
}

/// A call that is being made.
pub(super) struct Calling {
    call: Call,
    base: Dialog,
    way: Way,
    /// Ways not yet tried, and addresses of this one.
    other_ways: VecDeque<Way>,
    addresses: VecDeque<Hop>,
    /// The INVITE as it was sent last.
    invite: Option<Request>,
    offer: String,
    wish: Wish,
    ring_timeout: Duration,
    ring_until: Instant,
    /// When the next address or way is tried, if nothing at all comes back.
    silent_until: Option<Instant>,
    progress: Progress,
    early: Vec<EarlyBranch>,
    /// Tag of the branch whose early answer was taken.
    answered_by: Option<String>,
    /// Where the leg listens.
    local: (SocketAddr, SocketAddr),
    /// What the caller speaks for whom it is made.
    follows: Option<Codec>,
    inbox_sender: mpsc::Sender<Transaction>,
    /// Held while it rings, for what dropping it does.
    _rung: Rung,
}

/// A branch that sent reliable responses (RFC 3262 §4).
struct EarlyBranch {
    dialog: Dialog,
    last_rseq: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// No response yet: nothing may be cancelled (§9.1).
    Calling,
    /// A provisional response came.
    Proceeding,
    /// It rang, or may have.
    Ringing,
}

enum Woken {
    Command(Option<Command>),
    Request(Box<Transaction>),
    Answer(Option<InviteAnswer>),
    Timeout,
}

/// How an event left the call.
enum Next {
    GoOn,
    /// Another INVITE was sent: these are its answers.
    Again(mpsc::Receiver<InviteAnswer>),
    Agreed,
    /// We gave it up; what still comes is ended, with this reason.
    GivenUp(Option<&'static str>),
    Over,
}

impl Calling {
    /// Before anything was sent.
    pub fn new(
        mut call: Call,
        base: Dialog,
        way: Way,
        inbox_sender: mpsc::Sender<Transaction>,
        (rtp, rtcp, follows): (SocketAddr, SocketAddr, Option<Codec>),
        ring_timeout: Duration,
        rung: Rung,
    ) -> Calling {
        Calling {
            wish: wish(&call.core),
            ring_until: call.core.clock.now() + ring_timeout,
            offer: call.descriptions.offer(),
            call,
            base,
            way,
            other_ways: VecDeque::new(),
            addresses: VecDeque::new(),
            invite: None,
            ring_timeout,
            silent_until: None,
            progress: Progress::Calling,
            early: Vec::new(),
            answered_by: None,
            local: (rtp, rtcp),
            follows,
            inbox_sender,
            _rung: rung,
        }
    }

    /// Sends the INVITE; the rest goes on by itself.
    pub async fn start(mut self, other_ways: VecDeque<Way>, addresses: VecDeque<Hop>) -> Result<(), SignalingError> {
        self.other_ways = other_ways;
        self.addresses = addresses;
        let answers = self.send_invite().await?;
        tokio::spawn(self.run(answers));
        Ok(())
    }

    async fn send_invite(&mut self) -> Result<mpsc::Receiver<InviteAnswer>, SignalingError> {
        let core = self.call.core.clone();
        let via = core.via(&self.call.flow, self.call.peer.as_deref());
        let mut request = self.base.request(Method::Invite, via);
        let domain = core.own_domain(&self.way, &self.call.flow);
        request.headers.extend(self.way.identity.headers(&domain, &self.way.target.to_string()));
        request.headers.extend(vec![
            Header::Allow(ALLOW.into()),
            Header::Supported(SUPPORTED.into()),
            Header::Other(LOOP_HEADER.into(), core.loop_mark.clone()),
            Header::ContentType(SDP.into()),
        ]);
        request.headers.extend(session_timer::request_headers(self.wish, None));
        request.body = self.offer.clone().into_bytes();
        let mut transaction = core.client(request, &self.call.flow)?;
        transaction.send().await.map_err(stack_error)?;
        self.invite = Some(transaction.original.clone());
        self.progress = Progress::Calling;
        let has_other = !self.addresses.is_empty() || !self.other_ways.is_empty();
        self.silent_until = has_other.then(|| core.clock.now() + self.way.silence());
        let way = (core.clone(), self.call.flow.clone());
        Ok(invite_client::start(transaction, Challenge::of(self.call.peer.as_ref()), way))
    }

    async fn run(mut self, mut answers: mpsc::Receiver<InviteAnswer>) {
        loop {
            let deadline = self.silent_until.map_or(self.ring_until, |silent| silent.min(self.ring_until));
            let woken = tokio::select! {
                command = self.call.commands.recv() => Woken::Command(command),
                Some(transaction) = self.call.inbox.recv() => Woken::Request(Box::new(transaction)),
                answer = answers.recv() => Woken::Answer(answer),
                () = until(Some(deadline)) => Woken::Timeout,
            };
            let next = match woken {
                Woken::Command(command) => self.obey(command),
                Woken::Request(transaction) => {
                    self.handle_request(*transaction).await;
                    Next::GoOn
                }
                Woken::Answer(answer) => self.handle_answer(answer).await,
                Woken::Timeout => self.handle_timeout(&mut answers).await,
            };
            match next {
                // A BYE in the early dialog ended it.
                Next::GoOn if self.call.events.has_ended() => return self.give_up(answers, None).await,
                Next::GoOn => {}
                Next::Again(again) => answers = again,
                Next::Agreed => {
                    let (core, peer, base) = (self.call.core.clone(), self.call.peer.clone(), self.base.clone());
                    tokio::spawn(end_forks(core, peer, base, self.call.flow.clone(), answers));
                    drop(self._rung);
                    return self.call.run().await;
                }
                Next::GivenUp(reason) => return self.give_up(answers, reason).await,
                Next::Over => return,
            }
        }
    }

    fn obey(&mut self, command: Option<Command>) -> Next {
        match command {
            Some(Command::HangUp(reason, reply)) => {
                self.call.end(EndedBy::Us);
                let _ = reply.send(Ok(()));
                Next::GivenUp(reason.map(reason_text))
            }
            Some(command) => {
                command.refuse();
                Next::GoOn
            }
            // Its owner is gone.
            None => {
                self.call.end(EndedBy::Us);
                Next::GivenUp(None)
            }
        }
    }

    async fn handle_timeout(&mut self, answers: &mut mpsc::Receiver<InviteAnswer>) -> Next {
        if self.call.core.clock.now() >= self.ring_until {
            self.call.end(EndedBy::RingTimeout);
            return Next::GivenUp(None);
        }
        self.silent_until = None;
        let Some(other) = self.other().await else { return Next::GoOn };
        tracing::info!(sip.trunk = %self.way.peer.name, "No answer to a call; another way is tried");
        let left = self.abandoned(None);
        let again = self.go(other).await;
        let (again, next) = match again {
            Ok(again) => (again, Next::GoOn),
            Err(error) => {
                tracing::warn!(%error, "A call could not be sent by another way");
                self.call.end(EndedBy::Failure);
                (mpsc::channel(1).1, Next::Over)
            }
        };
        let before = std::mem::replace(answers, again);
        if let Some(left) = left {
            tokio::spawn(left.run(before));
        }
        next
    }

    /// Another address of this way, or another way. Nothing has changed yet.
    async fn other(&mut self) -> Option<Other> {
        let core = self.call.core.clone();
        if let Ok(flow) = core.first_flow(&mut self.addresses, &self.way.peer).await {
            return Some(Other::Address(flow));
        }
        let open = core.open_way(&mut self.other_ways).await.ok()?;
        Some(Other::Way(Box::new(open)))
    }

    async fn go(&mut self, other: Other) -> Result<mpsc::Receiver<InviteAnswer>, SignalingError> {
        match other {
            Other::Address(flow) => self.call.flow = flow,
            Other::Way(open) => self.take_way(*open),
        }
        self.send_invite().await
    }

    /// Begins anew over another way: another dialog, and descriptions with what that way is told.
    fn take_way(&mut self, open: OpenWay) {
        let core = self.call.core.clone();
        let begun = core.begin(&open, self.local, self.follows);
        let OpenWay { way, flow, addresses, place } = open;
        self.call.listed =
            vec![Dialogs::list(&core, &begun.base.call_id, &begun.base.local_tag, self.inbox_sender.clone())];
        self.call.peer = Some(way.peer.clone());
        self.call.dialog = begun.base.clone();
        let mut before = std::mem::replace(&mut self.call.descriptions, begun.descriptions);
        self.call.descriptions.take_medium_of(&mut before);
        self.call.places = vec![place];
        self.call.flow = flow;
        self.call.next_hop = None;
        self.base = begun.base;
        self.way = way;
        self.addresses = addresses;
        self.early.clear();
        self.answered_by = None;
        self.offer = self.call.descriptions.offer();
        self.ring_until = core.clock.now() + self.ring_timeout;
    }

    fn abandoned(&self, reason: Option<&'static str>) -> Option<Abandoned> {
        Some(Abandoned {
            core: self.call.core.clone(),
            peer: self.call.peer.clone(),
            base: self.base.clone(),
            flow: self.call.flow.clone(),
            invite: self.invite.clone()?,
            has_begun: self.progress != Progress::Calling,
            reason,
        })
    }

    /// The end was told; what still comes of the INVITE is ended.
    async fn give_up(self, answers: mpsc::Receiver<InviteAnswer>, reason: Option<&'static str>) {
        let Some(left) = self.abandoned(reason) else { return };
        drop(self);
        left.cancel().await;
        left.run(answers).await;
    }

    async fn handle_answer(&mut self, answer: Option<InviteAnswer>) -> Next {
        self.silent_until = None;
        match answer {
            Some(InviteAnswer::SentAgain(request)) => {
                if let Ok(cseq) = request.cseq_header().and_then(|header| header.seq()) {
                    self.base.skip_to_cseq(cseq);
                }
                self.invite = Some(*request);
                self.progress = Progress::Calling;
                Next::GoOn
            }
            Some(InviteAnswer::Provisional(response)) => {
                self.handle_provisional(&response).await;
                Next::GoOn
            }
            Some(InviteAnswer::Final(response)) if response.status_code.code() >= 300 => {
                self.handle_refusal(&response).await
            }
            Some(InviteAnswer::Final(response)) => self.handle_success(&response).await,
            Some(InviteAnswer::Fork(response)) => {
                let (core, peer) = (&self.call.core, self.call.peer.as_ref());
                end_branch(core, peer, &self.base, &self.call.flow, &response, None).await;
                Next::GoOn
            }
            // The transport failed.
            Some(InviteAnswer::Over) | None => match self.try_elsewhere().await {
                Some(next) => next,
                None => {
                    self.call.end(EndedBy::Failure);
                    Next::Over
                }
            },
        }
    }

    /// After a failure: another address or way, unless somebody may have been rung.
    async fn try_elsewhere(&mut self) -> Option<Next> {
        if self.progress == Progress::Ringing {
            return None;
        }
        let other = self.other().await?;
        match self.go(other).await {
            Ok(again) => Some(Next::Again(again)),
            Err(error) => {
                tracing::warn!(%error, "A call could not be sent by another way");
                None
            }
        }
    }

    async fn handle_provisional(&mut self, response: &Response) {
        let status = response.status_code.code();
        if self.progress == Progress::Calling {
            self.progress = Progress::Proceeding;
        }
        if status > 100 {
            let was = std::mem::replace(&mut self.progress, Progress::Ringing);
            self.acknowledge_reliable(response).await;
            if was != Progress::Ringing {
                self.call.events.tell(DialogEvent::Ringing);
            }
        }
    }

    /// PRACK for a reliable provisional response (RFC 3262 §4), within the branch that sent it; its body may be the
    /// answer to our offer.
    async fn acknowledge_reliable(&mut self, response: &Response) {
        let (Some(rseq), true) = (response.rseq_value(), response.header_contains_token("Require", "100rel")) else {
            return;
        };
        let Ok(made) = self.base.made_by(response) else { return };
        let Ok(cseq) = response.cseq_header().and_then(|header| header.seq()) else { return };
        let at = self.early.iter().position(|branch| branch.dialog.remote_tag == made.remote_tag);
        let at = match at {
            Some(at) if rseq != self.early[at].last_rseq + 1 => return,
            Some(at) => at,
            None if self.early.len() >= FORKS_MAX => return,
            None => {
                self.early.push(EarlyBranch { dialog: made, last_rseq: rseq });
                self.early.len() - 1
            }
        };
        let branch = &mut self.early[at];
        branch.last_rseq = rseq;
        let core = self.call.core.clone();
        let flow = in_dialog_flow(&core, self.call.peer.as_ref(), &branch.dialog, &self.call.flow).await;
        let mut prack = branch.dialog.request(Method::PRack, core.via(&flow, self.call.peer.as_deref()));
        prack.headers.push(Header::RAck(RAck::new(format!("{rseq} {cseq} INVITE"))));
        let tag = branch.dialog.remote_tag.clone();
        if !response.body.is_empty()
            && self.call.descriptions.is_offer_open()
            && self.call.descriptions.take_answer(&response.body).is_ok()
        {
            self.answered_by = Some(tag);
            self.call.apply_agreement();
        }
        send_and_forget(&core, self.call.peer.as_ref(), prack, &flow).await;
    }

    async fn handle_success(&mut self, response: &Response) -> Next {
        let made = match self.base.made_by(response) {
            Ok(made) => made,
            Err(error) => {
                tracing::info!(%error, "A call was answered by a 200 that makes no dialog");
                self.call.end(EndedBy::Failure);
                return Next::Over;
            }
        };
        let used = self.early.iter().find(|branch| branch.dialog.remote_tag == made.remote_tag);
        let used = used.map_or(0, |branch| branch.dialog.local_cseq());
        let is_answered = self.answered_by.as_ref() == Some(&made.remote_tag);
        self.call.dialog = made;
        self.call.dialog.skip_to_cseq(used);
        self.call.next_hop = None;
        let descriptions = &mut self.call.descriptions;
        let taken = match (is_answered, descriptions.is_offer_open()) {
            (true, _) => Ok(()),
            (false, true) => descriptions.take_answer(&response.body),
            (false, false) => descriptions.take_other_answer(&response.body),
        };
        if let Err(error) = taken {
            tracing::info!(%error, "A call was answered by a 200 without a usable answer");
            self.call.events.tell(DialogEvent::Refused(488));
            self.call.hang_up(EndedBy::Failure, Some("SIP;cause=488")).await;
            return Next::Over;
        }
        self.call.apply_agreement();
        self.call.can_update = response.header_value("Allow").is_some_and(|allow| allow.contains("UPDATE"));
        let (now, second) = (self.call.core.clock.now(), self.call.core.times.second);
        self.call.timer =
            session_timer::accepted(Asked::read(response)).map(|agreed| SessionTimer::start(agreed, now, second));
        self.call.talk = Some(Talk::begin(self.way.peer.clone(), self.call.core.clock.clone()));
        if self.call.connecting.is_none() {
            self.call.events.tell(DialogEvent::Confirmed);
        }
        Next::Agreed
    }

    /// A refusal: once more where that may help, by another way where this one failed, else the end.
    async fn handle_refusal(&mut self, response: &Response) -> Next {
        let status = response.status_code.code();
        let min_seconds = Asked::read(response).min_seconds.filter(|min| *min > self.wish.seconds);
        if let (422, Some(min_seconds)) = (status, min_seconds) {
            self.wish = Wish { seconds: min_seconds, min_seconds: min_seconds.max(self.wish.min_seconds) };
            if let Ok(again) = self.send_invite().await {
                return Next::Again(again);
            }
        }
        // The trunk does not let us show the caller: once with our own number (R50).
        if status == 403
            && self.progress != Progress::Ringing
            && let Some(own) = self.way.identity.without_original()
        {
            self.show(own);
            if let Ok(again) = self.send_invite().await {
                return Next::Again(again);
            }
        }
        // Of an overloaded or dead host another address is tried (RFC 3263 §4.3); what else fails, fails for all of it.
        if status != 503 && status != 408 {
            self.addresses.clear();
        }
        if (status == 408 || (500..600).contains(&status))
            && let Some(next) = self.try_elsewhere().await
        {
            return next;
        }
        self.call.events.tell(DialogEvent::Refused(status));
        self.call.end(EndedBy::FarEnd);
        Next::Over
    }

    fn show(&mut self, identity: super::identity::Identity) {
        let (core, before) = (self.call.core.clone(), &self.base);
        let mut base = core.dialog_over(&self.way, &identity, &self.call.flow, &before.call_id, &before.local_tag);
        base.skip_to_cseq(before.local_cseq());
        self.way.identity = identity;
        self.call.dialog = base.clone();
        self.base = base;
    }

    async fn handle_request(&mut self, transaction: Transaction) {
        match transaction.original.method {
            // Only what is answered can be replaced here (RFC 3891 §3).
            Method::Invite if Replaces::is_in(&transaction.original) => self.call.refuse(transaction, 481).await,
            Method::Invite => self.call.refuse(transaction, 500).await,
            // Early dialogs know requests too; what changes the session waits for the answer (RFC 3311 §5.2).
            Method::Update if !transaction.original.body.is_empty() => self.call.refuse(transaction, 491).await,
            _ => self.call.handle_request(transaction).await,
        }
    }
}

/// Where else a call can go.
enum Other {
    Address(Flow),
    Way(Box<OpenWay>),
}
