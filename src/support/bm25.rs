//! BM25 over short documents, in memory (Robertson and Zaragoza, 2009; k1 1.2, b 0.75).

use std::collections::HashMap;

/// Saturation of repeated words.
const K1: f32 = 1.2;
/// Weight of document length.
const B: f32 = 0.75;

/// An immutable index. A document is a list of stems, named by its position.
#[derive(Default)]
pub struct Bm25 {
    postings: HashMap<String, Vec<(u32, u16)>>,
    lengths: Vec<u16>,
    mean_length: f32,
}

impl Bm25 {
    /// Indexes the documents in order.
    pub fn new(documents: &[Vec<String>]) -> Bm25 {
        let mut postings: HashMap<String, Vec<(u32, u16)>> = HashMap::new();
        for (at, document) in documents.iter().enumerate() {
            let mut counts: HashMap<&str, u16> = HashMap::new();
            for stem in document {
                let count = counts.entry(stem).or_default();
                *count = count.saturating_add(1);
            }
            for (stem, count) in counts {
                postings.entry(stem.to_owned()).or_default().push((at as u32, count));
            }
        }
        let lengths: Vec<u16> = documents.iter().map(|document| document.len().min(u16::MAX as usize) as u16).collect();
        let total: f32 = lengths.iter().map(|&length| f32::from(length)).sum();
        let mean_length = (total / lengths.len().max(1) as f32).max(1.0);
        Bm25 { postings, lengths, mean_length }
    }

    /// The score of every document, by position.
    pub fn scores(&self, query: &[String]) -> Vec<f32> {
        let mut scores = vec![0.0; self.lengths.len()];
        for stem in query {
            let Some(postings) = self.postings.get(stem) else { continue };
            let idf = self.idf(stem);
            for &(document, count) in postings {
                let count = f32::from(count);
                let length = f32::from(self.lengths[document as usize]) / self.mean_length;
                scores[document as usize] += idf * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length));
            }
        }
        scores
    }

    /// How telling a word is: high for rare ones, and highest for one that no document has.
    pub fn idf(&self, stem: &str) -> f32 {
        let documents = self.lengths.len() as f32;
        let with = self.postings.get(stem).map_or(0.0, |postings| postings.len() as f32);
        ((documents - with + 0.5) / (with + 0.5) + 1.0).ln()
    }

    /// Whether this document has the word. Postings are in order of documents.
    pub fn has(&self, document: usize, stem: &str) -> bool {
        let of_stem = self.postings.get(stem);
        of_stem.is_some_and(|postings| postings.binary_search_by_key(&(document as u32), |(at, _)| *at).is_ok())
    }

    /// Whether any document has the word.
    pub fn knows(&self, stem: &str) -> bool {
        self.postings.contains_key(stem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_document_with_the_rare_word_wins() {
        let index = Bm25::new(&[document("return a lamp"), document("return a chair"), document("opening hours")]);
        let scores = index.scores(&document("return chair"));
        assert!(scores[1] > scores[0] && scores[0] > scores[2]);
        assert_eq!(scores[2], 0.0);
    }

    #[test]
    fn an_empty_index_scores_nothing_and_does_not_divide_by_zero() {
        assert!(Bm25::new(&[]).scores(&document("x")).is_empty());
        assert_eq!(Bm25::new(&[vec![]]).scores(&document("x")), [0.0]);
    }
}
