//! How many calls a second: a server for SIPp to call, run by `scripts/bench-sip`.

use crate::house::{House, config};

/// Answers every call until the process is ended; its address is printed. Not a test of behaviour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_everything() {
    if std::env::var_os(SERVE).is_none() {
        println!("skipped: {SERVE} is unset; scripts/bench-sip sets it");
        return;
    }
    let mut open = config();
    open.limits.calls_max = 100_000;
    open.limits.calls_per_second = 100_000;
    open.limits.calls_per_second_per_source = 100_000;
    open.limits.transactions_max = 1_000_000;
    let house = House::real_time(open).await;
    println!("listening on {}", house.address());
    let _kept = house.answer_everything();
    std::future::pending::<()>().await;
}

/// Set by the script that calls this server; without it there is nothing to serve.
const SERVE: &str = "SIP_RATE_SERVER";
