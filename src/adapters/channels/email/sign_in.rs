//! Who we are to a mail server: a password, or a token that is asked for before it runs out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::settings::{EmailSettings, SignIn, secret};

/// Gives what a server is shown.
pub(super) struct Credentials {
    sign_in: SignIn,
    secrets: BTreeMap<String, SecretString>,
    token: Mutex<Option<Token>>,
}

/// What a server is shown.
pub(super) enum Proof {
    /// A password.
    Password(SecretString),
    /// A token of XOAUTH2.
    Token(SecretString),
}

struct Token {
    text: SecretString,
    good_until: Instant,
}

/// RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default = "an_hour")]
    expires_in: u64,
}

impl Credentials {
    pub(super) fn new(settings: &EmailSettings, secrets: BTreeMap<String, SecretString>) -> Credentials {
        Credentials { sign_in: settings.sign_in.clone(), secrets, token: Mutex::new(None) }
    }

    /// For reading.
    pub(super) async fn for_imap(&self) -> Result<Proof, String> {
        self.proof("password").await
    }

    /// For sending.
    pub(super) async fn for_smtp(&self) -> Result<Proof, String> {
        let own = self.secrets.get("smtp_password").is_some_and(|own| !own.expose_secret().is_empty());
        self.proof(if own { "smtp_password" } else { "password" }).await
    }

    /// A server refused the token: the next one is asked for anew.
    pub(super) async fn forget_token(&self) {
        *self.token.lock().await = None;
    }

    async fn proof(&self, password: &str) -> Result<Proof, String> {
        match &self.sign_in {
            SignIn::Password => Ok(Proof::Password(secret(&self.secrets, password)?.to_owned().into())),
            SignIn::Xoauth2 { token_url: Some(url), client_id } => self.fresh_token(url, client_id.as_deref()).await,
            SignIn::Xoauth2 { token_url: None, .. } => {
                Ok(Proof::Token(secret(&self.secrets, "access_token")?.to_owned().into()))
            }
        }
    }

    async fn fresh_token(&self, url: &str, client_id: Option<&str>) -> Result<Proof, String> {
        let mut known = self.token.lock().await;
        if let Some(token) = known.as_ref().filter(|token| token.good_until > Instant::now()) {
            return Ok(Proof::Token(token.text.clone()));
        }
        let form = self.form(client_id)?;
        let client = reqwest::Client::builder().build().map_err(|error| format!("No request can be made: {error}."))?;
        let request = client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).timeout(super::connect::CONNECT_TIMEOUT).send().await;
        let answer =
            answer.map_err(|error| format!("The sign-in service does not answer: {}.", error.without_url()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!(
                "The sign-in service refuses a token ({status}). Sign in again to get a fresh `refresh_token`."
            ));
        }
        let granted: Granted =
            answer.json().await.map_err(|_| "The sign-in service answered without a token.".to_owned())?;
        let lifetime = Duration::from_secs(granted.expires_in.clamp(60, 86_400)) - TOKEN_MARGIN;
        let text = SecretString::from(granted.access_token);
        *known = Some(Token { text: text.clone(), good_until: Instant::now() + lifetime });
        Ok(Proof::Token(text))
    }
}

impl Credentials {
    /// RFC 6749, section 6.
    fn form(&self, client_id: Option<&str>) -> Result<String, String> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token");
        form.append_pair("refresh_token", secret(&self.secrets, "refresh_token")?);
        form.append_pair("client_id", client_id.unwrap_or_default());
        if let Ok(secret) = secret(&self.secrets, "client_secret") {
            form.append_pair("client_secret", secret);
        }
        Ok(form.finish())
    }
}

fn an_hour() -> u64 {
    3_600
}

/// Before its end a token is not shown any more: connecting takes a while.
const TOKEN_MARGIN: Duration = Duration::from_secs(30);
