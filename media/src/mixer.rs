//! A call that a third ear has joined: who hears whom, and the sum of what each ear hears.
//!
//! 1. [`Room`] is the table, and nothing else decides: whoever carries frames between the legs of a call asks it for
//!    each ear and each voice.
//! 2. [`Mixer`] stands before one ear. Each voice comes to it by the seat of whoever speaks, in a store of its own that
//!    makes the speaker's clock ours. A seat is kept for the whole call: a voice goes on without a seam while others
//!    come and go, or while its owner becomes somebody else (a supervisor who takes over).
//! 3. A voice that comes or goes does so over 5 ms, so that it is not heard as a click.
//! 4. One voice alone is passed on as it is. Several are added; what would be too loud is bent, never cut.

use crate::elastic::Elastic;
use crate::frame::Frame;

/// Voices that one ear can hear beside each other: the legs of a call, and the agent in the place of its own.
pub const SEATS: usize = 3;
/// Over so many samples a voice comes and goes: 5 ms.
const FADE: usize = 80;
/// Up to here (−2.5 dBFS) a sum stays as it is. Speech of three is seldom louder; what is loses its peaks alone.
const KNEE: i32 = 24_576;
/// The longest packet: 60 ms.
const PACKET_SAMPLES_MAX: usize = 960;

/// A leg's place among the legs of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat(u8);

impl Seat {
    /// All of them.
    pub const ALL: [Seat; SEATS] = [Seat(0), Seat(1), Seat(2)];

    /// The first that none of these has. There are as many seats as legs on a call; were there none left, the first.
    pub fn beside(taken: &[Seat]) -> Seat {
        Seat::ALL.into_iter().find(|seat| !taken.contains(seat)).unwrap_or_default()
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a leg is on its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whose call it is.
    Customer,
    /// The person who speaks with them.
    Colleague,
    /// Who listens to both.
    Supervisor,
}

/// Whose voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Of a leg.
    Of(Role),
    /// What is played to the customer: the agent's words, and tones.
    Agent,
}

/// How far a supervisor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// Hears everybody, is heard by nobody.
    Listen,
    /// Is heard by one side alone.
    Whisper(Side),
    /// Everybody hears everybody.
    Barge,
}

/// One of the two whom a supervisor listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The customer.
    Customer,
    /// The person who speaks with them.
    Colleague,
}

/// Who is on a call, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// A colleague speaks with the customer.
    pub is_bridged: bool,
    /// A supervisor is there.
    pub supervision: Option<Supervision>,
}

impl Room {
    /// Whether this ear hears this voice. Nobody hears themselves; the agent's words are the customer's and the
    /// supervisor's to hear.
    pub fn hears(self, ear: Role, voice: Voice) -> bool {
        use Role::{Colleague, Customer, Supervisor};
        let bridged = self.is_bridged;
        match (ear, voice) {
            (Customer, Voice::Agent) => true,
            (Customer, Voice::Of(Colleague)) | (Colleague, Voice::Of(Customer)) => bridged,
            (Customer, Voice::Of(Supervisor)) => self.reaches(Side::Customer),
            (Colleague, Voice::Of(Supervisor)) => bridged && self.reaches(Side::Colleague),
            (Supervisor, Voice::Of(Customer) | Voice::Agent) => self.supervision.is_some(),
            (Supervisor, Voice::Of(Colleague)) => bridged && self.supervision.is_some(),
            (Customer, Voice::Of(Customer))
            | (Colleague, Voice::Of(Colleague) | Voice::Agent)
            | (Supervisor, Voice::Of(Supervisor)) => false,
        }
    }

    fn reaches(self, side: Side) -> bool {
        match self.supervision {
            Some(Supervision::Barge) => true,
            Some(Supervision::Whisper(to)) => to == side,
            Some(Supervision::Listen) | None => false,
        }
    }
}

/// What one ear hears.
pub struct Mixer {
    voices: [Line; SEATS],
}

struct Line {
    store: Elastic,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing comes from there.
    Closed,
    /// The first sample is still to be heard.
    Opening,
    Open,
    /// The last samples are still to be heard.
    Closing,
}

impl Default for Mixer {
    fn default() -> Mixer {
        Mixer::new()
    }
}

impl Mixer {
    /// An ear that hears nothing, with all its memory: 15 kB.
    pub fn new() -> Mixer {
        Mixer { voices: std::array::from_fn(|_| Line { store: Elastic::new(), state: State::Closed }) }
    }

    /// A frame of whoever sits there.
    pub fn push(&mut self, from: Seat, frame: &Frame) {
        let line = &mut self.voices[from.index()];
        if matches!(line.state, State::Closed | State::Closing) {
            line.store.clear();
            line.state = State::Opening;
        }
        line.store.push(&frame.0);
    }

    /// Whoever sits there is not heard any more.
    pub fn close(&mut self, from: Seat) {
        let line = &mut self.voices[from.index()];
        match line.state {
            State::Open => line.state = State::Closing,
            State::Opening => line.shut(),
            State::Closed | State::Closing => {}
        }
    }

    /// Nobody is heard any more, at once.
    pub fn clear(&mut self) {
        self.voices.iter_mut().for_each(Line::shut);
    }

    /// Whether nobody is heard.
    pub fn is_silent(&self) -> bool {
        self.voices.iter().all(|line| line.state == State::Closed)
    }

