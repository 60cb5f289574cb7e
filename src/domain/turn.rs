//! One turn of a conversation as the support core sees it: what came in, and what was decided.

use serde::{Deserialize, Serialize};

use super::conversation::Channel;
use super::knowledge::ArticleRef;
use super::time::EpochMs;

/// What a channel can do, as data: the support core knows nothing else about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelTraits {
    /// The customer waits on the line.
    pub live: bool,
    /// The customer can be joined to a person.
    pub can_transfer: bool,
    /// The longest text that can be sent, in characters.
    pub text_chars_max: usize,
    /// How long an answer may take, in milliseconds.
    pub latency_ms_budget: u32,
    /// Whether Markdown survives.
    pub markup: bool,
}

impl ChannelTraits {
    /// A telephone call.
    pub const PHONE: ChannelTraits =
        ChannelTraits { live: true, can_transfer: true, text_chars_max: 600, latency_ms_budget: 700, markup: false };
    /// Messages posted through the API.
    pub const API: ChannelTraits = ChannelTraits {
        live: false,
        can_transfer: false,
        text_chars_max: 10_000,
        latency_ms_budget: 10_000,
        markup: true,
    };
    /// The chat on the business's own pages.
    pub const WIDGET: ChannelTraits = ChannelTraits::API;
    /// Mail: nobody waits for it in front of a screen.
    pub const EMAIL: ChannelTraits =
        ChannelTraits { text_chars_max: 25_000, latency_ms_budget: 60_000, markup: false, ..ChannelTraits::API };
    /// Slack takes 40,000 characters; what people read is shorter.
    pub const SLACK: ChannelTraits = ChannelTraits { markup: false, ..ChannelTraits::API };
    /// Telegram, as `sendMessage` takes it.
    pub const TELEGRAM: ChannelTraits = ChannelTraits { text_chars_max: 4_096, markup: false, ..ChannelTraits::API };
    /// Discord, as a message of it takes it.
    pub const DISCORD: ChannelTraits = ChannelTraits { text_chars_max: 2_000, ..ChannelTraits::API };

    /// What this channel can do.
    pub fn of(channel: Channel) -> ChannelTraits {
        match channel {
            Channel::Phone => ChannelTraits::PHONE,
            Channel::Api => ChannelTraits::API,
            Channel::Widget => ChannelTraits::WIDGET,
            Channel::Email => ChannelTraits::EMAIL,
            Channel::Slack => ChannelTraits::SLACK,
            Channel::Telegram => ChannelTraits::TELEGRAM,
            Channel::Discord => ChannelTraits::DISCORD,
        }
    }
}

/// Who said an earlier line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The customer.
    Customer,
    /// The agent or a person of ours.
    Us,
}

/// An earlier line of the conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Who said it.
    pub speaker: Speaker,
    /// What was said (for us: what was heard of it).
    pub text: String,
}

/// A turn to be answered.
#[derive(Clone)]
pub struct TurnInput {
    /// What the customer wrote or said.
    pub text: String,
    /// Earlier lines, oldest first.
    pub history: Vec<Line>,
    /// The entry that was offered by "Do you mean …?" in the last turn, if one was.
    pub offered: Option<String>,
    /// What the channel can do.
    pub channel: ChannelTraits,
    /// Now.
    pub now: EpochMs,
}

/// What becomes of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The reply goes out.
    Send,
    /// A question goes back: "Do you mean …?"
    Clarify,
    /// A person looks at the draft first. On live channels this follows the on-unresolved choice.
    Hold,
    /// A person takes the case.
    HandOff,
}

/// A matter on which nothing is answered automatically (R18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskTopic {
    /// Danger to life: its own fixed path.
    SelfHarm,
    /// A person is asked for.
    RequestForHuman,
    /// Lawyers, authorities, threats of action.
    Legal,
    /// Danger to health or property.
    Safety,
    /// A disputed charge or bill.
    BillingDispute,
    /// Money back.
    Refund,
    /// Access to, or change of, an account.
    AccountAccess,
    /// Personal data.
    PersonalData,
    /// Threats or insults.
    Abuse,
    /// An upset customer.
    Upset,
}

