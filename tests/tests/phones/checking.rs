//! Checking a passcode.

use adapters::ambient::Ambient;
use adapters::phones::load_approved;
use adapters::twilio::{Checking, Passcodes, RateLimitValues, Sending, VerifyError};
use domain::{Channel, PhoneRequirement, SubAccountId, phone_requirement};
use tests::memory_table::TableFault;
use tests::phone::{PhoneWorld, VerifyFault};
use tests::world::Answer;

use crate::{HOME, OTHER, SUB, approve, id, in_a_world, number, retry_after_s};

fn approved_phone(world: &PhoneWorld<'_>, sub_account: &str) -> Option<domain::ApprovedPhone> {
    let sub_account = SubAccountId::parse(sub_account).expect("is a word");
    let store = &world.table;
    futures::executor::block_on(load_approved(&store, &sub_account)).expect("the table in memory answers")
}

#[test]
fn the_right_passcode_approves_the_phone_for_its_sub_account_alone() {
    in_a_world(|world| {
        let requirement = |required| phone_requirement(required, approved_phone(world, SUB).as_ref());
        assert_eq!(requirement(true), PhoneRequirement::VerifyPhone);
        assert_eq!(requirement(false), PhoneRequirement::Met);
        let answer = approve(world, SUB, "first", &number(HOME));
        assert_eq!(requirement(true), PhoneRequirement::Met);
        assert_eq!((answer.status, &answer.body["result"]), (200, &"approved".into()));
        assert_eq!(answer.body["state"], "approved");
        let phone = approved_phone(world, SUB).expect("is written down");
        assert_eq!((phone.number, phone.channel), (number(HOME), Channel::Sms));
        assert_eq!(approved_phone(world, OTHER), None);
    });
}

#[test]
fn a_wrong_passcode_is_an_answer_and_five_are_too_many() {
    in_a_world(|world| {
        let started = world.start(SUB, "first", &number(HOME));
        for left in [4, 3, 2, 1] {
            let answer = world.check(SUB, id(&started), "000000");
            assert_eq!((answer.status, &answer.body["result"]), (200, &"wrong_code".into()));
            assert_eq!(answer.body["attempts_left"], left);
        }
        let last = world.check(SUB, id(&started), "000000");
        assert_eq!(
            (last.status, &last.body["result"], &last.body["state"]),
            (200, &"used_up".into(), &"used_up".into())
        );
        let asked = world.passcodes.checks();
        assert_eq!(world.check(SUB, id(&started), "000000").body["result"], "used_up");
        assert_eq!(world.passcodes.checks(), asked, "Twilio is not asked for what is known");
        assert_eq!(approved_phone(world, SUB), None);
    });
}

/// Twilio counts five checks of one passcode, however often it is sent (error 60202).
#[test]
fn a_passcode_that_is_sent_again_has_no_more_checks() {
    in_a_world(|world| {
        let phone = number(HOME);
        let wrong = |of: &Answer| {
            let answer = world.check(SUB, id(of), "000000");
            (answer.body["result"].as_str().unwrap_or_default().to_owned(), answer.body["attempts_left"].as_u64())
        };
        let wrong_code = |left| ("wrong_code".to_owned(), Some(left));
        let first = world.start(SUB, "first", &phone);
        assert_eq!(wrong(&first), wrong_code(4));
        assert_eq!(wrong(&first), wrong_code(3));
        world.clock.advance_s(60);
        let second = world.start(SUB, "second", &phone);
        assert_eq!((second.status, &second.body["attempts_left"]), (201, &3.into()));
        assert_eq!(wrong(&second), wrong_code(2));
        assert_eq!(wrong(&first), wrong_code(1), "whichever message it followed");
        assert_eq!(wrong(&second), ("used_up".to_owned(), None));
        assert_eq!(world.passcodes.checks(), 5);

        world.clock.advance_s(60);
        let third = world.start(SUB, "third", &phone);
        assert_eq!((third.status, third.problem()), (429, "phone-verification-limited"), "nobody could enter it");
        assert_eq!((retry_after_s(&third), world.passcodes.messages()), (480, 2));
        world.clock.advance_s(480);
        let third = world.start(SUB, "third", &phone);
        assert_eq!((third.status, &third.body["attempts_left"]), (201, &5.into()), "another passcode");
    });
}

#[test]
fn approved_before_and_expired_each_say_so() {
    in_a_world(|world| {
        let started = world.start(SUB, "first", &number(HOME));
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        world.clock.advance_s(601);
        let late = world.check(SUB, id(&started), &code);
        assert_eq!((late.status, &late.body["result"]), (200, &"expired".into()));
        assert_eq!(late.body["state"], "pending", "its attempts may still show a conversion");
        world.clock.advance_s(60);
        let later = world.check(SUB, id(&started), &code);
        assert_eq!((&later.body["result"], &later.body["state"]), (&"expired".into(), &"expired".into()));

        world.clock.advance_s(3600);
        assert_eq!(approve(world, SUB, "second", &number(HOME)).body["result"], "approved");
        let second = world.start(SUB, "second", &number(HOME));
        assert_eq!(second.body["state"], "approved");
        assert_eq!(world.check(SUB, id(&second), "999999").body["result"], "already_approved");
    });
}

