//! Whether a turn sounds over, whatever its words: the fall of a voice at an end, its hovering before more.

use tokio::sync::oneshot;

/// Judges the melody of speech. One instance serves all calls.
pub trait TurnEnd: Send + Sync {
    /// Judges 16 kHz mono audio of one utterance that ends in a pause; its last eight seconds count.
    ///
    /// The answer is the probability, 0–1, that the turn is over. Dropping the receiver takes the question
    /// back, which is how a newer one of the same call replaces it. A judge that is busy or lost closes the
    /// channel instead of answering: an answer that comes late is worth nothing.
    fn judge(&self, samples: Vec<i16>) -> oneshot::Receiver<f32>;
}
