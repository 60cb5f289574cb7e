//! Several people and several courses: who declines, who is too late, who is lost, and our own restart in the middle
//! (R3, R4, R53, R54, P3, P5).

use std::sync::OnceLock;

use serde_json::Value;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, field, free_port};
use super::phone::{Phone, WhenRung};

/// A house that rings the first person, then two others together, and then takes the case; with their ports.
fn house() -> &'static (House, [u16; 3]) {
    static HOUSE: OnceLock<(House, [u16; 3])> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let ports = [free_port(), free_port(), free_port()];
        let [first, second, third] = ["first", "second", "third"];
        let escalation = format!(
            "[[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"{}\"]\n\
             [[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"{}\", \"{}\"]\n\
             [[escalation.ladder]]\ndo = \"flag\"\n",
            address(first, ports[0]),
            address(second, ports[1]),
            address(third, ports[2]),
        );
        let setup = Setup { published: true, config: Some(escalation), ..Setup::default() };
        (House::start(setup), ports)
    })
}

fn address(name: &str, port: u16) -> String {
    format!("sip:{name}@127.0.0.1:{port}")
}

/// Calls and asks for a person; returns once somebody is rung.
fn ask_for_a_person(house: &House, name: &str) -> Phone {
    let mut caller = Phone::greeted(house, name);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    house.until(name, "a person is rung", |conversation| !attempts(conversation).is_empty());
    caller
}

fn attempts(conversation: &Value) -> &[Value] {
    conversation["call"]["attempts"].as_array().map_or(&[], Vec::as_slice)
}

/// How the tries to reach this person ended, in order.
fn outcomes(conversation: &Value, name: &str) -> Vec<Value> {
    let theirs = |attempt: &&Value| attempt["destination"].as_str().is_some_and(|to| to.contains(name));
    attempts(conversation).iter().filter(theirs).map(|attempt| attempt["outcome"].clone()).collect()
}

/// The first declines, the next two ring together: one takes it, and the other's phone stops. In the end the caller is
/// given back to the agent.
#[test]
fn who_declines_is_followed_by_two_together_of_whom_one_takes_it() {
    let Some(_turn) = alone() else { return };
    let (house, ports) = house();
    let mut first = Phone::start("first", ports[0], WhenRung::PicksUp);
    let mut second = Phone::start("second", ports[1], WhenRung::PicksUp);
    let third = Phone::start("third", ports[2], WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "together");
    first.wait_for("CALL_ESTABLISHED");
    let introduced = first.until_spoken_to(0);
    first.press("2");
    first.wait_for("CALL_CLOSED");
    let heard = audio::transcribe(&first.heard(), LINE_RATE_HZ);
    assert!(!heard.contains("broken"), "who declines hears nothing of the case: {heard}");
    assert!(introduced > 0);

    third.wait_for("CALL_INCOMING");
    second.wait_for("CALL_ESTABLISHED");
    second.until_spoken_to(0);
    second.press("11");
    third.wait_for("CALL_CLOSED");
    house.until("together", "the second person has taken the call", |conversation| {
        outcomes(conversation, "second") == ["accepted"]
    });
    let so_far = caller.heard().len();
    second.say(&audio::spoken("This is Peter from the workshop speaking."));
    let heard = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
    // R54: star and one give the call back to the agent.
    second.press("*1");
    second.wait_for("CALL_CLOSED");
    house.until_said("together", "You are back with me");
    caller.hang_up();
    let conversation = house.until_over("together");
    assert_eq!(conversation["call"]["outcome"], "person");
    assert_eq!(outcomes(&conversation, "first"), ["declined"]);
    assert_eq!(outcomes(&conversation, "third"), ["superseded"]);
    let said = super::house::texts(&conversation, "teammate");
    assert!(said.to_lowercase().contains("workshop"), "what the person said is kept (R7): {said}");
    println!("The caller heard: {}", audio::transcribe(&caller.heard(), LINE_RATE_HZ));
}

