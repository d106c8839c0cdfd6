//! Every problem has a page for whoever meets it, and there is no page without a problem.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use adapters::problem::{Problem, ProblemType};

/// Headings that every page has.
const HEADINGS: [&str; 3] = ["## What it means", "## Common causes", "## What to do"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/problems")
}

#[test]
fn every_type_has_its_page() {
    for kind in ProblemType::ALL {
        let path = folder().join(format!("{}.md", kind.name()));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.starts_with(&format!("# {}\n", kind.name())), "{}", kind.name());
        assert!(text.contains(&format!("**{}", kind.status().as_u16())), "{} names its status", kind.name());
        for heading in HEADINGS {
            assert!(text.contains(heading), "{}: no `{heading}`", kind.name());
        }
    }
}

#[test]
fn every_page_has_its_type() {
    let names: BTreeSet<String> = ProblemType::ALL.iter().map(|kind| format!("{}.md", kind.name())).collect();
    assert_eq!(names.len(), ProblemType::ALL.len(), "names are distinct");
    let pages: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("is readable").file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(pages, names);
}

#[test]
fn every_type_is_answered_in_the_same_form() {
    for kind in ProblemType::ALL {
        let answer = Problem::new(kind, "What to do.").into_answer();
        assert_eq!(answer.status, kind.status());
        assert!(answer.status.is_client_error() || answer.status.is_server_error());
        assert_eq!(answer.headers.get("content-type").map(String::as_str), Some("application/problem+json"));
        assert_eq!(answer.headers.get("cache-control").map(String::as_str), Some("no-store"));
    }
    let later = Problem::try_again().into_answer();
    assert_eq!(later.headers.get("retry-after").map(String::as_str), Some("1"));
}
