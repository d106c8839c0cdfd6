//! The limits, through the handler.

use adapters::items::{Profile, StoredProfile};
use adapters::store::{Condition, Store, Write};
use adapters::twilio::Sending;
use domain::{AgencyId, CountryCode, PhoneNumber, Refusal, SubAccountId};
use phone_verification::Route;
use serde_json::json;
use tests::events::{Caller, http_event};
use tests::phone::{PhoneWorld, VerifyFault};

use crate::{HOME, OTHER, SUB, approve, id, in_a_world, number, retry_after_s};

/// One number in each of so many ranges, abroad.
fn spread(index: usize) -> PhoneNumber {
    number(&format!("+4474{:02}123456", index + 10))
}

#[test]
fn messages_to_one_phone_pause_and_end() {
    in_a_world(|world| {
        let phone = number(HOME);
        for (index, pause_s) in [30, 60, 120, 240].into_iter().enumerate() {
            let answer = world.start(SUB, &format!("key {index}"), &phone);
            assert_eq!((answer.status, retry_after_s(&answer)), (201, pause_s));
            let too_soon = world.start(SUB, &format!("soon {index}"), &phone);
            assert_eq!((too_soon.status, too_soon.problem()), (429, "phone-verification-limited"));
            assert_eq!(retry_after_s(&too_soon), pause_s);
            world.clock.advance_s(pause_s);
        }
        world.clock.advance_s(600);
        assert_eq!(world.start(SUB, "fifth", &phone).status, 201);
        world.clock.advance_s(3600);
        let sixth = world.start(SUB, "sixth", &phone);
        assert_eq!(sixth.status, 429);
        assert!(retry_after_s(&sixth) > 22 * 3600 - 1200, "until the day is over: {}", retry_after_s(&sixth));
    });
}

#[test]
fn a_range_of_numbers_is_closed_by_two_that_nobody_answers_and_opened_by_an_answer() {
    in_a_world(|world| {
        let phones: Vec<PhoneNumber> = (0..4).map(|last| number(&format!("+44740012345{last}"))).collect();
        let first = world.start(SUB, "0", &phones[0]);
        assert_eq!(first.status, 201);
        assert_eq!(world.start(SUB, "1", &phones[1]).status, 201);
        let third = world.start(SUB, "2", &phones[2]);
        assert_eq!((third.status, third.problem()), (429, "phone-verification-limited"));
        assert!(retry_after_s(&third) <= 600, "the latest passcode may still be answered");
        let code = world.passcodes.code(&phones[0]).expect("is under way");
        assert_eq!(world.check(SUB, id(&first), &code).body["result"], "approved");
        assert_eq!(world.start(SUB, "2", &phones[2]).status, 201, "the unit went back");
        assert_eq!(world.start(SUB, "3", &phones[3]).status, 429);
        assert_eq!(world.passcodes.messages(), 3);
    });
}

/// Five messages a day are a phone's. What Twilio definitely did not send is none of them, and nobody need wait for it.
#[test]
fn what_was_never_sent_is_no_message_to_its_phone() {
    let channel_is_off = Sending::Refused { why: Refusal::Channel, again_after_s: 600, blocks_prefix: false };
    for sending in [channel_is_off, Sending::NotProcessed { retry_after_s: Some(1) }, Sending::Misconfigured] {
        in_a_world(|world| {
            for unsent in 0..6 {
                world.passcodes.fail_next([VerifyFault::Start(sending.clone())]);
                assert!(world.start(OTHER, &format!("unsent {unsent}"), &number(HOME)).status >= 400);
            }
            for message in 0..5 {
                let sent = world.start(SUB, &format!("sent {message}"), &number(HOME));
                assert_eq!(sent.status, 201, "{sending:?}, {message}: {:?}", sent.body);
                world.clock.advance_s(600);
            }
        });
    }
}

/// Two numbers of a range abroad may be unanswered. What Twilio definitely did not send counts for none of them.
#[test]
fn what_was_never_sent_gives_its_units_back() {
    let refused = |why, blocks_prefix| Sending::Refused { why, again_after_s: 600, blocks_prefix };
    let neighbour = |last: usize| number(&format!("+44740012345{last}"));
    for (sending, open) in [
        (refused(Refusal::Country, false), 2),
        (refused(Refusal::Channel, false), 2),
        (refused(Refusal::LineType, false), 2),
        (refused(Refusal::Limit, false), 2),
        (Sending::NotANumber, 2),
        (Sending::NotProcessed { retry_after_s: None }, 2),
        (Sending::Misconfigured, 2),
        // A campaign, by Twilio's own judgement; and perhaps it was sent.
        (refused(Refusal::Risk, false), 0),
        (Sending::Unknown, 0),
    ] {
        in_a_world(|world| {
            for last in 0..5 {
                world.passcodes.fail_next([VerifyFault::Start(sending.clone())]);
                assert!(world.start(SUB, &format!("unsent {last}"), &neighbour(last)).status >= 400);
                // By then a country that was refused is asked for again.
                world.clock.advance_s(3600);
                if open == 0 && last == 1 {
                    break;
                }
            }
            let sent = (5..9).filter(|last| world.start(SUB, &last.to_string(), &neighbour(*last)).status == 201);
            assert_eq!(sent.count(), open, "{sending:?}");
        });
    }
}

