//! Pages of lists, as version 2010-04-01 cuts them.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::replies::{Reply, TwilioError};

/// How many items a page has unless the client says otherwise.
const PAGE_SIZE: usize = 50;

/// How many items a page has at most.
const MAX_PAGE_SIZE: usize = 1000;

/// What comes before the last item's SID in a page token.
const TOKEN_PREFIX: &str = "PA";

/// What is escaped in the query of a page's address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How many items of a list a client wants at once: 1 to 1000, 50 by default.
pub(super) fn page_size(parameters: &Parameters) -> Result<usize, TwilioError> {
    Ok(parameters.number("PageSize")?.unwrap_or(PAGE_SIZE).clamp(1, MAX_PAGE_SIZE))
}

/// One page of a list. `key` is the list's name in the answer; every item has a `sid`. A page begins behind the item
/// that its token names, so that an item added in the meantime does not shift the pages.
pub(super) fn page(path: &str, key: &str, items: &[Value], parameters: &Parameters) -> Result<Reply, TwilioError> {
    let size = page_size(parameters)?;
    let page = parameters.number("Page")?.unwrap_or(0);
    let start = match parameters.get("PageToken") {
        Some(token) => token
            .strip_prefix(TOKEN_PREFIX)
            .and_then(|sid| items.iter().position(|item| item["sid"] == sid))
            .map(|index| index + 1)
            .ok_or_else(|| TwilioError::bad_request(format!("PageToken {token} is invalid")))?,
        None => page.saturating_mul(size).min(items.len()),
    };
    let end = start.saturating_add(size).min(items.len());
    let shown = &items[start..end];

    let address = |page: usize, token: Option<&str>| {
        let mut query = String::new();
        for (name, value) in parameters.pairs().filter(|(name, _)| !matches!(*name, "PageSize" | "Page" | "PageToken"))
        {
            // Writing to a String cannot fail.
            let _ = write!(query, "{name}={}&", utf8_percent_encode(value, ESCAPED));
        }
        let _ = write!(query, "PageSize={size}&Page={page}");
        if let Some(token) = token {
            let _ = write!(query, "&PageToken={token}");
        }
        format!("{path}?{query}")
    };
    let next = shown.last().and_then(|last| last["sid"].as_str()).filter(|_| end < items.len());
    let previous = page.checked_sub(1).map(|previous| {
        let before = start.saturating_sub(size).checked_sub(1).and_then(|index| items[index]["sid"].as_str());
        address(previous, before.map(|sid| format!("{TOKEN_PREFIX}{sid}")).as_deref())
    });
    Ok(Reply::json(
        200,
        json!({
            key: shown,
            "end": (start + shown.len()).saturating_sub(1),
            "first_page_uri": address(0, None),
            "next_page_uri": next.map(|sid| address(page + 1, Some(&format!("{TOKEN_PREFIX}{sid}")))),
            "page": page,
            "page_size": size,
            "previous_page_uri": previous,
            "start": start,
            "uri": address(page, parameters.get("PageToken")),
        }),
    ))
}
