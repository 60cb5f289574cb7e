//! `switchboard check`: tries every part that a call needs, and says what to mend.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;

use crate::adapters::channels::email::dns::SystemDns;
use crate::adapters::embed::MiniLm;
use crate::adapters::knowledge_folder;
use crate::adapters::models::Models;
use crate::adapters::store::{SqliteOptions, SqliteStore};
use crate::app;
use crate::config::Config;
use crate::config::sip::{TransportName, TrunkConfig};
use crate::domain::escalation::Target;
use crate::seams::store::Store;
use crate::seams::stt::{HeardId, SttEvent, Want};
use crate::seams::tts::{Tts, TtsRequest};
use crate::support::Desk;
use crate::support::sensitivity::default_sensitivity;

use super::serve;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Args {
    /// Calls our own number by each trunk that has one, and listens at both ends; it costs a call.
    #[arg(long)]
    call: bool,
    #[command(flatten)]
    serve: serve::Args,
}

mod certificates;
mod email;
pub mod own_call;
mod writer;

/// What was found about one part.
enum Finding {
    Good(String),
    /// What is wrong, and what to do.
    Mend(String, String),
}

use Finding::{Good, Mend};

/// Tries everything; fails when something is to be mended.
pub fn run(args: Args) -> anyhow::Result<()> {
    let config = args.serve.configuration()?;
    println!("ok    configuration: every key can be used");
    let mend = super::runtime()?.block_on(check(config, args.call));
    anyhow::ensure!(mend == 0, "{mend} to mend");
    println!("\nEverything a call needs is in place.");
    Ok(())
}

async fn check(config: Config, call: bool) -> usize {
    let mut mend = 0;
    let mut tell = |part: &str, finding: Finding| match finding {
        Good(what) => println!("ok    {part}: {what}"),
        Mend(what, remedy) => {
            mend += 1;
            println!("MEND  {part}: {what}\n      → {remedy}");
        }
    };
    let running = is_running(&config).await;
    tell("ports", ports(&config, running));
    tell("data", data(&config).await);
    let models = Models::resolve(config.models.configured_dir());
    let missing = models.verify();
    match missing.first() {
        Some(first) => {
            let remedy = "run `switchboard models fetch`";
            tell("models", Mend(format!("{first} ({} in all)", missing.len()), remedy.into()));
        }
        None => {
            tell("models", Good(format!("all are in {}", models.dir().display())));
            tell("speech", speech(&config, &models).await);
            if let (true, Some(missing)) = (config.speech.melody, models.verify_optional().first()) {
                let remedy = "`switchboard models fetch` brings it";
                tell("melody", Good(format!("off, words alone tell whether a caller goes on: {missing}; {remedy}")));
            }
        }
    }
    tell("knowledge", knowledge(&config, &models).await);
    tell("writer", writer::tried(&config).await);
    tell("dialplan", dialplan(&config));
    tell("escalation", escalation(&config));
    tell("emergency calls", emergency(&config));
    for (part, finding) in certificates::ours(&config) {
        tell(part, finding);
    }
    for (part, finding) in email::all(&config, &SystemDns).await {
        tell(&part, finding);
    }
    if config.sip.trunks.is_empty() {
        tell("trunks", Good("none configured; calls from this machine need none".into()));
    }
    for trunk in &config.sip.trunks {
        tell(&format!("trunk {}", trunk.name), reaches(trunk).await);
    }
    if call {
        for (part, finding) in own_call::all(&config, running).await {
            tell(&part, finding);
        }
    }
    mend
}

/// Whether this installation's server answers on its HTTP address.
async fn is_running(config: &Config) -> bool {
    let http = config.http.listen;
    if config.http.is_https() {
        // Its certificate is in another name than this address.
        return tokio::net::TcpStream::connect(http).await.is_ok();
    }
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build();
    let Ok(client) = client else { return false };
    client.get(format!("http://{http}/health")).send().await.is_ok_and(|answer| answer.status().is_success())
}

fn ports(config: &Config, running: bool) -> Finding {
    if running {
        return Good(format!("Switchboard is running: http://{}/ says that calls can be taken", config.http.listen));
    }
    let sip = config.sip.listen;
    let taken = [
        UdpSocket::bind(sip).err().map(|error| format!("UDP {sip} ({error})")),
        TcpListener::bind(sip).err().map(|error| format!("TCP {sip} ({error})")),
        TcpListener::bind(config.http.listen).err().map(|error| format!("HTTP {} ({error})", config.http.listen)),
    ];
    let taken: Vec<String> = taken.into_iter().flatten().collect();
    if !taken.is_empty() {
        let remedy = "end the program that uses it, or choose another sip.listen or http.listen";
        return Mend(format!("cannot be used: {}", taken.join(", ")), remedy.into());
    }
    let range = config.media.rtp_ports;
    let free = (range.first..=range.last)
        .filter(|port| port % 2 == 0)
        .take(PORTS_TRIED)
        .filter(|port| UdpSocket::bind((sip.ip(), *port)).is_ok())
        .count();
    if free == 0 {
        let remedy = "widen media.rtp_ports, or end the program that uses them";
        return Mend(format!("no RTP port of {range} is free"), remedy.into());
    }
    Good(format!("SIP {sip}, HTTP {}, RTP {range} are free", config.http.listen))
}

