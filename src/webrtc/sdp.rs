//! The browser's offer and our answer (RFC 8829, RFC 8866): one stream of Opus, everything on one port.

use std::fmt::Write;
use std::net::SocketAddr;

use media::DtmfFormat;

use super::ice::Credentials;
use crate::seams::browser::fingerprint;

/// Streams of an offer that are read at most; more is no call.
const STREAMS_MAX: usize = 8;
/// Lines read at most: Chromium writes about 60 for one stream.
const LINES_MAX: usize = 2_000;
/// Letters of one value that we keep and send back (RFC 8839 §5.4).
const VALUE_MAX: usize = 256;

/// Why an offer cannot be answered. The text goes back to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// It is no session description.
    #[error("the body is no session description")]
    Unreadable,
    /// It has no sound.
    #[error("the offer has no audio stream")]
    NoAudio,
    /// The sound is coded in ways that we do not know.
    #[error("the offer's audio has no Opus")]
    NoOpus,
    /// It is not protected, or by nothing that we know.
    #[error("the offer has no DTLS fingerprint (sha-256)")]
    NoFingerprint,
    /// It names nobody to look for.
    #[error("the offer has no usable ICE credentials")]
    NoCredentials,
    /// It wants several ports.
    #[error("the offer does not multiplex RTCP")]
    NoMux,
    /// It wants us to call, or nothing at all.
    #[error("the offer wants a DTLS role that we do not take")]
    Role,
}

/// What of an offer matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who looks for us.
    pub ice: Ice,
    /// SHA-256 of the browser's certificate.
    pub fingerprint: String,
    /// The payload type of Opus.
    pub opus: u8,
    /// Keys, where it offers them by the clock of Opus.
    pub dtmf: Option<DtmfFormat>,
    /// Whether the browser wants to hear us.
    pub hears: bool,
    /// Whether it sends anything.
    pub speaks: bool,
    streams: Vec<Stream>,
    /// Which of them is the audio that we answer.
    audio: usize,
    is_bundled: bool,
}

/// The browser's side of ICE. Its password is of no use to us, who check nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ice {
    /// The fragment.
    pub ufrag: String,
    /// The password, by which a restart is told from a repetition.
    pub password: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    kind: String,
    protocol: String,
    formats: Vec<String>,
    mid: Option<String>,
    attributes: Vec<(String, String)>,
}

impl Stream {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(key, _)| key == name)
    }
}

impl Offer {
    /// Reads an offer.
    pub fn parse(text: &str) -> Result<Offer, OfferError> {
        if !text.starts_with("v=0") {
            return Err(OfferError::Unreadable);
        }
        let mut session = Stream::default();
        let mut streams: Vec<Stream> = Vec::new();
        for line in text.lines().take(LINES_MAX) {
            let Some((kind, value)) = line.split_once('=') else { continue };
            match kind {
                "m" => streams.push(media_line(value).ok_or(OfferError::Unreadable)?),
                "a" => {
                    let (name, value) = value.split_once(':').unwrap_or((value, ""));
                    let stream = streams.last_mut().unwrap_or(&mut session);
                    if name == "mid" {
                        stream.mid = Some(token(value).ok_or(OfferError::Unreadable)?);
                    }
                    stream.attributes.push((name.to_owned(), value.trim().to_owned()));
                }
                _ => {}
            }
            if streams.len() > STREAMS_MAX {
                return Err(OfferError::Unreadable);
            }
        }
        let audio = streams.iter().position(|stream| stream.kind == "audio").ok_or(OfferError::NoAudio)?;
        let stream = &streams[audio];
        if !stream.protocol.contains("SAVPF") {
            return Err(OfferError::NoFingerprint);
        }
        if !stream.has("rtcp-mux") {
            return Err(OfferError::NoMux);
        }
        let first = |name: &str| of_either(stream, &session, name);
        let fingerprints = stream.all("fingerprint").chain(session.all("fingerprint"));
        let fingerprint = fingerprints.filter_map(fingerprint).next().ok_or(OfferError::NoFingerprint)?;
        if !matches!(first("setup"), Some("actpass" | "active")) {
            return Err(OfferError::Role);
        }
        let ice = Ice {
            ufrag: first("ice-ufrag").and_then(|value| ice_text(value, 4)).ok_or(OfferError::NoCredentials)?,
            password: first("ice-pwd").and_then(|value| ice_text(value, 22)).ok_or(OfferError::NoCredentials)?,
        };
        let opus = payload_type(stream, "opus/48000/2").ok_or(OfferError::NoOpus)?;
        let dtmf = payload_type(stream, "telephone-event/48000")
            .map(|payload_type| DtmfFormat { payload_type, clock_rate_hz: 48_000 });
        let hears = !stream.has("sendonly") && !stream.has("inactive");
        let speaks = !stream.has("recvonly") && !stream.has("inactive");
        let is_bundled = session.all("group").any(|group| group.starts_with("BUNDLE"));
        Ok(Offer { ice, fingerprint, opus, dtmf, hears, speaks, audio, is_bundled, streams })
    }
}

