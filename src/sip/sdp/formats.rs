//! What payload numbers mean: static assignments (RFC 3551 §6) and `a=rtpmap`.

use media::Codec;

use super::description::MediaDescription;

/// The RTP clock of the telephone's codecs, and of comfort noise.
pub(super) const CLOCK_RATE_HZ: u32 = 8000;
/// The RTP clock of Opus, whatever it carries (RFC 7587 §4.1).
pub(super) const OPUS_CLOCK_RATE_HZ: u32 = 48_000;
/// Comfort noise has a static number (RFC 3389 §4).
pub(super) const COMFORT_NOISE: u8 = 13;
/// The number we offer telephone events under: the one nearly every device uses.
pub(super) const TELEPHONE_EVENT: u8 = 101;
/// The same at the clock of Opus.
pub(super) const WIDE_TELEPHONE_EVENT: u8 = 100;

/// A payload number whose meaning we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Audio(Codec),
    /// Keys, at the clock of the audio they come with.
    TelephoneEvent {
        clock_rate_hz: u32,
    },
    ComfortNoise,
}

/// The clock of a codec in RTP.
pub(super) fn clock_rate_hz(codec: Codec) -> u32 {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => CLOCK_RATE_HZ,
        Codec::Opus => OPUS_CLOCK_RATE_HZ,
    }
}

impl Format {
    /// The encoding of its `a=rtpmap` line. G.722 is written with half its rate, by an old mistake that
    /// RFC 3551 §4.5.2 keeps.
    pub(super) fn encoding(self) -> &'static str {
        match self {
            Format::Audio(codec) => encoding(codec),
            Format::TelephoneEvent { clock_rate_hz: OPUS_CLOCK_RATE_HZ } => "telephone-event/48000",
            Format::TelephoneEvent { .. } => "telephone-event/8000",
            Format::ComfortNoise => "CN/8000",
        }
    }
}

pub(super) fn encoding(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU/8000",
        Codec::Pcma => "PCMA/8000",
        Codec::G722 => "G722/8000",
        Codec::Opus => "opus/48000/2",
    }
}

pub(super) fn static_number(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::G722 => 9,
        // Dynamic: the number that browsers use.
        Codec::Opus => 111,
    }
}

/// The stream's formats that we know, in its order of preference, each number once.
pub(super) fn known(stream: &MediaDescription) -> Vec<(u8, Format)> {
    let mut known: Vec<(u8, Format)> = Vec::new();
    // `08` or `+8` is no number that could be answered as it was offered.
    let written_plainly = |format: &String| format.parse::<u8>().ok().filter(|number| number.to_string() == *format);
    for number in stream.formats.iter().filter_map(written_plainly) {
        // Numbers 72 to 76 look like RTCP once the marker bit is set (RFC 5761 §4).
        if number > 127 || (72..=76).contains(&number) || known.iter().any(|(seen, _)| *seen == number) {
            continue;
        }
        known.extend(meaning(stream, number).map(|format| (number, format)));
    }
    known
}

fn meaning(stream: &MediaDescription, number: u8) -> Option<Format> {
    let Some(map) = stream.rtpmaps.iter().find(|map| map.payload_type == number) else {
        return match number {
            0 => Some(Format::Audio(Codec::Pcmu)),
            8 => Some(Format::Audio(Codec::Pcma)),
            9 => Some(Format::Audio(Codec::G722)),
            COMFORT_NOISE => Some(Format::ComfortNoise),
            _ => None,
        };
    };
    let encoding = map.encoding.to_ascii_uppercase();
    if map.clock_rate_hz == OPUS_CLOCK_RATE_HZ {
        return match (encoding.as_str(), map.channels) {
            ("OPUS", 2) => Some(Format::Audio(Codec::Opus)),
            ("TELEPHONE-EVENT", 1) => Some(Format::TelephoneEvent { clock_rate_hz: OPUS_CLOCK_RATE_HZ }),
            _ => None,
        };
    }
    // Some telephones describe the static number of G.722 by its sampling rate; they mean the same stream.
    let clock_fits = map.clock_rate_hz == CLOCK_RATE_HZ || (number == 9 && map.clock_rate_hz == 16_000);
    if !clock_fits || map.channels != 1 {
        return None;
    }
    match encoding.as_str() {
        "PCMU" => Some(Format::Audio(Codec::Pcmu)),
        "PCMA" => Some(Format::Audio(Codec::Pcma)),
        "G722" => Some(Format::Audio(Codec::G722)),
        "TELEPHONE-EVENT" => Some(Format::TelephoneEvent { clock_rate_hz: CLOCK_RATE_HZ }),
        "CN" => Some(Format::ComfortNoise),
        _ => None,
    }
}

/// The stream's formats in words, for a person who reads why a call failed.
pub(super) fn in_words(stream: &MediaDescription) -> String {
    let word = |format: &String| {
        let number = format.parse::<u8>().ok();
        let map = stream.rtpmaps.iter().find(|map| Some(map.payload_type) == number);
        match (map, number) {
            (Some(map), _) => format!("{}/{}", printable(&map.encoding), map.clock_rate_hz),
            (None, Some(0)) => "PCMU/8000".to_owned(),
            (None, Some(8)) => "PCMA/8000".to_owned(),
            (None, Some(9)) => "G722/8000".to_owned(),
            (None, Some(18)) => "G729/8000".to_owned(),
            _ => format!("payload {format}"),
        }
    };
    // A reason phrase is read, not parsed: the first few tell enough.
    stream.formats.iter().take(12).map(word).collect::<Vec<_>>().join(", ")
}

fn printable(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_')).collect()
}
