//! The `dialgate` command line; everything it does is in the library.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run(local::cli::Arguments::parse())
}
