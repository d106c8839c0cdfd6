//! The item of a request for several numbers.

use domain::{Fulfilment, Instant, Pool, PoolState, PurchaseId, Reason};

use super::history::{history_from_fields, history_to_value};
use super::purchase::{
    KIND, NEEDS_PHONE, body_hash_of, if_unavailable_name, if_unavailable_of, numbers_from_fields, numbers_to_value,
    place, pointers_of, reason_name, reason_of, set_needs_phone, set_pointers, sub_account_of,
};
use super::{Fields, STATE, VERSION, keys, n, names, s, unreadable};
use crate::store::{BY_TIME, Item, SK, StoreError, Value};

/// The kind of a request for several numbers.
const KIND_POOL: &str = "number_pool";

names!(
    /// Whether a pool is worth something without all of its numbers, in the table and in the contract.
    pub fulfilment_name, fulfilment_of, Fulfilment, {
        Fulfilment::BestEffort => "best_effort" => Fulfilment::BestEffort,
        Fulfilment::AllOrNothing => "all_or_nothing" => Fulfilment::AllOrNothing,
    }
);

/// A pool's state in the table. The contract shows `waiting` as `awaiting_verification` or `queued`.
#[must_use]
pub fn pool_state_name(state: &PoolState) -> &'static str {
    match state {
        PoolState::Waiting => "waiting",
        PoolState::Buying => "buying",
        PoolState::Releasing { .. } => "releasing",
        PoolState::Completed { .. } => "completed",
        PoolState::PartiallyCompleted { .. } => "partially_completed",
        PoolState::Failed { .. } => "failed",
        PoolState::Expired { .. } => "expired",
        PoolState::Cancelled { .. } => "cancelled",
        PoolState::Held { .. } => "held",
    }
}

/// Whether an item is a pool's.
#[must_use]
pub fn is_pool(item: &Item) -> bool {
    matches!(item.get(KIND), Some(Value::S(kind)) if kind == KIND_POOL)
}

/// The item of a pool at `version`; due at `due_at`, if ever.
#[must_use]
pub fn pool_to_item(pool: &Pool, version: i64, due_at: Option<Instant>) -> Item {
    let mut item = Item::from([
        (BY_TIME, s(keys::by_time(keys::PURCHASE_PREFIX, pool.created_at, pool.id.as_str()))),
        (KIND, s(KIND_POOL)),
        ("numbers", numbers_to_value(&pool.numbers)),
        ("fulfilment", s(fulfilment_name(&pool.fulfilment))),
        ("if_unavailable", s(if_unavailable_name(&pool.if_unavailable))),
        ("gated", Value::Bool(pool.gated)),
        ("body_hash", s(hex::encode(pool.body_hash.0))),
        ("created_at", n(pool.created_at)),
        ("updated_at", n(pool.updated_at)),
        ("deadline", n(pool.deadline)),
        (STATE, s(pool_state_name(&pool.state))),
        ("history", history_to_value(&pool.history)),
        (VERSION, Value::N(version)),
    ]);
    let (reason, at) = match pool.state {
        PoolState::Waiting | PoolState::Buying => (None, None),
        PoolState::Releasing { reason } => (Some(reason), None),
        PoolState::Completed { at } | PoolState::Expired { at } | PoolState::Cancelled { at } => (None, Some(at)),
        PoolState::PartiallyCompleted { reason, at } | PoolState::Failed { reason, at } => (Some(reason), Some(at)),
        PoolState::Held { undone, at } => (undone, Some(at)),
    };
    if let Some(reason) = reason {
        item.insert("reason", s(reason_name(&reason)));
    }
    if let Some(at) = at {
        item.insert("ended_at", n(at));
    }
    set_pointers(&mut item, &pool.pointers);
    set_needs_phone(&mut item, pool.needs_phone);
    place(&mut item, keys::purchase(&pool.sub_account, &pool.id), due_at);
    item
}

/// Reads a pool's item: the pool and its version.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read, or the item is of another kind.
pub fn pool_from_item(item: &Item) -> Result<(Pool, i64), StoreError> {
    let fields = Fields(item);
    if !is_pool(item) {
        return Err(unreadable(KIND));
    }
    // A pool without numbers is none.
    fields.list("numbers")?;
    let id = fields.text(SK)?.strip_prefix(keys::PURCHASE_PREFIX).and_then(|id| PurchaseId::parse(id).ok());
    let pool = Pool {
        id: id.ok_or_else(|| unreadable(SK))?,
        sub_account: sub_account_of(&fields)?,
        numbers: numbers_from_fields(&fields, "numbers")?,
        fulfilment: fulfilment_of(fields.text("fulfilment")?).ok_or_else(|| unreadable("fulfilment"))?,
        if_unavailable: if_unavailable_of(fields.text("if_unavailable")?)
            .ok_or_else(|| unreadable("if_unavailable"))?,
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
    Ok((pool, fields.number(VERSION)?))
}

fn state_from_fields(fields: &Fields<'_>) -> Result<PoolState, StoreError> {
    let at = || fields.instant("ended_at");
    let parse = |name: &str| reason_of(name).ok_or_else(|| unreadable("reason"));
    let reason = || -> Result<Reason, StoreError> { parse(fields.text("reason")?) };
    Ok(match fields.text(STATE)? {
        "waiting" => PoolState::Waiting,
        "buying" => PoolState::Buying,
        "releasing" => PoolState::Releasing { reason: reason()? },
        "completed" => PoolState::Completed { at: at()? },
        "partially_completed" => PoolState::PartiallyCompleted { reason: reason()?, at: at()? },
        "failed" => PoolState::Failed { reason: reason()?, at: at()? },
        "expired" => PoolState::Expired { at: at()? },
        "cancelled" => PoolState::Cancelled { at: at()? },
        "held" => PoolState::Held { undone: fields.optional_text("reason")?.map(parse).transpose()?, at: at()? },
        _ => return Err(unreadable(STATE)),
    })
}
