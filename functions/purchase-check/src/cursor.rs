//! Pages of lists that are read newest first: what a caller asks for, and where the next one starts.

use std::collections::BTreeMap;

use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::store::{BY_TIME, Item, PK, SK, StoreError, Value as Attribute};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Which page of a list is asked for.
pub(crate) struct Asked {
    /// How many entries at most.
    pub(crate) limit: u32,
    /// Where the page before ended.
    pub(crate) after: Option<Item>,
}

impl Asked {
    /// Reads the parameters `limit`, which is `limit_default` where it is left out, and `cursor`, which is of the list in
    /// the partition `pk`.
    ///
    /// # Errors
    /// A 400 problem when one of them cannot be understood.
    pub(crate) fn read(
        given: &BTreeMap<&str, &str>,
        pk: &str,
        limit_default: u32,
        limit_max: u32,
    ) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
        let limit = match given.get("limit") {
            None => limit_default,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=limit_max).contains(limit))
                .ok_or_else(|| invalid(format!("`limit` must be a whole number from 1 to {limit_max}.")))?,
        };
        let after = match given.get("cursor") {
            None => None,
            Some(text) => Some(place_of(text, pk).ok_or_else(|| {
                invalid("`cursor` must be the `next_cursor` of an answer to this very list.".to_owned())
            })?),
        };
        Ok(Self { limit, after })
    }
}

/// Tells in a list's view where the next page starts; nothing when this was the last.
///
/// # Errors
/// A 503 problem when the place has no keys.
pub(crate) fn tell_next(view: &mut Value, next: Option<&Item>) -> Result<(), Problem> {
    if let Some(next) = next {
        view["next_cursor"] = json!(cursor(next).map_err(|error| unavailable(&error))?);
    }
    Ok(())
}

/// A place as the caller brings it back. The partition is not in it: it is the caller's own.
fn cursor(next: &Item) -> Result<String, StoreError> {
    match (next.get(PK), next.get(SK), next.get(BY_TIME)) {
        (Some(Attribute::S(pk)), Some(Attribute::S(sk)), Some(Attribute::S(by_time))) => {
            Ok(URL_SAFE_NO_PAD.encode(format!("{sk}\n{by_time}\n{}", binding(pk, sk, by_time))))
        }
        _ => Err(StoreError::Broken("the index by time holds an item without its keys".to_owned())),
    }
}

/// The place that a cursor of this partition's list stands for; none for any other text.
fn place_of(text: &str, pk: &str) -> Option<Item> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut lines = text.split('\n');
    let (sk, by_time, bound) = (lines.next()?, lines.next()?, lines.next()?);
    let right = lines.next().is_none() && bound == binding(pk, sk, by_time);
    right.then(|| {
        let text = |text: &str| Attribute::S(text.to_owned().into());
        Item::from([(PK, text(pk)), (SK, text(sk)), (BY_TIME, text(by_time))])
    })
}

/// Ties a cursor to its list: one that was made for another is refused, as is one that was changed by hand.
fn binding(pk: &str, sk: &str, by_time: &str) -> String {
    hex::encode(&Sha256::digest([pk, sk, by_time].join("\n"))[..8])
}
