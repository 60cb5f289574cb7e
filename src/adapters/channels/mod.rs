//! Channels by vendor.

mod calls;
pub mod discord;
pub mod slack;
pub mod telegram;
pub mod widget;
