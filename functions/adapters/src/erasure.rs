//! Forgetting an owner's verification: redacted at Persona, forgotten here, with an audit that names nobody.
//!
//! 1. Nothing is done while a purchase waits for the owner, or while an inquiry is being opened for it.
//! 2. Every inquiry that we opened for it, the current one and those that the audit names, is redacted at Persona, and
//!    its map entry deleted: from then on no event about it is ours. One that has none any more was redacted before, so
//!    that an owner of many inquiries is done after some repetitions, however long Persona takes for each.
//! 3. The verification loses its inquiry and its proof, with an audit entry of the erasure in the same transaction. Where
//!    a page has opened another inquiry meanwhile, it begins again with that one.
//! 4. Every audit entry that is older than that is replaced by its hash, instant and states, both in one transaction, save
//!    the reason of a revocation that stands.
//! 5. Of a sub-account, the verifications of phones that are still stored are deleted, then the phone that it has proved
//!    to have: in that order, so that no passcode that is entered meanwhile brings it back.
//! 6. What Persona keeps under our reference, the account with all that ever belonged to it, is redacted.
//!
//! Each step can be repeated, and what the next one needs is still there when it is: after a crash anywhere, the same
//! request goes on. Only after the last step it is answered with success.

use domain::{
    Dimension, InquiryId, Instant, Operator, OperatorAction, Owner, RevokedBy, Verification, VerificationState,
    persona_reference,
};
use sha2::{Digest, Sha256};
use tracing::info;

use crate::items::{AuditCause, AuditEntry, keys, phone_verification_from_item};
use crate::persona::{Identity, PersonaError};
use crate::phones;
use crate::regions::country_of;
use crate::store::{Condition, Item, Key, Query, Range, Store, StoreError, TransactError, Write, WriteError, read_all};
use crate::verifications::{self, Change, DECIDE_AGAIN_MAX, Made, Revisits};

/// Items that are read at once.
const PAGE_ITEMS: u32 = 50;
/// Bytes of the hash that stands for what an entry named: enough to tell entries apart, for whoever still knows the id.
const HASH_BYTES: usize = 16;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erased {
    /// All is forgotten; this is left.
    Done(Verification),
    /// A purchase waits for the owner: it must end first.
    PurchasesWait,
    /// An inquiry is being opened for the owner; not before this instant.
    Opening(Instant),
}

/// Why it is not done yet. What was done stands; the same request goes on.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Persona did not redact something.
    #[error(transparent)]
    Persona(#[from] PersonaError),
}

/// Forgets the owner's verification; `operator` says who wanted it and why.
///
/// A purchase that is being bought already may still end as bought if its last request is under way at the carrier; it
/// gets no permit for another one.
///
/// # Errors
/// [`EraseError`] when the table or Persona did not do its part.
pub async fn erase(
    store: &impl Store,
    identity: &impl Identity,
    revisits: &Revisits,
    owner: &Owner,
    operator: &Operator,
    now: Instant,
) -> Result<Erased, EraseError> {
    if !verifications::waiters(store, owner, 1, None).await?.items.is_empty() {
        return Ok(Erased::PurchasesWait);
    }
    let (left, entries) = match forget_verification(store, identity, revisits, owner, operator, now).await? {
        Ok(forgotten) => forgotten,
        Err(lease_until) => return Ok(Erased::Opening(lease_until)),
    };
    forget_entries(store, owner, entries).await?;
    forget_phones(store, owner).await?;
    identity.redact_accounts(&persona_reference(owner)).await?;
    info!(owner = %keys::owner_pk(owner), "A verification was erased.");
    Ok(Erased::Done(left))
}

