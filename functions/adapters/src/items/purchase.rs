//! The purchase's item. A single number's slot lives in it.

use domain::{
    AccountSid, Actor, BodyHash, EarlierCreates, FailedNumber, Happening, HistoryEntry, Instant, LatestCreate,
    LeaseToken, NumberSid, PhoneNumber, Purchase, PurchaseId, PurchaseState, Reason, Slot, SubAccountId,
};

use super::{Fields, STATE, VERSION, VISITS, copied, keys, n, names, s, unreadable};
use crate::store::{BY_TIME, DUE_AT, DUE_SHARD, Item, PK, SK, StoreError, Value};

names!(
    /// Why a number failed, in the table and in the contract.
    pub reason_name, reason_of, Reason, {
        Reason::NumberUnavailable => "number_unavailable" => Reason::NumberUnavailable,
        Reason::DuplicatePurchase => "duplicate_purchase" => Reason::DuplicatePurchase,
        Reason::CarrierRefused => "carrier_refused" => Reason::CarrierRefused,
        Reason::AddressRequired => "address_required" => Reason::AddressRequired,
        Reason::AccountRestricted => "account_restricted" => Reason::AccountRestricted,
        Reason::VerificationRevoked => "verification_revoked" => Reason::VerificationRevoked,
        Reason::CarrierUnresponsive => "carrier_unresponsive" => Reason::CarrierUnresponsive,
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
names!(actor_name, actor_of, Actor, {
    Actor::Customer => "customer" => Actor::Customer,
    Actor::Completion => "purchase-completion" => Actor::Completion,
    Actor::Sweeper => "sweeper" => Actor::Sweeper,
});

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
        PurchaseState::Held { .. } => "held",
    }
}

/// The item of a purchase at `version`; due at `due_at`, if ever.
#[must_use]
pub fn purchase_to_item(purchase: &Purchase, version: i64, due_at: Option<Instant>) -> Item {
    let key = keys::purchase(&purchase.sub_account, &purchase.id);
    let mut item = Item::from([
        (BY_TIME, s(keys::by_time(keys::PURCHASE_PREFIX, purchase.created_at, purchase.id.as_str()))),
        ("kind", s("number")),
        ("number", copied(purchase.number.as_str())),
        ("gated", Value::Bool(purchase.gated)),
        ("body_hash", s(hex::encode(purchase.body_hash.0))),
        ("created_at", n(purchase.created_at)),
        ("updated_at", n(purchase.updated_at)),
        ("deadline", n(purchase.deadline)),
        (STATE, s(state_name(&purchase.state))),
        ("history", Value::List(purchase.history.iter().map(history_to_value).collect())),
        (VERSION, Value::N(version)),
    ]);
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
        PurchaseState::Held { sid, at } => {
            item.insert("ended_at", n(*at));
            if let Some(sid) = sid {
                item.insert("sid", copied(sid.as_str()));
            }
        }
    }
    if let Some(due_at) = due_at {
        item.insert(DUE_SHARD, s(keys::due_shard(&key.pk)));
        item.insert(DUE_AT, n(due_at));
        item.insert(VISITS, Value::N(0));
    }
    item.insert(PK, s(key.pk));
    item.insert(SK, s(key.sk));
    item
}

/// Reads a purchase's item: the purchase and its version.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn purchase_from_item(item: &Item) -> Result<(Purchase, i64), StoreError> {
    let fields = Fields(item);
    let sub_account = fields.text(PK)?.strip_prefix("S#").and_then(|id| SubAccountId::parse(id).ok());
    let id = fields.text(SK)?.strip_prefix(keys::PURCHASE_PREFIX).and_then(|id| PurchaseId::parse(id).ok());
    let mut body_hash = BodyHash([0; 32]);
    hex::decode_to_slice(fields.text("body_hash")?, &mut body_hash.0).map_err(|_| unreadable("body_hash"))?;
    let purchase = Purchase {
        id: id.ok_or_else(|| unreadable(SK))?,
        sub_account: sub_account.ok_or_else(|| unreadable(PK))?,
        number: fields.parsed("number", PhoneNumber::parse)?,
        gated: fields.bool("gated")?,
        body_hash,
        created_at: fields.instant("created_at")?,
        updated_at: fields.instant("updated_at")?,
        deadline: fields.instant("deadline")?,
        state: state_from_fields(&fields)?,
        history: fields.list("history")?.iter().map(history_from_value).collect::<Result<_, _>>()?,
    };
    Ok((purchase, fields.number(VERSION)?))
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
        "held" => PurchaseState::Held {
            sid: fields.optional_text("sid")?.map(|_| fields.parsed("sid", NumberSid::parse)).transpose()?,
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

fn history_to_value(entry: &HistoryEntry) -> Value {
    let (what, why) = match &entry.what {
        Happening::Requested => ("requested", None),
        Happening::Claimed => ("claimed", None),
        Happening::Reclaimed => ("reclaimed", None),
        Happening::Permitted => ("permitted", None),
        Happening::Stopped(reason) => ("stopped", Some(reason)),
        Happening::NotProcessed => ("not_processed", None),
        Happening::SeenAbsent => ("seen_absent", None),
        Happening::Completed => ("completed", None),
        Happening::Failed(reason) => ("failed", Some(reason)),
        Happening::Unlocked => ("unlocked", None),
        Happening::Expired => ("expired", None),
        Happening::Cancelled => ("cancelled", None),
        Happening::Held => ("held", None),
    };
    let mut item = Item::from([("at", n(entry.at)), ("by", s(actor_name(&entry.by))), ("what", s(what))]);
    if let Some(reason) = why {
        item.insert("why", s(reason_name(reason)));
    }
    Value::Map(item)
}

fn history_from_value(value: &Value) -> Result<HistoryEntry, StoreError> {
    let Value::Map(item) = value else {
        return Err(unreadable("history"));
    };
    let fields = Fields(item);
    let why = || fields.text("why").ok().and_then(reason_of).ok_or_else(|| unreadable("why"));
    let what = match fields.text("what")? {
        "requested" => Happening::Requested,
        "claimed" => Happening::Claimed,
        "reclaimed" => Happening::Reclaimed,
        "permitted" => Happening::Permitted,
        "stopped" => Happening::Stopped(why()?),
        "not_processed" => Happening::NotProcessed,
        "seen_absent" => Happening::SeenAbsent,
        "completed" => Happening::Completed,
        "failed" => Happening::Failed(why()?),
        "unlocked" => Happening::Unlocked,
        "expired" => Happening::Expired,
        "cancelled" => Happening::Cancelled,
        "held" => Happening::Held,
        _ => return Err(unreadable("what")),
    };
    let by = actor_of(fields.text("by")?).ok_or_else(|| unreadable("by"))?;
    Ok(HistoryEntry { at: fields.instant("at")?, by, what })
}
