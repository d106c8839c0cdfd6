//! HMAC-SHA256 as RFC 2104 describes it, written here a second time: a second opinion about the signatures that the
//! adapter makes and checks, and a way to sign headers that the adapter would never write.

use sha2::{Digest, Sha256};

/// SHA-256's block, in bytes (FIPS 180-4).
const BLOCK_BYTES: usize = 64;

/// HMAC-SHA256 in lower-case hexadecimal digits.
pub fn hmac(key: &[u8], message: &[u8]) -> String {
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