/// Twilio's passcode is good for ten minutes from its first message on, however often it is sent again.
#[test]
fn a_passcode_that_was_sent_again_expires_with_its_first_message() {
    in_a_world(|world| {
        world.start(SUB, "first", &number(HOME));
        world.clock.advance_s(540);
        let again = world.start(SUB, "second", &number(HOME));
        assert_eq!(again.status, 201);
        let after_ms = |ms| adapters::rfc3339(world.clock.now().plus_ms(ms));
        assert_eq!(again.body["expires_at"], after_ms(60_000));
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        world.clock.advance_s(120);
        let late = world.check(SUB, id(&again), &code);
        assert_eq!((late.status, &late.body["result"]), (200, &"expired".into()));
        // Its successor is another verification of Twilio's, and good for ten minutes again.
        let third = world.start(SUB, "third", &number(HOME));
        assert_eq!((third.status, &third.body["expires_at"]), (201, &after_ms(600_000).into()));
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        assert_eq!(world.check(SUB, id(&third), &code).body["result"], "approved");
    });
}

#[test]
fn a_lost_answer_is_settled_by_the_attempts() {
    in_a_world(|world| {
        let started = world.start(SUB, "first", &number(HOME));
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        world.passcodes.fail_next([VerifyFault::CheckLost]);
        let lost = world.check(SUB, id(&started), &code);
        assert_eq!((lost.status, lost.problem()), (502, "passcodes-unavailable"));
        world.passcodes.fail_next([VerifyFault::Attempts(VerifyError::Unavailable)]);
        assert_eq!(world.check(SUB, id(&started), &code).status, 502, "the list is not there either");
        let settled = world.check(SUB, id(&started), &code);
        assert_eq!((settled.status, &settled.body["result"]), (200, &"approved".into()));
        assert!(approved_phone(world, SUB).is_some());
    });
}

/// Twilio does not say how far its list lags behind a check.
#[test]
fn a_list_of_attempts_that_lags_takes_no_approval_away() {
    in_a_world(|world| {
        let started = world.start(SUB, "first", &number(HOME));
        let code = world.passcodes.code(&number(HOME)).expect("is under way");
        world.passcodes.fail_next([VerifyFault::CheckLost, VerifyFault::AttemptsLag, VerifyFault::AttemptsLag]);
        assert_eq!(world.check(SUB, id(&started), &code).status, 502);
        let early = world.check(SUB, id(&started), &code);
        assert_eq!((early.status, early.problem()), (502, "passcodes-unavailable"), "not known yet");
        world.clock.advance_s(630);
        assert_eq!(world.check(SUB, id(&started), &code).body["result"], "expired", "as far as anybody knows");
        assert_eq!(world.check(SUB, id(&started), &code).body["result"], "approved");
    });
}

#[test]
fn an_approval_that_could_not_be_written_down_is_found_again_even_late() {
    for wait_s in [0, 3600] {
        in_a_world(|world| {
            let started = world.start(SUB, "first", &number(HOME));
            let code = world.passcodes.code(&number(HOME)).expect("is under way");
            world.table.fail_next([TableFault::Before]);
            assert_eq!(world.check(SUB, id(&started), &code).status, 503);
            assert_eq!(approved_phone(world, SUB), None);
            world.clock.advance_s(wait_s);
            assert_eq!(world.check(SUB, id(&started), &code).body["result"], "approved", "after {wait_s} s");
            assert!(approved_phone(world, SUB).is_some());
        });
    }
}

/// Twilio has one verification per number, whoever asks. What a person enters at one sub-account must not count at
/// another that asked for the same phone.
#[test]
fn nobody_profits_from_a_passcode_that_was_entered_elsewhere() {
    in_a_world(|world| {
        let phone = number(HOME);
        let theirs = world.start(SUB, "theirs", &phone);
        world.clock.advance_s(60);
        let ours = world.start(OTHER, "ours", &phone);
        assert_eq!((ours.status, ours.problem()), (429, "phone-verification-limited"));
        let code = world.passcodes.code(&phone).expect("is under way");
        assert_eq!(world.check(SUB, id(&theirs), &code).body["result"], "approved");
        assert_eq!(world.check(OTHER, id(&ours), &code).status, 404);
        assert_eq!(approved_phone(world, OTHER), None);
    });
}

