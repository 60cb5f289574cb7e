//! Telephones that insist on encryption, over TLS: with keys in the descriptions (SDES), and with keys exchanged on the
//! audio's own way (DTLS-SRTP).

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::certificates::Authority;
use super::house::{House, Setup, alone, free_port, messages};
use super::phone::{Account, Phone, WhenRung};

/// A house that is called over TLS at this port.
fn house(port: u16, more: &str, escalate_to: Option<String>) -> (House, Authority) {
    let authority = Authority::new();
    let ours = authority.issue(&["127.0.0.1"]);
    let config = format!(
        "[sip]\ntls_listen = \"127.0.0.1:{port}\"\ncertificate_file = {:?}\nkey_file = {:?}\n{more}",
        ours.certificate, ours.key
    );
    let house = House::start(Setup { published: true, escalate_to, config: Some(config), ..Setup::default() });
    (house, authority)
}

fn account(encryption: &'static str, module: &'static [&'static str]) -> Account {
    let parameters = format!(";mediaenc={encryption}");
    Account { parameters, transport: ";transport=tls", modules: module, ..Account::default() }
}

/// It asks, is understood, and hears the answer.
fn is_heard_and_answered(name: &str, account: &Account) {
    let port = free_port();
    let (house, _authority) = house(port, "", None);
    let mut phone = Phone::with_account(name, free_port(), WhenRung::Rings, account);
    phone.dial(&format!("sip:support@127.0.0.1:{port};transport=tls"));
    house.until_said(name, "How can I help you?");
    phone.say(&audio::spoken("What are your opening hours?"));
    let conversation = house.until_said(name, "Saturday");
    phone.hang_up();
    let asked = messages(&conversation, "customer");
    assert_eq!(audio::plain(asked[0]["text"].as_str().unwrap()), "what are your opening hours");
    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    assert_words(&heard, &["automated", "help", "monday", "saturday"]);
    house.until_over(name);
}

/// R1: baresip with `mediaenc=srtp-mand`.
#[test]
fn a_phone_that_insists_on_encryption_is_heard_and_answered() {
    let Some(_turn) = alone() else { return };
    is_heard_and_answered("sealed", &account("srtp-mand", &["srtp.so"]));
}

/// R1, RFC 5763: baresip with `mediaenc=dtls_srtp` offers its certificate's fingerprint, and calls us for the keys.
#[test]
fn a_phone_that_exchanges_keys_by_dtls_is_heard_and_answered() {
    let Some(_turn) = alone() else { return };
    is_heard_and_answered("keyed", &account("dtls_srtp", &["dtls_srtp.so"]));
}

/// R3, RFC 5763: the person's telephone is offered nothing but DTLS-SRTP over the flow by which it registered, hears the
/// summary, and then the caller, who hears it back.
#[test]
fn a_phone_that_exchanges_keys_by_dtls_is_rung_and_joined() {
    let Some(_turn) = alone() else { return };
    let port = free_port();
    let phones = "[[sip.phones]]\nname = \"anna\"\npassword = \"a-long-password\"\nsrtp = \"required\"\n\
                  srtp_keys = [\"dtls\"]\n";
    let (house, _authority) = house(port, phones, Some("sip:anna@127.0.0.1".into()));
    let registered = Account {
        address: Some(format!("<sip:anna@127.0.0.1:{port};transport=tls>;auth_pass=a-long-password;regint=60")),
        ..account("dtls_srtp", &["dtls_srtp.so"])
    };
    let mut anna = Phone::registered("anna", free_port(), &registered);
    let mut caller = Phone::greeted(&house, "plain");
    caller.say(&audio::spoken("I would like to speak to a person about my broken lamp, please."));
    anna.wait_for("CALL_ESTABLISHED");
    anna.until_spoken_to(0);
    anna.press("11");
    house.until("plain", "the person has taken the call", |conversation| {
        conversation["call"]["attempts"][0]["outcome"] == "accepted"
    });
    let so_far = caller.heard().len();
    anna.say(&audio::spoken("This is Peter from the workshop speaking."));
    let heard = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..heard], LINE_RATE_HZ), &["workshop"]);
    let so_far = anna.heard().len();
    caller.say(&audio::spoken("The yellow shade fell from the table."));
    let heard = anna.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&anna.heard()[so_far..heard], LINE_RATE_HZ), &["yellow", "table"]);
    caller.hang_up();
    assert_eq!(house.until_over("plain")["call"]["outcome"], "person");
}