async fn data(config: &Config) -> Finding {
    let options = SqliteOptions {
        file: config.database_file(),
        readers: 1,
        busy_timeout: Duration::from_millis(config.store.busy_timeout_ms),
    };
    let remedy = format!("make {} writable for this user, or name another data_dir", config.data_dir.display());
    match SqliteStore::open(&options).await {
        Err(error) => Mend(error.to_string(), remedy),
        Ok(store) => match store.ping().await {
            Ok(()) => Good(format!("{} can be written", config.database_file().display())),
            Err(error) => Mend(error.to_string(), remedy),
        },
    }
}

/// Says a sentence and listens to it: both models at once, and how long they take here.
async fn speech(config: &Config, models: &Models) -> Finding {
    let remedy = || "run `switchboard models fetch` on this machine".to_owned();
    let (config, models, providers) = (config.clone(), models.clone(), config.providers.clone());
    let loaded = tokio::task::spawn_blocking(move || app::speech::local(&config.speech, &models)).await;
    let speech = match loaded {
        Ok(Ok(local)) => match local.configured(&providers, tokio::runtime::Handle::current()) {
            Ok(speech) => speech,
            Err(error) => return Mend(error.to_string(), "mend the [providers] section".into()),
        },
        Ok(Err(error)) => return Mend(error.to_string(), remedy()),
        Err(error) => return Mend(error.to_string(), remedy()),
    };
    let began = Instant::now();
    let mut stream = speech.phrases.speak(TtsRequest { text: TRIED_SENTENCE.to_owned(), speed: 1.0, voice: None });
    let mut samples: Vec<i16> = Vec::new();
    while let Some(chunk) = stream.recv().await {
        match chunk {
            Ok(chunk) => samples.extend_from_slice(&chunk.clip),
            Err(error) => return Mend(error.to_string(), remedy()),
        }
    }
    let spoke_ms = began.elapsed().as_millis();
    match understood(&*speech.stt, &samples).await {
        Some((text, took_ms)) if text.to_lowercase().contains("lamp") => {
            Good(format!("spoken in {spoke_ms} ms and understood in {took_ms:.0} ms"))
        }
        Some((text, _)) => Mend(format!("\"{TRIED_SENTENCE}\" was understood as \"{text}\""), remedy()),
        None => Mend("nothing was recognised".into(), remedy()),
    }
}

async fn understood(stt: &dyn crate::seams::stt::Stt, samples: &[i16]) -> Option<(String, f32)> {
    let mut session = stt.open().ok()?;
    let mut first = true;
    for chunk in samples.chunks_exact(media::FRAME_SAMPLES) {
        let mut frame = media::Frame::SILENCE;
        frame.0.copy_from_slice(chunk);
        session.input.push(&frame);
        if std::mem::take(&mut first) {
            session.input.begin(HeardId(1), 0);
        }
    }
    session.input.transcribe(Want::Final);
    let answer = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match session.events.recv().await? {
                SttEvent::Transcript { want: Want::Final, text, took_ms, .. } => return Some((text, took_ms)),
                SttEvent::Transcript { .. } => {}
                SttEvent::Failed(_) => return None,
            }
        }
    });
    answer.await.ok().flatten()
}

async fn knowledge(config: &Config, models: &Models) -> Finding {
    let Some(folder) = config.agent.knowledge.clone() else {
        return Mend(
            "there is none: every question becomes a ticket".into(),
            "name a folder of Markdown with --knowledge or agent.knowledge; `switchboard sample DIR` writes one".into(),
        );
    };
    let loaded = match knowledge_folder::load(&folder, default_sensitivity) {
        Ok(loaded) => loaded,
        Err(error) => return Mend(error.to_string(), "name a folder of Markdown files".into()),
    };
    if let Some(problem) = loaded.problems.first() {
        return Mend(format!("left out: {problem}"), "mend the line; the rest is used meanwhile".into());
    }
    let entries = loaded.entries.len();
    let models = models.clone();
    let indexed = tokio::task::spawn_blocking(move || {
        let embedder = MiniLm::open(&models)?;
        Desk::new(Some(Arc::new(embedder))).set_knowledge(app::business::UNSTORED, loaded.entries)
    });
    match indexed.await {
        Ok(Ok(())) if entries > 0 => Good(format!("{entries} entries of {} files", loaded.files)),
        Ok(Ok(())) => Mend(format!("no entries in {}", folder.display()), "write `## Question` and its answer".into()),
        Ok(Err(error)) => Mend(error.to_string(), "run `switchboard models fetch`".into()),
        Err(error) => Mend(error.to_string(), "report this with the knowledge folder".into()),
    }
}

