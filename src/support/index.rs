//! The knowledge made searchable: an immutable snapshot, swapped whole when the knowledge changes.
//!
//! Architecture invariant: internal guidance is filtered before retrieval. It lies in a part of its own that yields
//! one number for the gate and no text, so that no path leads from it to a customer.

use std::sync::Arc;

use crate::domain::knowledge::{Entry, Kind, Sensitivity};
use crate::domain::time::EpochMs;

use super::bm25::Bm25;
use super::confidence::Features;
use super::text;

/// Weight of BM25 beside the cosine.
const BM25_WEIGHT: f32 = 0.15;
/// Nearest questions that vote.
const VOTERS: usize = 10;
/// Entries that a search tells about.
const HITS_MAX: usize = 5;

/// A unit vector of a text, shared with the cache it came from.
pub type Vector = Arc<[f32]>;

/// A searchable snapshot of one agent's knowledge.
#[derive(Default)]
pub struct Index {
    entries: Vec<Entry>,
    questions: Vec<Question>,
    bm25: Bm25,
    /// The stems of each entry: questions and answer.
    entry_stems: Vec<std::collections::HashSet<String>>,
    words: Bm25,
    guidance: Vec<(Vector, Sensitivity)>,
}

struct Question {
    entry: u32,
    vector: Option<Vector>,
}

/// An entry found, best first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its position in [`Index::entry`].
    pub entry: usize,
    /// The retrieval score H = cosine + 0.15 · BM25 / max BM25.
    pub score: f32,
    /// Cosine of its best question.
    pub cosine: f32,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// At most five entries, best first.
    pub hits: Vec<Hit>,
    /// Of the best entry.
    pub features: Features,
    /// The strictest guidance that is nearer to the question than any public entry, if there is one.
    pub guidance: Option<Sensitivity>,
}

impl Index {
    /// Builds a snapshot. `vector_of` gives the vector of a text, or `None` where there is no embedding model.
    pub fn build<E>(
        entries: Vec<Entry>,
        mut vector_of: impl FnMut(&str) -> Result<Option<Vector>, E>,
    ) -> Result<Index, E> {
        let mut index = Index::default();
        let mut documents = Vec::new();
        for entry in entries {
            let texts = std::iter::once(&entry.question).chain(&entry.alternatives);
            if entry.kind == Kind::Internal {
                for text in texts {
                    if let Some(vector) = vector_of(text)? {
                        index.guidance.push((vector, entry.sensitivity));
                    }
                }
                continue;
            }
            let mut stems = std::collections::HashSet::new();
            for text in texts {
                let document = text::stems(text);
                stems.extend(document.iter().cloned());
                documents.push(document);
                index.questions.push(Question { entry: index.entries.len() as u32, vector: vector_of(text)? });
            }
            stems.extend(text::stems(&entry.answer));
            index.entry_stems.push(stems);
            index.entries.push(entry);
        }
        index.bm25 = Bm25::new(&documents);
        index.words =
            Bm25::new(&index.entry_stems.iter().map(|stems| stems.iter().cloned().collect()).collect::<Vec<_>>());
        Ok(index)
    }

    /// The entry at a position that a search gave.
    pub fn entry(&self, at: usize) -> &Entry {
        &self.entries[at]
    }

    /// The position of an entry by its id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    /// How many entries can be answered from.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing can be answered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Finds the entries nearest to a question, leaving out those no longer valid and the one named `except`.
    pub fn search(&self, text: &str, vector: Option<&[f32]>, now: EpochMs, except: Option<usize>) -> Found {
        let query = text::stems(text);
        let bm25 = self.bm25.scores(&query);
        let bm25_max = bm25.iter().copied().fold(0.0, f32::max);
        let mut nearest = vec![(f32::MIN, f32::MIN, 0.0_f32); self.entries.len()];
        let mut cosines = Vec::with_capacity(self.questions.len());
        for (at, question) in self.questions.iter().enumerate() {
            let entry = question.entry as usize;
            if Some(entry) == except || self.expired(entry, now) {
                continue;
            }
            let cosine = match (&question.vector, vector) {
                (Some(question), Some(query)) => dot(question, query),
                _ => 0.0,
            };
            let lexical = if bm25_max > 0.0 { bm25[at] / bm25_max } else { 0.0 };
            let best = &mut nearest[entry];
            best.0 = best.0.max(cosine + BM25_WEIGHT * lexical);
            best.1 = best.1.max(cosine);
            best.2 = best.2.max(bm25[at]);
            cosines.push((cosine, entry));
        }
        let hits = best_hits(&nearest);
        let features = hits.first().map(|&top| self.features(&query, text, top, &hits, &nearest, cosines));
        let guidance = vector.and_then(|vector| self.guidance(vector, hits.first().map_or(0.0, |hit| hit.cosine)));
        Found { hits, features: features.unwrap_or_default(), guidance }
    }

    fn expired(&self, entry: usize, now: EpochMs) -> bool {
        self.entries[entry].valid_until.is_some_and(|until| until < now)
    }

    fn features(
        &self,
        query: &[String],
        text: &str,
        top: Hit,
        hits: &[Hit],
        nearest: &[(f32, f32, f32)],
        mut cosines: Vec<(f32, usize)>,
    ) -> Features {
        cosines.sort_by(|a, b| b.0.total_cmp(&a.0));
        let voters = &cosines[..cosines.len().min(VOTERS)];
        let votes = voters.iter().filter(|(_, entry)| *entry == top.entry).count();
        let own: Vec<f32> =
            cosines.iter().filter(|(_, entry)| *entry == top.entry).map(|(cosine, _)| *cosine).take(3).collect();
        let lexical = nearest[top.entry].2;
        let agree = lexical > 0.0 && nearest.iter().all(|&(_, _, other)| other <= lexical);
        let content = text::content_stems(text);
        let unknown = content.iter().filter(|stem| !self.words.knows(stem)).count();
        let weight: f32 = query.iter().map(|stem| self.words.idf(stem)).sum();
        let covered: f32 = query
            .iter()
            .filter(|stem| self.entry_stems[top.entry].contains(*stem))
            .map(|stem| self.words.idf(stem))
            .sum();
        Features {
            top: top.cosine,
            margin: top.score - hits.get(1).map_or(0.0, |second| second.score),
            agree: f32::from(u8::from(agree)),
            cover: if weight > 0.0 { covered / weight } else { 0.0 },
            unknown: unknown as f32 / content.len().max(1) as f32,
            log_length: (1.0 + query.len() as f32).ln(),
            vote: votes as f32 / voters.len().max(1) as f32,
            top3: own.iter().sum::<f32>() / own.len().max(1) as f32,
        }
    }

    /// Guidance weighs only where it is clearly about the question, and more so than anything public.
    fn guidance(&self, query: &[f32], public: f32) -> Option<Sensitivity> {
        let near = self.guidance.iter().map(|(vector, sensitivity)| (dot(vector, query), *sensitivity));
        let (cosine, sensitivity) = near.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (cosine >= GUIDANCE_COSINE_MIN && cosine > public).then_some(sensitivity)
    }
}

fn best_hits(nearest: &[(f32, f32, f32)]) -> Vec<Hit> {
    let mut hits: Vec<Hit> = nearest
        .iter()
        .enumerate()
        .filter(|(_, best)| best.0 > f32::MIN)
        .map(|(entry, &(score, cosine, _))| Hit { entry, score, cosine })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(HITS_MAX);
    hits
}

/// The dot product; of unit vectors, the cosine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Below this, guidance is about something else.
const GUIDANCE_COSINE_MIN: f32 = 0.55;
