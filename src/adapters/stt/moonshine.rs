//! The Moonshine recogniser: 16 kHz audio to text, in one piece.
//!
//! 1. The encoder turns the raw samples into one vector every 384 samples (24 ms).
//! 2. The decoder writes one token at a time, the likeliest each (greedy). Its first step also computes the
//!    keys and values of the encoder's vectors; later steps are given those, and its own of all steps before.
//! 3. It ends with an end token, at the token limit, or when it begins to repeat itself.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};

use super::vocabulary::Vocabulary;
use crate::adapters::models::runtime::onnx_session;
use crate::adapters::models::{ModelError, Models};

/// The sample rate that the model hears, in samples a second.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// The model, loaded. About 280 MB while it works; a worker thread owns it.
pub struct Moonshine {
    encoder: Session,
    decoder: Session,
    vocabulary: Vocabulary,
    encoder_takes_mask: bool,
    decoder_takes_mask: bool,
    caches: Vec<CacheName>,
}

/// What was recognised in one piece of audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The text as the model writes it; may be empty.
    pub text: String,
    /// Mean probability of its tokens, 0–1; 0 when there are none.
    pub confidence: f32,
    /// What was written, for use as the draft of the same utterance's next decoding.
    pub tokens: Vec<u32>,
    /// The decoder was stopped, because it repeated itself or wrote more than can be spoken in the time.
    pub runaway: bool,
}

/// The runtime failed on a piece of audio.
#[derive(Debug, thiserror::Error)]
#[error("recognition: {0}")]
pub struct DecodeError(String);

impl From<ort::Error> for DecodeError {
    fn from(error: ort::Error) -> Self {
        DecodeError(error.to_string())
    }
}

/// A token and its probability.
type Picked = (u32, f32);

/// An input of the decoder that carries an output of the step before.
struct CacheName {
    input: String,
    output: String,
    /// Keys and values of the encoder's vectors do not change after the first step.
    of_encoder: bool,
}

