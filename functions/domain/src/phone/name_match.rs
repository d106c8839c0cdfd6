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
}

impl NameLevel {
    /// Every level.
    pub const ALL: [Self; 5] = [Self::Exact, Self::HighPartial, Self::Partial, Self::None, Self::NoData];
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

/// Where an approved verification stands before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameStanding {
    /// It counts.
    Verified,
    /// The sub-account has no approved phone yet: `next_action` is `verify_phone`.
    NeedsPhone,
    /// The names must be compared first.
    Compare,
    /// The names do not fit: an operator decides.
    OperatorDecides,
}

/// Judges the levels: the last name must fit at least nearly, the first name at least in part, since people go by
/// short forms of it. Where only one of them is known, that one decides; where none is, nobody knows.
#[must_use]
pub fn judge_names(levels: NameLevels) -> NameMatch {
    let last_fits = match levels.last {
        NameLevel::Exact | NameLevel::HighPartial => Some(true),
        NameLevel::Partial | NameLevel::None => Some(false),
        NameLevel::NoData => None,
    };
    let first_fits = match levels.first {
        NameLevel::Exact | NameLevel::HighPartial | NameLevel::Partial => Some(true),
        NameLevel::None => Some(false),
        NameLevel::NoData => None,
    };
    match (first_fits, last_fits) {
        (None, None) => NameMatch::NoData,
        (Some(false), _) | (_, Some(false)) => NameMatch::Mismatch,
        (Some(true), Some(true) | None) | (None, Some(true)) => NameMatch::Match,
    }
}

/// Where an approval stands under a policy, given whether there is an approved phone and what was compared so far.
#[must_use]
pub fn name_standing(policy: NameMatchPolicy, has_phone: bool, compared: Option<NameMatch>) -> NameStanding {
    match (policy, has_phone, compared) {
        (NameMatchPolicy::Off | NameMatchPolicy::Report, _, _)
        | (NameMatchPolicy::Require, _, Some(NameMatch::Match | NameMatch::NoData)) => NameStanding::Verified,
        (NameMatchPolicy::Require, _, Some(NameMatch::Mismatch)) => NameStanding::OperatorDecides,
        (NameMatchPolicy::Require, false, None) => NameStanding::NeedsPhone,
        (NameMatchPolicy::Require, true, None) => NameStanding::Compare,
    }
}
