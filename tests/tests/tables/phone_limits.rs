//! The windows of the limits, what is remembered of a phone, and the counts of conversion, on a clock of numbers.

use domain::{
    CONVERSION_DAYS, Channel, ConversionCounts, Counted, Dimension, DistinctPhones, Instant, Limit,
    PASSCODE_CHECKS_MAX, PASSCODE_LIFE_MS, PhoneNumber, PhonePolicy, PhonePreset, PhoneRecord, SERVED_AFTER_PHONES,
    START_LEASE_MS, SubAccountId, VerifySid, Window, prefix_of,
};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The start of a day, so of an hour.
const START: Instant = Instant::from_unix_ms(20_000 * DAY_MS);

fn minutes(minutes: i64) -> Instant {
    START.plus_ms(minutes * 60_000)
}

fn sub_account(id: &str) -> SubAccountId {
    SubAccountId::parse(id).expect("is a word")
}

fn sid(number: u32) -> VerifySid {
    VerifySid::parse(&format!("VE{number:032x}")).expect("is a word")
}

#[test]
fn a_limit_holds_until_it_is_answered() {
    let limit = Limit::per_hour(2, 5);
    let window = Window::default().take(minutes(0), &limit);
    assert_eq!(window.opens_at(minutes(0), &limit), None);
    let window = window.take(minutes(1), &limit);
    assert_eq!(window.opens_at(minutes(1), &limit), Some(minutes(11)), "when the latest passcode is no longer good");
    let answered = window.answer(minutes(0), minutes(2), &limit);
    assert_eq!(answered.opens_at(minutes(2), &limit), None);
    assert_eq!((answered.current.unanswered, answered.current.answered), (1, 1));
}

#[test]
fn what_nobody_answers_fades_over_the_next_period() {
    let limit = Limit::per_hour(2, 5);
    let window = Window::default().take(minutes(0), &limit).take(minutes(1), &limit);
    let opens_at = window.opens_at(minutes(30), &limit).expect("is full");
    assert_eq!(opens_at, minutes(90), "half of two has faded");
    assert!(window.opens_at(opens_at.plus_ms(-1), &limit).is_some());
    assert_eq!(window.opens_at(opens_at, &limit), None);
    assert_eq!(window.opens_at(minutes(600), &limit), None, "all is forgotten");
}

/// Whatever a window holds, the time that it names is one at which it opens, and no earlier one that is a minute away.
#[test]
fn the_time_that_a_window_names_is_true() {
    for unanswered_max in 1..=4 {
        let limit = Limit::per_hour(unanswered_max, 0);
        for taken in 0..10_i64 {
            let window = (0..taken).fold(Window::default(), |window, minute| window.take(minutes(minute), &limit));
            for now in (20..200).map(minutes) {
                let Some(opens_at) = window.opens_at(now, &limit) else { continue };
                assert!(opens_at > now);
                assert_eq!(window.opens_at(opens_at, &limit), None, "{taken} of {unanswered_max} at {now:?}");
            }
        }
    }
}

#[test]
fn honest_traffic_raises_its_own_limit() {
    let limit = Limit::per_hour(2, 5);
    let mut window = Window::default();
    for _ in 0..50 {
        window = window.take(minutes(1), &limit).answer(minutes(1), minutes(2), &limit);
    }
    for unanswered in 0..12 {
        assert_eq!(window.opens_at(minutes(3), &limit), None, "{unanswered} of 2 and a fifth of 50");
        window = window.take(minutes(3), &limit);
    }
    assert!(window.opens_at(minutes(3), &limit).is_some());
}

#[test]
fn one_phone_that_answers_again_and_again_raises_no_limit() {
    let limit = Limit::per_hour(2, 5);
    let mut window = Window::default().take(minutes(1), &limit).answer(minutes(1), minutes(2), &limit);
    for _ in 0..50 {
        window = window.take(minutes(2), &limit).answer_again(minutes(2), minutes(3), &limit);
    }
    assert_eq!((window.current.unanswered, window.current.answered), (0, 1));
}

