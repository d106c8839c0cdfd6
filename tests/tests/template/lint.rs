//! `cfn-lint` on what is deployed: it knows the types, names and limits of every resource.

use crate::template::{broken, transformed};
use local::tools::Tools;
use local::workspace::Workspace;
use serde_json::{Value, json};
use std::process::{Command, Output};

/// Runs the linter on a transformed template; on the source it would miss what SAM generates.
fn lint(name: &str, template: &Value) -> Output {
    let workspace = Workspace::find().expect("the tests run inside the repository");
    let tools = Tools::installed(&workspace).unwrap_or_else(|missing| panic!("{missing}"));
    let folder = std::env::temp_dir().join(format!("dialgate-template-{}-{name}", std::process::id()));
    std::fs::create_dir(&folder).expect("a temporary folder");
    let file = folder.join("transformed.json");
    std::fs::write(&file, template.to_string()).expect("a temporary file");
    let output = Command::new(tools.program("cfn-lint")).arg(&file).output().expect("the linter starts");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    output
}

#[test]
fn the_linter_finds_nothing() {
    let output = lint("good", transformed());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_linter_finds_a_message_that_returns_too_early() {
    let output = lint("early", &broken("/Resources/PurchaseQueue/Properties/VisibilityTimeout", json!(10)));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("E3505"), "{}", String::from_utf8_lossy(&output.stdout));
}
