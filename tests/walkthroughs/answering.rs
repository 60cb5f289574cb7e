//! A caller asks, and hears the answer.

use std::path::PathBuf;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{alone, messages, shared, texts};
use super::phone::Phone;

/// The main job: R1, R15, R48 (says that it is automated), R43 (what is left behind).
#[test]
fn a_question_is_heard_understood_and_answered_aloud() {
    let Some(_turn) = alone() else { return };
    let house = shared();
    let mut phone = Phone::greeted(house, "asking");
    phone.say(&audio::spoken("What are your opening hours?"));
    house.until_said("asking", "Saturday");
    phone.hang_up();
    let conversation = house.until_over("asking");

    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    assert_words(&heard, &["automated", "recorded", "help", "monday", "saturday"]);

    let asked = messages(&conversation, "customer");
    assert_eq!(audio::plain(asked[0]["text"].as_str().unwrap()), "what are your opening hours");
    let answer = *messages(&conversation, "agent").last().unwrap();
    assert_eq!(answer["verdict"], "send");
    assert!(answer["confidence"].as_f64().unwrap() >= 0.9);
    assert_eq!(answer["sources"][0]["entry"], "shop.md#what-are-your-opening-hours");
    assert_eq!(answer["heard_text"], answer["text"]);
    for part in ["end_of_turn", "recognition", "desk", "synthesis", "reply_gap"] {
        assert!(answer["timings_ms"][part].is_f64(), "{part} is not known: {answer:#}");
    }
    assert_eq!(conversation["channel"], "phone");
    assert_eq!(conversation["call"]["outcome"], "resolved");

    let (caller, agent, rate) = house.recording(&conversation);
    assert_words(&audio::transcribe(&caller, rate), &["opening hours"]);
    let agent = audio::transcribe(&agent, rate);
    assert_words(&agent, &["monday", "saturday"]);
    assert!(!agent.contains("automated"), "recorded before the notice was heard (R48): {agent}");
}

/// People, not synthesis: what they say arrives as it was said, and the agent has a reply to everything.
#[test]
fn recorded_people_are_understood_word_for_word() {
    let Some(_turn) = alone() else { return };
    let Some(fixtures) = std::env::var_os("FIXTURES_DIR").map(PathBuf::from) else {
        println!("skipped: FIXTURES_DIR names no folder of recorded speech");
        return;
    };
    let house = shared();
    let mut phone = Phone::greeted(house, "people");
    let manifest = std::fs::read_to_string(fixtures.join("speech/manifest.tsv")).unwrap();
    for file in ["ss_0870.wav", "fsdd_theo.wav"] {
        let line = manifest.lines().find(|line| line.starts_with(file)).unwrap();
        let said = line.split('\t').nth(1).unwrap();
        let before = house.conversation("people").unwrap();
        let (heard_before, replies_before) = (messages(&before, "customer").len(), messages(&before, "agent").len());
        phone.say(&audio::recorded(&fixtures.join("speech").join(file)));
        let after = house.until("people", &format!("there is a reply to {file}"), |conversation| {
            let replies = messages(conversation, "agent");
            replies.len() > replies_before && replies.iter().all(|reply| reply["heard_text"].is_string())
        });
        let heard: Vec<&str> =
            messages(&after, "customer")[heard_before..].iter().map(|m| m["text"].as_str().unwrap()).collect();
        let share = audio::share_heard(&spelled_out(said), &spelled_out(&heard.join(" ")));
        println!("{file}: “{said}” was heard as {heard:?} ({:.0} %)", share * 100.0);
        assert!(share >= 0.8, "{file}: “{said}” was heard as {heard:?}");
    }
    phone.hang_up();
    println!("The agent said: {}", texts(&house.until_over("people"), "agent"));
}

/// Digits as words, since either may be written for the same sounds.
fn spelled_out(text: &str) -> String {
    let names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let word = |c: char| c.to_digit(10).map_or(c.to_string(), |digit| format!(" {} ", names[digit as usize]));
    text.chars().map(word).collect()
}
