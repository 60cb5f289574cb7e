//! A dialplan before the agent: menus by keys, prompts, and callers who are refused (R2, R10, R52, R57).

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, messages};
use super::phone::Phone;

const PLAN: &str = r#"
[block]
callers = ["sip:pest@*"]
code = 486
reason = "Busy Here"

[[route]]
name = "menu"
called = "support"
to = "welcome"

[action.welcome]
do = "menu"
say = "For orders, press 1. For opening hours, press 2."
keys = { 1 = "hang_up", 2 = "hours" }
otherwise = "agent"

[action.hours]
do = "prompt"
say = "The workshop is open in the morning."
then = "agent"
"#;

fn house() -> House {
    House::start(Setup { published: true, dialplan: Some(PLAN), ..Setup::default() })
}

/// Press 2, hear another prompt, and ask the agent; the key acts while the menu is still speaking.
#[test]
fn a_key_at_the_menu_leads_over_a_prompt_to_the_agent() {
    let Some(_turn) = alone() else { return };
    let house = house();
    let mut phone = Phone::caller("chooser");
    phone.dial(&house.uri());
    house.until("chooser", "the menu speaks", |call| messages(call, "agent").len() == 1);
    phone.press("2");
    house.until_said("chooser", "The workshop is open in the morning.");
    house.until_said("chooser", "How can I help you?");
    phone.say(&audio::spoken("When are you open?"));
    house.until("chooser", "the question is answered", |call| messages(call, "agent").len() >= 4);
    phone.say(&audio::spoken("No, that's all, thank you. Goodbye."));
    phone.wait_for("CALL_CLOSED");
    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    println!("The caller heard: {heard}");
    assert_words(&heard, &["workshop", "morning", "automated"]);
    let conversation = house.until_over("chooser");
    let said = messages(&conversation, "agent");
    assert_eq!(said[0]["text"], "For orders, press 1. For opening hours, press 2.");
    assert_eq!(said[1]["text"], "The workshop is open in the morning.");
    assert_ne!(said[0]["heard_text"], said[0]["text"], "the key cut the menu short");

    // A caller on the block list is refused, and nothing is stored of it.
    let mut pest = Phone::caller("pest");
    pest.ring(&house.uri());
    let closed = pest.wait_for("CALL_CLOSED");
    assert!(closed.contains("486"), "{closed}");
    assert!(house.conversation("pest").is_none());

    // An emergency number from a telephone on this machine is refused aloud.
    let mut danger = Phone::caller("danger");
    danger.dial(&format!("sip:112@{}", house.address()));
    danger.wait_for("CALL_CLOSED");
    let heard = audio::transcribe(&danger.heard(), LINE_RATE_HZ);
    assert_words(&heard, &["emergency", "mobile"]);
}
