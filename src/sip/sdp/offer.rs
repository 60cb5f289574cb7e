//! Offering, offering again, and reading the answer (RFC 3264 §5, §7, §8).

use std::net::{IpAddr, Ipv4Addr};

use arrayvec::ArrayVec;
use media::{Codec, Direction, DtmfFormat, StreamParams};

use super::crypto::{Crypto, OurKeys};
use super::description::{Connection, MediaDescription, SessionDescription, Setup};
use super::formats::{self, Format};
use super::negotiation::{self, Agreement, LocalMedia, MediaPreferences, NegotiationError, OurExchange};
use super::parse::SdpError;
use super::write::{self, AudioStream};
use crate::config::sip::Srtp;
use crate::seams::media::SrtpKeys;

/// Our first offer of a call: one audio stream with everything we speak.
pub fn offer(preferences: &MediaPreferences, local: &LocalMedia) -> String {
    let formats = wanted_formats(preferences, &[]);
    let mut text = write::session_lines(local);
    let crypto = our_crypto(preferences, local);
    let stream = our_stream(first_protocol(preferences, local), &formats, preferences, local, false);
    write::audio_lines(&mut text, local, &AudioStream { crypto: &crypto, ..stream });
    text
}

/// The protocol of a first offer.
fn first_protocol(preferences: &MediaPreferences, local: &LocalMedia) -> &'static str {
    if local.exchange.is_some() { "UDP/TLS/RTP/SAVP" } else { preferences.protocol() }
}

/// What stands in a first offer of ours.
fn our_crypto(preferences: &MediaPreferences, local: &LocalMedia) -> Vec<Crypto> {
    let keys = local.keys.as_ref().filter(|_| preferences.offers_keys() && local.exchange.is_none());
    keys.map(OurKeys::lines).unwrap_or_default()
}

/// A later offer of ours within the same call (hold, resume, a new address). `previous` is the last
/// description that we sent, offer or answer: its streams keep their places and its payload numbers their
/// meaning, and the version grows past it even if the caller forgot to.
pub fn re_offer(previous: &str, preferences: &MediaPreferences, local: &LocalMedia) -> Result<String, SdpError> {
    let previous = SessionDescription::parse(previous)?;
    let past = previous.origin.version.parse::<u64>().unwrap_or(0);
    let local = LocalMedia { version: local.version.max(past.saturating_add(1)), ..local.clone() };
    let carried = previous.media.iter().position(|stream| stream.is_active_audio());

    let mut text = write::session_lines(&local);
    for (index, stream) in previous.media.iter().enumerate() {
        if Some(index) != carried {
            write::refused_lines(&mut text, stream);
            continue;
        }
        let formats = wanted_formats(preferences, &formats::known(stream));
        let mux = stream.rtcp_mux && preferences.rtcp_mux;
        let ours = our_stream(&stream.protocol, &formats, preferences, &local, mux);
        // The keys in use, or those that were offered: nothing changes unless the far end changes it.
        write::audio_lines(&mut text, &local, &AudioStream { crypto: &stream.crypto, ..ours });
    }
    if carried.is_none() {
        let formats = wanted_formats(preferences, &[]);
        let crypto = our_crypto(preferences, &local);
        let ours = our_stream(first_protocol(preferences, &local), &formats, preferences, &local, false);
        write::audio_lines(&mut text, &local, &AudioStream { crypto: &crypto, ..ours });
    }
    Ok(text)
}

fn our_stream<'a>(
    protocol: &'a str,
    formats: &'a [(u8, Format)],
    preferences: &MediaPreferences,
    local: &'a LocalMedia,
    rtcp_mux: bool,
) -> AudioStream<'a> {
    // Keys are exchanged on one port alone.
    let rtcp_mux = rtcp_mux || local.exchange.is_some();
    let keying = local.exchange.as_ref().map(|ours| (&*ours.fingerprint, Setup::Actpass));
    AudioStream {
        keying,
        protocol,
        formats,
        packet_ms: preferences.packet_ms,
        direction: local.direction,
        rtcp_mux,
        crypto: &[],
    }
}

