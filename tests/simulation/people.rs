//! What happens at a telephone that rings.

use std::time::Duration;

use crate::chance::Chance;

/// Something that happens at a telephone.
#[derive(Clone, Debug)]
pub enum News {
    /// It is picked up (200).
    PicksUp,
    /// It is refused with this status.
    Refuses(u16),
    /// A key.
    Presses(u8),
    /// Words.
    Says(&'static str),
    /// A machine is told by its sound: it speaks on and on, or beeps.
    SoundsLikeAMachine,
    /// A short greeting, and silence.
    SoundsLikeAPerson,
    /// It holds us, or is back.
    Holds(bool),
    /// BYE.
    HangsUp,
    /// Its packets end and no BYE comes; signalling notices.
    Dies,
}

/// Who is at a telephone this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Human,
    Mailbox,
    Screener,
}

impl Who {
    pub fn is_machine(self) -> bool {
        matches!(self, Who::Mailbox | Who::Screener)
    }
}

/// What will happen at a telephone that begins to ring, each after so long from the INVITE.
pub fn at_telephone(chance: &mut Chance, ring_time: Duration) -> (Who, Vec<(Duration, News)>) {
    match chance.weighted(&[(16, 0), (14, 1), (3, 2), (45, 3), (14, 4), (8, 5)]) {
        0 => {
            let status = *chance.pick(&[&486, &600, &480, &603, &404, &500, &503, &408, &488]);
            (Who::Nobody, vec![(chance.ms(30..=9_000), News::Refuses(status))])
        }
        1 => (Who::Nobody, vec![]),
        // It is picked up as the ring time ends: 200 and CANCEL cross.
        2 => {
            let early = chance.ms(0..=150);
            let at = (ring_time + Duration::from_millis(75)).saturating_sub(early);
            (Who::Human, vec![(at, News::PicksUp), (at + chance.ms(500..=3_000), News::Presses(b'1'))])
        }
        3 => (Who::Human, human(chance)),
        4 => (Who::Mailbox, machine(chance, &MAILBOX)),
        _ => (Who::Screener, machine(chance, &SCREENER)),
    }
}

fn human(chance: &mut Chance) -> Vec<(Duration, News)> {
    let mut at = chance.ms(800..=16_000);
    let mut news = vec![(at, News::PicksUp)];
    if chance.percent(60) {
        let greets_at = at + chance.ms(200..=900);
        news.push((greets_at, News::Says(chance.pick(&GREETINGS))));
        news.push((greets_at + Duration::from_millis(600), News::SoundsLikeAPerson));
    }
    let mut then = |chance: &mut Chance, what: News| {
        at += chance.ms(150..=7_000);
        news.push((at, what));
    };
    match chance.weighted(&[(34, 0), (14, 1), (10, 2), (8, 3), (10, 4), (12, 5), (6, 6), (6, 7)]) {
        0 => then(chance, News::Presses(b'1')),
        1 => then(chance, News::Presses(b'2')),
        2 => {
            for key in chance.pick(&["331", "51", "*#1", "32", "311", "12", "9"]).bytes() {
                then(chance, News::Presses(key));
            }
        }
        3 => {}
        // Hangs up before a key, or during the summary.
        4 => {
            if chance.percent(60) {
                let key = *chance.pick(&[&b'1', &b'3']);
                then(chance, News::Presses(key));
            }
            then(chance, News::HangsUp);
        }
        5 => {
            let words = chance.pick(&["take it", "I'll take it", "yes", "I'll pass", "not now", "no"]);
            then(chance, News::Says(words));
        }
        6 => then(chance, News::Dies),
        // Two keys at once.
        _ => {
            then(chance, News::Presses(b'1'));
            let last = at;
            news.push((last, News::Presses(*chance.pick(&[&b'1', &b'2', &b'3']))));
        }
    }
    news
}

fn machine(chance: &mut Chance, says: &[&'static str]) -> Vec<(Duration, News)> {
    let mut at = chance.ms(500..=17_000);
    let mut news = vec![(at, News::PicksUp)];
    for _ in 0..chance.number(1..=5) {
        at += chance.ms(300..=4_000);
        news.push((at, News::Says(chance.pick(says))));
    }
    if chance.percent(50) {
        news.push((at + chance.ms(200..=4_000), News::SoundsLikeAMachine));
    }
    if chance.percent(70) {
        at += chance.ms(2_000..=60_000);
        news.push((at, if chance.percent(80) { News::HangsUp } else { News::Dies }));
    }
    news
}

/// How a talk with the caller goes on for the person; the caller's own end of it is the caller's.
pub fn after_joining(chance: &mut Chance) -> Vec<(Duration, News)> {
    let soon = chance.percent(30);
    let at = if soon { chance.ms(200..=10_500) } else { chance.ms(10_000..=180_000) };
    let mut news = Vec::new();
    if chance.percent(12) {
        let holds_at = at / 3;
        news.push((holds_at, News::Holds(true)));
        if chance.percent(80) {
            news.push((holds_at + at / 4, News::Holds(false)));
        }
    }
    let star = |key| [(at, News::Presses(b'*')), (at, News::Presses(key))];
    match chance.weighted(&[(40, 0), (14, 1), (10, 2), (10, 3), (26, 4)]) {
        0 => news.push((at, News::HangsUp)),
        1 => news.push((at, News::Dies)),
        2 => news.extend(star(b'1')),
        3 => news.extend(star(b'2')),
        _ => {}
    }
    news
}

const GREETINGS: [&str; 4] = ["hello", "Ben speaking", "yes hello who is this please", "workshop"];
const MAILBOX: [&str; 7] = [
    "you have reached the mailbox of",
    "please leave a message after the tone",
    "press one to leave a message",
    "I cannot take the call",
    "no one can take the call",
    "the person you are calling is not available",
    "to send a fax press two",
];
const SCREENER: [&str; 5] = [
    "please state your name and why you are calling",
    "the person you are calling is using a screening service",
    "one moment please",
    "who is calling",
    "go ahead",
];
