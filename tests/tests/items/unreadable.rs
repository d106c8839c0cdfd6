//! Items that cannot be read: which attribute is named, never what is in it.

use adapters::items::{
    InquiryMap, POINTERS, StoredProfile, StoredVerification, pointer_item, pointer_messages, pool_from_item,
    pool_to_item, purchase_from_item, purchase_to_item, verification_from_item, verification_to_item,
};
use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, Item, StoreError, Value};
use domain::{InquiryId, TemplateId, Verification};

use crate::samples::{
    at, inquiries, name_checks, openings, owners, pool, pool_states, purchase, purchase_states, verification_states,
};

/// A value that nothing can read, and that must not appear in an error.
const MARKER: &str = "marker value 5f2e";

/// Attributes that a state may lack, or that nothing reads back.
const OPTIONAL: [&str; 19] = [
    "absent_at",
    "alternatives",
    BY_TIME,
    DUE_AT,
    DUE_SHARD,
    "given_up",
    "inquiry",
    "last_look_at",
    "names",
    "opening",
    POINTERS,
    "persona_approved_at",
    "refusal",
    "seen_at",
    "sent_over",
    "sessions",
    "sessions_in_a_row",
    "template",
    "visits",
];

/// Attributes that nothing reads back at all.
const UNREAD: [&str; 4] = [BY_TIME, DUE_AT, DUE_SHARD, "visits"];

type Read<'a> = &'a dyn Fn(&Item) -> Result<(), StoreError>;

/// Spoils every attribute of `item`, and of the maps and lists in it, in turn.
fn spoil(item: &Item, read: Read<'_>) {
    assert_eq!(read(item), Ok(()), "can be read as it is");
    for (name, value) in item.iter() {
        if UNREAD.contains(&name.as_ref()) {
            continue;
        }
        let with = |value: Value| {
            let mut spoiled = item.clone();
            spoiled.insert(name.clone(), value);
            spoiled
        };
        // No attribute is of each type, so at least one of these two is a wrong one.
        let wrong_types = [Value::N(-5), Value::Bool(true), Value::List(vec![Value::Bool(true)])];
        let refused = wrong_types.into_iter().filter(|wrong| !same_type(wrong, value));
        for wrong in refused {
            names(read(&with(wrong)), name);
        }
        if let Value::S(_) = value {
            names(read(&with(Value::S(MARKER.into()))), name);
        }
        let mut without = item.clone();
        without.remove(name);
        match read(&without) {
            Ok(()) => assert!(may_be_missing(name), "{name} is missing and nothing says so"),
            error => names_something(error),
        }
        match value {
            Value::Map(inner) => spoil(inner, &|inner| read(&with(Value::Map(inner.clone())))),
            Value::List(values) => spoil_list(values, &|values| read(&with(Value::List(values)))),
            Value::S(_) | Value::N(_) | Value::Bool(_) => {}
        }
    }
}

fn spoil_list(values: &[Value], read: &dyn Fn(Vec<Value>) -> Result<(), StoreError>) {
    for (index, value) in values.iter().enumerate() {
        if let Value::Map(entry) = value {
            spoil(entry, &|spoiled| {
                let mut values = values.to_vec();
                values[index] = Value::Map(spoiled.clone());
                read(values)
            });
        }
        let mut values = values.to_vec();
        values[index] = Value::S(MARKER.into());
        names_something(read(values));
    }
}

fn may_be_missing(name: &str) -> bool {
    // A held purchase may know no id at the carrier, and nothing of an account; a held pool may not have been undone.
    OPTIONAL.contains(&name) || ["sid", "account", "reason"].contains(&name)
}

fn same_type(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// The error names the attribute, or one that it was read together with.
fn names(result: Result<(), StoreError>, name: &str) {
    let text = broken(result, name);
    assert!(text.contains(&format!("`{name}`")), "{name}: {text}");
}

fn names_something(result: Result<(), StoreError>) {
    let text = broken(result, "an attribute");
    assert!(text.contains('`'), "{text}");
}

fn broken(result: Result<(), StoreError>, name: &str) -> String {
    let Err(StoreError::Broken(text)) = result else {
        panic!("{name}: {result:?}");
    };
    assert!(!text.contains(MARKER), "{text}");
    text
}

#[test]
fn purchases() {
    for state in purchase_states() {
        let mut purchase = purchase(state);
        purchase.history.truncate(40);
        let item = purchase_to_item(&purchase, 1, Some(at(1)));
        spoil(&item, &|item| purchase_from_item(item).map(|_| ()));
    }
}

#[test]
fn pools() {
    for state in pool_states() {
        let mut pool = pool(state);
        pool.history.truncate(40);
        let item = pool_to_item(&pool, 1, Some(at(1)));
        spoil(&item, &|item| pool_from_item(item).map(|_| ()));
    }
}

#[test]
fn verifications() {
    for state in verification_states() {
        for inquiry in inquiries() {
            for (names, opening) in name_checks().into_iter().zip(openings().into_iter().cycle()) {
                let verification = Verification { state, inquiry: inquiry.clone(), attempts_used: 1, names };
                let stored = StoredVerification { verification, opening, version: 1 };
                let item = verification_to_item(&owners()[0], &stored, Some(at(1)));
                // The keys of a verification are known to whoever reads it.
                let read = item.into_iter().filter(|(name, _)| name != "pk" && name != "sk");
                spoil(&read.collect(), &|item| verification_from_item(item).map(|_| ()));
            }
        }
    }
}

#[test]
fn small_items() {
    let inquiry = InquiryId::parse("inq_1").expect("is an id");
    for owner in owners() {
        let map = InquiryMap::new(owner.clone(), TemplateId::parse("itmpl_1").expect("is an id"));
        let item = map.to_item(&inquiry, at(1));
        for name in ["owner", "template"] {
            let mut spoiled = item.clone();
            spoiled.insert(name.to_owned(), Value::N(1));
            names(InquiryMap::from_item(&spoiled).map(|_| ()), name);
            spoiled.remove(name);
            names(InquiryMap::from_item(&spoiled).map(|_| ()), name);
        }
        let mut untold = item.clone();
        untold.insert("attempt".to_owned(), Value::S(MARKER.into()));
        names(InquiryMap::from_item(&untold).map(|_| ()), "attempt");
        let mut nobodys = item.clone();
        nobodys.insert("owner".to_owned(), Value::S(MARKER.into()));
        broken(InquiryMap::from_item(&nobodys).map(|_| ()), "owner");

        let purchase = purchase(domain::PurchaseState::Waiting);
        let pointer = pointer_item(&owner, &purchase.sub_account, &purchase.id, 2);
        for name in ["purchase", "sub_account", "members"] {
            for wrong in [Value::N(-1), Value::S(MARKER.into())] {
                let mut spoiled = pointer.clone();
                spoiled.insert(name.to_owned(), wrong);
                names(pointer_messages(&spoiled).map(|_| ()), name);
            }
        }
    }
    let profile = StoredProfile::default().to_item(&purchase(domain::PurchaseState::Waiting).sub_account, None);
    for name in ["agency", "account", "open_purchases_max", "version"] {
        for wrong in [Value::Bool(true), Value::S(MARKER.into())] {
            let mut spoiled = profile.clone();
            spoiled.insert(name, wrong);
            names(StoredProfile::from_item(&spoiled).map(|_| ()), name);
        }
    }
}
