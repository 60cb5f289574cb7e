//! Hosts of our own on one machine: network namespaces joined by cables, and routers that translate addresses.
//!
//! Nothing of it is seen by, or reaches, the network of the machine itself.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One host, which is gone with its value.
pub struct Host {
    name: String,
}

impl Host {
    /// A host with nothing but its loopback; `None`, with the reason printed, where hosts cannot be made.
    pub fn new() -> Option<Host> {
        static HOSTS: AtomicU32 = AtomicU32::new(0);
        let name = format!("switchboard-{}-{}", std::process::id(), HOSTS.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).stderr(Stdio::null()).status();
        let host = Host { name };
        // A kernel without address translation, or a user who may not, is found out here.
        let mut translates = host.command("iptables");
        translates.args(["-t", "nat", "-L", "-n"]).stdout(Stdio::null()).stderr(Stdio::null());
        if !made.is_ok_and(|made| made.success()) || !translates.status().is_ok_and(|found| found.success()) {
            println!("skipped: network namespaces need root, `ip` and `iptables` (Debian: iproute2, iptables)");
            return None;
        }
        host.run("ip link set lo up");
        Some(host)
    }

    /// A program that runs on this host.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Does this on this host: sockets that it opens belong there for ever.
    pub fn enter<T: Send>(&self, deed: impl FnOnce() -> T + Send) -> T {
        let there = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                deed()
            });
            visitor.join().unwrap()
        })
    }

    /// A cable to another host. Both ends are named `wire`; each has its address with the length of the network.
    pub fn wire(&self, address: &str, other: &Host, others_address: &str, wire: &str) {
        let ends = format!("link add {wire} netns {} type veth peer name {wire} netns {}", self.name, other.name);
        run(Command::new("ip").args(ends.split(' ')), &ends);
        for (host, address) in [(self, address), (other, others_address)] {
            host.run(&format!("ip address add {address} dev {wire}"));
            host.run(&format!("ip link set {wire} up"));
        }
    }

    /// Where everything goes that is not near.
    pub fn default_route(&self, gateway: &str) {
        self.run(&format!("ip route add default via {gateway}"));
    }

    /// Passes packets on between its cables.
    pub fn forwards(&self) {
        run(self.command("sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]), "forwarding");
    }

    /// Writes its own address into packets that leave by this cable, and lets in only what answers them (RFC 4787).
    pub fn masquerades(&self, wire: &str, mapping: Mapping) {
        self.forwards();
        let ports = if mapping == Mapping::EachDestinationItsOwn { " --random-fully" } else { "" };
        self.run(&format!("iptables -t nat -A POSTROUTING -o {wire} -j MASQUERADE{ports}"));
    }

    /// Stands with this public address for one host behind it.
    pub fn stands_for(&self, wire: &str, public: &str, private: &str) {
        self.forwards();
        self.run(&format!("iptables -t nat -A PREROUTING -i {wire} -d {public} -j DNAT --to-destination {private}"));
        self.run(&format!("iptables -t nat -A POSTROUTING -o {wire} -s {private} -j SNAT --to-source {public}"));
    }

    /// Counts from now on what leaves by this cable, and every name that is asked for anywhere.
    pub fn counts_packets(&self, wire: &str) {
        self.run(&format!("iptables -A OUTPUT -o {wire}"));
        self.run("iptables -A OUTPUT -o lo -p udp --dport 53");
    }

    /// How many packets that was.
    pub fn packets_counted(&self) -> u64 {
        let told = self.command("iptables").args(["-L", "OUTPUT", "-v", "-x", "-n"]).output().unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.lines().skip(2).map(|line| line.split_whitespace().next().unwrap().parse::<u64>().unwrap()).sum()
    }

    fn run(&self, line: &str) {
        let mut words = line.split(' ');
        run(self.command(words.next().unwrap()).args(words), line);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).stderr(Stdio::null()).status();
    }
}

