//! Signalling over loopback, against peers that send exactly what a test wants.

mod calls_in;
mod calls_out;
mod gate;
mod house;
mod in_dialog;
mod peer;
mod tcp;
mod torture;
mod trunks;