fn dialplan(config: &Config) -> Finding {
    let Some(folder) = &config.dialplans else {
        return Good("none; every call goes to the agent".into());
    };
    match super::dialplan::read(folder, config) {
        Ok(loaded) => {
            let counted = format!("{} routes of {} files", loaded.plan.routes.len(), loaded.files);
            Good([vec![counted], loaded.notes].concat().join("\n      "))
        }
        Err(error) => Mend(format!("it cannot be used\n{error}"), "mend these lines; calls go on meanwhile".into()),
    }
}

fn escalation(config: &Config) -> Finding {
    let ladder = match config.hand_over() {
        Ok(hand_over) => hand_over.escalation,
        // The configuration was refused before, with all that is wrong.
        Err(_) => return Mend("the ladder cannot be used".into(), "mend [escalation]".into()),
    };
    let rings: Vec<&Target> = ladder.ladder.iter().flat_map(|rung| rung.action.targets()).collect();
    let people = ladder.people.iter().flat_map(|person| &person.destinations);
    let dialled = rings.iter().copied().chain(people).any(|target| matches!(target, Target::Number(_)));
    if rings.is_empty() {
        return Good("nobody is rung; cases become tickets".into());
    }
    if dialled && !config.sip.trunks.iter().any(|trunk| trunk.register || !trunk.host.is_empty()) {
        return Mend("a telephone number needs a trunk to go out by".into(), "add one under [[sip.trunks]]".into());
    }
    Good(match ladder.ladder.len() {
        _ if config.agent.escalate_to.is_some() => format!("{} is rung", String::from(rings[0].clone())),
        rungs => format!("a ladder of {rungs} rungs is configured; the API tells the one in use"),
    })
}

/// Whether our own phones can call for help (R57).
fn emergency(config: &Config) -> Finding {
    let numbers = config.sip.emergency_numbers.join(", ");
    match &config.sip.emergency_trunk {
        Some(trunk) => Good(format!("{numbers} go out by trunk {trunk}")),
        None if config.sip.phones.is_empty() => Good("no phones of ours, from which any could come".into()),
        None => Mend(
            format!("{numbers} cannot be called from our phones"),
            "name the trunk that carries them in sip.emergency_trunk, and tell your staff until then".into(),
        ),
    }
}

/// Asks the trunk whether it is there (OPTIONS, RFC 3261 §11); any answer will do.
async fn reaches(trunk: &TrunkConfig) -> Finding {
    if trunk.host.is_empty() {
        return Good("calls in only; nothing to reach".into());
    }
    let remedy = format!("check host, port and firewall of sip.trunks \"{}\"", trunk.name);
    let port = if trunk.transport == TransportName::Tls { 5061 } else { 5060 };
    let host = if trunk.host.contains(':') { trunk.host.clone() } else { format!("{}:{port}", trunk.host) };
    let address = match lookup_host(&host).await.map(|mut found| found.next()) {
        Ok(Some(address)) => address,
        Ok(None) => return Mend(format!("{host} has no address"), remedy),
        Err(error) => return Mend(format!("{host} cannot be resolved: {error}"), remedy),
    };
    let began = Instant::now();
    let reached = match trunk.transport {
        TransportName::Tls => return certificates::trunk(trunk, address).await,
        TransportName::Tcp => {
            tokio::time::timeout(TRUNK_ANSWERS, tokio::net::TcpStream::connect(address)).await.is_ok_and(|c| c.is_ok())
        }
        TransportName::Udp | TransportName::Ws | TransportName::Wss => options(address).await.unwrap_or(false),
    };
    if reached {
        Good(format!("{host} answers after {} ms", began.elapsed().as_millis()))
    } else {
        Mend(format!("{host} ({address}) does not answer within {} s", TRUNK_ANSWERS.as_secs()), remedy)
    }
}

async fn options(address: SocketAddr) -> std::io::Result<bool> {
    let socket = tokio::net::UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
    socket.connect(address).await?;
    let local = socket.local_addr()?;
    let mark = uuid::Uuid::now_v7().simple().to_string();
    let message = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{mark}\r\nMax-Forwards: 70\r\n\
         From: <sip:check@{local}>;tag={mark}\r\nTo: <sip:{address}>\r\nCall-ID: {mark}\r\nCSeq: 1 OPTIONS\r\n\
         Contact: <sip:check@{local}>\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    );
    let mut answer = [0; 2048];
    for _ in 0..4 {
        socket.send(message.as_bytes()).await?;
        let received = tokio::time::timeout(TRUNK_ANSWERS / 4, socket.recv(&mut answer)).await;
        if let Ok(Ok(length)) = received {
            return Ok(answer[..length].starts_with(b"SIP/2.0 "));
        }
    }
    Ok(false)
}

/// What the models are tried with.
const TRIED_SENTENCE: &str = "The lamp arrives on Monday at nine.";
/// RTP ports that are tried: enough to see whether the range is blocked.
const PORTS_TRIED: usize = 50;
/// A trunk answers within this time or is not there.
const TRUNK_ANSWERS: Duration = Duration::from_secs(4);
