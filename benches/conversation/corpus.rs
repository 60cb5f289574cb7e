//! What callers say.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use media::Clip;
use switchboard::adapters::knowledge_folder::sample_business;
use switchboard::cli::demo::stage::Stage;
use switchboard::domain::knowledge::{Kind, Sensitivity};
use switchboard::support::sensitivity::default_sensitivity;

/// Questions of the sample business that may be answered without a person, and their alternatives, so mixed that
/// neighbours are about different things.
pub fn questions() -> Vec<String> {
    let entries = sample_business(default_sensitivity).entries;
    let asked: Vec<Vec<String>> = entries
        .into_iter()
        .filter(|entry| entry.sensitivity == Sensitivity::Auto && entry.kind != Kind::Internal)
        .map(|entry| std::iter::once(entry.question).chain(entry.alternatives).collect())
        .collect();
    let longest = asked.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|turn| asked.iter().filter_map(move |forms| forms.get(turn).cloned())).collect()
}

/// Questions with a pause inside, after which the speaker goes on.
pub const PAUSED: &[&[&str]] = &[
    &["How long does", "delivery take?"],
    &["Can I pick up", "my order at the shop?"],
    &["Are you open on", "Saturday?"],
    &["Do you deliver to", "Switzerland?"],
    &["I would like to know", "how much shipping is."],
    &["Where can I", "park at your shop?"],
    &["What are your", "opening hours?"],
    &["Is there", "parking at the shop?"],
];

/// Numbers read out in groups.
pub const NUMBERS: &[&[&str]] = &[
    &["My order number is four seven", "one one", "nine three"],
    &["It's zero one five one", "two three four", "five six seven"],
    &["The number is eight eight two", "zero four five"],
    &["My number is five five five", "one two three four"],
];

/// Words spelled letter by letter.
pub const SPELLINGS: &[&[&str]] = &[
    &["My name is spelled M", "I", "L", "L", "E", "R"],
    &["That is B", "A", "U", "E", "R"],
    &["It is anna at", "lamps", "dot com"],
    &["The code is A B", "C D", "one two"],
];

/// The pauses inside them, one after the other.
pub const PAUSES_MS: &[usize] = &[300, 450, 600, 800];

/// Sentences in the caller's voice, each synthesised once.
#[derive(Default)]
pub struct Clips {
    said: tokio::sync::Mutex<HashMap<String, Clip>>,
}

impl Clips {
    pub async fn of(&self, stage: &Stage, text: &str) -> anyhow::Result<Clip> {
        let mut said = self.said.lock().await;
        if let Some(clip) = said.get(text) {
            return Ok(clip.clone());
        }
        let clip = trimmed(&stage.caller_says(text).await?);
        said.insert(text.to_owned(), clip.clone());
        Ok(clip)
    }

    /// Parts with silences between them.
    pub async fn paused(&self, stage: &Stage, parts: &[&str], pause: Duration) -> anyhow::Result<Clip> {
        let mut whole = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                whole.resize(whole.len() + pause.as_millis() as usize * 16, 0);
            }
            whole.extend_from_slice(&self.of(stage, part).await?);
        }
        Ok(Arc::from(whole))
    }
}

/// Without the silence before and after.
pub fn trimmed(clip: &[i16]) -> Clip {
    let loud = |sample: &i16| sample.unsigned_abs() > 300;
    let from = clip.iter().position(loud).unwrap_or(0);
    let until = clip.iter().rposition(loud).map_or(clip.len(), |at| at + 1);
    Arc::from(&clip[from..until])
}

/// Noise with an envelope, for coughs and knocks: deterministic.
pub fn noise(length: Duration, attack: Duration, peak: f32, low_pass: f32) -> Vec<i16> {
    let samples = length.as_millis() as usize * 16;
    let rise = (attack.as_millis() as usize * 16).max(1);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut smooth = 0.0_f32;
    (0..samples)
        .map(|at| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let white = (seed >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
            smooth += (white - smooth) * low_pass;
            let envelope = if at < rise {
                at as f32 / rise as f32
            } else {
                (1.0 - (at - rise) as f32 / (samples - rise).max(1) as f32).powi(2)
            };
            (smooth * envelope * peak * 32_767.0) as i16
        })
        .collect()
}
