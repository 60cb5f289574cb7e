//! Implementations of the seams. Only `app` names them.

pub mod media_node;
