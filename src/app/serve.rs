//! Runs the whole house until it is asked to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::adapters::bootstrap_token;
use crate::adapters::media_node::Node;
use crate::adapters::models::Models;
use crate::adapters::telemetry::{self, Metrics};
use crate::config::Config;
use crate::config::http::HttpConfig;
use crate::http::{self, Readiness, Server, watch_store};
use crate::seams::browser::{BrowserCalls, BrowserMedia};
use crate::sip::{SipParts, SipServer, SipTimes};
use crate::team::Team;
use crate::voice::front_desk::FrontDesk;
use crate::webrtc::{BrowserParts, Browsers};

use super::{House, business, dialplans, trunk_minutes};

/// Serves calls and HTTP until SIGTERM or Ctrl-C, then lets live calls end.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let metrics = telemetry::install(&config.logging)?;
    let models = Models::resolve(config.models.configured_dir());
    if let Some(missing) = models.verify().first() {
        anyhow::bail!("{missing}; run `switchboard models fetch`");
    }
    let shutdown = CancellationToken::new();
    let readiness = Readiness::waiting_for(&["store", "speech", "sip"]);
    let server = Server::bind(&config.http, &config.data_dir.join("acme")).await?;
    let http_address = server.address()?;

    let house = House::open(config, models).await?;
    readiness.ready("store");
    let token = bootstrap_token::load_or_make(&house.config.bootstrap_token_file())?;
    // Filled once there is somebody to make calls.
    let calls_back: Arc<OnceLock<Arc<FrontDesk>>> = Arc::default();
    let browser_door: Arc<OnceLock<Arc<dyn BrowserCalls>>> = Arc::default();
    let team = house.team()?;
    let messages = house.message_desk();
    let answering = tokio::spawn(messages.clone().run(true, shutdown.clone()));
    let channels = house.channels(messages.clone())?;
    let webhooks = house.webhooks()?;
    let widgets = house.widgets(messages.clone(), shutdown.clone())?;
    let router = http::router(http::Parts {
        store: house.store.clone(),
        messages,
        channels: channels.clone(),
        webhooks: webhooks.clone(),
        widgets,
        bus: house.bus.clone(),
        library: house.library.clone(),
        team: team.clone(),
        answering: house.answering(),
        calls: calls_back.clone(),
        calls_back: calls_back.clone(),
        clock: house.clock.clone(),
        browsers: browser_door.clone(),
        readiness: readiness.clone(),
        metrics: metrics.renderer(),
        recordings_dir: house.config.recordings_dir(),
        token,
        config: house.config.http.clone(),
        shutdown: shutdown.clone(),
    });
    let http_task = tokio::spawn(server.run(router, shutdown.clone()));
    let channels = tokio::spawn(channels.run(shutdown.clone()));
    let webhooks = tokio::spawn(webhooks.run(shutdown.clone()));
    let notices = house.notices()?.map(|notices| tokio::spawn(notices.run(shutdown.clone())));
    house.speak_ready().await;
    readiness.ready("speech");

    let node = Arc::new(Node::start(&house.config.media)?);
    let browsers = match house.config.browser.enabled {
        true => Some(Browsers::start(browser_parts(&house, node.clone()))?),
        false => None,
    };
    let (browsers, browsers_incoming) = browsers.map(|(browsers, incoming)| (Arc::new(browsers), incoming)).unzip();
    let parts = SipParts {
        browsers: browsers.clone().map(|browsers| browsers as Arc<dyn BrowserMedia>),
        ..sip_parts(&house, node.clone())
    };
    let (sip, incoming) = SipServer::start(parts).await?;
    let sip = Arc::new(sip);
    trunk_minutes::restore(&sip, &*house.store, &*house.clock).await;
    let minutes = tokio::spawn(trunk_minutes::keep(sip.clone(), house.store.clone(), shutdown.clone()));
    let front_desk = house.front_desk(sip.clone())?;
    let _ = calls_back.set(front_desk.clone());
    let (drain, draining) = watch::channel(false);
    let drain_timeout = Duration::from_secs(house.config.agent.drain_seconds.into());
    let mut calls = JoinSet::new();
    if let (Some(browsers), Some(incoming)) = (&browsers, browsers_incoming) {
        let _ = browser_door.set(browsers.clone());
        calls.spawn(front_desk.clone().run(incoming, draining.clone(), drain_timeout));
    }
    calls.spawn(front_desk.clone().drain_callbacks(draining.clone(), drain_timeout));
    calls.spawn(front_desk.clone().run(incoming, draining, drain_timeout));
    readiness.ready("sip");

    tokio::spawn(watch_store(house.store.clone(), readiness.clone(), STORE_PROBE, shutdown.clone()));
    tokio::spawn(upkeep(metrics, shutdown.clone()));
    let house = Arc::new(house);
    tokio::spawn(house.library.clone().run(shutdown.clone()));
    tokio::spawn(watch_knowledge(house.clone(), shutdown.clone()));
    tokio::spawn(dialplans::watch(house.clone(), front_desk, shutdown.clone()));
    announce(&house, &sip, http_address, browsers.is_some());
    announce_set_up(&team, &house.config.http, http_address).await?;

    asked_to_stop().await?;
    println!("\nStopping: new calls are refused, live ones may end (Ctrl-C again stops at once).");
    readiness.draining();
    sip.drain();
    browsers.iter().for_each(|browsers| browsers.drain());
    drain.send_replace(true);
    tokio::select! {
        _ = calls.join_all() => {}
        stop = asked_to_stop() => stop?,
    }
    shutdown.cancel();
    let _ = tokio::time::timeout(HTTP_ENDS, http_task).await;
    let _ = tokio::time::timeout(HTTP_ENDS, answering).await;
    let _ = tokio::time::timeout(HTTP_ENDS, channels).await;
    let _ = tokio::time::timeout(HTTP_ENDS, webhooks).await;
    if let Some(notices) = notices {
        let _ = tokio::time::timeout(HTTP_ENDS, notices).await;
    }
    let _ = tokio::time::timeout(HTTP_ENDS, minutes).await;
    tokio::task::spawn_blocking(move || node.shutdown()).await?;
    info!("Stopped");
    Ok(())
}

