//! One browser's connectivity: ICE in its light form (RFC 8445 §2.5), as an answering server needs it.
//!
//! 1. The browser checks our addresses with requests signed by the password that the answer gave it. Whoever signs so
//!    is the browser, wherever it writes from; nobody else gets an answer.
//! 2. The address from which it nominates a pair is where we send. It may nominate another one at any time.
//! 3. After a change of its network it restarts: both sides give new credentials, checks come from the new address, and
//!    the old one is used until a new one is nominated. Keys and audio know nothing of it.
//! 4. It goes on checking as long as the call lasts (RFC 7675). When that stops, the call is lost after a while, and
//!    nothing more is sent.

use std::net::SocketAddr;
use std::time::Instant;

use arrayvec::ArrayVec;

use super::stun::{self, Answer, Request};

/// Addresses of one browser that are known at a time: every pair it tries comes from one of a few.
pub const ADDRESSES_MAX: usize = 8;

/// What one side signs with, and is known by.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The fragment of the user name, 4 to 256 letters.
    pub ufrag: String,
    /// The password, 22 to 256 letters.
    pub password: String,
}

/// The agent of one call.
pub struct Agent {
    local: Credentials,
    /// The browser's fragment, which checks name after ours.
    remote_ufrag: String,
    /// The ones before a restart, good until the browser nominates by the new ones.
    before: Option<(Credentials, String)>,
    addresses: ArrayVec<SocketAddr, ADDRESSES_MAX>,
    selected: Option<SocketAddr>,
    heard_at: Instant,
}

/// What becomes of a check.
#[derive(Debug)]
pub struct Checked {
    /// What to send back.
    pub answer: Answer,
    /// The sender is proven to be the browser, at an address not known before.
    pub is_new: bool,
    /// The address that gave way to it, where too many were known.
    pub forgotten: Option<SocketAddr>,
    /// Audio goes to the sender from now on.
    pub is_selected: bool,
}

impl Agent {
    /// Waits for the first check.
    pub fn new(now: Instant, local: Credentials, remote_ufrag: String) -> Agent {
        let addresses = ArrayVec::new();
        Agent { local, remote_ufrag, before: None, addresses, selected: None, heard_at: now }
    }

    /// New credentials of both sides, after a change of the browser's network.
    pub fn restart(&mut self, local: Credentials, remote_ufrag: String) {
        let local = std::mem::replace(&mut self.local, local);
        let remote_ufrag = std::mem::replace(&mut self.remote_ufrag, remote_ufrag);
        self.before = Some((local, remote_ufrag));
    }

