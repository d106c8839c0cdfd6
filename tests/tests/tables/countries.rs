//! Whose country a phone is in.

use adapters::regions::country_of;
use domain::PhoneNumber;

#[test]
fn every_phone_is_in_its_country() {
    for (phone, country) in [
        ("+12125550100", Some("US")),
        ("+14165550100", Some("CA")),
        ("+17875550100", Some("PR")),
        ("+16715550100", Some("GU")),
        ("+18765550100", Some("JM")),
        ("+447400123456", Some("GB")),
        // One calling code, several countries.
        ("+447781123456", Some("GG")),
        ("+393201234567", Some("IT")),
        ("+79161234567", Some("RU")),
        ("+77011234567", Some("KZ")),
        ("+61412345678", Some("AU")),
        ("+2348031234567", Some("NG")),
        // A range that nobody uses has its calling code's country; a length that no number has, none.
        ("+4912345678", Some("DE")),
        ("+4474001234567", None),
        ("+999123456789", None),
        // Free, dear, personal, in orbit: nobody's country.
        ("+18005550100", None),
        ("+19005550100", None),
        ("+15005550100", None),
        ("+80012345678", None),
        ("+88216123456", None),
    ] {
        let number = PhoneNumber::parse(phone).expect("is in E.164 form");
        let found = country_of(&number).map(|country| country.to_string());
        assert_eq!(found.as_deref(), country, "{phone}");
    }
}