/// What signalling is made of in this house.
pub fn sip_parts(house: &House, media: Arc<Node>) -> SipParts {
    SipParts {
        config: house.config.sip.clone(),
        media,
        clock: house.clock.clone(),
        ids: house.ids.clone(),
        rtp_ports: house.config.media.rtp_ports.into(),
        browsers: None,
        times: SipTimes::default(),
        takes_own_calls: false,
    }
}

fn browser_parts(house: &House, media: Arc<Node>) -> BrowserParts {
    BrowserParts { config: house.config.browser.clone(), media, clock: house.clock.clone(), ids: house.ids.clone() }
}

/// Tells a newcomer where to call and what to open.
fn announce(house: &House, sip: &SipServer, http: std::net::SocketAddr, browsers: bool) {
    let agent = &house.config.agent;
    let sip = sip.local_addr();
    let scheme = if house.config.http.is_https() { "https" } else { "http" };
    println!();
    println!("  Switchboard answers for {}.", agent.business);
    if browsers {
        println!("  Talk      {scheme}://{http}/call   (a browser on this machine, with a microphone)");
    }
    println!("  Call      sip:support@{sip}   (UDP and TCP; any SIP phone on this machine)");
    println!("  Open      {scheme}://{http}/");
    println!("  Try       switchboard demo        a scripted call, without a phone");
    println!("  Mend      switchboard check       what is missing and what to do");
    println!();
    println!(
        "  Knowledge: {} entries. {}",
        house.knowledge_entries,
        match (agent.publish, agent.reply_mode()) {
            (false, _) => "Not published: callers are asked for name, number and reason.",
            (true, crate::domain::agent::ReplyMode::DraftOnly) => "Draft only: every reply waits for a person.",
            (true, crate::domain::agent::ReplyMode::AutomaticWhenSafe) =>
                "Published: clear, low-risk questions are answered.",
        }
    );
    let in_use = house.answering().agent.load_full();
    let rungs = in_use.escalation.ladder.iter().filter(|rung| !rung.action.targets().is_empty()).count();
    match (&agent.escalate_to, rungs) {
        (_, 0) => println!("  Escalations become tickets (set agent.escalate_to to ring a person)."),
        (Some(to), 1) => println!("  Escalations ring {to}."),
        (_, rungs) => println!("  Escalations climb a ladder with {rungs} rungs that ring."),
    }
    println!();
}

/// Tells how the first account is made, while there is none. The link counts until it is used or the process ends.
async fn announce_set_up(team: &Team, config: &HttpConfig, http: std::net::SocketAddr) -> anyhow::Result<()> {
    if !team.has_anybody().await? {
        let scheme = if config.is_https() { "https" } else { "http" };
        let usual = format!("{scheme}://{http}");
        let url = config.public_url.as_deref().unwrap_or(&usual).trim_end_matches('/');
        println!("  Accounts  {url}/sign-in#setup={}   (makes the first one)", team.set_up_secret());
        println!();
    }
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ctrl_c = tokio::signal::ctrl_c() => ctrl_c,
        _ = terminate.recv() => Ok(()),
    }
}

async fn upkeep(metrics: Metrics, shutdown: CancellationToken) {
    let mut beat = tokio::time::interval(METRICS_UPKEEP);
    loop {
        tokio::select! {
            _ = beat.tick() => metrics.upkeep(),
            () = shutdown.cancelled() => return,
        }
    }
}

/// Reads the knowledge folder again whenever a file of it changes. A look at a few file times every few seconds
/// costs nothing and works on every file system.
async fn watch_knowledge(house: Arc<House>, shutdown: CancellationToken) {
    let Some(folder) = house.config.agent.knowledge.clone() else { return };
    let mut seen = fingerprint(&folder);
    let mut beat = tokio::time::interval(KNOWLEDGE_LOOK);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let now = fingerprint(&folder);
        if now == seen {
            continue;
        }
        seen = now;
        let loaded = business::knowledge(Some(&folder), &house.library).await;
        if let Err(error) = loaded {
            warn!(%error, "The knowledge folder could not be read again; what was known stays");
        }
    }
}

/// The files of a folder with their times and sizes.
fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(FILES_LOOKED_AT) {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && folders.len() < FOLDERS_LOOKED_AT {
                folders.push(entry.path());
            } else if about.is_file() {
                files.insert(entry.path(), (about.modified().ok(), about.len()));
            }
        }
    }
    files
}

/// How often the store is written to, to know that it can be.
const STORE_PROBE: Duration = Duration::from_secs(10);
/// How often measured values are moved into their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How soon a changed article is answered from.
const KNOWLEDGE_LOOK: Duration = Duration::from_secs(3);
/// Open HTTP requests may take this long to end.
const HTTP_ENDS: Duration = Duration::from_secs(3);
/// Bounds of a look at the knowledge folder.
const FILES_LOOKED_AT: usize = 2_000;
/// Folders below it.
const FOLDERS_LOOKED_AT: usize = 64;
