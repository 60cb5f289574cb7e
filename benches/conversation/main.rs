//! Measures whole conversations: real SIP, RTP, models and store in one process, called over loopback by
//! telephones that time what is on the wire.
//!
//! ```text
//! cargo bench --bench conversation -- gap --turns 200 --calls 1
//! ```
//!
//! `SWITCHBOARD_MODELS_DIR` names the models and, for `wer`, `FIXTURES_DIR` the recorded speech. Figures count on a
//! quiet machine only; the load is printed beside them.

#![allow(missing_docs, clippy::unwrap_used)]

mod corpus;
mod dead_air;
mod echo;
mod figures;
mod gap;
mod gateway;
mod greeting;
mod interrupt;
mod memory;
mod stand_ins;
mod wer;

use clap::{Parser, Subcommand};

/// Measurements of whole conversations.
#[derive(Parser)]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The reply gap of turns answered from knowledge, on the wire.
    Gap(gap::Args),
    /// 200 OK to the first voiced packet of the greeting.
    Greeting(greeting::Args),
    /// How soon the agent is silent when a caller speaks, and what stops it wrongly.
    Interrupt(interrupt::Args),
    /// Interruptions by the agent's own voice coming back; there must be none.
    Echo(echo::Args),
    /// Word errors of the call path against decoding the same audio directly.
    Wer(wer::Args),
    /// The longest silence with each provider stalled in turn.
    Deadair(dead_air::Args),
    /// What remains of the reply gap beside stand-in providers of fixed delays, and what such calls cost.
    Gateway(gateway::Args),
    /// Resident memory of live calls.
    Memory(memory::Args),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    }
    runtime.block_on(async {
        match arguments.what {
            What::Gap(args) => gap::run(args).await,
            What::Greeting(args) => greeting::run(args).await,
            What::Interrupt(args) => interrupt::run(args).await,
            What::Echo(args) => echo::run(args).await,
            What::Wer(args) => wer::run(args).await,
            What::Deadair(args) => dead_air::run(args).await,
            What::Gateway(args) => gateway::run(args).await,
            What::Memory(args) => memory::run(args).await,
        }
    })
}
