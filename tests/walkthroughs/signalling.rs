//! SIPp as a plain caller: a smoke test of what its own scenarios and a few of ours expect on the wire.

use super::house::{alone, shared};
use super::sipp::{self, Scenario};

/// RFC 3261 §13.2.2.4 (offer in the 200), RFC 3264 §8.4 (hold).
#[test]
fn an_invite_without_an_offer_is_offered_one_held_and_resumed() {
    let Some(_turn) = alone() else { return };
    sipp::run(shared(), "late-offer", Scenario::Xml(sipp::LATE_OFFER), &[]);
    shared().until_over("late-offer");
}

#[test]
fn options_tells_what_is_allowed() {
    let Some(_turn) = alone() else { return };
    sipp::run(shared(), "options", Scenario::Xml(sipp::OPTIONS), &[]);
}

#[test]
fn an_unknown_codec_is_refused_with_488() {
    let Some(_turn) = alone() else { return };
    sipp::run(shared(), "strange-codec", Scenario::Xml(sipp::STRANGE_CODEC), &[]);
}

#[test]
fn an_unknown_extension_is_refused_with_420() {
    let Some(_turn) = alone() else { return };
    sipp::run(shared(), "strange-extension", Scenario::Xml(sipp::STRANGE_EXTENSION), &[]);
}

/// Ten calls a second, about twenty at once, each answered and ended without a retransmission too many.
#[test]
fn fifty_calls_in_five_seconds_are_all_clean() {
    let Some(_turn) = alone() else { return };
    sipp::run(shared(), "many", Scenario::Own("uac"), &["-m", "50", "-r", "10", "-d", "2000"]);
}
