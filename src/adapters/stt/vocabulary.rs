//! The recogniser's vocabulary: token numbers to text.
//!
//! `tokenizer.bin` is a list of byte strings in token order, each after its length: one byte below 128, or
//! two where the first has its high bit set (low seven bits first). Words carry U+2581 for the space before
//! them; tokens in angle brackets are signs to the decoder, not text.

/// Token numbers to text.
pub struct Vocabulary {
    tokens: Vec<Box<[u8]>>,
}

/// The file is not a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vocabulary ends inside token {0}")]
pub struct TruncatedVocabulary(usize);

impl Vocabulary {
    /// Reads the whole file's bytes.
    pub fn parse(mut rest: &[u8]) -> Result<Vocabulary, TruncatedVocabulary> {
        let mut tokens = Vec::new();
        while let Some((&first, after)) = rest.split_first() {
            let (len, after) = match (first, after.split_first()) {
                (0..128, _) => (usize::from(first), after),
                (_, Some((&second, after))) => (usize::from(first & 0x7f) | usize::from(second) << 7, after),
                (_, None) => return Err(TruncatedVocabulary(tokens.len())),
            };
            let (token, after) = after.split_at_checked(len).ok_or(TruncatedVocabulary(tokens.len()))?;
            tokens.push(token.into());
            rest = after;
        }
        Ok(Vocabulary { tokens })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The text of a row of tokens, without the decoder's signs. Numbers outside the vocabulary and bytes
    /// that form no character are left out or replaced.
    pub fn text(&self, tokens: &[u32]) -> String {
        let mut bytes = Vec::new();
        for &token in tokens {
            let Some(piece) = self.tokens.get(token as usize) else { continue };
            let is_sign = piece.len() > 2 && piece.first() == Some(&b'<') && piece.last() == Some(&b'>');
            if !is_sign {
                bytes.extend_from_slice(piece);
            }
        }
        String::from_utf8_lossy(&bytes).replace('\u{2581}', " ").trim().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tokens: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for token in tokens {
            match token.len() {
                len @ 0..128 => bytes.push(len as u8),
                len => bytes.extend([(len & 0x7f) as u8 | 0x80, (len >> 7) as u8]),
            }
            bytes.extend_from_slice(token);
        }
        bytes
    }

    #[test]
    fn pieces_join_to_words_and_signs_are_left_out() {
        let long = vec![b'x'; 300];
        let bytes = file(&[b"<unk>", b"<s>", b"</s>", "\u{2581}ten".as_bytes(), b"th", "\u{2581}of".as_bytes(), &long]);
        let vocabulary = Vocabulary::parse(&bytes).expect("well formed");
        assert_eq!(vocabulary.len(), 7);
        assert_eq!(vocabulary.text(&[1, 3, 4, 5, 2, 99]), "tenth of");
        assert_eq!(vocabulary.text(&[6]).len(), 300);
    }

    #[test]
    fn a_truncated_file_is_refused() {
        assert!(Vocabulary::parse(&[5, b'a']).is_err());
        assert!(Vocabulary::parse(&[0x80]).is_err());
    }
}
