//! The nc command line, as a library: a program of one's own with codecs of one's own has the whole of it by
//! `nc_cli::run(nc::Toolkit::new().with(my_codec))`.
//!
//! Parse, call the toolkit, map errors to exit codes. Every command lives in its own module and gives back an exit code;
//! the table of codes is in `failure`, the one table that knows kinds of media in `kinds`.

mod args;
mod batch;
mod codec_options;
mod decode;
mod encode;
mod failure;
mod info;
mod kinds;
mod meta;
mod models;
mod query;
mod signals;
mod test;
mod train;
mod trim;
mod ui;

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};
use nc::Toolkit;

use crate::args::{Cli, Command, Common, Model};
use crate::failure::Failure;
use crate::ui::Ui;

/// Runs the program with the codecs of a toolkit; gives its exit code. Usage errors, help and version end the process.
pub fn run(toolkit: Toolkit) -> ExitCode {
    nc::nc_core::guard::quiet();
    let matches = codec_options::command(toolkit.registry()).get_matches();
    let code = dispatch(toolkit, &matches).unwrap_or_else(|failure| {
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

fn dispatch(toolkit: Toolkit, matches: &ArgMatches) -> failure::Result<u8> {
    let clap = |e: clap::Error| Failure::usage(e.to_string());
    let (name, sub) = matches.subcommand().unwrap_or(("", matches));
    let leaf = sub.subcommand().map_or(sub, |(_, leaf)| leaf);
    let common = Common::from_arg_matches(leaf).map_err(clap)?;
    let cancel = signals::install();
    let toolkit = toolkit
        .with_threads(common.threads)
        .with_memory(common.memory)
        .with_cancel(cancel);
    let mut ui = Ui::new(common, toolkit);
    if name == "train" {
        return train::run(sub, &mut ui);
    }
    let cli = Cli::from_arg_matches(matches).map_err(clap)?;
    match cli.command {
        Command::Encode(args) => {
            let options = codec_options::given(ui.toolkit().registry(), sub, &args.option);
            encode::run(&args, options, &mut ui)
        }
        Command::Decode(args) => decode::run(&args, &mut ui),
        Command::Test(args) => test::run(&args, &mut ui),
        Command::Info(args) => info::run(&args, &ui),
        Command::Trim(args) => trim::run(&args, &mut ui),
        Command::Query(query) => query::run(&query, &mut ui),
        Command::Model(Model::Info(args)) => models::info(&args, &ui),
        Command::Model(Model::List) => models::list(&ui),
        Command::Completions { shell } => meta::completions(shell, ui.toolkit()).map(|()| 0),
        #[cfg(feature = "man")]
        Command::Man { out_dir } => meta::man(out_dir.as_deref(), ui.toolkit()).map(|()| 0),
    }
}
