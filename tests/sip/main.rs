//! Signalling over loopback, against peers that send exactly what a test wants.

#![allow(clippy::unwrap_used)] // Everything here is a test.

mod calls_in;
mod calls_out;
#[path = "../common/certificates.rs"]
mod certificates;
mod dtls;
mod floods;
mod gate;
mod house;
mod in_dialog;
mod kamailio;
mod outbound;
mod own_call;
mod peer;
mod phones;
mod rate;
mod srtp;
mod tcp;
mod tls;
mod torture;
mod transfers;
mod trunks;
mod websocket;
