//! Who hears, who speaks and who writes: this machine, or a provider with this machine behind it (R45).

use serde::{Deserialize, Serialize};

use super::Problem;
pub use super::writer::{WriteProvider, WriterConfig};

/// Providers of recognition, synthesis and words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProvidersConfig {
    /// Who recognises speech.
    pub listen: Provider,
    /// Who speaks.
    pub speak: Provider,
    /// Who puts answers and summaries into words.
    pub write: WriteProvider,
    /// How long a provider's first audio may take before the local voice speaks instead.
    pub first_audio_ms: u64,
    /// How long a gap inside a sentence may be, beyond what is still to be heard.
    pub gap_ms: u64,
    /// How long a provider may owe a transcript before the local recogniser takes over.
    pub answer_ms: u64,
    /// How long a provider is waited for after it was asked to finish, when it has told something already.
    pub settle_ms: u64,
    /// How long a provider rests after a failure.
    pub rest_seconds: u64,
    /// How long a connection may take.
    pub connect_timeout_ms: u64,
    /// How long nothing at all may come while something is owed.
    pub stall_timeout_ms: u64,
    /// How much speech is kept synthesised.
    pub phrase_cache_mb: usize,
    /// Deepgram.
    pub deepgram: DeepgramConfig,
    /// ElevenLabs.
    pub elevenlabs: ElevenLabsConfig,
    /// Any server with OpenAI's audio endpoints.
    pub openai: OpenAiConfig,
    /// The language model that writes.
    pub writer: WriterConfig,
}

/// Who does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The models on this machine.
    #[default]
    Local,
    /// Deepgram, or a server with its messages.
    Deepgram,
    /// ElevenLabs, or a server with its messages.
    Elevenlabs,
    /// A server with OpenAI's endpoints.
    Openai,
}

/// Deepgram's interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepgramConfig {
    /// Where it is: `wss://` or `ws://`.
    pub url: String,
    /// The environment variable that holds the key.
    pub api_key_env: String,
    /// Model of recognition.
    pub model: String,
    /// Language of recognition.
    pub language: String,
    /// Silence after which it says that a turn is over.
    pub endpointing_ms: u32,
    /// Voice of synthesis.
    pub voice: String,
}

/// ElevenLabs' interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElevenLabsConfig {
    /// Where it is: `wss://` or `ws://`.
    pub url: String,
    /// The environment variable that holds the key.
    pub api_key_env: String,
    /// Model of recognition.
    pub model: String,
    /// Language of recognition.
    pub language: String,
    /// Model of synthesis.
    pub voice_model: String,
    /// Identifier of the voice.
    pub voice: String,
}

/// An OpenAI-compatible interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenAiConfig {
    /// Where it is: `https://` or `http://`, without `/v1`.
    pub url: String,
    /// The environment variable that holds the key; empty for servers that ask for none.
    pub api_key_env: String,
    /// Model of recognition.
    pub model: String,
    /// Language of recognition.
    pub language: String,
    /// Model of synthesis.
    pub voice_model: String,
    /// Voice of synthesis.
    pub voice: String,
}

impl Default for ProvidersConfig {
    fn default() -> Self {
        ProvidersConfig {
            listen: Provider::Local,
            speak: Provider::Local,
            write: WriteProvider::Local,
            first_audio_ms: 700,
            gap_ms: 250,
            answer_ms: 1_000,
            settle_ms: 300,
            rest_seconds: 15,
            connect_timeout_ms: 1_500,
            stall_timeout_ms: 4_000,
            phrase_cache_mb: 16,
            deepgram: DeepgramConfig::default(),
            elevenlabs: ElevenLabsConfig::default(),
            openai: OpenAiConfig::default(),
            writer: WriterConfig::default(),
        }
    }
}

impl Default for DeepgramConfig {
    fn default() -> Self {
        DeepgramConfig {
            url: "wss://api.deepgram.com".into(),
            api_key_env: "DEEPGRAM_API_KEY".into(),
            model: "nova-3".into(),
            language: "en".into(),
            endpointing_ms: 300,
            voice: "aura-2-thalia-en".into(),
        }
    }
}

