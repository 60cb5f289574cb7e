//! Speech recognition: the local model and its sharing among calls.

pub mod moonshine;
pub mod vocabulary;
pub mod wav;
