//! What can go wrong on one machine, each with what to do next.

use std::path::PathBuf;

/// Why the local stack could not do something. The text is meant for a person: what happened, then what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository was not found around the running program or the current directory.
    #[error("no template.yaml here or in a folder above; run this inside the repository")]
    OutsideRepository,
    /// The pinned tools are absent or older than `infra/local/requirements.txt`, or their installation was cut short.
    #[error("the tools in {} are missing, unfinished or out of date; run `make tools`", .0.display())]
    ToolsNotInstalled(PathBuf),
    /// The optional watcher was not installed.
    #[error("cargo-lambda is not installed; run `make tools WATCH=1`")]
    WatcherNotInstalled,
    /// A program of the workspace was not built.
    #[error("{} was not built; run `make build`", .0.display())]
    NotBuilt(PathBuf),
    /// Somebody else listens where the stack wants to.
    #[error(
        "port {port} is in use by another program; stop that program, or choose another port: make up ARGS=\"--{who}-port PORT\""
    )]
    PortBusy {
        /// What wanted the port.
        who: &'static str,
        /// The port.
        port: u16,
    },
    /// Another `up` holds this repository's lock.
    #[error(
        "Dialgate is already up from this repository (target/local/stack.json says where); press Ctrl-C in its terminal first"
    )]
    AlreadyUp,
    /// A command needs a running stack.
    #[error("no stack is up from this repository; run `make up` in another terminal first")]
    NotUp,
    /// No bundle of root certificates was found for the functions.
    #[error("no bundle of root certificates found; install ca-certificates, or set SSL_CERT_FILE to a bundle")]
    NoCertificates,
    /// A program of the stack ended or kept silent while it was being started.
    #[error("the {who} did not start: {why}; its log is {}", log.display())]
    DidNotStart {
        /// Which program.
        who: &'static str,
        /// Its last words, or how long it was silent.
        why: String,
        /// Where the rest of them stands.
        log: PathBuf,
    },
    /// A tool ended with an error.
    #[error("`{command}` failed: {output}")]
    ToolFailed {
        /// The command, without secrets.
        command: String,
        /// What it said.
        output: String,
    },
    /// An answer was not what its sender documents.
    #[error("{from} answered something unexpected: {what}")]
    UnexpectedAnswer {
        /// Who answered.
        from: &'static str,
        /// What was missing or wrong.
        what: String,
    },
    /// A step of the story did not hold.
    #[error("the story stopped at \"{step}\": {what}")]
    Story {
        /// The step.
        step: &'static str,
        /// What was seen instead.
        what: String,
    },
    /// What was asked for cannot be done.
    #[error("{what}; {next}")]
    Refused {
        /// What stands against it.
        what: String,
        /// What to do instead.
        next: String,
    },
    /// The stack's table could not be read.
    #[error("the table could not be read: {0}; is the stack still up?")]
    Table(#[from] adapters::store::StoreError),
    /// A variable of the environment is missing beside another one.
    #[error("{needed} must be set too when {given} is")]
    SettingMissing {
        /// The variable that is set.
        given: &'static str,
        /// The variable that is needed.
        needed: &'static str,
    },
    /// The story needs simulators, but a real neighbour was configured.
    #[error("the story plays on the simulators only; unset {0} and try again")]
    RealNeighbour(&'static str),
    /// A file or a process could not be worked with.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// AWS, or the emulator, did not do something.
    #[error("could not {doing}: {code}")]
    Aws {
        /// What was being done.
        doing: &'static str,
        /// The error's code.
        code: String,
    },
    /// The account could not be compared with the table.
    #[error("nothing was compared: {0}")]
    Reconcile(#[from] crate::reconcile::ReconcileError),
    /// A request got no answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An input or output error with what was being done, made for `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
