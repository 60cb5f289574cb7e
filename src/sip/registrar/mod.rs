//! Where configured phones can be reached (RFC 3261 §10.3; instances after RFC 5626).
//!
//! 1. The core authenticates a REGISTER and hands its parts to [`Registrar::register`] with the flow it
//!    came by.
//! 2. The outcome says what to answer; nothing was changed unless it is [`Outcome::Registered`].
//! 3. To call a phone, the core takes [`Registrar::bindings`] and sends over each binding's own flow, since a
//!    phone behind NAT hears nothing else (R47).
//!
//! Pure: time comes in. Names of phones come from configuration, so the table is bounded by it.

mod contact;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use contact::{Contact, same_uri};

/// Bounds and times.
#[derive(Clone, Debug)]
pub struct RegistrarRules {
    /// Lifetime of a binding where the phone asks for none, in seconds.
    pub expires_default_s: u32,
    /// Shortest lifetime granted; less is answered 423. Shorter keeps NAT open, at the cost of traffic.
    pub expires_min_s: u32,
    /// Longest lifetime granted; more is cut down. Longer leaves dead phones ringing in vain.
    pub expires_max_s: u32,
    /// Most bindings of one phone. Beyond, the one that ends first makes room: phones that restarted leave
    /// bindings behind.
    pub bindings_max: usize,
}

impl Default for RegistrarRules {
    fn default() -> RegistrarRules {
        RegistrarRules { expires_default_s: 3600, expires_min_s: 60, expires_max_s: 3600, bindings_max: 8 }
    }
}

/// How messages travel on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowTransport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// A TLS connection.
    Tls,
    /// A WebSocket.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

/// The way a registration came, and calls go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Where its packets came from, as seen by us.
    pub remote: SocketAddr,
    /// How.
    pub transport: FlowTransport,
    /// Which connection, where there are connections (the core's own number).
    pub connection: Option<u64>,
}

/// One place where a phone can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The address it gave, as written. Not to be resolved: calls go over `flow`.
    pub uri: String,
    /// Its preference, in thousandths (`q=0.5` is 500).
    pub q_thousandths: u16,
    /// The device (`+sip.instance`), where it names itself.
    pub instance: Option<String>,
    /// The flow's number within the device (`reg-id`).
    pub reg_id: Option<u32>,
    /// The way back.
    pub flow: Flow,
    /// When it ends.
    pub expires_at: Instant,
    call_id: String,
    cseq: u32,
}

impl Binding {
    /// The Request-URI of a call to it: its address without embedded headers, which nobody may inject.
    pub fn request_uri(&self) -> &str {
        self.uri.split('?').next().unwrap_or(&self.uri)
    }

    /// The value of a Contact header of the answer, with the seconds it has left, at least 1.
    fn listed(&self, now: Instant) -> String {
        let left_s = self.expires_at.saturating_duration_since(now).as_secs().max(1);
        let instance = self.instance.as_ref().map_or(String::new(), |name| format!(";+sip.instance={name}"));
        let reg_id = self.reg_id.map_or(String::new(), |number| format!(";reg-id={number}"));
        format!("<{}>{instance}{reg_id};expires={left_s}", self.uri)
    }
}

/// The parts of a REGISTER, already authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Register<'a> {
    /// The phone it is for, by its configured name.
    pub phone: &'a str,
    /// Its Call-ID.
    pub call_id: &'a str,
    /// Its CSeq number.
    pub cseq: u32,
    /// Its Expires header.
    pub expires: Option<&'a str>,
    /// Its Contact values, one entry each. None asks what is registered.
    pub contacts: &'a [&'a str],
    /// How it came.
    pub flow: Flow,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200 with these Contact values: every binding there is now.
    Registered {
        /// One value a header.
        contacts: Vec<String>,
    },
    /// 423 Interval Too Brief with `Min-Expires`.
    TooBrief {
        /// Its value.
        min_expires_s: u32,
    },
    /// 400 with this phrase.
    Malformed {
        /// What was wrong.
        reason: &'static str,
    },
    /// 500: an older request came after a newer one (RFC 3261 §10.3, step 7).
    OutOfOrder,
}

/// All bindings.
pub struct Registrar {
    rules: RegistrarRules,
    phones: HashMap<String, Vec<Binding>>,
}

impl Registrar {
    /// With nobody registered.
    pub fn new(rules: RegistrarRules) -> Registrar {
        Registrar { rules, phones: HashMap::new() }
    }

    /// Carries out a REGISTER whole, or not at all.
    pub fn register(&mut self, now: Instant, register: &Register<'_>) -> Outcome {
        let current = self.phones.get(register.phone).map_or(&[][..], Vec::as_slice);
        let mut bindings: Vec<Binding> = current.iter().filter(|binding| binding.expires_at > now).cloned().collect();
        let applied = match register.contacts {
            [] => Ok(()),
            ["*"] => remove_all(&mut bindings, register),
            contacts if contacts.contains(&"*") => Err(Outcome::Malformed { reason: "Contact * Stands Alone" }),
            contacts => self.apply(now, &mut bindings, register, contacts),
        };
        if let Err(outcome) = applied {
            return outcome;
        }
        let contacts = bindings.iter().map(|binding| binding.listed(now)).collect();
        match bindings.is_empty() {
            true => self.phones.remove(register.phone),
            false => self.phones.insert(register.phone.to_owned(), bindings),
        };
        Outcome::Registered { contacts }
    }

