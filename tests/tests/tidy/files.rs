//! What no file may hold.

use crate::repository::{TextFile, text_files};

/// Longest file that needs no reason, in lines.
const LINES_MAX: usize = 500;

/// Longer files, and why each is one file.
const LONG_FILES: [(&str, &str); 4] = [
    ("Cargo.lock", "written by cargo"),
    ("template.yaml", "one deployment: SAM takes one file"),
    (
        "tests/tests/tables/snapshots/tables__purchase_table__purchase_table.snap",
        "written by insta: every state with every event",
    ),
    (
        "tests/tests/tables/snapshots/tables__verification_table__verification_table.snap",
        "written by insta: every state with every event",
    ),
];

/// Texts that no file may hold, in two halves so that this file does not hold them.
const UNFINISHED: [(&str, &str); 5] =
    [("#[ign", "ore"), ("to", "do!("), ("unimple", "mented!("), ("db", "g!("), ("FIX", "ME")];

/// Paths of one machine, in two halves.
const MACHINE_PATHS: [(&str, &str); 4] = [("/ho", "me/"), ("/ro", "ot/"), ("/Use", "rs/"), ("C:\\", "Users")];

/// The registry's host, in two halves: cargo knows it.
const REGISTRY_HOSTS: [(&str, &str); 3] = [("crates", ".io"), ("pypi", ".org"), ("npmjs", ".com")];

/// The one file that must name a registry's host: cargo writes its index into the lock.
const NAMES_REGISTRY: &str = "Cargo.lock";

fn rust_files() -> Vec<TextFile> {
    text_files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// Fails with every place where a file holds one of the texts.
fn none_holds(files: &[TextFile], forbidden: &[(&str, &str)]) {
    let mut places = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            for (first, second) in forbidden {
                if line.contains(&format!("{first}{second}")) {
                    places.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
                }
            }
        }
    }
    assert!(places.is_empty(), "{}", places.join("\n"));
}

#[test]
fn nothing_is_left_unfinished_or_left_out() {
    none_holds(&rust_files(), &UNFINISHED);
}

#[test]
fn no_file_knows_the_machine_that_it_was_written_on() {
    none_holds(&text_files(), &MACHINE_PATHS);
}

#[test]
fn registries_are_named_where_they_must_be_only() {
    let files: Vec<TextFile> = text_files().into_iter().filter(|file| file.path != NAMES_REGISTRY).collect();
    none_holds(&files, &REGISTRY_HOSTS);
}

#[test]
fn every_file_of_the_functions_says_what_it_is() {
    for file in rust_files().iter().filter(|file| file.path.starts_with("functions/")) {
        assert!(file.text.starts_with("//! "), "{} has no documentation at its top", file.path);
    }
}

#[test]
fn every_crate_and_every_test_says_what_it_is() {
    let tops = ["/main.rs", "/lib.rs"];
    for file in rust_files().iter().filter(|file| tops.iter().any(|top| file.path.ends_with(top))) {
        assert!(file.text.starts_with("//! "), "{} has no documentation at its top", file.path);
    }
}

#[test]
fn long_files_have_a_reason() {
    for file in text_files() {
        let lines = file.text.lines().count();
        let reason = LONG_FILES.iter().find(|(path, _)| *path == file.path);
        match reason {
            None => assert!(lines <= LINES_MAX, "{} has {lines} lines", file.path),
            Some(_) => assert!(lines > LINES_MAX, "{} has {lines} lines: it needs no reason any more", file.path),
        }
    }
}

/// Unsafe code is forbidden by a lint; so that nobody lifts it, nobody may speak of lifting lints either.
#[test]
fn lints_are_lifted_with_a_reason_only() {
    for file in rust_files() {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            let lifts = line.starts_with("#[allow(") || line.starts_with("#![allow(");
            assert!(!lifts, "{}:{}: {line}", file.path, number + 1);
        }
    }
}
