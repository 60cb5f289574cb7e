//! The process dies in the middle of a call.

use super::audio::{self, assert_words};
use super::house::{House, Setup, alone, messages, texts};
use super::phone::Phone;

/// Nothing accepted is lost by `kill -9`: what was said and recorded is there, and a ticket tells a person to call back.
#[test]
fn a_call_cut_by_a_crash_is_kept_and_becomes_a_ticket() {
    let Some(_turn) = alone() else { return };
    let mut house = House::start(Setup { published: true, ..Setup::default() });
    let mut phone = Phone::greeted(&house, "cut");
    phone.say(&audio::spoken("What are your opening hours?"));
    let before = house.until_said("cut", "Saturday");
    house.crash_and_restart();

    let after = house.conversation("cut").unwrap();
    assert_eq!(after["call"]["outcome"], "lost");
    assert_eq!(texts(&after, "customer"), texts(&before, "customer"));
    assert_eq!(texts(&after, "agent"), texts(&before, "agent"));
    assert_eq!(
        messages(&after, "agent").last().unwrap()["heard_text"],
        messages(&before, "agent").last().unwrap()["heard_text"]
    );
    assert_eq!(after["tickets"].as_array().unwrap().len(), 1);
    assert_eq!(after["status"], "needs_human");
    let (caller, agent, rate) = house.recording(&after);
    assert_words(&audio::transcribe(&caller, rate), &["opening hours"]);
    assert_words(&audio::transcribe(&agent, rate), &["saturday"]);
    println!("The ticket: {}", after["tickets"][0]);
}
