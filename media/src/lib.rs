//! Switchboard's real-time audio engine.
//!
//! Sans-IO: datagrams, times and commands come in as arguments; datagrams, 20 ms frames and events
//! are polled out. Nothing here reads a clock, draws a random number, opens a socket or a file, or
//! knows an async runtime: the compiler keeps those out, since they are not dependencies.
//!
//! How one packet becomes one frame: [`rtp`] reads it, `source` decides whether it is the far end's,
//! `jitter` lays its bytes onto the sender's timeline, `receiver` takes 20 ms off that timeline as soon
//! as they are whole (or conceals them once they are overdue), `codec` decodes and brings them to
//! 16 kHz. The other way round: `playout` says what is to be heard in the next packet time, `codec`
//! encodes it, `pacer` says when, `outgoing` puts them together. Where several legs of a call hear each other, [`mixer`]
//! says who hears whom and adds them up.

mod codec;
mod comfort_noise;
mod delay;
mod dtmf;
mod elastic;
mod events;
mod jitter;
mod outbox;
mod outgoing;
mod pacer;
mod playout;
mod plc;
mod queue;
mod receiver;
mod relay;
mod sent_history;
mod source;
mod time;

pub mod echo;
pub mod fax;
pub mod frame;
pub mod mixer;
pub mod params;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod session;
pub mod vad;

pub use frame::{Clip, ENGINE_RATE_HZ, FRAME_MS, FRAME_SAMPLES, Frame};
pub use mixer::{Role, Room, Seat, Side, Supervision, Voice};
pub use params::{
    Codec, Direction, DtmfFormat, Event, HeardFrame, Key, PlayItem, RecordFrame, SessionConfig, SourceRule,
    StreamParams, Transmit, TransmitKind, UtteranceId,
};
pub use relay::RelayPacket;
pub use session::{Session, Stats};
