//! The items of phone verification: one verification, what is remembered of a phone, a limit's window, the counts of
//! conversion, and the approved phone. All of constant size; all but the last two go by themselves.

use domain::{
    AnsweredMessages, ApprovedPhone, BodyHash, CONVERSION_DAYS, Channel, ConversionCounts, CountryCode, DayCounts,
    Dimension, DistinctPhones, Holder, Instant, Limit, PHONE_VERIFICATION_KEPT_MS, PhoneLimit, PhoneNumber,
    PhoneRecord, PhoneState, PhoneVerification, PhoneVerificationId, Refusal, SERVED_FOR_MS, SentPasscode,
    SubAccountId, Tally, VerifySid, Window,
};

use super::{Fields, PHONE_APPROVED_AT, PHONE_SINCE, STATE, VERSION, VISITS, copied, keys, n, names, s, unreadable};
use crate::store::{DUE_AT, DUE_SHARD, EXPIRES_AT, Item, Key, PK, SK, StoreError, Value};

/// Something that was read, with the version that a write over it expects to find; 0 when nothing is there yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Versioned<T> {
    /// What was read.
    pub value: T,
    /// Raised by each change.
    pub version: i64,
}

names!(
    /// A channel in the table and in the contract.
    pub channel_name, channel_of, Channel, {
        Channel::Sms => "sms" => Channel::Sms,
        Channel::Call => "call" => Channel::Call,
        Channel::Whatsapp => "whatsapp" => Channel::Whatsapp,
    }
);
names!(
    /// Why no passcode was sent, in the table and in the metrics.
    pub refusal_name, refusal_of, Refusal, {
        Refusal::Country => "country" => Refusal::Country,
        Refusal::Limit => "limit" => Refusal::Limit,
        Refusal::LineType => "line_type" => Refusal::LineType,
        Refusal::SlowedDown => "slowed_down" => Refusal::SlowedDown,
        Refusal::Risk => "risk" => Refusal::Risk,
        Refusal::Channel => "channel" => Refusal::Channel,
    }
);
/// A phone verification's state in the table and in the contract.
#[must_use]
pub fn phone_state_name(state: &PhoneState) -> &'static str {
    match state {
        PhoneState::Starting { .. } => "starting",
        PhoneState::Refused { .. } => "refused",
        PhoneState::Pending { .. } => "pending",
        PhoneState::Approved { .. } => "approved",
        PhoneState::UsedUp { .. } => "used_up",
        PhoneState::Expired { .. } => "expired",
    }
}

/// The item of a phone verification.
#[must_use]
pub fn phone_verification_to_item(verification: &PhoneVerification, version: i64) -> Item {
    // A start that was refused for a day goes on then, under the same key.
    let lately = match &verification.state {
        PhoneState::Starting { lease_until: at }
        | PhoneState::Refused { again_at: at, .. }
        | PhoneState::Pending { sent_at: at, .. }
        | PhoneState::Approved { at }
        | PhoneState::UsedUp { at }
        | PhoneState::Expired { at } => *at,
    };
    let expires_at = verification.created_at.max(lately).plus_ms(PHONE_VERIFICATION_KEPT_MS);
    let mut attributes = vec![
        ("body_hash", s(hex::encode(verification.body_hash.0))),
        ("number", copied(verification.number.as_str())),
        ("country", s(verification.country.to_string())),
        ("channel", s(channel_name(&verification.channel))),
        ("created_at", n(verification.created_at)),
        (STATE, s(phone_state_name(&verification.state))),
    ];
    match &verification.state {
        PhoneState::Starting { lease_until } => attributes.push(("lease_until", n(*lease_until))),
        PhoneState::Refused { why, again_at } => {
            attributes.extend([("why", s(refusal_name(why))), ("again_at", n(*again_at))]);
        }
        PhoneState::Pending { sid, sent_at, checks } => attributes.extend([
            ("sid", copied(sid.as_str())),
            ("sent_at", n(*sent_at)),
            ("checks", Value::N(i64::from(*checks))),
        ]),
        PhoneState::Approved { at } | PhoneState::UsedUp { at } | PhoneState::Expired { at } => {
            attributes.push(("ended_at", n(*at)));
        }
    }
    item(keys::phone_verification(&verification.sub_account, &verification.id), version, Some(expires_at), attributes)
}

