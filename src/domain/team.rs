//! The team: who may do what.

use serde::{Deserialize, Serialize};

use super::ids::{ApiTokenId, InboxId, SessionId, TeammateId};
use super::time::EpochMs;

/// What somebody may do on the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Works on cases and on the knowledge.
    Teammate,
    /// Decides how things are set, and who is on the team.
    Admin,
    /// As an admin; only an owner makes or changes owners, and one is always left.
    Owner,
}

/// What a request does. Roles hold permissions; a token holds some of them as its scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Reads conversations, contacts, tickets, recordings and live events.
    ReadCases,
    /// Replies, takes over, assigns, calls back.
    WorkCases,
    /// Listens in on live calls, whispers and barges in. Taking a call over, transferring and ending it are work on cases.
    Supervise,
    /// Brings customers' messages in and fetches what goes out.
    Intake,
    /// Reads articles and gaps, and tries questions.
    ReadKnowledge,
    /// Writes, uploads and deletes articles.
    WriteKnowledge,
    /// Reads how agents are set.
    ReadSettings,
    /// Decides how agents are set.
    ChangeSettings,
    /// Invites, changes and removes teammates, and makes tokens.
    ManageTeam,
    /// Reads who changed what.
    ReadAudit,
    /// Their own account and sessions: everybody who has one.
    OwnAccount,
    /// Reads the metrics.
    ReadMetrics,
}

impl Role {
    /// Whether the role holds a permission.
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::ReadCases | P::ReadKnowledge | P::ReadSettings | P::OwnAccount => true,
            P::WorkCases | P::WriteKnowledge => self >= Role::Teammate,
            P::Supervise | P::Intake | P::ChangeSettings | P::ManageTeam | P::ReadAudit | P::ReadMetrics => {
                self >= Role::Admin
            }
        }
    }
}

/// Somebody with an account. Holds secrets (digests alone), so it has no `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Teammate {
    /// Who.
    pub id: TeammateId,
    /// The address they sign in with, in lower case.
    pub email: String,
    /// As they are called; beside what they do.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The inboxes whose cases they see; `None` for all of them.
    pub inboxes: Option<Vec<InboxId>>,
    /// May not sign in any more.
    pub disabled: bool,
    /// The password's digest (argon2id, PHC string); none before the invitation was taken.
    pub password: Option<String>,
    /// The second factor, where it is on.
    pub second_factor: Option<SecondFactor>,
    /// Waits to be taken.
    pub invitation: Option<Invitation>,
    /// When the account was made.
    pub created_at: EpochMs,
}

/// Six digits every 30 seconds (RFC 6238).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The shared secret, sealed.
    pub secret: String,
    /// Whether its first code was given; before that it is not asked for.
    pub confirmed: bool,
    /// The last step that was used: no code counts twice.
    pub last_step: u64,
    /// Digests (SHA-256) of codes for a lost telephone; each counts once.
    pub recovery: Vec<String>,
}

/// A link by which a password is chosen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The link's digest (SHA-256).
    pub digest: String,
    /// It is of no use after that.
    pub expires_at: EpochMs,
}

/// A browser that is signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub teammate: TeammateId,
    /// The cookie's digest (SHA-256).
    pub digest: String,
    /// When it began.
    pub created_at: EpochMs,
    /// It ends by itself.
    pub expires_at: EpochMs,
    /// The address it began from.
    pub from: String,
    /// What the browser calls itself.
    pub browser: String,
}

/// A program that may use the API.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Which.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// Its digest (SHA-256).
    pub digest: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// The inboxes whose cases it sees; `None` for all of them.
    pub inboxes: Option<Vec<InboxId>>,
    /// Who made it.
    pub by: String,
    /// When.
    pub created_at: EpochMs,
    /// It is of no use after that.
    pub expires_at: Option<EpochMs>,
}

/// Who changed what.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Which; grows with time.
    pub id: uuid::Uuid,
    /// When.
    pub at: EpochMs,
    /// Who, as people know them.
    pub who: String,
    /// What: method and route.
    pub act: String,
    /// On what: the path.
    pub target: String,
    /// As it was; `null` where there was nothing.
    pub before: serde_json::Value,
    /// As it is.
    pub after: serde_json::Value,
}