/// R54: a person who hangs up right after taking the call gives the caller back to the agent, who rings them again.
#[test]
fn a_person_who_is_lost_at_once_is_rung_again_when_the_caller_wants() {
    let Some(_turn) = alone() else { return };
    let (house, ports) = house();
    let mut first = Phone::start("first", ports[0], WhenRung::PicksUp);
    let mut caller = ask_for_a_person(house, "regained");
    first.wait_for("CALL_ESTABLISHED");
    first.until_spoken_to(0);
    first.press("11");
    house.until("regained", "the person has taken the call", |conversation| {
        outcomes(conversation, "first") == ["accepted"]
    });
    first.hang_up();
    house.until_said("regained", "Shall I connect you again?");
    caller.say(&audio::spoken("Yes, please."));
    house.until("regained", "the person is rung again", |conversation| outcomes(conversation, "first").len() == 2);
    caller.hang_up();
    let conversation = house.until_over("regained");
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 1, "the case is not lost: {conversation:#}");
    println!("The caller heard: {}", audio::transcribe(&caller.heard(), LINE_RATE_HZ));
}

/// R54: star and two pass the caller to the next rung.
#[test]
fn star_and_two_pass_the_caller_on() {
    let Some(_turn) = alone() else { return };
    let (house, ports) = house();
    let mut first = Phone::start("first", ports[0], WhenRung::PicksUp);
    let second = Phone::start("second", ports[1], WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "passedon");
    first.wait_for("CALL_ESTABLISHED");
    first.until_spoken_to(0);
    first.press("11");
    house.until("passedon", "the person has taken the call", |conversation| {
        outcomes(conversation, "first") == ["accepted"]
    });
    first.press("*2");
    first.wait_for("CALL_CLOSED");
    second.wait_for("CALL_INCOMING");
    caller.hang_up();
    second.wait_for("CALL_CLOSED");
    let conversation = house.until_over("passedon");
    assert_eq!(outcomes(&conversation, "second"), ["caller_hung_up"]);
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 1, "the case is not lost: {conversation:#}");
}

/// R51: "take it" said aloud is as good as a key.
#[test]
fn take_it_said_aloud_joins_the_two() {
    let Some(_turn) = alone() else { return };
    let (house, ports) = house();
    let mut first = Phone::start("first", ports[0], WhenRung::PicksUp);
    let mut caller = ask_for_a_person(house, "spoken");
    first.wait_for("CALL_ESTABLISHED");
    first.until_spoken_to(0);
    first.say(&audio::spoken("Take it."));
    house.until("spoken", "the person has taken the call", |conversation| {
        outcomes(conversation, "first") == ["accepted"]
    });
    assert_words(&audio::transcribe(&first.heard(), LINE_RATE_HZ), &["lamp"]);
    caller.hang_up();
    first.wait_for("CALL_CLOSED");
    assert_eq!(house.until_over("spoken")["call"]["outcome"], "person");
}

/// A house whose only person needs no key, rings briefly, and whose ladder then ends so.
fn brief(then: &str) -> (House, u16) {
    let port = free_port();
    let config = format!(
        "[escalation]\naccept_by_key = false\n[[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"{}\"]\n\
         ring_seconds = 5\n[[escalation.ladder]]\ndo = \"{then}\"\n",
        address("oncall", port)
    );
    (House::start(Setup { published: true, config: Some(config), ..Setup::default() }), port)
}

/// R51: where no key is wanted a short greeting is enough. R4: nobody answers, and the caller leaves a message.
#[test]
fn a_greeting_takes_the_call_and_without_one_the_caller_leaves_a_message() {
    let Some(_turn) = alone() else { return };
    let (house, port) = brief("voicemail");
    {
        let mut person = Phone::start("oncall", port, WhenRung::PicksUp);
        let mut caller = ask_for_a_person(&house, "greeted");
        person.wait_for("CALL_ESTABLISHED");
        person.say(&audio::spoken("Hello?"));
        house.until("greeted", "the greeting has taken the call", |conversation| {
            outcomes(conversation, "oncall") == ["accepted"]
        });
        caller.hang_up();
        person.wait_for("CALL_CLOSED");
        assert_eq!(house.until_over("greeted")["call"]["outcome"], "person");
    }
    let person = Phone::start("oncall", port, WhenRung::Rings);
    let mut caller = ask_for_a_person(&house, "messaged");
    person.wait_for("CALL_INCOMING");
    house.until_said("messaged", "leave a message after the tone");
    let so_far = caller.heard().len();
    caller.until_spoken_to(so_far.saturating_sub(LINE_RATE_HZ as usize));
    caller.say(&audio::spoken("My blue lamp arrived broken. Please send another one."));
    house.until("messaged", "the message is a ticket", |conversation| {
        conversation["tickets"].as_array().is_some_and(|tickets| !tickets.is_empty())
    });
    caller.hang_up();
    let conversation = house.until_over("messaged");
    assert_eq!(outcomes(&conversation, "oncall"), ["no_answer"]);
    assert_eq!(conversation["call"]["outcome"], "voicemail");
    assert_eq!(conversation["tickets"][0]["kind"], "voicemail");
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 1);
}

