//! Answering an offer (RFC 3264 §6).

use arrayvec::ArrayVec;
use media::{Codec, DtmfFormat, StreamParams};

use super::description::{MediaDescription, SessionDescription};
use super::formats::{self, Format};
use super::negotiation::{self, LocalMedia, MediaPreferences, NegotiationError};
use super::write::{self, AudioStream};

/// Answers `offer`: the first usable audio stream with the codec we like best among those offered, under
/// the number it was offered with; all other streams are refused. Returns our text and what the media
/// engine is to do.
pub fn answer(
    offer: &SessionDescription,
    preferences: &MediaPreferences,
    local: &LocalMedia,
) -> Result<(String, StreamParams), NegotiationError> {
    let chosen = negotiation::choose_stream(offer)?;
    let stream = &offer.media[chosen];
    let agreed = Agreed::from(stream, preferences)?;

    let rtcp_mux = stream.rtcp_mux && preferences.rtcp_mux;
    let (remote, remote_rtcp) = negotiation::remote_addresses(offer, stream, local.rtp.ip(), rtcp_mux)?;
    let theirs = negotiation::declared_direction(offer, stream);
    let direction = negotiation::our_direction(theirs, local.direction);
    let packet_ms = negotiation::packet_ms(stream, preferences.packet_ms);

    let mut text = write::session_lines(local);
    for (index, offered) in offer.media.iter().enumerate() {
        match index == chosen {
            true => {
                let formats = &agreed.formats();
                let protocol = &stream.protocol;
                let audio = AudioStream { protocol, formats, packet_ms, direction, rtcp_mux };
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
    Ok((text, params))
}

/// What of the offered formats we take.
struct Agreed {
    audio: (u8, Codec),
    telephone_event: Option<u8>,
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
        Ok(Agreed {
            audio,
            telephone_event: number_of(Format::TelephoneEvent).filter(|_| preferences.telephone_event),
            comfort_noise: number_of(Format::ComfortNoise).filter(|_| preferences.comfort_noise),
        })
    }

    fn formats(&self) -> Vec<(u8, Format)> {
        let mut formats = vec![(self.audio.0, Format::Audio(self.audio.1))];
        formats.extend(self.comfort_noise.map(|number| (number, Format::ComfortNoise)));
        formats.extend(self.telephone_event.map(|number| (number, Format::TelephoneEvent)));
        formats
    }

    fn dtmf(&self) -> Option<DtmfFormat> {
        let form = |payload_type| DtmfFormat { payload_type, clock_rate_hz: formats::CLOCK_RATE_HZ };
        self.telephone_event.map(form)
    }
}
