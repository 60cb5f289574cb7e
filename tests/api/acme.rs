//! Certificates by ACME, from a real authority: Pebble, which looks at our port as the public ones do (R46).

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use switchboard::certificates::{Acme, inspect};
use switchboard::config::http::{AcmeConfig, HttpConfig};
use switchboard::http::Server;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::certificates::Authority;

/// Pebble with a name server for which every name leads to this machine. Both end with it.
struct Pebble {
    processes: Vec<Child>,
    folder: TempDir,
    directory: String,
    authority: Authority,
    /// At which port of ours it looks.
    port: u16,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let within = tokio::time::timeout(Duration::from_secs(60), async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    within.await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

impl Pebble {
    /// `None`, with a word, where it is not installed.
    async fn start() -> Option<Pebble> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        let own = authority.issue(&["localhost", "127.0.0.1"]);
        let [api, management, names, tests, port] = [(); 5].map(|()| free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{api}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": own.certificate, "privateKey": own.key, "httpPort": free_port(), "tlsPort": port,
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let mut servers = Command::new("pebble-challtestsrv");
        servers.args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        servers.args(["-dns01", &format!("127.0.0.1:{names}"), "-management", &format!("127.0.0.1:{tests}")]);
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(&file).args(["-dnsserver", &format!("127.0.0.1:{names}")]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1");
        let start = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let (Ok(servers), Ok(pebble)) = (start(&mut servers), start(&mut pebble)) else {
            println!("skipped: pebble is not installed (Debian: pebble)");
            return None;
        };
        let processes = vec![servers, pebble];
        let directory = format!("https://localhost:{api}/dir");
        until("the authority answers", async || answers(api).await && answers(tests).await).await;
        Some(Pebble { processes, folder, directory, authority, port })
    }

    fn config(&self, names: &[&str]) -> AcmeConfig {
        AcmeConfig {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            contact: Some("ops@desk.example.com".into()),
            accept_terms: true,
            directory: Some(self.directory.clone()),
            ca_file: Some(self.authority.file()),
        }
    }

    fn kept_in(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Our server at the port at which it looks.
    async fn serve(&self, names: &[&str], folder: &Path) -> CancellationToken {
        let listen = SocketAddr::from(([127, 0, 0, 1], self.port));
        let config = HttpConfig { listen, acme: self.config(names), ..HttpConfig::default() };
        let server = Server::bind(&config, folder).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(server.run(axum::Router::new(), shutdown.clone()));
        shutdown
    }

    /// The certificate that our server shows, whoever vouches for it.
    async fn shown(&self) -> Vec<u8> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .tls_info(true)
            .resolve("desk.example.com", address)
            .build()
            .unwrap();
        let url = format!("https://desk.example.com:{}/", self.port);
        let response = client.get(url).send().await.unwrap();
        let shown = response.extensions().get::<reqwest::tls::TlsInfo>().and_then(|tls| tls.peer_certificate());
        shown.unwrap().to_vec()
    }
}

/// R46: asked for once, shown at once, kept over a restart, and asked for anew when another name is to be in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_asked_for_and_kept() {
    let Some(pebble) = Pebble::start().await else { return };
    let folder = pebble.kept_in("desk");
    let running = pebble.serve(&["desk.example.com"], &folder).await;
    let facts = async || inspect(&pebble.shown().await.into()).unwrap();
    until("a certificate of the authority is shown", async || !facts().await.self_signed).await;
    let first = pebble.shown().await;
    assert_eq!(facts().await.names, ["desk.example.com"]);
    for file in ["certificate.pem", "account.json"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} is read by nobody else");
    }
    let account = std::fs::read(folder.join("account.json")).unwrap();

    running.cancel();
    until("the port is free", async || !answers(pebble.port).await).await;
    let running = pebble.serve(&["desk.example.com"], &folder).await;
    assert_eq!(pebble.shown().await, first, "it is not asked for twice");

    running.cancel();
    until("the port is free", async || !answers(pebble.port).await).await;
    let _running = pebble.serve(&["desk.example.com", "support.example.com"], &folder).await;
    until("both names are in it", async || facts().await.names_host("support.example.com")).await;
    assert_eq!(std::fs::read(folder.join("account.json")).unwrap(), account, "the account stays");
}

/// R46: what the authority found out is told, and what is in use stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ours_is_told_with_the_reason() {
    let Some(pebble) = Pebble::start().await else { return };
    let folder = pebble.kept_in("elsewhere");
    // Nobody listens where the authority looks.
    let acme = Acme::open(pebble.config(&["elsewhere.example.com"]), &folder).unwrap();
    let before = acme.kept().current().cert[0].clone();
    let told = acme.renew().await.unwrap_err().to_string();
    assert!(told.contains("elsewhere.example.com") && told.contains("port 443"), "{told}");
    assert_eq!(acme.kept().current().cert[0], before);
}