/// What the stream says, or the whole session for all of its streams.
fn of_either<'a>(stream: &'a Stream, session: &'a Stream, name: &str) -> Option<&'a str> {
    let named = |(key, value): &'a (String, String)| (key == name).then_some(value.as_str());
    stream.attributes.iter().find_map(named).or_else(|| session.attributes.iter().find_map(named))
}

fn media_line(value: &str) -> Option<Stream> {
    let mut words = value.split_ascii_whitespace();
    let (kind, _port, protocol) = (token(words.next()?)?, words.next()?, token(words.next()?)?);
    let formats = words.take(64).map(token).collect::<Option<Vec<String>>>()?;
    Some(Stream { kind, protocol, formats, ..Stream::default() })
}

/// A word that may stand in an answer as it stood in the offer.
fn token(word: &str) -> Option<String> {
    let word = word.trim();
    let plain = !word.is_empty() && word.len() <= VALUE_MAX && word.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| word.to_owned())
}

/// `ice-char` of RFC 8839 §5.4.
fn ice_text(value: &str, least: usize) -> Option<String> {
    let fits = (least..=VALUE_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    fits.then(|| value.to_owned())
}

fn payload_type(stream: &Stream, encoding: &str) -> Option<u8> {
    stream.all("rtpmap").find_map(|map| {
        let (number, named) = map.split_once(' ')?;
        let number: u8 = number.parse().ok()?;
        let is_listed = stream.formats.iter().any(|format| format.parse() == Ok(number));
        (named.trim().eq_ignore_ascii_case(encoding) && number < 128 && is_listed).then_some(number)
    })
}

/// What of us stands in a description.
pub struct Ours<'a> {
    /// Our side of ICE.
    pub local: &'a Credentials,
    /// SHA-256 of our certificate.
    pub fingerprint: &'a str,
    /// Where we can be reached, likeliest first.
    pub addresses: &'a [SocketAddr],
    /// Names the session (RFC 8866 §5.2).
    pub session: u64,
    /// Which description of that session this is, from 1.
    pub version: u64,
}

/// Answers an offer.
pub fn answer(offer: &Offer, ours: &Ours<'_>) -> String {
    let mut text = String::with_capacity(1_500);
    write_session(&mut text, ours, offer.streams[offer.audio].mid.as_deref().filter(|_| offer.is_bundled));
    for (index, stream) in offer.streams.iter().enumerate() {
        if index == offer.audio {
            write_audio(&mut text, &answered(offer, stream), ours);
        } else {
            // Refused (RFC 3264 §6), in the place where it was offered.
            let format = stream.formats.first().map_or("0", String::as_str);
            let _ = write!(text, "m={} 0 {} {format}\r\nc=IN IP4 0.0.0.0\r\n", stream.kind, stream.protocol);
            if let Some(mid) = &stream.mid {
                let _ = write!(text, "a=mid:{mid}\r\n");
            }
            text.push_str("a=inactive\r\n");
        }
    }
    text
}

fn answered<'a>(offer: &Offer, stream: &'a Stream) -> Audio<'a> {
    let direction = match (offer.hears, offer.speaks) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    let (mid, protocol) = (stream.mid.as_deref(), &*stream.protocol);
    Audio { mid, protocol, opus: offer.opus, dtmf: offer.dtmf, setup: "passive", direction }
}

/// Offers one stream of Opus. Who begins the exchange of keys is for the browser to say.
pub fn offer(ours: &Ours<'_>) -> String {
    let mut text = String::with_capacity(1_500);
    write_session(&mut text, ours, Some("0"));
    let dtmf = DtmfFormat { payload_type: EVENTS, clock_rate_hz: 48_000 };
    let audio = Audio {
        mid: Some("0"),
        protocol: PROTOCOL,
        opus: OPUS,
        dtmf: Some(dtmf),
        setup: "actpass",
        direction: "sendrecv",
    };
    write_audio(&mut text, &audio, ours);
    text
}

/// As every browser writes it (RFC 8829 §5.1.2).
const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";
/// The numbers that Chromium itself gives to Opus and to keys.
const OPUS: u8 = 111;
const EVENTS: u8 = 110;

