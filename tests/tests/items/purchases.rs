//! Purchases.

use adapters::items::{
    keys, pool_from_item, pool_state_name, pool_to_item, purchase_from_item, purchase_to_item, reason_name, state_name,
};
use adapters::purchases::Stored;
use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, Key};
use domain::{MemberIndex, Place, Purchase};

use crate::samples::{at, pool, pool_states, purchase, purchase_states, reasons};

#[test]
fn every_state_is_read_back_as_it_was() {
    for state in purchase_states() {
        for due_at in [None, Some(at(50))] {
            let written = purchase(state.clone());
            let item = purchase_to_item(&written, 7, due_at);
            assert_eq!(purchase_from_item(&item), Ok((written, 7)), "{item:?}");
            assert_eq!(item.contains_key(DUE_AT), due_at.is_some());
            assert_eq!(item.contains_key(DUE_SHARD), due_at.is_some());
            assert!(item.contains_key(BY_TIME));
        }
    }
}

#[test]
fn gated_and_not_and_an_empty_history_too() {
    for gated in [false, true] {
        for state in purchase_states().into_iter().take(1) {
            let written = Purchase { gated, history: vec![], ..purchase(state) };
            let item = purchase_to_item(&written, i64::MAX, None);
            assert_eq!(purchase_from_item(&item), Ok((written, i64::MAX)));
        }
    }
}

#[test]
fn a_purchase_stands_at_its_own_key() {
    for state in purchase_states() {
        let written = purchase(state);
        let key = Key::of(&purchase_to_item(&written, 1, None)).expect("has keys");
        assert_eq!(key, adapters::items::keys::purchase(&written.sub_account, &written.id));
    }
}

#[test]
fn names_are_distinct_and_of_the_contract() {
    let mut names: Vec<&str> = purchase_states().iter().map(state_name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        ["buying", "cancelled", "completed", "expired", "failed", "held", "released", "releasing", "waiting"]
    );
    let mut names: Vec<&str> = reasons().iter().map(reason_name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "account_restricted",
            "address_required",
            "carrier_refused",
            "carrier_unresponsive",
            "duplicate_purchase",
            "number_unavailable",
            "pool_undone",
            "verification_revoked",
        ]
    );
}

#[test]
fn every_number_of_a_pool_stands_at_a_key_of_its_own_and_is_not_listed() {
    for index in [0, 7, 99] {
        let index = MemberIndex::new(index).expect("is in a pool");
        for state in purchase_states() {
            let written = Purchase { place: Place::Member(index), pointers: vec![], ..purchase(state) };
            let item = purchase_to_item(&written, 3, None);
            assert_eq!(Key::of(&item), Ok(keys::member(&written.sub_account, &written.id, index)));
            assert!(!item.contains_key(BY_TIME));
            assert_eq!(purchase_from_item(&item), Ok((written, 3)), "{item:?}");
        }
    }
    assert_eq!(MemberIndex::new(100), None, "a pool has 100 numbers at most");
}

#[test]
fn every_state_of_a_pool_is_read_back_as_it_was() {
    for state in pool_states() {
        for due_at in [None, Some(at(50))] {
            let written = pool(state);
            let item = pool_to_item(&written, 7, due_at);
            assert_eq!(Key::of(&item), Ok(keys::purchase(&written.sub_account, &written.id)));
            assert_eq!(item.contains_key(DUE_AT), due_at.is_some());
            assert!(item.contains_key(BY_TIME));
            let stored = Stored::from_item(&item).expect("is readable");
            assert_eq!(stored.request().members, written.numbers.len());
            purchase_from_item(&item).expect_err("a pool is no number");
            assert_eq!(pool_from_item(&item), Ok((written, 7)), "{item:?}");
        }
    }
    let names: Vec<&str> = pool_states().iter().map(pool_state_name).collect();
    let wanted = "waiting buying releasing completed partially_completed failed expired cancelled held held";
    assert_eq!(names.join(" "), wanted);
}
