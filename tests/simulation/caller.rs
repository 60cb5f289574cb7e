//! What callers do: answer what they are asked, or anything else.

use std::time::Duration;

use switchboard::voice::phrases;

use crate::chance::Chance;

/// Something a caller does.
#[derive(Clone, Debug)]
pub enum Deed {
    Says(String),
    Coughs,
    Keys(Vec<u8>),
    HangsUp,
}

/// What a caller is like, in times out of a hundred.
pub struct Temper {
    pub interrupts: u32,
    pub stays_silent: u32,
    pub gives_up: u32,
    pub mumbles: u32,
}

impl Temper {
    pub fn draw(chance: &mut Chance) -> Temper {
        let silent = chance.percent(4);
        Temper {
            interrupts: *chance.pick(&[&0, &10, &40]),
            stays_silent: if silent { 100 } else { *chance.pick(&[&2, &5, &20]) },
            gives_up: *chance.pick(&[&0, &2, &10]),
            mumbles: *chance.pick(&[&2, &5, &30]),
        }
    }
}

/// What the caller does once they have heard this, and after how long; `None`: nothing, they wait.
pub fn after(chance: &mut Chance, temper: &Temper, heard: &str) -> Option<(Duration, Deed)> {
    let pause = chance.weighted(&[(80, 0), (17, 1), (3, 2)]);
    let pause = match pause {
        0 => chance.ms(250..=1_500),
        1 => chance.ms(1_500..=7_900),
        _ => chance.ms(7_900..=9_500),
    };
    if chance.percent(temper.gives_up) {
        return Some((pause, Deed::HangsUp));
    }
    if chance.percent(temper.stays_silent) {
        return None;
    }
    if chance.percent(temper.mumbles) {
        let deed = if chance.percent(50) { Deed::Says(String::new()) } else { Deed::Coughs };
        return Some((pause, deed));
    }
    Some((pause, if chance.percent(8) { anything(chance) } else { fitting(chance, heard) }))
}

/// What fits what was asked.
fn fitting(chance: &mut Chance, heard: &str) -> Deed {
    let say = |words: &str| Deed::Says(words.to_owned());
    let asks = |question: &str| heard.ends_with(question);
    if heard.contains(crate::business::MENU) {
        return match chance.weighted(&[(80, 0), (12, 1), (8, 2)]) {
            0 => Deed::Keys(vec![*chance.pick(&[&b'1', &b'1', &b'2', &b'3', &b'4', &b'4', &b'9', &b'0'])]),
            1 => say("the workshop please"),
            _ => Deed::Keys(vec![b'7']),
        };
    }
    if asks(phrases::ASK_NAME) {
        say(chance.pick(&["my name is Ann Smith", "Ann", "it is a long story and I would rather not say it to you"]))
    } else if heard.contains("Can we reach you on") || heard.contains("Shall we call you back on") {
        match chance.weighted(&[(55, 0), (15, 1), (10, 2), (10, 3), (10, 4)]) {
            0 => say("yes"),
            1 => say("no"),
            2 => Deed::Keys(vec![b'1']),
            3 => Deed::Keys(vec![b'2']),
            _ => say(SPOKEN_NUMBER),
        }
    } else if asks(phrases::ASK_NUMBER) || asks(phrases::NUMBER_UNCLEAR) {
        match chance.weighted(&[(40, 0), (25, 1), (15, 2), (10, 3), (10, 4)]) {
            0 => say(SPOKEN_NUMBER),
            1 => Deed::Keys(b"030901899#".to_vec()),
            2 => Deed::Keys(b"030901899".to_vec()),
            3 => Deed::Keys(b"03#".to_vec()),
            _ => say("I have it somewhere"),
        }
    } else if asks(phrases::IS_THAT_RIGHT) || asks(phrases::YES_OR_NO) {
        match chance.weighted(&[(60, 0), (15, 1), (12, 2), (6, 3), (7, 4)]) {
            0 => say("yes"),
            1 => say("no"),
            2 => Deed::Keys(vec![b'1']),
            3 => Deed::Keys(vec![b'2']),
            _ => say("what do you mean by that"),
        }
    } else if asks(phrases::ASK_REASON) {
        say("the lamp from the attic sale flickers at night")
    } else if asks(phrases::ASK_CALLBACK_TIME) {
        say(chance.pick(&["tomorrow after ten", "any time", "in the evening please"]))
    } else if heard.ends_with(crate::talking::BEEP) {
        say("the lamp from the attic sale flickers at night, please call me")
    } else if heard.contains(phrases::MESSAGE_OR_CALLBACK) {
        match chance.weighted(&[(25, 0), (25, 1), (12, 2), (12, 3), (14, 4), (12, 5)]) {
            0 => say("I would like to leave a message"),
            1 => say("call me back please"),
            2 => Deed::Keys(vec![b'1']),
            3 => Deed::Keys(vec![b'2']),
            4 => say("neither thanks"),
            _ => say("what about the lamp"),
        }
    } else if asks(phrases::PERSON_LOST) {
        match chance.weighted(&[(40, 0), (20, 1), (10, 2), (10, 3), (20, 4)]) {
            0 => say("yes please"),
            1 => say("no"),
            2 => Deed::Keys(vec![b'1']),
            3 => Deed::Keys(vec![b'2']),
            _ => question(chance),
        }
    } else if asks(phrases::ANYTHING_ELSE) {
        match chance.weighted(&[(45, 0), (20, 1), (35, 2)]) {
            0 => say("no thank you"),
            1 => say("goodbye"),
            _ => question(chance),
        }
    } else if heard.contains(phrases::NOT_UNDERSTOOD_AGAIN) {
        match chance.weighted(&[(30, 0), (20, 1), (20, 2), (30, 3)]) {
            0 => Deed::Keys(vec![b'0']),
            1 => Deed::Keys(vec![b'1']),
            2 => Deed::Keys(vec![b'2']),
            _ => question(chance),
        }
    } else {
        match chance.weighted(&[(52, 0), (22, 1), (22, 2), (4, 3)]) {
            0 => question(chance),
            1 => say(chance.pick(&["I want to talk to a person", "give me a real person please"])),
            2 => say(chance.pick(&["goodbye", "that is all thank you"])),
            _ => Deed::Keys(vec![b'0']),
        }
    }
}

