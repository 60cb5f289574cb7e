//! What recognition is measured by: word errors, and audio as a telephone brings it.

use super::wav::resampled;

/// What a telephone leaves of 16 kHz audio: 8 kHz, µ-law (ITU-T G.711), and back.
pub fn telephone(samples: &[f32]) -> Vec<f32> {
    // 32 kHz read as 16 kHz is 8 kHz.
    let narrow = resampled(samples.to_vec(), 32_000).expect("halving is always possible");
    let coded: Vec<f32> = narrow.iter().map(|&sample| mu_law_round_trip(sample)).collect();
    resampled(coded, 8_000).expect("doubling is always possible")
}

fn mu_law_round_trip(sample: f32) -> f32 {
    const MU: f32 = 255.0;
    let compressed = (1.0 + MU * sample.abs().min(1.0)).ln() / (1.0 + MU).ln();
    let quantised = (compressed * 127.0).round() / 127.0;
    sample.signum() * ((1.0 + MU).powf(quantised) - 1.0) / MU
}

/// Words as compared: lower case, digits spoken one by one, no punctuation.
pub fn words(text: &str) -> Vec<String> {
    let mut plain = String::new();
    for letter in text.to_lowercase().chars() {
        match letter {
            '0'..='9' => {
                let digit = letter.to_digit(10).expect("the arm takes digits alone") as usize;
                plain.push_str(&format!(" {} ", DIGITS[digit]));
            }
            'a'..='z' => plain.push(letter),
            '\'' => {}
            _ => plain.push(' '),
        }
    }
    plain.split_whitespace().map(|word| if word == "mr" { "mister" } else { word }.to_string()).collect()
}

const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// Substitutions, insertions and deletions between two rows of words.
pub fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (line, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in heard.iter().enumerate() {
            let cost = diagonal + usize::from(word != other);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}
