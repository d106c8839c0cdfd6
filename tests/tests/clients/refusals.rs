//! What each refusal of a create means (Twilio, "Error and warning dictionary"), over a real connection: most are not
//! tied to an HTTP status by any page of Twilio's, so that the code alone must decide.

use adapters::twilio::{Created, is_our_mistake, meaning_of_refusal, parse_created_at};
use domain::Reason;
use tests::outcomes::{Outcome, REFUSALS};

/// Every status that such a code may come with.
const STATUSES: [u16; 8] = [400, 401, 403, 404, 409, 422, 429, 500];

/// What each row of the table means, as the client says it.
fn meaning(outcome: Outcome, retry_after_s: Option<u32>) -> Created {
    match outcome {
        Outcome::LookThenBelieve => Created::NotAvailable,
        Outcome::Refused(reason) => Created::Refused(reason),
        Outcome::OurMistake => Created::Refused(Reason::CarrierRefused),
        Outcome::NotProcessed => Created::NotProcessed { retry_after_s },
        Outcome::Unauthorised => Created::Unauthorised,
        Outcome::Unknown => Created::Unknown,
    }
}

#[test]
fn the_code_decides() {
    for row in REFUSALS {
        for status in STATUSES {
            let meant = meaning_of_refusal(status, Some(row.code), Some(7));
            assert_eq!(meant, meaning(row.outcome, Some(7)), "{}: {} with {status}", row.says, row.code);
        }
        assert_eq!(is_our_mistake(row.code), row.outcome == Outcome::OurMistake, "{}", row.code);
    }
}

/// Codes that this list does not have: Twilio adds some over time.
#[test]
fn any_other_code_is_a_refusal_only_with_a_status_that_says_so() {
    for code in [0, 11_200, 20_007, 21_408, 21_499, 60_999, 99_999, u32::MAX] {
        assert!(REFUSALS.iter().all(|row| row.code != code), "{code} is in the list");
        for status in [400, 404, 409, 422] {
            let refused = Created::Refused(Reason::CarrierRefused);
            assert_eq!(meaning_of_refusal(status, Some(code), None), refused, "{code} {status}");
        }
        for status in [401, 403] {
            assert_eq!(meaning_of_refusal(status, Some(code), None), Created::Unauthorised, "{code} {status}");
        }
        let not_processed = Created::NotProcessed { retry_after_s: None };
        assert_eq!(meaning_of_refusal(429, Some(code), None), not_processed, "{code}");
        for status in [200, 302, 500, 502, 503, 504] {
            assert_eq!(meaning_of_refusal(status, Some(code), None), Created::Unknown, "{code} {status}");
        }
        assert!(!is_our_mistake(code));
    }
}

/// Without a code it may be anything between Twilio and us that speaks: only what no retry can double is believed.
#[test]
fn without_a_code_little_is_believed() {
    for status in
        [100, 200, 201, 204, 301, 302, 307, 400, 404, 405, 408, 409, 410, 413, 418, 422, 451, 500, 502, 503, 504]
    {
        assert_eq!(meaning_of_refusal(status, None, None), Created::Unknown, "{status}");
    }
    for status in [401, 403] {
        assert_eq!(meaning_of_refusal(status, None, None), Created::Unauthorised, "{status}");
    }
    assert_eq!(meaning_of_refusal(429, None, Some(3)), Created::NotProcessed { retry_after_s: Some(3) });
}

#[test]
fn dates_are_those_of_rfc_2822() {
    for (text, unix_ms) in [
        ("Thu, 30 Jul 2015 20:12:31 +0000", Some(1_438_287_151_000)),
        ("Sun, 22 Nov 2026 12:00:00 +0000", Some(1_795_348_800_000)),
        ("Sun, 22 Nov 2026 13:00:00 +0100", Some(1_795_348_800_000)),
        ("2026-11-22T12:00:00Z", None),
        ("1795348800", None),
        ("", None),
    ] {
        assert_eq!(parse_created_at(text).map(domain::Instant::unix_ms), unix_ms, "{text}");
    }
}
