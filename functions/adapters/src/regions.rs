//! Which region a number belongs to, by Google's libphonenumber data (Apache-2.0), which `rlibphonenumber` carries.

use std::sync::OnceLock;

use domain::{CountryCode, NonGeographicClass, PhoneNumber, Region, UnitedStatesTerritory};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

/// The calling code that the United States, Canada and some twenty other countries share.
const NORTH_AMERICA: i32 = 1;

/// Reserved to become toll-free, and unknown to libphonenumber until it is opened.
const RESERVED_TOLL_FREE: &str = "822";

/// Subscriber parts to try an area code with, one for each digit a subscriber part may start with. More than one,
/// because libphonenumber knows some area codes (472, 505, 730, 983) only together with the ranges in use there.
const PROBES: [u64; 8] = [2_002_000, 3_002_000, 4_002_000, 5_002_000, 6_002_000, 7_002_000, 8_002_000, 9_002_000];

/// Area codes that three digits can name.
const AREA_CODES: usize = 1_000;

/// One area code of calling code 1 holds this many subscriber parts.
const SUBSCRIBERS_PER_AREA_CODE: u64 = 10_000_000;

/// The region of a number in E.164 form, decided by its area code alone: the digits behind it change nothing, valid or
/// not, so that Twilio's magic numbers (+1 500 555 xxxx) and a number from a range that was opened yesterday have one.
///
/// Fails closed: a text that is no number, and an area code that no country is known for, belong to
/// `NonGeographic(Other)`, which is gated by default.
pub fn region_of(e164: &str) -> Region {
    let Ok(number) = PhoneNumber::parse(e164) else {
        return Region::NonGeographic(NonGeographicClass::Other);
    };
    match number.area_code() {
        None => Region::OutsideNorthAmerica,
        Some(RESERVED_TOLL_FREE) => Region::NonGeographic(NonGeographicClass::TollFree),
        Some(area_code) => region_of_area_code(area_code),
    }
}

/// The region of an area code. Finding it takes a dozen regular expressions, so each is looked for once.
fn region_of_area_code(area_code: &str) -> Region {
    static REGIONS: [OnceLock<Region>; AREA_CODES] = [const { OnceLock::new() }; AREA_CODES];
    let find = || {
        let found = PROBES.iter().find_map(|probe| region_of_probe(area_code, *probe));
        found.unwrap_or(Region::NonGeographic(NonGeographicClass::Other))
    };
    let known = area_code.parse::<usize>().ok().and_then(|area_code| REGIONS.get(area_code));
    known.map_or_else(find, |region| *region.get_or_init(find))
}

/// The country of any number in the world, to send it a passcode; `None` where it has none (toll-free, satellite,
/// premium) or nobody knows it. By its range outside calling code 1, by its area code within.
pub fn country_of(number: &PhoneNumber) -> Option<CountryCode> {
    match region_of(number.as_str()) {
        Region::UnitedStates => CountryCode::new("US"),
        Region::Canada => CountryCode::new("CA"),
        Region::PuertoRico => CountryCode::new("PR"),
        Region::UnitedStatesTerritory(territory) => CountryCode::new(match territory {
            UnitedStatesTerritory::AmericanSamoa => "AS",
            UnitedStatesTerritory::Guam => "GU",
            UnitedStatesTerritory::NorthernMarianaIslands => "MP",
            UnitedStatesTerritory::VirginIslands => "VI",
        }),
        Region::OtherNorthAmerica(country) => Some(country),
        Region::NonGeographic(_) => None,
        Region::OutsideNorthAmerica => country_outside_north_america(number),
    }
}

/// Whether the number has another digit than those that are dialled from abroad, such as a national 0 after its calling
/// code: then it is one more way to write the same phone. Of what libphonenumber cannot read nothing is known.
#[must_use]
pub fn has_other_digits(number: &PhoneNumber) -> bool {
    let parsed = PHONE_NUMBER_UTIL.parse(number.as_str(), None);
    parsed.is_ok_and(|parsed| PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164) != number.as_str())
}

/// A number of the wrong length for its calling code is nobody's. A range that is newer than this build's data has
/// its calling code's main country, so that it is limited, not refused.
fn country_outside_north_america(number: &PhoneNumber) -> Option<CountryCode> {
    let parsed = PHONE_NUMBER_UTIL.parse(number.as_str(), None).ok()?;
    if !PHONE_NUMBER_UTIL.is_possible_number(&parsed) {
        return None;
    }
    let by_range = PHONE_NUMBER_UTIL.get_region_for_number(&parsed);
    let region = by_range.or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(parsed.country_code))?;
    CountryCode::new(region.as_region_str().as_str())
}

/// Whether numbers of this country start with +1, as those of the United States, Canada, Puerto Rico and some twenty
/// others do.
#[must_use]
pub fn has_calling_code_1(country: CountryCode) -> bool {
    let region = country.to_string().parse::<rlibphonenumber::Region>();
    region.is_ok_and(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region) == Some(NORTH_AMERICA))
}

/// The region of one number; `None` where libphonenumber knows no such number.
fn region_of_probe(area_code: &str, subscriber: u64) -> Option<Region> {
    let number = rlibphonenumber::PhoneNumber {
        country_code: NORTH_AMERICA,
        national_number: area_code.parse::<u64>().ok()? * SUBSCRIBERS_PER_AREA_CODE + subscriber,
        ..Default::default()
    };
    let country = PHONE_NUMBER_UTIL.get_region_for_number(&number)?.as_region_str();
    // The type comes first: a toll-free number reads as one of the United States, though it serves them all.
    match PHONE_NUMBER_UTIL.get_number_type(&number) {
        PhoneNumberType::TollFree => Some(Region::NonGeographic(NonGeographicClass::TollFree)),
        PhoneNumberType::PremiumRate => Some(Region::NonGeographic(NonGeographicClass::PremiumRate)),
        PhoneNumberType::PersonalNumber | PhoneNumberType::VoIP if country.as_str() == "CA" => {
            Some(Region::NonGeographic(NonGeographicClass::Canadian))
        }
        PhoneNumberType::PersonalNumber => Some(Region::NonGeographic(NonGeographicClass::Personal)),
        PhoneNumberType::SharedCost
        | PhoneNumberType::VoIP
        | PhoneNumberType::Pager
        | PhoneNumberType::UAN
        | PhoneNumberType::VoiceMail => Some(Region::NonGeographic(NonGeographicClass::Other)),
        // `Unknown` has a region too where a country owns its area code alone, as American Samoa does.
        PhoneNumberType::FixedLine
        | PhoneNumberType::Mobile
        | PhoneNumberType::FixedLineOrMobile
        | PhoneNumberType::Unknown => geographic(country.as_str()),
    }
}

/// The region with this country code (ISO 3166-1).
fn geographic(country: &str) -> Option<Region> {
    Some(match country {
        "US" => Region::UnitedStates,
        "CA" => Region::Canada,
        "PR" => Region::PuertoRico,
        "AS" => Region::UnitedStatesTerritory(UnitedStatesTerritory::AmericanSamoa),
        "GU" => Region::UnitedStatesTerritory(UnitedStatesTerritory::Guam),
        "MP" => Region::UnitedStatesTerritory(UnitedStatesTerritory::NorthernMarianaIslands),
        "VI" => Region::UnitedStatesTerritory(UnitedStatesTerritory::VirginIslands),
        other => Region::OtherNorthAmerica(CountryCode::new(other)?),
    })
}