/// Reads a phone verification's item.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn phone_verification_from_item(item: &Item) -> Result<Versioned<PhoneVerification>, StoreError> {
    let fields = Fields(item);
    let (sub_account, id) = keys::phone_verification_of(&Key::of(item)?)?;
    let state = match fields.text(STATE)? {
        "starting" => PhoneState::Starting { lease_until: fields.instant("lease_until")? },
        "refused" => PhoneState::Refused {
            why: refusal_of(fields.text("why")?).ok_or_else(|| unreadable("why"))?,
            again_at: fields.instant("again_at")?,
        },
        "pending" => PhoneState::Pending {
            sid: fields.parsed("sid", VerifySid::parse)?,
            sent_at: fields.instant("sent_at")?,
            checks: count(&fields, "checks")?,
        },
        "approved" => PhoneState::Approved { at: fields.instant("ended_at")? },
        "used_up" => PhoneState::UsedUp { at: fields.instant("ended_at")? },
        "expired" => PhoneState::Expired { at: fields.instant("ended_at")? },
        _ => return Err(unreadable(STATE)),
    };
    let value = PhoneVerification {
        id,
        sub_account,
        body_hash: BodyHash(fields.parsed("body_hash", hash)?),
        number: fields.parsed("number", PhoneNumber::parse)?,
        country: fields.parsed("country", country)?,
        channel: channel_of(fields.text("channel")?).ok_or_else(|| unreadable("channel"))?,
        created_at: fields.instant("created_at")?,
        state,
    };
    Ok(Versioned { value, version: fields.number(VERSION)? })
}

/// The item of what is remembered of a phone.
#[must_use]
pub fn phone_record_to_item(number: &PhoneNumber, record: &PhoneRecord, version: i64, limit: &PhoneLimit) -> Item {
    let units = record.units.iter().map(|unit| s(keys::window(unit).pk)).collect();
    let mut attributes = vec![
        ("messages", Value::N(i64::from(record.messages))),
        ("first_at", n(record.first_at)),
        ("last_at", n(record.last_at)),
        ("units", Value::List(units)),
    ];
    if let Some(holder) = &record.holder {
        attributes.extend([("holder", copied(holder.sub_account.as_str())), ("held_until", n(holder.until))]);
    }
    attributes.extend(record.slowed_at.map(|at| ("slowed_at", n(at))));
    if let Some(AnsweredMessages { since, messages }) = record.answered {
        attributes.extend([("answered_since", n(since)), ("answered_messages", Value::N(i64::from(messages)))]);
    }
    if let Some(passcode) = &record.passcode {
        let wrong = Value::N(i64::from(passcode.wrong));
        attributes.extend([("sid", copied(passcode.sid.as_str())), ("sent_at", n(passcode.since)), ("wrong", wrong)]);
        attributes.push(("sent_over", s(channel_name(&passcode.channel))));
    }
    let counts_since = record.answered.map_or(record.last_at, |answered| answered.since.max(record.last_at));
    let expires_at = counts_since.plus_ms(limit.window_ms);
    item(keys::phone_record(number), version, Some(expires_at), attributes)
}

/// Reads what is remembered of a phone.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn phone_record_from_item(item: &Item) -> Result<Versioned<PhoneRecord>, StoreError> {
    let fields = Fields(item);
    let holder = match fields.optional_text("holder")? {
        None => None,
        Some(_) => Some(Holder {
            sub_account: fields.parsed("holder", SubAccountId::parse)?,
            until: fields.instant("held_until")?,
        }),
    };
    let passcode = match fields.optional_text("sid")? {
        None => None,
        Some(_) => Some(SentPasscode {
            sid: fields.parsed("sid", VerifySid::parse)?,
            since: fields.instant("sent_at")?,
            // A record that was written before this was remembered is one of an SMS, as nearly all are; it goes within a day.
            channel: fields
                .optional_text("sent_over")?
                .map_or(Some(Channel::Sms), channel_of)
                .ok_or_else(|| unreadable("sent_over"))?,
            wrong: count(&fields, "wrong")?,
        }),
    };
    let answered = match fields.optional_instant("answered_since")? {
        None => None,
        Some(since) => Some(AnsweredMessages { since, messages: count(&fields, "answered_messages")? }),
    };
    let units = fields.list("units")?.iter().map(|unit| match unit {
        Value::S(pk) => keys::dimension_of(pk),
        Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => Err(unreadable("units")),
    });
    let value = PhoneRecord {
        holder,
        messages: count(&fields, "messages")?,
        answered,
        first_at: fields.instant("first_at")?,
        last_at: fields.instant("last_at")?,
        slowed_at: fields.optional_instant("slowed_at")?,
        units: units.collect::<Result<_, _>>()?,
        passcode,
    };
    Ok(Versioned { value, version: fields.number(VERSION)? })
}

