//! Who speaks when. Pure machines that count frames of 20 ms instead of reading a clock.
//!
//! 1. [`SpeechGate`] hears both directions and says of each frame whether the caller speaks.
//! 2. [`TurnDetector`] follows one utterance: when a transcript is worth asking for, when an answer may be
//!    prepared, when the turn is over. [`completeness`] reads from the words how long to wait.
//! 3. [`Interruption`] decides what becomes of our own speech when the caller speaks into it.
//!
//! [`Listener`] is the three of them together, as a call uses them.

pub mod completeness;
mod interruption;
mod listener;
mod speech_gate;
mod turn_detector;
mod waits;
mod word_lists;

pub use self::completeness::{Ending, Expectation};
pub use self::interruption::{Interruption, InterruptionEffect, InterruptionEvent, Utterances};
pub use self::listener::{Listener, Listening};
pub use self::speech_gate::{Gated, SpeechGate};
pub use self::turn_detector::{TurnDetector, TurnEffect, TurnEvent};
pub use self::waits::EndOfTurnSettings;
