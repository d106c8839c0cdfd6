//! The items of phone verification, there and back; what cannot be read is named.

use adapters::items::{
    Versioned, approved_phone_from_item, approved_phone_to_item, conversion_from_item, conversion_to_item, keys,
    phone_record_from_item, phone_record_to_item, phone_verification_from_item, phone_verification_to_item,
    window_from_item, window_to_item,
};
use adapters::store::{Item, StoreError, Value};
use domain::{
    AnsweredMessages, ApprovedPhone, BodyHash, Channel, ConversionCounts, Counted, CountryCode, Dimension,
    DistinctPhones, Holder, IdempotencyKey, Instant, Limit, PhoneNumber, PhonePolicy, PhonePreset, PhoneRecord,
    PhoneState, PhoneVerification, PhoneVerificationId, Refusal, SentPasscode, SubAccountId, VerifySid, Window,
};

/// A value that nothing can read, and that must not appear in an error.
const MARKER: &str = "marker value 5f2e";

fn at(second: i64) -> Instant {
    Instant::from_unix_ms(1_795_348_800_000 + second * 1000)
}

fn sub_account() -> SubAccountId {
    SubAccountId::parse("Loc_A1b2C3").expect("is a word")
}

fn number() -> PhoneNumber {
    PhoneNumber::parse("+447400123456").expect("is a number")
}

fn country() -> CountryCode {
    CountryCode::new("GB").expect("is a country")
}

fn verification(state: PhoneState) -> PhoneVerification {
    let key = IdempotencyKey::parse("key").expect("is a key");
    PhoneVerification {
        id: PhoneVerificationId::of(&sub_account(), &key),
        sub_account: sub_account(),
        body_hash: BodyHash([0xab; 32]),
        number: number(),
        country: country(),
        channel: Channel::Whatsapp,
        created_at: at(0),
        state,
    }
}

fn states() -> Vec<PhoneState> {
    let refusals =
        [Refusal::Country, Refusal::Limit, Refusal::LineType, Refusal::SlowedDown, Refusal::Risk, Refusal::Channel];
    let sid = VerifySid::parse("VE00000000000000000000000000000001").expect("is a word");
    let refused = refusals.map(|why| PhoneState::Refused { why, again_at: at(60) });
    [
        PhoneState::Starting { lease_until: at(30) },
        PhoneState::Pending { sid, sent_at: at(1), checks: 3 },
        PhoneState::Approved { at: at(2) },
        PhoneState::UsedUp { at: at(3) },
        PhoneState::Expired { at: at(4) },
    ]
    .into_iter()
    .chain(refused)
    .collect()
}

fn dimensions() -> Vec<Dimension> {
    vec![
        Dimension::Prefix("447400123".to_owned()),
        Dimension::SubAccountCountry(sub_account(), country()),
        Dimension::UnservedCountry(country()),
        Dimension::SubAccount(sub_account()),
        Dimension::Address("00ff".to_owned()),
    ]
}

#[test]
fn a_phone_verification_is_read_back_in_any_state() {
    for state in states() {
        let verification = verification(state);
        let item = phone_verification_to_item(&verification, 7);
        // A day after whatever happened to it last, or is to.
        let lately = match &verification.state {
            PhoneState::Starting { lease_until: at }
            | PhoneState::Refused { again_at: at, .. }
            | PhoneState::Pending { sent_at: at, .. }
            | PhoneState::Approved { at }
            | PhoneState::UsedUp { at }
            | PhoneState::Expired { at } => at.unix_ms() / 1000,
        };
        let kept_until = Value::N(lately.max(1_795_348_800) + 24 * 3600);
        assert_eq!(item.get("expires_at"), Some(&kept_until), "in seconds");
        assert_eq!(phone_verification_from_item(&item), Ok(Versioned { value: verification, version: 7 }));
    }
}

#[test]
fn a_phone_record_is_read_back() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let full = PhoneRecord {
        holder: Some(Holder { sub_account: sub_account(), until: at(600) }),
        messages: 4,
        answered: Some(AnsweredMessages { since: at(-60), messages: 2 }),
        first_at: at(0),
        last_at: at(300),
        slowed_at: Some(at(1)),
        units: dimensions(),
        passcode: Some(SentPasscode {
            sid: VerifySid::parse("VE00000000000000000000000000000001").expect("is a word"),
            since: at(3),
            channel: Channel::Call,
            wrong: 2,
        }),
    };
    for record in [PhoneRecord::default(), full.clone()] {
        let item = phone_record_to_item(&number(), &record, 3, &limit);
        assert_eq!(phone_record_from_item(&item), Ok(Versioned { value: record, version: 3 }));
    }
    // As it was written before the channel was remembered.
    let mut earlier = phone_record_to_item(&number(), &full, 3, &limit);
    earlier.remove("sent_over");
    let read = phone_record_from_item(&earlier).expect("is readable").value;
    assert_eq!(read.passcode.map(|passcode| passcode.channel), Some(Channel::Sms));
}

