//! Channels: one folder or file a vendor. Only `app` names them.

mod calls;
pub mod discord;
pub mod email;
pub mod slack;
pub mod telegram;
pub mod widget;
