//! Slack's events, as far as they concern us (docs.slack.dev/reference/events/message).

use serde::Deserialize;

/// What Slack posts.
#[derive(Deserialize)]
pub struct Envelope {
    /// `event_callback` or `url_verification`.
    pub r#type: String,
    /// To be said back.
    pub challenge: Option<String>,
    /// Names the event, however often it is posted.
    #[serde(default)]
    pub event_id: String,
    /// The workspace.
    #[serde(default)]
    pub team_id: String,
    /// What happened.
    pub event: Option<Event>,
}

/// What happened.
#[derive(Deserialize)]
pub struct Event {
    r#type: String,
    subtype: Option<String>,
    #[serde(default)]
    channel: String,
    channel_type: Option<String>,
    user: Option<String>,
    bot_id: Option<String>,
    text: Option<String>,
    ts: Option<String>,
    thread_ts: Option<String>,
    deleted_ts: Option<String>,
    message: Option<Written>,
    previous_message: Option<Written>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Written {
    user: Option<String>,
    bot_id: Option<String>,
    text: Option<String>,
    ts: Option<String>,
}

#[derive(Deserialize)]
struct File {
    name: Option<String>,
}

/// Who we are to Slack.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    /// Our user.
    pub user_id: String,
    /// As we are called.
    #[serde(default)]
    pub user: String,
    /// The workspace.
    #[serde(default)]
    pub team: String,
}

/// What an event says to us.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody wrote.
    Message {
        /// Channel, and in channels the thread: `C1:1595926230.009600`.
        thread: String,
        /// Channel and time, which name a message.
        external_id: String,
        /// Who.
        user: String,
        /// What.
        text: String,
    },
    /// A message is another now.
    Edited {
        /// Its name.
        external_id: String,
        /// What it says.
        text: String,
    },
    /// A message was taken back.
    Deleted {
        /// Its name.
        external_id: String,
    },
    /// Nothing.
    Nothing,
}

/// The name of a message.
pub fn external_id(channel: &str, ts: &str) -> String {
    format!("{channel}:{ts}")
}

/// What an event says to us.
pub fn heard(event: &Event, me: &Me) -> Heard {
    if !matches!(event.r#type.as_str(), "message" | "app_mention") || event.channel.is_empty() {
        return Heard::Nothing;
    }
    match event.subtype.as_deref() {
        None | Some("file_share" | "thread_broadcast") => written(event, me),
        Some("message_changed") => {
            let Some(message) = event.message.as_ref().filter(|message| message.is_anybodys(me)) else {
                return Heard::Nothing;
            };
            let before = event.previous_message.as_ref().and_then(|before| before.ts.as_deref());
            match (message.ts.as_deref().or(before), &message.text) {
                (Some(ts), Some(text)) => {
                    Heard::Edited { external_id: external_id(&event.channel, ts), text: plain(text, me) }
                }
                _ => Heard::Nothing, // A change of what is beside the words.
            }
        }
        Some("message_deleted") => match &event.deleted_ts {
            Some(ts) => Heard::Deleted { external_id: external_id(&event.channel, ts) },
            None => Heard::Nothing,
        },
        // Bots, people who join and leave, topics: nobody asks anything.
        Some(_) => Heard::Nothing,
    }
}

fn written(event: &Event, me: &Me) -> Heard {
    let (Some(user), Some(ts), None) = (&event.user, &event.ts, &event.bot_id) else { return Heard::Nothing };
    if *user == me.user_id {
        return Heard::Nothing;
    }
    let names = event.files.iter().map(|file| format!("(a file: {})", file.name.as_deref().unwrap_or("unnamed")));
    let text = plain(event.text.as_deref().unwrap_or_default(), me);
    let lines: Vec<String> = [text].into_iter().chain(names).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Heard::Nothing;
    }
    // With one customer alone, all of it is one conversation.
    let direct = event.channel_type.as_deref() == Some("im") && event.thread_ts.is_none();
    let thread = match direct {
        true => event.channel.clone(),
        false => external_id(&event.channel, event.thread_ts.as_ref().unwrap_or(ts)),
    };
    Heard::Message { thread, external_id: external_id(&event.channel, ts), user: user.clone(), text: lines.join("\n") }
}

impl Written {
    fn is_anybodys(&self, me: &Me) -> bool {
        self.bot_id.is_none() && self.user.as_ref() != Some(&me.user_id)
    }
}

/// Slack's own marks as people read them: `<@U1>`, `<https://x|label>`, `&lt;` (docs.slack.dev/messaging/formatting).
pub fn plain(text: &str, me: &Me) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>') else { break };
        said.push_str(&rest[..at]);
        let mark = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        let (target, label) = mark.split_once('|').map_or((mark, None), |(target, label)| (target, Some(label)));
        match (target.chars().next(), label) {
            (Some('@'), _) if target[1..] == me.user_id => rest = rest.trim_start(),
            (Some('@' | '#' | '!'), Some(label)) => said.push_str(label),
            (Some('!'), None) => said.push_str(&target.replacen('!', "@", 1)),
            (_, Some(label)) if label != target => said.push_str(&format!("{label} ({target})")),
            (_, _) => said.push_str(target),
        }
    }
    said.push_str(rest);
    said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim().to_owned()
}

/// Our words in which nothing is a mark of Slack's.
pub fn inert(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_people_see_them() {
        let me = Me { user_id: "W1".into(), user: "desk".into(), team: "T".into() };
        for (marked, read) in [
            ("<@W1> Hi there!", "Hi there!"),
            (
                "see <https://a.example|the page> &amp; <https://b.example>",
                "see the page (https://a.example) & https://b.example",
            ),
            ("<!here> and <#C1|general> 1 &lt; 2", "@here and general 1 < 2"),
            ("a < b", "a < b"),
        ] {
            assert_eq!(plain(marked, &me), read);
        }
        assert_eq!(inert("<!channel> & more"), "&lt;!channel&gt; &amp; more");
    }
}
