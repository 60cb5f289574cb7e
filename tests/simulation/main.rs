//! Whole calls in virtual time against the real machines (R3, R4, R51, R52, R58; P3, P5).
//!
//! A seed draws a business, its ladder and a few callers at once. Callers, people on call, the desk, the voice, the
//! network and crashes are stand-ins that do what the seed says; `Plan`, `CallFlow`, `Reception`, `Queues`, `Ladder`,
//! `Rounds`, `Colleague` (with `Offer` and `Screening`), `Customer` and `StandingOffers` are the real ones, driven as their driver
//! drives them. After every step the promises of
//! [`checks`] are looked at. A seed that breaks one is printed, and
//! `SIMULATION_SEED=n cargo test --test simulation -- --nocapture` tells its every step.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod agenda;
mod business;
mod caller;
mod calling_back;
mod calling_in;
mod case;
mod chance;
mod checks;
mod climbing;
mod kept;
mod mouth;
mod outside;
mod people;
mod plan;
mod providers;
mod recovery;
mod sabotage;
mod talking;
mod tally;
mod world;

use std::time::Instant;

use checks::Check;
use sabotage::Sabotage;
use tally::Tally;

const CALLS: u64 = 10_000;

#[test]
fn ten_thousand_calls_keep_every_promise() {
    if let Some(seed) = std::env::var("SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let run = world::run(seed, true, None);
        run.tally.print();
        assert!(run.breach.is_none(), "seed {seed}: {:?}", run.breach);
        return;
    }
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    let mut seed = 0;
    while tally.calls < CALLS && broken.len() < TOLD_MAX {
        let run = world::run(seed, false, None);
        tally.add(run.tally);
        broken.extend(run.breach.map(|breach| (seed, breach)));
        seed += 1;
    }
    let took = began.elapsed().as_secs_f64();
    let rate = tally.calls as f64 / took;
    println!("{} calls of {seed} seeds in {took:.1} s: {rate:.0} calls a second", tally.calls);
    println!("{} steps, {} hours of virtual time", tally.steps, tally.virtual_s / 3600);
    tally.print();
    for (seed, breach) in &broken {
        println!("SIMULATION_SEED={seed}: {:?} in call {}: {}", breach.check, breach.call, breach.what);
    }
    assert!(broken.is_empty(), "{} seeds broke a promise; the first is {}", broken.len(), broken[0].0);
    for (kind, all) in REACHED {
        for what in *all {
            assert!(tally.of(kind, what) > 0, "{kind}: {what} was never reached, so nothing is known of it");
        }
    }
}

/// What ten thousand calls must have led to.
const REACHED: &[(&str, &[&str])] = &[
    (
        "outcomes",
        &[
            "Resolved",
            "Person",
            "Voicemail",
            "Callback",
            "Ticket",
            "BestEffort",
            "Abandoned",
            "cut by a crash, then Ticket",
        ],
    ),
    (
        "attempts",
        &[
            "Accepted",
            "Declined",
            "NoKey",
            "Busy",
            "NoAnswer",
            "Rejected",
            "VoicemailDetected",
            "Screened",
            "HumanHungUp",
            "CallerHungUp",
            "Superseded",
            "Failed",
            "Lost",
        ],
    ),
    ("crashes", &["with the agent", "with a person", "ringing"]),
    ("telephones", &["engaged with another call", "200 after the end of ringing", "called in", "called in and taken"]),
    ("plans", &["agent", "menu", "desk", "line", "note", "voicemail", "callback", "reject", "block"]),
    ("queues", &["waits", "full", "taken", "left"]),
    ("callbacks", &["Accepted", "Declined", "NoAnswer", "joined", "joined and recorded", "recording deleted"]),
];

/// What a check guards is taken away, and the check must fail: a check that cannot fail keeps nothing.
#[test]
fn every_check_fails_when_what_it_guards_is_gone() {
    for (sabotage, checks) in [
        (Sabotage::NoTimes, &[Check::Silence, Check::Stranded][..]),
        (Sabotage::NoReprompt, &[Check::Silence, Check::Stranded]),
        (Sabotage::NoCancel, &[Check::RingsOn]),
        (Sabotage::NoBye, &[Check::LegLeaked]),
        (Sabotage::TellAtOnce, &[Check::DetailLeaked]),
        (Sabotage::DialTheCaller, &[Check::Unconfigured]),
        (Sabotage::SpeakDrafts, &[Check::DraftSpoken]),
        (Sabotage::NoTicket, &[Check::Outcome]),
        (Sabotage::EndTwice, &[Check::Outcome]),
        (Sabotage::OfferTwice, &[Check::OneOffer]),
        (Sabotage::RingNobody, &[Check::EmptyPromise]),
        (Sabotage::NoAttemptOutcome, &[Check::Attempt]),
        (Sabotage::NoRecovery, &[Check::Recovery]),
        (Sabotage::NoNotice, &[Check::Recorded]),
        (Sabotage::DeafCallback, &[Check::Recorded]),
    ] {
        let found = (0..SABOTAGED_SEEDS).find_map(|seed| world::run(seed, false, Some(sabotage)).breach);
        let found = found.unwrap_or_else(|| panic!("{sabotage:?} was not noticed"));
        assert!(checks.contains(&found.check), "{sabotage:?} was noticed as {found:?}");
    }
}

/// Seeds within which a fault must show.
const SABOTAGED_SEEDS: u64 = 600;
/// Seeds that are told when many break a promise.
const TOLD_MAX: usize = 20;