#[test]
fn a_window_is_read_back_under_the_key_of_its_dimension() {
    let limit = Limit::per_hour(2, 5);
    let taken = Window::default().take(at(0), &limit).take(at(1), &limit).answer(at(0), at(9), &limit);
    let taken = Window { phones: DistinctPhones::default().with(&number()), ..taken };
    for dimension in dimensions() {
        let refused = Channel::ALL.map(|channel| taken.refuse(channel, at(70)));
        for window in [Window::default(), taken, taken.block(at(5000))].into_iter().chain(refused) {
            let item = window_to_item(&dimension, &window, 2, &limit);
            assert_eq!(window_from_item(&item), Ok(Versioned { value: window, version: 2 }));
        }
        let key = keys::window(&dimension);
        assert_eq!(keys::dimension_of(&key.pk), Ok(dimension));
    }
    for strange in ["", "L#", "L#x#1", "L#c#GB", "L#c#gb#Loc", "L#u#GBR", "L#s#", "S#Loc"] {
        assert!(keys::dimension_of(strange).is_err(), "{strange}");
    }
}

#[test]
fn counts_and_the_approved_phone_are_read_back() {
    let counts = ConversionCounts::default().counted(Counted::Sent, at(0)).counted(Counted::Approved, at(90_000));
    let key = keys::conversion(country(), Channel::Sms, &number());
    for counts in [ConversionCounts::default(), counts] {
        let item = conversion_to_item(key.clone(), &counts, 9);
        assert_eq!(conversion_from_item(&item), Ok(Versioned { value: counts, version: 9 }));
    }
    for channel in Channel::ALL {
        let verification = verification(PhoneState::Approved { at: at(2) });
        let approved =
            ApprovedPhone { number: number(), channel, at: at(2), since: at(1), verification: verification.id };
        assert_eq!(approved_phone_from_item(&approved_phone_to_item(&sub_account(), &approved, None)), Ok(approved));
    }
}

/// Every attribute that is read, spoiled in turn: the error names it, and nothing of what is in it.
#[test]
fn what_cannot_be_read_is_named() {
    let limit = Limit::per_hour(2, 5);
    let phone = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let counts = ConversionCounts::default().counted(Counted::Sent, at(0));
    let key = keys::conversion(country(), Channel::Sms, &number());
    let approved = ApprovedPhone {
        number: number(),
        channel: Channel::Sms,
        at: at(2),
        since: at(1),
        verification: verification(states().remove(0)).id,
    };
    type Read = fn(&Item) -> Result<(), StoreError>;
    let mut cases: Vec<(Item, Read)> = states()
        .into_iter()
        .map(|state| {
            let read: Read = |item| phone_verification_from_item(item).map(drop);
            (phone_verification_to_item(&verification(state), 1), read)
        })
        .collect();
    let answered = Some(AnsweredMessages { since: at(0), messages: 2 });
    let record = PhoneRecord { units: dimensions(), answered, ..PhoneRecord::default() };
    cases.push((phone_record_to_item(&number(), &record, 1, &phone), |item| phone_record_from_item(item).map(drop)));
    let window = Window::default().take(at(0), &limit);
    cases.push((window_to_item(&dimensions()[0], &window, 1, &limit), |item| window_from_item(item).map(drop)));
    cases.push((conversion_to_item(key, &counts, 1), |item| conversion_from_item(item).map(drop)));
    cases.push((approved_phone_to_item(&sub_account(), &approved, None), |item| {
        approved_phone_from_item(item).map(drop)
    }));
    let unread = |name: &str| ["pk", "sk", "expires_at"].contains(&name);
    for (item, read) in cases {
        assert_eq!(read(&item), Ok(()));
        let names: Vec<String> = item.iter().map(|(name, _)| name.to_string()).collect();
        let own_version = item.get("approved_at").is_none();
        for name in names.into_iter().filter(|name| !unread(name) && (own_version || name != "version")) {
            let mut spoiled = item.clone();
            spoiled.insert(name.clone(), Value::Map(Item::from([(MARKER, Value::S(MARKER.into()))])));
            let error = read(&spoiled).expect_err(&name).to_string();
            assert!(error.contains(&format!("`{name}`")) && !error.contains(MARKER), "{name}: {error}");
        }
    }
}
