//! The carrier's stock: numbers that are for sale. A result is no reservation; whoever buys first has it.

use std::fmt;
use std::future::Future;

use domain::{CountryCode, NonGeographicClass, PhoneNumber, Region};

use crate::regions::{country_of, region_of};

/// Numbers that one search may ask for (Twilio's largest page).
pub const STOCK_LIMIT_MAX: u32 = 1000;

/// Length of a pattern, in characters (Twilio, `Contains`).
const PATTERN_CHARS: std::ops::RangeInclusive<usize> = 2..=16;

/// Characters of a pattern that are no `*`, at least (Twilio, `Contains`).
const PATTERN_FIXED_CHARS_MIN: usize = 2;

/// Countries in which Twilio searches by `AreaCode` (its specification of `AvailablePhoneNumbers`).
const AREA_CODE_COUNTRIES: [&str; 2] = ["US", "CA"];

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockQuery {
    /// The country whose stock it is. Puerto Rico is one of its own.
    pub country: CountryCode,
    /// The kind of number.
    pub kind: NumberKind,
    /// Only this area code; for countries of calling code 1 only.
    pub area_code: Option<AreaCode>,
    /// Only numbers that contain this.
    pub contains: Option<NumberPattern>,
    /// How many at most, from 1 to [`STOCK_LIMIT_MAX`]; what is outside counts as the nearest of the two.
    pub limit: u32,
}

impl StockQuery {
    /// The query that finds numbers with the same area code as `number`: what may be offered when it is gone. Toll-free
    /// codes are the United States' stock (Twilio lists them there).
    ///
    /// None outside calling code 1, which has no such thing as an area code of a fixed length, and for premium,
    /// personal and Canada's non-geographic codes, which the carrier does not sell. A code that nobody knows is looked
    /// for in the United States: most new ones are theirs, and where it is not, nothing is found.
    #[must_use]
    pub fn same_area_code(number: &PhoneNumber, limit: u32) -> Option<Self> {
        let united_states = CountryCode::new("US")?;
        let (country, kind) = match region_of(number.as_str()) {
            Region::NonGeographic(NonGeographicClass::TollFree) => (united_states, NumberKind::TollFree),
            Region::NonGeographic(NonGeographicClass::Other) => (united_states, NumberKind::Local),
            Region::NonGeographic(
                NonGeographicClass::PremiumRate | NonGeographicClass::Personal | NonGeographicClass::Canadian,
            )
            | Region::OutsideNorthAmerica => return None,
            Region::UnitedStates
            | Region::Canada
            | Region::PuertoRico
            | Region::UnitedStatesTerritory(_)
            | Region::OtherNorthAmerica(_) => (country_of(number)?, NumberKind::Local),
        };
        let area_code = Some(AreaCode::parse(number.area_code()?)?);
        Some(Self { country, kind, area_code, contains: None, limit })
    }

    /// How many numbers one page shall hold.
    pub(super) fn page_size(&self) -> u32 {
        self.limit.clamp(1, STOCK_LIMIT_MAX)
    }

    /// The resource below `AvailablePhoneNumbers/`.
    pub(super) fn resource(&self) -> String {
        let kind = match self.kind {
            NumberKind::Local => "Local",
            NumberKind::TollFree => "TollFree",
            NumberKind::Mobile => "Mobile",
        };
        format!("{}/{kind}.json", self.country)
    }

    /// The parameters. `AreaCode` is for the United States and Canada (Twilio's specification); elsewhere behind calling
    /// code 1 the beginning of the number says the same. Where another pattern is asked for besides, the area code is
    /// compared in the answer alone, and the largest page is asked for, so that enough is left of it.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let by_area_code = AREA_CODE_COUNTRIES.contains(&self.country.to_string().as_str());
        let pattern = self.contains.as_ref().map(|pattern| ("Contains", pattern.as_str().to_owned()));
        let page_size = |size: u32| ("PageSize", size.to_string());
        match (self.area_code, pattern) {
            (Some(area_code), pattern) if by_area_code => {
                let parameters = [page_size(self.page_size()), ("AreaCode", area_code.to_string())];
                parameters.into_iter().chain(pattern).collect()
            }
            (Some(area_code), None) => vec![page_size(self.page_size()), ("Contains", format!("+1{area_code}"))],
            (Some(_), Some(pattern)) => vec![page_size(STOCK_LIMIT_MAX), pattern],
            (None, pattern) => [page_size(self.page_size())].into_iter().chain(pattern).collect(),
        }
    }
}

/// A kind of number, as the carrier sorts its stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// Of a place.
    Local,
    /// Paid by whoever is called.
    TollFree,
    /// Of a mobile network. The United States have none apart.
    Mobile,
}

/// An area code of calling code 1: three digits, the first from 2 to 9.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AreaCode([u8; 3]);

impl AreaCode {
    /// The area code with these three digits; `None` for anything else. Whether it is in use is not looked up.
    #[must_use]
    pub const fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [first @ b'2'..=b'9', second @ b'0'..=b'9', third @ b'0'..=b'9'] => Some(Self([*first, *second, *third])),
            _ => None,
        }
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.0.map(char::from);
        write!(formatter, "{first}{second}{third}")
    }
}

impl fmt::Debug for AreaCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AreaCode({self})")
    }
}

/// A pattern that a number contains: 2 to 16 digits, Latin letters as on a telephone's keys, and before or behind them
/// `*` for any one digit; at least two are no `*`, and no `*` is between two of those (Twilio's specification,
/// `Contains`). Its further signs (`%`, `+`, `$`) are left out: they mean something in an address as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern(String);

impl NumberPattern {
    /// The pattern; `None` for a text that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fixed = text.trim_matches('*');
        let right = PATTERN_CHARS.contains(&text.len())
            && fixed.len() >= PATTERN_FIXED_CHARS_MIN
            && fixed.bytes().all(|byte| byte.is_ascii_alphanumeric());
        right.then(|| Self(text.to_owned()))
    }

    /// The pattern as the carrier reads it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number that is for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableNumber {
    /// The number.
    pub number: PhoneNumber,
    /// The kind of number that was searched for.
    pub kind: NumberKind,
    /// Its country, by the carrier; where it does not say, the one that was searched.
    pub country: CountryCode,
    /// Its place, as the carrier writes it.
    pub locality: Option<String>,
    /// Its state or province, as the carrier writes it.
    pub region: Option<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether the buyer must give an address: false only where the carrier says that none is required.
    pub address_required: bool,
}

/// What a number can do. What the carrier does not name, it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Calls.
    pub voice: bool,
    /// Text messages.
    pub sms: bool,
    /// Messages with pictures.
    pub mms: bool,
    /// Fax.
    pub fax: bool,
}

/// Why the carrier did not say what it sells. Nothing was changed by asking: it may always be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// Too many requests at once.
    #[error("the carrier has too many requests")]
    NotProcessed {
        /// When it wants to be asked again, in seconds, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not accept our credential.
    #[error("the carrier does not accept the credential")]
    Unauthorised,
    /// It sells no numbers of this kind in this country, or none in this country at all.
    #[error("the carrier does not sell this kind of number there")]
    NotOffered,
    /// It does not accept what was searched for.
    #[error("the carrier does not accept the search")]
    Refused,
    /// No answer, or none that can be read.
    #[error("the carrier did not answer")]
    Unknown,
}

/// The carrier's stock.
pub trait Stock: Send + Sync {
    /// Numbers that are for sale, at most as many as the query asks for, in the carrier's order; perhaps none.
    fn search(&self, query: &StockQuery) -> impl Future<Output = Result<Vec<AvailableNumber>, StockError>> + Send;
}