/// Takes inquiry and proof from the verification once all its inquiries are redacted, or says until when somebody opens
/// an inquiry meanwhile. One that has neither is left as it is, so that a repeated erasure writes nothing; only where
/// nothing but a phone was known, the erasure is written down by itself.
///
/// Returned with it are the entries that were there: one of the verification comes with a change of it, so that on one
/// version all are older than the erasure. What is written after it belongs to somebody who begins anew, and an inquiry of
/// his is found by its entry. A profile that an operator changes meanwhile is told in an entry that a repetition forgets.
async fn forget_verification(
    store: &impl Store,
    identity: &impl Identity,
    revisits: &Revisits,
    owner: &Owner,
    operator: &Operator,
    now: Instant,
) -> Result<Result<(Verification, Vec<Item>), Instant>, EraseError> {
    for _ in 0..DECIDE_AGAIN_MAX {
        let seen = verifications::load(store, owner).await?;
        if let Some(opening) = seen.opening.as_ref().filter(|opening| opening.lease_until > now) {
            return Ok(Err(opening.lease_until));
        }
        // The current one last: it is the one that each repetition redacts.
        let current = seen.verification.inquiry.as_ref().map(|inquiry| inquiry.id.clone());
        let former = verifications::former_inquiries(store, owner, &seen.verification).await?;
        for inquiry in former.into_iter().chain(current) {
            forget_inquiry(store, identity, &inquiry, seen.verification.is_current(&inquiry)).await?;
        }
        let entries = read_all(store, keys::owner_pk(owner), keys::AUDIT_PREFIX, PAGE_ITEMS).await?;
        let left = seen.verification.forgotten();
        let cause = AuditCause::Erased { operator: operator.clone() };
        if left == seen.verification && seen.opening.is_none() {
            if verifications::load(store, owner).await?.version != seen.version {
                continue;
            }
            if let Some(known_at) = phone_known_at(store, owner).await? {
                let entries = entries.iter().map(AuditEntry::from_item).collect::<Result<Vec<_>, _>>()?;
                let goes_on =
                    |entry: &AuditEntry| matches!(entry.cause, AuditCause::Erased { .. }) && entry.at >= known_at;
                if !entries.iter().any(goes_on) {
                    let entry = AuditEntry::new(now, cause, &left.state, &left.state);
                    put_once(store, entry.to_item(owner, known_at.unix_ms())).await?;
                }
            }
            return Ok(Ok((left, entries)));
        }
        let change = Made { next: left.clone(), cause, beside: vec![] };
        // On condition of what was read: an inquiry that was opened since stays, and is redacted first.
        match verifications::commit_change(store, owner, &seen, change, now, revisits).await? {
            Change::Done => return Ok(Ok((left, entries))),
            Change::Refused(_) => {}
        }
    }
    Err(StoreError::Unavailable("the verification kept changing".to_owned()).into())
}

