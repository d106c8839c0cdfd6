//! The one person Persona's sandbox knows, and the fields of the simulated inquiry template.

/// A field of the template: its name, its type on the wire, and what the sandbox extracts into it.
#[derive(Clone, Copy, Debug)]
pub struct SandboxField {
    /// The field's key below `attributes.fields`.
    pub name: &'static str,
    /// Its JSON:API type, such as `string` or `date`.
    pub kind: &'static str,
    /// What a verification fills in.
    pub value: &'static str,
    /// Whether a value sent at creation is overwritten. The sandbox always overwrites the name.
    pub always_extracted: bool,
}

/// The template's fields, holding the sandbox's person "Alexander J Sample". The longer values are distinctive
/// on purpose: a test can search a store, a queue or a log for them and prove that no personal data got there.
pub const SANDBOX_PERSON: [SandboxField; 15] = [
    extracted("name-first", "string", "Alexander"),
    extracted("name-middle", "string", "J"),
    extracted("name-last", "string", "Sample"),
    prefilled("address-street-1", "string", "600 California Street"),
    prefilled("address-street-2", "string", "Unit 4711"),
    prefilled("address-city", "string", "San Francisco"),
    prefilled("address-subdivision", "string", "California"),
    prefilled("address-postal-code", "string", "94109-4711"),
    prefilled("address-country-code", "string", "US"),
    prefilled("birthdate", "date", "1977-07-17"),
    prefilled("email-address", "string", "alexander.sample@example.com"),
    prefilled("phone-number", "string", "+14155550142"),
    prefilled("identification-number", "string", "I1234562"),
    prefilled("identification-class", "string", "dl"),
    prefilled("selected-country-code", "string", "US"),
];

const fn extracted(name: &'static str, kind: &'static str, value: &'static str) -> SandboxField {
    SandboxField { name, kind, value, always_extracted: true }
}

const fn prefilled(name: &'static str, kind: &'static str, value: &'static str) -> SandboxField {
    SandboxField { name, kind, value, always_extracted: false }
}
