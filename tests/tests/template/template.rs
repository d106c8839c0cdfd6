//! The transformed template and ways to look into it.

use local::tools::Tools;
use local::workspace::Workspace;
use serde_json::Value;
use std::sync::LazyLock;

static TRANSFORMED: LazyLock<Value> = LazyLock::new(|| {
    let workspace = Workspace::find().expect("the tests run inside the repository");
    let tools = Tools::installed(&workspace).unwrap_or_else(|missing| panic!("{missing}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let transformed = runtime.block_on(tools.transformed(&workspace, &workspace.template()));
    transformed.unwrap_or_else(|failure| panic!("{failure}"))
});

/// The template as AWS would deploy it.
pub(crate) fn transformed() -> &'static Value {
    &TRANSFORMED
}

/// The template with another value at a JSON pointer; `null` removes what is there.
pub(crate) fn broken(place: &str, value: Value) -> Value {
    let mut template = transformed().clone();
    let (parent, name) = place.rsplit_once('/').expect("a place below the root");
    let name = name.replace("~1", "/");
    let parent = template.pointer_mut(parent).unwrap_or_else(|| panic!("the template has nothing at {parent}"));
    match parent {
        Value::Object(members) if value.is_null() => drop(members.remove(&name).expect("something to remove")),
        Value::Object(members) => drop(members.insert(name, value)),
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{place} has no parts"),
    }
    template
}

/// The resources of a type: logical name and properties.
pub(crate) fn resources<'t>(template: &'t Value, kind: &str) -> Vec<(&'t str, &'t Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
        .collect()
}

/// The properties of a resource.
pub(crate) fn properties<'t>(template: &'t Value, name: &str) -> &'t Value {
    &template["Resources"][name]["Properties"]
}

/// The name that a `Ref`, `Fn::GetAtt` or single-name `Fn::Sub` points at.
pub(crate) fn target(value: &Value) -> Option<&str> {
    let substituted = || value["Fn::Sub"].as_str()?.split_once("${")?.1.split(['}', '.']).next();
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str()).or_else(substituted)
}

/// A list written as one value or as several.
pub(crate) fn several(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => vec![one],
    }
}

/// A violation if the condition does not hold.
pub(crate) fn unless(holds: bool, wrong: impl Into<String>) -> Vec<String> {
    if holds { Vec::new() } else { vec![wrong.into()] }
}
