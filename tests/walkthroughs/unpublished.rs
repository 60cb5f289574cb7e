//! A business that is not published yet (R19).

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, field, texts};
use super::phone::Phone;

/// It answers nothing by itself: it takes the case, and what was told is a ticket even when the caller hangs up.
#[test]
fn an_unpublished_agent_takes_the_case() {
    let Some(_turn) = alone() else { return };
    let house = House::start(Setup::default());
    let mut phone = Phone::caller("early");
    phone.dial(&house.uri());
    house.until_said("early", "What is your name, please?");
    phone.say(&audio::spoken("My name is Anna Miller."));
    house.until_said("early", "What number can we reach you on?");
    phone.hang_up();
    let conversation = house.until_over("early");
    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    println!("The caller heard: {heard}");
    assert_words(&heard, &["automated", "colleague", "your name"]);
    assert_eq!(conversation["call"]["outcome"], "ticket");
    assert!(field(&conversation, "name").is_some_and(|name| !name.is_empty()), "{conversation:#}");
    assert!(!texts(&conversation, "agent").contains("How can I help"), "it offers no answers: {conversation:#}");
}