#[test]
fn a_message_that_is_refused_leaves_the_units_of_an_earlier_one() {
    in_a_world(|world| {
        let phone = |last| number(&format!("+44740012345{last}"));
        let first = world.start(SUB, "first", &phone(0));
        world.clock.advance_s(30);
        world.passcodes.fail_next([VerifyFault::Start(Sending::NotProcessed { retry_after_s: None })]);
        assert_eq!(world.start(SUB, "again", &phone(0)).status, 429);
        assert_eq!(world.start(SUB, "second", &phone(1)).status, 201);
        assert_eq!(world.start(SUB, "third", &phone(2)).status, 429, "two are unanswered");
        let code = world.passcodes.code(&phone(0)).expect("is under way");
        assert_eq!(world.check(SUB, id(&first), &code).body["result"], "approved");
        assert_eq!(world.start(SUB, "third", &phone(2)).status, 201);
    });
}

#[test]
fn nothing_is_paid_for_what_a_limit_refuses() {
    in_a_world(|world| {
        for last in 0..9 {
            world.start(SUB, &last.to_string(), &number(&format!("+44740012345{last}")));
        }
        assert_eq!(world.passcodes.messages(), 2);
        assert_eq!(world.lookup.asked().len(), 4, "a line type and a score for each of two");
    });
}

#[test]
fn a_country_that_is_not_served_is_closed_by_few_and_for_all_sub_accounts_alike() {
    in_a_world(|world| {
        let asked: Vec<u64> =
            (0..6).map(|index| world.start(&format!("Loc{index}"), "key", &spread(index)).status).collect();
        assert_eq!(asked, [201, 201, 201, 201, 429, 429]);
        assert_eq!(world.start("Loc9", "key", &number(HOME)).status, 201, "home is open");
    });
}

#[test]
fn a_profile_opens_its_countries() {
    in_a_world(|world| {
        put_profile(world, SUB, None, &["GB"]);
        for index in 0..20 {
            // Nor one address alone.
            let answer = world.start_from(SUB, &index.to_string(), &spread(index), &format!("203.0.113.{index}"));
            assert_eq!(answer.status, 201, "{index}");
        }
    });
}

#[test]
fn a_country_is_learned_by_what_is_approved_there() {
    in_a_world(|world| {
        for index in 0..5 {
            approve(world, SUB, &format!("approved {index}"), &spread(index));
        }
        for index in 5..15 {
            assert_eq!(world.start(SUB, &index.to_string(), &spread(index)).status, 201, "{index}");
        }
        let others: Vec<u64> =
            (20..27).map(|index| world.start(&format!("Loc{index}"), "key", &spread(index)).status).collect();
        assert!(others.contains(&429), "others have not learned it: {others:?}");
    });
}

/// Whoever owns a phone may answer as often as it asks: it is sent so many messages a day, at however many sub-accounts.
#[test]
fn a_phone_that_answers_each_passcode_is_sent_only_so_many_a_day() {
    in_a_world(|world| {
        let phone = number("+447400123456");
        let most = world.policy.limits.phone.messages_in_all_max as usize;
        for index in 0..most {
            approve(world, &format!("Loc{}", index % 3), &format!("key {index}"), &phone);
        }
        let one_more = world.start(SUB, "one more", &phone);
        assert_eq!((one_more.status, one_more.problem()), (429, "phone-verification-limited"));
        assert_eq!(retry_after_s(&one_more), 24 * 3600);
        assert_eq!(world.passcodes.messages(), most);
        world.clock.advance_s(24 * 3600);
        approve(world, SUB, "the next day", &phone);
    });
}

/// Resends are messages too: they do not multiply the ceiling.
#[test]
fn what_is_sent_again_and_then_answered_counts() {
    in_a_world(|world| {
        let phone = number("+447400123456");
        let mut started = String::new();
        for index in 0..40 {
            let answer = world.start(SUB, &format!("key {index}"), &phone);
            if answer.status != 201 {
                break;
            }
            id(&answer).clone_into(&mut started);
            if index % 3 == 2 {
                let code = world.passcodes.code(&phone).expect("is under way");
                assert_eq!(world.check(SUB, &started, &code).body["result"], "approved");
            }
            world.clock.advance_s(120);
        }
        assert_eq!(world.passcodes.messages(), world.policy.limits.phone.messages_in_all_max as usize);
    });
}

/// Else five answers of one phone would open its country for fifty messages an hour.
#[test]
fn one_phone_opens_no_country_however_often_it_answers() {
    in_a_world(|world| {
        for index in 0..9 {
            approve(world, SUB, &format!("approved {index}"), &number("+447400123456"));
        }
        let unanswered: Vec<u64> =
            (0..6).map(|index| world.start(SUB, &index.to_string(), &spread(index)).status).collect();
        assert_eq!(unanswered, [201, 201, 201, 201, 429, 429], "as tight as for anybody");
    });
}

