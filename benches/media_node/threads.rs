//! Processor time and memory of processes, from `/proc`.

use std::fs;
use std::time::Duration;

/// Time on a processor of all threads of this process whose names begin with `prefix`.
pub fn processor_time(prefix: &str) -> Duration {
    processor_time_of("self", prefix)
}

/// The same of another process; each thread's scheduler statistics start with it, in nanoseconds.
pub fn processor_time_of(process: &str, prefix: &str) -> Duration {
    let nanos = fs::read_dir(format!("/proc/{process}/task"))
        .expect("the process runs, and Linux tells its threads")
        .flatten()
        .map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if !name.starts_with(prefix) {
                return 0;
            }
            let statistics = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            statistics.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
        });
    Duration::from_nanos(nanos.sum())
}

/// Resident memory in kB.
pub fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
