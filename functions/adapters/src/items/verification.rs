//! The verification's item.

use domain::{
    Attempt, EventClass, Inquiry, InquiryId, Instant, NameCheck, NameLevel, NameLevels, Nonce, Opening, Owner, Phase,
    Reviewer, RevokedBy, Seen, TemplateId, Verification, VerificationState,
};

use super::{Fields, STATE, VERIFIED_AT, VERSION, VISITS, copied, expect_version, keys, n, names, s, unreadable};
use crate::store::{DUE_AT, DUE_SHARD, Item, PK, SK, StoreError, Value, Write};

/// A verification as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredVerification {
    /// The verification.
    pub verification: Verification,
    /// Who is opening an inquiry, if anybody is.
    pub opening: Option<Opening>,
    /// Raised by each change; 0 when the table has none yet.
    pub version: i64,
}

/// Name of the attribute that holds who must act next.
const PHASE: &str = "phase";
/// Name of the attribute that holds who opens an inquiry.
const OPENING: &str = "opening";
/// Name of the attribute that holds the inquiry that counts.
const INQUIRY: &str = "inquiry";

names!(
    /// A verification's state in the table and in the contract.
    pub verification_state_name, pub(super) verification_state_of, VerificationState, {
        VerificationState::Unverified => "unverified" => VerificationState::Unverified,
        VerificationState::InProgress { .. } => "in_progress" => VerificationState::InProgress { phase: Phase::NeedsUser },
        VerificationState::InReview { .. } => "in_review" => VerificationState::InReview { by: Reviewer::Persona },
        VerificationState::Verified { .. } => "verified" => VerificationState::Verified { at: Instant::default() },
        VerificationState::Declined => "declined" => VerificationState::Declined,
        VerificationState::Failed => "failed" => VerificationState::Failed,
        VerificationState::Expired => "expired" => VerificationState::Expired,
        VerificationState::Locked => "locked" => VerificationState::Locked,
        VerificationState::Revoked { .. } => "revoked" =>
            VerificationState::Revoked { at: Instant::default(), by: RevokedBy::Operator },
    }
);
names!(phase_name, phase_of, Phase, {
    Phase::NeedsUser => "needs_user" => Phase::NeedsUser,
    Phase::Processing => "processing" => Phase::Processing,
});
names!(
    /// Who revoked, in the table and in the contract.
    pub revoked_by_name, revoked_by_of, RevokedBy, {
        RevokedBy::Persona => "persona" => RevokedBy::Persona,
        RevokedBy::Operator => "operator" => RevokedBy::Operator,
    }
);
names!(
    /// How well a name fits, in the table and in the contract.
    pub name_level_name, name_level_of, NameLevel, {
        NameLevel::Exact => "exact" => NameLevel::Exact,
        NameLevel::HighPartial => "high_partial" => NameLevel::HighPartial,
        NameLevel::Partial => "partial" => NameLevel::Partial,
        NameLevel::None => "none" => NameLevel::None,
        NameLevel::NoData => "no_data" => NameLevel::NoData,
        NameLevel::NotOnId => "not_on_id" => NameLevel::NotOnId,
    }
);
names!(pub(super) class_name, class_of, EventClass, {
    EventClass::Progress => "progress" => EventClass::Progress,
    EventClass::Completion => "completion" => EventClass::Completion,
    EventClass::Decision => "decision" => EventClass::Decision,
});
names!(pub(super) attempt_name, pub(super) attempt_of, Attempt, {
    Attempt::Unused => "unused" => Attempt::Unused,
    Attempt::Used => "used" => Attempt::Used,
});

