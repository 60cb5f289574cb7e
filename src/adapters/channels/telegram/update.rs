//! Telegram's updates, as far as they concern us (core.telegram.org/bots/api#update). Whatever else an update holds is
//! left to it, and one of a kind that came later is no update of ours.

use serde::Deserialize;

use crate::domain::contact::{Address, AddressKind};
use crate::seams::channel::Arrived;

/// What an update says to us.
pub enum Heard {
    /// A message.
    Message(Box<Arrived>),
    /// A message is another now.
    Edited {
        /// Its name.
        external_id: String,
        /// What it says.
        text: String,
    },
    /// Nothing.
    Nothing,
}

/// Who we are to Telegram.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    /// Our id.
    pub id: i64,
    /// Our name, by which people call us in groups.
    #[serde(default)]
    pub username: String,
    /// As we are shown.
    #[serde(default)]
    pub first_name: String,
}

/// One update.
#[derive(Deserialize)]
pub struct Update {
    /// Grows by one with each.
    pub update_id: i64,
    message: Option<Message>,
    edited_message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    from: Option<User>,
    chat: Chat,
    text: Option<String>,
    caption: Option<String>,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    reply_to_message: Option<Box<Replied>>,
    #[serde(default)]
    entities: Vec<Entity>,
    photo: Option<serde_json::Value>,
    document: Option<File>,
    voice: Option<Spoken>,
    audio: Option<File>,
    video: Option<File>,
    video_note: Option<Spoken>,
    sticker: Option<Sticker>,
    location: Option<Location>,
    contact: Option<Card>,
}

#[derive(Deserialize)]
struct Replied {
    from: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    first_name: String,
    last_name: Option<String>,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    r#type: String,
}

#[derive(Deserialize)]
struct Entity {
    user: Option<User>,
}

#[derive(Deserialize)]
struct File {
    file_name: Option<String>,
}

#[derive(Deserialize)]
struct Spoken {
    #[serde(default)]
    duration: u64,
}

#[derive(Deserialize)]
struct Sticker {
    emoji: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
struct Card {
    phone_number: String,
    #[serde(default)]
    first_name: String,
    last_name: Option<String>,
}

/// Where a thread of ours is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chat.
    pub chat: i64,
    /// The topic within a forum.
    pub topic: Option<i64>,
    /// In groups, whose thread it is.
    pub user: Option<i64>,
}

impl Place {
    /// As a thread is named: `chat`, `chat/topic`, in groups with `@user` behind.
    pub fn name(&self) -> String {
        let topic = self.topic.map(|topic| format!("/{topic}")).unwrap_or_default();
        let user = self.user.map(|user| format!("@{user}")).unwrap_or_default();
        format!("{}{topic}{user}", self.chat)
    }

    /// The place of a thread; `None` when it was not named by us.
    pub fn parse(name: &str) -> Option<Place> {
        let (name, user) = match name.split_once('@') {
            Some((name, user)) => (name, Some(user.parse().ok()?)),
            None => (name, None),
        };
        let (chat, topic) = match name.split_once('/') {
            Some((chat, topic)) => (chat, Some(topic.parse().ok()?)),
            None => (name, None),
        };
        Some(Place { chat: chat.parse().ok()?, topic, user })
    }

    /// Whether nobody but us and one customer is there.
    pub fn is_private(&self) -> bool {
        self.chat > 0
    }
}

