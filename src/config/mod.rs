//! Configuration, one section a file: defaults, validation and the sentences of the generated reference.

pub mod media;
pub mod problem;
