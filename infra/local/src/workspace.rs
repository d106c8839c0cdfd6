//! The repository on disk: where it is and where its parts lie.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The crates that are deployed; a binary of the same name exists for each.
pub const FUNCTIONS: [&str; 6] =
    ["purchase-check", "persona-webhook", "purchase-completion", "sweeper", "number-search", "phone-verification"];

/// The repository's root and the places that follow from it.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    binaries: PathBuf,
}

impl Workspace {
    /// Finds the repository around the current directory or, for tests, around the running program.
    ///
    /// # Errors
    /// [`Error::OutsideRepository`] if neither lies in one.
    pub fn find() -> Result<Self> {
        let program = std::env::current_exe().map_err(Error::io("look for the running program"))?;
        let here = std::env::current_dir().map_err(Error::io("look for the current directory"))?;
        let root = [here.as_path(), program.as_path()]
            .into_iter()
            .flat_map(Path::ancestors)
            .find(|folder| folder.join("template.yaml").is_file() && folder.join("infra/local").is_dir())
            .ok_or(Error::OutsideRepository)?
            .to_path_buf();
        // A test runs from target/<profile>/deps, the command line from target/<profile>.
        let folder = program.parent().unwrap_or(Path::new("."));
        let binaries = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        Ok(Self { binaries: binaries.to_path_buf(), root })
    }

    /// The root, which holds `template.yaml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The only description of what is deployed.
    #[must_use]
    pub fn template(&self) -> PathBuf {
        self.root.join("template.yaml")
    }

    /// The virtual environment that holds the pinned tools.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The list of pinned tools.
    #[must_use]
    pub fn requirements(&self) -> PathBuf {
        self.root.join("infra/local/requirements.txt")
    }

    /// Where a running stack keeps its logs and temporary files.
    #[must_use]
    pub fn local(&self) -> PathBuf {
        self.root.join("target/local")
    }

    /// The built program of that name.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] if it is absent.
    pub fn binary(&self, name: &str) -> Result<PathBuf> {
        let path = self.binaries.join(name);
        if path.is_file() { Ok(path) } else { Err(Error::NotBuilt(path)) }
    }

    /// Copies each function's binary to where the template's `CodeUri` looks for it.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] if one is absent, [`Error::Io`] if it cannot be copied.
    pub fn place_bootstraps(&self) -> Result<()> {
        for function in FUNCTIONS {
            let binary = self.binary(function)?;
            let folder = self.root.join("target/lambda").join(function);
            let place = || format!("copy {} to {}", binary.display(), folder.display());
            std::fs::create_dir_all(&folder).map_err(Error::io(place()))?;
            // By way of another name: two stacks that start at once never read half a file of each other's.
            let unfinished = folder.join(format!("bootstrap.{}", uuid::Uuid::new_v4().simple()));
            std::fs::copy(&binary, &unfinished).map_err(Error::io(place()))?;
            std::fs::rename(&unfinished, folder.join("bootstrap")).map_err(Error::io(place()))?;
        }
        Ok(())
    }
}
