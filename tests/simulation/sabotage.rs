//! Ways to break the house on purpose, so that every check is seen to fail when what it guards is gone.

/// What is left out or done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The flow's own times never come: no re-prompt, no filler, no update.
    NoTimes,
    /// A caller who was not understood is not asked again.
    NoReprompt,
    /// A telephone that rings is not cancelled.
    NoCancel,
    /// A leg that was picked up is not ended.
    NoBye,
    /// Whoever picks up is told the case at once.
    TellAtOnce,
    /// What a caller said is dialled.
    DialTheCaller,
    /// Held drafts are spoken.
    SpeakDrafts,
    /// Tickets are not stored.
    NoTicket,
    /// The outcome is told twice.
    EndTwice,
    /// Nobody's engagement is looked at.
    OfferTwice,
    /// After a crash nothing is looked after.
    NoRecovery,
    /// The first rung is passed over in silence.
    RingNobody,
    /// Nobody who takes a call is told that it is recorded.
    NoNotice,
    /// A customer who is called back is not listened to.
    DeafCallback,
    /// What became of an attempt is not stored.
    NoAttemptOutcome,
}
