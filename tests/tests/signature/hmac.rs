//! HMAC-SHA256 as RFC 2104 describes it, written here a second time: a second opinion about the signatures that the
//! adapter makes and checks, and a way to sign headers that the adapter would never write.

use adapters::persona::{WebhookSecret, sign};
use domain::Instant;
use sha2::{Digest, Sha256};

/// SHA-256's block, in bytes (FIPS 180-4).
const BLOCK_BYTES: usize = 64;

/// HMAC-SHA256 in lower-case hexadecimal digits.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut block = [0_u8; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    hex::encode(Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize())
}

/// RFC 4231, section 4: test cases 1 to 4, 6 and 7 (5 is about shortened output).
#[test]
fn rfc_4231() {
    let counted: Vec<u8> = (1..=25).collect();
    let long = "This is a test using a larger than block-size key and a larger than block-size data. The key needs to \
                be hashed before being used by the HMAC algorithm.";
    let vectors: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], long.as_bytes(), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, message, expected) in vectors {
        assert_eq!(hmac(key, message), expected);
    }
}

/// The vectors' own keys are no secrets of ours (binary, or too short), so the adapter is compared with what they
/// prove right: secrets shorter than, as long as, and longer than a block; bodies of any kind of bytes.
#[test]
fn the_adapter_signs_as_rfc_2104_says() {
    for length in [16, 31, 63, 64, 65, 131, 500] {
        let text: String = ('!'..='~').cycle().take(length).collect();
        let secret = WebhookSecret::parse(&text).expect("is long enough");
        for body in [&b""[..], b"{}", &[0, 255, 128, 10, 13], &[0xdd; 4096]] {
            let signed = sign(&secret, body, Instant::from_unix_ms(1_795_348_800_999));
            let message = [b"1795348800.", body].concat();
            assert_eq!(signed, format!("t=1795348800,v1={}", hmac(text.as_bytes(), &message)));
        }
    }
}

#[test]
fn a_text_that_anybody_could_guess_is_no_secret() {
    for text in ["", "short", "fifteen-charact", "                ", "wbhsec with spaces in it", "wbhsec_0123456789\n"]
    {
        WebhookSecret::parse(text).expect_err(text);
    }
    let shown = format!("{:?}", WebhookSecret::parse("wbhsec_0123456789").expect("is long enough"));
    assert_eq!(shown, "WebhookSecret([redacted])");
}
