//! Email: a mailbox that is read by IMAP and answered by SMTP.
//!
//! 1. [`EmailChannel::listen`] signs in, takes what is new (`reading.rs`) and waits until the server tells of more.
//! 2. What becomes of a mail is decided without effects, by [`crate::domain::email::incoming`].
//! 3. [`EmailChannel::deliver`] writes a letter (`letters.rs`), signs it (`dkim_key.rs`) and hands it to the server,
//!    step by step, so that it is known whether it may have been taken (`smtp.rs`).

mod connect;
mod dkim_key;
pub mod dns;
mod imap;
mod letters;
pub mod notices;
mod reading;
mod settings;
mod sign_in;
mod smtp;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use self::dkim_key::SigningKey;
use self::settings::secret;
use self::sign_in::Credentials;
use crate::domain::contact::AddressKind;
use crate::domain::email::compose::{LetterFile, compose};
use crate::domain::email::limit::ReplyLimit;
use crate::domain::email::standing::Signing;
use crate::domain::email::thread::our_id;
use crate::seams::blobs::{BlobError, Blobs};
use crate::seams::channel::{Channel, Delivery, DeliveryError, Found, Inbound, Receipt, Setup};
use crate::seams::clock::Clock;

pub use self::settings::{Dkim, EmailSettings, Security, Server, SignIn};

/// One mailbox at work.
pub struct EmailChannel {
    account: String,
    settings: EmailSettings,
    credentials: Credentials,
    key: Option<SigningKey>,
    limit: Mutex<ReplyLimit>,
    clock: Arc<dyn Clock>,
    blobs: Arc<dyn Blobs>,
}

/// How mail of this mailbox is signed, by its key in PEM form; `None` where it is not signed here.
pub fn signing(settings: &EmailSettings, key_pem: Option<&str>) -> Option<Signing> {
    let dkim = settings.dkim.as_ref()?;
    let domain = dkim.domain.clone().unwrap_or_else(|| settings.domain().to_owned());
    let key = key_pem.and_then(|pem| SigningKey::read(pem, domain.clone(), dkim.selector.clone()).ok());
    let public_key = key.map(|key| key.public_key());
    Some(Signing { domain, selector: dkim.selector.clone(), public_key })
}

impl EmailChannel {
    /// A mailbox by these settings and secrets; what is wrong with them, and what to do, in words.
    pub fn new(setup: Setup, clock: Arc<dyn Clock>, blobs: Arc<dyn Blobs>) -> Result<EmailChannel, String> {
        let settings = EmailSettings::read(&setup.settings)?;
        let key = match &settings.dkim {
            Some(dkim) => {
                let domain = dkim.domain.clone().unwrap_or_else(|| settings.domain().to_owned());
                Some(SigningKey::read(secret(&setup.secrets, "dkim_key")?, domain, dkim.selector.clone())?)
            }
            None => None,
        };
        Ok(EmailChannel {
            account: setup.account.to_string(),
            credentials: Credentials::new(&settings, setup.secrets),
            limit: Mutex::new(ReplyLimit::new(settings.replies_per_hour)),
            settings,
            key,
            clock,
            blobs,
        })
    }

    /// The files that go with a message. One that is gone fails it; a folder that cannot be read now may be later.
    async fn files(&self, delivery: &Delivery) -> Result<Vec<LetterFile>, DeliveryError> {
        let mut files = Vec::with_capacity(delivery.attachments.len());
        for attachment in &delivery.attachments {
            let read = async { self.blobs.get(&attachment.blob, None).await?.all().await };
            let bytes = read.await.map_err(|error| match error {
                BlobError::NotFound => {
                    DeliveryError::Refused { why: format!("The file {} is no longer there.", attachment.name) }
                }
                error => DeliveryError::Later { after: None, why: error.to_string() },
            })?;
            files.push(LetterFile {
                name: attachment.name.clone(),
                content_type: attachment.media_type.clone(),
                bytes: bytes.to_vec(),
            });
        }
        Ok(files)
    }

    /// Whether an automatic mail may go to this address now; it is counted when it is begun.
    fn may_answer(&self, delivery: &Delivery, to: &str) -> bool {
        let mut limit = self.limit.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        !delivery.is_automatic() || delivery.tries > 1 || limit.allows(to, self.clock.epoch())
    }
}

#[async_trait]
impl Channel for EmailChannel {
    async fn deliver(&self, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
        let refused = |why: String| DeliveryError::Refused { why };
        let to = delivery.to.iter().find(|address| address.kind == AddressKind::Email);
        let to = to.ok_or_else(|| refused("The customer has no email address; add one to the contact.".into()))?;
        if !self.may_answer(delivery, &to.value) {
            return Err(refused(format!(
                "{} automatic answers went to this address within an hour; a person decides about this one.",
                self.settings.replies_per_hour
            )));
        }
        let files = self.files(delivery).await?;
        let letter = letters::letter(&self.settings, delivery, &to.value, files);
        let mut mail = compose(&letter).map_err(|error| refused(error.to_string()))?;
        if let Some(key) = &self.key {
            mail = key.sign(&mail, letter.at_s).map_err(refused)?;
        }
        smtp::send(&self.settings, &self.credentials, &to.value, &mail).await?;
        Ok(Receipt::sent(letter.message_id))
    }

    async fn look_for(&self, delivery: &Delivery) -> Result<Found, DeliveryError> {
        let Some(folder) = &self.settings.sent_folder else { return Ok(Found::Unknowable) };
        let later = |why| DeliveryError::Later { after: None, why };
        let mut sent = imap::connect(&self.settings, &self.credentials, folder).await.map_err(later)?;
        let id = our_id(delivery.message, self.settings.domain());
        let holds = sent.holds(&id).await.map_err(later)?;
        sent.close().await;
        Ok(if holds { Found::Taken(Receipt::sent(id)) } else { Found::SendAgain })
    }

    async fn test(&self) -> Result<String, String> {
        let folder = imap::connect(&self.settings, &self.credentials, &self.settings.folder).await?;
        let told =
            if folder.idles { "new mail is told of at once" } else { "new mail is looked for from time to time" };
        folder.close().await;
        smtp::test(&self.settings, &self.credentials).await?;
        Ok(format!("Mail to {} can be read and sent; {told}.", self.settings.address))
    }

    async fn listen(&self, intake: Arc<dyn Inbound>, shutdown: CancellationToken) -> Result<(), String> {
        self.read_until(&*intake, &shutdown).await
    }
}
