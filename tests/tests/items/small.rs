//! Profile, lock, wait pointer, inquiry map, and the keys of what can be due.

use adapters::items::keys::{self, DueKey, due_key, due_shards, owner_of_pk, owner_pk};
use adapters::items::{InquiryMap, Profile, inquiry_map_item, lock_item, pointer_item, pointer_target};
use adapters::store::{Item, Key, Value};
use domain::{AgencyId, InquiryId, PurchaseState};

use crate::samples::{account, at, owners, purchase, sub_account};

#[test]
fn a_profile_is_read_with_any_of_its_attributes() {
    let text = |text: &str| Value::S(text.to_owned().into());
    let agency = AgencyId::parse("Agency_1").expect("is an id");
    for (item, profile) in [
        (vec![], Profile::default()),
        (vec![("agency", text("Agency_1"))], Profile { agency: Some(agency.clone()), account: None }),
        (
            vec![("agency", text("Agency_1")), ("account", text(account().as_str()))],
            Profile { agency: Some(agency), account: Some(account()) },
        ),
    ] {
        let item: Item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Profile::from_item(&item), Ok(profile));
    }
}

#[test]
fn pointers_and_locks_name_their_purchase() {
    let purchase = purchase(PurchaseState::Waiting);
    let target = (purchase.sub_account.clone(), purchase.id.clone());
    for owner in owners() {
        let pointer = pointer_item(&owner, &purchase.sub_account, &purchase.id);
        assert_eq!(pointer_target(&pointer), Ok(target.clone()));
        assert_eq!(Key::of(&pointer), Ok(keys::pointer(&owner, &purchase.id)));
    }
    let lock = lock_item(&account(), &purchase.number, &purchase.sub_account, &purchase.id);
    assert_eq!(pointer_target(&lock), Ok(target));
    assert_eq!(Key::of(&lock), Ok(keys::lock(&account(), &purchase.number)));
}

#[test]
fn an_inquiry_leads_to_its_owner() {
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    for owner in owners() {
        let map = InquiryMap { owner, template: "itmpl_1".to_owned() };
        let item = inquiry_map_item(&inquiry, &map, at(1));
        assert_eq!(InquiryMap::from_item(&item), Ok(map));
        assert_eq!(Key::of(&item), Ok(keys::inquiry_map(&inquiry)));
    }
}

#[test]
fn keys_of_what_is_due_are_read_back_and_no_others() {
    let purchase = purchase(PurchaseState::Waiting);
    assert_eq!(
        due_key(&keys::purchase(&purchase.sub_account, &purchase.id)),
        Ok(DueKey::Purchase(purchase.sub_account.clone(), purchase.id.clone()))
    );
    for owner in owners() {
        assert_eq!(owner_of_pk(&owner_pk(&owner)), Ok(owner.clone()));
        assert_eq!(due_key(&keys::verification(&owner)), Ok(DueKey::Verification(owner.clone())));
        due_key(&keys::pointer(&owner, &purchase.id)).expect_err("a pointer is never due");
        due_key(&keys::audit(&owner, "evt_1")).expect_err("an audit entry is never due");
    }
    due_key(&keys::profile(&sub_account())).expect_err("a profile is never due");
    due_key(&keys::lock(&account(), &purchase.number)).expect_err("a lock is never due");
    due_key(&Key::new("X#1", "V")).expect_err("nobody's");
    due_key(&Key::new("S#a b", "P#pur_0123456789abcdef0123456789abcdef")).expect_err("no id");
}

#[test]
fn every_partition_is_in_a_shard_that_is_swept() {
    let shards: Vec<&str> = due_shards().collect();
    let mut used = vec![];
    for number in 0..200 {
        let shard = keys::due_shard(&format!("S#location-{number}"));
        assert!(shards.contains(&shard), "{shard}");
        used.push(shard);
    }
    used.sort();
    used.dedup();
    assert_eq!(used.len(), shards.len(), "some shard is never used");
}
