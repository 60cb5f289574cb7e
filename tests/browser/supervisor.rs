//! A supervisor in a browser on the call of a telephone (R9).

use serde_json::{Value, json};

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::chromium::{HEARD_RATE_HZ, Microphone, Tab, is_there};
use super::house::{self, House, alone, eventually};
use super::phone::Phone;

/// What a console does to join a call.
const JOIN: &str = r#"(async () => {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true });
  const peer = (window.peer = new RTCPeerConnection());
  peer.ontrack = (event) => (document.getElementById("voice").srcObject = new MediaStream([event.track]));
  media.getTracks().forEach((track) => peer.addTrack(track, media));
  await peer.setLocalDescription(await peer.createOffer());
  const body = JSON.stringify({ via: "browser", mode: "listen", offer: peer.localDescription.sdp });
  const headers = { "content-type": "application/json" };
  const response = await fetch("/api/v1/calls/CALL/supervision", { method: "POST", headers, body });
  const joined = await response.json();
  if (joined.answer) await peer.setRemoteDescription({ type: "answer", sdp: joined.answer });
  return { status: response.status, media: joined.media };
})()"#;

fn live(house: &House) -> Value {
    house.get_json("/api/v1/calls")["calls"][0].clone()
}

fn until_live(house: &House, what: &str, wanted: impl Fn(&Value) -> bool) {
    eventually(what, || wanted(&live(house)).then_some(()));
}

fn ask(tab: &mut Tab, method: &str, path: &str, body: &Value) -> Value {
    let script = format!(
        "fetch({path:?}, {{ method: {method:?}, headers: {{ 'content-type': 'application/json' }}, body: '{body}' }})\
         .then((response) => response.status)"
    );
    tab.run(&script)
}

#[test]
fn a_supervisor_in_a_browser_listens_barges_in_and_takes_over() {
    let Some(_turn) = alone().filter(|_| is_there()) else { return };
    let house = house::shared();
    // Before the call: nobody waits on the line until a browser has started.
    let mut tab = Tab::open(&format!("http://127.0.0.1:{}/call", house.http_port()), &Microphone::Scripted);
    let question = audio::spoken("When are you open on Saturdays?");
    let mut caller = Phone::caller("overheard");
    caller.dial(&house.uri());
    house.until_said("overheard", "How can I help you?");
    let call = live(house)["id"].as_str().unwrap().to_owned();
    let joined = tab.run(&JOIN.replace("CALL", &call));
    assert_eq!(joined["status"], 201, "{joined}");
    assert!(joined["media"].as_str().unwrap().starts_with("/api/v1/browser-calls/"));
    until_live(house, "the supervisor is there", |call| call["supervisors"][0]["is_here"] == true);
    // That the call is recorded is told to them alone, over what is said meanwhile.
    let heard = |tab: &mut Tab| audio::transcribe(&tab.heard(), HEARD_RATE_HZ);
    eventually("they are told", || heard(&mut tab).contains("recorded").then_some(()));
    caller.say(&question);
    house.until_said("overheard", "Saturday");
    eventually("both sides are heard", || {
        let heard = heard(&mut tab);
        println!("Who listens has heard so far: {heard}");
        (heard.contains("are you open") && heard.contains("monday")).then_some(())
    });

    let path = format!("/api/v1/calls/{call}");
    assert_eq!(ask(&mut tab, "PATCH", &format!("{path}/supervision"), &json!({ "mode": "barge" })), 200);
    let so_far = caller.heard().len();
    tab.say(&audio::spoken("I am listening and you get a watermelon."));
    let until = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..until], LINE_RATE_HZ), &["melon"]);

    let so_far = caller.heard().len();
    assert_eq!(ask(&mut tab, "POST", &format!("{path}/take-over"), &json!({})), 200);
    until_live(house, "the supervisor has the call", |call| call["stands"] == "with_person");
    let until = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..until], LINE_RATE_HZ), &["taking over"]);
    let so_far = caller.heard().len();
    tab.say(&audio::spoken("Now I have your bicycle here."));
    let until = caller.until_spoken_to(so_far);
    assert_words(&audio::transcribe(&caller.heard()[so_far..until], LINE_RATE_HZ), &["bicycle"]);
    // R54: whoever has the call and is gone at once leaves the caller with the agent.
    tab.run("peer.close()");
    house.until_said("overheard", "connection to my colleague was lost");
    caller.hang_up();
    // Who is lost so soon has settled nothing.
    assert_eq!(house.until_over("overheard")["call"]["outcome"], "ticket");
}