/// Why a verdict was passed; shown to people as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "topic")]
pub enum Reason {
    /// Clear and low-risk.
    ClearAndLowRisk,
    /// Two or more answers are near.
    Ambiguous,
    /// Nothing in the knowledge answers it well enough.
    NotKnown,
    /// The language model that was to write the answer saw a reason for a person to look at it.
    WriterFlagged,
    /// The language model that was to write the answer saw a reason for a person to take the case.
    WriterEscalated,
    /// A sensitive matter.
    Risk(RiskTopic),
    /// The entry itself wants a person.
    EntrySensitivity,
    /// The words tell of a fault, which a how-to does not answer.
    FaultReported,
    /// The agent only drafts.
    DraftOnly,
    /// The agent is not published.
    Unpublished,
    /// Files came without words, which a person has to look at.
    OnlyFiles,
    /// Small talk that asks nothing.
    NothingAsked,
    /// The text is in a language that is not supported.
    UnsupportedLanguage,
}

/// A source that a reply rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The entry's id.
    pub entry: String,
    /// Its question.
    pub question: String,
    /// Where it comes from.
    pub source: String,
    /// How near it was, the retrieval score H.
    pub score: f32,
    /// The article and revision it is a passage of, where it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<ArticleRef>,
}

/// What was decided and on what ground; stored with the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What becomes of the turn.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Calibrated probability that the best answer is right, 0–1.
    pub confidence: f32,
    /// What the reply rests on, best first.
    pub sources: Vec<Source>,
    /// The eight features of the confidence, for later calibration (order: see `support::confidence`).
    pub features: Vec<f32>,
    /// Time the desk took, in milliseconds.
    pub desk_ms: f32,
    /// What a language model had to do with the words; `None` where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<Writer>,
}

/// A language model's part in a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Writer {
    /// The model, by its provider's name.
    pub model: String,
    /// What came of asking it.
    pub outcome: WriterOutcome,
    /// Its reason for a person, or why its answer was not used; for teammates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Time it took, in milliseconds.
    pub writer_ms: f32,
}

/// What came of asking a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriterOutcome {
    /// The words are its own, each sentence found in the passages.
    Wrote,
    /// It asked back.
    Asked,
    /// It wanted a person to look at it.
    Flagged,
    /// It wanted a person to take the case.
    Escalated,
    /// What it wrote does not stand in the passages; the words are the knowledge's own.
    Ungrounded,
    /// It failed, or was too late; the words are the knowledge's own.
    Failed,
}

impl Decision {
    /// Whether the knowledge lacked an answer: what is asked so is collected for the team.
    pub fn leaves_a_gap(&self) -> bool {
        match (self.verdict, self.reason) {
            (_, Reason::NotKnown) => true,
            (verdict, Reason::Ambiguous) => matches!(verdict, Verdict::Hold | Verdict::HandOff),
            _ => false, // Answered, or held for what it is about rather than for what is not known.
        }
    }
}

/// A turn answered, before anything was done about it: it can be thrown away without a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What was decided.
    pub decision: Decision,
    /// What to say or write, sentence by sentence; for Hold and HandOff the draft, which the customer does not get
    /// unless [`Turn::goes_out`] says so.
    pub sentences: Vec<String>,
    /// The entry offered by a clarifying question.
    pub offered: Option<String>,
}

impl Turn {
    /// Whether the customer gets the sentences: replies, questions back, and the fixed words to a person in danger.
    pub fn goes_out(&self) -> bool {
        match self.decision.verdict {
            Verdict::Send | Verdict::Clarify => true,
            Verdict::Hold | Verdict::HandOff => self.decision.reason == Reason::Risk(RiskTopic::SelfHarm),
        }
    }
}