/// Everything we want, each under the number it has already (`settled`), else under its usual one. What is
/// settled comes first, so that a re-offer does not change the codec in the middle of a call.
fn wanted_formats(preferences: &MediaPreferences, settled: &[(u8, Format)]) -> Vec<(u8, Format)> {
    let mut wanted: Vec<(Format, u8)> = Vec::new();
    wanted.extend(preferences.codecs.iter().map(|codec| (Format::Audio(*codec), formats::static_number(*codec))));
    if wanted.is_empty() {
        // A stream without a codec is no stream; PCMU is what every telephone must speak (RFC 7874 §3).
        wanted.push((Format::Audio(Codec::Pcmu), formats::static_number(Codec::Pcmu)));
    }
    wanted.extend(preferences.comfort_noise.then_some((Format::ComfortNoise, formats::COMFORT_NOISE)));
    for (clock_rate_hz, number) in [
        (formats::CLOCK_RATE_HZ, formats::TELEPHONE_EVENT),
        (formats::OPUS_CLOCK_RATE_HZ, formats::WIDE_TELEPHONE_EVENT),
    ] {
        // Keys run at the clock of the audio they come with (RFC 4733 §2.1).
        let has_audio = wanted.iter().any(
            |(format, _)| matches!(format, Format::Audio(codec) if formats::clock_rate_hz(*codec) == clock_rate_hz),
        );
        if preferences.telephone_event && has_audio {
            wanted.push((Format::TelephoneEvent { clock_rate_hz }, number));
        }
    }

    let mut chosen: Vec<(u8, Format)> = settled
        .iter()
        .filter(|(_, format)| matches!(format, Format::Audio(_)) && wanted.iter().any(|(want, _)| want == format))
        .copied()
        .collect();
    for (format, usual) in wanted {
        if chosen.iter().any(|(_, taken)| *taken == format) {
            continue;
        }
        let settled_number = settled.iter().find(|(_, known)| *known == format).map(|(number, _)| *number);
        let is_free = |number: &u8| {
            let taken = |(other, _): &(u8, Format)| other == number;
            !chosen.iter().any(taken) && !settled.iter().any(taken)
        };
        let number = settled_number.or_else(|| [usual].into_iter().chain(96..=127).find(is_free));
        chosen.extend(number.map(|number| (number, format)));
    }
    chosen
}

/// Reads the answer to `our_offer` (the text we sent). What was not offered is not believed.
pub fn apply_answer(
    our_offer: &str,
    answer: &SessionDescription,
    preferences: &MediaPreferences,
    exchange: Option<&OurExchange>,
) -> Result<Agreement, NegotiationError> {
    let ours = SessionDescription::parse(our_offer)
        .map_err(|_| NegotiationError::AnswerMismatch("our own offer was not kept as it was sent"))?;
    let index = ours
        .media
        .iter()
        .position(|stream| stream.is_active_audio())
        .ok_or(NegotiationError::AnswerMismatch("we offered no audio"))?;
    let offered = &ours.media[index];
    let answered = answer.media.get(index).ok_or(NegotiationError::AnswerMismatch("our audio stream is missing"))?;
    if answered.port == 0 {
        return Err(NegotiationError::Refused);
    }
    if !answered.kind.eq_ignore_ascii_case("audio") {
        return Err(NegotiationError::AnswerMismatch("another kind of stream stands in the place of our audio"));
    }
    let keys = match exchange {
        None => agreed_keys(offered, answered, preferences)?,
        Some(_) => None,
    };

    let (we_hear, they_hear) = (formats::known(offered), formats::known(answered));
    let number_in = |list: &[(u8, Format)], wanted: Format| {
        list.iter().find(|(_, format)| *format == wanted).map(|(number, _)| *number)
    };
    let both = |wanted: Format| Some((number_in(&we_hear, wanted)?, number_in(&they_hear, wanted)?));
    // The answer's order is the far end's preference among what we can do (RFC 3264 §6.1).
    let common = they_hear.iter().find_map(|(number, format)| match format {
        Format::Audio(codec) if both(*format).is_some() => Some((*number, *codec)),
        _ => None,
    });
    let (payload_type, codec) =
        common.ok_or_else(|| negotiation::no_common_codec(answered, &offered_codecs(&we_hear)))?;

    let our_ip = offered.connection.as_ref().or(ours.connection.as_ref()).and_then(Connection::ip);
    let our_ip = our_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let mux = offered.rtcp_mux && answered.rtcp_mux;
    let (remote, remote_rtcp) = negotiation::remote_addresses(answer, answered, our_ip, mux)?;
    let far = exchange.filter(|_| !negotiation::is_plain_rtp(&answered.protocol)).map(|ours| {
        negotiation::far_end(answered, remote, ours, preferences.source_rule).ok_or(NegotiationError::NoFingerprint)
    });
    if exchange.is_some() && far.is_none() {
        return Err(NegotiationError::NotEncrypted);
    }
    let exchange = far.transpose()?;
    let our_wish = offered.direction.unwrap_or(Direction::SendRecv);
    let own_clock = formats::clock_rate_hz(codec);
    let keys_at = |clock_rate_hz| both(Format::TelephoneEvent { clock_rate_hz }).map(|(ours, _)| (ours, clock_rate_hz));
    let params = StreamParams {
        remote,
        remote_rtcp,
        codec,
        payload_type,
        accepted: accepted(&we_hear, &they_hear),
        // Devices that number events differently send them under our number, which is the one that matters:
        // keys are heard far more often than sent.
        dtmf: keys_at(own_clock)
            .or_else(|| keys_at(formats::CLOCK_RATE_HZ))
            .map(|(payload_type, clock_rate_hz)| DtmfFormat { payload_type, clock_rate_hz }),
        comfort_noise_payload_type: both(Format::ComfortNoise)
            .filter(|_| own_clock == formats::CLOCK_RATE_HZ)
            .map(|(ours, _)| ours),
        packet_ms: negotiation::packet_ms(answered, preferences.packet_ms),
        direction: negotiation::our_direction(negotiation::declared_direction(answer, answered), our_wish),
        source_rule: preferences.source_rule,
    };
    Ok(Agreement { params, keys, exchange })
}

