//! What a webhook leaves out of its bodies (docs.withpersona.com/webhook-attribute-blocklists).
//!
//! An entry is the name of an attribute (`birthdate`), with `*` for any characters (`name-*`), or a path from the
//! payload's top (`/data/attributes/fields/*-number?type=inquiry`), whose `*` stays within one segment. An entry that
//! begins with `!` exempts what others block, in whichever order they stand. Identifiers, types and relationships are
//! never left out.

use serde_json::{Map, Value};

use super::inflection::kebab;

/// The entries of one webhook.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocklist {
    entries: Vec<String>,
    blocks: Vec<Pattern>,
    exempts: Vec<Pattern>,
}

/// An entry without its `!`.
#[derive(Clone, Debug)]
struct Pattern {
    /// Segments of a path, or the one name that is meant wherever it stands.
    segments: Vec<String>,
    anywhere: bool,
    /// The only type of resource that it is about.
    kind: Option<String>,
}

impl Blocklist {
    /// A list with these entries, or what is wrong with one of them.
    pub(super) fn parse(entries: Vec<String>) -> Result<Self, String> {
        let mut list = Self::default();
        for entry in &entries {
            match entry.strip_prefix('!') {
                Some(exempt) => list.exempts.push(Pattern::parse(exempt)?),
                None => list.blocks.push(Pattern::parse(entry)?),
            }
        }
        list.entries = entries;
        Ok(list)
    }

    /// The entries as they were given.
    pub(super) fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Leaves out of a payload, its keys in kebab-case, what is blocked.
    pub(super) fn apply(&self, payload: &mut Value) {
        if self.blocks.is_empty() {
            return;
        }
        if let Some(resource) = payload.get_mut("data") {
            self.thin_resource(resource, "data");
        }
        for resource in payload.get_mut("included").and_then(Value::as_array_mut).into_iter().flatten() {
            self.thin_resource(resource, "included");
        }
    }

    fn thin_resource(&self, resource: &mut Value, place: &str) {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        if let Some(attributes) = resource.get_mut("attributes").and_then(Value::as_object_mut) {
            self.thin(attributes, &mut vec![place.to_owned(), "attributes".to_owned()], &kind, false);
        }
    }

    /// Leaves out of `members` what is blocked. Below a blocked member, only what is exempt stays.
    fn thin(&self, members: &mut Map<String, Value>, path: &mut Vec<String>, kind: &str, blocked_above: bool) {
        members.retain(|name, value| {
            path.push(kebab(name));
            let is = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.fits(path, kind));
            let exempt = is(&self.exempts);
            let blocked = !exempt && (blocked_above || is(&self.blocks));
            let kept = match value {
                Value::Object(inner) if !exempt => {
                    let was_empty = inner.is_empty();
                    self.thin(inner, path, kind, blocked);
                    !blocked || (!was_empty && !inner.is_empty())
                }
                Value::Object(_)
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => !blocked,
            };
            path.pop();
            kept
        });
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let (path, kind) = match text.split_once("?type=") {
            Some((path, kind)) => (path, Some(kind.to_owned())),
            None => (text, None),
        };
        let anywhere = !path.starts_with('/');
        let segments: Vec<String> = path.trim_start_matches('/').split('/').map(kebab).collect();
        if segments.iter().any(String::is_empty) || (anywhere && segments.len() > 1) {
            return Err(format!("data.attributes.api-attributes-blocklist: {text} is neither a name nor a path"));
        }
        Ok(Self { segments, anywhere, kind })
    }

    fn fits(&self, path: &[String], kind: &str) -> bool {
        if self.kind.as_ref().is_some_and(|wanted| wanted != kind) {
            return false;
        }
        if self.anywhere {
            return path.last().is_some_and(|name| glob(&self.segments[0], name));
        }
        self.segments.len() == path.len()
            && self.segments.iter().zip(path).all(|(pattern, segment)| glob(pattern, segment))
    }
}

/// Whether `text` is `pattern` with something, or nothing, in the place of each `*`.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| glob(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Blocklist, glob};

    fn thinned(entries: &[&str]) -> Value {
        let mut payload = json!({
            "data": {"type": "inquiry", "id": "inq_1", "attributes": {
                "status": "approved", "birthdate": "1977-07-17", "reference-id": "s_1",
                "fields": {"name-first": {"type": "string", "value": "A"}, "phone-number": {"type": "string", "value": "1"}}
            }, "relationships": {"account": {"data": {"id": "act_1"}}}},
            "included": [{"type": "inquiry-session", "id": "iqse_1", "attributes": {"ip-address": "192.0.2.10", "status": "x"}}]
        });
        Blocklist::parse(entries.iter().map(|entry| (*entry).to_owned()).collect())
            .expect("entries")
            .apply(&mut payload);
        payload
    }

    #[test]
    fn names_wildcards_and_paths_block() {
        let attributes = &thinned(&["birthdate", "name-*", "/included/attributes/ip_address"]);
        assert_eq!(attributes["data"]["attributes"].get("birthdate"), None);
        assert_eq!(attributes["data"]["attributes"]["fields"].get("name-first"), None);
        assert!(attributes["data"]["attributes"]["fields"]["phone-number"].is_object());
        assert_eq!(attributes["included"][0]["attributes"], json!({"status": "x"}));
        let other_type = thinned(&["/data/attributes/fields/*-number?type=case"]);
        assert!(other_type["data"]["attributes"]["fields"]["phone-number"].is_object());
        let this_type = thinned(&["/data/attributes/fields/*-number?type=inquiry"]);
        assert_eq!(this_type["data"]["attributes"]["fields"].get("phone-number"), None);
    }

    #[test]
    fn the_documented_list_leaves_nothing_personal() {
        let entries = ["!/data/attributes/status", "/data/attributes/*", "!/data/attributes/reference-id"];
        let payload = thinned(&entries);
        assert_eq!(payload["data"]["attributes"], json!({"status": "approved", "reference-id": "s_1"}));
        assert_eq!(payload["data"]["id"], "inq_1");
        assert_eq!(payload["data"]["relationships"]["account"]["data"]["id"], "act_1");
    }

    #[test]
    fn what_is_exempt_below_something_blocked_stays() {
        let payload = thinned(&["/data/attributes/*", "!/data/attributes/fields/phone-number"]);
        let expected = json!({"fields": {"phone-number": {"type": "string", "value": "1"}}});
        assert_eq!(payload["data"]["attributes"], expected);
    }

    #[test]
    fn entries_that_mean_nothing_are_refused() {
        for entry in ["", "/", "a/b", "/data//x"] {
            Blocklist::parse(vec![entry.to_owned()]).expect_err(entry);
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(glob("*-number", "phone-number") && glob("name-*", "name-") && glob("*", "x") && glob("a*c", "abc"));
        assert!(!glob("*-number", "number") && !glob("name", "names"));
    }
}
