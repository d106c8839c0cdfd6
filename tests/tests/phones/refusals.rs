//! The defences that Twilio's knowledge feeds, in the order of what they cost.

use adapters::twilio::Sending;
use domain::{LineType, PhonePreset, Refusal};
use serde_json::json;
use tests::logs::logged;
use tests::phone::{Package, VerifyFault, start_event};

use crate::{ABROAD, HOME, SUB, in_a_world, in_a_world_under, number, retry_after_s};

#[test]
fn a_country_that_is_closed_costs_nothing() {
    for (phone, preset) in [
        ("+5352123456", PhonePreset::Open),
        ("+18005550100", PhonePreset::Open),
        (ABROAD, PhonePreset::Strict),
        ("+88216123456", PhonePreset::Open),
    ] {
        in_a_world_under(preset, |world| {
            let answer = world.start(SUB, "first", &number(phone));
            assert_eq!((answer.status, answer.problem()), (422, "phone-country-refused"), "{phone}");
            assert_eq!(retry_after_s(&answer), 86_400);
            assert!(world.lookup.asked().is_empty() && world.passcodes.messages() == 0);
            assert!(world.table.items().is_empty(), "{phone}: the key stays free");
        });
    }
}

#[test]
fn a_line_that_cannot_receive_it_costs_no_score() {
    in_a_world(|world| {
        let phone = number(ABROAD);
        world.lookup.set_line(&phone, LineType::Landline);
        let answer = world.start(SUB, "first", &phone);
        assert_eq!((answer.status, answer.problem()), (422, "phone-line-unsuitable"));
        assert_eq!(world.lookup.asked(), [(phone.clone(), Package::LineType)]);
        world.clock.advance_s(60);
        let by_call = json!({"phone_number": ABROAD, "channel": "call"});
        assert_eq!(world.handle(start_event(SUB, "call", &by_call)).status, 201, "a landline can be called");
    });
}

#[test]
fn the_score_is_asked_for_abroad_only_and_each_time() {
    in_a_world(|world| {
        world.start(SUB, "home", &number(HOME));
        assert_eq!(world.lookup.asked(), [(number(HOME), Package::LineType)]);
        world.start(SUB, "abroad", &number(ABROAD));
        world.clock.advance_s(60);
        world.start(SUB, "again", &number(ABROAD));
        let scores = world.lookup.asked().into_iter().filter(|(_, package)| *package == Package::PumpingRisk);
        assert_eq!(scores.count(), 2, "never kept");
    });
}

#[test]
fn bands_lead_where_they_should() {
    for (score, status, problem) in [
        (0, 201, ""),
        (59, 201, ""),
        (60, 429, "phone-verification-slowed"),
        (74, 429, "phone-verification-slowed"),
        (75, 422, "phone-risk-refused"),
        (90, 422, "phone-risk-refused"),
        (100, 422, "phone-risk-refused"),
    ] {
        in_a_world(|world| {
            world.lookup.set_risk(&number(ABROAD), score);
            let answer = world.start(SUB, "first", &number(ABROAD));
            assert_eq!((answer.status, answer.problem()), (status, problem), "{score}");
            let text = answer.body.to_string();
            assert!(status == 201 || !text.contains(&score.to_string()) || score == 0, "the score is not told: {text}");
        });
    }
}

#[test]
fn who_is_slowed_down_waits_once() {
    in_a_world(|world| {
        world.lookup.set_risk(&number(ABROAD), 70);
        let slowed = world.start(SUB, "first", &number(ABROAD));
        assert_eq!((slowed.problem(), retry_after_s(&slowed)), ("phone-verification-slowed", 60));
        assert_eq!(world.start(SUB, "first", &number(ABROAD)).problem(), "phone-verification-slowed");
        assert_eq!(world.passcodes.messages(), 0);
        world.clock.advance_s(60);
        assert_eq!(world.start(SUB, "first", &number(ABROAD)).status, 201);
    });
}