/// The name of a message: ids count within a chat.
pub fn external_id(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

/// What an update says to us.
pub fn heard(update: Update, me: &Me) -> Heard {
    let key = format!("update {}", update.update_id);
    let (message, edited) = match (update.message, update.edited_message) {
        (Some(message), _) => (message, false),
        (None, Some(message)) => (message, true),
        (None, None) => return Heard::Nothing,
    };
    // Channels' own posts have no writer; what bots write to each other would never end.
    let Some(from) = message.from.as_ref().filter(|from| !from.is_bot) else { return Heard::Nothing };
    let private = message.chat.r#type == "private";
    let external_id = external_id(message.chat.id, message.message_id);
    if !private && !edited && !message.is_for(me) {
        return Heard::Nothing;
    }
    let Some(text) = message.words(me) else { return Heard::Nothing };
    if edited {
        return Heard::Edited { external_id, text };
    }
    let place = Place {
        chat: message.chat.id,
        topic: message.message_thread_id.filter(|_| message.is_topic_message),
        user: (!private).then_some(from.id),
    };
    let name = [Some(&*from.first_name), from.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Heard::Message(Box::new(Arrived {
        thread: place.name(),
        key,
        external_id: Some(external_id),
        name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        // Telegram vouches for who it is.
        addresses: Address::parse(AddressKind::External, &format!("telegram:{}", from.id)).into_iter().collect(),
        text,
        ..Arrived::default()
    }))
}

impl Message {
    /// In a group: whether it names us, or answers us.
    fn is_for(&self, me: &Me) -> bool {
        let text = self.text.as_deref().or(self.caption.as_deref()).unwrap_or_default().to_lowercase();
        let name = format!("@{}", me.username.to_lowercase());
        let named = !me.username.is_empty()
            && text.match_indices(&name).any(|(at, _)| {
                let next = text[at + name.len()..].chars().next();
                !next.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            });
        let answers = self.reply_to_message.as_ref().and_then(|replied| replied.from.as_ref()).map(|from| from.id);
        let linked = self.entities.iter().filter_map(|entity| entity.user.as_ref()).any(|user| user.id == me.id);
        named || linked || answers == Some(me.id)
    }

    /// What it says, with what came beside the words; `None` where it says nothing to us.
    fn words(&self, me: &Me) -> Option<String> {
        let written = self.text.as_deref().or(self.caption.as_deref()).unwrap_or_default();
        let written = without_name(written, &me.username);
        // Everybody's first tap, before they say anything.
        if written == "/start" {
            return None;
        }
        let beside = self.beside();
        let lines: Vec<&str> =
            [&*written, beside.as_deref().unwrap_or_default()].into_iter().filter(|l| !l.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn beside(&self) -> Option<String> {
        let named = |what: &str, file: &File| match &file.file_name {
            Some(name) => format!("({what}: {name})"),
            None => format!("({what})"),
        };
        let photo = self.photo.as_ref().map(|_| "(a photo)".to_owned());
        photo
            .or_else(|| self.voice.as_ref().map(|voice| format!("(a voice note of {} s)", voice.duration)))
            .or_else(|| self.document.as_ref().map(|file| named("a file", file)))
            .or_else(|| self.audio.as_ref().map(|file| named("an audio file", file)))
            .or_else(|| self.video.as_ref().map(|file| named("a video", file)))
            .or_else(|| self.video_note.as_ref().map(|video| format!("(a video note of {} s)", video.duration)))
            .or_else(|| self.sticker.as_ref().map(|sticker| sticker.emoji.clone().unwrap_or("(a sticker)".into())))
            .or_else(|| self.location.as_ref().map(|at| format!("(a location: {}, {})", at.latitude, at.longitude)))
            .or_else(|| self.contact.as_ref().map(Card::told))
    }
}

impl Card {
    fn told(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name.as_deref().unwrap_or_default());
        format!("(a contact: {}, {})", name.trim(), self.phone_number)
    }
}

/// The words without our name before or within them.
fn without_name(text: &str, username: &str) -> String {
    let name = format!("@{username}");
    let words = text.split(' ').filter(|word| username.is_empty() || !word.eq_ignore_ascii_case(&name));
    let text = words.collect::<Vec<_>>().join(" ");
    // A command to us among several bots.
    let text = match text.split_once('@') {
        Some((command, rest)) if command.starts_with('/') && !command.contains(' ') => {
            let (to, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            if to.eq_ignore_ascii_case(username) { format!("{command} {rest}") } else { text }
        }
        _ => text,
    };
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn me() -> Me {
        Me { id: 9, username: "harbour_bot".into(), first_name: "Harbour".into() }
    }

    fn said(message: serde_json::Value) -> Option<(String, String)> {
        let update = json!({ "update_id": 1, "message": message });
        match heard(serde_json::from_value(update).unwrap(), &me()) {
            Heard::Message(arrived) => Some((arrived.thread.clone(), arrived.text)),
            Heard::Edited { .. } | Heard::Nothing => None,
        }
    }

    fn group(mut more: serde_json::Value) -> serde_json::Value {
        more["message_id"] = json!(5);
        more["from"] = json!({ "id": 7, "first_name": "Ann" });
        more["chat"] = json!({ "id": -100, "type": "supergroup" });
        more
    }

    /// R11: in a group we hear what is said to us alone.
    #[test]
    fn in_a_group_only_what_names_or_answers_us_is_heard() {
        let heard = |more| said(group(more)).map(|(thread, text)| format!("{thread} {text}"));
        assert_eq!(heard(json!({ "text": "hello all" })), None);
        assert_eq!(heard(json!({ "text": "@harbour_bots hello" })), None);
        assert_eq!(heard(json!({ "text": "@Harbour_Bot hello" })).unwrap(), "-100@7 hello");
        assert_eq!(heard(json!({ "text": "/help@harbour_bot me" })).unwrap(), "-100@7 /help  me".replace("  ", " "));
        let answer = json!({ "text": "and now?", "reply_to_message": { "from": { "id": 9, "is_bot": true } } });
        assert_eq!(heard(answer).unwrap(), "-100@7 and now?");
        let topic = json!({ "text": "@harbour_bot hi", "message_thread_id": 4, "is_topic_message": true });
        assert_eq!(heard(topic).unwrap(), "-100/4@7 hi");
    }

    #[test]
    fn what_comes_beside_words_is_told() {
        let private = |mut more: serde_json::Value| {
            more["message_id"] = json!(5);
            more["from"] = json!({ "id": 7, "first_name": "Ann" });
            more["chat"] = json!({ "id": 7, "type": "private" });
            said(more).map(|(_, text)| text)
        };
        assert_eq!(private(json!({ "photo": [], "caption": "broken" })).unwrap(), "broken\n(a photo)");
        assert_eq!(private(json!({ "voice": { "duration": 4 } })).unwrap(), "(a voice note of 4 s)");
        assert_eq!(private(json!({ "document": { "file_name": "a.pdf" } })).unwrap(), "(a file: a.pdf)");
        let at = json!({ "location": { "latitude": 52.5, "longitude": 13.4 } });
        assert_eq!(private(at).unwrap(), "(a location: 52.5, 13.4)");
        let card = json!({ "contact": { "phone_number": "+49301", "first_name": "Bo" } });
        assert_eq!(private(card).unwrap(), "(a contact: Bo, +49301)");
        assert_eq!(private(json!({ "text": "/start" })), None);
        assert_eq!(private(json!({ "dice": {} })), None);
    }

    #[test]
    fn a_place_is_read_as_it_is_named() {
        for place in ["7", "-100@7", "-100/4@7"] {
            assert_eq!(Place::parse(place).unwrap().name(), place);
        }
        assert_eq!(Place::parse("order 7"), None);
    }
}
