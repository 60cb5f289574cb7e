//! The chat on the business's own pages: how one is set, and who visits.

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::contact::{Address, AddressKind};
use super::ids::ChannelAccountId;
use super::time::EpochMs;

/// How a widget is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WidgetSettings {
    /// Sites that may show it, such as `https://shop.example` or `https://*.shop.example`; no others may.
    pub origins: Vec<String>,
    /// What stands at its top.
    pub title: String,
    /// What a new visitor reads first.
    pub greeting: String,
    /// How soon people answer, such as "We usually reply within an hour".
    pub reply_time: String,
    /// What is asked before the chat begins.
    pub ask: Vec<AskedField>,
    /// Whether only visitors whom the site vouches for may write.
    pub known_visitors_only: bool,
    /// Whether a button leads to the page for calls.
    pub call_button: bool,
}

/// What is asked of a visitor before the chat begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedField {
    /// By which it is known: `name`, `email` and `phone` become the customer's own.
    pub name: String,
    /// As people read it.
    pub label: String,
    /// Whether it must be filled in.
    #[serde(default)]
    pub required: bool,
}

impl Default for WidgetSettings {
    fn default() -> WidgetSettings {
        WidgetSettings {
            origins: Vec::new(),
            title: "Chat with us".into(),
            greeting: "Hello! How can we help?".into(),
            reply_time: String::new(),
            ask: Vec::new(),
            known_visitors_only: false,
            call_button: false,
        }
    }
}

impl WidgetSettings {
    /// What is wrong with them, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.origins.is_empty() || self.origins.len() > ORIGINS_MAX {
            return Err(format!("origins: name 1 to {ORIGINS_MAX} sites that show the widget"));
        }
        if let Some(bad) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(format!("origins: {bad:?} is no site; write it like https://shop.example, without a path"));
        }
        for (name, text) in [("title", &self.title), ("greeting", &self.greeting), ("reply_time", &self.reply_time)] {
            if text.chars().count() > TEXT_CHARS_MAX {
                return Err(format!("{name} has {TEXT_CHARS_MAX} characters at most"));
            }
        }
        let named = |field: &AskedField| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let label = 1..=LABEL_CHARS_MAX;
            (1..=NAME_BYTES_MAX).contains(&field.name.len())
                && field.name.chars().all(plain)
                && label.contains(&field.label.trim().chars().count())
        };
        let twice = |at: usize| self.ask[..at].iter().any(|other| other.name == self.ask[at].name);
        match self.ask.len() > FIELDS_MAX || !self.ask.iter().all(named) || (0..self.ask.len()).any(twice) {
            true => Err(format!(
                "ask: up to {FIELDS_MAX} fields, each with a name of its own (small letters, digits and _) and a label"
            )),
            false => Ok(()),
        }
    }

    /// Whether pages of this origin may show it.
    pub fn is_shown_at(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| match allowed.split_once("://*.") {
            None => allowed.trim_end_matches('/') == origin,
            Some((scheme, domain)) => {
                let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
                let before = host.and_then(|host| host.strip_suffix(domain.trim_end_matches('/')));
                before.and_then(|before| before.strip_suffix('.')).is_some_and(|sub| !sub.is_empty())
            }
        })
    }
}

/// Scheme, host and port, and nothing after them.
fn is_origin(text: &str) -> bool {
    let whole = text.trim_end_matches('/').replacen("://*.", "://any.", 1);
    let Ok(url) = Url::parse(&whole) else { return false };
    matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == whole && !whole.contains('*')
}

/// What is known of a visitor.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The site's own name for them, when it vouched for it.
    pub user: Option<String>,
    /// As they call themselves.
    pub name: Option<String>,
    /// Where they can be reached; proven when the site vouched for it.
    pub addresses: Vec<Address>,
    /// What they filled in beside that, by its label.
    pub told: Vec<(String, String)>,
    /// The page they came from.
    pub page: Option<String>,
}

