//! Callers, telephones and ourselves behind translators of addresses (R47, M3).

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::hosts::{Host, Place, World};
use super::house::{House, Setup, alone, eventually, free_port, texts};
use super::phone::{Account, Phone, WhenRung};

fn at(place: &Place, address: String) -> Account {
    Account { address: Some(address), place: place.clone(), ..Account::default() }
}

/// A house that nothing is configured for speaks with nobody: no model, library or check of ours calls home.
#[test]
fn nothing_leaves_a_house_that_talks_to_nobody() {
    let Some(_turn) = alone() else { return };
    let Some(host) = Host::new() else { return };
    let Some(outside) = Host::new() else { return };
    let host = Arc::new(host);
    host.wire("10.0.0.2/24", &outside, "10.0.0.1/24", "wan");
    host.default_route("10.0.0.1");
    host.counts_packets("wan");
    let place = Place::on(&host, Ipv4Addr::LOCALHOST);
    let mut house = House::start(Setup { published: true, place: place.clone(), ..Setup::default() });
    let account = Account { place, ..Account::default() };
    let mut phone = Phone::with_account("near", free_port(), WhenRung::Rings, &account);
    phone.dial(&house.uri());
    house.until_said("near", "How can I help you?");
    phone.say(&audio::spoken("When are you open on Saturday?"));
    eventually("the question is answered", || {
        let conversation = house.conversation("near")?;
        texts(&conversation, "agent").contains("Saturday").then_some(())
    });
    phone.hang_up();
    house.until_over("near");
    house.process.signal("TERM");
    house.exit_status();
    assert_eq!(host.packets_counted(), 0);
}

/// A caller behind a symmetric NAT is heard and hears us behind ours; the telephone of the person whom they ask for
/// registered from behind its own NAT, is rung the way it came, and the two hear each other.
#[test]
fn caller_person_and_house_behind_nat_hear_each_other() {
    let Some(_turn) = alone() else { return };
    let Some(world) = World::new() else { return };
    let config = "[sip]\nhome_country = \"DE\"\nadvertised = \"203.0.113.7\"\n\
                  [[sip.trunks]]\nname = \"carrier\"\nhost = \"198.51.100.2\"\nadvertised = \"203.0.113.7\"\n\
                  own_number = \"+4930901821\"\n\
                  [[sip.phones]]\nname = \"anna\"\npassword = \"a-long-password\"\nadvertised = \"203.0.113.7\"\n";
    let setup = Setup {
        published: true,
        escalate_to: Some("sip:anna@203.0.113.7".into()),
        config: Some(config.into()),
        place: world.ours.clone(),
        ..Setup::default()
    };
    let house = House::start(setup);
    let ours = format!("203.0.113.7:{}", house.sip_port);

    let address = format!("<sip:anna@{ours}>;auth_pass=a-long-password;regint=60");
    let account = at(&world.phones, address);
    let mut anna = Phone::registered("anna", 5060, &account);

    let number = "+4930901820";
    let account = at(&world.callers, format!("<sip:{number}@198.51.100.2>;regint=0"));
    let mut caller = Phone::with_account(number, 5060, WhenRung::Rings, &account);
    caller.dial(&format!("sip:+4930901821@{ours}"));
    house.until_said(number, "How can I help you?");
    caller.say(&audio::spoken("When are you open on Saturday?"));
    eventually("the question is answered", || {
        let conversation = house.conversation(number)?;
        texts(&conversation, "customer").to_lowercase().contains("saturday").then_some(())
    });
    caller.until_spoken_to(caller.heard().len());
    caller.press("0");

    anna.wait_for("CALL_ESTABLISHED");
    anna.until_spoken_to(0);
    anna.press("11");
    house.until(number, "the person has taken the call", |conversation| {
        conversation["call"]["attempts"][0]["outcome"] == "accepted"
    });
    let so_far = caller.heard().len();
    anna.say(&audio::spoken("This is Peter from the workshop speaking."));
    caller.until_spoken_to(so_far);
    let so_far = anna.heard().len();
    caller.say(&audio::spoken("The yellow shade fell from the table."));
    anna.until_spoken_to(so_far);
    caller.hang_up();
    let conversation = house.until_over(number);
    assert_eq!(conversation["call"]["outcome"], "person", "{conversation:#}");

    let heard = audio::transcribe(&anna.heard(), LINE_RATE_HZ);
    println!("The person heard: {heard}");
    assert_words(&heard, &["press", "take", "yellow", "table"]);
    let heard = audio::transcribe(&caller.heard(), LINE_RATE_HZ);
    println!("The caller heard: {heard}");
    assert_words(&heard, &["automated", "saturday", "workshop", "speaking"]);
}
