//! A browser behind a translator of addresses, and we behind another (R47).

use super::audio::{self, assert_words};
use super::calls::{until_said, used_candidate};
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there};
use super::hosts::{World, door};
use super::house::{House, Setup, alone};

/// A symmetric translator gives each destination another port, and we are known by a public address that no card of ours
/// has: the browser finds us there, and we answer to where its checks come from.
#[test]
fn a_browser_behind_nat_reaches_a_house_by_its_public_address() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let Some(world) = World::new() else { return };
    let config = Some("[browser]\nadvertised = [\"203.0.113.7\"]\n".to_owned());
    let setup = Setup { published: true, config, place: world.ours.clone(), ..Setup::default() };
    let house = House::start(setup);
    door(&world.callers, &world.ours, house.http_port());
    let page = format!("http://127.0.0.1:{}/call", house.http_port());
    let mut tab = Tab::open_at(&world.callers, &page, &Microphone::Scripted, "");
    tab.click("#call");
    tab.until_phase("live");
    until_said(&house, "How can I help you?", 1);
    let ours = tab.run(
        "switchboard.stats().then((all) => { const by = new Map(all.map((one) => [one.id, one])); \
         const pair = by.get(all.find((one) => one.type === 'transport')?.selectedCandidatePairId); \
         return by.get(pair.remoteCandidateId).address; })",
    );
    assert_eq!(ours, "203.0.113.7");
    println!("The browser's own end: {}", used_candidate(&mut tab, "candidateType"));
    tab.say(&audio::spoken("What are your opening hours?"));
    until_said(&house, "Saturday", 2);
    assert_words(&audio::transcribe(&tab.heard(), HEARD_RATE_HZ), &["automated", "monday", "saturday"]);
    tab.click("#hang-up");
    house.until_over("browser@127.0.0.1");
}
