//! The customer: one person with several addresses.

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, ContactId};
use super::time::EpochMs;

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// The name that a system of the business gives its customer, told by that system.
    External,
    /// An email address.
    Email,
    /// A telephone number in E.164.
    Phone,
}

/// One address of a contact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Address {
    /// What kind.
    pub kind: AddressKind,
    /// The address in its one form.
    pub value: String,
    /// Whether it is proven to be theirs. Caller id and a claimed email only suggest (R56).
    pub proven: bool,
}

/// The value is personal data and stays out of logs.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("kind", &self.kind).field("proven", &self.proven).finish_non_exhaustive()
    }
}

impl Address {
    /// An address in its one form; `None` when it is empty, too long or no address of its kind.
    pub fn parse(kind: AddressKind, value: &str) -> Option<Address> {
        let value = value.trim();
        if value.is_empty() || value.len() > ADDRESS_BYTES_MAX || value.contains(char::is_control) {
            return None;
        }
        let (value, proven) = match kind {
            AddressKind::External => (value.to_owned(), true),
            AddressKind::Email => {
                let (local, host) = value.rsplit_once('@')?;
                let well = !local.is_empty() && host.contains('.') && !value.contains(char::is_whitespace);
                (well.then(|| value.to_lowercase())?, false)
            }
            AddressKind::Phone => {
                (super::phone_number::PhoneNumber::parse(value, None).ok()?.as_str().to_owned(), false)
            }
        };
        Some(Address { kind, value, proven })
    }
}

/// A person who writes or calls.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Which one.
    pub id: ContactId,
    /// Whose customer.
    pub agent: AgentId,
    /// As they call themselves.
    pub name: Option<String>,
    /// Where they can be reached, sorted.
    pub addresses: Vec<Address>,
    /// When they first came.
    pub created_at: EpochMs,
}

/// As long as an email address may be (RFC 5321, section 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// R56: only what a system of the business tells is proven; the rest suggests.
    #[test]
    fn an_address_has_one_form_and_only_the_businesss_own_name_is_proven() {
        let parse = |kind, value| Address::parse(kind, value).map(|a| (a.value, a.proven));
        assert_eq!(parse(AddressKind::Email, " Ann@Example.COM "), Some(("ann@example.com".into(), false)));
        assert_eq!(parse(AddressKind::Phone, "+49 30 901820"), Some(("+4930901820".into(), false)));
        assert_eq!(parse(AddressKind::External, "cust-7"), Some(("cust-7".into(), true)));
        for bad in ["", "ann", "@example.com", "ann@localhost", "a b@example.com"] {
            assert_eq!(parse(AddressKind::Email, bad), None, "{bad}");
        }
        assert_eq!(parse(AddressKind::Phone, "call me"), None);
        assert_eq!(parse(AddressKind::External, "a\nb"), None);
    }
}
