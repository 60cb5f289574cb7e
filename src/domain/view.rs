//! Saved views: what a team wants to see again and again, as conditions that are combined.

use serde::{Deserialize, Serialize};

use super::conversation::{Channel, Conversation, Handler, Status};

/// What a conversation must be to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(no_recursion)]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// One or more of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// In this state.
    Status(Status),
    /// Handled so.
    Handler(Handler),
    /// Come by this way.
    Channel(Channel),
    /// Assigned to this teammate.
    Assignee(String),
    /// Assigned to nobody.
    Unassigned(bool),
    /// With this tag, by its name.
    Tag(String),
}

impl Condition {
    /// Whether it shows this conversation.
    pub fn shows(&self, conversation: &Conversation) -> bool {
        let casework = &conversation.casework;
        match self {
            Condition::All(all) => all.iter().all(|part| part.shows(conversation)),
            Condition::Any(any) => any.iter().any(|part| part.shows(conversation)),
            Condition::Not(part) => !part.shows(conversation),
            Condition::Status(status) => conversation.status == *status,
            Condition::Handler(handler) => conversation.handler == *handler,
            Condition::Channel(channel) => conversation.channel == *channel,
            Condition::Assignee(name) => casework.assignee.as_ref() == Some(name),
            Condition::Unassigned(unassigned) => casework.assignee.is_none() == *unassigned,
            Condition::Tag(name) => casework.tags.iter().any(|tag| tag.name == *name),
        }
    }

    /// Whether it can be asked of the store: so many parts, so deep.
    pub fn is_bounded(&self) -> bool {
        self.parts(DEPTH_MAX).is_some_and(|parts| parts <= PARTS_MAX)
    }

    /// How many parts it has; `None` where it is too deep.
    fn parts(&self, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let sum = |parts: &[Condition]| parts.iter().try_fold(1, |sum, part| Some(sum + part.parts(depth)?));
        match self {
            Condition::All(parts) | Condition::Any(parts) => sum(parts),
            Condition::Not(part) => sum(std::slice::from_ref(part)),
            Condition::Status(_)
            | Condition::Handler(_)
            | Condition::Channel(_)
            | Condition::Assignee(_)
            | Condition::Unassigned(_)
            | Condition::Tag(_) => Some(1),
        }
    }
}

/// Parts of one view; more is a report, not a view.
const PARTS_MAX: usize = 50;
/// How deep they are combined.
const DEPTH_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_bounded_in_depth_and_parts() {
        let one = || Condition::Status(Status::Open);
        assert!(Condition::All(vec![one(), Condition::Any(vec![one(), Condition::Not(Box::new(one()))])]).is_bounded());
        assert!(!Condition::Any((0..60).map(|_| one()).collect()).is_bounded());
        let deep = (0..20).fold(one(), |deep, _| Condition::Not(Box::new(deep)));
        assert!(!deep.is_bounded());
    }

    #[test]
    fn a_view_is_written_as_people_say_it() {
        let text = r#"{"all":[{"any":[{"status":"open"},{"tag":"billing"}]},{"not":{"unassigned":true}}]}"#;
        let view: Condition = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&view).unwrap(), text);
    }
}
