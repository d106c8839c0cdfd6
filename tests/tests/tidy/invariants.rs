//! The table of invariants in `functions/README.md`: what it names is there.

use crate::repository::text_files;

/// How a row of the table starts.
const ROW: &str = "| I";

#[test]
fn every_invariant_of_the_table_is_a_function() {
    let files = text_files();
    let readme = files.iter().find(|file| file.path == "functions/README.md").expect("is there");
    let rows: Vec<&str> = readme
        .text
        .lines()
        .filter(|line| {
            line.strip_prefix(ROW).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        })
        .collect();
    assert_eq!(rows.len(), 14, "I1 to I13, and I15");
    let sources: String =
        files.iter().filter(|file| file.path.ends_with(".rs")).map(|file| file.text.as_str()).collect();
    for row in rows {
        let functions = row.split('|').nth(3).expect("has three columns");
        let named: Vec<&str> = functions.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')).collect();
        assert!(!named.is_empty(), "{row} names no function");
        for name in named {
            assert!(sources.contains(&format!("fn {name}(")), "there is no function {name}");
        }
    }
}
