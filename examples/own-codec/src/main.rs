//! The whole nc command line, with one codec more.

use std::process::ExitCode;

fn main() -> ExitCode {
    nc_cli::run(nc::Toolkit::new().with(own_codec::Rice))
}
