//! A caller needs a person: the on-call phone rings, is told, and is joined or not (R23–R26, R51, R52, R58).

use std::sync::OnceLock;

use serde_json::Value;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, field, free_port};
use super::phone::{Phone, WhenRung};

/// A house with somebody to ring, and the port at which they are rung.
fn house() -> &'static (House, u16) {
    static HOUSE: OnceLock<(House, u16)> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let port = free_port();
        let escalate_to = Some(format!("sip:oncall@127.0.0.1:{port}"));
        (House::start(Setup { published: true, escalate_to, ..Setup::default() }), port)
    })
}

/// Calls and asks for a person.
fn ask_for_a_person(house: &House, name: &str) -> Phone {
    let mut caller = Phone::greeted(house, name);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    house.until(name, "a person is rung", |conversation| !attempt(conversation).is_null());
    caller
}

fn attempt(conversation: &Value) -> &Value {
    &conversation["call"]["attempts"][0]
}

#[test]
fn a_person_hears_who_calls_then_the_case_and_is_joined() {
    let Some(_turn) = alone() else { return };
    let (house, port) = house();
    let mut person = Phone::start("oncall", *port, WhenRung::PicksUp);
    let mut caller = ask_for_a_person(house, "joined");
    person.wait_for("CALL_ESTABLISHED");
    let introduced = person.until_spoken_to(0);
    let introduction = audio::transcribe(&person.heard()[..introduced], LINE_RATE_HZ);
    assert_words(&introduction, &["support call", "press"]);
    assert!(!introduction.contains("broken"), "a detail of the case was said before a key (R51): {introduction}");

    person.press("1");
    house.until("joined", "the person has taken the call", |conversation| {
        attempt(conversation)["outcome"] == "accepted"
    });
    let told = person.heard().len();
    let case = audio::transcribe(&person.heard()[introduced..told], LINE_RATE_HZ);
    println!("Before the key: {introduction}\nAfter it: {case}");
    assert_words(&case, &["person", "lamp"]);

    let caller_so_far = caller.heard().len();
    person.say(&audio::spoken("This is Peter from the workshop speaking."));
    let person_heard = caller.until_spoken_to(caller_so_far);
    assert_words(&audio::transcribe(&caller.heard()[caller_so_far..person_heard], LINE_RATE_HZ), &["workshop"]);
    let person_so_far = person.heard().len();
    caller.say(&audio::spoken("The yellow shade fell from the table."));
    let caller_heard = person.until_spoken_to(person_so_far);
    assert_words(&audio::transcribe(&person.heard()[person_so_far..caller_heard], LINE_RATE_HZ), &["yellow", "table"]);

    // Whoever hangs up within ten seconds gives the caller back to the agent (R54).
    let talked_for = |seconds: usize| caller.heard().len() >= caller_so_far + seconds * LINE_RATE_HZ as usize;
    super::house::eventually("they have talked for a while", || talked_for(12).then_some(()));
    person.hang_up();
    caller.wait_for("CALL_CLOSED");
    let conversation = house.until_over("joined");
    assert_eq!(conversation["call"]["outcome"], "person");
    assert!(attempt(&conversation)["ring_ms"].is_i64());
    println!("The caller heard: {}", audio::transcribe(&caller.heard(), LINE_RATE_HZ));
}

/// R48: on a recorded call too a key joins at once. That it is recorded is then heard beneath the caller's first words.
#[test]
fn a_key_before_the_notice_joins_at_once_and_the_notice_is_heard_beneath_the_caller() {
    let Some(_turn) = alone() else { return };
    let port = free_port();
    let escalate_to = Some(format!("sip:oncall@127.0.0.1:{port}"));
    let config = Some("[agent]\nrecord_calls = true\n".to_owned());
    let house = House::start(Setup { published: true, escalate_to, config, ..Setup::default() });
    let mut person = Phone::start("oncall", port, WhenRung::PicksUp);
    let mut caller = ask_for_a_person(&house, "beneath");
    person.wait_for("CALL_ESTABLISHED");
    person.until_spoken_to(0);
    caller.say(&audio::tone());
    let pressed = person.heard().len();
    person.press("11");
    house.until("beneath", "the person has taken the call", |conversation| {
        attempt(conversation)["outcome"] == "accepted"
    });
    super::house::eventually("the caller is heard alone, after the notice", || {
        let stretches = audio::beside_tone(&person.heard()[pressed..]);
        let beneath = stretches.iter().filter(|kind| **kind == audio::Beside::Both).count();
        let alone = stretches.iter().rev().take_while(|kind| **kind == audio::Beside::ToneAlone).count();
        (beneath > 10 && alone > 10).then(|| println!("Notice and caller at once for {} ms", beneath * 20))
    });
    caller.hang_up();
    person.wait_for("CALL_CLOSED");
    let told = attempt(&house.until_over("beneath"))["said"].as_str().unwrap().to_owned();
    assert!(told.ends_with("The call is recorded."), "{told}");
}

#[test]
fn a_busy_person_leaves_the_caller_with_the_agent_and_a_ticket() {
    let Some(_turn) = alone() else { return };
    let (house, port) = house();
    let mut person = Phone::start("oncall", *port, WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "refused");
    person.wait_for("CALL_INCOMING");
    person.hang_up();
    let conversation = house.until_said("refused", "What is your name, please?");
    assert_eq!(attempt(&conversation)["outcome"], "busy");
    caller.say(&audio::spoken("My name is Anna Miller."));
    house.until_said("refused", "What number can we reach you on?");
    caller.hang_up();
    let conversation = house.until_over("refused");
    assert_eq!(conversation["call"]["outcome"], "ticket");
    assert_eq!(conversation["status"], "needs_human");
    let name = field(&conversation, "name").unwrap();
    assert!(name.to_lowercase().contains("miller"), "{conversation:#}");
    println!("The caller heard: {}", audio::transcribe(&caller.heard(), LINE_RATE_HZ));
}

/// The person's phone stops ringing when the caller gives up, long before its ring time is over.
#[test]
fn a_caller_who_hangs_up_stops_the_ringing_and_leaves_a_ticket() {
    let Some(_turn) = alone() else { return };
    let (house, port) = house();
    let person = Phone::start("oncall", *port, WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "leaving");
    person.wait_for("CALL_INCOMING");
    let hung_up = std::time::Instant::now();
    caller.hang_up();
    person.wait_for("CALL_CLOSED");
    println!("From hanging up to the end of the ringing: {} ms at most", hung_up.elapsed().as_millis());
    let conversation = house.until_over("leaving");
    assert_eq!(attempt(&conversation)["outcome"], "caller_hung_up", "{conversation:#}");
    assert_eq!(conversation["call"]["outcome"], "ticket");
    assert!(field(&conversation, "reason").unwrap().contains("lamp"));
}
