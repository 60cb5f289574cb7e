//! The voices made out of the one model.

use super::vocoder::NATURAL_HOP;

/// How a voice differs from the model's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// Its name in requests and configuration.
    pub name: &'static str,
    /// Samples a frame: more than [`NATURAL_HOP`] lowers formants and pitch together, as a longer throat does.
    pub hop: usize,
    /// A factor on the pitch beyond that.
    pub pitch: f32,
    /// A factor on the pace beyond what the frame length takes back.
    pub pace: f32,
    /// A factor on the samples. One for all speech of a voice: its sentences come out within 2 dB of each other,
    /// and a factor for each would make the loudness jump between the pieces of one. Gives −20 dBFS.
    pub gain: f32,
}

/// The agent's voice, and what an unknown name gets.
pub const AGENT: Voice = Voice { name: "agent", hop: NATURAL_HOP, pitch: 1.0, pace: 1.0, gain: 1.8 };
/// A deeper speaker, plainly another person, for the synthesised caller of the demo.
pub const CALLER: Voice = Voice { name: "caller", hop: 232, pitch: 0.72, pace: 1.02, gain: 0.8 };
/// All of them.
pub const VOICES: [Voice; 2] = [AGENT, CALLER];

impl Voice {
    /// The voice of this name.
    pub fn named(name: Option<&str>) -> Voice {
        VOICES.into_iter().find(|voice| Some(voice.name) == name).unwrap_or(AGENT)
    }

    /// The speed to ask of the network for a requested speed: a longer frame is made up for by fewer frames.
    pub fn network_speed(&self, speed: f32) -> f32 {
        speed * self.pace * self.hop as f32 / NATURAL_HOP as f32
    }
}
