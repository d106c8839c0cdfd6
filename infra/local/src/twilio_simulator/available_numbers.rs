//! Searching numbers that are for sale. A result is no reservation: whoever buys first has it.

use serde_json::{Map, Value, json};

use super::carrier::Carrier;
use super::pages;
use super::parameters::Parameters;
use super::replies::{Reply, TwilioError};
use super::stock::{self, COUNTRIES, Country, NumberKind, Requirement};

/// How long a pattern may be, in characters.
const PATTERN_LENGTH: std::ops::RangeInclusive<usize> = 2..=16;

/// All countries with numbers for sale.
pub(super) fn countries(account: &str) -> Reply {
    let countries: Vec<Value> = COUNTRIES.iter().map(|country| country_json(account, country)).collect();
    Reply::json(
        200,
        json!({
            "countries": countries,
            "uri": format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers.json"),
        }),
    )
}

/// One country.
pub(super) fn country(account: &str, iso: &str) -> Result<Reply, TwilioError> {
    stock::country(iso).map(|country| Reply::json(200, country_json(account, country))).ok_or_else(|| {
        TwilioError::not_found(&format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{iso}.json"))
    })
}

fn country_json(account: &str, country: &Country) -> Value {
    let uri = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{}", country.iso);
    let subresource_uris: Map<String, Value> = country
        .assortments
        .iter()
        .map(|assortment| {
            let path = format!("{uri}/{}.json", assortment.kind.path());
            (assortment.kind.subresource().to_owned(), Value::String(path))
        })
        .collect();
    json!({
        "beta": false,
        "country": country.name,
        "country_code": country.iso,
        "subresource_uris": subresource_uris,
        "uri": format!("{uri}.json"),
    })
}

impl Carrier {
    /// Lists numbers of one country and kind that nobody owns.
    pub(super) fn search(
        &self,
        account: &str,
        iso: &str,
        kind: NumberKind,
        parameters: &Parameters,
    ) -> Result<Reply, TwilioError> {
        let uri = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{iso}/{}.json", kind.path());
        // A kind that a country does not have is not there at all, as mobile numbers of the United States.
        let assortment = stock::country(iso)
            .and_then(|country| country.assortment(kind))
            .ok_or_else(|| TwilioError::not_found(&uri))?;
        let filter = Filter::read(parameters)?;
        let numbers: Vec<Value> = assortment
            .listed()
            .into_iter()
            .filter(|number| self.is_for_sale(number) && filter.admits(number, assortment.requirement))
            .take(pages::page_size(parameters)?)
            .map(|number| number_json(&number, iso, assortment.requirement))
            .collect();
        Ok(Reply::json(200, json!({ "available_phone_numbers": numbers, "uri": uri })))
    }

    /// Does nobody own this number, neither we nor another customer?
    pub(super) fn is_for_sale(&self, number: &str) -> bool {
        stock::offer(number).is_some()
            && !self.taken_by_others.contains(number)
            && !self.numbers.iter().any(|owned| owned.phone_number == number)
    }
}

fn number_json(number: &str, iso: &str, requirement: Requirement) -> Value {
    let place = stock::place_of(number);
    json!({
        "address_requirements": requirement.address_requirements(),
        "beta": false,
        "capabilities": {"mms": true, "sms": true, "voice": true},
        "friendly_name": stock::friendly_name(number),
        "iso_country": iso,
        "lata": place.map(|place| place.lata),
        "latitude": place.map(|place| place.latitude),
        "locality": place.map(|place| place.locality),
        "longitude": place.map(|place| place.longitude),
        "phone_number": number,
        "postal_code": place.map(|place| place.postal_code),
        "rate_center": place.map(|place| place.rate_center),
        "region": place.map(|place| place.region),
    })
}

/// What a search asks for.
struct Filter<'a> {
    area_code: Option<&'a str>,
    pattern: Option<Pattern>,
    /// False when a capability is asked for that no number has, or one excluded that all have.
    capabilities: bool,
    without_address: bool,
    region: Option<&'a str>,
    locality: Option<&'a str>,
    postal_code: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, TwilioError> {
        let area_code = parameters.get("AreaCode");
        if let Some(area_code) = area_code.filter(|code| !is_area_code(code)) {
            return Err(TwilioError::invalid_area_code(area_code));
        }
        let mut capabilities = true;
        for (name, present) in
            [("SmsEnabled", true), ("MmsEnabled", true), ("VoiceEnabled", true), ("FaxEnabled", false)]
        {
            capabilities &= parameters.flag(name)?.is_none_or(|wanted| wanted == present);
        }
        let mut without_address = false;
        for name in ["ExcludeAllAddressRequired", "ExcludeLocalAddressRequired", "ExcludeForeignAddressRequired"] {
            without_address |= parameters.flag(name)? == Some(true);
        }
        Ok(Self {
            area_code,
            pattern: parameters.get("Contains").map(Pattern::read).transpose()?,
            capabilities,
            without_address,
            region: parameters.get("InRegion"),
            locality: parameters.get("InLocality"),
            postal_code: parameters.get("InPostalCode"),
        })
    }

    fn admits(&self, number: &str, requirement: Requirement) -> bool {
        let place = stock::place_of(number);
        let in_place = |wanted: Option<&str>, of: fn(&stock::Place) -> &'static str| {
            wanted.is_none_or(|wanted| place.is_some_and(|place| of(place).eq_ignore_ascii_case(wanted)))
        };
        self.capabilities
            && !(self.without_address && requirement == Requirement::Address)
            && self.area_code.is_none_or(|code| number.strip_prefix("+1").is_some_and(|rest| rest.starts_with(code)))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(number))
            && in_place(self.region, |place| place.region)
            && in_place(self.locality, |place| place.locality)
            && in_place(self.postal_code, |place| place.postal_code)
    }
}

