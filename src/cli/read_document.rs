//! `switchboard read-document`: the process in which one document is read. Started by Switchboard itself.

use crate::adapters::documents;

/// Arguments of `read-document`.
#[derive(clap::Args)]
pub struct Args {
    /// html, docx or pdf.
    format: String,
}

/// Reads the document on standard input within bounds of its own.
pub fn run(args: &Args) -> anyhow::Result<()> {
    documents::read_in_child(&args.format)
}
