//! `switchboard eval`: how good the answers are, measured on labelled questions.
//!
//! A folder holds sets: `faq_NAME_kb.tsv` (entry id, question) with `faq_NAME_queries.tsv` (entry id or UNANSWERABLE,
//! message), and `risk*.tsv` (label, message; `low_risk` counts false holds). Each file begins with a line of titles.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::support::Desk;
use crate::support::measure::{self, Asked, FaqReport, Held};

use super::ask::{automatic_agent, open_embedder};

/// Arguments of `eval`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of sets.
    folder: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Which messages: all, those that may be fitted on, or the fifth that is kept for the last measurement.
    #[arg(long, value_enum, default_value_t = Share::All)]
    share: Share,
    /// Print each automatic reply that was wrong and each message held or let through against its label.
    #[arg(long)]
    errors: bool,
    /// The folder of models.
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// A share of the messages, by their text alone, so that it is the same in every file and on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Share {
    /// Every message.
    All,
    /// Four fifths, on which weights may be fitted.
    Fit,
    /// One fifth, never fitted on.
    Untouched,
}

impl Share {
    /// Whether a message belongs to it: the first byte of its SHA-256 decides.
    pub fn has(self, text: &str) -> bool {
        let untouched = Sha256::digest(text.as_bytes())[0] % 5 == 0;
        match self {
            Share::All => true,
            Share::Fit => !untouched,
            Share::Untouched => untouched,
        }
    }
}

/// What `--json` prints.
#[derive(Serialize, Default)]
struct Report {
    faq: BTreeMap<String, FaqReport>,
    risk: BTreeMap<String, BTreeMap<String, Held>>,
}

/// Measures every set of the folder.
pub fn run(args: Args) -> anyhow::Result<()> {
    let desk = Desk::new(open_embedder(args.models_dir.as_deref()));
    let agent = automatic_agent("the company");
    let mut report = Report::default();
    for (name, file) in sets(&args.folder)? {
        match file {
            Set::Faq { kb, queries } => {
                let kb: Vec<_> = rows(&kb)?;
                let asked = rows(&queries)?.into_iter().map(|(gold, text)| Asked { gold, text });
                let asked: Vec<Asked> = asked.filter(|asked| args.share.has(&asked.text)).collect();
                let faq = measure::faq(&desk, &agent, measure::entries_of_rows(&kb), &asked)?;
                if args.errors {
                    measure::wrong_replies(&desk, &agent, &asked).iter().for_each(|line| eprintln!("{name}: {line}"));
                }
                report.faq.insert(name, faq);
            }
            Set::Risk(file) => {
                let labels = report.risk.entry(name).or_default();
                for (label, text) in rows(&file)?.into_iter().filter(|(_, text)| args.share.has(text)) {
                    let held = measure::is_held(&desk, &text);
                    if args.errors && held == (label == "low_risk") {
                        eprintln!("{label} {}: {text}", if held { "held" } else { "let through" });
                    }
                    let count = labels.entry(label).or_default();
                    count.n += 1;
                    count.held += usize::from(held);
                }
            }
        }
    }
    ensure!(
        !report.faq.is_empty() || !report.risk.is_empty(),
        "{} holds no set: faq_NAME_kb.tsv with faq_NAME_queries.tsv, or risk*.tsv",
        args.folder.display()
    );
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?)
    } else {
        print(&report)
    }
    Ok(())
}

enum Set {
    Faq { kb: PathBuf, queries: PathBuf },
    Risk(PathBuf),
}

/// The sets of a folder by name, in order of their names.
fn sets(folder: &Path) -> anyhow::Result<BTreeMap<String, Set>> {
    let mut sets = BTreeMap::new();
    let items = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for item in items {
        let path = item?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(set) = name.strip_prefix("faq_").and_then(|rest| rest.strip_suffix("_kb.tsv")) {
            let queries = folder.join(format!("faq_{set}_queries.tsv"));
            if queries.is_file() {
                sets.insert(set.to_owned(), Set::Faq { kb: path.clone(), queries });
            }
        } else if let Some(set) = name.strip_suffix(".tsv").filter(|set| set.starts_with("risk")) {
            sets.insert(set.to_owned(), Set::Risk(path.clone()));
        }
    }
    Ok(sets)
}

/// The first two columns of a file, without its line of titles.
fn rows(file: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        let mut columns = line.split('\t');
        let (Some(label), Some(text)) = (columns.next(), columns.next()) else {
            anyhow::bail!("{}:{}: two columns with a tab between them are needed", file.display(), at + 1);
        };
        rows.push((label.trim().to_owned(), text.trim().to_owned()));
    }
    Ok(rows)
}

fn print(report: &Report) {
    for (name, faq) in &report.faq {
        println!("{name}: {} messages, {} answerable", faq.n, faq.answerable);
        println!("  recall at 1 {:.3}, at 3 {:.3}; AUROC {:.3}", faq.recall_at_1, faq.recall_at_3, faq.auroc);
        println!(
            "  sent {}, wrong {}, coverage {:.3}; asked back {}",
            faq.sent, faq.wrong, faq.coverage, faq.clarified
        );
        println!("  time of a turn {:.1} ms p50, {:.1} ms p95", faq.desk_ms_p50, faq.desk_ms_p95);
        println!("  threshold  sent  wrong  coverage");
        for point in &faq.curve {
            println!("  {:9.3} {:5} {:6} {:9.3}", point.threshold, point.sent, point.wrong, point.coverage);
        }
        println!("  confidence from    n  mean  right");
        for bin in faq.reliability.iter().filter(|bin| bin.n > 0) {
            println!("  {:15.2} {:4} {:5.2} {:6.2}", bin.from, bin.n, bin.confidence, bin.right);
        }
    }
    for (name, labels) in &report.risk {
        println!("{name}:");
        for (label, count) in labels {
            println!("  {label:20} {:4} of {:4} held ({:.3})", count.held, count.n, count.held as f32 / count.n as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_found_by_their_file_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["faq_shop_kb.tsv", "faq_shop_queries.tsv", "faq_lone_kb.tsv", "risk_a.tsv", "other.tsv"] {
            fs::write(folder.path().join(name), "a\tb\nlabel\ttext\textra\n").unwrap();
        }
        let sets = sets(folder.path()).unwrap();
        assert_eq!(sets.keys().collect::<Vec<_>>(), ["risk_a", "shop"]);
        assert_eq!(rows(&folder.path().join("risk_a.tsv")).unwrap(), [("label".to_owned(), "text".to_owned())]);
    }

    #[test]
    fn the_untouched_share_is_about_a_fifth_and_disjoint() {
        let texts: Vec<String> = (0..1000).map(|n| format!("message {n}")).collect();
        let untouched = texts.iter().filter(|text| Share::Untouched.has(text)).count();
        assert!((150..250).contains(&untouched));
        assert!(texts.iter().all(|text| Share::Fit.has(text) != Share::Untouched.has(text)));
    }
}
