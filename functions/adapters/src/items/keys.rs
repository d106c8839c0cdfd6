//! Where every item stands.
//!
//! | item | partition key | sort key |
//! |---|---|---|
//! | profile | `S#sub-account` | `PROFILE` |
//! | purchase, pool | `S#sub-account` | `P#purchase` |
//! | one number of a pool | `S#sub-account` | `N#purchase#index` |
//! | verification | `O#s#sub-account` or `O#a#agency` | `V` |
//! | wait pointer | as the verification | `W#purchase` |
//! | audit entry | as the verification | `A#what` |
//! | last refresh | as the verification | `REFRESH` |
//! | last ask because of an old delivery | as the inquiry map | `ASKED` |
//! | number lock | `N#account#last two digits` | `L#number` |
//! | inquiry map | `I#inquiry` | `INQUIRY` |
//! | switch | `SWITCH` | `PURCHASES` |
//! | what is spoken for of an allowance of requests to Persona | `PERSONA` | `CALLERS`, `DELIVERIES` |
//! | phone verification | `S#sub-account` | `PHV#verification` |
//! | approved phone | `S#sub-account` | `PHONE` |
//! | what is remembered of a phone | `T#number` | `PHONE` |
//! | a limit's window | `L#p#prefix`, `L#c#country#sub-account`, `L#u#country`, `L#s#sub-account` or `L#a#address` | `W` |
//! | counts of conversion | `C#shard` | `country#channel` |

use domain::{
    AccountSid, AgencyId, Channel, CountryCode, Dimension, InquiryId, Instant, LockHolder, MemberIndex, Owner,
    PhoneNumber, PhoneVerificationId, Place, Purchase, PurchaseId, SubAccountId,
};

use super::channel_name;
use crate::store::{Key, StoreError};

/// How many partitions the due index is spread over: enough for the writes of a busy platform, few enough to read
/// each every minute.
const DUE_SHARDS: [&str; 8] = ["D#0", "D#1", "D#2", "D#3", "D#4", "D#5", "D#6", "D#7"];

/// Partitions of the due index for what Persona is to be asked about. Apart from the others, since more may be due here
/// than Persona may be asked about in a minute, and nothing else must wait for that.
const ASK_SHARDS: [&str; 8] = ["Q#0", "Q#1", "Q#2", "Q#3", "Q#4", "Q#5", "Q#6", "Q#7"];

/// How the sort key of a wait pointer starts.
pub const POINTER_PREFIX: &str = "W#";
/// How the sort key of an audit entry starts.
pub const AUDIT_PREFIX: &str = "A#";
/// How the sort key of the audit entry starts that names an inquiry which was opened.
pub const OPENED_PREFIX: &str = "A#opened#";
/// How the sort key of a purchase starts.
pub const PURCHASE_PREFIX: &str = "P#";
/// How the sort key of one number of a pool starts.
pub const MEMBER_PREFIX: &str = "N#";
/// How the sort key of a number's lock starts.
pub const LOCK_PREFIX: &str = "L#";
/// How the partition key of an inquiry map starts.
const INQUIRY_PREFIX: &str = "I#";
/// The sort key of an inquiry map.
const INQUIRY_SK: &str = "INQUIRY";
/// The sort key of a sub-account's profile.
pub const PROFILE_SK: &str = "PROFILE";
/// The sort key of a sub-account's approved phone.
pub const PHONE_SK: &str = "PHONE";
/// How the sort key of a phone verification starts.
pub const PHONE_VERIFICATION_PREFIX: &str = "PHV#";
/// How many items the counts of one country and channel are spread over: enough for a busy country's writes, few
/// enough that one of them already shows a falling conversion.
pub const CONVERSION_SHARDS: u32 = 4;
/// The sort key of a verification.
pub const VERIFICATION_SK: &str = "V";

/// A sub-account's stored profile.
#[must_use]
pub fn profile(sub_account: &SubAccountId) -> Key {
    Key::new(sub_account_pk(sub_account), PROFILE_SK)
}

/// The partition of a sub-account's profile, purchases and numbers.
#[must_use]
pub fn sub_account_pk(sub_account: &SubAccountId) -> String {
    ["S#", sub_account.as_str()].concat()
}