/// Three digits, the first 2 to 9.
pub(super) fn is_area_code(text: &str) -> bool {
    matches!(text.as_bytes(), [b'2'..=b'9', b'0'..=b'9', b'0'..=b'9'])
}

/// A pattern for numbers: digits, letters as on a telephone's keys, `*` for one digit, `%` for any digits, `+` in front
/// for the beginning of the number, `$` behind for its end. Without `+` and `$` it may match anywhere.
pub(super) struct Pattern(Vec<Part>);

enum Part {
    Digit(u8),
    AnyDigit,
    AnyDigits,
    Beginning,
    End,
}

impl Pattern {
    /// Reads the pattern of a search.
    ///
    /// # Errors
    /// 400 when it is shorter than 2 characters, longer than 16, or has characters that mean nothing.
    fn read(text: &str) -> Result<Self, TwilioError> {
        if !PATTERN_LENGTH.contains(&text.chars().count()) {
            return Err(TwilioError::bad_request(format!("Contains {text} is invalid: it needs 2 to 16 characters")));
        }
        Self::parse(text).ok_or_else(|| TwilioError::bad_request(format!("Contains {text} is invalid")))
    }

    /// Reads a pattern of any length; `None` if a character means nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.bytes()
            .map(|byte| {
                Some(match byte {
                    b'0'..=b'9' => Part::Digit(byte),
                    b'a'..=b'z' | b'A'..=b'Z' => Part::Digit(key(byte)),
                    b'*' => Part::AnyDigit,
                    b'%' => Part::AnyDigits,
                    b'+' => Part::Beginning,
                    b'$' => Part::End,
                    _ => return None,
                })
            })
            .collect::<Option<Vec<Part>>>()
            .map(Self)
    }

    /// Does it match somewhere in this number?
    pub(super) fn matches(&self, number: &str) -> bool {
        let digits = number.trim_start_matches('+').as_bytes();
        (0..=digits.len()).any(|start| matches_at(&self.0, digits, start))
    }
}

/// Does the pattern match here?
fn matches_at(parts: &[Part], digits: &[u8], at: usize) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return true;
    };
    match part {
        Part::Digit(wanted) => digits.get(at) == Some(wanted) && matches_at(rest, digits, at + 1),
        Part::AnyDigit => at < digits.len() && matches_at(rest, digits, at + 1),
        Part::AnyDigits => (at..=digits.len()).any(|next| matches_at(rest, digits, next)),
        Part::Beginning => at == 0 && matches_at(rest, digits, at),
        Part::End => at == digits.len() && matches_at(rest, digits, at),
    }
}

/// The digit on the key with this letter (ITU-T E.161).
fn key(letter: u8) -> u8 {
    match letter.to_ascii_lowercase() {
        b'a'..=b'c' => b'2',
        b'd'..=b'f' => b'3',
        b'g'..=b'i' => b'4',
        b'j'..=b'l' => b'5',
        b'm'..=b'o' => b'6',
        b'p'..=b's' => b'7',
        b't'..=b'v' => b'8',
        _ => b'9',
    }
}
