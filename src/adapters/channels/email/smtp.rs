//! Sending a mail (RFC 5321), step by step, so that it is known whether a mail may have been taken when something breaks.

use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials as SmtpCredentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::connect::CONNECT_TIMEOUT;
use super::settings::{EmailSettings, Security};
use super::sign_in::{Credentials, Proof};
use crate::seams::channel::DeliveryError;

/// Sends a mail to one address.
pub(super) async fn send(
    settings: &EmailSettings,
    credentials: &Credentials,
    to: &str,
    mail: &[u8],
) -> Result<(), DeliveryError> {
    let mut connection =
        connect(settings, credentials).await.map_err(|why| DeliveryError::Later { after: None, why })?;
    let sent = converse(&mut connection, settings, to, mail).await;
    let _ = timeout(CONNECT_TIMEOUT, connection.quit()).await;
    sent
}

/// Connects and signs in, and says what is wrong in words.
pub(super) async fn test(settings: &EmailSettings, credentials: &Credentials) -> Result<(), String> {
    let mut connection = connect(settings, credentials).await?;
    let _ = timeout(CONNECT_TIMEOUT, connection.quit()).await;
    Ok(())
}

async fn converse(
    connection: &mut AsyncSmtpConnection,
    settings: &EmailSettings,
    to: &str,
    mail: &[u8],
) -> Result<(), DeliveryError> {
    let envelope = envelope(&settings.address, to)?;
    let before = |error: Error| told(&error, "the server");
    connection.command(Mail::new(envelope.from().cloned(), vec![])).await.map_err(before)?;
    for recipient in envelope.to() {
        connection.command(Rcpt::new(recipient.clone(), vec![])).await.map_err(before)?;
    }
    connection.command(Data).await.map_err(before)?;
    match timeout(DATA_TIMEOUT, connection.message(mail)).await {
        Ok(Ok(_)) => Ok(()),
        // A reply, whichever, tells what became of it (RFC 5321, section 4.2.5); anything else leaves it open.
        Ok(Err(error)) if error.is_permanent() || error.is_transient() => Err(told(&error, "the server")),
        Ok(Err(error)) => Err(uncertain(&format!("the connection broke at the end of the mail ({error})"))),
        Err(_) => Err(uncertain("the server did not say whether it took the mail")),
    }
}

fn uncertain(why: &str) -> DeliveryError {
    DeliveryError::Uncertain { why: format!("It may have been sent: {why}.") }
}

fn envelope(from: &str, to: &str) -> Result<Envelope, DeliveryError> {
    let address = |text: &str| {
        let refused = || DeliveryError::Refused { why: format!("`{text}` is no address that mail can be sent to.") };
        text.parse::<Address>().map_err(|_| refused())
    };
    Envelope::new(Some(address(from)?), vec![address(to)?])
        .map_err(|error| DeliveryError::Refused { why: format!("It cannot be addressed: {error}.") })
}

/// What a refusal means: 5xx for good, 4xx and everything else for now.
fn told(error: &Error, who: &str) -> DeliveryError {
    use std::error::Error as _;
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let said: String = said.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
    let code = error.status().map(|code| format!("{code} ")).unwrap_or_default();
    let why = format!("Refused by {who}: {code}{said}");
    if error.is_permanent() { DeliveryError::Refused { why } } else { DeliveryError::Later { after: None, why } }
}

async fn connect(settings: &EmailSettings, credentials: &Credentials) -> Result<AsyncSmtpConnection, String> {
    let server = &settings.smtp;
    let (host, port) = (server.host.as_str(), server.port);
    let hello = ClientId::Domain(settings.domain().to_owned());
    let parameters = tls(settings)?;
    let implicit = (server.security == Security::Tls).then(|| parameters.clone());
    let connecting = AsyncSmtpConnection::connect_tokio1((host, port), Some(CONNECT_TIMEOUT), &hello, implicit, None);
    let unreachable = |error: &dyn std::fmt::Display| {
        format!(
            "{host}:{port} cannot be used for sending: {error}. Check the name, the port, `security` and firewalls."
        )
    };
    let mut connection = match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| unreachable(&chain(&error)))?,
        Err(_) => return Err(unreachable(&"it does not answer")),
    };
    if server.security == Security::Starttls {
        if !connection.can_starttls() {
            return Err(format!("{host}:{port} offers no STARTTLS; choose `tls` with port 465."));
        }
        let begun = timeout(CONNECT_TIMEOUT, connection.starttls(parameters, &hello)).await;
        begun.map_err(|_| unreachable(&"TLS does not begin"))?.map_err(|error| unreachable(&chain(&error)))?;
    }
    if server.open {
        return Ok(connection);
    }
    let user = settings.user(server);
    let (mechanisms, secret): (&[Mechanism], _) = match credentials.for_smtp().await? {
        Proof::Password(password) => (&[Mechanism::Plain, Mechanism::Login], password),
        Proof::Token(token) => (&[Mechanism::Xoauth2], token),
    };
    let shown = SmtpCredentials::new(user.to_owned(), secret.expose_secret().to_owned());
    let signed_in = timeout(CONNECT_TIMEOUT, connection.auth(mechanisms, &shown)).await;
    match signed_in {
        Ok(Ok(_)) => Ok(connection),
        Ok(Err(error)) => {
            credentials.forget_token().await;
            Err(format!(
                "The server refuses to sign {user} in for sending: {}. Check user, password, and whether SMTP is allowed.",
                chain(&error)
            ))
        }
        Err(_) => Err("The server does not answer while signing in for sending.".into()),
    }
}

fn tls(settings: &EmailSettings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.smtp.host.clone());
    if let Some(pem) = &settings.authority_pem {
        let authority = Certificate::from_pem(pem.as_bytes())
            .map_err(|error| format!("`authority_pem` holds no certificate: {error}."))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|error| format!("TLS cannot be set up: {error}."))
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

/// Servers scan a mail for viruses before they answer; a delivery has 20 s in all.
const DATA_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// Of a server's words.
const SAID_CHARS_MAX: usize = 300;
