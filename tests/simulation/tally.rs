//! How often each thing came: what is never reached is not tested.

use std::collections::BTreeMap;

#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<(&'static str, String), u64>,
    pub calls: u64,
    pub steps: u64,
    pub virtual_s: u64,
}

impl Tally {
    pub fn count(&mut self, kind: &'static str, what: impl Into<String>) {
        *self.counts.entry((kind, what.into())).or_default() += 1;
    }

    pub fn add(&mut self, other: Tally) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.calls += other.calls;
        self.steps += other.steps;
        self.virtual_s += other.virtual_s;
    }

    pub fn of(&self, kind: &str, what: &str) -> u64 {
        self.counts.iter().filter(|((k, w), _)| *k == kind && w == what).map(|(_, count)| count).sum()
    }

    pub fn print(&self) {
        let mut kinds: Vec<&str> = self.counts.keys().map(|(kind, _)| *kind).collect();
        kinds.dedup();
        for kind in kinds {
            let of_kind = self.counts.iter().filter(|((other, _), _)| *other == kind);
            let told: Vec<String> = of_kind.map(|((_, what), count)| format!("{what} {count}")).collect();
            println!("{kind}: {}", told.join(", "));
        }
    }
}
