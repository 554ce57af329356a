//! The nc command line: parse, call, map errors to exit codes.
//!
//! Every command lives in its own module and gives back an exit code; the table of codes is in
//! `failure`.

mod args;
mod batch;
mod decode;
mod encode;
mod failure;
mod files;
mod info;
mod meta;
mod models;
mod query;
mod signals;
mod test;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod train_circuit;
mod trim;
mod ui;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use nc_media::range;

use crate::args::{Cli, Command, Model};
use crate::ui::Ui;

fn main() -> ExitCode {
    nc_core::guard::quiet();
    // Usage errors end here with code 2, help and version with 0.
    let cli = Cli::parse();
    let mut ui = Ui::new(cli.common.clone(), signals::install());
    let result = match cli.command {
        Command::Encode(args) => encode::run(&args, &mut ui),
        Command::Decode(args) => decode::run(&args, &mut ui),
        Command::Test(args) => test::run(&args, &ui),
        Command::Info(args) => info::run(&args, &ui),
        Command::Trim(args) => trim::run(&args, &mut ui),
        Command::Query(query) => query::run(&query, &mut ui),
        Command::Model(Model::Info(args)) => models::info(&args, &ui),
        Command::Model(Model::List) => models::list(&ui),
        #[cfg(feature = "train")]
        Command::Train(args::Train::Grvq(args)) => train::grvq(&args, &mut ui),
        #[cfg(feature = "train")]
        Command::Train(args::Train::Circuit(args)) => train_circuit::run(&args, &mut ui),
        Command::Completions { shell } => meta::completions(shell).map(|()| 0),
        Command::Man { out_dir } => meta::man(out_dir.as_deref()).map(|()| 0),
    };
    let code = result.unwrap_or_else(|failure| {
        if !failure.is_closed_pipe() {
            let subject = failure
                .subject
                .as_deref()
                .map_or(String::new(), |p| format!("{}: ", ui::label(p)));
            let _ = writeln!(std::io::stderr(), "nc: {subject}{}", failure.line());
        }
        failure.code()
    });
    ExitCode::from(code)
}
