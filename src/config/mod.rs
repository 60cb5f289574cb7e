//! Configuration: one section a file, with defaults, validation and a generated reference.

pub mod problem;
pub mod sip;

pub use problem::Problem;
