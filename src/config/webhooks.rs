//! `[webhooks]`: programs of the business that are told what happens.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Programs of the business that are told what happens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Hosts of private networks that may be posted to.
    pub private_hosts: Vec<String>,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[(
    "private_hosts",
    "Hosts inside this network that webhooks may be posted to, each as host:port; all others must be on the public \
     Internet. Whoever may add webhooks can then make this machine post to these hosts.",
)];

impl WebhooksConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let problem = |host: &String| {
            let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            (port.is_none() || host.contains(['/', '*', ' '])).then(|| Problem {
                key: "webhooks.private_hosts".into(),
                problem: format!("\"{host}\" is no host and port"),
                remedy: "write it as crm.example:443".into(),
            })
        };
        let problems: Vec<Problem> = self.private_hosts.iter().filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
