//! What is never built in, judged by what cargo would build here. `deny.toml` says the same to `cargo deny`, for all
//! platforms, with the reasons.

use std::fs;

use crate::repository::{cargo, run_cargo, top};

/// Crates that are in no build, as cargo names them.
const BANNED: [&str; 4] = ["ring", "native-tls", "openssl-sys", "hyper@0.14"];

/// The oldest rustls that may be built in: what is older has open advisories.
const RUSTLS_MINOR_MIN: u32 = 23;

/// Everything that cargo would build for this machine, one crate and version a line.
fn built() -> Vec<String> {
    let tree = cargo(&["tree", "--workspace", "--offline", "--locked", "-e", "normal,build", "--prefix", "none"]);
    tree.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_banned_is_not_built() {
    for banned in BANNED {
        let output = run_cargo(&["tree", "--workspace", "--offline", "--locked", "-e", "normal,build", "-i", banned]);
        let tree = String::from_utf8_lossy(&output.stdout);
        assert!(tree.trim().is_empty(), "{banned} is built in:\n{tree}");
        let complaint = String::from_utf8_lossy(&output.stderr);
        let absent = complaint.contains("did not match any packages") || complaint.contains("nothing to print");
        assert!(absent, "{banned}: {complaint}");
    }
}

#[test]
fn what_is_built_can_be_seen() {
    let built = built();
    for present in ["rustls v0.", "hyper v1.", "aws-lc-rs v1.", "adapters v"] {
        assert!(built.iter().any(|line| line.starts_with(present)), "{present} is not seen");
    }
    for line in &built {
        if let Some(version) = line.strip_prefix("rustls v0.") {
            let minor = version.split('.').next().and_then(|minor| minor.parse::<u32>().ok());
            assert!(minor.is_some_and(|minor| minor >= RUSTLS_MINOR_MIN), "{line}");
        }
        for banned in BANNED {
            let start = banned.replace('@', " v");
            assert_ne!(line.split(" v").next(), Some(banned), "{line}");
            assert!(!line.starts_with(&format!("{start}.")), "{line}");
        }
    }
}

#[test]
fn deny_toml_bans_the_same() {
    let deny = fs::read_to_string(top().join("deny.toml")).expect("deny.toml is there");
    for banned in BANNED {
        let (name, _) = banned.split_once('@').unwrap_or((banned, ""));
        let line = deny.lines().find(|line| line.contains(&format!("\"{name}")) && line.contains("reason"));
        assert!(line.is_some(), "{name} is not banned with a reason");
    }
    let rustls = deny.lines().find(|line| line.contains("\"rustls@<0.23\"") && line.contains("reason"));
    assert!(rustls.is_some(), "old rustls is not banned with a reason");
    assert!(deny.contains("unknown-registry = \"deny\""));
    assert!(deny.contains("unknown-git = \"deny\""));
}

/// Everything comes from the one public registry: nothing from git, nothing from elsewhere.
#[test]
fn every_dependency_comes_from_the_registry() {
    let lock = fs::read_to_string(top().join("Cargo.lock")).expect("the lock is there");
    let sources: Vec<&str> = lock.lines().filter(|line| line.starts_with("source = ")).collect();
    assert!(sources.len() > 100, "the lock is read");
    for source in &sources {
        assert!(source.starts_with("source = \"registry+"), "{source}");
        assert_eq!(Some(source), sources.first(), "a second registry");
    }
}