/// What people do although nobody asked.
pub fn anything(chance: &mut Chance) -> Deed {
    let say = |words: &str| Deed::Says(words.to_owned());
    match chance.weighted(&[(20, 0), (12, 1), (12, 2), (10, 3), (8, 4), (8, 5), (8, 6), (10, 7), (12, 8)]) {
        0 => Deed::Keys(vec![*chance.pick(&[&b'0', &b'0', &b'1', &b'2', &b'5', &b'9', &b'*', &b'#'])]),
        1 => say("could you repeat that please"),
        2 => say("never mind"),
        3 => say("please do not record this"),
        4 => say("slower please"),
        5 => say("hold on"),
        6 => say(SPOKEN_NUMBER),
        7 => say("goodbye"),
        _ => question(chance),
    }
}

/// What callers do while somebody is rung for them.
pub fn while_waiting(chance: &mut Chance) -> Deed {
    let say = |words: &str| Deed::Says(words.to_owned());
    match chance.weighted(&[(25, 0), (20, 1), (12, 2), (12, 3), (12, 4), (10, 5), (9, 6)]) {
        0 => say("it smells burnt as well I forgot to say"),
        1 => say("never mind"),
        2 => say("okay"),
        3 => Deed::Coughs,
        4 => say("how long will it take"),
        5 => Deed::Keys(vec![*chance.pick(&[&b'0', &b'1', &b'#'])]),
        _ => Deed::HangsUp,
    }
}

fn question(chance: &mut Chance) -> Deed {
    Deed::Says(
        chance
            .pick(&[
                "when do you open on saturday",
                "the lamp from the attic sale flickers at night",
                "i want my money back for the attic lamp",
                "i will call my lawyer about the attic lamp",
                "do you have the blue lamp in a larger size",
                "uh",
            ])
            .to_owned(),
    )
}

/// It must never be dialled.
pub const SPOKEN_NUMBER: &str = "zero three zero nine oh one eight nine nine";
/// No sentence that is said to a machine or before a key may hold one of these.
pub const DETAILS: [&str; 8] = ["lamp", "burnt", "lawyer", "money", "901855", "Caller", "saturday", "Ann Smith"];
