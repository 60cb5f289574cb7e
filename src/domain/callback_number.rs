//! The one number that is dialled though configuration does not name it: a customer's, to call them back (R5).

use super::escalation::EscalationPolicy;
use super::escalation_check::{Facts, Problem};
use super::phone_number::PhoneNumber;
use super::ticket::Ticket;

/// A customer's number that may be dialled. It comes from a ticket that waits to be called back, inside the countries
/// and prefixes of the policy, and from nowhere else: there is no way to make one of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackNumber(PhoneNumber);

impl CallbackNumber {
    /// The number that a ticket's customer is called back on: the one they wished for, else the one that was noted.
    pub fn of(ticket: &Ticket, policy: &EscalationPolicy, facts: &Facts) -> Result<CallbackNumber, Problem> {
        let noted = || {
            let field = ticket.fields.iter().find(|field| field.name == "number")?;
            PhoneNumber::parse(&field.value, facts.home_country.as_deref()).ok()
        };
        let number = ticket.callback.as_ref().map(|wish| wish.number.clone()).or_else(noted);
        let problem = |problem: String, remedy: String| Problem { path: "ticket".into(), problem, remedy };
        let Some(number) = number else {
            return Err(problem("it holds no number to call".into(), "look for one in the conversation".into()));
        };
        match facts.refuses_number(&number, &policy.allowed_prefixes) {
            Some((what, remedy)) => Err(problem(what, remedy)),
            None => Ok(CallbackNumber(number)),
        }
    }

    /// The number.
    pub fn number(&self) -> &PhoneNumber {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ConversationId, TicketId};
    use crate::domain::ticket::{CallbackWish, Field, TicketKind, TicketStatus};
    use crate::domain::time::EpochMs;

    fn ticket(wished: Option<&str>, noted: Option<&str>) -> Ticket {
        let number = |text: &str| PhoneNumber::parse(text, None).unwrap();
        let field = |value: &str| Field { confirmed: true, ..Field::unconfirmed("number", value) };
        Ticket {
            id: TicketId(uuid::Uuid::nil()),
            conversation: ConversationId(uuid::Uuid::nil()),
            kind: TicketKind::Callback,
            status: TicketStatus::Pending,
            reason: String::new(),
            fields: noted.map(field).into_iter().collect(),
            created_at: EpochMs(0),
            due_at: None,
            recording: None,
            callback: wished.map(|text| CallbackWish { number: number(text), time: None, at: None }),
            notes: String::new(),
            version: 1,
        }
    }

    /// R5: the customer's number is dialled inside the allowed countries and prefixes alone.
    #[test]
    fn only_a_tickets_number_inside_the_allowed_countries_is_called_back() {
        let facts = Facts {
            own_numbers: vec![PhoneNumber::parse("+4930901820", None).unwrap()],
            home_country: Some("DE".into()),
            ..Facts::default()
        };
        let policy = EscalationPolicy::default();
        let called = |wished, noted| {
            CallbackNumber::of(&ticket(wished, noted), &policy, &facts)
                .map(|number| number.number().as_str().to_owned())
        };
        assert_eq!(called(Some("+4930123456"), Some("030 654321")).unwrap(), "+4930123456");
        assert_eq!(called(None, Some("030 654321")).unwrap(), "+4930654321");
        for refused in ["+12125550123", "+499001234567", "+4930901820"] {
            assert!(called(Some(refused), None).is_err(), "{refused}");
        }
        assert!(called(None, Some("sip:boss@192.0.2.1")).is_err());
        assert!(called(None, None).unwrap_err().problem.contains("no number"));
    }
}
