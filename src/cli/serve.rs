//! `switchboard serve`: answers calls until it is asked to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::serve;
use crate::config::{self, Config, Flags, Sources};

/// Arguments of `serve`; each is a configuration key and an environment variable as well.
#[derive(clap::Args, Default)]
#[group(skip)]
pub struct Args {
    /// A TOML file; `switchboard config reference` tells its keys.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the database, recordings and token.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where SIP listens, UDP and TCP.
    #[arg(long, value_name = "ADDR")]
    pub sip_listen: Option<SocketAddr>,
    /// Where the page, the API and the metrics are.
    #[arg(long, value_name = "ADDR")]
    pub http_listen: Option<SocketAddr>,
    /// Folder of Markdown knowledge.
    #[arg(long, value_name = "DIR")]
    pub knowledge: Option<PathBuf>,
    /// Folder of dialplans.
    #[arg(long, value_name = "DIR")]
    pub dialplans: Option<PathBuf>,
    /// Whom to ring when the agent cannot help.
    #[arg(long, value_name = "SIP-URI-OR-NUMBER")]
    pub escalate_to: Option<String>,
    /// Publishes the agent: clear, low-risk questions are answered without a person.
    #[arg(long)]
    pub publish: bool,
}

impl Args {
    /// The configuration that these arguments, the environment and the file make together.
    pub fn configuration(&self) -> anyhow::Result<Config> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let flags = Flags::default()
            .set("data_dir", path(&self.data_dir))
            .set("dialplans", path(&self.dialplans))
            .set("sip.listen", self.sip_listen.map(|address| address.to_string()))
            .set("http.listen", self.http_listen.map(|address| address.to_string()))
            .set("agent.knowledge", path(&self.knowledge))
            .set("agent.escalate_to", self.escalate_to.clone())
            .switch("agent.publish", self.publish);
        let config = config::load(&Sources::of_process(self.config.clone(), flags))?;
        Ok(config)
    }
}

/// Serves until it is asked to stop.
pub fn run(args: Args) -> anyhow::Result<()> {
    let config = args.configuration()?;
    super::runtime()?.block_on(serve::serve(config))
}
