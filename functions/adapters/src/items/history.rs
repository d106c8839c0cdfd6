//! Who did what to a purchase, when.

use domain::{Actor, Happening, HistoryEntry};

use super::purchase::{reason_name, reason_of};
use super::{Fields, n, names, s, unreadable};
use crate::store::{Item, StoreError, Value};

names!(actor_name, actor_of, Actor, {
    Actor::Customer => "customer" => Actor::Customer,
    Actor::Completion => "purchase-completion" => Actor::Completion,
    Actor::Sweeper => "sweeper" => Actor::Sweeper,
    Actor::Operator => "operator" => Actor::Operator,
});

pub(super) fn history_to_value(history: &[HistoryEntry]) -> Value {
    Value::List(history.iter().map(entry_to_value).collect())
}

pub(super) fn history_from_fields(fields: &Fields<'_>) -> Result<Vec<HistoryEntry>, StoreError> {
    fields.list("history")?.iter().map(entry_from_value).collect()
}

fn entry_to_value(entry: &HistoryEntry) -> Value {
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
        Happening::Switched => ("switched", None),
        Happening::Undone => ("undone", None),
        Happening::Released => ("released", None),
        Happening::NotReleased => ("not_released", None),
        Happening::Retried => ("retried", None),
    };
    let mut item = Item::from([("at", n(entry.at)), ("by", s(actor_name(&entry.by))), ("what", s(what))]);
    if let Some(reason) = why {
        item.insert("why", s(reason_name(reason)));
    }
    Value::Map(item)
}

fn entry_from_value(value: &Value) -> Result<HistoryEntry, StoreError> {
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
        "switched" => Happening::Switched,
        "undone" => Happening::Undone,
        "released" => Happening::Released,
        "not_released" => Happening::NotReleased,
        "retried" => Happening::Retried,
        _ => return Err(unreadable("what")),
    };
    let by = actor_of(fields.text("by")?).ok_or_else(|| unreadable("by"))?;
    Ok(HistoryEntry { at: fields.instant("at")?, by, what })
}
