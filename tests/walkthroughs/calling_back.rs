//! A customer who left a wish is called back: the teammate's telephone first, then theirs (R5, R8).

use serde_json::{Value, json};

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, eventually, free_port};
use super::phone::{Phone, WhenRung};

pub const CUSTOMER: &str = "+493012345678";

/// A house whose trunk leads to the customer, with a teammate and a supervisor; and the ports of the three.
pub fn house() -> (House, [u16; 3]) {
    let ports @ [customer, teammate, supervisor] = [free_port(), free_port(), free_port()];
    let config = format!(
        "[sip]\nhome_country = \"DE\"\n[[sip.trunks]]\nname = \"carrier\"\nhost = \"127.0.0.1:{customer}\"\n\
         health_seconds = 0\n[[escalation.ladder]]\ndo = \"callback\"\n\
         [[escalation.people]]\nid = \"anna\"\nname = \"Anna\"\ndestinations = [\"sip:anna@127.0.0.1:{teammate}\"]\n\
         [[escalation.people]]\nid = \"boss\"\nname = \"Bea\"\ndestinations = [\"sip:boss@127.0.0.1:{supervisor}\"]\n"
    );
    (House::start(Setup { published: true, config: Some(config), ..Setup::default() }), ports)
}

/// The ticket of somebody who called, wanted a person, and hung up when asked for more.
pub fn ticket(house: &House) -> Value {
    let mut caller = Phone::greeted(house, CUSTOMER);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    house.until(CUSTOMER, "they are asked about a callback", |conversation| {
        super::house::messages(conversation, "agent").len() > 1
    });
    caller.hang_up();
    house.until_over(CUSTOMER)["tickets"][0].clone()
}

fn attempts(conversation: &Value) -> &Value {
    &conversation["call"]["attempts"]
}

#[test]
fn a_teammate_takes_a_callback_and_is_joined_with_the_customer() {
    let Some(_turn) = alone() else { return };
    let (house, [customer_port, teammate_port, _]) = house();
    let ticket = ticket(&house);
    assert_eq!(ticket["status"], "pending", "{ticket:#}");
    let conversation = house.conversation(CUSTOMER).unwrap()["id"].as_str().unwrap().to_owned();
    let now = || house.get_json(&format!("/api/v1/conversations/{conversation}"));
    let path = format!("/api/v1/tickets/{}/call", ticket["id"].as_str().unwrap());
    let mut teammate = Phone::start("anna", teammate_port, WhenRung::PicksUp);
    let mut customer = Phone::start(CUSTOMER, customer_port, WhenRung::PicksUp);
    let (status, refused) = house.post(&path, &json!({"teammate": "sip:eve@127.0.0.1"}));
    assert_eq!(status, 422, "{refused:#}");
    let (status, answer) = house.post(&path, &json!({"teammate": "person:anna"}));
    assert_eq!(status, 202, "{answer:#}");

    teammate.wait_for("CALL_ESTABLISHED");
    teammate.until_spoken_to(0);
    assert!(customer.event("CALL_INCOMING").is_none(), "nobody is called before the teammate has accepted");
    teammate.press("11");
    customer.wait_for("CALL_ESTABLISHED");
    let told = customer.until_spoken_to(0);
    let notice = audio::transcribe(&customer.heard()[..told], LINE_RATE_HZ);
    println!("The customer heard first: {notice}");
    assert_words(&notice, &["calling you back", "recorded"]);
    let so_far = customer.heard().len();
    // The first call was recorded too.
    eventually("the two are joined", || {
        now()["call"]["recordings"].as_array().filter(|recordings| recordings.len() == 2).map(drop)
    });
    teammate.say(&audio::spoken("This is Anna from the workshop speaking."));
    let heard = customer.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&customer.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
    let so_far = teammate.heard().len();
    customer.say(&audio::spoken("The yellow shade fell from the table."));
    let heard = teammate.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&teammate.heard()[so_far..heard], LINE_RATE_HZ), &["yellow", "table"]);
    let told = audio::transcribe(&teammate.heard(), LINE_RATE_HZ);
    assert_words(&told, &["lamp"]);

    customer.hang_up();
    teammate.wait_for("CALL_CLOSED");
    let conversation = eventually("the callback is over", || {
        let conversation = now();
        let recorded = conversation["call"]["recordings"][1]["duration_ms"].is_i64();
        (recorded && conversation["call"]["outcome"] == "person").then_some(conversation)
    });
    assert_eq!(conversation["tickets"][0]["status"], "in_progress");
    assert_eq!(attempts(&conversation)[0]["outcome"], "accepted");
    let words = super::house::texts(&conversation, "customer").to_lowercase();
    assert!(words.contains("yellow"), "what the customer said is kept (R7): {words}");
}

