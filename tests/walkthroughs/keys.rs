//! Keys: help is one key away, and a number can be keyed (R58, R59).

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{alone, field, messages, shared};
use super::phone::Phone;
use super::sipp;

/// Zero, as a telephone event (RFC 4733), while nobody can be rung: name, number and reason become a ticket.
#[test]
fn zero_brings_help_that_takes_name_number_and_reason() {
    let Some(_turn) = alone() else { return };
    let house = shared();
    let mut phone = Phone::greeted(house, "zero");
    phone.press("0");
    house.until_said("zero", "What is your name, please?");
    phone.say(&audio::spoken("My name is Anna Miller."));
    house.until_said("zero", "What number can we reach you on?");
    phone.press("*4930901820#");
    house.until_said("zero", "Is that right?");
    phone.press("1");
    house.until_said("zero", "What is it about?");
    phone.say(&audio::spoken("The shade of my lamp arrived broken."));
    house.until_said("zero", "I have noted");
    phone.press("1");
    let conversation = house.until_said("zero", "Is there anything else");
    assert_eq!(field(&conversation, "number").as_deref(), Some("+4930901820"));
    assert!(field(&conversation, "name").unwrap().to_lowercase().contains("miller"));
    assert!(field(&conversation, "reason").unwrap().to_lowercase().contains("lamp"));
    assert_eq!(messages(&conversation, "agent").len(), 7, "no key counted twice: {conversation:#}");
    phone.say(&audio::spoken("No, that's all, thank you. Goodbye."));
    phone.wait_for("CALL_CLOSED");
    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    println!("The caller heard: {heard}");
    assert_words(&heard, &["your name", "number", "noted"]);
    let conversation = house.until_over("zero");
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 1);
    // R58: what was said can be heard as it was said; what was keyed was not recorded.
    let (caller, _, rate) = house.recording(&conversation);
    let heard = |name: &str| {
        let fields = conversation["tickets"][0]["fields"].as_array().unwrap();
        let clip = fields.iter().find(|field| field["name"] == name).unwrap().get("clip")?;
        assert_eq!(clip["recording_url"], conversation["call"]["recording_url"]);
        let at = |name: &str| (clip[name].as_u64().unwrap() as usize * rate as usize / 1000).min(caller.len());
        Some(audio::transcribe(&caller[at("from_ms")..at("to_ms")], rate))
    };
    assert_words(&heard("name").unwrap(), &["miller"]);
    assert_words(&heard("reason").unwrap(), &["lamp", "broken"]);
    assert_eq!(heard("number"), None);
}

/// Zero in a SIP INFO request, from a phone that sends no telephone events.
#[test]
fn zero_in_an_info_request_brings_help_too() {
    let Some(_turn) = alone() else { return };
    let house = shared();
    sipp::run(house, "info-key", sipp::Scenario::Xml(sipp::INFO_KEY), &[]);
    let conversation = house.until_over("info-key");
    let helped = messages(&conversation, "agent");
    assert!(helped.iter().any(|said| said["text"].as_str().unwrap().contains("your name")), "{conversation:#}");
    assert_eq!(conversation["reason"], "The caller pressed 0 for help.");
}
