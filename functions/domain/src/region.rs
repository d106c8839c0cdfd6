//! Where a number belongs, and which places are gated.

use std::fmt;

use crate::action::{Action, GatedActions};

/// Where a number belongs, for the gate. Decided by its area code, never by "+1" alone: Jamaica is +1 as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// The fifty states and the District of Columbia.
    UnitedStates,
    /// Canada, its geographic area codes.
    Canada,
    /// Puerto Rico: area codes 787 and 939. Carriers treat it as a country of its own.
    PuertoRico,
    /// Another territory of the United States with a country code (ISO 3166-1) of its own.
    UnitedStatesTerritory(UnitedStatesTerritory),
    /// Any other country that shares calling code 1, such as Jamaica ("JM").
    OtherNorthAmerica(CountryCode),
    /// Calling code 1 without a geographic country, or with an area code nobody has heard of.
    NonGeographic(NonGeographicClass),
    /// Any calling code but 1.
    OutsideNorthAmerica,
}

/// The territories of the United States that share calling code 1, without Puerto Rico.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitedStatesTerritory {
    /// AS: area code 684.
    AmericanSamoa,
    /// GU: area code 671.
    Guam,
    /// MP: area code 670.
    NorthernMarianaIslands,
    /// VI: area code 340.
    VirginIslands,
}

/// What a number without a country is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NonGeographicClass {
    /// 800, 833, 844, 855, 866, 877, 888, and 822, which is reserved to become one. Serves all of calling code 1.
    TollFree,
    /// 900: the caller pays a premium.
    PremiumRate,
    /// Codes of the 5XX family that are assigned to personal communication services (500, 521, 533, …).
    Personal,
    /// Canada's 600, 622 and 633.
    Canadian,
    /// Everything else: carriers' and governments' codes, discontinued ones, service codes (N11) and codes that are
    /// not assigned, or that this build's metadata does not know yet.
    Other,
}

/// A country by its two capital letters (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The country with these two capital letters; `None` for anything else. Whether such a country exists is not
    /// looked up.
    pub const fn new(letters: &str) -> Option<Self> {
        match letters.as_bytes() {
            [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Some(Self([*first, *second])),
            _ => None,
        }
    }

    /// The two letters.
    #[must_use]
    pub fn letters(&self) -> [char; 2] {
        self.0.map(char::from)
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.letters();
        write!(formatter, "{first}{second}")
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CountryCode({self})")
    }
}

/// Which regions need a verified sub-account. The United States, Canada and Puerto Rico always do; two settings turn
/// the doubtful ones around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatePolicy {
    /// Gate calling code 1 without a country: toll-free, premium, personal and unknown area codes. On by default,
    /// because such a number works in the United States and Canada as well, and because an area code that is newer
    /// than our metadata must not slip through.
    pub gate_non_geographic: bool,
    /// Gate Guam, the Virgin Islands, American Samoa and the Northern Mariana Islands. Off by default.
    pub gate_us_territories: bool,
    /// What needs a verified sub-account at all.
    pub actions: GatedActions,
}

impl GatePolicy {
    /// Does this action, with a number of this region where there is one, need a verified sub-account? A purchase whose
    /// number is not known yet does.
    #[must_use]
    pub const fn requires(&self, action: Action, region: Option<Region>) -> bool {
        match region {
            _ if !self.actions.contains(action) => false,
            Some(region) if action.buys_numbers() => self.gates(region),
            Some(_) | None => true,
        }
    }

    /// Does a number of this region need a verified sub-account?
    pub const fn gates(&self, region: Region) -> bool {
        match region {
            Region::UnitedStates | Region::Canada | Region::PuertoRico => true,
            Region::UnitedStatesTerritory(_) => self.gate_us_territories,
            Region::NonGeographic(_) => self.gate_non_geographic,
            Region::OtherNorthAmerica(_) | Region::OutsideNorthAmerica => false,
        }
    }
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self { gate_non_geographic: true, gate_us_territories: false, actions: GatedActions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_code_is_two_capital_letters() {
        assert_eq!(CountryCode::new("JM").map(|code| code.to_string()), Some("JM".to_owned()));
        for wrong in ["", "J", "jm", "JAM", "J1", "É"] {
            assert_eq!(CountryCode::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_setting_opens_the_united_states_canada_or_puerto_rico() {
        for gate_non_geographic in [false, true] {
            for gate_us_territories in [false, true] {
                let policy = GatePolicy { gate_non_geographic, gate_us_territories, ..GatePolicy::default() };
                for region in [Region::UnitedStates, Region::Canada, Region::PuertoRico] {
                    assert!(policy.gates(region), "{region:?} under {policy:?}");
                }
                assert!(!policy.gates(Region::OutsideNorthAmerica), "{policy:?}");
            }
        }
    }
}
