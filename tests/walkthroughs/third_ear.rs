//! A supervisor on a live call, by a telephone of theirs: what each of the three hears, and what is recorded (R9, R48).

use serde_json::{Value, json};

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::calling_back;
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

/// What somebody heard from one sample to another.
type Heard = std::ops::Range<usize>;

/// Says something, and waits until another has heard it; where in what that one heard. It is transcribed when the call
/// is over: nobody waits that long on the line.
fn says(speaker: &mut Phone, listener: &Phone, text: &str) -> Heard {
    let so_far = listener.heard().len();
    speaker.say(&audio::spoken(text));
    so_far..listener.until_spoken_to(so_far)
}

fn words(phone: &Phone, when: &Heard) -> String {
    audio::transcribe(&phone.heard()[when.clone()], LINE_RATE_HZ)
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
    let mut caller = Phone::greeted(&house, "watched");
    supervise(&house, "listen");
    assert_eq!(live(&house)["stands"], "conversing");

    // That the call is recorded is told to them alone, over what is said meanwhile.
    let told = boss.until_spoken_to(0);
    caller.say(&audio::spoken("What are your opening hours?"));
    house.until_said("watched", "Saturday");
    let listened = told..boss.heard().len();
    let so_far = caller.heard().len();
    boss.say(&audio::spoken("Nobody may hear of purple elephants."));
    eventually("some seconds are over", || (caller.heard().len() > so_far + 4 * LINE_RATE_HZ as usize).then_some(()));
    let quiet = so_far..caller.heard().len();

    let so_far = caller.heard().len();
    order(&house, "take-over", &json!({}));
    until_live(&house, "the supervisor has the call", |call| call["stands"] == "with_person");
    let announced = so_far..caller.until_spoken_to(so_far);
    let to_caller = says(&mut boss, &caller, "I will look for your umbrella myself.");
    let to_boss = says(&mut caller, &boss, "Please look in the bicycle shed.");

    order(&house, "hand-back", &json!({}));
    house.until_said("watched", "You are back with me");
    boss.wait_for("CALL_CLOSED");
    let ends = caller.heard().len();
    order(&house, "end", &json!({}));
    caller.wait_for("CALL_CLOSED");
    let conversation = house.until_over("watched");
    assert_words(&words(&boss, &listened), &["opening hours", "monday", "saturday"]);
    assert!(!words(&caller, &quiet).contains("elephant"), "who listens is not heard");
    assert_words(&words(&caller, &announced), &["taking over"]);
    assert_words(&words(&caller, &to_caller), &["umbrella"]);
    assert_words(&words(&boss, &to_boss), &["bicycle"]);
    assert_words(&words(&caller, &(ends..caller.heard().len())), &["end this call"]);
    assert_eq!(conversation["call"]["outcome"], "person");
    // The agent says nothing from the one sentence to the other.
    let said: Vec<&str> =
        messages(&conversation, "agent").iter().filter_map(|message| message["text"].as_str()).collect();
    let taken = said.iter().position(|text| text.contains("taking over")).expect("it is announced");
    assert!(said[taken + 1].contains("You are back with me"), "{said:?}");
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
    let mut caller = Phone::greeted(&house, "whispered");
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    anna.wait_for("CALL_ESTABLISHED");
    anna.until_spoken_to(0);
    anna.press("11");
    until_live(&house, "Anna has the call", |call| call["stands"] == "with_person");

    supervise(&house, "whisper");
    boss.until_spoken_to(0);
    let whispered = says(&mut boss, &anna, "Offer them a pineapple.");
    // 6: everybody hears.
    boss.press("6");
    until_live(&house, "the supervisor barges in", |call| call["supervisors"][0]["mode"] == "barge");
    boss.until_spoken_to(0);
    let (with_caller, with_anna) = (caller.heard().len(), anna.heard().len());
    boss.say(&audio::spoken("You will get a watermelon tomorrow."));
    let barged = [with_caller..caller.until_spoken_to(with_caller), with_anna..anna.until_spoken_to(with_anna)];
    boss.hang_up();
    until_live(&house, "the supervisor is gone", |call| call["supervisors"].as_array().is_some_and(Vec::is_empty));
    let alone_again = says(&mut anna, &caller, "The workshop will call you back.");
    caller.hang_up();
    let conversation = house.until_over("whispered");
    assert_words(&words(&anna, &whispered), &["apple"]);
    assert_words(&words(&caller, &barged[0]), &["melon"]);
    assert_words(&words(&anna, &barged[1]), &["melon"]);
    assert_words(&words(&caller, &alone_again), &["workshop"]);
    let (left, right, rate) = house.recording(&conversation);
    let (left, right) = (audio::transcribe(&left, rate), audio::transcribe(&right, rate));
    let ear = heard(&caller);
    for (what, words) in [("the caller heard", &ear), ("their channel holds", &left), ("ours holds", &right)] {
        assert!(!words.contains("apple"), "{what}: {words}");
    }
    assert_words(&right, &["melon", "workshop"]);
    let said = texts(&conversation, "teammate").to_lowercase();
    assert!(said.contains("melon") && !said.contains("apple"), "{said}");
    println!("The caller heard: {ear}\nAnna heard: {}", heard(&anna));
}

/// R8, R9: a teammate who calls a customer back is listened to and relieved like anybody else who speaks with one.
#[test]
fn a_callback_is_listened_to_and_taken_over() {
    let Some(_turn) = alone() else { return };
    let (house, [customer, anna, boss]) = calling_back::house();
    let ticket = calling_back::ticket(&house);
    let mut anna = Phone::start("anna", anna, WhenRung::PicksUp);
    let mut boss = Phone::start("boss", boss, WhenRung::PicksUp);
    let mut customer = Phone::start(calling_back::CUSTOMER, customer, WhenRung::PicksUp);
    let path = format!("/api/v1/tickets/{}/call", ticket["id"].as_str().unwrap());
    assert_eq!(house.post(&path, &json!({"teammate": "person:anna"})).0, 202);
    anna.wait_for("CALL_ESTABLISHED");
    anna.until_spoken_to(0);
    anna.press("11");
    let call = until_live(&house, "Anna and the customer speak", |call| call["stands"] == "with_person");
    assert_eq!(call["parties"][0]["who"], calling_back::CUSTOMER);

    supervise(&house, "listen");
    boss.until_spoken_to(0);
    let listened = says(&mut anna, &boss, "This is Anna from the workshop speaking.");
    order(&house, "take-over", &json!({}));
    anna.wait_for("CALL_CLOSED");
    let to_customer = says(&mut boss, &customer, "You will get a watermelon tomorrow.");
    let to_boss = says(&mut customer, &boss, "Please look in the bicycle shed.");
    order(&house, "end", &json!({}));
    customer.wait_for("CALL_CLOSED");
    boss.wait_for("CALL_CLOSED");
    assert_words(&words(&boss, &listened), &["workshop"]);
    assert_words(&words(&customer, &to_customer), &["melon"]);
    assert_words(&words(&boss, &to_boss), &["bicycle"]);
    assert_words(&heard(&anna), &["taken", "over"]);
    let path = format!("/api/v1/conversations/{}", call["conversation"].as_str().unwrap());
    eventually("what they said is kept, and the call is no longer live", || {
        let is_kept = texts(&house.get_json(&path), "teammate").to_lowercase().contains("melon");
        (is_kept && live(&house).is_null()).then_some(())
    });
}
