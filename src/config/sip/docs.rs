//! The reference of `[sip]`.

/// Keys and what they do, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    ("listen", "Address and port for SIP over UDP and TCP; on loopback only this machine can call."),
    ("tcp", "Whether to listen on TCP as well; some carriers and large messages need it."),
    ("tls_listen", "Address and port for SIP over TLS (5061 is usual); none by default. Needs a certificate."),
    ("ws_listen", "Address and port for SIP over WebSockets in the clear, for a proxy on this machine; loopback only."),
    ("wss_listen", "Address and port for SIP clients in browsers (JsSIP, SIP.js) over TLS; none by default."),
    (
        "ws_origins",
        "Origins of the pages that may connect, as in https://help.example.com; with none, this machine's alone.",
    ),
    (
        "certificate_file",
        "PEM file with our certificate and those that lead to its root; read again when it changes, a bad one is not taken.",
    ),
    ("key_file", "PEM file with the certificate's key; readable by this user alone is enough."),
    ("advertised", "Address or host name to write into Via and Contact when behind NAT."),
    ("own_number", "The number or user that outgoing calls come from where the trunk names none."),
    ("loopback", "Whether calls from this machine need no trunk; switch off where others have shells here."),
    (
        "strangers",
        "refuse answers unknown sources with 401 or 403; ignore tells scanners nothing, but nor does it tell you.",
    ),
    ("realm", "The realm of our digest challenges; changing it makes phones ask for passwords again."),
    ("home_country", "ISO 3166 code by which numbers without a country code are read."),
    (
        "codecs",
        "Codecs, best first: g722, opus, pcmu, pcma. The first two are wideband; opus bears loss best and costs most CPU.",
    ),
    ("packet_ms", "Packet time asked for in milliseconds; longer saves bandwidth and adds delay."),
    (
        "srtp_without_tls",
        "Whether SRTP keys (SDES) may travel over UDP and TCP, where everyone on the way can read them and then the audio.",
    ),
    ("ring_limit_seconds", "How long an unanswered incoming call is kept, in seconds."),
    (
        "session_expires_seconds",
        "Session timer asked for in seconds; shorter finds dead calls sooner and costs messages; 0 asks for none.",
    ),
    ("min_session_expires_seconds", "Shortest session timer accepted, in seconds; at least 90."),
    ("trunks", "Carriers and other exchanges: calls come from them, and go out through them in order of priority."),
    ("trunks.name", "How the trunk is called in logs and calls."),
    ("trunks.host", "Where calls go: host name or address, with or without a port."),
    (
        "trunks.transport",
        "udp, tcp or tls; with tls its calls come over TLS alone, and its certificate must name host.",
    ),
    (
        "trunks.ca_file",
        "PEM file with the authorities that its certificate may come from; the system's where there is none.",
    ),
    (
        "trunks.mutual_tls",
        "Whether the certificate that it shows is what its calls are known by: from any address, and without a password.",
    ),
    (
        "trunks.certificate_names",
        "Names that its certificate may bear instead of host: host names, or sip: addresses of them.",
    ),
    ("trunks.sources", "Networks its calls come from; with none, the addresses of its host."),
    ("trunks.challenge", "Whether its calls must also answer a digest challenge."),
    ("trunks.username", "User name of our registration, and of its calls where challenge is set."),
    ("trunks.auth_username", "Digest user name where the carrier gave a separate one."),
    ("trunks.password", "Password; never shown."),
    ("trunks.realm", "The only realm whose challenges are answered."),
    ("trunks.register", "Whether to register with it, as carriers with user names ask."),
    ("trunks.register_expires_seconds", "How long a registration is asked for, in seconds; renewed at half time."),
    ("trunks.outbound_proxy", "Where all requests to it go first."),
    ("trunks.advertised", "Our public address for this trunk's session descriptions."),
    (
        "trunks.rtp_ports",
        "First and last RTP port for its calls, as opened in the firewall; stand-ins need ports in common.",
    ),
    ("trunks.media_source", "from_sdp or learn_once; the latter where the trunk is behind NAT."),
    (
        "trunks.called_number_from",
        "Where the called number is read: request_line, to, p_called_party_id, tried in order.",
    ),
    ("trunks.calling_number_from", "Where the caller's number is read: p_asserted_identity or from."),
    (
        "trunks.verifies_from",
        "Whether the carrier lets nobody show a number in From that is not theirs; a colleague's call is known by a number \
         alone only where it stands in P-Asserted-Identity or this is set.",
    ),
    ("trunks.home_country", "ISO 3166 code for this trunk's numbers."),
    (
        "trunks.outbound_format",
        "How numbers are written in calls through it: e164, without_plus, double_zero, national.",
    ),
    (
        "trunks.own_number",
        "The number our calls through it come from and show (also written caller_id); carriers refuse foreign ones.",
    ),
    (
        "trunks.original_caller",
        "Whether calls made for a caller show that caller, with Diversion and History-Info; only where the carrier permits.",
    ),
    ("trunks.priority", "The trunk with the smallest is tried first; 5xx, 408 or silence leads to the next."),
    (
        "trunks.silence_ms",
        "How long it may leave a call without any response before the next address or trunk is tried, in milliseconds.",
    ),
    (
        "trunks.health_seconds",
        "How often it is asked by OPTIONS whether it is there, in seconds; 0 never asks, and dead ones are found by calls.",
    ),
    (
        "trunks.srtp",
        "off, optional (where it can do it too) or required (else 488); keys travel over TLS alone, see srtp_without_tls.",
    ),
    (
        "trunks.srtp_keys",
        "How keys may be agreed on: sdes (they stand in the descriptions, over TLS) and dtls (exchanged on the audio's own \
         way, over any transport; needs browser.enabled). Our own calls offer the first; with dtls first they are \
         encrypted or refused, since nothing is offered in the clear beside it.",
    ),
    ("trunks.codecs", "Codecs for it, best first."),
    ("trunks.calls_max", "Most calls at once by this trunk."),
    ("trunks.calls_per_second", "New calls a second by this trunk, on average."),
    (
        "trunks.minutes_per_day",
        "Most minutes a day (UTC) of calls that we make through it, all together; 0 for no limit.",
    ),
    (
        "trunks.allowed_countries",
        "Countries (ISO 3166) that may be called through it; with no country and no prefix, the home country where one is set.",
    ),
    ("trunks.allowed_prefixes", "Numbers that begin so may be called as well, as in +4930."),
    ("trunks.allow_refer", "Whether its far ends may ask for transfers, to refer_targets alone."),
    ("trunks.refer_targets", "Numbers and SIP addresses that such a transfer may go to."),
    ("emergency_numbers", "Numbers that our phones dial for help; they go to emergency_trunk and pass every cap."),
    ("emergency_trunk", "Name of the trunk for emergency calls; without it they are refused aloud."),
    ("phones", "Telephones that register with us."),
    ("phones.name", "User name of the phone."),
    ("phones.password", "Its password, 8 characters or more; never shown."),
    ("phones.advertised", "Our address for this phone's session descriptions."),
    ("phones.srtp", "off, optional or required, as for trunks; browsers are encrypted in any case."),
    ("phones.srtp_keys", "sdes, dtls or both, as for trunks."),
    ("phones.media_source", "from_sdp or learn_once."),
    ("limits.calls_max", "Most calls at once; beyond it new ones get 503."),
    ("limits.calls_per_second", "New calls a second from all sources; protects the CPU of calls under way."),
    ("limits.calls_per_second_per_source", "New calls a second from one address."),
    ("limits.requests_per_second_per_source", "Other requests a second from one address."),
    ("limits.message_bytes_max", "Largest message in bytes."),
    ("limits.transactions_max", "Most transactions in memory, about 4 kB each."),
    ("limits.tcp_connections_max", "Most TCP connections, a file handle each."),
    ("limits.tcp_connections_per_source", "Most TCP connections from one address."),
    ("limits.tcp_idle_seconds", "A TCP connection without a call is closed after this silence, in seconds."),
    ("limits.tcp_message_seconds", "Time for one message to arrive completely on TCP, in seconds."),
    ("limits.retry_after_seconds", "Retry-After of a 503, in seconds."),
];