/// From 75 a number is refused where its country is not served: others of its range may be sent to.
#[test]
fn a_number_that_looks_risky_closes_no_range() {
    in_a_world(|world| {
        world.lookup.set_risk(&number("+447400123450"), 78);
        assert_eq!(world.start(SUB, "0", &number("+447400123450")).problem(), "phone-risk-refused");
        assert_eq!(world.start("Loc2", "1", &number("+447400123451")).status, 201);
    });
}

#[test]
fn a_number_that_does_not_exist_costs_no_passcode() {
    in_a_world(|world| {
        world.lookup.set_missing(&number(HOME));
        let answer = world.start(SUB, "0", &number(HOME));
        assert_eq!((answer.status, answer.problem()), (422, "phone-line-unsuitable"));
        assert_eq!(world.passcodes.messages(), 0);
    });
}

#[test]
fn a_risky_number_closes_its_range() {
    in_a_world(|world| {
        world.lookup.set_risk(&number("+447400123450"), 95);
        assert_eq!(world.start(SUB, "0", &number("+447400123450")).problem(), "phone-risk-refused");
        let neighbour = world.start("Loc2", "1", &number("+447400123451"));
        assert_eq!((neighbour.status, neighbour.problem()), (429, "phone-verification-limited"));
        assert_eq!(retry_after_s(&neighbour), 12 * 3600);
        assert_eq!(world.start(SUB, "2", &number("+447500123451")).status, 201, "other ranges are open");
        world.clock.advance_s(12 * 3600);
        assert_eq!(world.start("Loc2", "3", &number("+447400123451")).status, 201);
    });
}

#[test]
fn a_number_that_fraud_guard_blocks_is_refused_but_under_open() {
    for (preset, status) in [(PhonePreset::Open, 201), (PhonePreset::Balanced, 422)] {
        in_a_world_under(preset, |world| {
            world.lookup.block(&number(ABROAD));
            assert_eq!(world.start(SUB, "first", &number(ABROAD)).status, status, "{preset:?}");
        });
    }
}

/// Geo permissions are an account's, by country and channel; only somebody at Twilio's console changes them.
#[test]
fn a_country_that_twilio_refuses_costs_one_lookup_an_hour() {
    let geo = || Sending::Refused { why: Refusal::Country, again_after_s: 24 * 3600, blocks_prefix: false };
    // Where the country is served, an operator is told.
    for (phones, lookups, alarms) in [(["+447400123456", "+447500123456"], 2, 0), ([HOME, "+12135550100"], 1, 1)] {
        in_a_world(|world| {
            let [first, second] = phones.map(number);
            world.passcodes.fail_next([VerifyFault::Start(geo())]);
            let (refused, log) = logged(|| world.start(SUB, "0", &first));
            assert_eq!((refused.problem(), retry_after_s(&refused)), ("phone-country-refused", 3600));
            assert_eq!(log.matches(r#""metric":"verify_misconfigured""#).count(), alarms, "{log}");
            assert_eq!(world.lookup.asked().len(), lookups);
            let items = world.table.items();
            world.clock.advance_s(600);
            let refused = world.start("Loc2", "1", &second);
            assert_eq!((refused.status, refused.problem()), (422, "phone-country-refused"));
            assert_eq!((retry_after_s(&refused), world.lookup.asked().len()), (3000, lookups), "nothing is paid for");
            assert_eq!(world.table.items(), items, "and nothing is written");
            let by_call = json!({"phone_number": second.as_str(), "channel": "call"});
            assert_eq!(
                world.handle(start_event(SUB, "call", &by_call)).status,
                201,
                "another channel is another matter"
            );
            world.clock.advance_s(3000);
            assert_eq!(world.start(SUB, "2", &first).status, 201, "somebody has opened it");
        });
    }
}

#[test]
fn with_lookup_down_the_limits_stand_alone() {
    in_a_world(|world| {
        world.lookup.set_down(true);
        world.lookup.set_risk(&number("+447400123450"), 100);
        assert_eq!(world.start(SUB, "0", &number("+447400123450")).status, 201, "open on the score");
        assert_eq!(world.start(SUB, "1", &number("+447400123451")).status, 201);
        assert_eq!(world.start(SUB, "2", &number("+447400123452")).status, 429, "closed on the limits");
    });
}
