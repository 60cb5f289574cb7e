//! Signalling over loopback, against peers that send exactly what a test wants.

mod calls_in;
mod calls_out;
mod house;
mod peer;
