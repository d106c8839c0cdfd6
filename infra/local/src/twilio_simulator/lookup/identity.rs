//! Does a name belong to a phone's owner? (<https://www.twilio.com/docs/lookup/v2-api/identity-match>.)

use serde_json::{Value, json};

use super::super::parameters::Parameters;
use super::packages::{Package, UNSUPPORTED_COUNTRY};
use super::phones::Known;
use super::validation::Number;

/// The package's own error: the account is not registered with the country's carriers, or there is no coverage (60600).
const UNPROVISIONED: u32 = 60600;

/// The package's own error: nothing to compare with was given (60617).
const NOTHING_TO_MATCH: u32 = 60617;

/// Countries that need no registration with their carriers.
const OPEN: [&str; 3] = ["US", "PR", "BR"];

/// Countries that need one.
const REGISTERED: [&str; 7] = ["CA", "GB", "FR", "DE", "ES", "IT", "NL"];

/// Short forms of first names, and what they are short for.
const SHORT_FORMS: [(&str, &str); 8] = [
    ("bob", "robert"),
    ("rob", "robert"),
    ("bill", "william"),
    ("liz", "elizabeth"),
    ("tom", "thomas"),
    ("kate", "katherine"),
    ("dick", "richard"),
    ("peggy", "margaret"),
];

/// How well two texts agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Exact,
    HighPartial,
    Partial,
    No,
    NoData,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact_match",
            Self::HighPartial => "high_partial_match",
            Self::Partial => "partial_match",
            Self::No => "no_match",
            Self::NoData => "no_data_available",
        }
    }

    const fn is_positive(self) -> bool {
        matches!(self, Self::Exact | Self::HighPartial | Self::Partial)
    }
}

/// Compares what the request says with what is known of the owner.
///
/// What was not asked about reads `no_data_available`, as what the carrier does not know: Twilio's examples give every
/// parameter, so that this is assumed.
pub(super) fn identity_match(known: &Known, number: &Number, parameters: &Parameters) -> Value {
    if REGISTERED.contains(&number.country) {
        return Package::IdentityMatch.failed(UNPROVISIONED);
    }
    if !OPEN.contains(&number.country) {
        return Package::IdentityMatch.failed(UNSUPPORTED_COUNTRY);
    }
    let owner = known.owner.clone().unwrap_or_default();
    let pairs = [
        ("FirstName", &owner.first_name),
        ("LastName", &owner.last_name),
        ("AddressLine1", &owner.address_line_1),
        ("City", &owner.city),
        ("State", &owner.state),
        ("PostalCode", &owner.postal_code),
        ("AddressCountryCode", &owner.country),
        ("NationalId", &owner.national_id),
        ("DateOfBirth", &owner.date_of_birth),
    ];
    if pairs.iter().all(|(name, _)| parameters.get(name).is_none()) {
        return Package::IdentityMatch.failed(NOTHING_TO_MATCH);
    }
    let level = |name: &str| {
        let owned = pairs.iter().find(|(candidate, _)| *candidate == name).and_then(|(_, owned)| owned.as_deref());
        match (parameters.get(name), owned) {
            (Some(given), Some(owned)) if matches!(name, "FirstName" | "LastName" | "AddressLine1") => {
                compare(given, owned)
            }
            (Some(given), Some(owned)) if given.eq_ignore_ascii_case(owned) => Level::Exact,
            (Some(_), Some(_)) => Level::No,
            (None, _) | (_, None) => Level::NoData,
        }
    };
    let (first, last, address) = (level("FirstName"), level("LastName"), level("AddressLine1"));
    json!({
        "address_country_match": level("AddressCountryCode").name(),
        "address_lines_match": address.name(),
        "city_match": level("City").name(),
        "date_of_birth_match": level("DateOfBirth").name(),
        "error_code": null,
        "error_message": null,
        "first_name_match": first.name(),
        "last_name_match": last.name(),
        "national_id_match": level("NationalId").name(),
        "postal_code_match": level("PostalCode").name(),
        "state_match": level("State").name(),
        "summary_score": summary_score(first, last, address),
    })
}

/// Twilio's table, by first name, last name and address: no percentage, and never above 40 without an address.
fn summary_score(first: Level, last: Level, address: Level) -> u8 {
    match (first.is_positive(), last.is_positive(), address.is_positive()) {
        (true, true, true) => 100,
        (true, true, false) => 40,
        (true, false, true) => {
            if last == Level::NoData {
                70
            } else {
                80
            }
        }
        (false, true, true | false) => 20,
        (true, false, false) | (false, false, true | false) => 0,
    }
}

/// How well two names or lines agree: the same; all but one letter; a short form, an initial or a beginning; or not.
fn compare(given: &str, owned: &str) -> Level {
    let (given, owned) = (plain(given), plain(owned));
    if given == owned {
        return Level::Exact;
    }
    let long = |name: &str| SHORT_FORMS.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
    if long(&given).is_some_and(|long| long == owned) || long(&owned).is_some_and(|long| long == given) {
        return Level::Partial;
    }
    if given.chars().count() > 2 && one_letter_apart(&given, &owned) {
        return Level::HighPartial;
    }
    let begins = !given.is_empty() && !owned.is_empty() && (owned.starts_with(&given) || given.starts_with(&owned));
    if begins { Level::Partial } else { Level::No }
}

/// Small letters and digits only.
fn plain(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Is one letter changed, added or missing?
fn one_letter_apart(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let same = short.iter().zip(&long).take_while(|(one, other)| one == other).count();
    match long.len() - short.len() {
        0 => short.get(same + 1..) == long.get(same + 1..),
        1 => short[same..] == long[same + 1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, compare, summary_score};

    /// The examples of Twilio's page.
    #[test]
    fn names() {
        for (given, level) in [
            ("Robert", Level::Exact),
            ("robert", Level::Exact),
            ("Robere", Level::HighPartial),
            ("Bob", Level::Partial),
            ("Rob", Level::Partial),
            ("R", Level::Partial),
            ("Maria", Level::No),
        ] {
            assert_eq!(compare(given, "Robert"), level, "{given}");
        }
    }

    #[test]
    fn a_name_alone_never_scores_more_than_40() {
        let all = [Level::Exact, Level::HighPartial, Level::Partial, Level::No, Level::NoData];
        for first in all {
            for last in all {
                for address in [Level::No, Level::NoData] {
                    assert!(summary_score(first, last, address) <= 40);
                }
                assert!([0, 20, 40, 70, 80, 100].contains(&summary_score(first, last, Level::Exact)));
            }
        }
        assert_eq!(summary_score(Level::Exact, Level::Partial, Level::Exact), 100);
        assert_eq!(summary_score(Level::Exact, Level::No, Level::Exact), 80);
    }
}