#[test]
fn a_sub_account_has_so_many_passcodes_a_day_answered_or_not() {
    in_a_world(|world| {
        let limit = world.policy.limits.sub_account.expect("is counted");
        let most = limit.a_day_max.expect("is bounded") as usize;
        let phone = |index: usize| number(&format!("+1212{}{:04}", 200 + index / 10, index % 10));
        for index in 0..most {
            let answer = world.start_from(SUB, &index.to_string(), &phone(index), &format!("203.0.{index}.1"));
            assert_eq!(answer.status, 201, "{index}");
            if index > 0 {
                let code = world.passcodes.code(&phone(index)).expect("is under way");
                assert_eq!(world.check(SUB, id(&answer), &code).body["result"], "approved");
            }
        }
        let refused = world.start(SUB, "one more", &phone(most));
        assert_eq!((refused.status, refused.problem()), (429, "phone-verification-limited"));
        assert_eq!(world.start("Loc_other", "one more", &phone(most)).status, 201, "others are open");
        world.clock.advance_s(30);
        assert_eq!(world.start(SUB, "again", &phone(0)).status, 201, "what is under way may be sent again");
        world.clock.advance_s(retry_after_s(&refused));
        assert_eq!(world.start(SUB, "one more", &phone(most + 1)).status, 201, "the next day");
    });
}

/// Else a token in a browser would name a fresh address each time.
#[test]
fn only_an_agency_says_where_a_person_is() {
    let own = Caller::sub_account(SUB);
    let agencys = Caller { claims: json!({"agency": "Agency_1", "scope": "purchases:write"}) };
    for (caller, sent) in [(own, 10), (agencys, 12)] {
        in_a_world(|world| {
            put_profile(world, SUB, Some("Agency_1"), &[]);
            let ask = |index: usize| {
                let phone = format!("+1212{}0100", 500 + index);
                let body = json!({"phone_number": phone, "source_address": format!("198.51.100.{index}")});
                let headers = [("Idempotency-Key", phone.as_str())];
                let path = [("sub", SUB)];
                world.handle(http_event(Route::Start.key(), &path, &headers, Some(&caller), &body.to_string())).status
            };
            assert_eq!((0..12).filter(|index| ask(*index) == 201).count(), sent, "{:?}", caller.claims);
        });
    }
}

#[test]
fn one_address_is_closed_and_others_are_not() {
    in_a_world(|world| {
        let phone = |index: usize| number(&format!("+1212{}0100", 500 + index));
        let ask = |index: usize, address: &str| {
            world.start_from(&format!("Loc{index}"), "key", &phone(index), address).status
        };
        let asked: Vec<u64> = (0..12).map(|index| ask(index, "203.0.113.7")).collect();
        assert_eq!(asked.iter().filter(|status| **status == 201).count(), 10);
        assert_eq!(ask(20, "203.0.113.8"), 201);
        // The device's half of an address of version 6 does not make it another one.
        let asked: Vec<u64> = (30..42).map(|index| ask(index, &format!("2001:db8:1:2::{index}"))).collect();
        assert_eq!(asked.iter().filter(|status| **status == 201).count(), 10);
        assert_eq!(ask(50, "2001:db8:1:3::1"), 201);
    });
}

#[test]
fn what_is_sent_again_takes_no_unit_of_others() {
    in_a_world(|world| {
        for index in 0..4 {
            assert_eq!(world.start(SUB, &format!("again {index}"), &number("+447400123456")).status, 201);
            world.clock.advance_s(300);
        }
        assert_eq!(world.start(SUB, "neighbour", &number("+447400123457")).status, 201);
    });
}

#[test]
fn no_item_grows_with_use() {
    in_a_world(|world| {
        let size = || world.table.items().iter().map(|item| format!("{item:?}").len()).max().unwrap_or(0);
        let play = |days: std::ops::Range<i64>| {
            for day in days {
                approve(world, SUB, &format!("approved {day}"), &number(HOME));
                world.start(SUB, &format!("open {day}"), &number("+12125550101"));
                world.clock.advance_s(24 * 3600);
            }
        };
        // The counts of conversion keep eight days, in four shards.
        play(0..60);
        let (before, items) = (size(), world.table.items().len());
        play(60..120);
        assert!(size() <= before + 20, "{} characters, {before} before", size());
        assert_eq!(world.table.items().len(), items + 120, "two verifications a day, and nothing else");
    });
}

fn put_profile(world: &PhoneWorld<'_>, sub_account: &str, agency: Option<&str>, countries: &[&str]) {
    let countries = countries.iter().filter_map(|code| CountryCode::new(code)).collect();
    let id = SubAccountId::parse(sub_account).expect("is a word");
    let agency = agency.map(|agency| AgencyId::parse(agency).expect("is a word"));
    let profile = Profile { agency, countries, ..Profile::default() };
    let item = StoredProfile { profile, version: 1 }.to_item(&id, None);
    let write = Write::Put { item, expect: Condition::ItemAbsent };
    futures::executor::block_on((&world.table).write(write)).expect("the table in memory answers");
}