/// Until when Twilio's refusal of a country is remembered, in the order of [`Channel::ALL`].
const REFUSED_UNTIL: [&str; Channel::ALL.len()] = ["sms_refused_until", "call_refused_until", "whatsapp_refused_until"];

/// The item of a limit's window; it is worth keeping as long as its counts can matter.
#[must_use]
pub fn window_to_item(dimension: &Dimension, window: &Window, version: i64, limit: &Limit) -> Item {
    let kept_ms = match dimension {
        // Remembers that the sub-account serves the country.
        Dimension::SubAccountCountry(..) => SERVED_FOR_MS.max(limit.kept_ms()),
        Dimension::Prefix(_) | Dimension::UnservedCountry(_) | Dimension::SubAccount(_) | Dimension::Address(_) => {
            limit.kept_ms()
        }
    };
    let closed_until = window.refused_until.into_iter().chain([window.blocked_until]).flatten();
    let expires_at = closed_until.fold(window.began_at.plus_ms(kept_ms), Instant::max);
    let number = |count: u32| Value::N(i64::from(count));
    let mut attributes = vec![
        ("began_at", n(window.began_at)),
        ("unanswered", number(window.current.unanswered)),
        ("answered", number(window.current.answered)),
        ("unanswered_before", number(window.previous.unanswered)),
        ("answered_before", number(window.previous.answered)),
        ("day", Value::N(window.day)),
        ("taken_in_day", number(window.taken_in_day)),
        ("phones", Value::List(window.phones.fingerprints().map(|phone| Value::N(i64::from(phone))).collect())),
    ];
    attributes.extend(window.taken_at.map(|at| ("taken_at", n(at))));
    attributes.extend(window.blocked_until.map(|at| ("blocked_until", n(at))));
    let refused = REFUSED_UNTIL.into_iter().zip(window.refused_until);
    attributes.extend(refused.filter_map(|(name, until)| until.map(|until| (name, n(until)))));
    item(keys::window(dimension), version, Some(expires_at), attributes)
}

/// Reads a limit's window.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn window_from_item(item: &Item) -> Result<Versioned<Window>, StoreError> {
    let fields = Fields(item);
    let fingerprints = fields.list("phones")?.iter().map(|fingerprint| match fingerprint {
        Value::N(fingerprint) => u16::try_from(*fingerprint).map_err(|_| unreadable("phones")),
        Value::S(_) | Value::Bool(_) | Value::Map(_) | Value::List(_) => Err(unreadable("phones")),
    });
    let value = Window {
        began_at: fields.instant("began_at")?,
        current: Tally { unanswered: count(&fields, "unanswered")?, answered: count(&fields, "answered")? },
        previous: Tally {
            unanswered: count(&fields, "unanswered_before")?,
            answered: count(&fields, "answered_before")?,
        },
        taken_at: fields.optional_instant("taken_at")?,
        blocked_until: fields.optional_instant("blocked_until")?,
        refused_until: [
            fields.optional_instant(REFUSED_UNTIL[0])?,
            fields.optional_instant(REFUSED_UNTIL[1])?,
            fields.optional_instant(REFUSED_UNTIL[2])?,
        ],
        day: fields.number("day")?,
        taken_in_day: count(&fields, "taken_in_day")?,
        phones: DistinctPhones::of_fingerprints(fingerprints.collect::<Result<Vec<_>, _>>()?),
    };
    Ok(Versioned { value, version: fields.number(VERSION)? })
}