/// Whatever becomes of them, also those that nothing was sent for, since Lookup may have been paid; and the next day is
/// another one.
#[test]
fn a_day_has_its_ceiling_answered_or_not() {
    let limit = Limit::per_hour(100, 2).with_a_day_max(3);
    let answered = Window::default().take(minutes(1), &limit).answer(minutes(1), minutes(2), &limit);
    let again = answered.take(minutes(100), &limit).answer_again(minutes(100), minutes(101), &limit);
    assert_eq!(again.opens_at(minutes(200), &limit), None);
    let full = again.take(minutes(200), &limit).give_back(minutes(200), minutes(201), &limit);
    let tomorrow = START.plus_ms(DAY_MS);
    assert_eq!(full.opens_at(minutes(301), &limit), Some(tomorrow));
    assert_eq!(full.opens_at(tomorrow, &limit), None);
    assert_eq!(full.take(tomorrow, &limit).opens_at(tomorrow, &limit), None);
    assert!(limit.kept_ms() >= DAY_MS, "and is not forgotten before");
    assert_eq!(full.opens_at(minutes(301), &Limit { a_day_max: None, ..limit }), None);
}

#[test]
fn a_country_is_served_by_phones_not_by_approvals() {
    let phone = |last: usize| PhoneNumber::parse(&format!("+44740012345{last}")).expect("is a number");
    let one = (0..50).fold(DistinctPhones::default(), |phones, _| phones.with(&phone(0)));
    assert_eq!((one.fingerprints().count(), one.are_enough()), (1, false));
    let all = (0..9).fold(one, |phones, last| phones.with(&phone(last)));
    assert_eq!((all.fingerprints().count(), all.are_enough()), (SERVED_AFTER_PHONES, true), "and no more are kept");
    assert_eq!(DistinctPhones::of_fingerprints(all.fingerprints()), all);
}

#[test]
fn a_block_is_stronger_than_room() {
    let limit = Limit::per_hour(2, 5);
    let window = Window::default().block(minutes(60)).block(minutes(30));
    assert_eq!(window.opens_at(minutes(0), &limit), Some(minutes(60)), "the later block holds");
    assert_eq!(window.opens_at(minutes(60), &limit), None);
}

#[test]
fn a_clock_that_is_behind_brings_nothing_back() {
    let limit = Limit::per_hour(1, 0);
    let window = Window::default().take(minutes(61), &limit);
    assert!(window.at(minutes(59), &limit).current.unanswered == 1);
    assert!(window.opens_at(minutes(59), &limit).is_some());
}

#[test]
fn pauses_between_messages_grow() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let asking = sub_account("Loc1");
    let mut record = PhoneRecord::default();
    let mut now = START;
    let mut pauses_s = Vec::new();
    for message in 0..limit.messages_max {
        assert_eq!(record.opens_at(&asking, now, &limit), None, "message {message}");
        record = record.asked(&asking, now, vec![]);
        let opens_at = record.opens_at(&asking, now, &limit).expect("pauses");
        pauses_s.push(opens_at.ms_since(now) / 1000);
        now = opens_at;
    }
    assert_eq!(pauses_s, [30, 60, 120, 240, 86_400 - 450], "the last is the day's end");
    assert_eq!(record.at(START.plus_ms(DAY_MS), &limit), PhoneRecord::default());
}

