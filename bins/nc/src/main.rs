//! The nc program.

use std::process::ExitCode;

fn main() -> ExitCode {
    nc_cli::run(nc::Toolkit::new())
}
