//! Calls: what is said, heard and done, from the INVITE to the last word.

mod call;
pub mod call_back;
pub mod callback;
pub mod colleague;
pub mod collect;
pub mod customer;
pub mod dialplan;
pub mod ear;
pub mod emergency;
pub mod flow;
pub mod front_desk;
pub mod intents;
pub mod journal;
mod melody;
pub mod mouth;
pub mod offer;
pub mod phrases;
pub mod reception;
pub mod rounds;
pub mod screening;
pub mod spoken_field;
pub mod spoken_number;
pub mod spoken_time;
pub mod tones;
pub mod turn_taking;
pub mod voicemail;