fn write_session(text: &mut String, ours: &Ours<'_>, bundled: Option<&str>) {
    let (session, version) = (ours.session & i64::MAX as u64, ours.version);
    // Writing to a String never fails.
    let _ = write!(text, "v=0\r\no=- {session} {version} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n");
    if let Some(mid) = bundled {
        let _ = write!(text, "a=group:BUNDLE {mid}\r\n");
    }
    text.push_str("a=msid-semantic: WMS switchboard\r\n");
}

/// The stream as it is to be written.
struct Audio<'a> {
    mid: Option<&'a str>,
    protocol: &'a str,
    opus: u8,
    dtmf: Option<DtmfFormat>,
    setup: &'a str,
    direction: &'a str,
}

fn write_audio(text: &mut String, audio: &Audio<'_>, ours: &Ours<'_>) {
    let Audio { opus, protocol, setup, direction, .. } = *audio;
    let events = audio.dtmf.map_or(String::new(), |dtmf| format!(" {}", dtmf.payload_type));
    let _ = write!(text, "m=audio 9 {protocol} {opus}{events}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n");
    if let Some(mid) = audio.mid {
        let _ = write!(text, "a=mid:{mid}\r\n");
    }
    let Credentials { ufrag, password } = ours.local;
    let _ =
        write!(text, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=fingerprint:sha-256 {}\r\n", ours.fingerprint);
    let _ = write!(text, "a=setup:{setup}\r\na={direction}\r\na=rtpmap:{opus} opus/48000/2\r\n");
    // Speech of one channel, with copies of what is lost; packets in silence too, by which we know that it is silence.
    let _ = write!(
        text,
        "a=fmtp:{opus} minptime=10;useinbandfec=1;stereo=0;sprop-stereo=0;maxaveragebitrate=40000;usedtx=0\r\n"
    );
    if let Some(dtmf) = audio.dtmf {
        let _ = write!(text, "a=rtpmap:{0} telephone-event/48000\r\na=fmtp:{0} 0-15\r\n", dtmf.payload_type);
    }
    text.push_str("a=ptime:20\r\n");
    text.push_str("a=msid:switchboard voice\r\n");
    write_candidates(text, ours.addresses);
}

fn write_candidates(text: &mut String, addresses: &[SocketAddr]) {
    for (index, address) in addresses.iter().enumerate() {
        // Host candidates in order (RFC 8445 §5.1.2.1); each its own foundation, so that none is frozen.
        let priority = (126 << 24) + ((65_535 - index as u32) << 8) + 255;
        let (ip, port) = (address.ip(), address.port());
        let _ = write!(text, "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n", index + 1);
    }
    text.push_str("a=end-of-candidates\r\n");
}

/// A fragment of a session description (RFC 8840 §9): what a browser trickles, or restarts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The browser's credentials, where it names them.
    pub ice: Option<Ice>,
}

impl Fragment {
    /// Reads one. Candidates are not looked at: who looks for us finds us, and is answered where it asks from.
    pub fn parse(text: &str) -> Option<Fragment> {
        let value = |name: &str| text.lines().take(LINES_MAX).find_map(|line| line.trim_end().strip_prefix(name));
        let known = ["a=ice-ufrag:", "a=candidate:", "a=end-of-candidates", "a=ice-pwd:"];
        if !known.iter().any(|name| value(name).is_some()) {
            return None;
        }
        let ice = match (value("a=ice-ufrag:"), value("a=ice-pwd:")) {
            (Some(ufrag), Some(password)) => {
                Some(Ice { ufrag: ice_text(ufrag, 4)?, password: ice_text(password, 22)? })
            }
            _ => None,
        };
        Some(Fragment { ice })
    }
}

