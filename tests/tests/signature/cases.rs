//! Headers and bodies, and whether they are believed. What is wrong in each is what public integrations were seen to
//! accept, or to refuse wrongly.

use adapters::persona::{BadSignature, Freshness, WebhookSecret, verify};
use domain::Instant;

use crate::hmac::hmac;

/// The secret in use, the one before it, and one of somebody else.
const NEW: &str = "wbhsec_new-00000000-1111";
const OLD: &str = "wbhsec_old-22222222-3333";
const FOREIGN: &str = "wbhsec_foreign-4444-5555";

/// Now, in seconds; and how old or early a signature may be.
const NOW_S: i64 = 1_795_348_800;
const TOLERANCE_S: i64 = 300;

/// A number with many digits, an escape, a sign outside ASCII, spaces: what a parser would write differently.
const BODY: &str = "{\"completion-time\": 40.172463903000, \"note\": \"Z\\u00fcrich \u{1f600}\",  \"n\": 1e3 }\n";

/// The set of a secret for a time as text.
fn set_of(secret: &str, time: &str, body: &str) -> String {
    format!("t={time},v1={}", hmac(secret.as_bytes(), format!("{time}.{body}").as_bytes()))
}

/// The set that Persona would send `age_s` after it signed.
fn aged(secret: &str, age_s: i64) -> String {
    set_of(secret, &(NOW_S - age_s).to_string(), BODY)
}

fn right() -> String {
    aged(NEW, 0)
}

/// The signature of the right header.
fn digits() -> String {
    let header = right();
    header.rsplit('=').next().unwrap_or_default().to_owned()
}

/// The right time with this in place of the signature.
fn with_signature(signature: &str) -> String {
    format!("t={NOW_S},v1={signature}")
}

/// A right signature over this in place of the time.
fn with_time(time: &str) -> String {
    set_of(NEW, time, BODY)
}

type Judged = Result<Freshness, BadSignature>;
const FRESH: Judged = Ok(Freshness::Fresh);
const STALE: Judged = Ok(Freshness::Stale);
const BAD: Judged = Err(BadSignature);

fn judged(header: &str, body: &str) -> Judged {
    let secrets = [NEW, OLD].map(|text| WebhookSecret::parse(text).expect("is long enough"));
    let now = Instant::from_unix_ms(NOW_S * 1000 + 999);
    verify(header, body.as_bytes().to_vec(), &secrets, now, TOLERANCE_S).map(|webhook| {
        assert_eq!(webhook.body(), body.as_bytes(), "what was signed is what is read");
        webhook.freshness()
    })
}

