//! Query strings and cursor pagination (docs.withpersona.com/pagination): newest first, `page[size]` from 1 to 100 with
//! 10 as its default, `page[after]` and `page[before]` naming an object of the list, links relative to the host.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::errors::ApiError;

/// Objects on a page, unless the request says otherwise.
const PAGE_SIZE_DEFAULT: usize = 10;

/// The most a page can hold.
const PAGE_SIZE_MAX: usize = 100;

/// What stays readable in a query string (RFC 3986, unreserved characters).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a query string, in their order.
#[derive(Clone, Debug)]
pub(super) struct Query(pub(super) Vec<(String, String)>);

impl Query {
    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The `filter[…]` parameters with their inner names in kebab-case.
    pub(super) fn filters(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix("filter[")?.strip_suffix(']')?;
            Some((super::inflection::kebab(name), value.as_str()))
        })
    }

    /// The resource as `fields[<its type>]` asks for it: without that, whole.
    pub(super) fn thinned(&self, mut resource: Value) -> Value {
        let asked = resource["type"].as_str().and_then(|kind| self.get(&format!("fields[{kind}]")));
        if let Some(attributes) = asked {
            super::resource::sparse(&mut resource, attributes);
        }
        resource
    }

    /// The parameters of a call in which nothing is included; which relationships of accounts, sessions and events can be is
    /// not simulated. An `include` that names something is refused there, and an empty one is fine everywhere.
    pub(super) fn including_nothing(parameters: Vec<(String, String)>, place: &str) -> Result<Self, ApiError> {
        let query = Self(parameters);
        match query.get("include") {
            Some(include) if !include.is_empty() => {
                Err(ApiError::bad_request(format!("include={include} cannot be used {place}")))
            }
            Some(_) | None => Ok(query),
        }
    }

    /// Cuts the page out of `all` (newest first) and works out its links.
    pub(super) fn page<'a, T>(
        &self,
        path: &str,
        all: &[&'a T],
        id_of: impl Fn(&T) -> &str,
    ) -> Result<Page<'a, T>, ApiError> {
        let size = match self.get("page[size]") {
            None => PAGE_SIZE_DEFAULT,
            Some(text) => match text.parse() {
                Ok(size @ 1..=PAGE_SIZE_MAX) => size,
                Ok(_) | Err(_) => return Err(ApiError::bad_request("page[size] must be between 1 and 100")),
            },
        };
        let position = |cursor: &str| {
            let found = all.iter().position(|item| id_of(item) == cursor);
            found.ok_or_else(|| ApiError::bad_request(format!("page cursor {cursor} is not in this list")))
        };
        let (first, end) = match (self.get("page[after]"), self.get("page[before]")) {
            (Some(_), Some(_)) => return Err(ApiError::bad_request("page[after] and page[before] exclude each other")),
            (Some(after), None) => {
                let first = position(after)? + 1;
                (first, all.len().min(first + size))
            }
            (None, Some(before)) => {
                let end = position(before)?;
                (end.saturating_sub(size), end)
            }
            (None, None) => (0, all.len().min(size)),
        };
        let items = all[first..end].to_vec();
        let link = |cursor: &str, item: Option<&&T>| item.map(|item| self.link(path, cursor, id_of(item)));
        let prev = if first > 0 { link("page[before]", items.first()) } else { None };
        let next = if end < all.len() { link("page[after]", items.last()) } else { None };
        Ok(Page { links: json!({"prev": prev, "next": next}), items })
    }

    /// The same request with another cursor.
    fn link(&self, path: &str, cursor: &str, id: &str) -> String {
        let kept = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let kept = kept.filter(|(key, _)| !matches!(*key, "page[after]" | "page[before]"));
        let encode = |text| utf8_percent_encode(text, QUERY);
        let parameters = kept.chain([(cursor, id)]).map(|(key, value)| format!("{}={}", encode(key), encode(value)));
        format!("{path}?{}", parameters.collect::<Vec<_>>().join("&"))
    }
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<'a, T> {
    /// What is on it, newest first.
    pub(super) items: Vec<&'a T>,
    /// `prev` and `next`, each a relative address or `null`.
    pub(super) links: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Query;

    fn page(query: &[(&str, &str)]) -> Result<(String, serde_json::Value), super::ApiError> {
        let all: Vec<String> = ["e", "d", "c", "b", "a"].map(str::to_owned).to_vec();
        let query = Query(query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
        let page = query.page("/list", &all.iter().collect::<Vec<_>>(), |item| item)?;
        Ok((page.items.into_iter().map(String::as_str).collect(), page.links))
    }

    #[test]
    fn pages_follow_their_cursors_both_ways() {
        let size = ("page[size]", "2");
        let (items, links) = page(&[size]).expect("a page");
        assert_eq!((items.as_str(), &links["prev"]), ("ed", &json!(null)));
        assert_eq!(links["next"], json!("/list?page%5Bsize%5D=2&page%5Bafter%5D=d"));
        let (items, links) = page(&[size, ("page[after]", "d")]).expect("a page");
        assert_eq!((items.as_str(), &links["prev"]), ("cb", &json!("/list?page%5Bsize%5D=2&page%5Bbefore%5D=c")));
        assert_eq!(page(&[size, ("page[after]", "b")]).expect("a page").0, "a");
        assert_eq!(page(&[size, ("page[before]", "c")]).expect("a page").0, "ed");
        assert_eq!(page(&[size, ("page[after]", "a")]).expect("a page").0, "");
    }

    #[test]
    fn bad_sizes_and_foreign_cursors_are_refused() {
        for query in [("page[size]", "0"), ("page[size]", "101"), ("page[size]", "x"), ("page[after]", "z")] {
            page(&[query]).expect_err("refused");
        }
    }
}