impl Visitor {
    /// Takes what they filled in; what is wrong with it, in words.
    pub fn fill_in(&mut self, settings: &WidgetSettings, given: &[(String, String)]) -> Result<(), String> {
        for field in &settings.ask {
            let value = given.iter().find(|(name, _)| *name == field.name).map(|(_, value)| value.trim());
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                if field.required && !self.has(&field.name, &field.label) {
                    return Err(format!("Please fill in: {}.", field.label));
                }
                continue;
            };
            if value.chars().count() > VALUE_CHARS_MAX {
                return Err(format!("{} has {VALUE_CHARS_MAX} characters at most.", field.label));
            }
            self.fill(field, value)?;
        }
        Ok(())
    }

    fn fill(&mut self, field: &AskedField, value: &str) -> Result<(), String> {
        let kind = match field.name.as_str() {
            "email" => AddressKind::Email,
            "phone" => AddressKind::Phone,
            "name" => {
                // Who the site vouched for is called as the site says.
                let name = value.replace(char::is_control, " ");
                self.name = self.name.take().filter(|_| self.user.is_some()).or(Some(name));
                return Ok(());
            }
            _ => {
                self.told.retain(|(label, _)| *label != field.label);
                self.told.push((field.label.clone(), value.to_owned()));
                return Ok(());
            }
        };
        let address = Address::parse(kind, value).ok_or_else(|| match kind {
            AddressKind::Phone => "Write the number with its country code, such as +49 30 123456.".to_owned(),
            AddressKind::Email | AddressKind::External => "This is no email address.".to_owned(),
        })?;
        if !self.addresses.iter().any(|known| known.kind == kind && known.proven) {
            self.addresses.retain(|known| known.kind != kind);
            self.addresses.push(address);
            self.addresses.sort();
        }
        Ok(())
    }

    fn has(&self, name: &str, label: &str) -> bool {
        let reached = |kind| self.addresses.iter().any(|address| address.kind == kind);
        match name {
            "name" => self.name.is_some(),
            "email" => reached(AddressKind::Email),
            "phone" => reached(AddressKind::Phone),
            _ => self.told.iter().any(|(told, _)| told == label),
        }
    }

    /// Whether everything that must be is filled in.
    pub fn is_complete(&self, settings: &WidgetSettings) -> bool {
        settings.ask.iter().all(|field| !field.required || self.has(&field.name, &field.label))
    }
}

/// A browser that visits. Holds personal data, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorSession {
    /// Which one.
    pub id: Uuid,
    /// Of its token, which is kept nowhere.
    pub digest: String,
    /// The widget it belongs to.
    pub account: ChannelAccountId,
    /// The site it was begun on.
    pub origin: String,
    /// The thread it writes in: its own, or that of a known visitor.
    pub thread: String,
    /// Who visits.
    pub visitor: Visitor,
    /// When it began.
    pub created_at: EpochMs,
    /// When it ends.
    pub expires_at: EpochMs,
}

/// Under which the secret lies by which a site vouches for visitors.
pub const IDENTITY_SECRET: &str = "identity";
/// Sites of one business.
const ORIGINS_MAX: usize = 50;
/// Two lines of a telephone's screen.
const TEXT_CHARS_MAX: usize = 300;
/// A form that people fill in.
const FIELDS_MAX: usize = 8;
/// A word or two.
const NAME_BYTES_MAX: usize = 40;
/// Fits a line.
const LABEL_CHARS_MAX: usize = 80;
/// A sentence or two.
const VALUE_CHARS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(origins: &[&str]) -> WidgetSettings {
        WidgetSettings { origins: origins.iter().map(|o| (*o).to_owned()).collect(), ..WidgetSettings::default() }
    }

    /// W5: only named sites show it, and no name that looks like theirs.
    #[test]
    fn a_widget_is_shown_on_the_sites_that_are_named() {
        let settings = at(&["https://shop.example", "https://*.brand.example", "http://localhost:8000"]);
        settings.check().unwrap();
        for shown in
            ["https://shop.example", "https://www.brand.example", "https://a.b.brand.example", "http://localhost:8000"]
        {
            assert!(settings.is_shown_at(shown), "{shown}");
        }
        for other in [
            "http://shop.example",
            "https://shop.example.evil.example",
            "https://evilshop.example",
            "https://brand.example",
            "https://evilbrand.example",
            "https://.brand.example",
            "http://localhost:8001",
            "null",
            "",
        ] {
            assert!(!settings.is_shown_at(other), "{other}");
        }
        for bad in ["shop.example", "https://shop.example/path", "ftp://shop.example", "*", "https://*", "javascript:1"]
        {
            assert!(at(&[bad]).check().is_err(), "{bad}");
        }
        assert!(at(&[]).check().is_err());
    }

    #[test]
    fn what_a_visitor_fills_in_is_checked_and_claims_nothing() {
        let field = |name: &str, required| AskedField { name: name.into(), label: name.to_uppercase(), required };
        let settings =
            WidgetSettings { ask: vec![field("email", true), field("order", false)], ..at(&["https://a.example"]) };
        settings.check().unwrap();
        let mut visitor = Visitor::default();
        let given = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect::<Vec<_>>();
        assert!(visitor.fill_in(&settings, &given(&[("order", "7")])).unwrap_err().contains("EMAIL"));
        assert!(visitor.fill_in(&settings, &given(&[("email", "nobody")])).is_err());
        assert!(!visitor.is_complete(&settings));
        visitor.fill_in(&settings, &given(&[("email", "Ann@Example.com"), ("order", "7"), ("other", "x")])).unwrap();
        assert!(visitor.is_complete(&settings));
        assert_eq!((visitor.addresses[0].value.as_str(), visitor.addresses[0].proven), ("ann@example.com", false));
        assert_eq!(visitor.told, [("ORDER".to_owned(), "7".to_owned())]);
    }
}
