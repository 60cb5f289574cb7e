//! Notifications to the team, by mail.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::warn;

use super::settings::{EmailSettings, Server, SignIn};
use super::sign_in::Credentials;
use super::smtp;
use crate::config::notices::NoticesConfig;
use crate::domain::email::Mailbox;
use crate::domain::email::compose::{Letter, Origin, compose};
use crate::domain::email::notice::NoticeText;
use crate::domain::email::thread::notice_id;
use crate::domain::time::EpochMs;
use crate::seams::channel::DeliveryError;
use crate::seams::notifier::Notifier;

/// Writes to the configured addresses.
pub struct EmailNotices {
    settings: EmailSettings,
    credentials: Credentials,
    to: Vec<String>,
    // Of a notice that was told to some and then failed: those are not told again.
    told: Mutex<HashSet<String>>,
}

impl EmailNotices {
    /// By the configuration; what is wrong with its files, in words.
    pub fn new(config: &NoticesConfig) -> Result<EmailNotices, String> {
        let authority_pem = match &config.authority_file {
            Some(file) => Some(
                std::fs::read_to_string(file)
                    .map_err(|error| format!("notices.authority_file {} cannot be read: {error}", file.display()))?,
            ),
            None => None,
        };
        let server = Server {
            host: config.host.clone(),
            port: config.port,
            security: config.security,
            user: Some(config.user.clone()),
            open: config.user.is_empty(),
        };
        let settings = EmailSettings {
            address: config.from.trim().to_lowercase(),
            name: Some("Switchboard".into()),
            aliases: Vec::new(),
            imap: server.clone(),
            smtp: server,
            folder: String::new(),
            sent_folder: None,
            poll_s: 0,
            sign_in: SignIn::Password,
            replies_per_hour: 0,
            authentication_servers: Vec::new(),
            subject_tag: false,
            plus_address: false,
            dkim: None,
            authority_pem,
        };
        let password = SecretString::from(config.password.expose());
        let secrets = BTreeMap::from([("password".to_owned(), password)]);
        let credentials = Credentials::new(&settings, secrets);
        Ok(EmailNotices { settings, credentials, to: config.to.clone(), told: Mutex::default() })
    }

    async fn tell_one(&self, id: &str, to: &str, notice: &NoticeText, at: EpochMs) -> Result<(), DeliveryError> {
        let letter = Letter {
            from: Mailbox { name: self.settings.name.clone(), address: self.settings.address.clone() },
            to: Mailbox { name: None, address: to.to_owned() },
            reply_to: None,
            message_id: id.to_owned(),
            thread: Vec::new(),
            subject: notice.subject.clone(),
            text: notice.text.clone(),
            at_s: u64::try_from(at.0 / 1000).unwrap_or_default(),
            origin: Origin::Generated,
            files: Vec::new(),
        };
        let mail = compose(&letter).map_err(|error| DeliveryError::Refused { why: error.to_string() })?;
        smtp::send(&self.settings, &self.credentials, to, &mail).await
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for EmailNotices {
    async fn tell(&self, key: &str, notice: &NoticeText, at: EpochMs) -> Result<(), DeliveryError> {
        for to in &self.to {
            let id = notice_id(key, to, self.settings.domain());
            if self.told().contains(&id) {
                continue;
            }
            match self.tell_one(&id, to, notice, at).await {
                // It may have gone out, and is the same mail to whoever gets it twice.
                Ok(()) | Err(DeliveryError::Uncertain { .. }) => {
                    self.told().insert(id);
                }
                Err(DeliveryError::Refused { why }) => {
                    warn!("A notification is refused: {why}");
                    self.told().insert(id);
                }
                Err(later @ DeliveryError::Later { .. }) => return Err(later),
            }
        }
        self.told().clear();
        Ok(())
    }
}
