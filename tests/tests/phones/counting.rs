//! How many passcodes are answered, and when that raises an alarm.

use std::ops::Range;

use adapters::items::{conversion_from_item, keys};
use adapters::store::Key;
use domain::{Channel, CountryCode, DayCounts, PhoneNumber};
use serde_json::json;
use tests::logs::logged;
use tests::phone::{PhoneWorld, start_event};

use crate::{SUB, id, in_a_world, number};

/// Phones at home, each of another range, which are all counted in one shard: the alarm judges a shard alone.
fn phone(index: usize) -> PhoneNumber {
    let country = CountryCode::new("US").expect("is a country");
    let counted = |phone: &PhoneNumber| keys::conversion(country, Channel::Sms, phone).pk == keys::conversion_pk(0);
    (200..1000).map(|range| number(&format!("+1212{range}0100"))).filter(counted).nth(index).expect("there are 200")
}

/// What is logged of people who have the passcode sent to them so often; who is honest enters it.
fn play(world: &PhoneWorld<'_>, people: Range<usize>, messages: usize, honest: bool) -> String {
    let ((), logged) = logged(|| {
        for person in people {
            let (phone, mut started) = (phone(person), String::new());
            for message in 0..messages {
                let answer =
                    world.start_from(SUB, &format!("{person} {message}"), &phone, &format!("203.0.{person}.1"));
                assert_eq!(answer.status, 201, "{person}: {:?}", answer.body);
                id(&answer).clone_into(&mut started);
                world.clock.advance_s(120);
            }
            if honest {
                let code = world.passcodes.code(&phone).expect("is under way");
                assert_eq!(world.check(SUB, &started, &code).body["result"], "approved");
            }
            world.clock.advance_s(600);
        }
    });
    logged
}

#[test]
fn people_who_have_it_sent_again_raise_no_alarm() {
    in_a_world(|world| {
        let logged = play(world, 0..80, 2, true);
        assert_eq!(logged.matches(r#""metric":"phone_sent""#).count(), 160, "each message is paid for");
        // Every phone answered: it is phones that are told, not messages; and nothing of the first few.
        let told = logged.lines().filter(|line| line.contains("conversion_percent"));
        let told: Vec<bool> = told.map(|line| line.contains(r#""conversion_percent":100"#)).collect();
        assert!(told.len() > 40 && told.len() < 100 && told.iter().all(|hundred| *hundred), "{told:?}");
        assert!(!logged.contains("conversion_low"));
    });
}

/// Twilio's one verification is approved once, however many starts were answered with it.
#[test]
fn one_answer_is_one_approval() {
    in_a_world(|world| {
        let ids: Vec<String> = (0..3)
            .map(|message| {
                world.clock.advance_s(120);
                id(&world.start(SUB, &message.to_string(), &phone(0))).to_owned()
            })
            .collect();
        let code = world.passcodes.code(&phone(0)).expect("is under way");
        let ((), logged) = logged(|| {
            for (id, code) in ids.iter().zip([code.as_str(), "000000", "000000"]) {
                assert_eq!(world.check(SUB, id, code).body["result"], "approved");
            }
        });
        assert_eq!(logged.matches(r#""metric":"phone_approved""#).count(), 1, "{logged}");
        assert_eq!(counts(world, Channel::Sms), (1, 3, 1));
    });
}

/// A phone counts where it was sent to first: else whoever is called after a message that did not arrive looks like two.
#[test]
fn who_is_called_after_a_message_counts_once() {
    in_a_world(|world| {
        assert_eq!(world.start(SUB, "sms", &phone(0)).status, 201);
        world.clock.advance_s(120);
        let by_call = json!({"phone_number": phone(0).as_str(), "channel": "call"});
        let called = world.handle(start_event(SUB, "call", &by_call));
        let code = world.passcodes.code(&phone(0)).expect("is under way");
        assert_eq!(world.check(SUB, id(&called), &code).body["result"], "approved");
        assert_eq!((counts(world, Channel::Sms), counts(world, Channel::Call)), ((1, 1, 1), (0, 1, 0)));
    });
}

/// Phones that were sent to, messages, and approvals over a channel, as the table says.
fn counts(world: &PhoneWorld<'_>, channel: Channel) -> (u32, u32, u32) {
    let key = keys::conversion(CountryCode::new("US").expect("is a country"), channel, &phone(0));
    let items = world.table.items();
    let item = items.iter().find(|item| Key::of(item).is_ok_and(|of| of == key));
    let counts = conversion_from_item(item.expect("something was counted")).expect("is readable").value;
    let total = |of: fn(&DayCounts) -> u32| counts.days.iter().map(of).sum();
    (total(|day| day.sent), total(|day| day.messages), total(|day| day.approved))
}

/// CloudWatch leaves out a line that lacks one of a metric's dimensions.
#[test]
fn every_count_says_of_which_country() {
    in_a_world(|world| {
        let ((), lines) = logged(|| {
            let started = world.start(SUB, "0", &phone(0));
            world.check(SUB, id(&started), "000000");
            let code = world.passcodes.code(&phone(0)).expect("is under way");
            world.check(SUB, id(&started), &code);
            world.start(SUB, "closed", &number("+5352123456"));
        });
        for (metric, fields) in [
            ("phone_sent", ["country", "channel"]),
            ("phone_checked", ["country", "channel"]),
            ("phone_approved", ["country", "channel"]),
            ("phone_refused", ["country", "why"]),
        ] {
            let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let line = lines.find(|line| line["metric"] == metric).expect(metric);
            assert!(fields.iter().all(|field| line[field].is_string()), "{metric}: {line}");
        }
    });
}

#[test]
fn people_who_never_answer_raise_one() {
    in_a_world(|world| {
        assert!(!play(world, 0..60, 1, true).contains("conversion_low"));
        let logged = play(world, 60..75, 1, false);
        assert!(logged.contains("conversion_low") && logged.contains(r#""country":"US""#), "{logged}");
    });
}
