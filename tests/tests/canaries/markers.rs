//! What is planted: values of the kinds that Persona, a caller or a phone may know of a person, none of which occurs
//! anywhere else; and the search for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value, json};

/// The session's token at Persona.
pub(crate) const SESSION_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.canary-session-Qz81.x7Kd";
/// The link to go on elsewhere.
pub(crate) const ONE_TIME_LINK: &str = "https://persona.example/verify?code=us1-canary-link-Wm27";
/// A passcode, as a caller sends it.
pub(crate) const PASSCODE: &str = "9142735806";

/// Every marker: what it is, and its value.
pub(crate) const MARKERS: [(&str, &str); 52] = [
    ("name-first", "Zephyrine-Qa01"),
    ("name-middle", "Ottoline-Qa02"),
    ("name-last", "Vandermeulenbrook-Qa03"),
    ("name-suffix", "Esquire-Qa04"),
    ("birthdate", "1871-03-29"),
    ("birthplace", "Ushuaia-Qa05"),
    ("sex", "sex-Qa06"),
    ("nationality", "nationality-Qa07"),
    ("address-street-1", "4217 Thistledown Crescent Qa08"),
    ("address-street-2", "Apartment Qa09"),
    ("address-city", "Llanfairpwll-Qa10"),
    ("address-subdivision", "Subdivision-Qa11"),
    ("address-subdivision-abbr", "SubAbbr-Qa12"),
    ("address-postal-code", "QA13-7ZX"),
    ("address-country-code", "Country-Qa14"),
    ("email-address", "qa15.person@canary.example"),
    ("phone-number", "+447700900415"),
    ("identification-number", "IDN-8841-Qa16"),
    ("social-security-number", "878-66-4217"),
    ("document-number", "DOC-77120-Qa17"),
    ("passport-number", "P7712099-Qa18"),
    ("license-number", "D1234-Qa19-5678"),
    ("document-expiry", "2031-11-09-Qa20"),
    ("issuing-authority", "Authority-Qa21"),
    ("front-photo-url", "https://files.persona.example/front-Qa22.jpg?access_token=tok-Qa22"),
    ("back-photo-url", "https://files.persona.example/back-Qa23.jpg"),
    ("selfie-photo-url", "https://files.persona.example/selfie-Qa24.jpg"),
    ("video-url", "https://files.persona.example/video-Qa25.mp4"),
    ("ocr-text", "OCR-TEXT-Qa26"),
    ("ip-address", "203.0.113.226"),
    ("latitude", "48.20849-Qa27"),
    ("device-fingerprint", "fp-Qa28-55aa"),
    ("browser-fingerprint", "bfp-Qa29-77bb"),
    ("network-organization", "Network-Qa30"),
    ("user-agent", "Mozilla-Qa31"),
    ("reviewer-comment", "comment about the person Qa32"),
    ("creator-email", "qa33.reviewer@canary.example"),
    ("tag", "tag-Qa34"),
    ("note", "note about the person Qa35"),
    ("account-reference", "ref-Qa36-person"),
    ("watchlist-match", "Watchlist-Qa37"),
    ("error-echo", "name_first Qa38 is invalid"),
    ("cookie", "session=Qa39"),
    ("bearer-token", "eyJraWQi.Qa40.signature"),
    ("claims-email", "qa41.caller@canary.example"),
    ("claims-name", "Caller-Qa42"),
    ("query-fields", "fields-Qa43"),
    ("redirect-status", "redirect-Qa44"),
    ("line-owner", "Line-Owner-Qa45"),
    ("session-token", SESSION_TOKEN),
    ("one-time-link", ONE_TIME_LINK),
    ("passcode", PASSCODE),
];

/// The value of a marker.
pub(crate) fn marker(name: &str) -> &'static str {
    MARKERS.iter().find(|(own, _)| *own == name).map(|(_, value)| *value).expect("is a marker")
}

/// All of them as members of an object.
pub(crate) fn members() -> Map<String, Value> {
    MARKERS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// All of them as Persona's `fields`.
pub(crate) fn fields() -> Value {
    MARKERS.iter().map(|(name, value)| ((*name).to_owned(), json!({"type": "string", "value": value}))).collect()
}

/// A marker that was found, where, and what stands around it.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its name.
    pub(crate) marker: &'static str,
    /// Where.
    pub(crate) sink: &'static str,
    /// The text around it.
    pub(crate) around: String,
}

/// Searches a text for every marker: as it is, in any case, as hexadecimal digits and as base64.
pub(crate) fn search(sink: &'static str, text: &str) -> Vec<Found> {
    let lower = text.to_lowercase();
    let found = MARKERS.into_iter().filter_map(|(name, value)| {
        // Base64 is the same at every third byte; what stands before the value moves it.
        let moved = (0..3).map(|before| {
            let encoded = STANDARD_NO_PAD.encode([&b"\0\0"[..before], value.as_bytes()].concat());
            let whole = encoded.len() - encoded.len() % 4;
            encoded[(before * 4).div_ceil(3).min(4)..whole].to_lowercase()
        });
        let forms = [value.to_lowercase(), hex::encode(value)].into_iter().chain(moved);
        let place = forms.into_iter().find_map(|form| lower.find(&form))?;
        let around = lower.get(place.saturating_sub(60)..).unwrap_or(&lower).chars().take(160).collect();
        Some(Found { marker: name, sink, around })
    });
    found.collect()
}
