//! The item of one number: a purchase of a single number, or one number of a pool.

use domain::{
    AccountSid, BodyHash, EarlierCreates, FailedNumber, IfUnavailable, Instant, LatestCreate, LeaseToken, NumberSid,
    Owner, PhoneNumber, Place, Purchase, PurchaseId, PurchaseState, Reason, Release, Slot, SubAccountId,
};

use super::history::{history_from_fields, history_to_value};
use super::{Fields, STATE, VERSION, VISITS, copied, keys, n, names, s, unreadable};
use crate::store::{BY_TIME, DUE_AT, DUE_SHARD, Item, Key, PK, SK, StoreError, Value};

/// Name of the attribute that says what was asked for.
pub(super) const KIND: &str = "kind";
/// The kind of a purchase of one number.
pub(super) const KIND_NUMBER: &str = "number";
/// Name of the attribute that lists the owners whose wait pointers stand.
pub const POINTERS: &str = "pointers";

names!(
    /// Why a number failed, in the table and in the contract.
    pub reason_name, pub(super) reason_of, Reason, {
        Reason::NumberUnavailable => "number_unavailable" => Reason::NumberUnavailable,
        Reason::DuplicatePurchase => "duplicate_purchase" => Reason::DuplicatePurchase,
        Reason::CarrierRefused => "carrier_refused" => Reason::CarrierRefused,
        Reason::AddressRequired => "address_required" => Reason::AddressRequired,
        Reason::AccountRestricted => "account_restricted" => Reason::AccountRestricted,
        Reason::VerificationRevoked => "verification_revoked" => Reason::VerificationRevoked,
        Reason::CarrierUnresponsive => "carrier_unresponsive" => Reason::CarrierUnresponsive,
        Reason::PoolUndone => "pool_undone" => Reason::PoolUndone,
    }
);
names!(latest_name, latest_of, LatestCreate, {
    LatestCreate::Open => "open" => LatestCreate::Open,
    LatestCreate::NotProcessed => "not_processed" => LatestCreate::NotProcessed,
});
names!(earlier_name, earlier_of, EarlierCreates, {
    EarlierCreates::AllAnswered => "all_answered" => EarlierCreates::AllAnswered,
    EarlierCreates::SomeUnknown => "some_unknown" => EarlierCreates::SomeUnknown,
});
names!(
    /// What happens when a number is gone, in the table and in the contract.
    pub if_unavailable_name, pub(super) if_unavailable_of, IfUnavailable, {
        IfUnavailable::Fail => "fail" => IfUnavailable::Fail,
        IfUnavailable::SameAreaCode => "same_area_code" => IfUnavailable::SameAreaCode,
    }
);

/// A purchase's state in the table. The contract shows `waiting` as `awaiting_verification` or `queued`.
#[must_use]
pub fn state_name(state: &PurchaseState) -> &'static str {
    match state {
        PurchaseState::Waiting => "waiting",
        PurchaseState::Buying(_) => "buying",
        PurchaseState::Completed { .. } => "completed",
        PurchaseState::Failed { .. } => "failed",
        PurchaseState::Expired { .. } => "expired",
        PurchaseState::Cancelled { .. } => "cancelled",
        PurchaseState::Releasing(_) => "releasing",
        PurchaseState::Released { .. } => "released",
        PurchaseState::Held { .. } => "held",
    }
}