    /// The fragments of ours by which checks may name us.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        [Some(&self.local), self.before.as_ref().map(|(local, _)| local)]
            .into_iter()
            .flatten()
            .map(|c| c.ufrag.as_str())
    }

    /// A check; `None` where it is not the browser's.
    pub fn handle_check(&mut self, now: Instant, from: SocketAddr, request: &Request<'_>) -> Option<Checked> {
        let (ours, theirs) = request.username.split_once(':')?;
        let is_current = ours == self.local.ufrag && theirs == self.remote_ufrag;
        let credentials = match &self.before {
            _ if is_current => &self.local,
            Some((local, remote)) if ours == local.ufrag && theirs == remote => local,
            _ => return None,
        };
        if !request.is_signed_by(&credentials.password) {
            return None;
        }
        let refuse = |answer| Checked { answer, is_new: false, forgotten: None, is_selected: false };
        if !request.unknown.is_empty() {
            let answer = stun::unknown_attributes(&request.transaction, &request.unknown, &credentials.password);
            return Some(refuse(answer));
        }
        if request.is_controlled {
            // A light agent controls nothing: it is always for the browser to change its mind.
            return Some(refuse(stun::role_conflict(&request.transaction, &credentials.password)));
        }
        let answer = stun::success(&request.transaction, from, &credentials.password);
        self.heard_at = now;
        let is_new = !self.addresses.contains(&from);
        let forgotten = if is_new { self.learn(from) } else { None };
        // Checks by the old credentials may still come from the old address; they choose nothing any more.
        let is_selected = request.use_candidate && is_current && self.selected != Some(from);
        if request.use_candidate && is_current {
            self.selected = Some(from);
            self.before = None;
        }
        Some(Checked { answer, is_new, forgotten, is_selected })
    }

    fn learn(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        let forgotten = if self.addresses.is_full() {
            let at = self.addresses.iter().position(|known| Some(*known) != self.selected)?;
            self.addresses.pop_at(at)
        } else {
            None
        };
        self.addresses.push(address);
        forgotten
    }

    /// The addresses that are proven to be the browser's.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where audio goes.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// When the browser last showed that it is there.
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str) -> Credentials {
        Credentials { ufrag: name.into(), password: format!("{name}-password-long-enough") }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn agent() -> Agent {
        Agent::new(Instant::now(), credentials("us"), "them".into())
    }

    fn send(agent: &mut Agent, from: &str, check: &[u8]) -> Option<Checked> {
        agent.handle_check(Instant::now(), address(from), &stun::parse(check).unwrap())
    }

    fn check(name: &str, theirs: &str, use_candidate: bool) -> Vec<u8> {
        stun::check(&format!("{name}:{theirs}"), &credentials(name).password, use_candidate, false)
    }

    #[test]
    fn the_address_that_the_browser_nominates_is_sent_to() {
        let mut agent = agent();
        let checked = send(&mut agent, "192.0.2.1:1000", &check("us", "them", false)).unwrap();
        assert!(checked.is_new && !checked.is_selected && agent.selected().is_none());
        let checked = send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).unwrap();
        assert!(!checked.is_new && checked.is_selected);
        assert_eq!(agent.selected(), Some(address("192.0.2.1:1000")));
    }

    /// M5: wrong integrity, wrong names.
    #[test]
    fn who_does_not_know_the_password_gets_no_answer() {
        let mut agent = agent();
        let forged = stun::check("us:them", "another-password-long-enough", true, false);
        assert!(send(&mut agent, "198.51.100.1:1", &forged).is_none());
        assert!(send(&mut agent, "198.51.100.1:1", &check("other", "them", true)).is_none());
        assert!(send(&mut agent, "198.51.100.1:1", &check("us", "others", true)).is_none());
        assert!(agent.addresses().is_empty() && agent.selected().is_none());
    }

    /// M5: a storm of role conflicts is answered each time, and changes nothing.
    #[test]
    fn role_conflicts_are_for_the_browser_to_mend() {
        let mut agent = agent();
        send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).unwrap();
        for port in 1..1000 {
            let conflict = stun::check("us:them", &credentials("us").password, true, true);
            let checked = send(&mut agent, &format!("192.0.2.9:{port}"), &conflict).unwrap();
            assert_eq!(&checked.answer[..2], [0x01, 0x11]);
            assert!(!checked.is_new && !checked.is_selected);
        }
        assert_eq!(agent.selected(), Some(address("192.0.2.1:1000")));
    }

    #[test]
    fn after_a_restart_the_old_path_is_used_until_a_new_one_is_nominated() {
        let mut agent = agent();
        send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).unwrap();
        agent.restart(credentials("again"), "they".into());
        assert!(send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).is_some());
        assert_eq!(agent.selected(), Some(address("192.0.2.1:1000")));
        send(&mut agent, "203.0.113.5:7", &check("again", "they", false)).unwrap();
        assert_eq!(agent.selected(), Some(address("192.0.2.1:1000")));
        assert!(send(&mut agent, "203.0.113.5:7", &check("again", "they", true)).unwrap().is_selected);
        assert_eq!(agent.selected(), Some(address("203.0.113.5:7")));
        assert!(send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).is_none(), "the old ones are gone");
    }

    #[test]
    fn of_many_addresses_the_chosen_one_is_kept() {
        let mut agent = agent();
        send(&mut agent, "192.0.2.1:1000", &check("us", "them", true)).unwrap();
        for port in 1..50 {
            send(&mut agent, &format!("192.0.2.9:{port}"), &check("us", "them", false)).unwrap();
        }
        assert!(agent.addresses().contains(&address("192.0.2.1:1000")));
        assert_eq!(agent.addresses().len(), ADDRESSES_MAX);
    }
}