/// The item of a verification; due at `due_at`, if ever: an approved one for us to wake who waits or to compare names,
/// any other for Persona to be asked.
#[must_use]
pub fn verification_to_item(owner: &Owner, stored: &StoredVerification, due_at: Option<Instant>) -> Item {
    let key = keys::verification(owner);
    let mut item = Item::from([
        (STATE, s(verification_state_name(&stored.verification.state))),
        ("attempts_used", Value::N(stored.verification.attempts_used.into())),
        (VERSION, Value::N(stored.version)),
    ]);
    match stored.verification.state {
        VerificationState::InProgress { phase } => {
            item.insert(PHASE, s(phase_name(&phase)));
        }
        VerificationState::Verified { at } => {
            item.insert(VERIFIED_AT, n(at));
        }
        VerificationState::InReview { by: Reviewer::Names { approved_at } } => {
            item.insert(APPROVED_AT, n(approved_at));
        }
        VerificationState::Revoked { at, by } => {
            item.insert("revoked_at", n(at));
            item.insert("revoked_by", s(revoked_by_name(&by)));
        }
        VerificationState::Unverified
        | VerificationState::InReview { by: Reviewer::Persona }
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked => {}
    }
    match stored.verification.names {
        NameCheck::NotWanted => {}
        NameCheck::Wanted => {
            item.insert(NAMES, s(NAMES_WANTED));
        }
        NameCheck::Compared(levels) => {
            item.insert(NAMES, s(NAMES_COMPARED));
            for (name, level) in level_attributes(levels) {
                item.insert(name, level);
            }
        }
    }
    if let Some(inquiry) = &stored.verification.inquiry {
        item.insert(INQUIRY, Value::Map(inquiry_to_item(inquiry)));
    }
    if let Some(stored_opening) = &stored.opening {
        let mut opening = Item::from([
            ("nonce", copied(stored_opening.nonce.as_str())),
            ("lease_until", n(stored_opening.lease_until)),
        ]);
        if let Some(template) = &stored_opening.template {
            opening.insert("template", copied(template.as_str()));
        }
        item.insert(OPENING, Value::Map(opening));
    }
    if let Some(due_at) = due_at {
        let shard = if stored.verification.is_for_us() { keys::due_shard } else { keys::ask_shard };
        item.insert(DUE_SHARD, s(shard(&key.pk)));
        item.insert(DUE_AT, n(due_at));
        item.insert(VISITS, Value::N(0));
    }
    item.insert(PK, s(key.pk));
    item.insert(SK, s(key.sk));
    item
}

/// The write that makes a verification `next`, which [only progresses](Verification::only_progresses): when it is due
/// stays as it is, so that no index changes.
#[must_use]
pub fn progress_write(owner: &Owner, next: &StoredVerification) -> Write {
    part_write(owner, next, [PHASE, INQUIRY, VERSION])
}

/// The write that makes a verification `next`, of which only who opens an inquiry has changed: when it is due stays as it
/// is, so that nobody who asks again and again keeps the sweep from asking Persona.
#[must_use]
pub fn opening_write(owner: &Owner, next: &StoredVerification) -> Write {
    if next.version == 1 {
        return Write::Put { item: verification_to_item(owner, next, None), expect: expect_version(0) };
    }
    part_write(owner, next, [OPENING, VERSION])
}

