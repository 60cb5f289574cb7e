//! Percentiles, the machine's load, processor time and memory.

use std::time::{Duration, Instant};

use switchboard::cli::demo::phone::Wire;

/// Values in milliseconds.
#[derive(Clone, Default)]
pub struct Values(Vec<f64>);

impl Values {
    pub fn add(&mut self, time: Duration) {
        self.add_ms(time.as_secs_f64() * 1000.0);
    }

    pub fn add_ms(&mut self, ms: f64) {
        let at = self.0.partition_point(|value| *value < ms);
        self.0.insert(at, ms);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that this share (0–1) lies at or below.
    pub fn at(&self, share: f64) -> f64 {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// One line of a report.
    pub fn show(&self, name: &str) {
        if self.0.is_empty() {
            return println!("{name:<26} none");
        }
        println!(
            "{name:<26} n {:<4} p50 {:7.1}  p95 {:7.1}  p99 {:7.1}  max {:7.1} ms",
            self.count(),
            self.at(0.5),
            self.at(0.95),
            self.at(0.99),
            self.max()
        );
    }
}

impl FromIterator<f64> for Values {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Values {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Values(values)
    }
}

/// Time between the packets of the house while it speaks, in milliseconds.
pub fn spacing(wire: &Wire) -> Vec<f64> {
    let times: Vec<Instant> = wire.arrivals.iter().map(|(at, _)| *at).collect();
    times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1000.0).collect()
}

/// The machine's load averages.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// What the machine is and how busy, once a report.
pub fn say_machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, load {}", load());
}

/// Time on a processor of this process's threads whose names begin with one of `names`; all without any.
pub fn processor_time(names: &[&str]) -> Duration {
    let nanos =
        std::fs::read_dir("/proc/self/task").expect("Linux tells a process its threads").flatten().map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if !names.is_empty() && !names.iter().any(|wanted| name.starts_with(wanted)) {
                return 0;
            }
            let statistics = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            statistics.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
        });
    Duration::from_nanos(nanos.sum())
}

/// Resident memory of this process in kB.
pub fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the status names resident memory");
    line.trim().trim_end_matches(" kB").trim().parse().expect("resident memory is a number of kB")
}
