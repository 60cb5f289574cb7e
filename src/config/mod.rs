//! Configuration: one file a section, put together here.
//!
//! Order of authority, weakest first: defaults, the TOML file, the environment (`SWITCHBOARD_SECTION__KEY`),
//! command line flags. Whatever is wrong is told all at once, each with its place, its key and what to do.
//!
//! To add a section: its file, and one line in the `sections!` call below.

pub mod agent;
pub mod browser;
pub mod escalation;
pub mod http;
pub mod knowledge;
pub mod load;
pub mod logging;
pub mod media;
pub mod messages;
pub mod models;
pub mod notices;
mod problem;
pub mod providers;
pub mod reference;
pub mod sip;
pub mod speech;
pub mod store;
pub mod webhooks;
mod writer;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Flags, Misfit, Sources, load};
pub use problem::Problem;

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $room:ident::$type:ident),+ $(,)?) => {
        /// Everything that can be configured.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            /// Folder that holds the database, the recordings and the bootstrap token.
            pub data_dir: PathBuf,
            /// Folder of dialplans.
            pub dialplans: Option<PathBuf>,
            $($(#[$doc])* pub $name: $room::$type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Config { data_dir: default_data_dir(), dialplans: None, $($name: $room::$type::default(),)+ }
            }
        }

        impl Config {
            /// Everything that is wrong with the values, of all sections at once.
            pub fn validate(&self) -> Result<(), Vec<Problem>> {
                let mut problems = Vec::new();
                if self.data_dir.as_os_str().is_empty() {
                    problems.push(Problem {
                        key: "data_dir".into(),
                        problem: "it is empty".into(),
                        remedy: "name a folder, or set HOME so that the default can be found".into(),
                    });
                }
                $(
                    if let Err(found) = self.$name.validate() {
                        problems.extend(found.into_iter().map(|problem| within(stringify!($name), problem)));
                    }
                )+
                problems.extend(self.check_hand_over());
                if problems.is_empty() { Ok(()) } else { Err(problems) }
            }
        }

        /// The sections in their order, each with the meaning of its keys.
        pub const SECTIONS: &[(&str, &[(&str, &str)])] = &[$((stringify!($name), $room::DOCS)),+];
    };
}

sections! {
    /// What the agent says and may do.
    agent: agent::AgentConfig,
    /// Whom it brings into a case, in which order.
    escalation: escalation::EscalationConfig,
    /// The API, the live page and the metrics.
    http: http::HttpConfig,
    /// Signalling: who may call, trunks and limits.
    sip: sip::SipConfig,
    /// Calls from web pages.
    browser: browser::BrowserConfig,
    /// The database.
    store: store::StoreConfig,
    /// Files and pages that are answered from.
    knowledge: knowledge::KnowledgeConfig,
    /// Conversations by message, and the team's desk.
    messages: messages::MessagesConfig,
    /// Programs of the business that are told what happens.
    webhooks: webhooks::WebhooksConfig,
    /// Mail to the team.
    notices: notices::NoticesConfig,
    /// Calls' audio: sockets and real-time threads.
    media: media::MediaConfig,
    /// How callers are listened to.
    speech: speech::SpeechConfig,
    /// Who hears and speaks: the local models, or a provider with them behind it.
    providers: providers::ProvidersConfig,
    /// Where the models lie.
    models: models::ModelsConfig,
    /// Logs.
    logging: logging::LoggingConfig,
}

/// The meaning of the keys that stand outside every section.
pub const DOCS: &[(&str, &str)] = &[
    (
        "data_dir",
        "Folder that holds the database, the recordings and the bootstrap token; by default `switchboard` below \
     $XDG_DATA_HOME or ~/.local/share.",
    ),
    (
        "dialplans",
        "Folder of dialplans (TOML), read at start and whenever a file changes; `switchboard dialplan check` tells what is \
     wrong with one. Without it every call goes to the agent.",
    ),
];

impl Config {
    /// The database file.
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join(&self.store.file)
    }

    /// The file of the key under which secrets are sealed.
    pub fn secret_key_file(&self) -> PathBuf {
        self.data_dir.join("secret-key")
    }

    /// The folder of finished and growing recordings.
    pub fn recordings_dir(&self) -> PathBuf {
        self.data_dir.join("recordings")
    }

    /// The folder of files that came or go with messages.
    pub fn files_dir(&self) -> PathBuf {
        self.data_dir.join("files")
    }

    /// The file of the token that lets in whoever is not on this machine.
    pub fn bootstrap_token_file(&self) -> PathBuf {
        self.data_dir.join("bootstrap-token")
    }
}

/// `switchboard` below `$XDG_DATA_HOME`, or below `~/.local/share`; empty when neither is known, which
/// [`Config::validate`] refuses.
fn default_data_dir() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|share| share.join("switchboard"))
        .unwrap_or_default()
}

/// Sections may name their keys with or without their own name before them.
fn within(section: &str, mut problem: Problem) -> Problem {
    let named = problem.key.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.', '[']));
    if !named {
        problem.key = format!("{section}.{}", problem.key);
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let config = Config { data_dir: "/somewhere".into(), ..Config::default() };
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn a_problem_is_named_by_its_section_once() {
        let problem = |key: &str| Problem { key: key.into(), problem: String::new(), remedy: String::new() };
        assert_eq!(within("http", problem("listen")).key, "http.listen");
        assert_eq!(within("http", problem("http.listen")).key, "http.listen");
        assert_eq!(within("sip", problem("sip_listen")).key, "sip.sip_listen");
    }

    /// Two sections' faults are told in one go, so that a file is mended in one round.
    #[test]
    fn every_problem_is_told_at_once() {
        let mut config = Config { data_dir: "/somewhere".into(), ..Config::default() };
        config.store.readers = 0;
        config.http.requests_max = 0;
        config.logging.filter = "a=b=c".into();
        let keys: Vec<_> = config.validate().unwrap_err().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["http.requests_max", "store.readers", "logging.filter"]);
    }
}