#[test]
fn a_phone_that_waits_for_one_sub_accounts_passcode_is_not_asked_by_another() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let record = PhoneRecord::default().asked(&sub_account("Loc1"), START, vec![]);
    let until = START.plus_ms(START_LEASE_MS + PASSCODE_LIFE_MS);
    assert_eq!(record.opens_at(&sub_account("Loc2"), minutes(2), &limit), Some(until));
    assert_eq!(record.opens_at(&sub_account("Loc1"), minutes(2), &limit), None);
    assert_eq!(record.opens_at(&sub_account("Loc2"), until, &limit), None);
    // Once Twilio has answered, it is known better.
    let sent = record.sent(&sub_account("Loc1"), sid(1), Channel::Sms, START.plus_ms(5_000));
    let until = START.plus_ms(5_000 + PASSCODE_LIFE_MS);
    assert_eq!(sent.opens_at(&sub_account("Loc2"), minutes(2), &limit), Some(until));
}

/// What is a day old is forgotten, but not who waits for the latest message.
#[test]
fn a_day_that_ends_gives_no_passcode_to_another_sub_account() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let late = START.plus_ms(DAY_MS - 60_000);
    let record = PhoneRecord::default().asked(&sub_account("Loc1"), START, vec![]);
    let record =
        record.asked(&sub_account("Loc1"), late, vec![]).sent(&sub_account("Loc1"), sid(1), Channel::Sms, late);
    let next_day = record.at(START.plus_ms(DAY_MS), &limit);
    assert_eq!((next_day.messages, next_day.takes_units(&sub_account("Loc1"))), (0, true));
    let until = late.plus_ms(PASSCODE_LIFE_MS);
    assert_eq!(next_day.opens_at(&sub_account("Loc2"), START.plus_ms(DAY_MS), &limit), Some(until));
    assert_eq!(next_day.opens_at(&sub_account("Loc1"), START.plus_ms(DAY_MS), &limit), None);
    assert_eq!(next_day.at(until, &limit), PhoneRecord::default());
}

#[test]
fn a_passcode_that_is_used_up_is_not_sent_again() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let asking = sub_account("Loc1");
    let record = PhoneRecord::default().asked(&asking, START, vec![]).sent(&asking, sid(1), Channel::Sms, START);
    let four = record.with_wrong(PASSCODE_CHECKS_MAX - 1);
    assert_eq!((four.wrong_for(&sid(1)), four.wrong_for(&sid(2))), (4, 0));
    assert_eq!(four.opens_at(&asking, minutes(1), &limit), None);
    let five = four.with_wrong(PASSCODE_CHECKS_MAX);
    assert_eq!(five.opens_at(&asking, minutes(1), &limit), Some(START.plus_ms(PASSCODE_LIFE_MS)));
}

#[test]
fn what_is_sent_again_takes_no_further_unit() {
    let unit = vec![Dimension::Prefix("44770090".to_owned())];
    let record = PhoneRecord::default().asked(&sub_account("Loc1"), START, unit.clone());
    assert!(!record.takes_units(&sub_account("Loc1")));
    let again = record.asked(&sub_account("Loc1"), minutes(1), vec![]);
    assert_eq!((&again.units, again.first_at, again.messages), (&unit, START, 2));
    // Another sub-account's own limits count what it asks for, whoever asked before it and was not answered.
    assert!(again.takes_units(&sub_account("Loc2")));
    let others = vec![Dimension::SubAccount(sub_account("Loc2"))];
    let taken = again.asked(&sub_account("Loc2"), minutes(30), others.clone());
    assert_eq!((taken.units, taken.first_at, taken.messages), (others, minutes(30), 3));
}

/// Twilio answers two starts with the one verification that is under way: it is the passcode of who came first.
#[test]
fn a_passcode_that_is_under_way_is_one_sub_accounts() {
    let record = PhoneRecord::default().asked(&sub_account("Loc1"), START, vec![]).sent(
        &sub_account("Loc1"),
        sid(1),
        Channel::Sms,
        START,
    );
    let until = START.plus_ms(PASSCODE_LIFE_MS);
    assert_eq!(record.taken_by_another(&sub_account("Loc2"), &sid(1)), Some(until));
    assert_eq!(record.taken_by_another(&sub_account("Loc1"), &sid(1)), None);
    assert_eq!(record.taken_by_another(&sub_account("Loc2"), &sid(2)), None, "of another it is nobody's yet");
}