/// A purchase.
#[must_use]
pub fn purchase(sub_account: &SubAccountId, id: &PurchaseId) -> Key {
    Key::new(sub_account_pk(sub_account), [PURCHASE_PREFIX, id.as_str()].concat())
}

/// The number of a purchase that has a lock.
#[must_use]
pub fn held_by(holder: &LockHolder) -> Key {
    match holder.member {
        None => purchase(&holder.sub_account, &holder.purchase),
        Some(index) => member(&holder.sub_account, &holder.purchase, index),
    }
}

/// One number of a pool.
#[must_use]
pub fn member(sub_account: &SubAccountId, id: &PurchaseId, index: MemberIndex) -> Key {
    Key::new(sub_account_pk(sub_account), format!("{}{:03}", members_prefix(id), index.get()))
}

/// How the sort keys of a pool's numbers start.
#[must_use]
pub fn members_prefix(id: &PurchaseId) -> String {
    format!("{MEMBER_PREFIX}{id}#")
}

/// Where one number stands, alone or in its pool.
#[must_use]
pub fn number_of(purchase: &Purchase) -> Key {
    match purchase.place {
        Place::Alone => self::purchase(&purchase.sub_account, &purchase.id),
        Place::Member(index) => member(&purchase.sub_account, &purchase.id, index),
    }
}

/// What a lock calls the one number that has it: the purchase, and in a pool which of its numbers.
#[must_use]
pub fn slot_name(purchase: &Purchase) -> String {
    match purchase.place {
        Place::Alone => slot_of(&purchase.id, None),
        Place::Member(index) => slot_of(&purchase.id, Some(index)),
    }
}

/// The same, of the holder that a lock named.
#[must_use]
pub fn slot_of(purchase: &PurchaseId, member: Option<MemberIndex>) -> String {
    match member {
        None => purchase.to_string(),
        Some(index) => format!("{purchase}#{:03}", index.get()),
    }
}

/// An owner's verification.
#[must_use]
pub fn verification(owner: &Owner) -> Key {
    Key::new(owner_pk(owner), VERIFICATION_SK)
}

/// The pointer that says "this purchase waits for this owner".
#[must_use]
pub fn pointer(owner: &Owner, id: &PurchaseId) -> Key {
    Key::new(owner_pk(owner), [POINTER_PREFIX, id.as_str()].concat())
}

/// One entry of an owner's audit.
#[must_use]
pub fn audit(owner: &Owner, what: &str) -> Key {
    Key::new(owner_pk(owner), [AUDIT_PREFIX, what].concat())
}

/// The lock of a number in an account at the carrier.
#[must_use]
pub fn lock(account: &AccountSid, number: &PhoneNumber) -> Key {
    let digits = number.as_str();
    Key::new(lock_pk(account, &digits[digits.len() - 2..]), [LOCK_PREFIX, digits].concat())
}

/// The partitions in which an account's locks stand: spread by the last two digits, so that one busy account is not one
/// busy partition, and all of them can be listed without a scan.
pub fn lock_pks(account: &AccountSid) -> impl Iterator<Item = String> {
    (0..100).map(move |last| lock_pk(account, &format!("{last:02}")))
}

fn lock_pk(account: &AccountSid, last_two_digits: &str) -> String {
    ["N#", account.as_str(), "#", last_two_digits].concat()
}

/// The switch that stops buying.
#[must_use]
pub fn purchases_switch() -> Key {
    Key::new("SWITCH", "PURCHASES")
}

/// When Persona was last asked about an owner at a caller's request.
#[must_use]
pub fn refresh(owner: &Owner) -> Key {
    Key::new(owner_pk(owner), "REFRESH")
}

/// When Persona was last asked about an inquiry because of an old delivery.
#[must_use]
pub fn asked(inquiry: &InquiryId) -> Key {
    Key::new(inquiry_map(inquiry).pk, "ASKED")
}

/// What is spoken for of the requests to Persona that callers cause, all of them together.
#[must_use]
pub fn callers_allowance() -> Key {
    Key::new("PERSONA", "CALLERS")
}

/// What is spoken for of the requests to Persona that old deliveries cause, all of them together.
#[must_use]
pub fn deliveries_allowance() -> Key {
    Key::new("PERSONA", "DELIVERIES")
}