const COLLEAGUE: &str = "+493011111111";

/// A house that rings a colleague's number for a few seconds, and then takes a wish to be called back; with the ports of
/// the customer and of the colleague.
fn house_with_a_colleague(verifies_from: bool) -> (House, [u16; 2]) {
    let ports = [free_port(), free_port()];
    let trunk = |(number, port): (&str, u16)| {
        format!(
            "[[sip.trunks]]\nname = \"way{port}\"\nhost = \"127.0.0.1:{port}\"\nhealth_seconds = 0\n\
             allowed_prefixes = [\"{number}\"]\nverifies_from = {verifies_from}\n"
        )
    };
    let trunks: String = [CUSTOMER, COLLEAGUE].into_iter().zip(ports).map(trunk).collect();
    let config = format!(
        "[sip]\nhome_country = \"DE\"\n{trunks}\
         [[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"{COLLEAGUE}\"]\nring_seconds = 5\n\
         [[escalation.ladder]]\ndo = \"callback\"\n"
    );
    (House::start(Setup { published: true, config: Some(config), ..Setup::default() }), ports)
}

/// R55: who missed an offer and calls in while its caller is still there is told so, and by a key has them.
#[test]
fn who_missed_a_caller_and_calls_in_is_joined_with_them() {
    let Some(_turn) = alone() else { return };
    let (house, [_, colleague_port]) = house_with_a_colleague(true);
    let mut colleague = Phone::start(COLLEAGUE, colleague_port, WhenRung::Rings);
    let mut caller = Phone::greeted(&house, CUSTOMER);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    colleague.wait_for("CALL_INCOMING");
    colleague.wait_for("CALL_CLOSED");
    house.until(CUSTOMER, "they are asked about a callback", |conversation| {
        super::house::texts(conversation, "agent").contains("call you back on")
    });
    colleague.dial(&house.uri());
    let told = colleague.until_spoken_to(0);
    let offer = audio::transcribe(&colleague.heard()[..told], LINE_RATE_HZ);
    println!("The colleague heard first: {offer}");
    assert_words(&offer, &["still on the line"]);
    assert!(!offer.contains("lamp"), "nothing of the case before a key: {offer}");
    colleague.press("1");
    let case = colleague.until_spoken_to(told);
    assert_words(&audio::transcribe(&colleague.heard()[told..case], LINE_RATE_HZ), &["lamp"]);
    house.until(CUSTOMER, "the colleague has taken the call", |conversation| {
        let outcomes = attempts(conversation).as_array().unwrap();
        outcomes.len() == 2 && outcomes[0]["outcome"] == "no_answer" && outcomes[1]["outcome"] == "accepted"
    });
    let so_far = caller.heard().len();
    colleague.say(&audio::spoken("This is Peter from the workshop speaking."));
    let heard = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
    caller.hang_up();
    colleague.wait_for("CALL_CLOSED");
    let conversation = house.until_over(CUSTOMER);
    assert_eq!(conversation["call"]["outcome"], "person");
    assert_eq!(conversation["tickets"].as_array().unwrap().len(), 0, "{conversation:#}");
}

/// R55: a staff number that the trunk does not vouch for is anybody's: it hears the greeting and nothing of any case.
#[test]
fn a_number_that_nobody_vouches_for_hears_nothing_of_a_case() {
    let Some(_turn) = alone() else { return };
    let (house, [_, colleague_port]) = house_with_a_colleague(false);
    let mut forger = Phone::start(COLLEAGUE, colleague_port, WhenRung::Rings);
    let mut caller = Phone::greeted(&house, CUSTOMER);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    forger.wait_for("CALL_INCOMING");
    forger.wait_for("CALL_CLOSED");
    forger.dial(&house.uri());
    house.until_said(COLLEAGUE, "How can I help you?");
    let heard = audio::transcribe(&forger.heard(), LINE_RATE_HZ);
    assert!(!heard.contains("case") && !heard.contains("broken"), "{heard}");
}

