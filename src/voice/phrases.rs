//! Every fixed sentence that is said aloud, in one place, so that they can be read, kept synthesised
//! and one day translated together.

use std::time::Duration;

use crate::domain::agent::Agent;

/// Said in the greeting unless the admin's own words already tell that a machine is speaking (R48).
pub const AUTOMATED: &str = "You are talking to an automated assistant.";
/// The notice before which nothing is recorded (R48).
pub const RECORDED: &str = "This call is recorded.";
/// Confirms "don't record".
pub const NOT_RECORDED: &str = "All right, this call is not recorded, and what was recorded so far is deleted.";
/// Ends every greeting.
pub const HOW_CAN_I_HELP: &str = "How can I help you?";
/// Said when the answer takes longer than a person would leave silent.
pub const FILLERS: [&str; 3] = ["Let me have a look.", "One moment, please.", "I am still looking, one moment."];
/// The caller is silent.
pub const STILL_THERE: [&str; 2] = [
    "Are you still there?",
    "I cannot hear you. If you are still there, please say something, or press zero for help.",
];
/// The caller stays silent.
pub const SILENT_GOODBYE: &str =
    "I cannot hear anybody, so I will hang up now. Please call again at any time. Goodbye.";
/// Nothing was understood, the first time.
pub const NOT_UNDERSTOOD: &str = "Sorry, I did not understand that. Could you say it again?";
/// Nothing was understood twice (R59).
pub const NOT_UNDERSTOOD_AGAIN: &str = "I am sorry, I still did not understand. Press zero to reach help, one to leave your number, or two to leave a message.";
/// Nothing was understood three times: perhaps the caller speaks a language that is not known (R59).
pub const PERHAPS_ANOTHER_LANGUAGE: &str =
    "I am sorry, I cannot understand you, but a colleague can listen to a message.";
/// The caller says goodbye.
pub const GOODBYE: &str = "Thank you for calling. Goodbye.";
/// After something was settled.
pub const ANYTHING_ELSE: &str = "Is there anything else I can help you with?";
/// There is nothing to say again.
pub const NOTHING_TO_REPEAT: &str = "I have not said anything yet. How can I help you?";
/// Said before the slower repetition.
pub const SLOWER: &str = "Of course, more slowly.";
pub use crate::support::wording::NO_RELIABLE_ANSWER;
/// The agent does not answer on its own: it takes the case (R19).
pub const TAKES_THE_CASE: &str =
    "Thank you for calling. I will take your details, and a colleague will get back to you.";
/// Leads into collecting when a person is needed and nobody can be rung.
pub const NEEDS_A_PERSON: &str =
    "I would like a colleague to look at that. I will take your details, so that they can get back to you.";
/// A rung can ring now (R58).
pub const CALLING_A_COLLEAGUE: &str = "I am calling a colleague for you. Please stay on the line.";
/// While it still rings.
pub const STILL_CALLING: &str = "I am still trying to reach a colleague. Please stay on the line.";
/// The call has lasted as long as it may.
pub const TIME_IS_UP: &str = "I am sorry, this call has reached its longest time. Please call again. Goodbye.";
/// Speech recognition is lost.
pub const CANNOT_HEAR: &str =
    "I am sorry, I cannot hear you well enough to help. A colleague will get back to you. Goodbye.";
/// Another rung of the ladder rings now.
pub const TRYING_ANOTHER: &str = "I am trying another colleague. Please stay on the line.";
/// The person who spoke with the caller passes the call on.
pub const PASSED_ON: &str = "I am calling another colleague for you. Please stay on the line.";
/// Something was said while a person is rung.
pub const PASSED_ON_TO_COLLEAGUE: &str = "I will pass that on to my colleague. I am still trying to reach them.";
/// Nobody took the call.
pub const NOBODY_FREE: &str = "I tried to reach a colleague, but nobody can take the call right now.";
/// Nobody can be rung at this time.
pub const NOBODY_NOW: &str = "Nobody can take calls at the moment.";
/// Leads into collecting after that.
pub const TAKES_DETAILS: &str = "I will take your details, so that they can call you back.";
/// Both a message and a callback can be had.
pub const MESSAGE_OR_CALLBACK: &str = "Would you like to leave a message, or to be called back? You can also press 1 to leave a message, or 2 to be called back.";
/// The caller wants neither.
pub const CASE_IS_NOTED: &str = "All right. Your case is noted, and a colleague will look at it.";
/// The person's leg died, or they hung up at once.
pub const PERSON_LOST: &str = "I am sorry, the connection to my colleague was lost. Shall I connect you again?";
/// The person gave the call back.
pub const GIVEN_BACK: &str = "You are back with me, the automated assistant.";
/// The caller changed their mind while it rang.
pub const NEVER_MIND: &str = "All right. How else can I help you?";
/// Something of ours broke.
pub const TROUBLE: &str =
    "I am sorry, something went wrong on our side. I will take your details, so that a colleague can get back to you.";

