//! The casing of keys: kebab (Persona's default), camel or snake (docs.withpersona.com/api-key-inflection).
//!
//! Inside the simulator every key is kebab-case. Requests are accepted in any of the three.

use serde_json::{Map, Value};

/// The key whose children are a template's own field names.
const FIELDS: &str = "fields";

/// How the keys of a response or of a webhook's body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflection {
    /// `reference-id`
    Kebab,
    /// `referenceId`
    Camel,
    /// `reference_id`
    Snake,
}

impl Inflection {
    /// The inflection named by a `Key-Inflection` header or a webhook's `api-key-inflection`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "kebab" => Some(Self::Kebab),
            "camel" => Some(Self::Camel),
            "snake" => Some(Self::Snake),
            _ => None,
        }
    }

    /// Its name on the wire.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Kebab => "kebab",
            Self::Camel => "camel",
            Self::Snake => "snake",
        }
    }

    /// `value` with every key in this inflection. With `field_names_kept` the names of a template's fields stay as they
    /// are configured on the template, which is so since version 2025-10-27 (docs.withpersona.com/changelog).
    pub(super) fn apply(self, value: Value, field_names_kept: bool) -> Value {
        if self == Self::Kebab {
            return value;
        }
        rename(value, field_names_kept, &|key| self.key(key))
    }

    fn key(self, kebab: &str) -> String {
        match self {
            Self::Kebab => kebab.to_owned(),
            Self::Snake => kebab.replace('-', "_"),
            Self::Camel => camel(kebab),
        }
    }
}

/// A request's body with its keys in kebab-case; the names of fields stay as they were sent.
pub(super) fn to_kebab(value: Value) -> Value {
    rename(value, true, &kebab)
}

/// A name in kebab-case, whichever of the three inflections it was sent in.
pub(super) fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '_' => text.push('-'),
            upper if upper.is_ascii_uppercase() => {
                text.push('-');
                text.push(upper.to_ascii_lowercase());
            }
            other => text.push(other),
        }
    }
    text
}

/// Joins words at a hyphen before a letter; `address-street-1` becomes `addressStreet-1`, as seen in real deliveries.
fn camel(kebab: &str) -> String {
    let mut text = String::with_capacity(kebab.len());
    let mut characters = kebab.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek().copied() {
            Some(next) if character == '-' && next.is_ascii_lowercase() => {
                text.push(next.to_ascii_uppercase());
                characters.next();
            }
            _ => text.push(character),
        }
    }
    text
}

fn rename(value: Value, field_names_kept: bool, key_of: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => Value::Object(rename_map(map, field_names_kept, key_of)),
        Value::Array(items) => items.into_iter().map(|item| rename(item, field_names_kept, key_of)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn rename_map(map: Map<String, Value>, field_names_kept: bool, key_of: &dyn Fn(&str) -> String) -> Map<String, Value> {
    map.into_iter()
        .map(|(key, value)| {
            if !(field_names_kept && key == FIELDS) {
                return (key_of(&key), rename(value, field_names_kept, key_of));
            }
            // A field's own members are renamed, its name is not.
            match value {
                Value::Object(fields) => {
                    let kept = fields.into_iter().map(|(name, field)| (name, rename(field, field_names_kept, key_of)));
                    (key, Value::Object(kept.collect()))
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => (key, value),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Inflection, to_kebab};

    #[test]
    fn keys_change_and_values_do_not() {
        let body = json!({"reference-id": "a-b", "list": [{"created-at": null}], "fields": {"name-first": {"x-y": 1}}});
        assert_eq!(
            Inflection::Camel.apply(body.clone(), true),
            json!({"referenceId": "a-b", "list": [{"createdAt": null}], "fields": {"name-first": {"xY": 1}}})
        );
        assert_eq!(Inflection::Snake.apply(body, false)["fields"], json!({"name_first": {"x_y": 1}}));
        assert_eq!(Inflection::Camel.apply(json!({"address-street-1": 1}), false), json!({"addressStreet-1": 1}));
    }

    #[test]
    fn requests_are_read_in_every_inflection() {
        for key in ["redirect-uri", "redirect_uri", "redirectUri"] {
            assert_eq!(to_kebab(json!({key: 1})), json!({"redirect-uri": 1}));
        }
        assert_eq!(to_kebab(json!({"fields": {"name_first": "A"}})), json!({"fields": {"name_first": "A"}}));
    }
}