/// The item of one number at `version`; due at `due_at`, if ever.
#[must_use]
pub fn purchase_to_item(purchase: &Purchase, version: i64, due_at: Option<Instant>) -> Item {
    let key = keys::number_of(purchase);
    let mut item = Item::from([
        (KIND, s(KIND_NUMBER)),
        ("number", copied(purchase.number.as_str())),
        ("if_unavailable", s(if_unavailable_name(&purchase.if_unavailable))),
        ("gated", Value::Bool(purchase.gated)),
        ("body_hash", s(hex::encode(purchase.body_hash.0))),
        ("created_at", n(purchase.created_at)),
        ("updated_at", n(purchase.updated_at)),
        ("deadline", n(purchase.deadline)),
        (STATE, s(state_name(&purchase.state))),
        ("history", history_to_value(&purchase.history)),
        (VERSION, Value::N(version)),
    ]);
    if !purchase.place.is_member() {
        // Only what was asked for is listed; a pool's numbers are shown with their pool.
        item.insert(
            BY_TIME.to_owned(),
            s(keys::by_time(keys::PURCHASE_PREFIX, purchase.created_at, purchase.id.as_str())),
        );
    }
    for (name, numbers) in [("given_up", &purchase.given_up), ("alternatives", &purchase.alternatives)] {
        if !numbers.is_empty() {
            item.insert(name, numbers_to_value(numbers));
        }
    }
    set_pointers(&mut item, &purchase.pointers);
    set_needs_phone(&mut item, purchase.needs_phone);
    match &purchase.state {
        PurchaseState::Waiting => {}
        PurchaseState::Buying(slot) => {
            item.insert("slot", Value::Map(slot_to_item(slot)));
        }
        PurchaseState::Completed { sid, account, at } => {
            item.insert("sid", copied(sid.as_str()));
            item.insert("account", copied(account.as_str()));
            item.insert("ended_at", n(*at));
        }
        PurchaseState::Failed { reason, at, lock } => {
            item.insert("reason", s(reason_name(reason)));
            item.insert("ended_at", n(*at));
            if let FailedNumber::LockedUntil { last_look_at, account } = lock {
                item.insert("last_look_at", n(*last_look_at));
                item.insert("account", copied(account.as_str()));
            }
        }
        PurchaseState::Expired { at } | PurchaseState::Cancelled { at } => {
            item.insert("ended_at", n(*at));
        }
        PurchaseState::Releasing(Release { sid, account, token, lease_until, since }) => {
            item.insert("sid", copied(sid.as_str()));
            item.insert("account", copied(account.as_str()));
            item.insert("token", copied(token.as_str()));
            item.insert("lease_until", n(*lease_until));
            item.insert("since", n(*since));
        }
        PurchaseState::Released { sid, at } => {
            item.insert("sid", copied(sid.as_str()));
            item.insert("ended_at", n(*at));
        }
        PurchaseState::Held { sid, account, at } => {
            item.insert("ended_at", n(*at));
            if let Some(sid) = sid {
                item.insert("sid", copied(sid.as_str()));
            }
            if let Some(account) = account {
                item.insert("account", copied(account.as_str()));
            }
        }
    }
    place(&mut item, key, due_at);
    item
}

/// Puts the keys into an item, and those of the due index where it is due.
pub(super) fn place(item: &mut Item, key: Key, due_at: Option<Instant>) {
    if let Some(due_at) = due_at {
        item.insert(DUE_SHARD, s(keys::due_shard(&key.pk)));
        item.insert(DUE_AT, n(due_at));
        item.insert(VISITS, Value::N(0));
    }
    item.insert(PK, s(key.pk));
    item.insert(SK, s(key.sk));
}

/// Reads the item of one number: the number and its version.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read, or the item is of another kind.
pub fn purchase_from_item(item: &Item) -> Result<(Purchase, i64), StoreError> {
    let fields = Fields(item);
    if fields.text(KIND)? != KIND_NUMBER {
        return Err(unreadable(KIND));
    }
    let (id, place) = id_and_place(fields.text(SK)?).ok_or_else(|| unreadable(SK))?;
    let purchase = Purchase {
        id,
        sub_account: sub_account_of(&fields)?,
        place,
        number: fields.parsed("number", PhoneNumber::parse)?,
        given_up: numbers_from_fields(&fields, "given_up")?,
        if_unavailable: if_unavailable_of(fields.text("if_unavailable")?)
            .ok_or_else(|| unreadable("if_unavailable"))?,
        alternatives: numbers_from_fields(&fields, "alternatives")?,
        gated: fields.bool("gated")?,
        needs_phone: fields.flag(NEEDS_PHONE)?,
        body_hash: body_hash_of(&fields)?,
        created_at: fields.instant("created_at")?,
        updated_at: fields.instant("updated_at")?,
        deadline: fields.instant("deadline")?,
        pointers: pointers_of(&fields)?,
        state: state_from_fields(&fields)?,
        history: history_from_fields(&fields)?,
    };
    Ok((purchase, fields.number(VERSION)?))
}

fn id_and_place(sk: &str) -> Option<(PurchaseId, Place)> {
    if let Some(id) = sk.strip_prefix(keys::PURCHASE_PREFIX) {
        return Some((PurchaseId::parse(id).ok()?, Place::Alone));
    }
    let (id, index) = keys::member_of_sk(sk.strip_prefix(keys::MEMBER_PREFIX)?)?;
    Some((id, Place::Member(index)))
}

pub(super) fn sub_account_of(fields: &Fields<'_>) -> Result<SubAccountId, StoreError> {
    keys::sub_account_of_pk(fields.text(PK)?).ok_or_else(|| unreadable(PK))
}

pub(super) fn body_hash_of(fields: &Fields<'_>) -> Result<BodyHash, StoreError> {
    let mut body_hash = BodyHash([0; 32]);
    hex::decode_to_slice(fields.text("body_hash")?, &mut body_hash.0).map_err(|_| unreadable("body_hash"))?;
    Ok(body_hash)
}

pub(super) fn numbers_to_value(numbers: &[PhoneNumber]) -> Value {
    Value::List(numbers.iter().map(|number| copied(number.as_str())).collect())
}