/// The item of one shard of the counts of a country and channel.
#[must_use]
pub fn conversion_to_item(key: Key, counts: &ConversionCounts, version: i64) -> Item {
    let number = |count: u32| Value::N(i64::from(count));
    let days = counts.days.iter().map(|day| {
        Value::Map(Item::from([
            ("day", Value::N(day.day)),
            ("sent", number(day.sent)),
            ("messages", number(day.messages)),
            ("checked", number(day.checked)),
            ("approved", number(day.approved)),
        ]))
    });
    let attributes = vec![
        ("days", Value::List(days.collect())),
        ("stretch", Value::N(counts.stretch)),
        ("sent_now", number(counts.sent_now)),
        ("sent_before", number(counts.sent_before)),
    ];
    item(key, version, None, attributes)
}

/// Reads one shard of the counts of a country and channel.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn conversion_from_item(item: &Item) -> Result<Versioned<ConversionCounts>, StoreError> {
    let fields = Fields(item);
    let days = fields.list("days")?.iter().take(CONVERSION_DAYS).map(|day| match day {
        Value::Map(day) => {
            let day = Fields(day);
            Ok(DayCounts {
                day: day.number("day")?,
                sent: count(&day, "sent")?,
                messages: count(&day, "messages")?,
                checked: count(&day, "checked")?,
                approved: count(&day, "approved")?,
            })
        }
        Value::S(_) | Value::N(_) | Value::Bool(_) | Value::List(_) => Err(unreadable("days")),
    });
    let value = ConversionCounts {
        days: days.collect::<Result<_, _>>()?,
        stretch: fields.number("stretch")?,
        sent_now: count(&fields, "sent_now")?,
        sent_before: count(&fields, "sent_before")?,
    };
    Ok(Versioned { value, version: fields.number(VERSION)? })
}

/// The item of a sub-account's approved phone; due at `due_at` where anybody may wait for it.
#[must_use]
pub fn approved_phone_to_item(sub_account: &SubAccountId, approved: &ApprovedPhone, due_at: Option<Instant>) -> Item {
    let attributes = vec![
        ("number", copied(approved.number.as_str())),
        ("channel", s(channel_name(&approved.channel))),
        (PHONE_APPROVED_AT, n(approved.at)),
        (PHONE_SINCE, n(approved.since)),
        ("verification", copied(approved.verification.as_str())),
    ];
    // Every approval is another version: one that comes while an earlier one is visited stays due.
    let key = keys::approved_phone(sub_account);
    let shard = keys::due_shard(&key.pk);
    let mut item = item(key, approved.at.unix_ms(), None, attributes);
    if let Some(due_at) = due_at {
        item.insert(DUE_SHARD, s(shard));
        item.insert(DUE_AT, n(due_at));
        item.insert(VISITS, Value::N(0));
    }
    item
}

/// Reads a sub-account's approved phone.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn approved_phone_from_item(item: &Item) -> Result<ApprovedPhone, StoreError> {
    let fields = Fields(item);
    Ok(ApprovedPhone {
        number: fields.parsed("number", PhoneNumber::parse)?,
        channel: channel_of(fields.text("channel")?).ok_or_else(|| unreadable("channel"))?,
        at: fields.instant(PHONE_APPROVED_AT)?,
        since: fields.instant(PHONE_SINCE)?,
        verification: fields.parsed("verification", PhoneVerificationId::parse)?,
    })
}

fn item(key: Key, version: i64, expires_at: Option<Instant>, attributes: Vec<(&'static str, Value)>) -> Item {
    let kept = expires_at.map(|at| (EXPIRES_AT, Value::N(at.unix_ms().div_euclid(1000))));
    let own = [(PK, s(key.pk)), (SK, s(key.sk)), (VERSION, Value::N(version))];
    own.into_iter().chain(kept).chain(attributes).collect()
}

fn count(fields: &Fields<'_>, name: &str) -> Result<u32, StoreError> {
    u32::try_from(fields.number(name)?).map_err(|_| unreadable(name))
}

fn hash(text: &str) -> Result<[u8; 32], ()> {
    hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(())
}

fn country(text: &str) -> Result<CountryCode, ()> {
    CountryCode::new(text).ok_or(())
}
