//! A third ear on a call (R9): in every state of the table, and through every change of it, each ear hears exactly whom
//! it should, and nobody who goes on being heard is heard with a gap.

use media::mixer::Mixer;
use media::{ENGINE_RATE_HZ, FRAME_SAMPLES, Frame, Role, Room, Seat, Side, Supervision, Voice};
use proptest::prelude::*;

const ROLES: [Role; 3] = [Role::Customer, Role::Colleague, Role::Supervisor];
const VOICES: [Voice; 4] =
    [Voice::Of(Role::Customer), Voice::Of(Role::Colleague), Voice::Of(Role::Supervisor), Voice::Agent];
/// Whole waves in a frame, so that each is told from the others exactly.
const PITCHES_HZ: [f64; 4] = [400.0, 700.0, 1_000.0, 1_300.0];
const LOUD: f64 = 6_000.0;
/// From the first frame of a voice to its first sound: one in reserve and the fade.
const COMES_WITHIN: usize = 3;

fn rooms() -> Vec<Room> {
    let supervisions = [
        None,
        Some(Supervision::Listen),
        Some(Supervision::Whisper(Side::Customer)),
        Some(Supervision::Whisper(Side::Colleague)),
        Some(Supervision::Barge),
    ];
    let room = |is_bridged| move |supervision| Room { is_bridged, supervision };
    supervisions.into_iter().map(room(true)).chain(supervisions.into_iter().map(room(false))).collect()
}

/// Who should hear whom, written down by hand.
fn heard(room: Room, ear: Role) -> Vec<Voice> {
    let (customer, colleague, supervisor) =
        (Voice::Of(Role::Customer), Voice::Of(Role::Colleague), Voice::Of(Role::Supervisor));
    let mut heard = match (ear, room.is_bridged) {
        (Role::Customer, true) => vec![colleague, Voice::Agent],
        (Role::Customer, false) => vec![Voice::Agent],
        (Role::Colleague, true) => vec![customer],
        (Role::Colleague, false) => vec![],
        (Role::Supervisor, _) if room.supervision.is_none() => vec![],
        (Role::Supervisor, true) => vec![customer, colleague, Voice::Agent],
        (Role::Supervisor, false) => vec![customer, Voice::Agent],
    };
    let to_customer = matches!(room.supervision, Some(Supervision::Barge | Supervision::Whisper(Side::Customer)));
    let to_colleague = matches!(room.supervision, Some(Supervision::Barge | Supervision::Whisper(Side::Colleague)));
    let also = (ear == Role::Customer && to_customer) || (ear == Role::Colleague && to_colleague && room.is_bridged);
    heard.extend(also.then_some(supervisor));
    heard
}

#[test]
fn the_table_is_as_it_is_written() {
    for room in rooms() {
        for ear in ROLES {
            let says: Vec<Voice> = VOICES.into_iter().filter(|voice| room.hears(ear, *voice)).collect();
            let mut should = heard(room, ear);
            should.sort_by_key(|voice| VOICES.iter().position(|known| known == voice));
            assert_eq!(says, should, "{ear:?} in {room:?}");
        }
    }
}

/// Three ears and four voices, carried between as the node does it: a leg by its seat, the agent in the ear's own.
struct Call {
    ears: [Mixer; 3],
    room: Room,
    tick: usize,
    /// How loud each voice is.
    loud: [f64; 4],
}

impl Call {
    fn new(room: Room) -> Call {
        Call { ears: std::array::from_fn(|_| Mixer::new()), room, tick: 0, loud: [LOUD; 4] }
    }

    /// Which voices come to an ear by its mixer; the agent's words to the customer are the leg's own.
    fn lines(room: Room, ear: usize) -> impl Iterator<Item = (usize, Seat)> {
        VOICES.into_iter().enumerate().filter_map(move |(voice, who)| {
            let is_own = who == Voice::Agent && ROLES[ear] == Role::Customer;
            let seat = if who == Voice::Agent { Seat::ALL[ear] } else { Seat::ALL[voice] };
            (room.hears(ROLES[ear], who) && !is_own).then_some((voice, seat))
        })
    }

    fn change(&mut self, room: Room) {
        for (ear, mixer) in self.ears.iter_mut().enumerate() {
            for (_, seat) in Call::lines(self.room, ear) {
                if !Call::lines(room, ear).any(|(_, still)| still == seat) {
                    mixer.close(seat);
                }
            }
        }
        self.room = room;
    }

    /// 20 ms: what each ear hears of each voice, as a share of how loud it is.
    fn tick(&mut self) -> [[f64; 4]; 3] {
        let voices: [(f64, f64); 4] = std::array::from_fn(|voice| (PITCHES_HZ[voice], self.loud[voice]));
        let frames = voices.map(|(hz, loud)| {
            let at = |i: usize| (self.tick * FRAME_SAMPLES + i) as f64 / f64::from(ENGINE_RATE_HZ);
            Frame(std::array::from_fn(|i| ((at(i) * hz * std::f64::consts::TAU).sin() * loud) as i16))
        });
        self.tick += 1;
        let room = self.room;
        let mut shares = [[0.0; 4]; 3];
        for (ear, mixer) in self.ears.iter_mut().enumerate() {
            for (voice, seat) in Call::lines(room, ear) {
                mixer.push(seat, &frames[voice]);
            }
            let mut out = [0; FRAME_SAMPLES];
            mixer.pull(&mut out);
            shares[ear] = PITCHES_HZ.map(|hz| amplitude(&out, hz) / LOUD);
        }
        shares
    }
}

