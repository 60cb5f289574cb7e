//! Discord's messages, as far as they concern us (docs.discord.com/developers/resources/message).

use serde::Deserialize;

/// A message, or a change of one.
#[derive(Deserialize)]
pub struct Message {
    /// Names it everywhere.
    pub id: String,
    /// Where it stands.
    pub channel_id: String,
    /// The server; none in direct messages.
    pub guild_id: Option<String>,
    /// Who wrote; a change may leave it out.
    pub author: Option<User>,
    /// What; a change of what is beside the words leaves it out.
    pub content: Option<String>,
    #[serde(default)]
    mentions: Vec<User>,
    #[serde(default)]
    attachments: Vec<File>,
}

/// Somebody.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// Names them everywhere.
    pub id: String,
    /// Their account's name.
    #[serde(default)]
    pub username: String,
    /// As they call themselves.
    pub global_name: Option<String>,
    /// Whether it is a program.
    #[serde(default)]
    pub bot: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    filename: String,
}

impl User {
    /// As they are called.
    pub fn name(&self) -> &str {
        self.global_name.as_deref().unwrap_or(&self.username)
    }
}

impl Message {
    /// Whether it names us.
    pub fn names(&self, me: &str) -> bool {
        self.mentions.iter().any(|user| user.id == me)
    }

    /// What it says, as people read it; `None` where it says nothing.
    pub fn words(&self, me: &str) -> Option<String> {
        let mut text = self.content.clone().unwrap_or_default();
        for user in &self.mentions {
            let name = if user.id == me { String::new() } else { format!("@{}", user.name()) };
            text = text.replace(&format!("<@{}>", user.id), &name).replace(&format!("<@!{}>", user.id), &name);
        }
        let files = self.attachments.iter().map(|file| format!("(a file: {})", file.filename));
        let lines: Vec<String> = [text.trim().to_owned()].into_iter().chain(files).filter(|l| !l.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Where a thread of ours is: a channel of direct messages, or a message in a server with the thread that hangs on it,
/// which has its name.
#[derive(Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// One customer alone.
    Direct(&'a str),
    /// Channel and message.
    Thread(&'a str, &'a str),
}

impl<'a> Place<'a> {
    /// The place of a thread.
    pub fn of(thread: &'a str) -> Place<'a> {
        thread.split_once('/').map_or(Place::Direct(thread), |(channel, message)| Place::Thread(channel, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_read_as_names_and_files_are_told() {
        let message: Message = serde_json::from_value(serde_json::json!({
            "id": "1", "channel_id": "2", "content": "<@9> ask <@!7> please",
            "mentions": [{ "id": "9", "username": "desk" }, { "id": "7", "username": "bob", "global_name": "Bob" }],
            "attachments": [{ "filename": "a.png" }],
        }))
        .unwrap();
        assert!(message.names("9") && !message.names("8"));
        assert_eq!(message.words("9").unwrap(), "ask @Bob please\n(a file: a.png)");
        assert_eq!((Place::of("2"), Place::of("2/1")), (Place::Direct("2"), Place::Thread("2", "1")));
    }
}