/// Which owner an inquiry was opened for.
#[must_use]
pub fn inquiry_map(inquiry: &InquiryId) -> Key {
    Key::new([INQUIRY_PREFIX, inquiry.as_str()].concat(), INQUIRY_SK)
}

/// A phone verification.
#[must_use]
pub fn phone_verification(sub_account: &SubAccountId, id: &PhoneVerificationId) -> Key {
    Key::new(sub_account_pk(sub_account), format!("{PHONE_VERIFICATION_PREFIX}{id}"))
}

/// # Errors
/// [`StoreError::Broken`] when the key is of no phone verification.
pub fn phone_verification_of(key: &Key) -> Result<(SubAccountId, PhoneVerificationId), StoreError> {
    let sub_account = sub_account_of_pk(&key.pk);
    let id = key.sk.strip_prefix(PHONE_VERIFICATION_PREFIX).and_then(|id| PhoneVerificationId::parse(id).ok());
    sub_account.zip(id).ok_or_else(|| StoreError::Broken("a key is of no phone verification".to_owned()))
}

/// The phone that a sub-account has proved to have.
#[must_use]
pub fn approved_phone(sub_account: &SubAccountId) -> Key {
    Key::new(sub_account_pk(sub_account), PHONE_SK)
}

/// What is remembered of a phone.
#[must_use]
pub fn phone_record(number: &PhoneNumber) -> Key {
    Key::new(format!("T#{number}"), "PHONE")
}

/// A limit's window.
#[must_use]
pub fn window(dimension: &Dimension) -> Key {
    let pk = match dimension {
        Dimension::Prefix(prefix) => format!("L#p#{prefix}"),
        Dimension::SubAccountCountry(sub_account, country) => format!("L#c#{country}#{sub_account}"),
        Dimension::UnservedCountry(country) => format!("L#u#{country}"),
        Dimension::SubAccount(sub_account) => format!("L#s#{sub_account}"),
        Dimension::Address(hash) => format!("L#a#{hash}"),
    };
    Key::new(pk, "W")
}

/// What a window's partition key is about.
///
/// # Errors
/// [`StoreError::Broken`] when it is of no window.
pub fn dimension_of(pk: &str) -> Result<Dimension, StoreError> {
    let rest = |prefix: &str| pk.strip_prefix(prefix);
    let dimension = if let Some(prefix) = rest("L#p#") {
        Some(Dimension::Prefix(prefix.to_owned()))
    } else if let Some((country, sub_account)) = rest("L#c#").and_then(|both| both.split_once('#')) {
        let country = CountryCode::new(country);
        country
            .zip(SubAccountId::parse(sub_account).ok())
            .map(|(country, sub)| Dimension::SubAccountCountry(sub, country))
    } else if let Some(country) = rest("L#u#") {
        CountryCode::new(country).map(Dimension::UnservedCountry)
    } else if let Some(sub_account) = rest("L#s#") {
        SubAccountId::parse(sub_account).ok().map(Dimension::SubAccount)
    } else {
        rest("L#a#").map(|hash| Dimension::Address(hash.to_owned()))
    };
    dimension.ok_or_else(|| StoreError::Broken("a key is of no limit's window".to_owned()))
}

/// The shard of the counts of a country and channel that a phone is counted in: always the same one, so that what was sent
/// and its answer meet there.
#[must_use]
pub fn conversion(country: CountryCode, channel: Channel, number: &PhoneNumber) -> Key {
    let digits = number.as_str().bytes().map(u32::from).fold(0, u32::wrapping_add);
    Key::new(conversion_pk(digits % CONVERSION_SHARDS), format!("{country}#{}", channel_name(&channel)))
}

/// The partition of one shard of all counts of conversion.
#[must_use]
pub fn conversion_pk(shard: u32) -> String {
    format!("C#{shard}")
}

/// The partition of everything that belongs to an owner's verification.
#[must_use]
pub fn owner_pk(owner: &Owner) -> String {
    match owner {
        Owner::SubAccount(id) => ["O#s#", id.as_str()].concat(),
        Owner::Agency(id) => ["O#a#", id.as_str()].concat(),
    }
}

