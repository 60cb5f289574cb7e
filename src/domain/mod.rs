//! Pure nouns and rules. No clock, no chance, no sockets: those come in as arguments.

pub mod agent;
pub mod call;
pub mod callback_number;
pub mod card_number;
pub mod casework;
pub mod contact;
pub mod conversation;
pub mod cut_call;
pub mod dialplan;
pub mod escalation;
pub mod escalation_check;
pub mod ids;
pub mod inbox;
pub mod knowledge;
pub mod ladder;
pub mod number_words;
pub mod on_duty;
pub mod phone_number;
pub mod schedule;
pub mod shortcut;
pub mod standing_offers;
pub mod ticket;
pub mod time;
pub mod transition;
pub mod turn;
pub mod view;