pub(super) fn numbers_from_fields(fields: &Fields<'_>, name: &str) -> Result<Vec<PhoneNumber>, StoreError> {
    let parse = |value: &Value| match value {
        Value::S(text) => PhoneNumber::parse(text).map_err(|_| unreadable(name)),
        Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => Err(unreadable(name)),
    };
    fields.optional_list(name)?.iter().map(parse).collect()
}

/// The value of the attribute [`POINTERS`].
#[must_use]
pub fn pointers_value(owners: &[Owner]) -> Value {
    Value::List(owners.iter().map(|owner| s(keys::owner_pk(owner))).collect())
}

pub(super) fn set_pointers(item: &mut Item, owners: &[Owner]) {
    if !owners.is_empty() {
        item.insert(POINTERS, pointers_value(owners));
    }
}

/// Name of the attribute of a purchase that waits for an approved phone.
pub(super) const NEEDS_PHONE: &str = "needs_phone";

pub(super) fn set_needs_phone(item: &mut Item, needs_phone: bool) {
    if needs_phone {
        item.insert(NEEDS_PHONE, Value::Bool(true));
    }
}

pub(super) fn pointers_of(fields: &Fields<'_>) -> Result<Vec<Owner>, StoreError> {
    let parse = |value: &Value| match value {
        Value::S(pk) => keys::owner_of_pk(pk).map_err(|_| unreadable(POINTERS)),
        Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => Err(unreadable(POINTERS)),
    };
    fields.optional_list(POINTERS)?.iter().map(parse).collect()
}

fn state_from_fields(fields: &Fields<'_>) -> Result<PurchaseState, StoreError> {
    let at = || fields.instant("ended_at");
    Ok(match fields.text(STATE)? {
        "waiting" => PurchaseState::Waiting,
        "buying" => PurchaseState::Buying(slot_from_fields(&fields.map("slot")?)?),
        "completed" => PurchaseState::Completed {
            sid: fields.parsed("sid", NumberSid::parse)?,
            account: fields.parsed("account", AccountSid::parse)?,
            at: at()?,
        },
        "failed" => PurchaseState::Failed {
            reason: reason_of(fields.text("reason")?).ok_or_else(|| unreadable("reason"))?,
            at: at()?,
            lock: match fields.optional_instant("last_look_at")? {
                None => FailedNumber::Unlocked,
                Some(last_look_at) => {
                    FailedNumber::LockedUntil { last_look_at, account: fields.parsed("account", AccountSid::parse)? }
                }
            },
        },
        "expired" => PurchaseState::Expired { at: at()? },
        "cancelled" => PurchaseState::Cancelled { at: at()? },
        "releasing" => PurchaseState::Releasing(Release {
            sid: fields.parsed("sid", NumberSid::parse)?,
            account: fields.parsed("account", AccountSid::parse)?,
            token: fields.parsed("token", LeaseToken::parse)?,
            lease_until: fields.instant("lease_until")?,
            since: fields.instant("since")?,
        }),
        "released" => PurchaseState::Released { sid: fields.parsed("sid", NumberSid::parse)?, at: at()? },
        "held" => PurchaseState::Held {
            sid: fields.optional_parsed("sid", NumberSid::parse)?,
            account: fields.optional_parsed("account", AccountSid::parse)?,
            at: at()?,
        },
        _ => return Err(unreadable(STATE)),
    })
}

fn slot_to_item(slot: &Slot) -> Item {
    let mut item = Item::from([
        ("token", copied(slot.token.as_str())),
        ("lease_until", n(slot.lease_until)),
        ("account", copied(slot.account.as_str())),
        ("first_post", n(slot.first_post)),
        ("last_post", n(slot.last_post)),
        ("creates", Value::N(slot.creates.into())),
        ("latest", s(latest_name(&slot.latest))),
        ("earlier", s(earlier_name(&slot.earlier))),
    ]);
    if let Some(refusal) = &slot.refusal {
        item.insert("refusal", s(reason_name(refusal)));
    }
    if let Some(absent_at) = slot.absent_at {
        item.insert("absent_at", n(absent_at));
    }
    item
}

fn slot_from_fields(fields: &Fields<'_>) -> Result<Slot, StoreError> {
    let refusal = match fields.optional_text("refusal")? {
        None => None,
        Some(name) => Some(reason_of(name).ok_or_else(|| unreadable("refusal"))?),
    };
    Ok(Slot {
        token: fields.parsed("token", LeaseToken::parse)?,
        lease_until: fields.instant("lease_until")?,
        account: fields.parsed("account", AccountSid::parse)?,
        first_post: fields.instant("first_post")?,
        last_post: fields.instant("last_post")?,
        creates: u32::try_from(fields.number("creates")?).map_err(|_| unreadable("creates"))?,
        latest: latest_of(fields.text("latest")?).ok_or_else(|| unreadable("latest"))?,
        earlier: earlier_of(fields.text("earlier")?).ok_or_else(|| unreadable("earlier"))?,
        refusal,
        absent_at: fields.optional_instant("absent_at")?,
    })
}
