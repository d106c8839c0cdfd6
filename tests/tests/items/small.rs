//! Profile, lock, wait pointer, inquiry map, audit entry, and the keys of what can be due.

use adapters::items::keys::{self, DueKey, due_key, due_shards, owner_of_pk, owner_pk};
use adapters::items::{
    AuditCause, AuditEntry, InquiryMap, Profile, PurchasesSwitch, StoredProfile, VISITS, lock_holder, lock_item,
    pointer_item, pointer_messages, remember_former, switch_item,
};
use adapters::store::{Condition, DUE_AT, DUE_SHARD, Key, Store, Value, Write, WriteError};
use domain::{
    AgencyId, Attempt, CountryCode, EventClass, EventId, InquiryId, InquiryStatus, MemberIndex, NameLevel, NameLevels,
    Operator, OperatorAction, OperatorName, OperatorReason, PurchaseState, Reviewer, TemplateId, VerificationState,
};
use tests::memory_table::MemoryTable;

use crate::samples::{account, at, owners, purchase, sub_account};

#[test]
fn a_profile_is_read_back_with_any_of_its_attributes() {
    let agency = AgencyId::parse("Agency_1").expect("is an id");
    for profile in [
        Profile::default(),
        Profile { agency: Some(agency.clone()), ..Profile::default() },
        Profile {
            countries: [CountryCode::new("GB"), CountryCode::new("NG")].into_iter().flatten().collect(),
            ..Profile::default()
        },
        Profile { agency: Some(agency), account: Some(account()), open_purchases_max: Some(7), countries: vec![] },
    ] {
        for due_at in [None, Some(at(9))] {
            let stored = StoredProfile { profile: profile.clone(), version: 4 };
            let item = stored.to_item(&sub_account(), due_at);
            assert_eq!(item.contains_key(DUE_AT), due_at.is_some());
            assert_eq!(Key::of(&item), Ok(keys::profile(&sub_account())));
            assert_eq!(StoredProfile::from_item(&item), Ok(stored));
        }
    }
}

#[test]
fn the_switch_is_read_back() {
    for on in [false, true] {
        let switch = PurchasesSwitch { on, version: 3 };
        assert_eq!(PurchasesSwitch::from_item(&switch_item(switch)), Ok(switch));
    }
}

#[test]
fn pointers_and_locks_name_their_purchase() {
    let purchase = purchase(PurchaseState::Waiting);
    for owner in owners() {
        for (members, messages) in [(0, vec![None]), (2, vec![MemberIndex::new(0), MemberIndex::new(1)])] {
            let pointer = pointer_item(&owner, &purchase.sub_account, &purchase.id, members);
            let read = pointer_messages(&pointer).expect("is readable");
            assert_eq!(read.iter().map(|message| message.member).collect::<Vec<_>>(), messages);
            let same = |message: &adapters::queue::PurchaseMessage| {
                message.id == purchase.id && message.sub_account == purchase.sub_account
            };
            assert!(read.iter().all(same));
            assert_eq!(Key::of(&pointer), Ok(keys::pointer(&owner, &purchase.id)));
        }
    }
    let lock = lock_item(&account(), &purchase);
    assert_eq!(lock_holder(&lock), Ok((purchase.sub_account.clone(), purchase.id.clone())));
    assert_eq!(Key::of(&lock), Ok(keys::lock(&account(), &purchase.number)));
    assert!(keys::lock_pks(&account()).any(|pk| keys::lock(&account(), &purchase.number).pk == pk));
}

#[test]
fn an_inquiry_leads_to_its_owner() {
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    let template = TemplateId::parse("itmpl_1").expect("is an id");
    for owner in owners() {
        for seen in [None, Some((EventClass::Progress, at(40))), Some((EventClass::Decision, at(41)))] {
            let attempt = if seen.is_some() { Attempt::Used } else { Attempt::Unused };
            let map = InquiryMap { owner: owner.clone(), template: template.clone(), seen, attempt };
            let item = map.to_item(&inquiry, at(1));
            assert_eq!(InquiryMap::from_item(&item), Ok(map));
            assert_eq!(Key::of(&item), Ok(keys::inquiry_map(&inquiry)));
        }
    }
}