/// Their start is admitted at 0 s, and made at Twilio at 20 s: from then on its passcode is good for ten minutes, until 620 s.
#[test]
fn a_slow_start_gives_its_passcode_to_nobody_else() {
    in_a_world(|world| {
        let phone = number(HOME);
        world.passcodes.fail_next([VerifyFault::StartSlow(20_000)]);
        let theirs = world.start(SUB, "theirs", &phone);
        let code = world.passcodes.code(&phone).expect("is under way");
        world.clock.advance_s(590);
        let early = world.start(OTHER, "ours", &phone);
        assert_eq!((early.status, early.problem()), (429, "phone-verification-limited"), "at 610 s");
        assert_eq!(retry_after_s(&early), 10);
        world.clock.advance_s(10);
        let ours = world.start(OTHER, "ours", &phone);
        assert_eq!(ours.status, 201, "at 620 s");
        assert_ne!(world.passcodes.code(&phone), Some(code.clone()), "another passcode");
        assert_eq!(world.check(SUB, id(&theirs), &code).body["result"], "expired");
        assert_eq!(world.check(OTHER, id(&ours), &code).body["result"], "wrong_code");
    });
}

/// Their start is admitted at 0 s, and its answer lost: Twilio may make it as late as its lease ends, at 30 s.
#[test]
fn a_start_that_was_lost_gives_its_passcode_to_nobody_else() {
    in_a_world(|world| {
        let phone = number(HOME);
        world.passcodes.fail_next([VerifyFault::Start(Sending::Unknown)]);
        assert_eq!(world.start(SUB, "theirs", &phone).status, 502);
        world.clock.advance_s(29);
        let (passcodes, limits) = (&world.passcodes, RateLimitValues::default());
        let lands = Passcodes::start(&passcodes, &phone, Channel::Sms, &limits);
        assert!(matches!(futures::executor::block_on(lands), Sending::Sent(_)));
        world.clock.advance_s(599);
        assert_eq!(world.start(OTHER, "ours", &phone).status, 429, "at 628 s");
        world.clock.advance_s(2);
        assert_eq!(world.start(OTHER, "ours", &phone).status, 201);
    });
}

/// What is settled late was answered long ago: the passcode that came after it still belongs to who asked for it.
#[test]
fn an_approval_that_is_settled_late_leaves_the_next_passcode_alone() {
    in_a_world(|world| {
        let phone = number(HOME);
        let first = world.start(SUB, "first", &phone);
        world.passcodes.fail_next([VerifyFault::CheckLost]);
        let code = world.passcodes.code(&phone).expect("is under way");
        assert_eq!(world.check(SUB, id(&first), &code).status, 502);
        world.clock.advance_s(60);
        let second = world.start(SUB, "second", &phone);
        let code = world.passcodes.code(&phone).expect("is another one");
        assert_eq!(world.check(SUB, id(&first), &code).body["result"], "approved");
        assert_eq!(world.start(OTHER, "ours", &phone).status, 429);
        assert_eq!(world.check(SUB, id(&second), &code).body["result"], "approved");
        assert_eq!(world.start(OTHER, "ours", &phone).status, 201);
    });
}

#[test]
fn what_twilio_does_not_answer_is_not_known() {
    let cases = [Checking::Unknown, Checking::Misconfigured, Checking::NotProcessed { retry_after_s: Some(3) }];
    for checking in cases {
        in_a_world(|world| {
            let started = world.start(SUB, "first", &number(HOME));
            world.passcodes.fail_next([VerifyFault::Check(checking)]);
            let answer = world.check(SUB, id(&started), "000000");
            assert_eq!((answer.status, answer.problem()), (502, "passcodes-unavailable"), "{checking:?}");
            assert_eq!(world.check(SUB, id(&started), "000000").body["attempts_left"], 4, "it did not count");
        });
    }
}

#[test]
fn a_passcode_is_four_to_ten_digits() {
    in_a_world(|world| {
        let started = world.start(SUB, "first", &number(HOME));
        for wrong in ["", "123", "12345678901", "12345a", "١٢٣٤٥٦"] {
            let answer = world.check(SUB, id(&started), wrong);
            assert_eq!((answer.status, answer.problem()), (400, "invalid-request"), "{wrong}");
        }
        assert_eq!(world.passcodes.checks(), 0);
    });
}

#[test]
fn a_check_before_anything_was_sent_says_so() {
    in_a_world(|world| {
        world.passcodes.fail_next([VerifyFault::StartLost]);
        world.start(SUB, "first", &number(HOME));
        let key = domain::IdempotencyKey::parse("first").expect("is a key");
        let sub_account = SubAccountId::parse(SUB).expect("is a word");
        let id = domain::PhoneVerificationId::of(&sub_account, &key);
        assert_eq!(world.check(SUB, id.as_str(), "000000").body["result"], "not_sent");
    });
}
