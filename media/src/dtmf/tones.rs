//! In-band tones.
