//! What stands in the table: reads in one round trip, and writes on condition of what was read.

use adapters::items::{
    PHONE_APPROVED_AT, PHONE_SINCE, Versioned, approved_phone_to_item, conversion_from_item, conversion_to_item,
    expect_version, keys, phone_record_from_item, phone_record_to_item, phone_verification_from_item,
    phone_verification_to_item, window_from_item, window_to_item,
};
use adapters::profiles;
use adapters::store::{Condition, Item, Key, Store, StoreError, TransactError, Value, Write, WriteError, write_all};
use domain::{
    ApprovedPhone, Channel, ConversionCounts, Counted, CountryCode, Dimension, Instant, Limit, PhoneNumber,
    PhonePolicy, PhoneRecord, PhoneVerification, PhoneVerificationId, SubAccountId, Window, prefix_of,
};
use futures::future::{try_join_all, try_join3};

/// How often a write that met another one is tried again.
pub(crate) const TRIES_MAX: u32 = 4;

/// A limit's window as it was read.
#[derive(Debug, Clone)]
pub(crate) struct SeenWindow {
    pub(crate) dimension: Dimension,
    pub(crate) limit: Limit,
    pub(crate) seen: Versioned<Window>,
}

/// Everything that decides about a start, as it was read.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) verification: Option<Versioned<PhoneVerification>>,
    pub(crate) record: Versioned<PhoneRecord>,
    pub(crate) windows: Vec<SeenWindow>,
    /// Whether the sub-account serves the number's country: as every one does, by its profile, or by what was
    /// approved there.
    pub(crate) served: bool,
}

impl Standing {
    /// Until when Twilio refuses the number's country over `channel`, as far as is known.
    pub(crate) fn refused_over(&self, channel: Channel, now: Instant) -> Option<Instant> {
        let countries = self.windows.iter().filter(|window| matches!(window.dimension, Dimension::UnservedCountry(_)));
        countries.filter_map(|window| window.seen.value.refused_over(channel, now)).max()
    }
}

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) sub_account: &'a SubAccountId,
    pub(crate) id: &'a PhoneVerificationId,
    pub(crate) number: &'a PhoneNumber,
    pub(crate) country: CountryCode,
    pub(crate) address: Option<&'a str>,
}

/// Reads all that decides about a start: up to eight items at once, each strongly consistent.
pub(crate) async fn standing(
    store: &impl Store,
    subject: &Subject<'_>,
    policy: &PhonePolicy,
) -> Result<Standing, StoreError> {
    let Subject { sub_account, id, number, country, address } = subject;
    let dimensions = [
        Some(Dimension::Prefix(prefix_of(number))),
        Some(Dimension::SubAccountCountry((*sub_account).clone(), *country)),
        Some(Dimension::UnservedCountry(*country)),
        Some(Dimension::SubAccount((*sub_account).clone())),
        address.map(|hash| Dimension::Address(hash.to_owned())),
    ];
    let counted = dimensions.into_iter().flatten().filter_map(|dimension| {
        let limit = policy.limit(&dimension, *country)?;
        Some((dimension, limit))
    });
    let first = try_join3(load(store, sub_account, id), load_record(store, number), profiles::load(store, sub_account));
    let windows = try_join_all(counted.map(|(dimension, limit)| load_window(store, dimension, limit)));
    let ((verification, record, profile), windows) = futures::future::try_join(first, windows).await?;
    let served = serves(policy, &profile.countries, *country, &windows);
    Ok(Standing { verification, record, windows, served })
}

fn serves(policy: &PhonePolicy, in_profile: &[CountryCode], country: CountryCode, windows: &[SeenWindow]) -> bool {
    let learned = windows.iter().any(|window| {
        let own = matches!(window.dimension, Dimension::SubAccountCountry(..));
        own && window.seen.value.phones.are_enough()
    });
    learned || policy.home_countries.contains(&country) || in_profile.contains(&country)
}

/// Reads a phone verification.
pub(crate) async fn load(
    store: &impl Store,
    sub_account: &SubAccountId,
    id: &PhoneVerificationId,
) -> Result<Option<Versioned<PhoneVerification>>, StoreError> {
    let item = store.get(&keys::phone_verification(sub_account, id)).await?;
    item.as_ref().map(phone_verification_from_item).transpose()
}

/// Reads what is remembered of a phone.
pub(crate) async fn load_record(
    store: &impl Store,
    number: &PhoneNumber,
) -> Result<Versioned<PhoneRecord>, StoreError> {
    let item = store.get(&keys::phone_record(number)).await?;
    item.as_ref().map(phone_record_from_item).transpose().map(Option::unwrap_or_default)
}