impl Default for ElevenLabsConfig {
    fn default() -> Self {
        ElevenLabsConfig {
            url: "wss://api.elevenlabs.io".into(),
            api_key_env: "ELEVENLABS_API_KEY".into(),
            model: "scribe_v2_realtime".into(),
            language: "en".into(),
            voice_model: "eleven_flash_v2_5".into(),
            voice: "21m00Tcm4TlvDq8ikWAM".into(),
        }
    }
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        OpenAiConfig {
            url: "https://api.openai.com".into(),
            api_key_env: "OPENAI_API_KEY".into(),
            model: "gpt-4o-mini-transcribe".into(),
            language: "en".into(),
            voice_model: "gpt-4o-mini-tts".into(),
            voice: "alloy".into(),
        }
    }
}

impl ProvidersConfig {
    /// What is wrong with the values. Whether a key is set is found when the provider is first made.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut check = |key: &str, fine: bool, problem: &str, remedy: &str| {
            if !fine {
                problems.push(Problem { key: key.into(), problem: problem.into(), remedy: remedy.into() });
            }
        };
        for (key, value) in [
            ("providers.first_audio_ms", self.first_audio_ms),
            ("providers.gap_ms", self.gap_ms),
            ("providers.answer_ms", self.answer_ms),
            ("providers.settle_ms", self.settle_ms),
            ("providers.connect_timeout_ms", self.connect_timeout_ms),
            ("providers.stall_timeout_ms", self.stall_timeout_ms),
        ] {
            let remedy = "use the default unless you have measured your provider";
            check(key, WAITS_MS.contains(&value), "it is not between 20 and 30000", remedy);
        }
        let cache = (1..=PHRASE_CACHE_MB_MAX).contains(&self.phrase_cache_mb);
        check("providers.phrase_cache_mb", cache, "it is not between 1 and 1024", "16 hold over eight minutes");
        check("providers.rest_seconds", self.rest_seconds <= 3_600, "it is over an hour", "use 15");
        for (key, url) in
            [("providers.deepgram.url", &self.deepgram.url), ("providers.elevenlabs.url", &self.elevenlabs.url)]
        {
            let fine = url.starts_with("wss://") || url.starts_with("ws://");
            check(key, fine, "it does not begin with wss:// or ws://", "write the provider's WebSocket address");
        }
        let fine = self.openai.url.starts_with("https://") || self.openai.url.starts_with("http://");
        let remedy = "write the server's address without /v1";
        check("providers.openai.url", fine, "it does not begin with https:// or http://", remedy);
        let in_addresses = [
            ("providers.deepgram.model", &self.deepgram.model),
            ("providers.deepgram.language", &self.deepgram.language),
            ("providers.deepgram.voice", &self.deepgram.voice),
            ("providers.elevenlabs.model", &self.elevenlabs.model),
            ("providers.elevenlabs.language", &self.elevenlabs.language),
            ("providers.elevenlabs.voice_model", &self.elevenlabs.voice_model),
            ("providers.elevenlabs.voice", &self.elevenlabs.voice),
        ];
        for (key, name) in in_addresses {
            let fine = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            check(key, fine, "it is empty or holds a sign that no such name has", "copy it from the provider's page");
        }
        problems.extend(self.writer.problems());
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Shorter than a packet is a mistake; longer than half a minute nobody stays on the line.
const WAITS_MS: std::ops::RangeInclusive<u64> = 20..=30_000;
/// Nine hours of speech.
const PHRASE_CACHE_MB_MAX: usize = 1_024;

