//! Calls from the page, as a caller makes them (R1, R6, R10).

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use super::audio::{self, LINE_RATE_HZ, WIDE_RATE_HZ, assert_words};
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there, microphone_file};
use super::house::{self, House, Setup, alone, eventually, free_port, messages};
use super::phone::{Account, Phone, WhenRung};
use super::sip_clients::until_spoken_to;

/// How a browser on this machine stands in the list of calls.
const CALLER: &str = "browser@127.0.0.1";

pub fn page(house: &House) -> String {
    format!("http://127.0.0.1:{}/call", house.http_port())
}

/// Calls, and waits for the greeting's end.
fn call(house: &House) -> Tab {
    let mut tab = Tab::open(&page(house), &Microphone::Scripted);
    tab.click("#call");
    tab.until_phase("live");
    until_said(house, "How can I help you?", 1);
    tab
}

/// The conversation of the newest call from a browser, once the agent has said these words in its message of this number.
pub fn until_said(house: &House, words: &str, least: usize) -> Value {
    house.until(CALLER, &format!("“{words}” was said"), |conversation| {
        let said = messages(conversation, "agent");
        said.len() >= least
            && conversation["call"]["ended_at_ms"].is_null()
            && said.iter().any(|message| message["heard_text"].as_str().is_some_and(|heard| heard.contains(words)))
    })
}

/// The main job, from the button to what is left behind: R1, R7.
#[test]
fn a_question_asked_in_a_browser_is_answered_aloud_and_on_the_page() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let mut tab = call(house);
    println!("From the click, the microphone given, to the first audio: {} ms", tab.call()["joinedMs"]);
    tab.say(&audio::spoken("What are your opening hours?"));
    until_said(house, "Saturday", 2);
    let shown = tab
        .until("the page shows the answer", "switchboard.now().turns.some((turn) => turn.text.includes('Saturday'))");
    assert_eq!(shown, true);
    let turns = tab.call()["turns"].as_array().unwrap().clone();
    let asked = turns.iter().find(|turn| turn["author"] == "customer").unwrap();
    assert_eq!(audio::plain(asked["text"].as_str().unwrap()), "what are your opening hours");
    let answer = turns.iter().find(|turn| turn["text"].as_str().unwrap().contains("Saturday")).unwrap();
    println!("The browser's reply gap: {} ms", answer["reply_gap_ms"]);
    assert!(answer["reply_gap_ms"].is_f64(), "{answer:#}");
    assert!(
        answer["sources"].is_null() && answer["confidence"].is_null(),
        "why it was said is not the caller's: {answer:#}"
    );

    let heard = audio::transcribe(&tab.heard(), HEARD_RATE_HZ);
    println!("The browser heard: {heard}");
    assert_words(&heard, &["automated", "help", "monday", "saturday"]);

    tab.click("#hang-up");
    let conversation = house.until_over(CALLER);
    assert_eq!(conversation["call"]["outcome"], "resolved");
    assert_eq!(conversation["call"]["trunk"], "browser");
    let (caller, agent, rate) = house.recording(&conversation);
    assert_words(&audio::transcribe(&caller, rate), &["opening hours"]);
    assert_words(&audio::transcribe(&agent, rate), &["monday", "saturday"]);
    assert_eq!(tab.call()["phase"], "ended_by_caller");
}

/// The page as it is, with a microphone that Chromium itself opens.
#[test]
fn a_browser_with_a_microphone_of_its_own_is_understood() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = microphone_file(&audio::spoken("What are your opening hours?"), Duration::from_secs(12), folder.path());
    let mut tab = Tab::open(&page(house), &Microphone::Device(file));
    tab.click("#call");
    tab.until_phase("live");
    until_said(house, "Saturday", 2);
    // Whoever closes the page has hung up, at once.
    tab.go("about:blank");
    let conversation = house.until_over(CALLER);
    assert_eq!(conversation["call"]["outcome"], "resolved");
}

/// R1, P2: at will.
#[test]
fn a_browser_interrupts_the_agent() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let mut tab = call(house);
    interrupts(house, &mut tab);
    tab.click("#hang-up");
    house.until_over(CALLER);
}

