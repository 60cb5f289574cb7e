//! Where a plan may ring: the rule that guards every destination, kept in one place.

use crate::domain::escalation::Target;
use crate::domain::phone_number::PhoneNumber;

/// What may be rung.
#[derive(Clone, Default)]
pub struct DialRule {
    /// Our own numbers: ringing one would call ourselves.
    pub own_numbers: Vec<PhoneNumber>,
    /// Prefixes that may be dialled, such as `+49`; empty means any country.
    pub allowed_prefixes: Vec<String>,
    /// Emergency numbers beside the ones everybody knows.
    pub emergency_numbers: Vec<String>,
}

impl DialRule {
    /// Why this target may not be rung, if so.
    pub fn may_ring(&self, target: &Target) -> Result<(), String> {
        match target {
            Target::Number(number) if self.own_numbers.contains(number) => {
                Err("it is our own number, and ringing it would call ourselves".into())
            }
            Target::Number(number) => {
                let allowed = self.allowed_prefixes.is_empty()
                    || self.allowed_prefixes.iter().any(|prefix| number.as_str().starts_with(prefix));
                let prefixes = self.allowed_prefixes.join(", ");
                allowed.then_some(()).ok_or_else(|| format!("only numbers that begin with {prefixes} may be dialled"))
            }
            Target::Sip(address) => {
                let user = address.trim_start_matches("sip:").split('@').next().unwrap_or_default();
                match self.is_emergency(user) {
                    true => Err("it is an emergency number".into()),
                    false => Ok(()),
                }
            }
            Target::Person(_) | Target::Rota(_) => Ok(()),
        }
    }

    /// Whether these dialled digits are an emergency number.
    pub fn is_emergency(&self, dialled: &str) -> bool {
        EMERGENCY.contains(&dialled) || self.emergency_numbers.iter().any(|number| number == dialled)
    }
}

/// The two numbers that mobile networks everywhere take for an emergency (3GPP TS 22.101 §10).
pub const EMERGENCY: [&str; 2] = ["112", "911"];