/// What a key from the due index is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueKey {
    /// A purchase, of one number or of a pool.
    Purchase(SubAccountId, PurchaseId),
    /// One number of a pool.
    Member(SubAccountId, PurchaseId, MemberIndex),
    /// A sub-account's profile, whose change has not reached all that waits.
    Profile(SubAccountId),
    /// An owner's verification.
    Verification(Owner),
    /// A sub-account's approved phone.
    ApprovedPhone(SubAccountId),
    /// An inquiry that another has replaced.
    FormerInquiry(InquiryId),
}

/// # Errors
/// [`StoreError::Broken`] when the key is of no item that is ever due.
pub fn due_key(key: &Key) -> Result<DueKey, StoreError> {
    let unknown = || StoreError::Broken("the due index holds a key of no item that is ever due".to_owned());
    if key.sk == VERIFICATION_SK {
        return owner_of_pk(&key.pk).map(DueKey::Verification);
    }
    if key.sk == INQUIRY_SK {
        let id = key.pk.strip_prefix(INQUIRY_PREFIX).and_then(|id| InquiryId::parse(id).ok());
        return id.map(DueKey::FormerInquiry).ok_or_else(unknown);
    }
    let sub_account = sub_account_of_pk(&key.pk).ok_or_else(unknown)?;
    if key.sk == PROFILE_SK {
        return Ok(DueKey::Profile(sub_account));
    }
    if key.sk == PHONE_SK {
        return Ok(DueKey::ApprovedPhone(sub_account));
    }
    if let Some(member) = key.sk.strip_prefix(MEMBER_PREFIX) {
        let (id, index) = member_of_sk(member).ok_or_else(unknown)?;
        return Ok(DueKey::Member(sub_account, id, index));
    }
    let id = key.sk.strip_prefix(PURCHASE_PREFIX).and_then(|id| PurchaseId::parse(id).ok()).ok_or_else(unknown)?;
    Ok(DueKey::Purchase(sub_account, id))
}

/// The sub-account of a partition; none when the partition is of another kind.
#[must_use]
pub fn sub_account_of_pk(pk: &str) -> Option<SubAccountId> {
    pk.strip_prefix("S#").and_then(|id| SubAccountId::parse(id).ok())
}

/// What follows [`MEMBER_PREFIX`] in the sort key of one number of a pool.
pub(super) fn member_of_sk(rest: &str) -> Option<(PurchaseId, MemberIndex)> {
    let (id, index) = rest.split_once('#')?;
    Some((PurchaseId::parse(id).ok()?, index.parse().ok().and_then(MemberIndex::new)?))
}

/// # Errors
/// [`StoreError::Broken`] when the partition is no owner's.
pub fn owner_of_pk(pk: &str) -> Result<Owner, StoreError> {
    let sub_account = pk.strip_prefix("O#s#").and_then(|id| SubAccountId::parse(id).ok()).map(Owner::SubAccount);
    let agency = || pk.strip_prefix("O#a#").and_then(|id| AgencyId::parse(id).ok()).map(Owner::Agency);
    sub_account.or_else(agency).ok_or_else(|| StoreError::Broken("a partition key is no owner's".to_owned()))
}

/// The shard of the due index that a partition's items are in.
#[must_use]
pub fn due_shard(pk: &str) -> &'static str {
    DUE_SHARDS[spread(pk) % DUE_SHARDS.len()]
}

/// The shard of the due index that an owner's verification, or a former inquiry, is in while Persona is to be asked about
/// it.
#[must_use]
pub fn ask_shard(pk: &str) -> &'static str {
    ASK_SHARDS[spread(pk) % ASK_SHARDS.len()]
}

/// All shards of the due index.
pub fn due_shards() -> impl Iterator<Item = &'static str> {
    DUE_SHARDS.into_iter()
}

/// All shards of what Persona is to be asked about.
pub fn ask_shards() -> impl Iterator<Item = &'static str> {
    ASK_SHARDS.into_iter()
}

fn spread(pk: &str) -> usize {
    pk.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
}

/// The local index's sort key of what is listed by time: the kind's prefix, then the time with leading zeros.
#[must_use]
pub fn by_time(prefix: &str, at: Instant, id: &str) -> String {
    format!("{prefix}{:015}#{id}", at.unix_ms())
}
