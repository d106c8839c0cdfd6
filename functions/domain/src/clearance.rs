//! Clearance: may this purchase be asked for at the carrier now? May this sub-account do this?

use crate::action::Action;
use crate::ids::Owner;
use crate::instant::Instant;
use crate::phone::PhoneRequirement;
use crate::region::{GatePolicy, Region};
use crate::verification::{NameCheck, Verification};

/// The answer to "may this sub-account do this now?", with the rule that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// It may.
    Cleared(ClearanceRule),
    /// None of its owners has proved who it is.
    NotCleared,
    /// It has proved who it is where it must, and not yet which phone it has.
    NeedsPhone,
}

impl Clearance {
    /// The same where a phone is asked for as well: identity first, then the phone.
    #[must_use]
    pub fn and_phone(self, phone: PhoneRequirement) -> Self {
        match (self, phone) {
            (Self::Cleared(_), PhoneRequirement::VerifyPhone) => Self::NeedsPhone,
            (same @ (Self::Cleared(_) | Self::NotCleared | Self::NeedsPhone), _) => same,
        }
    }
}

/// The rule that cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClearanceRule {
    /// The number is in no gated region.
    NotGated,
    /// This owner proved who it is.
    VerifiedOwner {
        /// The sub-account itself, or its agency.
        owner: Owner,
        /// When.
        at: Instant,
    },
}

/// Clears a purchase: a number that is not gated always, a gated one once any of its owners is verified.
///
/// `owners` are the sub-account's own verification and, where its stored profile names an agency, the agency's. The
/// earliest proof decides, so that a purchase proved in time by one owner stays so.
#[must_use]
pub fn clear_purchase<'a>(gated: bool, owners: impl IntoIterator<Item = (&'a Owner, &'a Verification)>) -> Clearance {
    if !gated {
        return Clearance::Cleared(ClearanceRule::NotGated);
    }
    owners
        .into_iter()
        .filter_map(|(owner, verification)| verification.verified_at().map(|at| (owner, at)))
        .min_by_key(|(_, at)| *at)
        .map_or(Clearance::NotCleared, |(owner, at)| {
            Clearance::Cleared(ClearanceRule::VerifiedOwner { owner: owner.clone(), at })
        })
}

/// The answer to "may this sub-account do this action now?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionClearance {
    /// It may, as the settings leave this action to everybody.
    ActionNotGated,
    /// It may, as the number is in no gated region.
    NumberNotGated,
    /// It may, as this owner proved who it is.
    Verified(Owner),
    /// It may not: none of its owners has proved who it is.
    NotVerified,
    /// It may not yet: Persona approved, and the name on the ID is to be compared with the phone's owner.
    NamesNotCompared,
    /// It may not: Persona approved, and the name on the ID is not that of the phone's owner. An operator decides.
    NamesDiffer,
    /// It may not yet: it needs an approved phone.
    NeedsPhone,
}

/// Clears an action, with a number of this region where there is one; `owners` as for [`clear_purchase`], `phone` as it
/// stands for purchases.
#[must_use]
pub fn clear_action<'a>(
    action: Action,
    region: Option<Region>,
    policy: &GatePolicy,
    owners: impl IntoIterator<Item = (&'a Owner, &'a Verification)> + Clone,
    phone: PhoneRequirement,
) -> ActionClearance {
    let phone = if action.buys_numbers() { phone } else { PhoneRequirement::Met };
    match clear_purchase(policy.requires(action, region), owners.clone()).and_phone(phone) {
        Clearance::Cleared(ClearanceRule::NotGated) if policy.actions.contains(action) => {
            ActionClearance::NumberNotGated
        }
        Clearance::Cleared(ClearanceRule::NotGated) => ActionClearance::ActionNotGated,
        Clearance::Cleared(ClearanceRule::VerifiedOwner { owner, .. }) => ActionClearance::Verified(owner),
        Clearance::NeedsPhone => ActionClearance::NeedsPhone,
        Clearance::NotCleared => owners
            .into_iter()
            .find_map(|(_, verification)| why_in_review(verification))
            .unwrap_or(ActionClearance::NotVerified),
    }
}

/// What the names have to do with a verification that Persona approved and that does not count yet.
fn why_in_review(verification: &Verification) -> Option<ActionClearance> {
    verification.awaits_names_since()?;
    Some(match verification.names {
        NameCheck::Compared(_) => ActionClearance::NamesDiffer,
        NameCheck::NotWanted | NameCheck::Wanted => ActionClearance::NamesNotCompared,
    })
}

/// Whether a clearance came before the purchase's deadline. One that is not gated is always in time.
#[must_use]
pub fn in_time(rule: &ClearanceRule, deadline: Instant) -> bool {
    match rule {
        ClearanceRule::NotGated => true,
        ClearanceRule::VerifiedOwner { at, .. } => *at <= deadline,
    }
}
