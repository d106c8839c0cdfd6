//! Pages of lists, as version 2010-04-01 and version 2 cut them.

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

/// A part of a list: where it is, and the addresses of its neighbours.
struct Part<'a> {
    shown: &'a [Value],
    start: usize,
    page: usize,
    size: usize,
    first: String,
    next: Option<String>,
    previous: Option<String>,
    own: String,
}

/// Cuts the part out of a list that a request asks for. Every item has a `sid`. A page begins behind the item that its
/// token names, so that an item added in the meantime does not shift the pages.
fn part<'a>(address: &str, items: &'a [Value], parameters: &Parameters) -> Result<Part<'a>, TwilioError> {
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

    let at = |page: usize, token: Option<&str>| {
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
        format!("{address}?{query}")
    };
    let next = shown.last().and_then(|last| last["sid"].as_str()).filter(|_| end < items.len());
    let previous = page.checked_sub(1).map(|previous| {
        let before = start.saturating_sub(size).checked_sub(1).and_then(|index| items[index]["sid"].as_str());
        at(previous, before.map(|sid| format!("{TOKEN_PREFIX}{sid}")).as_deref())
    });
    Ok(Part {
        shown,
        start,
        page,
        size,
        first: at(0, None),
        next: next.map(|sid| at(page + 1, Some(&format!("{TOKEN_PREFIX}{sid}")))),
        previous,
        own: at(page, parameters.get("PageToken")),
    })
}

/// One page of a list of version 2010-04-01. `key` is the list's name in the answer.
pub(super) fn page(path: &str, key: &str, items: &[Value], parameters: &Parameters) -> Result<Reply, TwilioError> {
    let part = part(path, items, parameters)?;
    Ok(Reply::json(
        200,
        json!({
            key: part.shown,
            "end": (part.start + part.shown.len()).saturating_sub(1),
            "first_page_uri": part.first,
            "next_page_uri": part.next,
            "page": part.page,
            "page_size": part.size,
            "previous_page_uri": part.previous,
            "start": part.start,
            "uri": part.own,
        }),
    ))
}

/// One page of a list of version 2, whose addresses are whole and stand under `meta`.
pub(super) fn page_v2(url: &str, key: &str, items: &[Value], parameters: &Parameters) -> Result<Reply, TwilioError> {
    let part = part(url, items, parameters)?;
    Ok(Reply::json(
        200,
        json!({
            key: part.shown,
            "meta": {
                "first_page_url": part.first,
                "key": key,
                "next_page_url": part.next,
                "page": part.page,
                "page_size": part.size,
                "previous_page_url": part.previous,
                "url": part.own,
            },
        }),
    ))
}
