//! Vendors of channels, one folder or file each.

pub mod widget;