/// The meaning of each key.
pub const DOCS: &[(&str, &str)] = &[
    (
        "listen",
        "Who recognises speech: local, deepgram, elevenlabs or openai; the local recogniser stands behind the others.",
    ),
    (
        "write",
        "Who puts answers and summaries into words: local (the knowledge's own words) or openai; what may be said is decided here either way.",
    ),
    ("speak", "Who speaks: local, deepgram, elevenlabs or openai; the local voice stands behind the others."),
    (
        "first_audio_ms",
        "Milliseconds that a provider's first audio may take: less changes voices sooner, more lets callers wait.",
    ),
    (
        "gap_ms",
        "Milliseconds of silence inside a sentence, beyond the audio still to be heard, before the local voice finishes it.",
    ),
    (
        "answer_ms",
        "Milliseconds that a provider may owe a transcript before the local recogniser takes over for the call.",
    ),
    (
        "settle_ms",
        "Milliseconds that a provider's last words are waited for after it was asked to finish: less answers faster, more misses fewer words.",
    ),
    (
        "rest_seconds",
        "Seconds for which a failing provider is not asked, doubled with each failure up to sixteen times.",
    ),
    ("connect_timeout_ms", "Milliseconds that a connection to a provider may take."),
    (
        "stall_timeout_ms",
        "Milliseconds without anything from a provider that owes something before the connection is given up.",
    ),
    (
        "phrase_cache_mb",
        "Megabytes of speech kept synthesised (32 KB a second): more phrases begin at once, more memory is used.",
    ),
    ("deepgram.url", "WebSocket address of Deepgram or of a server with its messages."),
    ("deepgram.api_key_env", "Name of the environment variable that holds Deepgram's key."),
    ("deepgram.model", "Deepgram's model of recognition."),
    ("deepgram.language", "Language that Deepgram listens for."),
    ("deepgram.endpointing_ms", "Milliseconds of silence after which Deepgram says that a turn is over."),
    ("deepgram.voice", "Deepgram's voice."),
    ("elevenlabs.url", "WebSocket address of ElevenLabs or of a server with its messages."),
    ("elevenlabs.api_key_env", "Name of the environment variable that holds ElevenLabs' key."),
    ("elevenlabs.model", "ElevenLabs' model of recognition."),
    ("elevenlabs.language", "Language that ElevenLabs listens for."),
    ("elevenlabs.voice_model", "ElevenLabs' model of synthesis."),
    ("elevenlabs.voice", "Identifier of ElevenLabs' voice."),
    ("openai.url", "Address of a server with OpenAI's audio endpoints, without /v1."),
    ("openai.api_key_env", "Name of the environment variable that holds the server's key; empty for none."),
    ("openai.model", "The server's model of recognition."),
    ("openai.language", "Language that the server listens for (ISO 639-1)."),
    ("openai.voice_model", "The server's model of synthesis."),
    ("openai.voice", "The server's voice."),
    ("writer.url", "Address of a server with OpenAI's chat completions, with or without /v1."),
    ("writer.api_key_env", "Name of the environment variable that holds the server's key; empty for none."),
    ("writer.model", "The server's name of the model that writes."),
    (
        "writer.first_token_ms",
        "Milliseconds that the first word may take on a call before the knowledge's own words are spoken: more lets callers wait.",
    ),
    ("writer.answer_ms", "Milliseconds that the whole answer may take on a call."),
    ("writer.message_ms", "Milliseconds that the answer to a message may take."),
    ("writer.summary_ms", "Milliseconds that the summary of a case may take before the one made here is used."),
    ("writer.tokens_max", "The longest answer in tokens; a longer one is thrown away."),
    (
        "writer.tokens_a_day",
        "Tokens, asked and answered, that may be spent in a day (UTC); beyond it the knowledge's own words are used. 0 is no cap.",
    ),
    ("writer.requests_a_minute", "Requests that may be made in a minute; beyond it likewise. 0 is no cap."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_mistakes_are_told_by_their_keys() {
        assert_eq!(ProvidersConfig::default().validate(), Ok(()));
        let mut wrong = ProvidersConfig { first_audio_ms: 0, ..ProvidersConfig::default() };
        wrong.openai.url = "api.openai.com".into();
        wrong.elevenlabs.voice = "a/b?c".into();
        let problems = wrong.validate().expect_err("three are wrong");
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["providers.first_audio_ms", "providers.openai.url", "providers.elevenlabs.voice"]);
    }
}
