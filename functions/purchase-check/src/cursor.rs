//! Cursors of lists that are read newest first.

use adapters::store::{BY_TIME, Item, PK, SK, StoreError, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Where the next page starts, as the caller brings it back. The partition is not in it: it is the caller's own.
///
/// # Errors
/// [`StoreError::Broken`] when the place has no keys.
pub(crate) fn cursor(next: &Item) -> Result<String, StoreError> {
    match (next.get(PK), next.get(SK), next.get(BY_TIME)) {
        (Some(Value::S(pk)), Some(Value::S(sk)), Some(Value::S(by_time))) => {
            Ok(URL_SAFE_NO_PAD.encode(format!("{sk}\n{by_time}\n{}", binding(pk, sk, by_time))))
        }
        _ => Err(StoreError::Broken("the index by time holds an item without its keys".to_owned())),
    }
}

/// The place that a cursor of this partition's list stands for; none for any other text.
pub(crate) fn after(text: &str, pk: &str) -> Option<Item> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut lines = text.split('\n');
    let (sk, by_time, bound) = (lines.next()?, lines.next()?, lines.next()?);
    let right = lines.next().is_none() && bound == binding(pk, sk, by_time);
    right.then(|| {
        let text = |text: &str| Value::S(text.to_owned().into());
        Item::from([(PK, text(pk)), (SK, text(sk)), (BY_TIME, text(by_time))])
    })
}

/// Ties a cursor to its list: one that was made for another is refused, as is one that was changed by hand.
fn binding(pk: &str, sk: &str, by_time: &str) -> String {
    hex::encode(&Sha256::digest([pk, sk, by_time].join("\n"))[..8])
}
