//! What goes into and comes out of [`super::CallFlow`].

use std::time::Duration;

use crate::domain::call::CallOutcome;
use crate::domain::conversation::{Handler, Status};
use crate::domain::dialplan::plan::Queue;
use crate::domain::escalation::Rung;
use crate::domain::ladder::LadderEnd;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::ticket::{Clip, Field};
use crate::domain::turn::{Decision, Turn};
use crate::support::unresolved::Resolution;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The call was answered.
    Answered,
    /// The caller began to speak.
    CallerSpeaks,
    /// What sounded like the caller was a cough or a noise.
    NothingSaid,
    /// The caller's turn is over; empty when no words were found in it.
    Heard {
        /// The final transcript.
        text: String,
        /// Where the recording holds it.
        clip: Option<Clip>,
    },
    /// The desk has decided.
    TurnReady {
        /// The text it was asked about.
        text: String,
        /// Its decision.
        turn: Box<Turn>,
        /// What the on-unresolved choice would be, should it be needed.
        resolution: Resolution,
    },
    /// The desk has decided, and the first of the words are there; the rest follows.
    TurnBegun {
        /// The text it was asked about.
        text: String,
        /// Its decision, with the words so far.
        turn: Box<Turn>,
        /// As above.
        resolution: Resolution,
    },
    /// More of those words.
    TurnGoesOn(String),
    /// Those were all.
    TurnOver,
    /// The desk failed.
    TurnFailed,
    /// A key (ASCII).
    Key(u8),
    /// The sentence with the recording notice was heard to its end.
    NoticeHeard,
    /// All that was to be said has been said.
    SpeechEnded,
    /// The recording of a message cannot go on.
    RecordingFailed,
    /// Caller and person are joined.
    Joined,
    /// Whoever was rung has not taken it, and others are rung now.
    TryingNext,
    /// The dialplan's people are being rung now.
    PeopleRing,
    /// The caller's place in the queue, counted from one, and how long it may take.
    QueuePlace(usize, Option<Duration>),
    /// The queue is full.
    QueueFull,
    /// The joined person passes the call on, and others are rung now.
    PassedOn,
    /// The joined person was lost and can be rung again.
    PersonLost,
    /// The joined person holds the caller, or is back.
    PersonHolds(bool),
    /// All that could be done to reach a person is done.
    LadderEnded(LadderEnd),
    /// The caller holds.
    Held,
    /// The caller is back.
    Resumed,
    /// The caller hung up.
    CallerGone,
    /// The call has lasted as long as it may.
    TimeIsUp,
    /// Speech recognition is lost for the rest of the call.
    Deafened,
    /// A fax calls: nobody is there.
    FaxCalls,
    /// A teammate has the caller connected with these.
    TransferOrdered(Vec<Rung>),
    /// A teammate ends the call.
    EndOrdered,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Say this; what was being said before is dropped.
    Say(Say),
    /// Say this behind what is being said, which has waited for it.
    SayMore(String),
    /// Nothing follows what is being said.
    SaidAll,
    /// Play this sound file of the dialplan; what was being said before is dropped.
    Play(String),
    /// Ask the desk.
    Consult {
        /// The caller's words.
        text: String,
        /// The entry offered before.
        offered: Option<String>,
    },
    /// Store what would have been said, for a person.
    Draft {
        /// The reply.
        sentences: Vec<String>,
        /// What was decided.
        decision: Box<Decision>,
    },
    /// Change the conversation's state.
    Mark {
        /// New status.
        status: Status,
        /// New handler.
        handler: Handler,
        /// Why.
        reason: String,
    },
    /// Store a ticket.
    Ticket {
        /// Why a person is needed.
        reason: String,
        /// What was collected.
        fields: Vec<Field>,
        /// What it stands for.
        of: TicketOf,
    },
    /// Play the tone after which a message is recorded.
    Beep,
    /// Record a message, in a recording of its own.
    RecordMessage,
    /// It has ended.
    StopMessage {
        /// Whether something was said; otherwise it is deleted.
        keep: bool,
    },
    /// Begin the ladder of the agent's policy.
    Transfer {
        /// Why.
        reason: String,
        /// Whoever is not reached is called back, whatever the rungs say.
        callback_after: bool,
        /// Somebody may be in danger: nothing but the policy keeps a person from being rung.
        urgent: bool,
    },
    /// Begin the ladder of these rungs, which the dialplan names; the rest is as the agent's policy says.
    Ring(Vec<Rung>),
    /// Give the caller a place in this queue, or tell them that it is full.
    JoinQueue(Queue),
    /// Tell the caller's place.
    AskPlace,
    /// Give the place back.
    LeaveQueue,
    /// Ring the person who was lost again.
    Reconnect,
    /// Stop ringing, or end the person's leg.
    CancelTransfer {
        /// The caller hung up; otherwise they go on with the agent.
        caller_gone: bool,
    },
    /// Play what a waiting caller hears, until something else is said.
    HoldTone,
    /// Begin to record.
    StartRecording,
    /// Go on recording the call, if a message's recording had taken its place.
    ResumeRecording,
    /// Stop and delete what was recorded.
    DeleteRecording,
    /// Digits are being keyed: write silence into the recording, from the first tone on; or stop doing so.
    MuteRecording(bool),
    /// End the call.
    HangUp,
    /// The call is over with this outcome.
    End(CallOutcome),
}

/// What a ticket stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum TicketOf {
    /// Something to look into.
    FollowUp,
    /// A message was left.
    Voicemail {
        /// Whether the last one recorded can be listened to.
        recorded: bool,
    },
    /// The caller wants to be called back.
    Callback {
        /// On this number.
        number: PhoneNumber,
        /// When, in their words.
        time: Option<String>,
    },
}

/// Numbers are personal data and stay out of logs.
impl std::fmt::Debug for TicketOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TicketOf::FollowUp => "FollowUp",
            TicketOf::Voicemail { .. } => "Voicemail",
            TicketOf::Callback { .. } => "Callback",
        })
    }
}

/// What kind of words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SayKind {
    /// The first words.
    Greeting,
    /// The desk's answer.
    Answer,
    /// A question or statement about the call.
    Prompt,
    /// Filling a pause; not part of the conversation.
    Filler,
    /// The last words.
    Goodbye,
}

/// Something to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Say {
    /// What kind of words.
    pub kind: SayKind,
    /// Sentence by sentence.
    pub sentences: Vec<String>,
    /// Which of them is the recording notice.
    pub notice: Option<usize>,
    /// What was decided, to be stored with the message.
    pub decision: Option<Box<Decision>>,
    /// The caller asked for slower speech.
    pub slower: bool,
    /// More of it follows by [`Effect::SayMore`], until [`Effect::SaidAll`].
    pub goes_on: bool,
}

impl Say {
    /// These sentences.
    pub fn new(kind: SayKind, sentences: Vec<String>) -> Say {
        Say { kind, sentences, notice: None, decision: None, slower: false, goes_on: false }
    }

    /// One fixed sentence.
    pub fn prompt(words: &str) -> Say {
        Say::new(SayKind::Prompt, vec![words.to_owned()])
    }

    /// A filler.
    pub fn filler(words: &str) -> Say {
        Say::new(SayKind::Filler, vec![words.to_owned()])
    }
}