/// A supervisor takes the call over from whoever has it.
pub const TAKES_OVER: &str = "A colleague is taking over this call.";
/// The team ends the call.
pub const ENDED_BY_TEAM: &str = "Our team has to end this call now. Please call again at any time. Goodbye.";
/// To a colleague whose call a supervisor has taken over.
pub const STAFF_TAKEN_OVER: &str = "A colleague has taken over this call. Thank you. Goodbye.";
/// To whoever picks up a supervisor's telephone.
pub const SUPERVISOR_PRESS_KEY: &str = "A call is ready for you to listen to. Press 1 to hear it.";
/// To a supervisor who chose by a key.
pub const SUPERVISOR_LISTENS: &str = "Listening.";
/// The same.
pub const SUPERVISOR_WHISPERS: &str = "Your colleague hears you.";
/// The same.
pub const SUPERVISOR_IS_HEARD: &str = "The caller hears you.";
/// A key that no menu entry has.
pub const KEY_NOT_OFFERED: &str = "That key is not offered.";
/// The caller speaks to a menu that leads to nobody who listens.
pub const CHOOSE_BY_KEYS: &str = "Please choose with the keys of your telephone.";
/// A telephone of ours dialled an emergency number, and no trunk carries it (R57).
pub const EMERGENCY_REFUSED: &str = "This telephone cannot reach the emergency services. Please hang up, and dial the emergency number on a mobile telephone or another line now.";
/// Nobody took the call that the plan rang; the agent has it.
pub const NOBODY_FREE_NOW: &str = "Nobody can take the call right now, but I can help.";

/// Where a caller stands in a queue, with the expected wait where it is known.
pub fn queue_place(place: usize, expected: Option<Duration>) -> Vec<String> {
    let mut sentences = vec![match place {
        0 | 1 => "You are next in line.".to_owned(),
        2 => "There is one caller before you.".to_owned(),
        place => format!("There are {} callers before you.", place - 1),
    }];
    // In whole minutes, rounded up: nobody minds being early.
    let minutes = expected.filter(|_| place > 1).map(|expected| expected.as_secs().div_ceil(60));
    sentences.extend(minutes.map(|minutes| match minutes {
        0 | 1 => "The wait is about a minute.".to_owned(),
        minutes => format!("The wait is about {minutes} minutes."),
    }));
    sentences.push(QUEUE_CALLBACK.to_owned());
    sentences
}

/// What a waiting caller may do instead.
pub const QUEUE_CALLBACK: &str = "To be called back instead, press the hash key.";

/// Asks for the name.
pub const ASK_NAME: &str = "What is your name, please?";
/// Asks for a number.
pub const ASK_NUMBER: &str = "What number can we reach you on? You can say it, or key it in and press the hash key.";
/// The number could not be read.
pub const NUMBER_UNCLEAR: &str =
    "I did not get a complete number. Please key it in and press the hash key, or say it digit by digit.";
