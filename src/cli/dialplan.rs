//! `switchboard dialplan`: checks a folder of dialplans, and tells where a call would go.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::adapters::dialplan_folder::Loaded;
use crate::app::{business, dialplans};
use crate::config::{self, Config, Flags, Sources};
use crate::domain::dialplan::Decision;
use crate::domain::schedule::{ScheduleText, local_moment};
use crate::domain::time::EpochMs;

/// What to do with dialplans.
#[derive(Subcommand)]
pub enum DialplanCommand {
    /// Tells everything that is wrong with a folder, with file and line.
    Check(CheckArgs),
    /// Tells which route a call would take, and why none before it.
    Try(TryArgs),
}

/// Which folder, in which house.
#[derive(clap::Args)]
pub struct CheckArgs {
    /// The folder of TOML files; without one, the configured folder.
    dir: Option<PathBuf>,
    /// The configuration that names trunks, telephones and people.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The call to imagine.
#[derive(clap::Args)]
pub struct TryArgs {
    /// Who calls: a number or sip:name@host; left out, a withheld number.
    #[arg(long, value_name = "CALLER")]
    from: Option<String>,
    /// Who is called.
    #[arg(long, value_name = "CALLED")]
    to: String,
    /// The trunk or telephone it comes by, by its configured name.
    #[arg(long, value_name = "NAME", default_value = "")]
    trunk: String,
    /// A header, such as 'X-Department: sales'; may be given several times.
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// When: 2026-12-25T10:00 in the plan's time zone, or with an offset; left out, now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The time zone of `--at` (IANA name); left out, that of the plan's first opening hours, else UTC.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: CheckArgs,
}

/// Runs it to its end.
pub fn run(command: DialplanCommand) -> anyhow::Result<()> {
    match command {
        DialplanCommand::Check(args) => check(&args),
        DialplanCommand::Try(args) => try_call(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let (loaded, folder, _) = load(args)?;
    let plan = &loaded.plan;
    println!(
        "{} can be used: {} routes, {} actions, {} opening hours, {} blocked callers, from {} files",
        folder.display(),
        plan.routes.len(),
        plan.actions.len(),
        plan.hours.len(),
        plan.block.callers.len(),
        loaded.files,
    );
    for note in &loaded.notes {
        println!("note: {note}");
    }
    Ok(())
}

fn try_call(args: TryArgs) -> anyhow::Result<()> {
    let (loaded, _, config) = load(&args.folder)?;
    let plan = &loaded.plan;
    let headers = args.header.iter().map(|line| header(line)).collect::<anyhow::Result<Vec<_>>>()?;
    let way_in = &args.trunk;
    let known = |name: &str| config.sip.trunks.iter().any(|trunk| trunk.name == name);
    if !way_in.is_empty() && !known(way_in) && !dialplans::own_phones(&config).contains(way_in) {
        eprintln!("no trunk or telephone {way_in:?} is configured; the call is tried all the same");
    }
    let zone = args.time_zone.unwrap_or_else(|| {
        let first = plan.hours.values().next().map(|named| ScheduleText::from(named.schedule.clone()).time_zone);
        first.unwrap_or_else(|| "UTC".to_owned())
    });
    let at = match &args.at {
        Some(at) => local_moment(at, &zone)?.ok_or_else(|| {
            anyhow::anyhow!("--at {at:?} is no time; write 2026-12-25T10:00 or 2026-12-25T10:00+01:00")
        })?,
        None => EpochMs(jiff::Timestamp::now().as_millisecond()),
    };
    let facts =
        dialplans::imagined(&config, plan.home_country.as_deref(), args.from.as_deref(), &args.to, way_in, headers);
    let decision = plan.route(&facts, at);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&Shown::of(&decision, at))?);
        return Ok(());
    }
    let when = shown_time(at, &zone);
    let caller = facts.caller.as_ref().map_or("a withheld number".to_owned(), |caller| caller.shown());
    println!("{caller} calls {} on {when}\n", facts.called.shown());
    for step in &decision.why {
        let place = step.place.as_ref().map(|place| format!("  ({place})")).unwrap_or_default();
        println!("{}  {}: {}{place}", if step.fits { "→" } else { " " }, step.what, step.because);
    }
    println!("\n{}: {}", decision.name, decision.action.shown());
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    route: Option<&'a str>,
    place: Option<String>,
    action: &'a str,
    does: String,
    at_ms: i64,
    why: Vec<ShownStep<'a>>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    what: &'a str,
    place: Option<String>,
    fits: bool,
    because: &'a str,
}

impl<'a> Shown<'a> {
    fn of(decision: &'a Decision, at: EpochMs) -> Shown<'a> {
        let steps = decision.why.iter().map(|step| ShownStep {
            what: &step.what,
            place: step.place.as_ref().map(ToString::to_string),
            fits: step.fits,
            because: &step.because,
        });
        Shown {
            route: decision.route.as_ref().map(|(name, _)| name.as_str()),
            place: decision.route.as_ref().map(|(_, place)| place.to_string()),
            action: &decision.name,
            does: decision.action.shown(),
            at_ms: at.0,
            why: steps.collect(),
        }
    }
}

fn load(args: &CheckArgs) -> anyhow::Result<(Loaded, PathBuf, Config)> {
    let config = config::load(&Sources::of_process(args.config.clone(), Flags::default()))?;
    let folder = args.dir.clone().or_else(|| config.dialplans.clone());
    let folder = folder.ok_or_else(|| anyhow::anyhow!("name the folder, or configure dialplans"))?;
    let loaded = read(&folder, &config)?;
    Ok((loaded, folder, config))
}

/// A folder in the house that this configuration describes.
pub fn read(folder: &Path, config: &Config) -> anyhow::Result<Loaded> {
    let agent = business::configured(config, business::UNSTORED)?;
    Ok(dialplans::load(folder, config, &agent)?)
}

fn header(line: &str) -> anyhow::Result<(String, String)> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| anyhow::anyhow!("--header {line:?} is no header; write 'Name: value'"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn shown_time(at: EpochMs, zone: &str) -> String {
    let Ok(moment) = jiff::Timestamp::from_millisecond(at.0) else { return at.0.to_string() };
    match moment.in_tz(zone) {
        Ok(local) => local.strftime("%A %Y-%m-%d %H:%M %Z").to_string(),
        Err(_) => moment.to_string(),
    }
}