/// How the stream is protected by the answer. What we offered as encrypted is not taken in the clear, and where keys were
/// only offered the answer may leave them out unless encryption is demanded.
fn agreed_keys(
    offered: &MediaDescription,
    answered: &MediaDescription,
    preferences: &MediaPreferences,
) -> Result<Option<SrtpKeys>, NegotiationError> {
    let is_sealed = negotiation::is_sealed_rtp(&answered.protocol);
    if !is_sealed && !negotiation::is_plain_rtp(&answered.protocol) {
        return Err(NegotiationError::Protocol(answered.protocol.clone()));
    }
    if negotiation::is_sealed_rtp(&offered.protocol) && !is_sealed {
        return Err(NegotiationError::NotEncrypted);
    }
    // The answer names one of our lines by its number, with a key of its own (RFC 4568 §5.1.3).
    let agreed = answered.crypto.iter().find_map(|theirs| {
        let ours = offered.crypto.iter().find(|ours| ours.tag == theirs.tag && ours.suite == theirs.suite)?;
        Some(SrtpKeys { suite: ours.suite, local: ours.key.clone(), remote: theirs.key.clone() })
    });
    match agreed {
        Some(keys) => Ok(Some(keys)),
        None if is_sealed => Err(NegotiationError::NoUsableKeys(answered.protocol.clone())),
        None if preferences.srtp == Srtp::Required => Err(NegotiationError::NotEncrypted),
        None => Ok(None),
    }
}

/// What may arrive: the answered codecs under the numbers we offered them with, and under the numbers of
/// the answer where those mean nothing else to us.
fn accepted(we_hear: &[(u8, Format)], they_hear: &[(u8, Format)]) -> ArrayVec<(u8, Codec), 8> {
    let mut accepted: ArrayVec<(u8, Codec), 8> = ArrayVec::new();
    for (their_number, format) in they_hear {
        let Format::Audio(codec) = format else { continue };
        let Some((our_number, _)) = we_hear.iter().find(|(_, ours)| ours == format) else { continue };
        let conflicts = we_hear.iter().any(|(number, ours)| number == their_number && ours != format);
        for number in [Some(*our_number), (!conflicts).then_some(*their_number)].into_iter().flatten() {
            if !accepted.is_full() && !accepted.iter().any(|(seen, _)| *seen == number) {
                accepted.push((number, *codec));
            }
        }
    }
    accepted
}

fn offered_codecs(formats: &[(u8, Format)]) -> Vec<Codec> {
    let audio = |(_, format): &(u8, Format)| match format {
        Format::Audio(codec) => Some(*codec),
        Format::TelephoneEvent { .. } | Format::ComfortNoise => None,
    };
    formats.iter().filter_map(audio).collect()
}