    /// The next samples, at most 60 ms of them. False when no voice had enough: what there is, is followed by silence.
    pub fn pull(&mut self, out: &mut [i16]) -> bool {
        let mut heard = self.voices.iter_mut().filter(|line| line.state != State::Closed);
        let Some(first) = heard.next() else {
            out.fill(0);
            return false;
        };
        let mut is_whole = first.pull(out);
        let mut sum: Option<[i32; PACKET_SAMPLES_MAX]> = None;
        for line in heard {
            let sum = sum.get_or_insert_with(|| {
                let mut sum = [0; PACKET_SAMPLES_MAX];
                sum.iter_mut().zip(out.iter()).for_each(|(sum, sample)| *sum = i32::from(*sample));
                sum
            });
            let mut other = [0; PACKET_SAMPLES_MAX];
            let other = &mut other[..out.len()];
            is_whole |= line.pull(other);
            sum.iter_mut().zip(other).for_each(|(sum, sample)| *sum += i32::from(*sample));
        }
        if let Some(sum) = sum {
            out.iter_mut().zip(sum).for_each(|(sample, sum)| *sample = bend(sum));
        }
        is_whole
    }
}

impl Line {
    fn shut(&mut self) {
        self.store.clear();
        self.state = State::Closed;
    }

    fn pull(&mut self, out: &mut [i16]) -> bool {
        let is_whole = self.store.pull(out);
        match self.state {
            State::Opening if is_whole => {
                fade(out, |i| i);
                self.state = State::Open;
            }
            State::Closing => {
                fade(out, |i| FADE - i);
                out.iter_mut().skip(FADE).for_each(|sample| *sample = 0);
                self.shut();
            }
            State::Opening | State::Open | State::Closed => {}
        }
        is_whole
    }
}

/// Scales the first samples by so many of [`FADE`].
fn fade(out: &mut [i16], of: impl Fn(usize) -> usize) {
    for (i, sample) in out.iter_mut().take(FADE).enumerate() {
        *sample = (i32::from(*sample) * of(i) as i32 / FADE as i32) as i16;
    }
}

/// Adds one voice to another.
pub(crate) fn add(to: &mut [i16], other: &[i16]) {
    to.iter_mut().zip(other).for_each(|(sample, other)| *sample = bend(i32::from(*sample) + i32::from(*other)));
}

/// A sum as a sample: as it is up to the knee, and from there on ever flatter towards full scale, which it never
/// reaches. There is no corner in it that would be heard as noise.
fn bend(sum: i32) -> i16 {
    let loud = sum.abs() - KNEE;
    if loud <= 0 {
        return sum as i16;
    }
    let room = i32::from(i16::MAX) - KNEE;
    ((KNEE + room * loud / (room + loud)) * sum.signum()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME_SAMPLES;

    #[test]
    fn loud_sums_are_bent_and_never_cut() {
        let four = 4 * i32::from(i16::MAX);
        let bent: Vec<i32> = (-four..=four).step_by(7).map(|sum| i32::from(bend(sum))).collect();
        assert!(bent.windows(2).all(|pair| pair[0] <= pair[1]), "louder is never quieter");
        // No corner: the slope changes little from one step to the next.
        assert!(bent.windows(3).all(|three| (three[2] - 2 * three[1] + three[0]).abs() <= 2));
        assert!(bent.iter().all(|sample| sample.abs() < 32_767), "full scale is never reached");
        assert!((-KNEE..=KNEE).step_by(5).all(|sum| i32::from(bend(sum)) == sum), "speech stays as it is");
    }

    /// A voice that goes on while others come and go is heard sample for sample: none is missing, none comes twice.
    #[test]
    fn a_voice_goes_on_without_a_seam_whoever_comes_and_goes() {
        let mut mixer = Mixer::new();
        let [steady, other, third] = Seat::ALL;
        let (mut next, mut out, mut heard) = (1i16, [0; FRAME_SAMPLES], Vec::new());
        for tick in 0..90 {
            mixer.push(steady, &Frame(std::array::from_fn(|i| next + (i / 10) as i16)));
            next += (FRAME_SAMPLES / 10) as i16;
            // Silent, so that the sum is the steady voice; what counts is that they come and go.
            for (seat, period) in [(other, 7), (third, 11)] {
                if tick % period < period / 2 {
                    mixer.push(seat, &Frame::SILENCE);
                } else {
                    mixer.close(seat);
                }
            }
            mixer.pull(&mut out);
            heard.extend_from_slice(&out);
        }
        let begins = heard.iter().position(|sample| *sample == 9).expect("it is heard after its fade");
        for pair in heard[begins..].windows(2) {
            assert!((0..=1).contains(&(pair[1] - pair[0])), "{pair:?}");
        }
        let each = heard[begins + 10..].chunk_by(|a, b| a == b).map(<[i16]>::len).skip(1).collect::<Vec<_>>();
        assert!(each[..each.len() - 1].iter().all(|n| *n == 10), "each value ten times: {each:?}");
    }

    #[test]
    fn one_voice_alone_is_passed_on_as_it_is() {
        let mut mixer = Mixer::new();
        let mut out = [0; FRAME_SAMPLES];
        for _ in 0..10 {
            mixer.push(Seat::default(), &Frame([32_000; FRAME_SAMPLES]));
            mixer.pull(&mut out);
        }
        assert_eq!(out, [32_000; FRAME_SAMPLES]);
    }
}
