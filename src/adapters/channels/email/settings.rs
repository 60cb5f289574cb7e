//! What an email account is set up with.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use crate::config::notices::MailSecurity as Security;
use crate::config::notices::is_this_machine;
use crate::domain::contact::{Address, AddressKind};

/// One mailbox: where mail is read, where it is sent, and as whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// The mailbox's address; customers write to it and see it.
    pub address: String,
    /// The name beside it.
    #[serde(default)]
    pub name: Option<String>,
    /// Other addresses that arrive here: mail from them is our own.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Where mail is read.
    pub imap: Server,
    /// Where it is sent.
    pub smtp: Server,
    /// The folder that is read.
    #[serde(default = "inbox")]
    pub folder: String,
    /// The folder in which the server itself keeps what is sent by it, where it does so (Gmail, Microsoft 365). After a
    /// connection that broke at the wrong moment it tells whether the mail went out.
    #[serde(default)]
    pub sent_folder: Option<String>,
    /// How often the folder is looked at when the server cannot tell of new mail by itself, in seconds.
    #[serde(default = "poll_s")]
    pub poll_s: u64,
    /// How we sign in.
    #[serde(default)]
    pub sign_in: SignIn,
    /// Automatic mails an hour to one address.
    #[serde(default = "replies_per_hour")]
    pub replies_per_hour: usize,
    /// Names under which our own mail server writes Authentication-Results. Only what it says proves a sender (R56).
    #[serde(default)]
    pub authentication_servers: Vec<String>,
    /// Whether the subject carries the conversation's tag, for customers whose programs lose every header.
    #[serde(default)]
    pub subject_tag: bool,
    /// Whether answers come to `name+token@…`; off for servers that refuse such addresses.
    #[serde(default = "yes")]
    pub plus_address: bool,
    /// The signature, where this house signs; its key is the secret `dkim_key`.
    #[serde(default)]
    pub dkim: Option<Dkim>,
    /// Certificates (PEM) of the authority that vouches for the servers, where the system does not know it.
    #[serde(default)]
    pub authority_pem: Option<String>,
}

/// A server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// Who signs in; without one, the mailbox's address.
    #[serde(default)]
    pub user: Option<String>,
    /// Whether nobody signs in (a relay on this machine).
    #[serde(default)]
    pub open: bool,
}

/// How we sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum SignIn {
    /// With the secret `password` (and `smtp_password`, where that is another).
    #[default]
    Password,
    /// With a token (XOAUTH2): the secret `access_token`, or one that is asked for with the secrets `refresh_token` and
    /// `client_secret`.
    Xoauth2 {
        /// Where tokens are asked for.
        #[serde(default)]
        token_url: Option<String>,
        /// As which program.
        #[serde(default)]
        client_id: Option<String>,
    },
}

/// A signature's name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The key's name: the public key lies at `selector._domainkey.domain`.
    pub selector: String,
    /// The domain; without one, that of the address.
    #[serde(default)]
    pub domain: Option<String>,
}

impl EmailSettings {
    /// Reads and checks; what is wrong and what to do, in words.
    pub fn read(settings: &serde_json::Value) -> Result<EmailSettings, String> {
        let mut settings: EmailSettings = serde_json::from_value(settings.clone())
            .map_err(|error| format!("The settings of this mailbox: {error}."))?;
        let address = Address::parse(AddressKind::Email, &settings.address).ok_or_else(|| {
            format!("`{}` is no email address; write one such as support@example.com.", settings.address)
        })?;
        settings.address = address.value;
        settings.aliases = settings.aliases.iter().map(|alias| alias.trim().to_lowercase()).collect();
        for (which, server) in [("imap", &settings.imap), ("smtp", &settings.smtp)] {
            if server.host.is_empty() || server.host.contains(char::is_whitespace) {
                return Err(format!("`{which}.host` is no host; write the server's name."));
            }
            if server.security == Security::None && !is_this_machine(&server.host) {
                return Err(format!(
                    "`{which}.security` may be `none` for this machine alone; choose `tls` or `starttls` for {}.",
                    server.host
                ));
            }
        }
        if !(5..=3_600).contains(&settings.poll_s) {
            return Err("`poll_s` is out of range; write seconds from 5 to 3600.".into());
        }
        Ok(settings)
    }

    /// Our own addresses.
    pub fn ours(&self) -> Vec<String> {
        std::iter::once(&self.address).chain(&self.aliases).cloned().collect()
    }

    /// The domain of our address.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// As whom we sign in at a server.
    pub fn user<'s>(&'s self, server: &'s Server) -> &'s str {
        server.user.as_deref().unwrap_or(&self.address)
    }
}

/// The secret of this name; what to do without it, in words.
pub(super) fn secret<'s>(secrets: &'s BTreeMap<String, SecretString>, name: &str) -> Result<&'s str, String> {
    let found = secrets.get(name).map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    found.ok_or_else(|| format!("The secret `{name}` of this mailbox is not set; enter it."))
}

fn inbox() -> String {
    "INBOX".into()
}

/// Half the minute within which a customer expects an answer.
fn poll_s() -> u64 {
    30
}

/// A person asks less often; a machine that answers ours stops there.
fn replies_per_hour() -> usize {
    5
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A password never crosses a network in the clear.
    #[test]
    fn plain_connections_go_to_this_machine_alone() {
        let with = |host: &str, security: &str| {
            EmailSettings::read(&serde_json::json!({
                "address": "Support@Example.com",
                "imap": { "host": host, "port": 143, "security": security },
                "smtp": { "host": "127.0.0.1", "port": 25, "security": "none" },
            }))
        };
        assert_eq!(with("127.0.0.1", "none").map(|settings| settings.address).as_deref(), Ok("support@example.com"));
        assert!(with("mail.example.com", "starttls").is_ok());
        assert!(with("mail.example.com", "none").unwrap_err().contains("this machine alone"));
        assert!(with("mail.example.com", "").is_err());
    }
}