/// The fragment that answers a restart.
pub fn restart_fragment(local: &Credentials, mid: Option<&str>, addresses: &[SocketAddr]) -> String {
    let mut text = format!("a=ice-lite\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", local.ufrag, local.password);
    if let Some(mid) = mid {
        let _ = write!(text, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{mid}\r\n");
    }
    write_candidates(&mut text, addresses);
    text
}

impl Offer {
    /// The name of the audio stream.
    pub fn mid(&self) -> Option<&str> {
        self.streams[self.audio].mid.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FINGERPRINT: &str =
        "6E:8C:2A:33:7B:C4:5E:0F:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F";

    /// Shortened from Chromium's.
    fn chromium() -> String {
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS x\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
             a=ice-pwd:0123456789abcdefghijkl+/\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n\
             a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
             a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
             a=rtpmap:126 telephone-event/8000\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n"
        )
    }

    fn local() -> Credentials {
        Credentials { ufrag: "ours".into(), password: "a-password-of-ours-long-enough".into() }
    }

    fn answered(text: &str) -> String {
        let offer = Offer::parse(text).unwrap();
        let addresses = ["192.0.2.1:5000".parse().unwrap(), "127.0.0.1:5000".parse().unwrap()];
        let local = local();
        let ours = Ours { local: &local, fingerprint: "AA:BB", addresses: &addresses, session: 7, version: 1 };
        answer(&offer, &ours)
    }

    #[test]
    fn an_offer_of_chromium_is_read() {
        let offer = Offer::parse(&chromium()).unwrap();
        assert_eq!((offer.opus, offer.ice.ufrag.as_str(), offer.mid()), (111, "abcd", Some("0")));
        assert_eq!(offer.dtmf, Some(DtmfFormat { payload_type: 110, clock_rate_hz: 48_000 }));
        assert!(offer.hears && offer.speaks);
    }

    #[test]
    fn the_answer_takes_opus_and_keys_and_refuses_the_rest() {
        let answer = answered(&chromium());
        assert!(answer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\n"), "{answer}");
        assert!(answer.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n") && answer.contains("a=group:BUNDLE 0\r\n"));
        assert!(answer.contains("a=ice-lite\r\n") && answer.contains("a=setup:passive\r\n"));
        assert!(answer.contains("a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"), "{answer}");
        assert!(answer.contains("useinbandfec=1") && answer.contains("usedtx=0"));
    }

    /// M4: nothing unprotected, no weaker digest, no role that would leave nobody to begin.
    #[test]
    fn what_is_not_protected_is_refused() {
        let without = |line: &str| chromium().lines().filter(|l| !l.starts_with(line)).collect::<Vec<_>>().join("\r\n");
        assert_eq!(Offer::parse(&without("a=fingerprint")).unwrap_err(), OfferError::NoFingerprint);
        assert_eq!(Offer::parse(&chromium().replace("sha-256", "sha-1")).unwrap_err(), OfferError::NoFingerprint);
        let plain = chromium().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
        assert_eq!(Offer::parse(&plain).unwrap_err(), OfferError::NoFingerprint);
        assert_eq!(Offer::parse(&chromium().replace("actpass", "passive")).unwrap_err(), OfferError::Role);
        assert_eq!(Offer::parse(&without("a=ice-pwd")).unwrap_err(), OfferError::NoCredentials);
        assert_eq!(Offer::parse(&without("a=rtcp-mux")).unwrap_err(), OfferError::NoMux);
        assert_eq!(Offer::parse(&without("a=rtpmap:111")).unwrap_err(), OfferError::NoOpus);
        assert_eq!(Offer::parse(&chromium().replace("m=audio", "m=text")).unwrap_err(), OfferError::NoAudio);
        assert_eq!(Offer::parse("hello").unwrap_err(), OfferError::Unreadable);
    }

    #[test]
    fn a_restart_names_new_credentials_and_a_trickled_candidate_does_not() {
        let candidate = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
                         a=mid:0\r\na=candidate:1 1 udp 2 192.0.2.1 5 typ host\r\n";
        assert_eq!(Fragment::parse(candidate).unwrap().ice.unwrap().ufrag, "abcd");
        assert_eq!(Fragment::parse("a=end-of-candidates\r\n").unwrap().ice, None);
        assert!(Fragment::parse("v=0").is_none());
        assert!(Fragment::parse("a=ice-ufrag:a b\r\na=ice-pwd:0123456789abcdefghijkl\r\n").is_none());
        let text = restart_fragment(&local(), Some("0"), &[]);
        assert!(text.contains("a=ice-ufrag:ours\r\n") && text.contains("a=mid:0\r\n"));
    }

    proptest! {
        #[test]
        fn no_offer_makes_it_panic_and_no_answer_has_more_lines_than_we_wrote(
            at in 0usize..1200, piece in "[ -~\r\n]{0,40}", text in "[ -~\r\n]{0,200}"
        ) {
            let mut offer = chromium();
            let at = at.min(offer.len());
            offer.insert_str(at, &piece);
            for text in [&offer, &text] {
                if let Ok(read) = Offer::parse(text) {
                    let local = local();
                    let ours = Ours { local: &local, fingerprint: "AA", addresses: &[], session: 1, version: 1 };
                    let answer = answer(&read, &ours);
                    prop_assert!(answer.lines().count() < 30 + 5 * STREAMS_MAX);
                }
                let _ = Fragment::parse(text);
            }
        }
    }
}