/// The write of these attributes alone over the version before.
fn part_write<const N: usize>(owner: &Owner, next: &StoredVerification, names: [&'static str; N]) -> Write {
    let mut item = verification_to_item(owner, next, None);
    let set = names.into_iter().filter_map(|name| Some((name, item.remove(name)?)));
    Write::Update {
        key: keys::verification(owner),
        set: set.collect(),
        remove: vec![],
        expect: expect_version(next.version - 1),
    }
}

/// Reads a verification's item.
///
/// # Errors
/// [`StoreError::Broken`] when an attribute cannot be read.
pub fn verification_from_item(item: &Item) -> Result<StoredVerification, StoreError> {
    let fields = Fields(item);
    let named = verification_state_of(fields.text(STATE)?).ok_or_else(|| unreadable(STATE))?;
    let state = match named {
        VerificationState::InProgress { .. } => {
            VerificationState::InProgress { phase: phase_of(fields.text(PHASE)?).ok_or_else(|| unreadable(PHASE))? }
        }
        VerificationState::Verified { .. } => VerificationState::Verified { at: fields.instant(VERIFIED_AT)? },
        VerificationState::Revoked { .. } => VerificationState::Revoked {
            at: fields.instant("revoked_at")?,
            by: revoked_by_of(fields.text("revoked_by")?).ok_or_else(|| unreadable("revoked_by"))?,
        },
        VerificationState::InReview { .. } => match fields.optional_instant(APPROVED_AT)? {
            Some(approved_at) => VerificationState::InReview { by: Reviewer::Names { approved_at } },
            None => named,
        },
        VerificationState::Unverified
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked => named,
    };
    let inquiry = fields.optional_map(INQUIRY)?.map(|fields| inquiry_from_fields(&fields)).transpose()?;
    let opening = fields
        .optional_map(OPENING)?
        .map(|fields| {
            Ok::<_, StoreError>(Opening {
                nonce: fields.parsed("nonce", Nonce::parse)?,
                template: fields.optional_parsed("template", TemplateId::parse)?,
                lease_until: fields.instant("lease_until")?,
            })
        })
        .transpose()?;
    let attempts_used = u32::try_from(fields.number("attempts_used")?).map_err(|_| unreadable("attempts_used"))?;
    Ok(StoredVerification {
        verification: Verification { state, inquiry, attempts_used, names: names_from_fields(&fields)? },
        opening,
        version: fields.number(VERSION)?,
    })
}

fn inquiry_to_item(inquiry: &Inquiry) -> Item {
    let mut item = Item::from([
        ("id", copied(inquiry.id.as_str())),
        ("attempt", s(attempt_name(&inquiry.attempt))),
        ("session_at", n(inquiry.session_at)),
        ("sessions", Value::N(inquiry.sessions.into())),
        ("sessions_in_a_row", Value::N(inquiry.sessions_in_a_row.into())),
    ]);
    if let Some(template) = &inquiry.template {
        item.insert("template", copied(template.as_str()));
    }
    insert_seen(&mut item, inquiry.seen);
    item
}

fn inquiry_from_fields(fields: &Fields<'_>) -> Result<Inquiry, StoreError> {
    let sessions = |name: &'static str, unsaid: i64| {
        u32::try_from(fields.optional_number(name)?.unwrap_or(unsaid)).map_err(|_| unreadable(name))
    };
    Ok(Inquiry {
        id: fields.parsed("id", InquiryId::parse)?,
        template: fields.optional_parsed("template", TemplateId::parse)?,
        seen: seen_from_fields(fields)?,
        attempt: attempt_of(fields.text("attempt")?).ok_or_else(|| unreadable("attempt"))?,
        session_at: fields.instant("session_at")?,
        sessions: sessions("sessions", 1)?,
        sessions_in_a_row: sessions("sessions_in_a_row", 1)?,
    })
}

/// Name of the attribute that says when Persona approved what we still look at.
const APPROVED_AT: &str = "persona_approved_at";
/// Name of the attribute that says whether names are to be compared, or were.
const NAMES: &str = "names";
const NAMES_WANTED: &str = "wanted";
const NAMES_COMPARED: &str = "compared";

fn names_from_fields(fields: &Fields<'_>) -> Result<NameCheck, StoreError> {
    match fields.optional_text(NAMES)? {
        None => Ok(NameCheck::NotWanted),
        Some(NAMES_WANTED) => Ok(NameCheck::Wanted),
        Some(NAMES_COMPARED) => levels_from_fields(fields).map(NameCheck::Compared),
        Some(_) => Err(unreadable(NAMES)),
    }
}

/// The attributes that say how well the names fit.
pub(super) fn level_attributes(levels: NameLevels) -> [(&'static str, Value); 2] {
    [("first_name", s(name_level_name(&levels.first))), ("last_name", s(name_level_name(&levels.last)))]
}

/// Reads how well the names fit.
pub(super) fn levels_from_fields(fields: &Fields<'_>) -> Result<NameLevels, StoreError> {
    let level = |name: &str| name_level_of(fields.text(name)?).ok_or_else(|| unreadable(name));
    Ok(NameLevels { first: level("first_name")?, last: level("last_name")? })
}

/// Names of the attributes that say how new what we know of an inquiry is.
pub(super) const SEEN_CLASS: &str = "seen_class";
pub(super) const SEEN_AT: &str = "seen_at";

pub(super) fn insert_seen(item: &mut Item, seen: Option<Seen>) {
    if let Some((class, at)) = &seen {
        item.insert(SEEN_CLASS, s(class_name(class)));
        item.insert(SEEN_AT, n(*at));
    }
}

pub(super) fn seen_from_fields(fields: &Fields<'_>) -> Result<Option<Seen>, StoreError> {
    let Some(at) = fields.optional_instant(SEEN_AT)? else { return Ok(None) };
    let class = class_of(fields.text(SEEN_CLASS)?).ok_or_else(|| unreadable(SEEN_CLASS))?;
    Ok(Some((class, at)))
}