/// Asks for the reason.
pub const ASK_REASON: &str = "What is it about? Please tell me in a sentence or two.";
/// Asks to confirm.
pub const IS_THAT_RIGHT: &str = "Is that right?";
/// Asks again for a yes or no.
pub const YES_OR_NO: &str = "Please say yes or no, or press one for yes and two for no.";
/// The details are wrong.
pub const ONCE_MORE: &str = "Sorry. Let us do that once more.";
/// How to leave a spoken message.
pub const LEAVE_A_MESSAGE: &str = "Please leave a message after the tone. Press the hash key when you have finished.";
/// Nothing was said after the tone.
pub const NO_MESSAGE_HEARD: &str = "I did not hear a message. Please speak after the tone.";
/// The message is stored.
pub const MESSAGE_KEPT: &str = "Thank you, your message has been kept, and a colleague will get back to you.";
/// Asks when to call back.
pub const ASK_CALLBACK_TIME: &str = "When is a good time to call you?";
/// The wish is stored, and no number could be had.
pub const NOTED_WITHOUT_NUMBER: &str =
    "Thank you, I have noted that. I do not have a number for you, so please call again if you do not hear from us.";
/// A teammate called a customer back in vain.
pub const STAFF_CUSTOMER_NOT_REACHED: &str = "The customer cannot be reached now. The ticket stays open. Goodbye.";
/// The teammate has accepted a callback.
pub const STAFF_CALLING_CUSTOMER: &str = "I am calling the customer now.";
/// The ticket is stored.
pub const NOTED: &str = "Thank you, I have noted that, and a colleague will get back to you.";

/// The person who picked up hears nothing else until a key (R51).
pub fn staff_offer(business: &str, accept_by_key: bool) -> String {
    match accept_by_key {
        true => format!("Support call for {business}. Press 1 to take it, or 2 to pass."),
        false => format!("Support call for {business}."),
    }
}

/// What a customer who is called back hears before they are recorded; nothing of their case, whoever picks up.
pub fn calling_back(business: &str) -> Vec<String> {
    vec![format!("Hello, this is {business}, calling you back."), RECORDED.to_owned()]
}

/// A colleague calls in after an offer that they missed; nothing of the case before a key (R51, R55).
pub const STAFF_CASE_WAITS: &str = "You were called about a support case that is still open. Press 1 to hear it and call \
                                    the customer back, or 2 for anything else.";
/// Somebody of the team whom we rang in vain calls in, and the caller is still there; nothing of the case.
pub const STAFF_CALLER_WAITS: &str = "You were called about a support case, and the caller is still on the line. Press 1 to \
                                      take it, or 2 for anything else.";
/// After the summary.
pub const STAFF_CHOICE: &str = "Press 1 to be connected, 2 to pass, 3 to hear it again.";
/// The person's call is passed on.
pub const STAFF_PASSED: &str = "All right. Goodbye.";
/// Begins the summary where the call is recorded, or is heard as soon as the two are joined.
pub const STAFF_RECORDED: &str = "The call is recorded.";
/// Somebody else was quicker.
pub const STAFF_TAKEN_ELSEWHERE: &str = "A colleague has already taken the call. Thank you. Goodbye.";
/// The caller goes on with the agent.
pub const STAFF_NOT_NEEDED: &str = "The caller no longer needs a person. Thank you. Goodbye.";
/// The caller left before the person could take the call.
pub const STAFF_CALLER_LEFT: &str = "The caller has hung up. The case is in the inbox. Goodbye.";

/// The greeting in sentences: the admin's words, that it is automated, the recording notice where it
/// applies, and the question. The notice's place in the list is returned beside it.
pub fn greeting(agent: &Agent) -> (Vec<String>, Option<usize>) {
    let words = agent.greeting.trim();
    // A question of the admin's own comes last, after the notices.
    let (opening, question) = match words.strip_suffix('?').map(|rest| rest.rfind(['.', '!'])) {
        Some(Some(end)) => (words[..=end].trim(), words[end + 1..].trim()),
        _ => (words, HOW_CAN_I_HELP),
    };
    let mut sentences = Vec::new();
    if opening.is_empty() {
        sentences.push(format!("Hello, this is {}.", agent.business));
    } else {
        sentences.push(opening.to_owned());
    }
    if !says_automated(words) {
        sentences.push(AUTOMATED.to_owned());
    }
    let notice = agent.record_calls.then(|| {
        sentences.push(RECORDED.to_owned());
        sentences.len() - 1
    });
    sentences.push(question.to_owned());
    (sentences, notice)
}

