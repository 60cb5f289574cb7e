//! Channels: one folder a vendor. Only `app` names them.

pub mod email;
