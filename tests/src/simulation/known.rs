//! What the table says of purchases and verifications, read once after each change.

use adapters::items::{is_pool, purchase_from_item, verification_from_item};
use adapters::store::{Item, Key};
use domain::{Owner, Purchase, RevokedBy, VerificationState};

use adapters::items::keys;

/// Purchases and verifications, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) purchases: Vec<Purchase>,
    verifications: Vec<(Owner, VerificationState)>,
    /// Owners that were verified after they had been decided against.
    reversed: Vec<Owner>,
}

/// What a change of the table was.
#[derive(Debug)]
pub(super) enum Changed {
    /// This purchase; what it was before, if it was there. It stands at this place now.
    Purchase(usize, Option<Box<Purchase>>),
    /// This owner's verification: before, and now.
    Verification(Option<VerificationState>, VerificationState),
    /// Something that should have been readable, and is not there or not readable.
    Unreadable,
    /// Something else.
    Other,
}

impl Known {
    /// Reads what stands at the key now.
    pub(super) fn learn(&mut self, key: &Key, item: Option<&Item>) -> Changed {
        match item {
            Some(item) if is_number(key, item) => self.learn_purchase(item),
            Some(item) if key.sk == keys::VERIFICATION_SK => self.learn_verification(key, item),
            Some(_) => Changed::Other,
            None if key.sk == keys::VERIFICATION_SK || key.sk.starts_with(keys::PURCHASE_PREFIX) => Changed::Unreadable,
            None => Changed::Other,
        }
    }

    pub(super) fn verification(&self, owner: &Owner) -> Option<VerificationState> {
        self.verifications.iter().find(|(of, _)| of == owner).map(|(_, state)| *state)
    }

    /// Whether the owner was verified after it had been decided against.
    pub(super) fn was_reversed(&self, owner: &Owner) -> bool {
        self.reversed.contains(owner)
    }

    /// Whether the key is of an owner that was decided against: Persona is asked about it ever more rarely.
    pub(super) fn is_decided_against(&self, key: &Key) -> bool {
        key.sk == keys::VERIFICATION_SK
            && keys::owner_of_pk(&key.pk).is_ok_and(|owner| self.verification(&owner).is_some_and(decided_against))
    }

    fn learn_purchase(&mut self, item: &Item) -> Changed {
        let Ok((purchase, _)) = purchase_from_item(item) else { return Changed::Unreadable };
        let same = |known: &Purchase| known.id == purchase.id && known.place == purchase.place;
        match self.purchases.iter().position(same) {
            Some(place) => {
                Changed::Purchase(place, Some(Box::new(std::mem::replace(&mut self.purchases[place], purchase))))
            }
            None => {
                self.purchases.push(purchase);
                Changed::Purchase(self.purchases.len() - 1, None)
            }
        }
    }

    fn learn_verification(&mut self, key: &Key, item: &Item) -> Changed {
        let (Ok(owner), Ok(stored)) = (keys::owner_of_pk(&key.pk), verification_from_item(item)) else {
            return Changed::Unreadable;
        };
        let after = stored.verification.state;
        let before = self.verification(&owner);
        if before.is_some_and(decided_against) && matches!(after, VerificationState::Verified { .. }) {
            self.reversed.push(owner.clone());
        }
        match self.verifications.iter_mut().find(|(of, _)| *of == owner) {
            Some((_, state)) => Changed::Verification(Some(std::mem::replace(state, after)), after),
            None => {
                self.verifications.push((owner, after));
                Changed::Verification(None, after)
            }
        }
    }
}

fn decided_against(state: VerificationState) -> bool {
    match state {
        VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Locked
        | VerificationState::Revoked { by: RevokedBy::Persona, .. } => true,
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::InReview
        | VerificationState::Verified { .. }
        | VerificationState::Expired
        | VerificationState::Revoked { by: RevokedBy::Operator, .. } => false,
    }
}

/// One number, alone or in a pool.
fn is_number(key: &Key, item: &Item) -> bool {
    key.sk.starts_with("N#") || key.sk.starts_with(keys::PURCHASE_PREFIX) && !is_pool(item)
}
