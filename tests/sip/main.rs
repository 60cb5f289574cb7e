//! Signalling over loopback, against peers that send exactly what a test wants.

#![allow(clippy::unwrap_used)] // Everything here is a test.

mod calls_in;
mod calls_out;
mod gate;
mod house;
mod in_dialog;
mod kamailio;
mod outbound;
mod peer;
mod rate;
mod tcp;
mod torture;
mod transfers;
mod trunks;
