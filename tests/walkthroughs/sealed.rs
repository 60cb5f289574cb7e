//! A telephone that insists on encryption: SIP over TLS, SRTP, keys in the descriptions.

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::certificates::Authority;
use super::house::{House, Setup, alone, free_port, messages};
use super::phone::{Account, Phone, WhenRung};

/// R1: baresip with `mediaenc=srtp-mand` over TLS asks, is understood, and hears the answer.
#[test]
fn a_phone_that_insists_on_encryption_is_heard_and_answered() {
    let Some(_turn) = alone() else { return };
    let authority = Authority::new();
    let ours = authority.issue(&["127.0.0.1"]);
    let port = free_port();
    let config = format!(
        "[sip]\ntls_listen = \"127.0.0.1:{port}\"\ncertificate_file = {:?}\nkey_file = {:?}\n",
        ours.certificate, ours.key
    );
    let house = House::start(Setup { published: true, config: Some(config), ..Setup::default() });
    let account = Account {
        parameters: ";mediaenc=srtp-mand".into(),
        transport: ";transport=tls",
        modules: &["srtp.so"],
        ..Account::default()
    };
    let mut phone = Phone::with_account("sealed", free_port(), WhenRung::Rings, &account);
    phone.dial(&format!("sip:support@127.0.0.1:{port};transport=tls"));
    house.until_said("sealed", "How can I help you?");
    phone.say(&audio::spoken("What are your opening hours?"));
    let conversation = house.until_said("sealed", "Saturday");
    phone.hang_up();
    let asked = messages(&conversation, "customer");
    assert_eq!(audio::plain(asked[0]["text"].as_str().unwrap()), "what are your opening hours");
    let heard = audio::transcribe(&phone.heard(), LINE_RATE_HZ);
    assert_words(&heard, &["automated", "help", "monday", "saturday"]);
    house.until_over("sealed");
}
