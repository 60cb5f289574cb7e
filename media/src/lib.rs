//! Switchboard's real-time audio engine.
//!
//! Sans-IO: datagrams, times and commands come in as arguments; datagrams, 20 ms frames and events
//! are polled out. Nothing here reads a clock, draws a random number, opens a socket or a file, or
//! knows an async runtime: the compiler keeps those out, since they are not dependencies.

pub mod echo;
pub mod frame;
pub mod session;
pub mod vad;

pub use frame::{Clip, ENGINE_RATE_HZ, FRAME_MS, FRAME_SAMPLES, Frame};
pub use session::{
    Codec, Direction, DtmfFormat, Event, HeardFrame, Key, PlayItem, RecordFrame, Session, SessionConfig, SourceRule,
    StreamParams, Transmit, TransmitKind, UtteranceId,
};
