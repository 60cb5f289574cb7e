//! Reading a mailbox (RFC 3501, RFC 2177): connecting, what is new, and being told of it.

use std::time::Duration;

use async_imap::extensions::idle::IdleResponse;
use async_imap::{Authenticator, Client, Session};
use futures::TryStreamExt;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connect::{CONNECT_TIMEOUT, Wire, encrypt, open};
use super::settings::{EmailSettings, Security};
use super::sign_in::{Credentials, Proof};

/// A folder that is open.
pub(super) struct Folder {
    session: Session<Box<dyn Wire>>,
    /// Whether the server tells of new mail by itself.
    pub(super) idles: bool,
    /// Uids count within this; another value makes all that was known void (RFC 3501, section 2.3.1.1).
    pub(super) validity: u32,
    /// The next mail's uid, where the server tells.
    pub(super) next: Option<u32>,
}

/// A mail that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its uid.
    pub(super) uid: u32,
    /// Its size, in bytes, as the server counts.
    pub(super) bytes: u32,
}

/// What a wait ended by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be something new.
    News,
    /// We are to stop.
    Stop,
}

/// Connects, signs in and opens a folder.
pub(super) async fn connect(
    settings: &EmailSettings,
    credentials: &Credentials,
    folder: &str,
) -> Result<Folder, String> {
    let mut session = sign_in(settings, credentials).await?;
    let capabilities = within("telling what it can", session.capabilities()).await?;
    let idles = capabilities.has_str("IDLE");
    let opened = within("opening the folder", session.select(folder)).await;
    let opened = opened.map_err(|why| format!("The folder `{folder}` cannot be opened: {why} Check `folder`."))?;
    let validity =
        opened.uid_validity.ok_or("The server gives its mails no lasting numbers (UIDVALIDITY); it cannot be read.")?;
    Ok(Folder { session, idles, validity, next: opened.uid_next })
}

async fn sign_in(settings: &EmailSettings, credentials: &Credentials) -> Result<Session<Box<dyn Wire>>, String> {
    let server = &settings.imap;
    let authority = settings.authority_pem.as_deref();
    let mut client = Client::new(open(server, authority).await?);
    match timeout(CONNECT_TIMEOUT, client.read_response()).await {
        Ok(Ok(Some(_))) => {}
        Ok(_) => return Err(format!("{}:{} is no IMAP server. Check the port.", server.host, server.port)),
        Err(_) => return Err(format!("{}:{} does not greet. Check port and `security`.", server.host, server.port)),
    }
    if server.security == Security::Starttls {
        let asked = within("beginning TLS", client.run_command_and_check_ok("STARTTLS", None)).await;
        asked.map_err(|why| format!("{why} The server offers no STARTTLS; choose `tls` with port 993."))?;
        client = Client::new(encrypt(client.into_inner(), server, authority).await?);
    }
    let user = settings.user(server);
    let refused = |why: async_imap::error::Error| {
        format!(
            "The server refuses to sign {user} in for reading: {}. Check user, password, and whether IMAP is allowed.",
            said(&why)
        )
    };
    match credentials.for_imap().await? {
        Proof::Password(password) => {
            let login = timeout(CONNECT_TIMEOUT, client.login(user, password.expose_secret())).await;
            let login = login.map_err(|_| "The server does not answer while signing in.".to_owned())?;
            login.map_err(|(why, _)| refused(why))
        }
        Proof::Token(token) => {
            let shown = Xoauth2 { line: Some(xoauth2(user, token.expose_secret())) };
            let login = timeout(CONNECT_TIMEOUT, client.authenticate("XOAUTH2", shown)).await;
            let login = login.map_err(|_| "The server does not answer while signing in.".to_owned())?;
            if login.is_err() {
                credentials.forget_token().await;
            }
            login.map_err(|(why, _)| refused(why))
        }
    }
}

impl Folder {
    /// Mails with a uid above `last`, lowest first, at most [`LISTED_MAX`].
    pub(super) async fn listed_after(&mut self, last: u32) -> Result<Vec<Listed>, String> {
        let Some(first) = last.checked_add(1) else { return Ok(Vec::new()) };
        let asked = self.session.uid_fetch(format!("{first}:*"), "(UID RFC822.SIZE)");
        let mut fetched = within("listing new mail", asked).await?;
        let mut listed = Vec::new();
        while let Some(mail) = within("listing new mail", fetched.try_next()).await? {
            // `*` is the newest mail even where that is below the range.
            let uid = mail.uid.filter(|uid| *uid >= first);
            listed.extend(uid.map(|uid| Listed { uid, bytes: mail.size.unwrap_or(0) }));
        }
        listed.sort_by_key(|mail| mail.uid);
        listed.truncate(LISTED_MAX);
        Ok(listed)
    }

