//! SIGTERM while a call is live.

use super::audio;
use super::house::{House, Setup, alone};
use super::phone::Phone;

/// The live call goes on to its own end, a new one hears 503, and the process exits as asked.
#[test]
fn a_house_that_is_asked_to_stop_lets_the_live_call_end() {
    let Some(_turn) = alone() else { return };
    let mut house = House::start(Setup { published: true, ..Setup::default() });
    let mut live = Phone::greeted(&house, "staying");
    house.process.signal("TERM");
    super::house::eventually("the house drains", || house.log().contains("Stopping").then_some(()));

    let mut late = Phone::caller("late");
    late.ring(&house.uri());
    let refused = late.wait_for("CALL_CLOSED");
    assert!(refused.contains("503"), "{refused}");

    live.say(&audio::spoken("What are your opening hours?"));
    let so_far = live.heard().len();
    let answered = live.until_spoken_to(so_far);
    let answer = audio::transcribe(&live.heard()[so_far..answered], audio::LINE_RATE_HZ);
    assert!(answer.contains("monday"), "{answer}");
    assert!(house.process.ended().is_none());
    live.say(&audio::spoken("No, that's all, thank you. Goodbye."));
    live.wait_for("CALL_CLOSED");
    assert!(house.exit_status().success(), "{}", house.log());
}