#[test]
fn headers() {
    let (first, second) = (aged(FOREIGN, 0), aged(NEW, 2));
    let cases: Vec<(&str, String, Judged)> = vec![
        ("right", right(), FRESH),
        ("the old secret, still configured", aged(OLD, 0), FRESH),
        ("an unknown secret", aged(FOREIGN, 0), BAD),
        ("uppercase digits", with_signature(&digits().to_uppercase()), FRESH),
        ("one digit changed", with_signature(&digits().replacen(|_: char| true, "g", 1)), BAD),
        ("over the body alone", with_signature(&hmac(NEW.as_bytes(), BODY.as_bytes())), BAD),
        (
            "over the time and the body without the dot",
            with_signature(&hmac(NEW.as_bytes(), format!("{NOW_S}{BODY}").as_bytes())),
            BAD,
        ),
        (
            "with the secret's prefix cut off",
            with_signature(&hmac(&NEW.as_bytes()["wbhsec_".len()..], format!("{NOW_S}.{BODY}").as_bytes())),
            BAD,
        ),
        ("another time than was signed", right().replacen(&NOW_S.to_string(), &(NOW_S - 1).to_string(), 1), BAD),
        ("empty header", String::new(), BAD),
        ("only spaces", "   ".to_owned(), BAD),
        ("no time", format!("v1={}", digits()), BAD),
        ("no signature", format!("t={NOW_S}"), BAD),
        ("signature first", format!("v1={},t={NOW_S}", digits()), BAD),
        ("empty signature", with_signature(""), BAD),
        ("65 digits", with_signature(&format!("{}0", digits())), BAD),
        ("128 digits", with_signature(&digits().repeat(2)), BAD),
        ("no hexadecimal digits", with_signature(&"z".repeat(64)), BAD),
        ("full-width digits", with_signature(&"０".repeat(64)), BAD),
        ("full-width digits of 64 bytes", with_signature(&format!("{}0", "０".repeat(21))), BAD),
        ("0x before the digits", with_signature(&format!("0x{}", digits())), BAD),
        ("the secret itself", with_signature(NEW), BAD),
        ("version 0", right().replace("v1=", "v0="), BAD),
        ("version 1 in capitals", right().replace("v1=", "V1="), BAD),
        ("time in capitals", right().replace("t=", "T="), BAD),
        ("named as another vendor does", right().replace("v1=", "sha256="), BAD),
        ("sha1", format!("t={NOW_S},sha1={}", &digits()[..40]), BAD),
        ("a space behind the comma", right().replace(',', ", "), BAD),
        ("a second signature in the set", format!("{},v1={}", aged(FOREIGN, 0), digits()), BAD),
        ("a second time in the set", format!("t=1,{}", right()), BAD),
        ("two sets, the right one last", format!("{first} {second}"), FRESH),
        ("two sets, the right one first", format!("{second} {first}"), FRESH),
        ("two sets of new and old secret", format!("{} {}", aged(NEW, 0), aged(OLD, 7)), FRESH),
        ("two sets of old and new secret", format!("{} {}", aged(OLD, 7), aged(NEW, 0)), FRESH),
        ("an unreadable set beside the right one", format!("nonsense {second}"), FRESH),
        ("two wrong sets", format!("{first} {first}"), BAD),
        ("sets whose halves are right together", format!("t={NOW_S},v1={} t={NOW_S}", "0".repeat(64)), BAD),
        ("four sets", format!("{first} {first} {first} {second}"), FRESH),
        ("five sets", format!("{second} {first} {first} {first} {first}"), BAD),
        ("more spaces between sets", format!("  {first}   {second} "), FRESH),
        ("sets joined by a comma, as gateways join a repeated header", format!("{first},{second}"), BAD),
        ("joined by a comma and a space, the last one right", format!("{first}, {second}"), FRESH),
        ("1 KB with the right set", format!("{}{}", right(), " ".repeat(1024 - right().len())), FRESH),
        ("more than 1 KB with the right set", format!("{}{}", right(), " ".repeat(1025 - right().len())), BAD),
        ("time: empty", with_time(""), BAD),
        ("time: with a plus", with_time(&format!("+{NOW_S}")), BAD),
        ("time: with a leading zero", with_time(&format!("0{NOW_S}")), BAD),
        ("time: 01", with_time("01"), BAD),
        ("time: 1e3", with_time("1e3"), BAD),
        ("time: a fraction", with_time(&format!("{NOW_S}.0")), BAD),
        ("time: hexadecimal", with_time("0x6b0"), BAD),
        ("time: negative", with_time("-1"), BAD),
        ("time: in milliseconds", with_time(&(NOW_S * 1000).to_string()), BAD),
        ("time: 20 digits", with_time("18446744073709551616"), BAD),
        ("time: full-width", with_time("１７９５３４８８００"), BAD),
        ("time: with a space", with_time(&format!(" {NOW_S}")), BAD),
        ("signed 300 s ago", aged(NEW, 300), FRESH),
        ("signed 301 s ago", aged(NEW, 301), STALE),
        ("signed two days ago", aged(NEW, 2 * 24 * 3600), STALE),
        ("signed in 1970", with_time("0"), STALE),
        ("signed 300 s from now", aged(NEW, -300), FRESH),
        ("signed 301 s from now", aged(NEW, -301), BAD),
        ("signed in the year 5138", with_time("99999999999"), BAD),
        ("stale under the old secret", aged(OLD, 301), STALE),
    ];
    assert!(cases.len() >= 30);
    for (name, header, expected) in cases {
        assert_eq!(judged(&header, BODY), expected, "{name}");
    }
}

#[test]
fn a_part_of_the_signature_is_no_signature() {
    let digits = digits();
    for length in 1..64 {
        assert_eq!(judged(&with_signature(&digits[..length]), BODY), BAD, "{length} digits");
    }
}

#[test]
fn bodies() {
    let reserialised = serde_json::from_str::<serde_json::Value>(BODY).expect("is JSON").to_string();
    assert_eq!(judged(&right(), BODY), FRESH);
    assert_eq!(judged(&right(), &reserialised), BAD, "written anew by a parser");
    assert_eq!(judged(&right(), BODY.trim_end()), BAD, "without the line's end");
    assert_eq!(judged(&right(), ""), BAD, "empty");
    assert_eq!(judged(&set_of(NEW, &NOW_S.to_string(), ""), ""), FRESH, "empty, and so signed");
    for position in 0..BODY.len() {
        let mut bytes = BODY.as_bytes().to_vec();
        bytes[position] ^= 1;
        let secrets = [WebhookSecret::parse(NEW).expect("is long enough")];
        let now = Instant::from_unix_ms(NOW_S * 1000);
        let result = verify(&right(), bytes, &secrets, now, TOLERANCE_S);
        assert!(result.is_err(), "the byte at {position} may be changed");
    }
}

#[test]
fn without_a_secret_nothing_is_believed() {
    let now = Instant::from_unix_ms(NOW_S * 1000);
    assert!(verify(&right(), BODY.as_bytes().to_vec(), &[], now, TOLERANCE_S).is_err());
}