    /// The lowest uid of mails that came in the last days; `None` when there are none.
    pub(super) async fn first_since(&mut self, day: &str) -> Result<Option<u32>, String> {
        let found = within("searching", self.session.uid_search(format!("SINCE {day}"))).await?;
        Ok(found.into_iter().min())
    }

    /// Whether a mail with this id lies there.
    pub(super) async fn holds(&mut self, message_id: &str) -> Result<bool, String> {
        let query = format!("HEADER Message-ID \"<{message_id}>\"");
        Ok(!within("searching", self.session.uid_search(query)).await?.is_empty())
    }

    /// A mail as it is; `None` when it is gone. It stays unread.
    pub(super) async fn bytes(&mut self, uid: u32) -> Result<Option<Vec<u8>>, String> {
        let mut fetched =
            within("fetching a mail", self.session.uid_fetch(uid.to_string(), "(UID BODY.PEEK[])")).await?;
        let mut found = None;
        while let Some(mail) = timeout(FETCH_TIMEOUT, fetched.try_next())
            .await
            .map_err(|_| "The server stopped while a mail was fetched.".to_owned())?
            .map_err(|why| format!("A mail cannot be fetched: {}.", said(&why)))?
        {
            if mail.uid == Some(uid) {
                found = mail.body().map(<[u8]>::to_vec);
            }
        }
        Ok(found)
    }

    /// Waits for news: told by the server where it can, else for `poll`. Gives the folder back.
    pub(super) async fn wait(mut self, poll: Duration, stop: &CancellationToken) -> Result<(Folder, Woken), String> {
        if !self.idles {
            tokio::select! {
                () = stop.cancelled() => return Ok((self, Woken::Stop)),
                () = tokio::time::sleep(poll) => {}
            }
            within("looking for new mail", self.session.noop()).await?;
            return Ok((self, Woken::News));
        }
        let mut idle = self.session.idle();
        within("waiting for mail", idle.init()).await?;
        // Dropping its end of the wait would end it.
        let (waiting, _interrupt) = idle.wait_with_timeout(IDLE_AT_MOST);
        let woken = tokio::select! {
            heard = waiting => match heard {
                Ok(IdleResponse::NewData(_) | IdleResponse::Timeout) => Woken::News,
                // Nobody interrupts it here: the library calls a closed connection so.
                Ok(IdleResponse::ManualInterrupt) => return Err("The server closed the connection.".into()),
                Err(why) => return Err(format!("The connection broke while waiting for mail: {}.", said(&why))),
            },
            // The library's own limit begins anew with each sign of life.
            () = tokio::time::sleep(IDLE_AT_MOST) => Woken::News,
            () = stop.cancelled() => Woken::Stop,
        };
        self.session = within("ending the wait", idle.done()).await?;
        Ok((self, woken))
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        let _ = timeout(CONNECT_TIMEOUT, self.session.logout()).await;
    }
}

async fn within<T>(doing: &str, step: impl Future<Output = Result<T, async_imap::error::Error>>) -> Result<T, String> {
    match timeout(STEP_TIMEOUT, step).await {
        Ok(done) => done.map_err(|why| format!("The server failed at {doing}: {}.", said(&why))),
        Err(_) => Err(format!("The server does not answer at {doing}.")),
    }
}

/// What a server said, without what it repeats of ours.
fn said(why: &async_imap::error::Error) -> String {
    let text = why.to_string();
    text.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

struct Xoauth2 {
    line: Option<String>,
}

impl Authenticator for Xoauth2 {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        // A second challenge tells why it was refused; the empty answer to it ends the attempt.
        self.line.take().unwrap_or_default()
    }
}

/// The one line of XOAUTH2.
fn xoauth2(user: &str, token: &str) -> String {
    format!("user={user}\x01auth=Bearer {token}\x01\x01")
}

/// RFC 2177 asks that IDLE is begun again before 29 minutes; middle boxes forget idle connections sooner than that.
const IDLE_AT_MOST: Duration = Duration::from_secs(25 * 60);
/// One step of talk.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// One mail of tens of megabytes by a slow line.
const FETCH_TIMEOUT: Duration = Duration::from_secs(180);
/// Mails that are taken in one go.
const LISTED_MAX: usize = 500;
/// Of a server's words.
const SAID_CHARS_MAX: usize = 300;
