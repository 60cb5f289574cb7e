//! The call is handed over to the other sides themselves, by REFER (R6).

use std::sync::OnceLock;

use serde_json::Value;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, free_port};
use super::phone::{Phone, WhenRung};

/// A house that hands over in this way, first to one telephone, then to another; and their ports.
fn house(transfer: &str) -> (House, [u16; 2]) {
    let ports @ [first, second] = [free_port(), free_port()];
    let config = format!(
        "[escalation]\ntransfer = \"{transfer}\"\n\
         [[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"sip:first@127.0.0.1:{first}\"]\n\
         [[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"sip:second@127.0.0.1:{second}\"]\ntransfer = \"bridged\"\n\
         [[escalation.ladder]]\ndo = \"flag\"\n"
    );
    (House::start(Setup { published: true, config: Some(config), ..Setup::default() }), ports)
}

/// The house with blind transfers, shared by the tests of them.
fn blind() -> &'static (House, [u16; 2]) {
    static HOUSE: OnceLock<(House, [u16; 2])> = OnceLock::new();
    HOUSE.get_or_init(|| house("blind"))
}

fn ask_for_a_person(house: &House, name: &str) -> Phone {
    let mut caller = Phone::greeted(house, name);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    caller
}

fn attempts(conversation: &Value) -> Vec<&str> {
    let attempts = conversation["call"]["attempts"].as_array().map_or(&[][..], Vec::as_slice);
    attempts.iter().filter_map(|attempt| attempt["outcome"].as_str()).collect()
}

/// The caller's own phone calls the person, and we are out of it.
#[test]
fn a_blind_transfer_leaves_caller_and_person_to_themselves() {
    let Some(_turn) = alone() else { return };
    let (house, [first, _]) = blind();
    let mut person = Phone::start("first", *first, WhenRung::PicksUp);
    let caller = ask_for_a_person(house, "blindly");
    person.wait_for("CALL_ESTABLISHED");
    let conversation = house.until_over("blindly");
    assert_eq!(conversation["call"]["outcome"], "person");
    assert_eq!(attempts(&conversation), ["accepted"]);
    let so_far = caller.heard().len();
    person.say(&audio::spoken("This is Peter from the workshop speaking."));
    let heard = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
}

/// The person's phone is busy: the caller is still with us, and the ladder goes on.
#[test]
fn a_blind_transfer_that_fails_returns_the_caller_to_the_ladder() {
    let Some(_turn) = alone() else { return };
    let (house, [first, second]) = blind();
    let mut person = Phone::start("first", *first, WhenRung::Rings);
    let next = Phone::start("second", *second, WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "refused");
    person.wait_for("CALL_INCOMING");
    person.hang_up();
    next.wait_for("CALL_INCOMING");
    caller.hang_up();
    next.wait_for("CALL_CLOSED");
    let conversation = house.until_over("refused");
    assert!(matches!(attempts(&conversation)[..], ["busy" | "rejected", "caller_hung_up"]), "{conversation:#}");
    assert_eq!(conversation["call"]["outcome"], "ticket");
}

/// R5: where a trunk may ask for transfers, a caller who does is declined all the same: with whom they talk is not theirs
/// to say. The call goes on, and nobody is rung.
#[test]
fn a_caller_who_asks_for_a_transfer_is_declined() {
    let Some(_turn) = alone() else { return };
    let (trunk, listed) = (free_port(), free_port());
    let config = format!(
        "[[sip.trunks]]\nname = \"exchange\"\nhost = \"127.0.0.1:{trunk}\"\nhealth_seconds = 0\n\
         allow_refer = true\nrefer_targets = [\"sip:listed@127.0.0.1:{listed}\"]\n"
    );
    let house = House::start(Setup { published: true, config: Some(config), ..Setup::default() });
    let person = Phone::start("listed", listed, WhenRung::Rings);
    let mut caller = Phone::greeted(&house, "referring");
    caller.transfer(&format!("sip:listed@127.0.0.1:{listed}"));
    let declined = caller.wait_for("TRANSFER_FAILED");
    assert!(declined.contains("603"), "{declined}");
    assert!(person.event("CALL_INCOMING").is_none());
    assert!(caller.event("CALL_CLOSED").is_none(), "the call goes on");
    caller.hang_up();
    assert_eq!(attempts(&house.until_over("referring")), [""; 0], "nobody was tried");
}

/// The person is told and accepts as for a bridge; then the two phones are joined without us, or stay joined by us.
#[test]
fn an_attended_transfer_joins_caller_and_person() {
    let Some(_turn) = alone() else { return };
    let (house, [first, _]) = house("attended");
    let mut person = Phone::start("first", first, WhenRung::PicksUp);
    let caller = ask_for_a_person(&house, "attended");
    person.wait_for("CALL_ESTABLISHED");
    person.until_spoken_to(0);
    person.press("11");
    let conversation = house.until_over("attended");
    assert_eq!(conversation["call"]["outcome"], "person");
    assert_eq!(attempts(&conversation), ["accepted"]);
    let so_far = caller.heard().len();
    person.say(&audio::spoken("This is Peter from the workshop speaking."));
    let heard = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
}