/// Asks something, and something else while the answer is heard.
fn interrupts(house: &House, tab: &mut Tab) {
    tab.say(&audio::spoken("What are your opening hours?"));
    house.until(CALLER, "the agent speaks", |conversation| {
        conversation["call"]["ended_at_ms"].is_null() && messages(conversation, "agent").len() == 2
    });
    let before = tab.heard().len();
    eventually("the answer is under way", || {
        let heard = tab.heard();
        let voiced = audio::voiced(&heard[before.min(heard.len())..], HEARD_RATE_HZ);
        (voiced.iter().filter(|voiced| **voiced).count() > 60).then_some(())
    });
    tab.say(&audio::spoken("Wait a moment, I wanted to ask how long delivery takes."));
    let conversation = until_said(house, "working days", 3);
    let cut = messages(&conversation, "agent")[1];
    let (text, heard) = (cut["text"].as_str().unwrap(), cut["heard_text"].as_str().unwrap());
    println!("Of “{text}” was heard “{heard}”");
    assert!(text.starts_with(heard) && heard.len() < text.len());
}

/// Hanging up is told at once in the other direction as well.
#[test]
fn the_page_knows_at_once_that_the_agent_hung_up() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let mut tab = call(house);
    tab.say(&audio::spoken("No, that's all, thank you. Goodbye."));
    house.until_over(CALLER);
    tab.until_phase("ended_by_us");
    assert_eq!(tab.run("document.getElementById('call').hidden"), false);
    assert_eq!(tab.run("document.getElementById('state').textContent"), "The call has ended.");
}

/// A change of network: other credentials, other addresses, the same conversation.
#[test]
fn a_browser_that_changes_its_network_goes_on_with_the_same_conversation() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let mut tab = call(house);
    let conversation = house.conversation(CALLER).unwrap()["id"].clone();
    changes_network(&mut tab, 1);
    tab.say(&audio::spoken("What are your opening hours?"));
    let said = until_said(house, "Saturday", 2);
    assert_eq!(said["id"], conversation);
    let heard = audio::transcribe(&tab.heard(), HEARD_RATE_HZ);
    assert_words(&heard, &["monday", "saturday"]);
    tab.click("#hang-up");
    house.until_over(CALLER);
}

/// The browser restarts from another address, for so many times by now.
fn changes_network(tab: &mut Tab, times: u32) {
    let before = used_port(tab);
    tab.run("switchboard.reconnect()");
    tab.until("the restart is done", &format!("switchboard.now().restarts === {times}"));
    let after = eventually("another address is used", || {
        let port = used_port(tab);
        (port != before && !port.is_null()).then_some(port)
    });
    println!("The browser's port was {before} and is {after}");
}

/// The port that the browser sends from, by its own account.
fn used_port(tab: &mut Tab) -> Value {
    used_candidate(tab, "port")
}

/// What the browser says of its own end of the way that it uses.
pub fn used_candidate(tab: &mut Tab, field: &str) -> Value {
    tab.run(&format!(
        "switchboard.stats().then((all) => {{ const by = new Map(all.map((one) => [one.id, one])); \
         const transport = all.find((one) => one.type === 'transport'); \
         const pair = by.get(transport?.selectedCandidatePairId); \
         return pair ? by.get(pair.localCandidateId)?.{field} ?? null : null; }})",
    ))
}

/// A house whose person on call has a telephone at this port.
fn house_with_a_person() -> &'static (House, u16) {
    static HOUSE: OnceLock<(House, u16)> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let port = free_port();
        let escalate_to = Some(format!("sip:oncall@127.0.0.1:{port}"));
        (House::start(Setup { published: true, escalate_to, ..Setup::default() }), port)
    })
}

/// The caller asks for a person, who takes the call by a key, is told of the case in this word, and speaks with the caller.
fn is_joined_with_a_person(house: &House, tab: &mut Tab, person: &mut Phone, case_word: &str) {
    tab.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    person.wait_for("CALL_ESTABLISHED");
    let introduced = person.until_spoken_to(0);
    person.press("1");
    house.until(CALLER, "the person has taken the call", |conversation| {
        conversation["call"]["attempts"][0]["outcome"] == "accepted"
    });
    let told = person.heard().len();
    let case = audio::transcribe(&person.heard()[introduced..told], LINE_RATE_HZ);
    println!("After the key: {case}");
    assert_words(&case, &[case_word]);

    let so_far = tab.heard().len();
    person.say(&audio::spoken("This is Peter from the workshop speaking."));
    let spoken = until_spoken_to(tab, so_far);
    assert_words(&audio::transcribe(&tab.heard()[so_far..spoken], HEARD_RATE_HZ), &["workshop"]);
    let person_so_far = person.heard().len();
    tab.say(&audio::spoken("The yellow shade fell from the table."));
    let heard = person.until_spoken_to(person_so_far);
    assert_words(&audio::transcribe(&person.heard()[person_so_far..heard], LINE_RATE_HZ), &["yellow", "table"]);
}

