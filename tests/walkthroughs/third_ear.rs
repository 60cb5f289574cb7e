//! A supervisor on a live call, by a telephone of theirs: what each of the three hears, and what is recorded (R9, R48).

use serde_json::{Value, json};

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, eventually, free_port, messages, texts};
use super::phone::{Phone, WhenRung};

/// A house whose policy rings Anna, and knows the supervisor's telephone without ringing it.
fn house(anna: u16, boss: u16) -> House {
    let escalation = format!(
        "[[escalation.people]]\nid = \"anna\"\nname = \"Anna\"\ndestinations = [\"sip:anna@127.0.0.1:{anna}\"]\n\
         [[escalation.people]]\nid = \"boss\"\nname = \"Bea\"\ndestinations = [\"sip:boss@127.0.0.1:{boss}\"]\n\
         [[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"person:anna\"]\n\
         [[escalation.ladder]]\ndo = \"flag\"\n"
    );
    House::start(Setup { published: true, config: Some(escalation), ..Setup::default() })
}

/// The one live call.
fn live(house: &House) -> Value {
    house.get_json("/api/v1/calls")["calls"][0].clone()
}

fn until_live(house: &House, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(live(house)).filter(|call| wanted(call)))
}

/// Orders something of the live call.
fn order(house: &House, what: &str, body: &Value) -> Value {
    let id = live(house)["id"].as_str().unwrap().to_owned();
    let (status, answer) = house.post(&format!("/api/v1/calls/{id}/{what}"), body);
    assert!((200..300).contains(&status), "{what}: {status} {answer}");
    answer
}

fn supervise(house: &House, mode: &str) {
    order(house, "supervision", &json!({ "via": "person:boss", "mode": mode }));
    until_live(house, "the supervisor is there", |call| call["supervisors"][0]["is_here"] == true);
}

/// Says something, and waits until another has heard it; what that one heard.
fn says(speaker: &mut Phone, listener: &Phone, text: &str) -> String {
    let so_far = listener.heard().len();
    speaker.say(&audio::spoken(text));
    let until = listener.until_spoken_to(so_far);
    audio::transcribe(&listener.heard()[so_far..until], LINE_RATE_HZ)
}

fn heard(phone: &Phone) -> String {
    audio::transcribe(&phone.heard(), LINE_RATE_HZ)
}

/// R9: who only listens hears both sides and is heard by nobody; who takes over is announced, has the call without the
/// agent, and gives it back.
#[test]
fn a_supervisor_listens_takes_over_hands_back_and_ends_the_call() {
    let Some(_turn) = alone() else { return };
    let (anna, boss) = (free_port(), free_port());
    let house = house(anna, boss);
    let mut boss = Phone::start("boss", boss, WhenRung::PicksUp);
    let mut caller = Phone::caller("watched");
    caller.dial(&house.uri());
    house.until_said("watched", "How can I help you?");
    supervise(&house, "listen");
    assert_eq!(live(&house)["stands"], "conversing");

    boss.until_spoken_to(0);
    let answered = says(&mut caller, &boss, "When are you open on Saturdays?");
    let reply = house.until("watched", "the agent has answered", |conversation| {
        messages(conversation, "agent").iter().filter(|message| !message["heard_text"].is_null()).count() >= 2
    });
    let whole = eventually("the supervisor hears the answer to its end", || {
        let heard = heard(&boss);
        let said = texts(&reply, "agent");
        let last = said.rsplit(" | ").next().unwrap_or_default().to_owned();
        (audio::share_heard(&last, &heard) > 0.7).then_some(heard)
    });
    assert!(answered.contains("open") || whole.contains("open"), "the caller's side: {whole}");
    boss.say(&audio::spoken("Nobody may hear of purple elephants."));
    eventually("the words are over", || audio::has_spoken(&boss.heard(), 0).then_some(()));
    std::thread::park_timeout(std::time::Duration::from_secs(3));
    let quiet = heard(&caller);
    assert!(!quiet.contains("elephant"), "who listens is not heard: {quiet}");

    let so_far = caller.heard().len();
    order(&house, "take-over", &json!({}));
    until_live(&house, "the supervisor has the call", |call| call["stands"] == "with_person");
    let announced = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..announced], LINE_RATE_HZ), &["taking over"]);
    assert_words(&says(&mut boss, &caller, "I will look for your umbrella myself."), &["umbrella"]);
    assert_words(&says(&mut caller, &boss, "Please look in the bicycle shed."), &["bicycle"]);

    order(&house, "hand-back", &json!({}));
    house.until_said("watched", "You are back with me");
    boss.wait_for("CALL_CLOSED");
    order(&house, "end", &json!({}));
    caller.wait_for("CALL_CLOSED");
    let conversation = house.until_over("watched");
    assert_words(&heard(&caller), &["end this call"]);
    assert_eq!(conversation["call"]["outcome"], "person");
    let said = texts(&conversation, "agent");
    let after = said.split("taking over").nth(1).unwrap().split("You are back").next().unwrap();
    assert_eq!(
        after.trim_matches([' ', '|', '.'] as [char; 3]).split('|').next().unwrap().trim_end_matches(" this call"),
        "this call"
    );
    assert!(texts(&conversation, "teammate").to_lowercase().contains("umbrella"), "what they said is kept");
    let events = house.get_json(&format!("/api/v1/conversations/{}/events", conversation["id"].as_str().unwrap()));
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().filter_map(|event| event["act"]["kind"].as_str()).collect();
    for kind in ["supervisor_joined", "taken_over", "released", "call_ended"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    println!("The caller heard: {}\nThe supervisor heard: {}", heard(&caller), heard(&boss));
}