/// How loud a pitch is (Goertzel).
fn amplitude(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / f64::from(ENGINE_RATE_HZ)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (f64::from(*sample) + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    power.max(0.0).sqrt() * 2.0 / samples.len() as f64
}

/// Goes through these rooms, each for so many ticks, and judges every tick at every ear.
fn go_through(course: &[(Room, usize)]) {
    let mut call = Call::new(course[0].0);
    // For how many ticks each ear has been meant to hear each voice, or not to.
    let mut meant = [[0usize; 4]; 3];
    let mut unmeant = [[usize::MAX; 4]; 3];
    for (room, ticks) in course {
        call.change(*room);
        for _ in 0..*ticks {
            let shares = call.tick();
            for ear in 0..3 {
                for voice in 0..4 {
                    let is_meant = Call::lines(*room, ear).any(|(line, _)| line == voice);
                    let (meant, unmeant) = (&mut meant[ear][voice], &mut unmeant[ear][voice]);
                    (*meant, *unmeant) = if is_meant { (*meant + 1, 0) } else { (0, unmeant.saturating_add(1)) };
                }
                // A voice that comes or goes is bent within that packet, which sounds at every pitch a little.
                let settles =
                    (0..4).any(|voice| (1..=COMES_WITHIN).contains(&meant[ear][voice]) || unmeant[ear][voice] == 1);
                for voice in 0..4 {
                    let share = shares[ear][voice];
                    let (who, what) = (ROLES[ear], VOICES[voice]);
                    if meant[ear][voice] > COMES_WITHIN {
                        assert!((0.94..1.06).contains(&share), "{who:?} hears {share} of {what:?} in {room:?}");
                    } else if unmeant[ear][voice] > 1 && !settles {
                        assert!(share < 0.01, "{who:?} hears {share} of {what:?} in {room:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn in_every_state_and_after_every_change_each_ear_hears_whom_it_should() {
    for before in rooms() {
        for after in rooms() {
            go_through(&[(before, 8), (after, 8), (before, 8)]);
        }
    }
}

/// A whisper that ends is gone with its packet, to the customer's ear above all.
#[test]
fn a_whisper_to_the_colleague_never_reaches_the_customer() {
    let whisper = Room { is_bridged: true, supervision: Some(Supervision::Whisper(Side::Colleague)) };
    let listen = Room { supervision: Some(Supervision::Listen), ..whisper };
    let mut call = Call::new(listen);
    call.loud = [0.0, 0.0, LOUD, 0.0];
    for tick in 0..100 {
        call.change(if tick % 10 < 5 { whisper } else { listen });
        let shares = call.tick();
        assert_eq!(shares[0], [0.0; 4], "tick {tick}");
        assert!(tick % 10 != 4 || shares[1][2] > 0.97, "the colleague hears it");
    }
}

/// R9: three who speak at once keep their levels, and nothing is cut even where all of them shout.
#[test]
fn three_speakers_keep_their_levels_and_shouting_is_not_cut() {
    let mut mixer = Mixer::new();
    let mut out = [0; FRAME_SAMPLES];
    for loud in [6_000.0, 30_000.0] {
        for tick in 0..20 {
            for (seat, hz) in Seat::ALL.into_iter().zip(PITCHES_HZ) {
                let at = |i: usize| (tick * FRAME_SAMPLES + i) as f64 / f64::from(ENGINE_RATE_HZ);
                let sine = |i: usize| ((at(i) * hz * std::f64::consts::TAU).sin() * loud) as i16;
                mixer.push(seat, &Frame(std::array::from_fn(sine)));
            }
            mixer.pull(&mut out);
        }
        let shares = [0, 1, 2].map(|voice| amplitude(&out, PITCHES_HZ[voice]) / loud);
        assert!(shares.iter().all(|share| *share > if loud < 10_000.0 { 0.99 } else { 0.35 }), "{loud}: {shares:?}");
        let flat =
            out.windows(3).filter(|three| three[0].abs() > 32_000 && three[0] == three[1] && three[1] == three[2]);
        assert_eq!(flat.count(), 0, "nothing is cut at {loud}");
    }
}

proptest! {
    /// Whatever the supervisor does, and whenever, with a colleague there or not.
    #[test]
    fn through_any_course_of_changes_each_ear_hears_whom_it_should(
        course in proptest::collection::vec((proptest::sample::select(rooms()), 1usize..12), 1..8)
    ) {
        go_through(&course);
    }
}
