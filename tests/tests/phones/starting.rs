//! Asking for a passcode.

use adapters::twilio::Sending;
use domain::Channel;
use serde_json::json;
use tests::memory_table::TableFault;
use tests::phone::{VerifyFault, start_event};

use crate::{ABROAD, HOME, SUB, id, in_a_world, number, retry_after_s};

#[test]
fn a_passcode_is_sent_and_the_answer_says_how_it_stands() {
    in_a_world(|world| {
        let answer = world.start(SUB, "first", &number(HOME));
        assert_eq!(answer.status, 201);
        assert_eq!(answer.body["state"], "pending");
        assert_eq!(answer.body["phone_number"], HOME);
        assert_eq!(answer.body["channel"], "sms");
        assert_eq!(answer.body["country"], "US");
        assert_eq!(answer.body["attempts_left"], 5);
        assert!(id(&answer).starts_with("phv_"));
        assert_eq!(retry_after_s(&answer), 30, "when another message may be asked for");
        assert_eq!(world.passcodes.messages(), 1);
    });
}

#[test]
fn the_same_key_sends_nothing_again() {
    in_a_world(|world| {
        let first = world.start(SUB, "first", &number(HOME));
        let again = world.start(SUB, "first", &number(HOME));
        assert_eq!((again.status, id(&again)), (200, id(&first)));
        assert_eq!(world.passcodes.messages(), 1);
        let other = world.start(SUB, "first", &number("+12125550101"));
        assert_eq!((other.status, other.problem()), (422, "idempotency-key-reused"));
        let by_call = json!({"phone_number": HOME, "channel": "call"});
        assert_eq!(world.handle(start_event(SUB, "first", &by_call)).problem(), "idempotency-key-reused");
    });
}

#[test]
fn every_channel_is_passed_on() {
    in_a_world(|world| {
        let channels = [("sms", Channel::Sms), ("call", Channel::Call), ("whatsapp", Channel::Whatsapp)];
        for (index, (word, _)) in channels.iter().enumerate() {
            let body = json!({"phone_number": format!("+1212555010{index}"), "channel": word});
            assert_eq!(world.handle(start_event(SUB, word, &body)).status, 201, "{word}");
        }
        let sent: Vec<Channel> = world.passcodes.sent().into_iter().map(|(_, channel, _)| channel).collect();
        assert_eq!(sent, channels.map(|(_, channel)| channel));
    });
}

#[test]
fn bad_input_is_named_and_uses_no_key() {
    in_a_world(|world| {
        let cases = [
            (json!({"phone_number": "12125550100"}), "invalid-phone-number"),
            (json!({"phone_number": HOME, "channel": "pigeon"}), "invalid-request"),
            (json!({"phone_number": HOME, "code": "123456"}), "invalid-request"),
            (json!({"phone_number": HOME, "source_address": "here"}), "invalid-request"),
            (json!({"phone_number": "+4407400123456"}), "invalid-phone-number"),
            (json!({}), "invalid-request"),
            (json!([HOME]), "invalid-request"),
        ];
        for (body, problem) in cases {
            let answer = world.handle(start_event(SUB, "first", &body));
            assert_eq!((answer.status, answer.problem()), (400, problem), "{body}");
        }
        assert!(world.table.items().is_empty());
        assert_eq!(world.start(SUB, "first", &number(HOME)).status, 201);
    });
}

#[test]
fn what_dies_after_taking_its_units_goes_on_under_the_same_key() {
    in_a_world(|world| {
        world.passcodes.fail_next([VerifyFault::StartLost]);
        let lost = world.start(SUB, "first", &number(HOME));
        assert_eq!((lost.status, lost.problem()), (502, "passcodes-unavailable"));
        let at_once = world.start(SUB, "first", &number(HOME));
        assert_eq!((at_once.status, at_once.problem()), (503, "temporarily-unavailable"), "somebody may be at it");
        world.clock.advance_s(retry_after_s(&at_once));
        let later = world.start(SUB, "first", &number(HOME));
        assert_eq!(later.status, 201);
        assert_eq!(world.passcodes.messages(), 2, "the same passcode comes twice: whether it left was not known");
        let code = world.passcodes.code(&number(HOME)).expect("it is the same one");
        assert_eq!(world.check(SUB, id(&later), &code).body["result"], "approved");
    });
}

