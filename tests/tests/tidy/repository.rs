//! The repository's files, and what cargo says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders that hold no source: what is built, what is installed, and git's own.
const FOREIGN_FOLDERS: [&str; 5] = [".git", ".tools", "node_modules", "target", "__pycache__"];

/// Endings of files that are text for people or machines.
const TEXT_ENDINGS: [&str; 14] =
    ["rs", "toml", "md", "yaml", "yml", "json", "sh", "py", "txt", "html", "js", "css", "snap", "lock"];

/// A text file of the repository.
pub(crate) struct TextFile {
    /// Its path from the repository's top, with slashes.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

/// The repository's top.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// Every text file, in the order of their paths.
pub(crate) fn text_files() -> Vec<TextFile> {
    let top = top();
    let mut files = Vec::new();
    collect(&top, &top, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(files.len() > 50, "the walk finds the repository");
    files
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<TextFile>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if !FOREIGN_FOLDERS.contains(&name.as_str()) {
                collect(top, &path, files);
            }
        } else if is_text(&path, &name) {
            let relative = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{relative}: {error}"));
            files.push(TextFile { path: relative, text });
        }
    }
}

fn is_text(path: &Path, name: &str) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    TEXT_ENDINGS.contains(&ending) || ["Makefile", "run", "Dockerfile", ".gitignore"].contains(&name)
}

/// What `cargo metadata` says of the workspace's own crates.
pub(crate) fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list of crates").clone()
}

/// What cargo writes; it must succeed.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let output = run_cargo(arguments);
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs cargo at the repository's top.
pub(crate) fn run_cargo(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO")).current_dir(top()).args(arguments).output().expect("cargo can be started")
}