/// Whether the admin's own words tell the caller that no person is speaking.
fn says_automated(words: &str) -> bool {
    let words = words.to_lowercase();
    ["automated", "automatic", "virtual", "digital assistant", "robot", "computer", "artificial", " ai ", "bot"]
        .iter()
        .any(|sign| words.contains(sign))
}

/// What every call may need at once, to be kept synthesised.
pub fn kept_ready(agent: &Agent) -> Vec<String> {
    let mut texts = greeting(agent).0;
    texts.extend(FILLERS.iter().chain(&STILL_THERE).map(|text| (*text).to_owned()));
    texts.extend(
        [
            SILENT_GOODBYE,
            NOT_RECORDED,
            NOT_UNDERSTOOD,
            NOT_UNDERSTOOD_AGAIN,
            PERHAPS_ANOTHER_LANGUAGE,
            GOODBYE,
            ANYTHING_ELSE,
            SLOWER,
            NO_RELIABLE_ANSWER,
            TAKES_THE_CASE,
            NEEDS_A_PERSON,
            CALLING_A_COLLEAGUE,
            STILL_CALLING,
            TRYING_ANOTHER,
            PASSED_ON,
            PASSED_ON_TO_COLLEAGUE,
            CANNOT_HEAR,
            NOBODY_FREE,
            NOBODY_NOW,
            TAKES_DETAILS,
            MESSAGE_OR_CALLBACK,
            PERSON_LOST,
            GIVEN_BACK,
            NEVER_MIND,
            TROUBLE,
            ASK_NAME,
            ASK_NUMBER,
            NUMBER_UNCLEAR,
            ASK_REASON,
            IS_THAT_RIGHT,
            YES_OR_NO,
            ONCE_MORE,
            NOTED,
            KEY_NOT_OFFERED,
            CHOOSE_BY_KEYS,
            EMERGENCY_REFUSED,
            NOBODY_FREE_NOW,
            QUEUE_CALLBACK,
            LEAVE_A_MESSAGE,
            NO_MESSAGE_HEARD,
            MESSAGE_KEPT,
            ASK_CALLBACK_TIME,
            STAFF_CASE_WAITS,
            STAFF_CALLER_WAITS,
            STAFF_CALLING_CUSTOMER,
            STAFF_CUSTOMER_NOT_REACHED,
            STAFF_CHOICE,
            STAFF_PASSED,
            STAFF_CALLER_LEFT,
            STAFF_RECORDED,
            STAFF_TAKEN_ELSEWHERE,
            STAFF_NOT_NEEDED,
            STAFF_TAKEN_OVER,
            TAKES_OVER,
            ENDED_BY_TEAM,
            SUPERVISOR_PRESS_KEY,
            SUPERVISOR_LISTENS,
            SUPERVISOR_WHISPERS,
            SUPERVISOR_IS_HEARD,
        ]
        .map(str::to_owned),
    );
    texts.extend(calling_back(&agent.business));
    texts.push(staff_offer(&agent.business, agent.escalation.accept_by_key));
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(greeting: &str, record_calls: bool) -> Agent {
        let id = crate::domain::ids::AgentId(uuid::Uuid::nil());
        Agent { greeting: greeting.into(), record_calls, ..Agent::automatic(id, "Acorn") }
    }

    #[test]
    fn every_greeting_says_that_it_is_automated_and_asks_last() {
        // R48
        let (sentences, notice) = greeting(&agent("", true));
        assert_eq!(sentences, ["Hello, this is Acorn.", AUTOMATED, RECORDED, HOW_CAN_I_HELP]);
        assert_eq!(notice, Some(2));
        let own = "Hello, this is the automated assistant of Acorn. What can I do for you?";
        let (sentences, notice) = greeting(&agent(own, true));
        assert_eq!(sentences, ["Hello, this is the automated assistant of Acorn.", RECORDED, "What can I do for you?"]);
        assert_eq!(notice, Some(1));
        let (sentences, notice) = greeting(&agent("Acorn here!", false));
        assert_eq!((sentences, notice), (vec!["Acorn here!".into(), AUTOMATED.into(), HOW_CAN_I_HELP.into()], None));
    }
}