impl Moonshine {
    /// Loads the model, in about a second.
    pub fn load(models: &Models) -> Result<Moonshine, ModelError> {
        let encoder = onnx_session(models, &models.moonshine_encoder())?;
        let decoder = onnx_session(models, &models.moonshine_decoder())?;
        let path = models.moonshine_tokenizer();
        let bytes = std::fs::read(&path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        let vocabulary =
            Vocabulary::parse(&bytes).map_err(|error| ModelError::Load { path, reason: error.to_string() })?;
        let takes_mask = |session: &Session, name: &str| session.inputs().iter().any(|input| input.name() == name);
        let caches = decoder
            .inputs()
            .iter()
            .filter_map(|input| {
                let suffix = input.name().strip_prefix("past_key_values.")?;
                Some(CacheName {
                    input: input.name().to_string(),
                    output: format!("present.{suffix}"),
                    of_encoder: suffix.contains("encoder"),
                })
            })
            .collect();
        Ok(Moonshine {
            encoder_takes_mask: takes_mask(&encoder, "attention_mask"),
            decoder_takes_mask: takes_mask(&decoder, "encoder_attention_mask"),
            encoder,
            decoder,
            vocabulary,
            caches,
        })
    }

    /// Recognises one piece of 16 kHz mono audio, −1 to 1. Pieces shorter than the model can use give an
    /// empty text; pieces longer than about 30 s are to be cut beforehand.
    ///
    /// `draft` holds the tokens of an earlier decoding of the beginning of the same audio, or nothing. They
    /// are all checked in one step and kept as far as this audio gives them too, so that only the new words
    /// cost a step each. The outcome is that of decoding without a draft, but for the rounding of the
    /// quantised decoder, which depends on how many tokens it is shown at once.
    pub fn decode(&mut self, samples: &[f32], draft: &[u32]) -> Result<Decoded, DecodeError> {
        Ok(self.decode_unless(samples, draft, &|| false)?.unwrap_or_default())
    }

    /// As [`Moonshine::decode`], but gives up, with `None`, as soon as `stop` says so between two steps: a step of
    /// the decoder takes a few milliseconds, the encoder about 20 for each second of audio.
    pub fn decode_unless(
        &mut self,
        samples: &[f32],
        draft: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Decoded>, DecodeError> {
        if samples.len() < MIN_SAMPLES {
            return Ok(Some(Decoded::default()));
        }
        if stop() {
            return Ok(None);
        }
        let states = self.encode(samples)?;
        if stop() {
            return Ok(None);
        }
        let tokens_max = tokens_max(samples.len());
        let draft = &draft[..draft.len().min(tokens_max - 1)];
        let (mut caches, mut next) = self.first_step(&states, samples.len(), draft)?;
        let mut writing = Writing::default();
        for &(token, probability) in &next {
            writing.write(token, probability);
        }
        while !writing.is_done(tokens_max) {
            if stop() {
                return Ok(None);
            }
            let newest = next.last().map_or(START_TOKEN, |&(token, _)| token);
            next = self.step(&states, samples.len(), &[newest], false, &mut caches)?;
            for &(token, probability) in &next {
                writing.write(token, probability);
            }
        }
        Ok(Some(writing.finish(&self.vocabulary)))
    }

    fn encode(&mut self, samples: &[f32]) -> Result<DynValue, DecodeError> {
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(2);
        let name = self.encoder.inputs()[0].name().to_string();
        inputs.push((name.into(), Tensor::from_array(([1, samples.len()], samples.to_vec()))?.into()));
        if self.encoder_takes_mask {
            inputs.push(("attention_mask".into(), ones(samples.len())?.into()));
        }
        let mut outputs = self.encoder.run(inputs)?;
        outputs.remove("last_hidden_state").ok_or_else(|| DecodeError("the encoder gave no states".to_string()))
    }

    /// Checks the draft: the caches after as much of it as holds, and the tokens that hold with the one after.
    fn first_step(
        &mut self,
        states: &DynValue,
        mask_len: usize,
        draft: &[u32],
    ) -> Result<(Vec<DynValue>, Vec<Picked>), DecodeError> {
        let mut caches = Vec::with_capacity(self.caches.len());
        for _ in &self.caches {
            caches.push(Tensor::from_array((EMPTY_CACHE, vec![0f32; EMPTY_CACHE.iter().product()]))?.into_dyn());
        }
        let mut shown = vec![START_TOKEN];
        shown.extend_from_slice(draft);
        let mut picked = self.step(states, mask_len, &shown, true, &mut caches)?;
        let held = picked.iter().zip(draft).take_while(|((token, _), drafted)| token == *drafted).count();
        picked.truncate(held + 1);
        if held < draft.len() {
            for (name, cache) in self.caches.iter().zip(caches.iter_mut()) {
                if !name.of_encoder {
                    *cache = shortened(cache, held + 1)?;
                }
            }
        }
        Ok((caches, picked))
    }

    /// Shows the decoder these tokens and gives the likeliest token after each of them, with its probability.
    fn step(
        &mut self,
        states: &DynValue,
        mask_len: usize,
        shown: &[u32],
        first: bool,
        caches: &mut [DynValue],
    ) -> Result<Vec<Picked>, DecodeError> {
        let ids: Vec<i64> = shown.iter().map(|&token| i64::from(token)).collect();
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(self.caches.len() + 4);
        inputs.push(("input_ids".into(), Tensor::from_array(([1, ids.len()], ids))?.into()));
        inputs.push(("encoder_hidden_states".into(), states.into()));
        inputs.push(("use_cache_branch".into(), Tensor::from_array(([1usize], vec![!first]))?.into()));
        if self.decoder_takes_mask {
            inputs.push(("encoder_attention_mask".into(), ones(mask_len)?.into()));
        }
        for (name, cache) in self.caches.iter().zip(caches.iter()) {
            inputs.push((name.input.as_str().into(), cache.into()));
        }
        let mut outputs = self.decoder.run(inputs)?;
        let picked =
            likeliest(outputs.get("logits").ok_or_else(|| DecodeError("the decoder gave nothing".to_string()))?)?;
        for (name, cache) in self.caches.iter().zip(caches.iter_mut()) {
            if first || !name.of_encoder {
                *cache = outputs
                    .remove(&name.output)
                    .ok_or_else(|| DecodeError(format!("the decoder gave no {}", name.output)))?;
            }
        }
        Ok(picked)
    }
}

/// The transcript as it is written, token by token.
#[derive(Default)]
struct Writing {
    tokens: Vec<u32>,
    probability_sum: f32,
    ended: bool,
    looped: bool,
}

impl Writing {
    fn write(&mut self, token: u32, probability: f32) {
        if self.ended || self.looped {
            return;
        }
        self.probability_sum += probability;
        if token == END_TOKEN {
            self.ended = true;
            return;
        }
        self.tokens.push(token);
        if let Some(whole) = without_loop(&self.tokens) {
            self.tokens.truncate(whole);
            self.looped = true;
        }
    }

    fn is_done(&self, tokens_max: usize) -> bool {
        self.ended || self.looped || self.tokens.len() >= tokens_max
    }

    fn finish(self, vocabulary: &Vocabulary) -> Decoded {
        let counted = self.tokens.len() + usize::from(self.ended);
        // A loop has more probability than the tokens that were kept of it; it is not to be trusted anyway.
        let mean = if self.tokens.is_empty() { 0.0 } else { (self.probability_sum / counted as f32).min(1.0) };
        let confidence = if self.looped { mean.min(RUNAWAY_CONFIDENCE_MAX) } else { mean };
        let text = vocabulary.text(&self.tokens);
        Decoded { text, confidence, tokens: self.tokens, runaway: !self.ended }
    }
}

/// The first `len` steps of a cache of keys or values: batch, heads, steps, width.
fn shortened(cache: &DynValue, len: usize) -> Result<DynValue, DecodeError> {
    let (shape, values) = cache.try_extract_tensor::<f32>()?;
    let &[batch, heads, steps, width] = &shape[..] else {
        return Err(DecodeError(format!("a cache of {} dimensions", shape.len())));
    };
    let (rows, steps, width) = ((batch * heads) as usize, steps as usize, width as usize);
    let mut kept = Vec::with_capacity(rows * len * width);
    for row in values.chunks_exact((steps * width).max(1)).take(rows) {
        kept.extend_from_slice(&row[..len.min(steps) * width]);
    }
    Ok(Tensor::from_array(([batch as usize, heads as usize, len.min(steps), width], kept))?.into_dyn())
}

fn ones(len: usize) -> Result<Tensor<i64>, DecodeError> {
    Ok(Tensor::from_array(([1, len], vec![1i64; len]))?)
}

/// The index of the largest value of each row, and its softmax.
fn likeliest(logits: &DynValue) -> Result<Vec<Picked>, DecodeError> {
    let (shape, values) = logits.try_extract_tensor::<f32>()?;
    let width = shape.last().map_or(1, |&width| width.max(1) as usize);
    let pick = |row: &[f32]| {
        let (mut best, mut best_value) = (END_TOKEN, f32::NEG_INFINITY);
        for (token, &value) in row.iter().enumerate() {
            if value > best_value {
                (best, best_value) = (token as u32, value);
            }
        }
        let sum: f32 = row.iter().map(|&value| (value - best_value).exp()).sum();
        (best, if sum > 0.0 { 1.0 / sum } else { 0.0 })
    };
    Ok(values.chunks_exact(width).map(pick).collect())
}

/// Where the tokens end before they began to repeat, if the newest ones are a loop: the same run of up to
/// [`LOOP_TOKENS_MAX`] tokens, [`LOOP_ROUNDS`] times in a row. One round of it is kept.
fn without_loop(tokens: &[u32]) -> Option<usize> {
    for len in 1..=LOOP_TOKENS_MAX {
        // Spoken digits and letters repeat honestly ("one one one one"); a longer run of one token does not.
        let rounds = if len == 1 { LOOP_ROUNDS * 2 } else { LOOP_ROUNDS };
        let Some(start) = tokens.len().checked_sub(len * rounds) else { continue };
        let (round, rest) = tokens[start..].split_at(len);
        if rest.chunks(len).all(|chunk| chunk == round) {
            return Some(start + len);
        }
    }
    None
}

fn tokens_max(samples: usize) -> usize {
    (samples * TOKENS_A_SECOND_MAX).div_ceil(SAMPLE_RATE_HZ as usize) + TOKENS_EXTRA
}

/// What a decoding that had to be stopped may claim at most.
const RUNAWAY_CONFIDENCE_MAX: f32 = 0.3;
const START_TOKEN: u32 = 1;
const END_TOKEN: u32 = 2;
/// Stands in for a cache before the first step: batch, heads, time, width of a head.
const EMPTY_CACHE: [usize; 4] = [1, 8, 1, 36];
/// 100 ms: the encoder's filters need about 60 ms to give one vector, and no word is shorter.
const MIN_SAMPLES: usize = 1_600;
/// Fast speech has 5 words, about 7 tokens, a second; 13 also fits digits spoken quickly. More is a runaway.
const TOKENS_A_SECOND_MAX: usize = 13;
/// A half-second "okay" still needs its tokens and the end token.
const TOKENS_EXTRA: usize = 3;
/// Long enough for "thank you very much." over and over.
const LOOP_TOKENS_MAX: usize = 8;
/// Three rounds of several tokens: people say a thing twice, models go on.
const LOOP_ROUNDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_cut_to_one_round_and_honest_repetition_stays() {
        assert_eq!(without_loop(&[9, 1, 2, 1, 2, 1, 2, 1, 2]), Some(3));
        assert_eq!(without_loop(&[5, 7, 7, 7, 7, 7, 7, 7, 7]), Some(2));
        assert_eq!(without_loop(&[7, 7, 7, 7]), None, "one one one one");
        assert_eq!(without_loop(&[1, 2, 1, 2, 1, 2]), None);
    }

    #[test]
    fn the_token_limit_grows_with_the_audio() {
        assert_eq!(tokens_max(16_000), 16);
        assert!(tokens_max(160_000) < 140);
    }
}
