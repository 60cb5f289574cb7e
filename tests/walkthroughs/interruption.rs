//! The caller speaks while the agent does.

use super::audio;
use super::house::{alone, messages, shared};
use super::phone::Phone;

/// The agent falls silent, says nothing stale, and what is stored of its words is what was heard of them.
#[test]
fn an_interrupted_agent_stops_and_keeps_what_was_heard() {
    let Some(_turn) = alone() else { return };
    let house = shared();
    let mut phone = Phone::greeted(house, "cutting-in");
    phone.say(&audio::spoken("What are your opening hours?"));
    house.until("cutting-in", "the agent speaks", |conversation| messages(conversation, "agent").len() == 2);
    let heard_before = phone.heard().len();
    super::house::eventually("the answer is under way", || {
        let heard = phone.heard();
        let voiced = audio::voiced(&heard[heard_before..], audio::LINE_RATE_HZ);
        (voiced.iter().filter(|voiced| **voiced).count() > 60).then_some(())
    });
    phone.say(&audio::spoken("Wait a moment, I wanted to ask how long delivery takes."));
    let conversation = house.until_said("cutting-in", "working days");
    phone.hang_up();

    let cut = messages(&conversation, "agent")[1];
    let (text, heard) = (cut["text"].as_str().unwrap(), cut["heard_text"].as_str().unwrap());
    println!("Of “{text}” was heard “{heard}”");
    assert!(text.starts_with(heard) && heard.len() < text.len(), "“{heard}” of “{text}”");
    assert!(heard.contains("open"), "more than a second of it was heard: “{heard}”");

    let conversation = house.until_over("cutting-in");
    let (caller, agent, rate) = house.recording(&conversation);
    let (caller, agent) = (audio::voiced(&caller, rate), audio::voiced(&agent, rate));
    // The caller's second utterance begins after a long pause, while the agent speaks.
    let first_ends = caller.windows(25).position(|w| w[0] && !w[1..].contains(&true)).unwrap() + 1;
    let begins = first_ends + caller[first_ends..].iter().position(|voiced| *voiced).unwrap();
    let overlap = agent[begins..].windows(15).position(|w| !w.contains(&true)).unwrap();
    println!("The agent spoke for another {} ms after the caller's first sound", overlap * 20);
    assert!(overlap < 50, "the agent went on for {} ms of the recording", overlap * 20);
}