/// What is answered makes room for the next message, until as many were sent as a day has.
#[test]
fn a_phone_is_sent_only_so_many_a_day_whoever_answers() {
    let limit = PhonePolicy::of(PhonePreset::Balanced).limits.phone;
    let asking = sub_account("Loc1");
    let mut record = PhoneRecord::default();
    let mut sent = 0;
    while record.opens_at(&asking, minutes(i64::from(sent)), &limit).is_none() {
        record = record.asked(&asking, minutes(i64::from(sent)), vec![]);
        sent += 1;
        record = record.approved(minutes(i64::from(sent)), &limit);
        assert!(record.holder.is_none() && record.takes_units(&asking) && record.messages == 0);
        assert!(record.has_answered(minutes(i64::from(sent)), &limit));
    }
    assert_eq!(sent, limit.messages_in_all_max);
    let day_later = minutes(1).plus_ms(DAY_MS);
    assert_eq!(record.opens_at(&sub_account("Loc2"), minutes(60), &limit), Some(day_later), "since the first answer");
    assert!(!record.has_answered(day_later, &limit));
    assert_eq!(record.at(day_later.plus_ms(HOUR_MS), &limit), PhoneRecord::default());
}

#[test]
fn a_number_waits_once_and_is_then_left_alone_for_an_hour() {
    let record = PhoneRecord::default();
    let until = record.slow_down(START).expect("waits");
    assert_eq!(until, minutes(1));
    let waited = PhoneRecord { slowed_at: Some(START), ..record };
    assert_eq!(waited.slow_down(START.plus_ms(59_999)), Some(until));
    assert_eq!(waited.slow_down(until), None);
    assert_eq!(waited.slow_down(minutes(60)), Some(minutes(61)));
}

#[test]
fn a_prefix_is_a_range_of_a_thousand() {
    let prefix = |number| prefix_of(&PhoneNumber::parse(number).expect("is a number"));
    assert_eq!(prefix("+447700900123"), "447700900");
    assert_eq!(prefix("+447700900999"), "447700900");
    assert_eq!(prefix("+447700901000"), "447700901");
    assert_eq!(prefix("+2901234"), "2901");
}

#[test]
fn counts_keep_a_few_days_and_their_size() {
    let mut counts = ConversionCounts::default();
    for day in 0..30 {
        counts = counts.counted(Counted::Sent, START.plus_ms(day * DAY_MS));
        assert!(counts.days.len() <= CONVERSION_DAYS);
    }
    assert_eq!(counts.days.first().map(|day| day.day), Some(20_000 + 30 - 8));
}

#[test]
fn a_conversion_leaves_out_what_may_still_be_answered() {
    let mut counts = ConversionCounts::default();
    for _ in 0..60 {
        counts = counts.counted(Counted::Sent, minutes(0));
    }
    assert_eq!(counts.recent(minutes(9)).sent, 0);
    assert!(!counts.recent(minutes(9)).is_low());
    for _ in 0..6 {
        counts = counts.counted(Counted::Sent, minutes(11)).counted(Counted::Checked, minutes(12));
    }
    let recent = counts.clone().counted(Counted::SentAgain, minutes(13)).recent(minutes(30));
    assert_eq!((recent.sent, recent.approved, recent.percent()), (66, 0, Some(0)));
    assert!(recent.is_low());
    for _ in 0..60 {
        counts = counts.counted(Counted::Approved, minutes(31));
    }
    assert_eq!(counts.recent(minutes(32)).percent(), Some(90));
    assert!(!counts.recent(minutes(32)).is_low(), "90 % is where it begins to be fine");
    assert_eq!(counts.recent(START.plus_ms(2 * DAY_MS)).sent, 0, "the day before yesterday does not count");
}
