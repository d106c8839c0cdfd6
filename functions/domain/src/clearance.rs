//! Clearance: may this purchase be asked for at the carrier now? May this sub-account do this?

use crate::action::Action;
use crate::ids::Owner;
use crate::instant::Instant;
use crate::region::{GatePolicy, Region};
use crate::verification::Verification;

/// The answer to "may this sub-account do this now?", with the rule that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// It may.
    Cleared(ClearanceRule),
    /// None of its owners has proved who it is.
    NotCleared,
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
}

/// Clears an action, with a number of this region where there is one; `owners` as for [`clear_purchase`].
#[must_use]
pub fn clear_action<'a>(
    action: Action,
    region: Option<Region>,
    policy: &GatePolicy,
    owners: impl IntoIterator<Item = (&'a Owner, &'a Verification)>,
) -> ActionClearance {
    match clear_purchase(policy.requires(action, region), owners) {
        Clearance::Cleared(ClearanceRule::NotGated) if policy.actions.contains(action) => {
            ActionClearance::NumberNotGated
        }
        Clearance::Cleared(ClearanceRule::NotGated) => ActionClearance::ActionNotGated,
        Clearance::Cleared(ClearanceRule::VerifiedOwner { owner, .. }) => ActionClearance::Verified(owner),
        Clearance::NotCleared => ActionClearance::NotVerified,
    }
}

/// Whether a clearance came before the purchase's deadline. One that is not gated is always in time.
#[must_use]
pub fn in_time(rule: &ClearanceRule, deadline: Instant) -> bool {
    match rule {
        ClearanceRule::NotGated => true,
        ClearanceRule::VerifiedOwner { at, .. } => *at <= deadline,
    }
}
