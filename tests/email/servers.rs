//! Dovecot and Postfix in a folder of their own, ended with the test.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Mailboxes that exist; everybody's password is `secret`.
pub const MAILBOXES: &[&str] = &["support@example.com", "billing@example.com", "team@example.com", "ann@shop.example"];

/// Both servers.
pub struct MailServers {
    folder: tempfile::TempDir,
    dovecot: Child,
    postfix: Child,
    /// IMAP without encryption.
    pub imap: u16,
    /// IMAP by TLS.
    pub imaps: u16,
    /// SMTP; STARTTLS is offered.
    pub smtp: u16,
    /// The certificate of both, in PEM form; it is its own authority.
    pub certificate: String,
}

impl MailServers {
    /// Starts them and waits until they greet; `None`, with a printed reason, where they cannot be run.
    pub async fn start() -> Option<MailServers> {
        let programs = ["/usr/sbin/dovecot", "/usr/sbin/postfix"];
        if let Some(missing) = programs.iter().find(|program| !Path::new(program).exists()) {
            eprintln!("skipped: {missing} is not installed");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: Postfix is run by root alone");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let certificate = certified.cert.pem();
        fs::write(path.join("certificate.pem"), &certificate).unwrap();
        fs::write(path.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
        let ports = free_ports();
        let dovecot = start_dovecot(&path, &ports);
        let postfix = start_postfix(&path, &ports);
        let [imap, imaps, _, _, smtp] = ports;
        let servers = MailServers { folder, dovecot, postfix, imap, imaps, smtp, certificate };
        for port in [imap, smtp] {
            servers.until_greeted(port).await;
        }
        Some(servers)
    }

    async fn until_greeted(&self, port: u16) {
        for _ in 0..600 {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                let mut line = String::new();
                let _ = BufReader::new(stream).read_line(&mut line).await;
                if line.starts_with("* OK") || line.starts_with("220") {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no greeting on port {port}:\n{}", self.logs());
    }

    /// What the servers wrote, for a test that fails.
    pub fn logs(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        ["dovecot.log", "postfix.log"].map(read).join("\n")
    }

    /// Hands a mail to Postfix as its sender's server would.
    pub async fn mail(&self, from: &str, to: &str, mail: &str) {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.smtp)).await.unwrap();
        let mut stream = BufReader::new(stream);
        let stuffed = mail.replace("\r\n", "\n").replace("\n.", "\n..").replace('\n', "\r\n");
        let steps = [
            String::new(),
            "HELO shop.example\r\n".into(),
            format!("MAIL FROM:<{from}>\r\n"),
            format!("RCPT TO:<{to}>\r\n"),
            "DATA\r\n".into(),
            format!("{stuffed}\r\n.\r\n"),
        ];
        for step in steps {
            stream.get_mut().write_all(step.as_bytes()).await.unwrap();
            let mut reply = String::new();
            stream.read_line(&mut reply).await.unwrap();
            assert!(reply.starts_with(['2', '3']), "{step:?} was answered {reply:?}");
        }
    }

    /// Puts bytes into a mailbox as they are: what no mail server would pass on.
    pub fn drop_into(&self, mailbox: &str, name: &str, bytes: &[u8]) {
        let folder = self.maildir(mailbox);
        for part in ["cur", "new", "tmp"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).unwrap();
            own_by_mail(&part);
        }
        own_by_mail(&folder);
        let written = folder.join("tmp").join(name);
        fs::write(&written, bytes).unwrap();
        own_by_mail(&written);
        fs::rename(written, folder.join("new").join(name)).unwrap();
    }

    /// All mails of a mailbox, oldest first.
    pub fn mails(&self, mailbox: &str) -> Vec<Vec<u8>> {
        let mut found: Vec<PathBuf> = ["cur", "new"]
            .iter()
            .filter_map(|part| fs::read_dir(self.maildir(mailbox).join(part)).ok())
            .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
            .collect();
        found.sort_by_key(|path| delivered_at(path));
        found.iter().filter_map(|path| fs::read(path).ok()).collect()
    }

    /// Waits until nobody is signed in for reading.
    pub async fn until_nobody_reads(&self) {
        for _ in 0..600 {
            let config = self.folder.path().join("dovecot.conf");
            let who = Command::new("/usr/bin/doveadm").arg("-c").arg(config).args(["who", "-1"]).output().unwrap();
            if !String::from_utf8_lossy(&who.stdout).lines().any(|line| line.contains(" imap ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("somebody reads still:\n{}", self.logs());
    }

    /// Forgets which numbers the mails have, as a server does that was restored: they get a new UIDVALIDITY.
    pub fn number_anew(&self, mailbox: &str) {
        for entry in fs::read_dir(self.maildir(mailbox)).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(path).unwrap();
            }
        }
        // By itself the server takes the second it is in, which may be the one before.
        let list = self.maildir(mailbox).join("dovecot-uidlist");
        fs::write(&list, "3 V7 N1 G3085f01b7f11094c501100008c4a11c1\n").unwrap();
        own_by_mail(&list);
    }

    fn maildir(&self, mailbox: &str) -> PathBuf {
        self.folder.path().join("mail").join(mailbox)
    }
}

impl Drop for MailServers {
    fn drop(&mut self) {
        // Postfix's own script waits for its master, which writes down who it is.
        let master = fs::read_to_string(self.folder.path().join("queue/pid/master.pid")).unwrap_or_default();
        let children = [master.trim().parse().ok(), i32::try_from(self.dovecot.id()).ok()];
        for pid in children.into_iter().flatten().filter_map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.postfix.wait();
        let _ = self.dovecot.wait();
    }
}

/// IMAP, IMAP by TLS, LMTP, authentication, SMTP.
fn free_ports() -> [u16; 5] {
    let listeners: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    std::array::from_fn(|index| listeners[index].local_addr().unwrap().port())
}

/// Seconds and microseconds, as they stand in the name of a file of a Maildir: `1700000000.M42P7.host`.
fn delivered_at(path: &Path) -> (u64, u64) {
    let name = path.file_name().unwrap().to_string_lossy();
    let mut parts = name.split('.');
    let seconds = parts.next().and_then(|part| part.parse().ok()).unwrap_or_default();
    let micros = parts.next().and_then(|part| part.strip_prefix('M')?.split('P').next()?.parse().ok());
    (seconds, micros.unwrap_or_default())
}

fn own_by_mail(path: &Path) {
    let user = MAIL_USER;
    std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
}

fn start_dovecot(path: &Path, [imap, imaps, lmtp, auth, _]: &[u16; 5]) -> Child {
    for name in ["mail", "run", "state"] {
        fs::create_dir(path.join(name)).unwrap();
    }
    own_by_mail(&path.join("mail"));
    let folder = path.display();
    let users: Vec<String> = MAILBOXES
        .iter()
        .map(|mailbox| format!("{mailbox}:{{PLAIN}}secret:{MAIL_USER}:{MAIL_USER}::{folder}/mail/{mailbox}::\n"))
        .collect();
    fs::write(path.join("users"), users.concat()).unwrap();
    let config = format!(
        "base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Lu
recipient_delimiter = +
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener {{
    port = {auth}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"
    );
    fs::write(path.join("dovecot.conf"), config).unwrap();
    Command::new("/usr/sbin/dovecot").arg("-F").arg("-c").arg(path.join("dovecot.conf")).spawn().unwrap()
}

fn start_postfix(path: &Path, [_, _, lmtp, auth, smtp]: &[u16; 5]) -> Child {
    for name in ["conf", "queue", "data"] {
        fs::create_dir(path.join(name)).unwrap();
    }
    let owned = Command::new("chown").arg("postfix").arg(path.join("data")).status().unwrap();
    assert!(owned.success());
    let folder = path.display();
    let main = format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_recipient_maps =
recipient_delimiter = +
virtual_mailbox_domains = example.com, shop.example
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_sasl_auth_enable = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
disable_dns_lookups = yes
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
default_database_type = hash
alias_maps =
alias_database =
"
    );
    fs::write(path.join("conf/main.cf"), main).unwrap();
    let services = "cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";
    fs::write(path.join("conf/master.cf"), format!("127.0.0.1:{smtp} inet n - n - - smtpd\n{services}")).unwrap();
    fs::write(path.join("conf/dynamicmaps.cf"), "").unwrap();
    Command::new("/usr/sbin/postfix")
        .arg("-c")
        .arg(path.join("conf"))
        .arg("start-fg")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The user `mail` of Debian.
const MAIL_USER: u32 = 8;
