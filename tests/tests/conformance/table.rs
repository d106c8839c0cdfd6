//! What Twilio describes, read from `twilio.json`: a copy, in a form of our own, of the parts of its OpenAPI description
//! that we use. The file names its source.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The table.
#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    /// Where it comes from.
    pub(crate) source: Source,
    /// Objects: their fields and what they are, in the file's notation.
    schemas: BTreeMap<String, BTreeMap<String, String>>,
    /// Requests that Twilio knows.
    pub(crate) operations: Vec<Operation>,
    /// Fields that may be more than the description says: field, what, source.
    allowances: Vec<(String, String, String)>,
    /// How long texts may be, in characters, by parameter.
    pub(crate) lengths: BTreeMap<String, (usize, usize)>,
    /// Parameters of which exactly one is given: method, address, names.
    pub(crate) exactly_one_of: Vec<(String, String, Vec<String>)>,
    errors: BTreeMap<String, Value>,
}

/// Where the table comes from.
#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) repository: String,
    pub(crate) commit: String,
}

/// A request that Twilio knows.
#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// Its address, with names in braces for what stands in their place.
    pub(crate) at: String,
    #[serde(default)]
    pub(crate) path: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) form: BTreeMap<String, String>,
    /// Schemas by status; `nothing` is no body.
    pub(crate) answers: BTreeMap<String, String>,
}

/// Names in an address, and what stands in their places.
pub(crate) type Places = Vec<(String, String)>;

/// What a field or a parameter is.
#[derive(Debug, Clone)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) nullable: bool,
    pub(crate) may_be_absent: bool,
    pub(crate) may_be_empty: bool,
    pub(crate) required: bool,
}

impl Type {
    /// Reads the file's notation.
    pub(crate) fn read(text: &str) -> Self {
        let name = text.trim_end_matches(['?', '-', '_', '!']);
        let marks = &text[name.len()..];
        Self {
            name: name.to_owned(),
            nullable: marks.contains('?'),
            may_be_absent: marks.contains('-'),
            may_be_empty: marks.contains('_'),
            required: marks.contains('!'),
        }
    }

    /// What a list holds.
    pub(crate) fn list(&self) -> Option<&str> {
        self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
    }

    /// Which schema it is.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
    }
}

impl Table {
    /// Reads the file.
    pub(crate) fn load() -> Self {
        serde_json::from_str(include_str!("twilio.json")).expect("the table is readable")
    }

    /// The fields of a schema.
    pub(crate) fn fields(&self, schema: &str) -> BTreeMap<String, Type> {
        let fields = self.schemas.get(schema).unwrap_or_else(|| panic!("no schema {schema}"));
        let allowed = |field: &str| {
            self.allowances.iter().any(|(name, what, _)| *name == format!("{schema}.{field}") && what == "null")
        };
        let typed = fields.iter().map(|(field, text)| {
            let read = Type::read(text);
            (field.clone(), Type { nullable: read.nullable || allowed(field), ..read })
        });
        typed.collect()
    }

    /// The operation of a method and a path, and what stands in the places of its names. Of two that fit, the one with
    /// fewer names; an error says what is wrong with the address.
    pub(crate) fn find(&self, method: &str, path: &str) -> Result<(&Operation, Places), String> {
        let fitting: Vec<(&Operation, Places)> = self
            .operations
            .iter()
            .filter_map(|operation| fits(&operation.at, path).map(|found| (operation, found)))
            .collect();
        let fewest = fitting.iter().map(|(_, found)| found.len()).min();
        let mut fitting = fitting.into_iter().filter(|(_, found)| Some(found.len()) == fewest);
        match fewest {
            None => Err(format!("no such address: {path}")),
            Some(_) => fitting
                .find(|(operation, _)| operation.method == method)
                .ok_or_else(|| format!("no {method} at {path}")),
        }
    }

    /// The codes of errors, and the statuses that they come with.
    pub(crate) fn errors(&self) -> BTreeMap<u64, u16> {
        let listed = self.errors.iter().filter_map(|(status, codes)| Some((status.parse().ok()?, codes.as_array()?)));
        listed
            .flat_map(|(status, codes)| codes.iter().filter_map(Value::as_u64).map(move |code| (code, status)))
            .collect()
    }
}

/// Does a path fit an address? Then what stands in the places of its names.
fn fits(at: &str, path: &str) -> Option<Places> {
    let (places, parts): (Vec<&str>, Vec<&str>) = (at.split('/').collect(), path.split('/').collect());
    if places.len() != parts.len() {
        return None;
    }
    let mut found = Vec::new();
    for (place, part) in places.iter().zip(parts) {
        let Some((name, behind)) = place.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            if *place != part {
                return None;
            }
            continue;
        };
        let value = part.strip_suffix(behind).filter(|value| !value.is_empty())?;
        found.push((name.to_owned(), value.replace("%2B", "+")));
    }
    Some(found)
}