/// R4: nobody answers, and the caller wishes to be called back.
#[test]
fn nobody_answers_and_the_caller_is_to_be_called_back() {
    let Some(_turn) = alone() else { return };
    let (house, port) = brief("callback");
    let number = "+493012345678";
    let person = Phone::start("oncall", port, WhenRung::Rings);
    let mut caller = ask_for_a_person(&house, number);
    person.wait_for("CALL_INCOMING");
    person.wait_for("CALL_CLOSED");
    // They are asked whether this is the number to be called on.
    house.until(number, "they are asked whether this is their number", |conversation| {
        super::house::texts(conversation, "agent").contains("call you back on")
    });
    caller.hang_up();
    let conversation = house.until_over(number);
    assert_eq!(outcomes(&conversation, "oncall"), ["no_answer"]);
    assert_eq!(conversation["call"]["outcome"], "callback");
    assert_eq!(conversation["tickets"][0]["kind"], "callback");
    assert_eq!(conversation["tickets"][0]["callback"]["number"], number);
}

/// R51: a mailbox picks up: it is hung up on, hears nothing of the case, and the next rung rings.
#[test]
fn a_mailbox_that_picks_up_hears_nothing_of_the_case() {
    let Some(_turn) = alone() else { return };
    let (house, ports) = house();
    let greeting = audio::spoken("Hello, you have reached Peter Brown. I am not available. Please leave a message.");
    let mut first = Phone::start("first", ports[0], WhenRung::PicksUp);
    let second = Phone::start("second", ports[1], WhenRung::Rings);
    let mut caller = ask_for_a_person(house, "mailbox");
    first.wait_for("CALL_ESTABLISHED");
    first.say(&greeting);
    first.wait_for("CALL_CLOSED");
    second.wait_for("CALL_INCOMING");
    let told = audio::transcribe(&first.heard(), LINE_RATE_HZ);
    println!("The mailbox heard: {told}");
    assert!(!told.contains("broken"), "a detail of the case: {told}");
    caller.hang_up();
    second.wait_for("CALL_CLOSED");
    let conversation = house.until_over("mailbox");
    assert_eq!(outcomes(&conversation, "first"), ["voicemail_detected"]);
    assert_eq!(outcomes(&conversation, "second"), ["caller_hung_up"]);
    assert_eq!(conversation["call"]["outcome"], "ticket");
}

/// P3: `kill -9` while a person's phone rings.
#[test]
fn a_crash_while_a_person_is_rung_leaves_a_ticket_and_a_lost_attempt() {
    let Some(_turn) = alone() else { return };
    let port = free_port();
    let escalate_to = Some(address("oncall", port));
    let mut house = House::start(Setup { published: true, escalate_to, ..Setup::default() });
    let person = Phone::start("oncall", port, WhenRung::Rings);
    let _caller = ask_for_a_person(&house, "crashed");
    person.wait_for("CALL_INCOMING");
    house.crash_and_restart();
    let conversation = house.conversation("crashed").unwrap();
    assert_eq!(conversation["call"]["outcome"], "lost");
    assert_eq!(outcomes(&conversation, "oncall"), ["lost"]);
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 1);
    assert_eq!(conversation["status"], "needs_human");
    assert!(field(&conversation, "reason").unwrap().contains("lamp"));
}
