//! `[knowledge]`: files and pages that are answered from.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Files and pages that are answered from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnowledgeConfig {
    /// Hosts of private networks that pages may be fetched from.
    pub private_hosts: Vec<String>,
    /// How long a page may take.
    pub page_timeout_ms: u64,
    /// The largest page.
    pub page_max_bytes: usize,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "private_hosts",
        "Hosts inside this network that pages may be fetched from, each as host:port; all others must be on the public \
         Internet. Whoever may import pages can then read what these hosts serve to this machine.",
    ),
    (
        "page_timeout_ms",
        "How long, in milliseconds, a page may take to come; longer bears slow sites, shorter frees the teammate who waits.",
    ),
    ("page_max_bytes", "Largest page in bytes; larger ones are refused."),
];

impl Default for KnowledgeConfig {
    fn default() -> Self {
        KnowledgeConfig { private_hosts: Vec::new(), page_timeout_ms: 10_000, page_max_bytes: 5_000_000 }
    }
}

impl KnowledgeConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut say = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: format!("knowledge.{key}"), problem, remedy: remedy.into() });
        };
        for host in &self.private_hosts {
            let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() || host.contains(['/', '*', ' ']) {
                say("private_hosts", format!("\"{host}\" is no host and port"), "write it as intranet.example:443");
            }
        }
        if !(500..=60_000).contains(&self.page_timeout_ms) {
            say("page_timeout_ms", format!("{} is out of range", self.page_timeout_ms), "write 500 to 60000");
        }
        if !(10_000..=10_000_000).contains(&self.page_max_bytes) {
            say("page_max_bytes", format!("{} is out of range", self.page_max_bytes), "write 10000 to 10000000");
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
