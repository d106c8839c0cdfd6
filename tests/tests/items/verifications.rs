//! Verifications.

use adapters::items::{
    StoredVerification, VERIFIED_AT, verification_from_item, verification_state_name, verification_to_item,
};
use adapters::store::{DUE_AT, Key};
use domain::{Verification, VerificationState};

use crate::samples::{at, inquiries, name_checks, openings, owners, verification_states};

#[test]
fn every_state_is_read_back_as_it_was() {
    for owner in owners() {
        for state in verification_states() {
            for inquiry in inquiries() {
                for (names, opening) in name_checks().into_iter().zip(openings().into_iter().cycle()) {
                    let written = StoredVerification {
                        verification: Verification { state, inquiry: inquiry.clone(), attempts_used: 9, names },
                        opening: opening.clone(),
                        version: 3,
                    };
                    let item = verification_to_item(&owner, &written, Some(at(1)));
                    assert_eq!(verification_from_item(&item), Ok(written), "{item:?}");
                    assert!(item.contains_key(DUE_AT));
                    let key = Key::of(&item).expect("has keys");
                    assert_eq!(key, adapters::items::keys::verification(&owner));
                }
            }
        }
    }
}

/// The clearance check of a claim reads this attribute alone: one that stayed behind would clear.
#[test]
fn only_a_verified_owner_has_the_attribute_that_clears() {
    for owner in owners() {
        for state in verification_states() {
            let verification = Verification { state, ..Verification::default() };
            let stored = StoredVerification { verification, ..StoredVerification::default() };
            let item = verification_to_item(&owner, &stored, None);
            let is_verified = matches!(state, VerificationState::Verified { .. });
            assert_eq!(item.contains_key(VERIFIED_AT), is_verified, "{state:?}");
        }
    }
}

#[test]
fn names_are_distinct_and_of_the_contract() {
    let mut names: Vec<&str> = verification_states().iter().map(verification_state_name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        ["declined", "expired", "failed", "in_progress", "in_review", "locked", "revoked", "unverified", "verified"]
    );
}