#[test]
fn a_table_that_is_down_sends_nothing() {
    in_a_world(|world| {
        world.table.fail_next([TableFault::Before]);
        let answer = world.start(SUB, "first", &number(HOME));
        assert_eq!((answer.status, answer.problem()), (503, "temporarily-unavailable"));
        assert_eq!(world.passcodes.messages(), 0, "the limits cannot be kept without the table");
        world.table.fail_next([TableFault::After]);
        assert_eq!(world.start(SUB, "first", &number(HOME)).status, 503);
        assert_eq!(world.passcodes.messages(), 0);
        world.clock.advance_s(30);
        assert_eq!(world.start(SUB, "first", &number(HOME)).status, 201, "it goes on where it died");
    });
}

#[test]
fn a_sending_that_could_not_be_written_down_is_found_again() {
    in_a_world(|world| {
        world.table.let_through(1);
        world.table.fail_next([TableFault::Before]);
        assert_eq!(world.start(SUB, "first", &number(HOME)).status, 503);
        assert_eq!(world.passcodes.messages(), 1, "it is under way");
        world.clock.advance_s(30);
        let later = world.start(SUB, "first", &number(HOME));
        assert_eq!(later.status, 201);
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        assert_eq!(world.check(SUB, id(&later), &code).body["result"], "approved");
    });
}

#[test]
fn our_limits_are_passed_along_without_anything_personal() {
    in_a_world(|world| {
        world.start_from(SUB, "first", &number(ABROAD), "203.0.113.7");
        let limits = world.passcodes.latest_limits().expect("was asked");
        assert_eq!((limits.number_prefix.as_str(), limits.sub_account.as_str()), ("447400123", SUB));
        let address = limits.source_address.expect("is known");
        assert!(address.len() == 32 && !address.contains('.'), "a hash: {address}");
    });
}

#[test]
fn what_twilio_refuses_reads_like_our_own_refusal() {
    use domain::Refusal;
    let refused = |why, blocks_prefix| Sending::Refused { why, again_after_s: 600, blocks_prefix };
    let cases = [
        (refused(Refusal::Country, false), 422, "phone-country-refused"),
        (refused(Refusal::Limit, false), 429, "phone-verification-limited"),
        (refused(Refusal::LineType, false), 422, "phone-line-unsuitable"),
        (refused(Refusal::Risk, true), 422, "phone-risk-refused"),
        (refused(Refusal::Channel, false), 422, "phone-channel-unavailable"),
        (Sending::NotANumber, 422, "phone-line-unsuitable"),
        (Sending::NotProcessed { retry_after_s: Some(7) }, 429, "phone-verification-limited"),
        (Sending::Misconfigured, 502, "passcodes-unavailable"),
        (Sending::Unknown, 502, "passcodes-unavailable"),
    ];
    for (sending, status, problem) in cases {
        in_a_world(|world| {
            world.passcodes.fail_next([VerifyFault::Start(sending.clone())]);
            let answer = world.start(SUB, "first", &number(ABROAD));
            assert_eq!((answer.status, answer.problem()), (status, problem), "{sending:?}");
            assert!(retry_after_s(&answer) > 0, "{sending:?}");
            assert_eq!(world.passcodes.messages(), 0);
            world.clock.advance_s(1);
            let again = world.start(SUB, "first", &number(ABROAD));
            assert!(again.status >= 400, "{sending:?}: asked again at once it is the same");
        });
    }
}