/// Written before by the same erasure, it stays as it is.
async fn put_once(store: &impl Store, item: Item) -> Result<(), StoreError> {
    match store.write(Write::Put { item, expect: Condition::ItemAbsent }).await {
        Ok(()) | Err(WriteError::Refused(_)) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// Redacts an inquiry, then deletes what leads to it. One that nothing leads to any more was redacted before; only the
/// current one is redacted whether it was or not, since the verification still names it.
async fn forget_inquiry(
    store: &impl Store,
    identity: &impl Identity,
    inquiry: &InquiryId,
    is_current: bool,
) -> Result<(), EraseError> {
    let map = keys::inquiry_map(inquiry);
    if !is_current && store.get(&map).await?.is_none() {
        return Ok(());
    }
    identity.redact(inquiry).await?;
    delete(store, keys::asked(inquiry)).await?;
    delete(store, map).await?;
    Ok(())
}

/// Replaces each of these entries that names something by one that does not. Who took a verification back that stays taken
/// back, and why, is kept: only an operator may undo it.
async fn forget_entries(store: &impl Store, owner: &Owner, entries: Vec<Item>) -> Result<(), StoreError> {
    let entries = entries.iter().map(|item| Ok((Key::of(item)?, AuditEntry::from_item(item)?)));
    let entries = entries.collect::<Result<Vec<(Key, AuditEntry)>, StoreError>>()?;
    let standing = verifications::load(store, owner).await?.verification.state;
    let revocation = if let VerificationState::Revoked { by: RevokedBy::Operator, .. } = standing {
        last_revocation(&entries)
    } else {
        None
    };
    for (key, entry) in entries {
        match entry.cause {
            AuditCause::Erased { .. } | AuditCause::Forgotten { .. } => {}
            AuditCause::Operator { .. } if Some(&key) == revocation.as_ref() => {}
            AuditCause::Event { .. }
            | AuditCause::Look { .. }
            | AuditCause::Redacted { .. }
            | AuditCause::Opened { .. }
            | AuditCause::Resumed { .. }
            | AuditCause::NotResumed { .. }
            | AuditCause::NamesCompared { .. }
            | AuditCause::Profile { .. }
            | AuditCause::Operator { .. } => {
                let mut hash = Sha256::new_with_prefix(key.pk.as_bytes());
                hash.update([0]);
                hash.update(key.sk.as_bytes());
                let hash = hex::encode(&hash.finalize()[..HASH_BYTES]);
                let forgotten = AuditEntry { cause: AuditCause::Forgotten { hash }, ..entry };
                replace(store, key, forgotten.to_item(owner, 0)).await?;
            }
        }
    }
    Ok(())
}

fn last_revocation(entries: &[(Key, AuditEntry)]) -> Option<Key> {
    let by_operator = |entry: &&(Key, AuditEntry)| {
        matches!(entry.1.cause, AuditCause::Operator { action: OperatorAction::Revoke, .. })
    };
    entries.iter().filter(by_operator).max_by_key(|(_, entry)| entry.at).map(|(key, _)| key.clone())
}

/// One that was replaced before is fine: another erasure of the same owner is at it.
async fn replace(store: &impl Store, old: Key, new: Item) -> Result<(), StoreError> {
    let writes = vec![
        Write::Delete { key: old, expect: Some(Condition::ItemPresent) },
        Write::Put { item: new, expect: Condition::ItemAbsent },
    ];
    match store.transact(writes).await {
        Ok(()) | Err(TransactError::Refused(_)) => Ok(()),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Since when a phone of the sub-account is known, if one is: approved, or asked about.
async fn phone_known_at(store: &impl Store, owner: &Owner) -> Result<Option<Instant>, StoreError> {
    let Owner::SubAccount(sub_account) = owner else { return Ok(None) };
    let approved = phones::load_approved(store, sub_account).await?;
    let asked = store.query(page(keys::sub_account_pk(sub_account), keys::PHONE_VERIFICATION_PREFIX, None)).await?;
    let asked = asked.items.iter().map(|item| Ok(phone_verification_from_item(item)?.value.created_at));
    let asked = asked.collect::<Result<Vec<Instant>, StoreError>>()?;
    Ok(asked.into_iter().chain(approved.map(|approved| approved.at)).max())
}

/// Deletes the phone of a sub-account, and every verification of a phone that it asked for and that has not gone by itself,
/// each with what the sub-account's limit of its country remembers. What the limits remember of the phone itself stands
/// under the phone, and goes by itself within a day; of a phone of another country that was given up, a hash of 16 bits
/// stands under the country for 30 days at most.
async fn forget_phones(store: &impl Store, owner: &Owner) -> Result<(), StoreError> {
    let Owner::SubAccount(sub_account) = owner else { return Ok(()) };
    let mut after = None;
    loop {
        let pk = keys::sub_account_pk(sub_account);
        let page = store.query(page(pk, keys::PHONE_VERIFICATION_PREFIX, after)).await?;
        for item in &page.items {
            let country = phone_verification_from_item(item)?.value.country;
            delete(store, keys::window(&Dimension::SubAccountCountry(sub_account.clone(), country))).await?;
            delete(store, Key::of(item)?).await?;
        }
        match page.next {
            None => break,
            next => after = next,
        }
    }
    if let Some(approved) = phones::load_approved(store, sub_account).await? {
        if let Some(country) = country_of(&approved.number) {
            delete(store, keys::window(&Dimension::SubAccountCountry(sub_account.clone(), country))).await?;
        }
        delete(store, keys::approved_phone(sub_account)).await?;
    }
    Ok(())
}

fn page(pk: String, prefix: &'static str, after: Option<Item>) -> Query {
    let range = Range::Partition { pk: pk.into(), sk_prefix: prefix.into() };
    Query { range, limit: PAGE_ITEMS, after }
}

/// Deletes whatever stands there, if anything does.
async fn delete(store: &impl Store, key: Key) -> Result<(), StoreError> {
    match store.write(Write::Delete { key, expect: None }).await {
        Ok(()) => Ok(()),
        Err(WriteError::Refused(_)) => Err(StoreError::Broken("a write without a condition was refused".to_owned())),
        Err(WriteError::Store(error)) => Err(error),
    }
}
