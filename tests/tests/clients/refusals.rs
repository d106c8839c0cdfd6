//! What each refusal of a create means (Twilio, "Error and warning dictionary"), over a real connection: most are not
//! tied to an HTTP status by any page of Twilio's, so that the code alone must decide.

use adapters::twilio::{Created, meaning_of_refusal, parse_created_at};
use domain::Reason;

/// Every status that such a code may come with.
const STATUSES: [u16; 7] = [400, 401, 403, 404, 409, 422, 500];

fn refused(reason: Reason) -> Created {
    Created::Refused(reason)
}

/// Codes, and what each of them means.
fn table() -> Vec<(&'static str, Vec<u32>, Created)> {
    vec![
        ("not available, or ours already", vec![21_422], Created::NotAvailable),
        ("no such number", vec![21_421, 21_401, 20_404], refused(Reason::NumberUnavailable)),
        (
            "an address, a bundle or a document",
            vec![21_613, 21_615, 21_628, 21_629, 21_630, 21_631, 21_649, 21_650, 21_651],
            refused(Reason::AddressRequired),
        ),
        (
            "the account may not buy",
            vec![
                10_001, 10_002, 20_005, 20_006, 20_008, 20_010, 20_403, 21_404, 21_470, 21_471, 21_472, 21_473, 21_474,
                22_300,
            ],
            refused(Reason::AccountRestricted),
        ),
        ("not processed", vec![20_429], Created::NotProcessed { retry_after_s: Some(7) }),
        ("a wrong credential", vec![20_003], Created::Unauthorised),
        ("may have been done", vec![20_500, 20_503], Created::Unknown),
    ]
}

/// Codes that say what is wrong with our own request, or with its configuration: never sent by a right one.
const OTHER_CODES: [u32; 15] = [
    20_001, 20_422, 20_423, 21_402, 21_403, 21_405, 21_406, 21_407, 21_409, 21_420, 21_451, 21_452, 21_457, 21_458,
    60_999,
];

#[test]
fn the_code_decides() {
    for (name, codes, expected) in table() {
        for code in codes {
            for status in STATUSES {
                assert_eq!(meaning_of_refusal(status, Some(code), Some(7)), expected, "{name}: {code} with {status}");
            }
        }
    }
}

#[test]
fn any_other_code_is_a_refusal_only_with_a_status_that_says_so() {
    for code in OTHER_CODES {
        for status in [400, 404, 409, 422] {
            assert_eq!(
                meaning_of_refusal(status, Some(code), None),
                refused(Reason::CarrierRefused),
                "{code} {status}"
            );
        }
        for status in [401, 403] {
            assert_eq!(meaning_of_refusal(status, Some(code), None), Created::Unauthorised, "{code} {status}");
        }
        let not_processed = Created::NotProcessed { retry_after_s: None };
        assert_eq!(meaning_of_refusal(429, Some(code), None), not_processed, "{code}");
        for status in [200, 302, 500, 502, 503, 504] {
            assert_eq!(meaning_of_refusal(status, Some(code), None), Created::Unknown, "{code} {status}");
        }
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
