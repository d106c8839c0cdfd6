//! What the table says of purchases and verifications, read once after each change.

use adapters::items::{
    Profile, PurchasesSwitch, StoredProfile, is_pool, keys, pool_from_item, purchase_from_item, verification_from_item,
};
use adapters::store::{Item, Key};
use domain::{
    AccountSid, FailedNumber, Instant, Owner, PhoneNumber, Pool, PoolState, Purchase, PurchaseId, PurchaseState,
    RevokedBy, SubAccountId, Verification, VerificationState,
};

use crate::world::account;

/// Purchases and verifications, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Numbers that were asked for alone, and those of pools that anything was asked for.
    pub(super) purchases: Vec<Purchase>,
    pub(super) pools: Vec<Pool>,
    verifications: Vec<(Owner, Verification)>,
    /// Owners that were verified after they had been decided against.
    reversed: Vec<Owner>,
    profiles: Vec<(SubAccountId, Profile)>,
}

/// What a change of the table was.
#[derive(Debug)]
pub(super) enum Changed {
    /// This purchase; what it was before, if it was there. It stands at this place now.
    Purchase(usize, Option<Box<Purchase>>),
    /// This pool; what it was before, if it was there. It stands at this place now.
    Pool(usize, Option<Box<Pool>>),
    /// A request that was taken back at once, as one too many.
    Withdrawn,
    /// The operator's switch: whether numbers are bought.
    Switch(bool),
    /// This owner's verification; what it was before, if it was there. It stands at this place now.
    Verification(usize, Option<Box<Verification>>),
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
            Some(item) if key.sk.starts_with(keys::PURCHASE_PREFIX) => self.learn_pool(item),
            Some(item) if key.sk == keys::VERIFICATION_SK => self.learn_verification(key, item),
            Some(item) if key.sk == keys::PROFILE_SK => self.learn_profile(key, item),
            Some(item) if *key == keys::purchases_switch() => match PurchasesSwitch::from_item(item) {
                Ok(switch) => Changed::Switch(switch.on),
                Err(_) => Changed::Unreadable,
            },
            Some(_) => Changed::Other,
            None if key.sk.starts_with(keys::PURCHASE_PREFIX) => self.forget(key),
            None if key.sk == keys::VERIFICATION_SK => Changed::Unreadable,
            None => Changed::Other,
        }
    }

    /// How many requests there are.
    pub(super) fn requests(&self) -> usize {
        self.purchases.iter().filter(|purchase| !purchase.place.is_member()).count() + self.pools.len()
    }

    /// Whether a request stands under this id.
    pub(super) fn has(&self, id: &PurchaseId) -> bool {
        self.purchases.iter().any(|purchase| purchase.id == *id) || self.pools.iter().any(|pool| pool.id == *id)
    }

    /// One of the requests, and how many numbers a pool has.
    pub(super) fn request(&self, index: usize) -> Option<(SubAccountId, PurchaseId, usize)> {
        let alone = self.purchases.iter().filter(|purchase| !purchase.place.is_member());
        let alone = alone.map(|purchase| (&purchase.sub_account, &purchase.id, 0));
        let pools = self.pools.iter().map(|pool| (&pool.sub_account, &pool.id, pool.numbers.len()));
        alone.chain(pools).nth(index).map(|(sub_account, id, members)| (sub_account.clone(), id.clone(), members))
    }

    /// Sub-accounts that asked for anything.
    pub(super) fn sub_accounts(&self) -> usize {
        let of_purchases = self.purchases.iter().map(|purchase| &purchase.sub_account);
        let mut all: Vec<_> = of_purchases.chain(self.pools.iter().map(|pool| &pool.sub_account)).collect();
        all.sort();
        all.dedup();
        all.len()
    }

    /// Whether a failure of this number was settled, and its last look is still to come.
    pub(super) fn is_given_up(&self, number: &PhoneNumber) -> bool {
        let given_up = |state: &PurchaseState| {
            matches!(state, PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. })
        };
        self.purchases.iter().any(|purchase| purchase.number == *number && given_up(&purchase.state))
    }

    /// The pool that a number belongs to.
    pub(super) fn pool_of(&self, purchase: &Purchase) -> Option<&Pool> {
        self.pools.iter().find(|pool| purchase.place.is_member() && pool.id == purchase.id)
    }

    /// The account in which a sub-account buys now.
    pub(super) fn account(&self, sub_account: &SubAccountId) -> AccountSid {
        let profile = self.profiles.iter().find(|(of, _)| of == sub_account);
        profile.and_then(|(_, profile)| profile.account.clone()).unwrap_or_else(account)
    }

    /// The earliest proof of a sub-account's owners that stands.
    pub(super) fn verified_at(&self, sub_account: &SubAccountId) -> Option<Instant> {
        let profile = self.profiles.iter().find(|(of, _)| of == sub_account).map(|(_, profile)| profile);
        let owners = profile.map_or_else(|| Profile::default().owners(sub_account), |of| of.owners(sub_account));
        let proofs = owners.iter().filter_map(|owner| match self.verification(owner) {
            Some(VerificationState::Verified { at }) => Some(at),
            Some(_) | None => None,
        });
        proofs.min()
    }

    fn forget(&mut self, key: &Key) -> Changed {
        let before = self.requests();
        let named = |sub_account: &SubAccountId, id: &PurchaseId| keys::purchase(sub_account, id) == *key;
        let waits = |purchase: &Purchase| purchase.state == PurchaseState::Waiting;
        self.purchases.retain(|purchase| !(named(&purchase.sub_account, &purchase.id) && waits(purchase)));
        self.pools.retain(|pool| !(named(&pool.sub_account, &pool.id) && pool.state == PoolState::Waiting));
        if self.requests() < before { Changed::Withdrawn } else { Changed::Unreadable }
    }

    fn learn_pool(&mut self, item: &Item) -> Changed {
        let Ok((pool, _)) = pool_from_item(item) else { return Changed::Unreadable };
        match self.pools.iter().position(|known| known.id == pool.id) {
            Some(place) => Changed::Pool(place, Some(Box::new(std::mem::replace(&mut self.pools[place], pool)))),
            None => {
                self.pools.push(pool);
                Changed::Pool(self.pools.len() - 1, None)
            }
        }
    }

    fn learn_profile(&mut self, key: &Key, item: &Item) -> Changed {
        let (Some(sub_account), Ok(stored)) = (keys::sub_account_of_pk(&key.pk), StoredProfile::from_item(item)) else {
            return Changed::Unreadable;
        };
        self.profiles.retain(|(of, _)| *of != sub_account);
        self.profiles.push((sub_account, stored.profile));
        Changed::Other
    }

    pub(super) fn verification(&self, owner: &Owner) -> Option<VerificationState> {
        self.verifications.iter().find(|(of, _)| of == owner).map(|(_, verification)| verification.state)
    }

    /// The owner and verification that stand at this place.
    pub(super) fn verification_at(&self, place: usize) -> (&Owner, &Verification) {
        let (owner, verification) = &self.verifications[place];
        (owner, verification)
    }

    /// Whether the owner was verified after it had been decided against.
    pub(super) fn was_reversed(&self, owner: &Owner) -> bool {
        self.reversed.contains(owner)
    }

    /// Whether the key is of an owner that was decided against or gave up: Persona is asked about it ever more rarely.
    pub(super) fn is_asked_rarely(&self, key: &Key) -> bool {
        let rarely = |state| decided_against(state) || state == VerificationState::Expired;
        key.sk == keys::VERIFICATION_SK
            && keys::owner_of_pk(&key.pk).is_ok_and(|owner| self.verification(&owner).is_some_and(rarely))
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
        let after = stored.verification;
        let before = self.verification(&owner);
        if before.is_some_and(decided_against) && matches!(after.state, VerificationState::Verified { .. }) {
            self.reversed.push(owner.clone());
        }
        match self.verifications.iter().position(|(of, _)| *of == owner) {
            Some(place) => {
                let before = std::mem::replace(&mut self.verifications[place].1, after);
                Changed::Verification(place, Some(Box::new(before)))
            }
            None => {
                self.verifications.push((owner, after));
                Changed::Verification(self.verifications.len() - 1, None)
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
        | VerificationState::InReview { .. }
        | VerificationState::Verified { .. }
        | VerificationState::Expired
        | VerificationState::Revoked { by: RevokedBy::Operator, .. } => false,
    }
}

/// One number, alone or in a pool.
fn is_number(key: &Key, item: &Item) -> bool {
    key.sk.starts_with(keys::MEMBER_PREFIX) || key.sk.starts_with(keys::PURCHASE_PREFIX) && !is_pool(item)
}
