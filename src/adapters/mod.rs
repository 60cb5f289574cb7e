//! Implementations of the seams. Only `app` names them.

pub mod bus;
pub mod store;
pub mod system;