/// R3, R10: zero on the page's keypad rings a telephone; its owner and the caller hear each other.
#[test]
fn a_person_on_a_telephone_is_joined_with_a_browser() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let (house, port) = house_with_a_person();
    let mut person = Phone::start("oncall", *port, WhenRung::PicksUp);
    let mut tab = call(house);
    is_joined_with_a_person(house, &mut tab, &mut person, "lamp");
    tab.click("#hang-up");
    person.wait_for("CALL_CLOSED");
    assert_eq!(house.until_over(CALLER)["call"]["outcome"], "person");
}

/// R6: what a wideband telephone and a browser say to each other goes through the house in its whole width.
#[test]
fn wideband_is_kept_between_a_browser_and_a_telephone() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let (house, port) = house_with_a_person();
    let wide = Account { codecs: "G722", modules: &["g722.so"], ..Account::default() };
    let mut person = Phone::with_account("oncall", *port, WhenRung::PicksUp, &wide);
    let mut tab = call(house);
    tab.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    person.wait_for("CALL_ESTABLISHED");
    person.press("1");
    house.until(CALLER, "the person has taken the call", |conversation| {
        conversation["call"]["attempts"][0]["outcome"] == "accepted"
    });
    tab.say(&audio::high_tone());
    eventually("the telephone hears what is above 4 kHz", || {
        audio::ends_in_the_high_tone(&person.heard(), WIDE_RATE_HZ).then_some(())
    });
    person.say(&audio::high_tone());
    eventually("the browser hears what is above 4 kHz", || {
        audio::ends_in_the_high_tone(&tab.heard(), HEARD_RATE_HZ).then_some(())
    });
    tab.click("#hang-up");
    person.wait_for("CALL_CLOSED");
    house.until_over(CALLER);
}

/// R1, R3: a whole conversation: a question, an interruption, a change of network in the middle of an answer and another
/// one while a person speaks, who was told of the case before.
#[test]
fn a_whole_conversation_goes_on_through_changes_of_network() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let (house, port) = house_with_a_person();
    let mut person = Phone::start("oncall", *port, WhenRung::PicksUp);
    let mut tab = call(house);
    let id = house.conversation(CALLER).unwrap()["id"].clone();
    interrupts(house, &mut tab);
    changes_network(&mut tab, 1);
    is_joined_with_a_person(house, &mut tab, &mut person, "delivery");
    changes_network(&mut tab, 2);
    let so_far = person.heard().len();
    tab.say(&audio::spoken("Can you repair the broken lamp by Friday?"));
    let heard = person.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&person.heard()[so_far..heard], LINE_RATE_HZ), &["repair", "friday"]);
    tab.click("#hang-up");
    person.wait_for("CALL_CLOSED");
    let conversation = house.until_over(CALLER);
    assert_eq!((&conversation["id"], &conversation["call"]["outcome"]), (&id, &Value::from("person")));
}

/// Keys of the page's keypad are keys of the call (RFC 4733 by `RTCDTMFSender`).
#[test]
fn zero_on_the_keypad_brings_help() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    let mut tab = call(house);
    tab.click("#keys");
    tab.run("[...document.querySelectorAll('#keypad button')].find((key) => key.textContent === '0').click()");
    let conversation = until_said(house, "What is your name, please?", 2);
    assert_eq!(conversation["reason"], "The caller pressed 0 for help.");
    tab.click("#hang-up");
    house.until_over(CALLER);
}

#[test]
fn a_browser_without_a_microphone_is_told_so_in_words() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    for (microphone, word) in [(Microphone::None, "microphone"), (Microphone::Denied, "microphone")] {
        let mut tab = Tab::open(&page(house), &microphone);
        tab.click("#call");
        tab.until("the page says what is wrong", "!document.getElementById('trouble').hidden");
        let text = tab.run("document.getElementById('trouble').textContent");
        println!("{text}");
        assert!(text.as_str().unwrap().to_lowercase().contains(word), "{text}");
        assert_eq!(tab.run("document.getElementById('call').hidden"), false);
    }
}

/// Nothing runs out of a telephone's width.
#[test]
fn the_page_fits_a_telephone() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let mut tab = Tab::open(&page(house::shared()), &Microphone::Scripted);
    tab.command_for_size(390, 844);
    assert_eq!(tab.run("innerWidth"), 390);
    assert_eq!(tab.run("document.documentElement.scrollWidth <= innerWidth"), true);
}
