//! What a list of vectors cannot say of the signature: every byte, every length, and the way that we sign ourselves.

use adapters::persona::{BadSignature, Freshness, WebhookSecret, sign, verify};
use domain::Instant;
use tests::hmac::hmac;

const SECRET: &str = "wbhsec_new-3f1c8a52-7d40";
/// Now, in seconds; and how old or early a signature may be.
const NOW_S: i64 = 1_795_348_800;
const TOLERANCE_S: i64 = 300;
const BODY: &[u8] = b"{\"completion-time\": 40.172463903000, \"note\": \"Z\\u00fcrich\"}\n";

fn judged(header: &str, body: &[u8]) -> Result<Freshness, BadSignature> {
    let secrets = [WebhookSecret::parse(SECRET).expect("is long enough")];
    let now = Instant::from_unix_ms(NOW_S * 1000);
    verify(header, body, &secrets, now, TOLERANCE_S).map(|webhook| webhook.freshness())
}

fn digits() -> String {
    hmac(SECRET.as_bytes(), &[NOW_S.to_string().as_bytes(), b".", BODY].concat())
}

#[test]
fn only_the_whole_signature_is_one() {
    let digits = digits();
    for length in 0..64 {
        assert!(judged(&format!("t={NOW_S},v1={}", &digits[..length]), BODY).is_err(), "{length} digits");
    }
    assert_eq!(judged(&format!("t={NOW_S},v1={digits}"), BODY), Ok(Freshness::Fresh));
}

#[test]
fn every_bit_of_the_body_and_of_the_signature_counts() {
    let right = format!("t={NOW_S},v1={}", digits());
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        assert!(judged(&right, &body).is_err(), "bit {bit} of the body may be changed");
    }
    for bit in 0..256 {
        let mut bytes = hex::decode(digits()).expect("is hexadecimal");
        bytes[bit / 8] ^= 1 << (bit % 8);
        let header = format!("t={NOW_S},v1={}", hex::encode(bytes));
        assert!(judged(&header, BODY).is_err(), "bit {bit} of the signature may be changed");
    }
}

/// How long a comparison takes, no answer shows (K13). There is one, the library's own, which is documented to take
/// constant time; the right signature's bytes are made for nothing but to be sent.
#[test]
fn signatures_are_compared_in_one_place_and_in_constant_time() {
    let source = include_str!("../../../functions/adapters/src/persona/signature.rs");
    assert_eq!((source.matches(".verify_slice(").count(), source.matches(".finalize()").count()), (1, 1));
    let sign = source.split("pub fn sign(").nth(1).and_then(|rest| rest.split("\n}").next()).expect("is there");
    assert!(sign.contains(".finalize()"));
}

/// RFC 4231's keys are no secrets of ours (binary, or too short), so the adapter is compared with what `make vectors`
/// proves right by them: secrets shorter than, as long as, and longer than a block; bodies of any kind of bytes.
#[test]
fn the_adapter_signs_as_rfc_2104_says() {
    for length in [16, 31, 63, 64, 65, 131, 500] {
        let text: String = "wbhsec_".chars().chain(('!'..='~').cycle()).take(length).collect();
        let secret = WebhookSecret::parse(&text).expect("is a secret");
        for body in [&b""[..], b"{}", &[0, 255, 128, 10, 13], &[0xdd; 4096]] {
            let signed = sign(&secret, body, Instant::from_unix_ms(1_795_348_800_999));
            let message = [b"1795348800.", body].concat();
            assert_eq!(signed, format!("t=1795348800,v1={}", hmac(text.as_bytes(), &message)));
        }
    }
}

#[test]
fn a_text_that_anybody_could_guess_is_no_secret() {
    for text in [
        "",
        "short",
        "                ",
        "wbhsec with spaces in it",
        "wbhsec_0123456789\n",
        "wbhsec_01234567",
        "wbhsec_0000000011112222",
        "wbhsec_CHANGEME-0123456789",
        "wbhsec_abcdefgh-1234-5678-9ijk-lmnopqrstuvw",
        "persona_production_0123456789",
    ] {
        let error = WebhookSecret::parse(text).expect_err(text).to_string();
        assert!(error.contains("wbhsec_ and more") && (text.is_empty() || !error.contains(text)), "{error}");
    }
    let shown = format!("{:?}", WebhookSecret::parse("wbhsec_0123456789").expect("is a secret"));
    assert_eq!(shown, "WebhookSecret([redacted])");
}
