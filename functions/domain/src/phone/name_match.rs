//! Whether the name on the ID belongs to the phone's owner.
//!
//! Judged by the levels of first and last name. Twilio's summary score is no use here: a check by name alone never
//! exceeds 40, however well it fits (Lookup, "Identity match").

/// What the platform asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameMatchPolicy {
    /// Nothing: nobody is asked, nothing is paid.
    #[default]
    Off,
    /// The levels are recorded, and decide nothing.
    Report,
    /// A mismatch goes to an operator.
    Require,
}

/// How well a name fits (Twilio Lookup, "Identity match").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameLevel {
    /// "Robert" and "Robert".
    Exact,
    /// "Robert" and "Robere".
    HighPartial,
    /// "Robert" and "Bob".
    Partial,
    /// Another name.
    None,
    /// The carrier knows no name.
    NoData,
    /// Persona knows no name: the ID has none that we may read, or the inquiry was redacted.
    NotOnId,
}

impl NameLevel {
    /// Every level.
    pub const ALL: [Self; 6] = [Self::Exact, Self::HighPartial, Self::Partial, Self::None, Self::NoData, Self::NotOnId];
}

/// The levels of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameLevels {
    /// The first name's.
    pub first: NameLevel,
    /// The last name's.
    pub last: NameLevel,
}

/// What the levels say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameMatch {
    /// The phone is that person's.
    Match,
    /// It is somebody else's.
    Mismatch,
    /// Nobody knows: no reason to doubt.
    NoData,
}

impl NameMatch {
    /// Whether it speaks for the person, or at least not against: no data is no mismatch.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Self::Match | Self::NoData => true,
            Self::Mismatch => false,
        }
    }
}

/// Where Persona's approval stands before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameStanding {
    /// It counts.
    Counts,
    /// It counts, and the names are compared when there is a phone.
    CountsAndCompare,
    /// The names must be compared first.
    Compare,
    /// The names differ: an operator decides.
    OperatorDecides,
}

/// Judges the levels: the last name must fit at least nearly, the first name at least in part, since people go by
/// short forms of it. Where the carrier knows only one of them, that one decides; where it knows none, nobody knows. That
/// Persona has no name is something else: a person without one was not compared with anybody.
#[must_use]
pub fn judge_names(levels: NameLevels) -> NameMatch {
    let last_fits = match levels.last {
        NameLevel::Exact | NameLevel::HighPartial => Some(true),
        NameLevel::Partial | NameLevel::None | NameLevel::NotOnId => Some(false),
        NameLevel::NoData => None,
    };
    let first_fits = match levels.first {
        NameLevel::Exact | NameLevel::HighPartial | NameLevel::Partial => Some(true),
        NameLevel::None | NameLevel::NotOnId => Some(false),
        NameLevel::NoData => None,
    };
    match (first_fits, last_fits) {
        (None, None) => NameMatch::NoData,
        (Some(false), _) | (_, Some(false)) => NameMatch::Mismatch,
        (Some(true), Some(true) | None) | (None, Some(true)) => NameMatch::Match,
    }
}

/// Where an approval stands under a policy, given what was compared so far.
#[must_use]
pub fn name_standing(policy: NameMatchPolicy, compared: Option<NameMatch>) -> NameStanding {
    match (policy, compared) {
        (NameMatchPolicy::Off, _)
        | (NameMatchPolicy::Report, Some(_))
        | (NameMatchPolicy::Require, Some(NameMatch::Match | NameMatch::NoData)) => NameStanding::Counts,
        (NameMatchPolicy::Report, None) => NameStanding::CountsAndCompare,
        (NameMatchPolicy::Require, None) => NameStanding::Compare,
        (NameMatchPolicy::Require, Some(NameMatch::Mismatch)) => NameStanding::OperatorDecides,
    }
}
