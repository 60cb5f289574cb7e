//! A language model puts answers and summaries into words, and is heard only as far as it keeps to what was said (R16,
//! R21, R45).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::audio::{self, LINE_RATE_HZ, assert_words};
use super::house::{House, Setup, alone, free_port, messages};
use super::phone::{Phone, WhenRung};

/// What the model answers: the second sentence stands in no passage.
const ANSWER: &str = "Lamps in stock arrive within three working days. You also get ten percent off.";

/// A server with OpenAI's chat completions that writes what a model would, and one lie in each answer.
struct Model {
    port: u16,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    fn start() -> Model {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let model = Model { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
        let asked = model.asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let request = body(stream.as_ref().unwrap());
                let answer = completion(&request).to_string();
                asked.lock().unwrap().push(request);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                let _ = write!(stream.unwrap(), "{head}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            }
        });
        model
    }

    fn config(&self) -> String {
        format!(
            "[providers]\nwrite = \"openai\"\n[providers.writer]\nurl = \"http://127.0.0.1:{}\"\n\
             api_key_env = \"\"\nmodel = \"a-model\"\n",
            self.port
        )
    }

    /// All that it was ever told.
    fn told(&self) -> String {
        json!(*self.asked.lock().unwrap()).to_string()
    }
}

fn body(stream: &TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn completion(request: &Value) -> Value {
    let tools = request["tools"].as_array().unwrap();
    let (tool, arguments) = match tools.iter().any(|tool| tool["function"]["name"] == "summary") {
        true => ("summary", summary(request["messages"][1]["content"].as_str().unwrap())),
        false => ("answer", json!({"citations": [1], "text": ANSWER})),
    };
    let call = json!({"id": "1", "type": "function", "function": {"name": tool, "arguments": arguments.to_string()}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"total_tokens": 100}})
}

/// The turn that tells of the broken lamp, in words of its own, and a sum that nobody named.
fn summary(data: &str) -> Value {
    let turn = data.split("<<turn ").find(|turn| turn.contains("customer") && turn.contains("broken"));
    let Some(turn) = turn.and_then(|turn| turn.split(' ').next()?.parse::<u64>().ok()) else {
        return json!({"facts": []});
    };
    json!({"facts": [
        {"slot": "want", "text": "reports that a lamp arrived broken on Monday", "turn": turn},
        {"slot": "also", "text": "is owed 500 euros", "turn": turn},
    ]})
}

/// R16, R21: the model's answer and summary are heard, without what it made up.
#[test]
fn a_models_words_are_heard_as_far_as_they_were_found_or_said() {
    let Some(_turn) = alone() else { return };
    let (model, port) = (Model::start(), free_port());
    let escalate_to = Some(format!("sip:oncall@127.0.0.1:{port}"));
    let config = Some(model.config());
    let house = House::start(Setup { published: true, escalate_to, config, ..Setup::default() });
    let mut person = Phone::start("oncall", port, WhenRung::PicksUp);
    let mut caller = Phone::caller("written");
    caller.dial(&house.uri());
    house.until_said("written", "How can I help you?");

    caller.say(&audio::spoken("How long does delivery take?"));
    let conversation = house.until_said("written", "Lamps in stock arrive");
    let answer = *messages(&conversation, "agent").last().unwrap();
    assert_eq!(answer["writer"]["outcome"], "wrote", "{answer:#}");
    assert_eq!(answer["sources"][0]["entry"], "delivery.md#how-long-does-delivery-take");
    println!("Reply gap of an answer that was written: {} ms", answer["timings_ms"]["reply_gap"]);

    caller.say(&audio::spoken("My lamp arrived broken on Monday. I would like to speak to a person, please."));
    person.wait_for("CALL_ESTABLISHED");
    let introduced = person.until_spoken_to(0);
    person.press("1");
    let conversation = house.until("written", "the person has taken the call", |conversation| {
        conversation["call"]["attempts"][0]["outcome"] == "accepted"
    });
    let case = audio::transcribe(&person.heard()[introduced..], LINE_RATE_HZ);
    println!("The person was told: {case}\nStored: {}", conversation["summary"]);
    assert_words(&case, &["reports", "lamp", "broken", "monday"]);
    let stored = conversation["summary"].as_str().unwrap();
    assert!(stored.contains("eports that a lamp arrived broken on Monday"), "{stored}");
    assert!(!stored.contains("500") && !case.contains("hundred") && !case.contains("500"), "{stored}: {case}");

    caller.hang_up();
    person.wait_for("CALL_CLOSED");
    let heard = audio::transcribe(&caller.heard(), LINE_RATE_HZ);
    assert_words(&heard, &["stock", "three working days"]);
    assert!(!heard.contains("percent"), "an offer that nobody makes was heard: {heard}");
    assert!(model.told().contains("three working days") && !model.told().contains("Never give advice"));
}
