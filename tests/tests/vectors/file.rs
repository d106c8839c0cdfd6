//! The vector file, read strictly: its format is described in `functions/adapters/vectors/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// All that the file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vectors {
    #[serde(rename = "title")]
    _title: String,
    format: u32,
    /// What the receiver of every case has set up.
    pub(crate) receiver: Receiver,
    /// Known answers of HMAC-SHA256 itself.
    pub(crate) hmac_sha256: Vec<KnownHmac>,
    /// Deliveries.
    pub(crate) cases: Vec<Case>,
}

/// What the receiver of every case has set up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receiver {
    /// How old or early a signature may be, in seconds.
    pub(crate) tolerance_s: i64,
    #[serde(rename = "header_bytes_max")]
    _header_bytes_max: usize,
    #[serde(rename = "sets_max")]
    _sets_max: usize,
    #[serde(rename = "body_bytes_max")]
    _body_bytes_max: usize,
    /// How a secret starts.
    pub(crate) secret_prefix: String,
    /// How long it is at least, in characters.
    pub(crate) secret_chars_min: usize,
    /// How many different characters it has at least behind its prefix.
    pub(crate) secret_different_chars_min: usize,
    /// Words that are in none.
    pub(crate) placeholder_words: Vec<String>,
    /// The template that it makes inquiries from.
    pub(crate) template: String,
    /// The inquiry that it opened.
    pub(crate) inquiry: String,
}

/// A known answer of HMAC-SHA256; a shorter one is the answer's beginning.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownHmac {
    /// What it is called.
    pub(crate) name: String,
    #[serde(rename = "source")]
    _source: String,
    key_hex: String,
    message_hex: String,
    /// The answer, in lower-case hexadecimal digits.
    pub(crate) hmac_hex: String,
}

/// What a check of the signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Authentic and fresh.
    Valid,
    /// Authentic but old.
    Stale,
    /// Not authentic.
    Invalid,
    /// None: the check fell over. Never expected.
    #[serde(skip)]
    Crash,
}

/// What a delivery leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// What it says of the inquiry is applied.
    Applied,
    /// Persona is asked about the inquiry; what the delivery says counts for nothing.
    Asked,
    /// Nothing.
    None,
}

/// One delivery.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it is called.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) shows: String,
    /// Where it comes from.
    pub(crate) source: String,
    /// What a check of the signature must say.
    pub(crate) expected: Verdict,
    /// The HTTP status that Persona must get.
    pub(crate) answer: u16,
    /// What it must lead to.
    pub(crate) effect: Effect,
    /// The receiver's secrets.
    pub(crate) secrets: Vec<String>,
    /// The receiver's time, in Unix seconds.
    pub(crate) now: i64,
    header: Option<String>,
    #[serde(default)]
    header_parts: Vec<Part>,
    /// Other headers that are sent.
    #[serde(default)]
    pub(crate) other_headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    body_parts: Vec<Part>,
    body_base64: Option<String>,
    /// How a gateway on AWS would hand the delivery on, where that is what is attacked.
    #[serde(default)]
    pub(crate) gateway: Gateway,
}

/// A text that stands there several times.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    text: String,
    #[serde(default = "once")]
    times: usize,
}

/// What a gateway on AWS makes of the delivery.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Whether it says that the body is base64.
    #[serde(default)]
    pub(crate) base64: bool,
    /// The body as it hands it on.
    pub(crate) body: Option<String>,
    /// The length of the path, in bytes.
    pub(crate) path_bytes: Option<usize>,
}

fn once() -> usize {
    1
}

fn joined(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.repeat(part.times)).collect()
}

impl Vectors {
    /// Reads the file.
    pub(crate) fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/adapters/vectors/persona-signature.json");
        let text = std::fs::read_to_string(&path).expect("the vector file is there");
        let vectors: Self = serde_json::from_str(&text).expect("the vector file has its format");
        assert_eq!(vectors.format, 1, "this program reads format 1");
        vectors
    }
}

impl KnownHmac {
    /// Key and message.
    pub(crate) fn input(&self) -> (Vec<u8>, Vec<u8>) {
        let bytes = |text: &str| hex::decode(text).expect("hexadecimal digits");
        (bytes(&self.key_hex), bytes(&self.message_hex))
    }
}

impl Case {
    /// The signature header; none when it was not sent.
    pub(crate) fn header(&self) -> Option<String> {
        if self.header_parts.is_empty() { self.header.clone() } else { Some(joined(&self.header_parts)) }
    }

    /// The body, as sent.
    pub(crate) fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) if self.body_parts.is_empty() => text.clone().into_bytes(),
            (None, Some(text)) if self.body_parts.is_empty() => STANDARD.decode(text).expect("base64"),
            (None, None) => joined(&self.body_parts).into_bytes(),
            (Some(_) | None, Some(_) | None) => panic!("{}: more than one body", self.name),
        }
    }
}