/// R55: who missed an offer and calls in is told that a case waits, and by a key hears it and is connected with its
/// customer; nothing of it is said before.
#[test]
fn who_missed_a_case_and_calls_in_is_offered_it() {
    let Some(_turn) = alone() else { return };
    let (house, [customer_port, colleague_port]) = house_with_a_colleague(true);
    let mut colleague = Phone::start(COLLEAGUE, colleague_port, WhenRung::Rings);
    let mut caller = Phone::greeted(&house, CUSTOMER);
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    colleague.wait_for("CALL_INCOMING");
    caller.hang_up();
    colleague.wait_for("CALL_CLOSED");
    let missed = house.until_over(CUSTOMER);
    assert_eq!(missed["tickets"][0]["status"], "pending", "{missed:#}");

    let customer = Phone::start(CUSTOMER, customer_port, WhenRung::PicksUp);
    colleague.dial(&house.uri());
    let told = colleague.until_spoken_to(0);
    let offer = audio::transcribe(&colleague.heard()[..told], LINE_RATE_HZ);
    println!("The colleague heard first: {offer}");
    assert_words(&offer, &["support case", "press"]);
    assert!(!offer.contains("lamp"), "nothing of the case before a key: {offer}");
    colleague.press("1");
    customer.wait_for("CALL_ESTABLISHED");
    assert_words(&audio::transcribe(&colleague.heard(), LINE_RATE_HZ), &["lamp"]);
    let path = format!("/api/v1/tickets/{}", missed["tickets"][0]["id"].as_str().unwrap());
    assert_eq!(house.get_json(&path)["status"], "in_progress");
    colleague.hang_up();
    customer.wait_for("CALL_CLOSED");
}

/// The customer does not pick up: the teammate is told, and the ticket stays.
#[test]
fn a_customer_who_is_busy_leaves_the_ticket_open() {
    let Some(_turn) = alone() else { return };
    let (house, [customer_port, teammate_port, _]) = house();
    let ticket = ticket(&house);
    let mut teammate = Phone::start("anna", teammate_port, WhenRung::PicksUp);
    let mut customer = Phone::start(CUSTOMER, customer_port, WhenRung::Rings);
    let path = format!("/api/v1/tickets/{}", ticket["id"].as_str().unwrap());
    assert_eq!(house.post(&format!("{path}/call"), &json!({"teammate": "person:anna"})).0, 202);
    teammate.wait_for("CALL_ESTABLISHED");
    teammate.until_spoken_to(0);
    teammate.press("11");
    customer.wait_for("CALL_INCOMING");
    customer.hang_up();
    teammate.wait_for("CALL_CLOSED");
    let told = audio::transcribe(&teammate.heard(), LINE_RATE_HZ);
    assert_words(&told, &["cannot be reached"]);
    assert_eq!(house.get_json(&path)["status"], "in_progress");
}

/// R48, R8: a customer who does not want to be recorded is obeyed, and a house that is asked to stop lets the callback
/// come to its own end.
#[test]
fn a_callback_is_not_recorded_against_the_customers_wish_and_is_waited_for() {
    let Some(_turn) = alone() else { return };
    let (mut house, [customer_port, teammate_port, _]) = house();
    let ticket = ticket(&house);
    let path = format!("/api/v1/tickets/{}/call", ticket["id"].as_str().unwrap());
    let conversation = house.conversation(CUSTOMER).unwrap()["id"].as_str().unwrap().to_owned();
    let mut teammate = Phone::start("anna", teammate_port, WhenRung::PicksUp);
    let mut customer = Phone::start(CUSTOMER, customer_port, WhenRung::PicksUp);
    assert_eq!(house.post(&path, &json!({"teammate": "person:anna"})).0, 202);
    teammate.wait_for("CALL_ESTABLISHED");
    teammate.until_spoken_to(0);
    teammate.press("11");
    customer.wait_for("CALL_ESTABLISHED");
    let recordings = |house: &House| {
        let conversation = house.get_json(&format!("/api/v1/conversations/{conversation}"));
        conversation["call"]["recordings"].as_array().map_or(0, Vec::len)
    };
    eventually("the two are joined and recorded", || (recordings(&house) == 2).then_some(()));
    house.process.signal("TERM");
    eventually("the house drains", || house.log().contains("Stopping").then_some(()));
    let so_far = customer.heard().len();
    customer.say(&audio::spoken("Please do not record this call."));
    eventually("the recording is gone", || (recordings(&house) == 1).then_some(()));
    let told = customer.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&customer.heard()[so_far..told], LINE_RATE_HZ), &["not recorded"]);
    assert_eq!(house.post(&path, &json!({"teammate": "person:anna"})).0, 503, "no further one is begun");
    let so_far = customer.heard().len();
    teammate.say(&audio::spoken("This is Anna from the workshop speaking."));
    let heard = customer.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&customer.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
    assert!(house.process.ended().is_none(), "it waits for the callback");
    customer.hang_up();
    teammate.wait_for("CALL_CLOSED");
    assert!(house.exit_status().success(), "{}", house.log());
}
