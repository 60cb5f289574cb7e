//! Answering an offer (RFC 3264 §6).

use arrayvec::ArrayVec;
use media::{Codec, DtmfFormat, StreamParams};

use super::crypto::Crypto;
use super::description::{MediaDescription, SessionDescription, Setup};
use super::formats::{self, Format};
use super::negotiation::{self, Agreement, Chosen, LocalMedia, MediaPreferences, NegotiationError};
use super::write::{self, AudioStream};
use crate::seams::browser::KeyedFarEnd;
use crate::seams::media::SrtpKeys;

/// Answers `offer`: the first usable audio stream with the codec we like best among those offered, under
/// the number it was offered with; all other streams are refused. Returns our text and what the media
/// engine is to do.
pub fn answer(
    offer: &SessionDescription,
    preferences: &MediaPreferences,
    local: &LocalMedia,
) -> Result<(String, Agreement), NegotiationError> {
    let Chosen { index: chosen, crypto } = negotiation::choose_stream(offer, preferences, local)?;
    let stream = &offer.media[chosen];
    let agreed = Agreed::from(stream, preferences)?;

    let rtcp_mux = stream.rtcp_mux && preferences.rtcp_mux;
    let (remote, remote_rtcp) = negotiation::remote_addresses(offer, stream, local.rtp.ip(), rtcp_mux)?;
    let theirs = negotiation::declared_direction(offer, stream);
    let direction = negotiation::our_direction(theirs, local.direction);
    let packet_ms = negotiation::packet_ms(stream, preferences.packet_ms);

    let far = local.exchange.as_ref().map(|ours| {
        negotiation::far_end(stream, remote, ours, preferences.source_rule).ok_or(NegotiationError::NoFingerprint)
    });
    let exchange = far.transpose()?;
    // Whom we call waits for us, and the other way round.
    let setup = |far: &KeyedFarEnd| if far.is_called { Setup::Active } else { Setup::Passive };
    let keying = local.exchange.as_ref().zip(exchange.as_ref());
    let keying = keying.map(|(ours, far)| (&*ours.fingerprint, setup(far)));
    let keys = crypto.map(|theirs| keys(theirs, local)).transpose()?;
    let ours = keys.as_ref().zip(crypto).map(|(keys, theirs)| Crypto {
        tag: theirs.tag,
        suite: keys.suite,
        key: keys.local.clone(),
    });
    let mut text = write::session_lines(local);
    for (index, offered) in offer.media.iter().enumerate() {
        match index == chosen {
            true => {
                let formats = &agreed.formats();
                let protocol = &stream.protocol;
                let crypto = ours.as_slice();
                let audio = AudioStream { protocol, formats, packet_ms, direction, rtcp_mux, crypto, keying };
                write::audio_lines(&mut text, local, &audio);
            }
            false => write::refused_lines(&mut text, offered),
        }
    }
    let params = StreamParams {
        remote,
        remote_rtcp,
        codec: agreed.audio.1,
        payload_type: agreed.audio.0,
        accepted: ArrayVec::from_iter([agreed.audio]),
        dtmf: agreed.dtmf(),
        comfort_noise_payload_type: agreed.comfort_noise,
        packet_ms,
        direction,
        source_rule: preferences.source_rule,
    };
    Ok((text, Agreement { params, keys, exchange }))
}

fn keys(theirs: &Crypto, local: &LocalMedia) -> Result<SrtpKeys, NegotiationError> {
    let ours = local.keys.as_ref().and_then(|keys| keys.of(theirs.suite));
    let ours = ours.ok_or_else(|| NegotiationError::NoUsableKeys("no keys of our own".to_owned()))?;
    Ok(SrtpKeys { suite: theirs.suite, local: ours.clone(), remote: theirs.key.clone() })
}

/// What of the offered formats we take.
struct Agreed {
    audio: (u8, Codec),
    telephone_event: Option<(u8, u32)>,
    comfort_noise: Option<u8>,
}

impl Agreed {
    fn from(stream: &MediaDescription, preferences: &MediaPreferences) -> Result<Agreed, NegotiationError> {
        let known = formats::known(stream);
        let number_of = |wanted: Format| known.iter().find(|(_, format)| *format == wanted).map(|(number, _)| *number);
        let by_our_order = |codec: &Codec| number_of(Format::Audio(*codec)).map(|number| (number, *codec));
        let audio = preferences
            .codecs
            .iter()
            .find_map(by_our_order)
            .ok_or_else(|| negotiation::no_common_codec(stream, &preferences.codecs))?;
        let own_clock = formats::clock_rate_hz(audio.1);
        let keys_at = |clock_rate_hz| Some((number_of(Format::TelephoneEvent { clock_rate_hz })?, clock_rate_hz));
        // Telephones with Opus often know keys at the old clock alone, and mean them for whatever audio there is.
        let telephone_event = keys_at(own_clock).or_else(|| keys_at(formats::CLOCK_RATE_HZ));
        let may_be_silent = preferences.comfort_noise && own_clock == formats::CLOCK_RATE_HZ;
        Ok(Agreed {
            audio,
            telephone_event: telephone_event.filter(|_| preferences.telephone_event),
            comfort_noise: number_of(Format::ComfortNoise).filter(|_| may_be_silent),
        })
    }

    fn formats(&self) -> Vec<(u8, Format)> {
        let mut formats = vec![(self.audio.0, Format::Audio(self.audio.1))];
        formats.extend(self.comfort_noise.map(|number| (number, Format::ComfortNoise)));
        formats.extend(
            self.telephone_event.map(|(number, clock_rate_hz)| (number, Format::TelephoneEvent { clock_rate_hz })),
        );
        formats
    }

    fn dtmf(&self) -> Option<DtmfFormat> {
        self.telephone_event.map(|(payload_type, clock_rate_hz)| DtmfFormat { payload_type, clock_rate_hz })
    }
}