    fn apply(
        &self,
        now: Instant,
        bindings: &mut Vec<Binding>,
        register: &Register<'_>,
        contacts: &[&str],
    ) -> Result<(), Outcome> {
        if contacts.len() > self.rules.bindings_max {
            return Err(Outcome::Malformed { reason: "Too Many Contacts" });
        }
        for value in contacts {
            let contact = Contact::read(value).map_err(|reason| Outcome::Malformed { reason })?;
            let wanted_s = contact.expires_s.or_else(|| register.expires.map(contact::seconds));
            let expires_s = wanted_s.unwrap_or(self.rules.expires_default_s).min(self.rules.expires_max_s);
            if expires_s > 0 && expires_s < self.rules.expires_min_s {
                return Err(Outcome::TooBrief { min_expires_s: self.rules.expires_min_s });
            }
            let same = bindings.iter().position(|binding| contact.replaces(binding));
            if let Some(index) = same {
                check_order(&bindings[index], register)?;
                bindings.remove(index);
            }
            if expires_s == 0 {
                continue;
            }
            if bindings.len() >= self.rules.bindings_max {
                let first_to_end = (0..bindings.len()).min_by_key(|index| bindings[*index].expires_at);
                first_to_end.map(|index| bindings.remove(index));
            }
            bindings.push(Binding {
                uri: contact.uri.to_owned(),
                q_thousandths: contact.q_thousandths,
                instance: contact.instance.map(str::to_owned),
                reg_id: contact.reg_id,
                flow: register.flow,
                expires_at: now + Duration::from_secs(u64::from(expires_s)),
                call_id: register.call_id.to_owned(),
                cseq: register.cseq,
            });
        }
        Ok(())
    }

    /// Where a phone can be reached now, the most wanted first, among equals the newest.
    pub fn bindings(&self, now: Instant, phone: &str) -> Vec<&Binding> {
        let all = self.phones.get(phone).map_or(&[][..], Vec::as_slice);
        let mut live: Vec<&Binding> = all.iter().rev().filter(|binding| binding.expires_at > now).collect();
        live.sort_by_key(|binding| std::cmp::Reverse(binding.q_thousandths));
        live
    }

    /// Whose registration a request belongs to, by the flow it came on.
    pub fn phone_on(&self, now: Instant, flow: &Flow) -> Option<&str> {
        let on_flow = |binding: &Binding| binding.flow == *flow && binding.expires_at > now;
        self.phones.iter().find(|(_, bindings)| bindings.iter().any(on_flow)).map(|(phone, _)| phone.as_str())
    }

    /// Whether anybody is reached by this flow.
    pub fn has_flow(&self, now: Instant, flow: &Flow) -> bool {
        self.phones.values().flatten().any(|binding| binding.flow == *flow && binding.expires_at > now)
    }

    /// A connection closed: what came by it cannot be reached any more. Returns the phones that lost a
    /// binding.
    pub fn flow_closed(&mut self, flow: &Flow) -> Vec<String> {
        self.retain(|binding| binding.flow != *flow)
    }

    /// Forgets what has ended. Returns the phones that lost a binding.
    pub fn forget_expired(&mut self, now: Instant) -> Vec<String> {
        self.retain(|binding| binding.expires_at > now)
    }

    /// When the next binding ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.phones.values().flatten().map(|binding| binding.expires_at).min()
    }

    fn retain(&mut self, keeps: impl Fn(&Binding) -> bool) -> Vec<String> {
        let mut poorer = Vec::new();
        self.phones.retain(|phone, bindings| {
            let before = bindings.len();
            bindings.retain(&keeps);
            if bindings.len() < before {
                poorer.push(phone.clone());
            }
            !bindings.is_empty()
        });
        poorer
    }
}

impl Contact<'_> {
    /// Whether this contact takes the place of a binding: the same device and flow, or the same address.
    fn replaces(&self, binding: &Binding) -> bool {
        let same_device = self.instance.is_some() && self.instance == binding.instance.as_deref();
        (same_device && self.reg_id == binding.reg_id) || same_uri(self.uri, &binding.uri)
    }
}

/// `Contact: *` with `Expires: 0` removes everything (RFC 3261 §10.3, step 6).
fn remove_all(bindings: &mut Vec<Binding>, register: &Register<'_>) -> Result<(), Outcome> {
    if register.expires.map(str::trim) != Some("0") {
        return Err(Outcome::Malformed { reason: "Contact * Needs Expires 0" });
    }
    bindings.iter().try_for_each(|binding| check_order(binding, register))?;
    bindings.clear();
    Ok(())
}

/// Within one Call-ID the newer request wins, whatever overtook what.
fn check_order(binding: &Binding, register: &Register<'_>) -> Result<(), Outcome> {
    match binding.call_id == register.call_id && register.cseq <= binding.cseq {
        true => Err(Outcome::OutOfOrder),
        false => Ok(()),
    }
}