/// How a translator chooses the port that the world sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// The same for all destinations (port-restricted).
    Kept,
    /// Another for each destination (symmetric): what one learns of it is of no use to another.
    EachDestinationItsOwn,
}

/// Where a process runs, and its address there.
#[derive(Clone)]
pub struct Place {
    host: Option<Arc<Host>>,
    pub address: Ipv4Addr,
}

impl Place {
    /// On a host of our own.
    pub fn on(host: &Arc<Host>, address: Ipv4Addr) -> Place {
        Place { host: Some(host.clone()), address }
    }

    /// A program that runs there.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match &self.host {
            Some(host) => host.command(program),
            None => Command::new(program),
        }
    }

    /// A connection to a port of the loopback there.
    pub fn connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        match &self.host {
            Some(host) => host.enter(connect),
            None => connect(),
        }
    }
}

/// Lets programs at one place reach a port of another's loopback as if it were their own.
pub fn door(from: &Place, to: &Place, port: u16) {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let listener = match &from.host {
        Some(host) => host.enter(listen),
        None => listen(),
    };
    let to = to.clone();
    // Ends with the process.
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = to.connect(port) else { continue };
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
}

impl Default for Place {
    /// This machine's loopback.
    fn default() -> Place {
        Place { host: None, address: Ipv4Addr::LOCALHOST }
    }
}

/// Three places behind translators, which have to live as long.
///
/// ```text
/// caller 10.0.1.2 — symmetric NAT 198.51.100.2 ┐
///                                              internet — 1:1 NAT 203.0.113.7 — we 10.0.0.2
/// phone 10.0.2.2 — port-restricted NAT 192.0.2.2 ┘
/// ```
pub struct World {
    pub ours: Place,
    pub callers: Place,
    pub phones: Place,
    _between: [Host; 4],
}

impl World {
    /// `None`, with the reason printed, where hosts cannot be made.
    pub fn new() -> Option<World> {
        let [ours, callers, phones] = [Host::new()?, Host::new()?, Host::new()?].map(Arc::new);
        let [our_nat, callers_nat, phones_nat, internet] = [Host::new()?, Host::new()?, Host::new()?, Host::new()?];
        internet.forwards();
        for (nat, outside, gateway) in [
            (&our_nat, "203.0.113.7/24", "203.0.113.1"),
            (&callers_nat, "198.51.100.2/24", "198.51.100.1"),
            (&phones_nat, "192.0.2.2/24", "192.0.2.1"),
        ] {
            // One cable each on the internet's side, named after the network.
            let wire = format!("wan{}", gateway.split('.').next().unwrap_or_default());
            internet.wire(&format!("{gateway}/24"), nat, outside, &wire);
            nat.default_route(gateway);
        }
        for (host, inside, nat, gateway) in [
            (&ours, "10.0.0.2/24", &our_nat, "10.0.0.1"),
            (&callers, "10.0.1.2/24", &callers_nat, "10.0.1.1"),
            (&phones, "10.0.2.2/24", &phones_nat, "10.0.2.1"),
        ] {
            host.wire(inside, nat, &format!("{gateway}/24"), "lan");
            host.default_route(gateway);
        }
        our_nat.stands_for("wan203", "203.0.113.7", "10.0.0.2");
        callers_nat.masquerades("wan198", Mapping::EachDestinationItsOwn);
        phones_nat.masquerades("wan192", Mapping::Kept);
        Some(World {
            ours: Place::on(&ours, Ipv4Addr::new(10, 0, 0, 2)),
            callers: Place::on(&callers, Ipv4Addr::new(10, 0, 1, 2)),
            phones: Place::on(&phones, Ipv4Addr::new(10, 0, 2, 2)),
            _between: [our_nat, callers_nat, phones_nat, internet],
        })
    }
}

fn run(command: &mut Command, what: &str) {
    let status = command.status().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(status.success(), "{what}: {status}");
}