#[test]
fn what_is_remembered_of_a_former_inquiry_is_written_once_and_only_over_what_was_read() {
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    let owner = owners().remove(0);
    let map = InquiryMap::new(owner, TemplateId::parse("itmpl_1").expect("is an id"));
    let table = MemoryTable::default();
    let write = |write: Write| futures::executor::block_on((&table).write(write));
    let seen = (EventClass::Decision, at(40));
    let remember = |read, seen| remember_former(&inquiry, read, Some(seen), Attempt::Used, Some((at(99), 7)));
    assert!(matches!(write(remember(None, seen)), Err(WriteError::Refused(None))), "was forgotten");
    write(Write::Put { item: map.to_item(&inquiry, at(1)), expect: Condition::ItemAbsent }).expect("is put");
    write(remember(None, seen)).expect("nothing was remembered");
    assert!(matches!(write(remember(None, seen)), Err(WriteError::Refused(Some(_)))));
    let newer = (EventClass::Decision, at(41));
    write(remember(Some(seen), newer)).expect("is as it was read");
    let item = table.items().remove(0);
    assert_eq!(item.get(DUE_AT), Some(&Value::N(at(99).unix_ms())), "Persona is asked about it");
    assert_eq!(item.get(VISITS), Some(&Value::N(7)));
    assert_eq!(due_key(&Key::of(&item).expect("has keys")), Ok(DueKey::FormerInquiry(inquiry.clone())));
    let map = InquiryMap::from_item(&item).expect("is readable");
    assert_eq!((map.seen, map.attempt), (Some(newer), Attempt::Used));
    write(remember_former(&inquiry, Some(newer), None, Attempt::Used, None)).expect("is as it was read");
    let item = table.items().remove(0);
    assert_eq!((item.get(DUE_AT), item.get(DUE_SHARD)), (None, None), "and no longer");
    assert_eq!(InquiryMap::from_item(&item).expect("is readable").seen, Some(newer), "nothing new was said");
}

#[test]
fn an_audit_entry_is_read_back_as_it_was() {
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    let operator = |name: Option<&str>| Operator {
        name: name.map(|name| OperatorName::parse(name).expect("is printable")),
        reason: OperatorReason::parse("ID seen by phone").expect("is one line"),
    };
    let status = InquiryStatus::NeedsReview;
    let causes = [
        AuditCause::Event { id: EventId::parse("evt_1").expect("is an id"), inquiry: inquiry.clone(), status },
        AuditCause::Look { inquiry: inquiry.clone(), status },
        AuditCause::Redacted { inquiry: inquiry.clone() },
        AuditCause::Opened { inquiry: inquiry.clone() },
        AuditCause::Resumed { inquiry: inquiry.clone() },
        AuditCause::NotResumed { inquiry: inquiry.clone() },
        AuditCause::NamesCompared {
            inquiry,
            levels: NameLevels { first: NameLevel::Partial, last: NameLevel::HighPartial },
        },
        AuditCause::Profile {
            agency: Some(AgencyId::parse("Agency_1").expect("is an id")),
            account: Some(account()),
            version: 3,
            operator: operator(Some("jo")),
        },
        AuditCause::Profile { agency: None, account: None, version: 4, operator: operator(None) },
        AuditCause::Operator { action: OperatorAction::Approve, operator: operator(Some("jo")) },
        AuditCause::Operator { action: OperatorAction::ResetAttempts, operator: operator(None) },
    ];
    let mut keys = Vec::new();
    for cause in causes {
        let before = VerificationState::InReview { by: Reviewer::Persona };
        let entry = AuditEntry::new(at(5), cause, &before, &VerificationState::Verified { at: at(4) });
        let item = entry.to_item(&owners()[0], 7);
        keys.push(Key::of(&item).expect("has keys").sk);
        assert_eq!(AuditEntry::from_item(&item), Ok(entry));
    }
    keys.pop();
    let wanted = [
        "A#evt_1",
        "A#look#inq_1#7",
        "A#redacted#inq_1#7",
        "A#opened#inq_1",
        "A#resumed#inq_1#7",
        "A#not_resumed#inq_1#7",
        "A#names#inq_1#7",
        "A#profile#3",
        "A#profile#4",
        "A#operator#7",
    ];
    assert_eq!(keys, wanted, "an event is keyed by its id alone: it is written once");
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
    assert_eq!(due_key(&keys::profile(&sub_account())), Ok(DueKey::Profile(sub_account())));
    let index = MemberIndex::new(42).expect("is in a pool");
    let member = keys::member(&purchase.sub_account, &purchase.id, index);
    assert_eq!(due_key(&member), Ok(DueKey::Member(purchase.sub_account.clone(), purchase.id.clone(), index)));
    due_key(&Key::new("S#Loc1", format!("N#{}#100", purchase.id))).expect_err("a pool has 100 numbers at most");
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
