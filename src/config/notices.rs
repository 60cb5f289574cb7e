//! `[notices]`: mail to the team when a case needs somebody (R37).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::sip::Secret;

/// Mail to the team.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticesConfig {
    /// Who is told.
    pub to: Vec<String>,
    /// As whom.
    pub from: String,
    /// The server that sends it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who signs in; nobody when it is empty.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Who vouches for the server, where the system does not know it.
    pub authority_file: Option<PathBuf>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte (ports 993 and 465).
    #[default]
    Tls,
    /// TLS after a greeting (ports 143 and 587); never without it.
    Starttls,
    /// None: to this machine alone.
    None,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "to",
        "Email addresses that are told when a caller is connected to a person, a case needs somebody, or a message or the \
         wish to be called back was left; at most 20, none is told by default.",
    ),
    ("from", "The address such mail comes from."),
    ("host", "The mail server that sends it (SMTP)."),
    ("port", "Its port: 465 with `tls`, 587 with `starttls`."),
    (
        "security",
        "How the connection is protected: `tls` from the first byte, `starttls` after a greeting, `none` for a server on \
         this machine alone.",
    ),
    ("user", "Who signs in at the server; empty where nobody does."),
    ("password", "The password; better given as SWITCHBOARD_NOTICES__PASSWORD than in a file."),
    ("authority_file", "PEM file of the authority that vouches for the server, where the system does not know it."),
];

impl Default for NoticesConfig {
    fn default() -> Self {
        NoticesConfig {
            to: Vec::new(),
            from: String::new(),
            host: String::new(),
            port: 465,
            security: MailSecurity::Tls,
            user: String::new(),
            password: Secret::default(),
            authority_file: None,
        }
    }
}

impl NoticesConfig {
    /// Whether anybody is told.
    pub fn is_on(&self) -> bool {
        !self.to.is_empty()
    }

    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        if !self.is_on() {
            return Ok(());
        }
        let mut problems = Vec::new();
        let mut tell = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: format!("notices.{key}"), problem, remedy: remedy.into() });
        };
        if self.to.len() > TO_MAX {
            tell("to", format!("{} addresses", self.to.len()), "name 20 at most, or a mailing list");
        }
        for (key, address) in self.to.iter().map(|to| ("to", to)).chain([("from", &self.from)]) {
            if !is_address(address) {
                tell(key, format!("`{address}` is no email address"), "write one such as team@example.com");
            }
        }
        if self.host.is_empty() {
            tell("host", "it is missing".into(), "name the mail server that sends for you");
        }
        if self.security == MailSecurity::None && !is_this_machine(&self.host) {
            tell(
                "security",
                format!("`none` to {}", self.host),
                "write `tls` or `starttls`: passwords cross no network openly",
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Whether a host is this machine.
pub fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty()) && !text.contains(char::is_whitespace)
}

/// More people are better told by a list.
const TO_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_by_default_and_what_is_wrong_is_named() {
        assert_eq!(NoticesConfig::default().validate(), Ok(()));
        let wrong = NoticesConfig {
            to: vec!["team".into()],
            security: MailSecurity::None,
            host: "mail.example.com".into(),
            ..NoticesConfig::default()
        };
        let keys: Vec<String> = wrong.validate().unwrap_err().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["notices.to", "notices.from", "notices.security"]);
    }
}