/// R9, R48: a whisper is for the colleague, and neither for the caller nor for what is recorded of their ear; who barges
/// in is heard by both.
#[test]
fn a_whisper_reaches_the_colleague_alone_and_a_barge_reaches_both() {
    let Some(_turn) = alone() else { return };
    let (anna, boss) = (free_port(), free_port());
    let house = house(anna, boss);
    let mut anna = Phone::start("anna", anna, WhenRung::PicksUp);
    let mut boss = Phone::start("boss", boss, WhenRung::PicksUp);
    let mut caller = Phone::caller("whispered");
    caller.dial(&house.uri());
    house.until_said("whispered", "How can I help you?");
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    anna.wait_for("CALL_ESTABLISHED");
    anna.until_spoken_to(0);
    anna.press("11");
    until_live(&house, "Anna has the call", |call| call["stands"] == "with_person");

    supervise(&house, "whisper");
    boss.until_spoken_to(0);
    assert_words(&says(&mut boss, &anna, "Offer them a pineapple."), &["pineapple"]);
    // 6: everybody hears.
    boss.press("6");
    until_live(&house, "the supervisor barges in", |call| call["supervisors"][0]["mode"] == "barge");
    boss.until_spoken_to(0);
    let (with_caller, with_anna) = (caller.heard().len(), anna.heard().len());
    boss.say(&audio::spoken("You will get a watermelon tomorrow."));
    for (phone, from) in [(&caller, with_caller), (&anna, with_anna)] {
        let until = phone.until_spoken_to(from);
        assert_words(&audio::transcribe(&phone.heard()[from..until], LINE_RATE_HZ), &["melon"]);
    }
    boss.hang_up();
    until_live(&house, "the supervisor is gone", |call| call["supervisors"].as_array().is_some_and(Vec::is_empty));
    assert_words(&says(&mut anna, &caller, "The workshop will call you back."), &["workshop"]);
    caller.hang_up();
    let conversation = house.until_over("whispered");
    let (left, right, rate) = house.recording(&conversation);
    let (left, right) = (audio::transcribe(&left, rate), audio::transcribe(&right, rate));
    let ear = heard(&caller);
    for (what, words) in [("the caller heard", &ear), ("their channel holds", &left), ("ours holds", &right)] {
        assert!(!words.contains("pineapple"), "{what}: {words}");
    }
    assert_words(&right, &["melon", "workshop"]);
    let said = texts(&conversation, "teammate").to_lowercase();
    assert!(said.contains("melon") && !said.contains("pineapple"), "{said}");
    println!("The caller heard: {ear}\nAnna heard: {}", heard(&anna));
}
