//! Which documents the simulated template accepts, by country.
//!
//! At Persona this is configuration of a template ("Countries and ID types"), and which combinations there are is not
//! public. The codes of the classes are those of docs.withpersona.com, "Government ID verifications"; which country has
//! which is chosen here. Puerto Rico stands beside the United States: whether Persona lists it by itself is not known.

use serde_json::{Value, json};

/// A country with the classes of documents that are accepted from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Country {
    /// ISO 3166-1, two letters.
    pub(super) code: &'static str,
    /// In English.
    pub(super) name: &'static str,
    /// Codes of [`CLASSES`], the most usual first.
    pub(super) classes: &'static [&'static str],
}

/// A class of documents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// Persona's code.
    pub(super) code: &'static str,
    /// In English.
    pub(super) name: &'static str,
    /// Whether its back is asked for too.
    pub(super) two_sided: bool,
}

/// The accepted countries, in the order of their names.
const COUNTRIES: [Country; 14] = [
    country("AU", "Australia", &["dl", "pp", "keyp"]),
    country("BR", "Brazil", &["id", "dl", "pp"]),
    country("CA", "Canada", &["dl", "pp", "pr", "hic"]),
    country("FR", "France", &["id", "pp", "dl", "rp"]),
    country("DE", "Germany", &["id", "pp", "dl", "rp"]),
    country("IN", "India", &["pp", "dl", "vid", "pan"]),
    country("JP", "Japan", &["dl", "pp", "myn"]),
    country("MX", "Mexico", &["vid", "pp", "dl"]),
    country("NG", "Nigeria", &["pp", "dl", "vid"]),
    country("PH", "Philippines", &["pp", "dl", "umid"]),
    country("PR", "Puerto Rico", &["dl", "id", "pp"]),
    country("ES", "Spain", &["id", "pp", "dl", "rp"]),
    country("GB", "United Kingdom", &["pp", "dl", "rp"]),
    country("US", "United States", &["dl", "id", "pp", "ppc", "pr", "wp"]),
];

/// The classes that some country has.
const CLASSES: [Class; 13] = [
    class("dl", "Driver license", true),
    class("hic", "Health card", true),
    class("id", "Identity card", true),
    class("keyp", "Keypass", true),
    class("myn", "My Number card", true),
    class("pan", "PAN card", false),
    class("pp", "Passport", false),
    class("ppc", "Passport card", true),
    class("pr", "Permanent resident card", true),
    class("rp", "Residence permit", true),
    class("umid", "Unified multi-purpose identity card", true),
    class("vid", "Voter card", true),
    class("wp", "Work permit", true),
];

/// The country of that code.
pub(super) fn country_of(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code)
}

/// The class of that code, if the country has it.
pub(super) fn class_of(country: &Country, code: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.code == code && country.classes.contains(&code))
}

/// The countries as the page shows them.
pub(super) fn shown_countries() -> Value {
    COUNTRIES.iter().map(|country| json!({"code": country.code, "name": country.name})).collect()
}

/// A country's classes as the page shows them.
pub(super) fn shown_classes(country: &Country) -> Value {
    let classes = country.classes.iter().filter_map(|code| class_of(country, code));
    classes.map(|class| json!({"code": class.code, "name": class.name, "twoSided": class.two_sided})).collect()
}

const fn country(code: &'static str, name: &'static str, classes: &'static [&'static str]) -> Country {
    Country { code, name, classes }
}

const fn class(code: &'static str, name: &'static str, two_sided: bool) -> Class {
    Class { code, name, two_sided }
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, COUNTRIES, class_of, country_of};

    #[test]
    fn every_class_of_a_country_is_known_and_every_known_class_has_a_country() {
        for country in &COUNTRIES {
            assert!(!country.classes.is_empty(), "{}", country.name);
            for code in country.classes {
                assert!(class_of(country, code).is_some(), "{code} of {}", country.name);
            }
        }
        for class in &CLASSES {
            assert!(COUNTRIES.iter().any(|country| country.classes.contains(&class.code)), "{}", class.name);
        }
        assert!(COUNTRIES.is_sorted_by_key(|country| country.name));
    }

    #[test]
    fn documents_differ_by_country() {
        let canada = country_of("CA").expect("a country");
        assert!(class_of(canada, "hic").is_some() && class_of(canada, "ppc").is_none());
        assert_eq!(country_of("XX"), None);
    }
}