/// Reads a limit's window.
pub(crate) async fn load_window(
    store: &impl Store,
    dimension: Dimension,
    limit: Limit,
) -> Result<SeenWindow, StoreError> {
    let item = store.get(&keys::window(&dimension)).await?;
    let seen = item.as_ref().map(window_from_item).transpose()?.unwrap_or_default();
    Ok(SeenWindow { dimension, limit, seen })
}

/// Puts a verification over the one that was read.
pub(crate) fn put_verification(next: &PhoneVerification, seen_version: i64) -> Write {
    put(phone_verification_to_item(next, seen_version + 1), seen_version)
}

/// Puts what is remembered of a phone over what was read.
pub(crate) fn put_record(number: &PhoneNumber, next: &PhoneRecord, seen_version: i64, policy: &PhonePolicy) -> Write {
    put(phone_record_to_item(number, next, seen_version + 1, &policy.limits.phone), seen_version)
}

/// Puts a window over the one that was read.
pub(crate) fn put_window(window: &SeenWindow, next: &Window) -> Write {
    let item = window_to_item(&window.dimension, next, window.seen.version + 1, &window.limit);
    put(item, window.seen.version)
}

/// Puts every window in which a phone holds a unit as `change` makes it of what stands there now.
pub(crate) async fn put_units(
    store: &impl Store,
    record: &PhoneRecord,
    country: CountryCode,
    policy: &PhonePolicy,
    change: impl Fn(&SeenWindow) -> Window,
) -> Result<Vec<Write>, StoreError> {
    let held = record.units.iter().filter_map(|unit| {
        let limit = policy.limit(unit, country)?;
        Some(load_window(store, unit.clone(), limit))
    });
    let windows = try_join_all(held).await?;
    Ok(windows.iter().map(|window| put_window(window, &change(window))).collect())
}

/// The shard of the counts of a country and channel that a phone is counted in.
#[derive(Debug)]
pub(crate) struct Counting(Key);

impl Counting {
    /// Of a verification's phone, over `channel`.
    pub(crate) fn of(verification: &PhoneVerification, channel: Channel) -> Self {
        Self(keys::conversion(verification.country, channel, &verification.number))
    }

    /// Reads the counts.
    pub(crate) async fn load(&self, store: &impl Store) -> Result<Versioned<ConversionCounts>, StoreError> {
        let item = store.get(&self.0).await?;
        item.as_ref().map(conversion_from_item).transpose().map(Option::unwrap_or_default)
    }

    /// Counts one event over the counts that were read.
    pub(crate) fn put(
        &self,
        seen: &Versioned<ConversionCounts>,
        what: Counted,
        now: Instant,
    ) -> (ConversionCounts, Write) {
        let next = seen.value.clone().counted(what, now);
        let write = put(conversion_to_item(self.0.clone(), &next, seen.version + 1), seen.version);
        (next, write)
    }
}

/// Makes a phone its sub-account's in the place of `earlier`, the one that was read, unless a later one is there. It is due:
/// whatever waits for it goes on from the table as well, should this function die before it sends a message.
pub(crate) fn put_approved(verification: &PhoneVerification, earlier: Option<&ApprovedPhone>, at: Instant) -> Write {
    let approved = ApprovedPhone {
        since: earlier.map_or(at, |earlier| earlier.since),
        number: verification.number.clone(),
        channel: verification.channel,
        at,
        verification: verification.id.clone(),
    };
    let expect = match earlier {
        None => Condition::ItemAbsent,
        Some(earlier) => Condition::All(vec![
            Condition::AtMost(PHONE_APPROVED_AT, at.unix_ms()),
            Condition::Equals(PHONE_SINCE, Value::N(earlier.since.unix_ms())),
        ]),
    };
    Write::Put { item: approved_phone_to_item(&verification.sub_account, &approved, Some(at)), expect }
}

/// Closes what a limit is about, as `close` says; nothing where it is not counted. Tried a few times: what it misses, the
/// other limits still hold.
pub(crate) async fn close(
    store: &impl Store,
    dimension: &Dimension,
    limit: Option<Limit>,
    now: Instant,
    close: impl Fn(Window) -> Window,
) -> Result<(), StoreError> {
    let Some(limit) = limit else { return Ok(()) };
    for _ in 0..TRIES_MAX {
        let window = load_window(store, dimension.clone(), limit).await?;
        let closed = close(window.seen.value.at(now, &limit));
        match store.write(put_window(&window, &closed)).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_)) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all or nothing; false when something of it is no longer as it was read.
pub(crate) async fn commit(store: &impl Store, writes: Vec<Write>) -> Result<bool, StoreError> {
    match write_all(store, writes).await {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn put(item: Item, seen_version: i64) -> Write {
    Write::Put { item, expect: expect_version(seen_version) }
}
