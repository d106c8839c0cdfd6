//! Dependencies point one way: domain ◀ adapters ◀ functions ◀ tests, and nothing that is deployed knows the local
//! stack.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::{packages, text_files, top};

/// The functions that are deployed.
const FUNCTIONS: [&str; 6] =
    ["number-search", "persona-webhook", "phone-verification", "purchase-check", "purchase-completion", "sweeper"];

/// What the rules may use: a hash and its spelling. No I/O, no clock, no serde, no AWS.
const DOMAIN_MAY_USE: [&str; 2] = ["data-encoding", "sha2"];

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a crate has a name")
}

fn package(wanted: &str) -> Value {
    packages().into_iter().find(|package| name(package) == wanted).unwrap_or_else(|| panic!("no crate {wanted}"))
}

/// The crates that a crate depends on, of ours or of others.
fn uses(package: &Value, ours: bool) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().expect("a list");
    dependencies
        .iter()
        .filter(|dependency| dependency["path"].is_string() == ours)
        .map(|dependency| dependency["name"].as_str().expect("a dependency has a name").to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_rules_depend_on_nothing() {
    let domain = package("domain");
    assert_eq!(uses(&domain, true), set(&[]));
    let allowed = set(&DOMAIN_MAY_USE);
    assert!(uses(&domain, false).is_subset(&allowed), "{:?}", uses(&domain, false));
}

#[test]
fn the_neighbours_depend_on_the_rules_only() {
    assert_eq!(uses(&package("adapters"), true), set(&["domain"]));
}

#[test]
fn the_functions_depend_on_neighbours_and_rules_only() {
    for function in FUNCTIONS {
        let allowed = set(&["adapters", "domain"]);
        let used = uses(&package(function), true);
        assert!(used.is_subset(&allowed), "{function}: {used:?}");
    }
}

/// The command line reads what the functions write, by the same code; it is deployed nowhere.
#[test]
fn the_local_stack_depends_on_neighbours_and_rules_only() {
    assert_eq!(uses(&package("local"), true), set(&["adapters", "domain"]));
}

#[test]
fn the_local_stack_knows_neighbours_and_rules_but_no_function() {
    assert_eq!(uses(&package("local"), true), set(&["adapters", "domain"]));
}

#[test]
fn every_crate_under_functions_is_known_here_and_none_knows_the_local_stack() {
    let mut found = BTreeSet::new();
    for package in packages() {
        let manifest = package["manifest_path"].as_str().expect("a path").replace('\\', "/");
        if !manifest.contains("/functions/") {
            continue;
        }
        let used = uses(&package, true);
        assert!(!used.contains("local") && !used.contains("tests"), "{}: {used:?}", name(&package));
        found.insert(name(&package).to_owned());
    }
    let known: BTreeSet<String> = set(&FUNCTIONS).into_iter().chain(set(&["adapters", "domain"])).collect();
    assert_eq!(found, known);
}

/// What tests need is in the crate `tests`, as normal dependencies: a crate that is deployed builds the same way,
/// whoever builds it.
#[test]
fn no_crate_has_dependencies_for_its_tests() {
    for package in packages() {
        let dependencies = package["dependencies"].as_array().expect("a list");
        for dependency in dependencies {
            assert_ne!(dependency["kind"], "dev", "{}: {}", name(&package), dependency["name"]);
        }
    }
    for file in text_files().iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        assert!(!file.text.contains("dev-dependencies"), "{}", file.path);
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints_and_is_not_published() {
    for package in packages() {
        let path = package["manifest_path"].as_str().expect("a path");
        let manifest = std::fs::read_to_string(path).expect("a manifest can be read");
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{path}");
        assert_eq!(package["publish"], serde_json::json!([]), "{path}");
    }
}

/// A dependency's version stands once, in the workspace's manifest.
#[test]
fn versions_stand_in_the_workspaces_manifest() {
    for package in packages() {
        let path = package["manifest_path"].as_str().expect("a path");
        let manifest = std::fs::read_to_string(path).expect("a manifest can be read");
        let dependencies = manifest.split("[dependencies]\n").nth(1).unwrap_or_default();
        let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.contains("workspace = true"), "{path}: {line}");
        }
    }
    assert!(top().join("Cargo.lock").is_file());
}
