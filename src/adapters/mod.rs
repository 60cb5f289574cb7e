//! Implementations of the seams. Only `app` names them.

pub mod bootstrap_token;
pub mod bus;
pub mod store;
pub mod system;
pub mod telemetry;
