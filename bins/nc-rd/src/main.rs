//! nc-rd: rate and quality of nc's codecs and of those that people use today.
//!
//! A plan says which inputs, codecs and settings; `run` does it by commands on files, as a user would, and
//! leaves results in one format, of which everything else is made. Rates are bytes of real files, headers
//! included. The figures of the documents are made by these commands and not typed.
#![allow(
    clippy::indexing_slicing,
    reason = "plans and results are its own, and codecs run as commands"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod chart;
mod data;
mod demo;
mod html;
mod names;
mod peer;
mod plot;
mod sides;
mod spectrogram;

/// Exit code where a run has failed rows, a comparison something worse, a document another table.
const NOT_ALL_WELL: u8 = 3;

#[derive(Parser)]
#[command(
    version,
    about = "Rate-distortion runs over nc codecs and their peers",
    after_help = "Exit codes: 0 all is well; 1 it could not be done; 2 usage; 3 done, but runs failed (run, \
                  judge), something got worse (compare), or the table is another (table --check)"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a plan: inputs x codecs x settings, to a folder of results. Goes on where it was stopped
    Run(bench::run::RunArgs),
    /// Join the folders of shards, or of runs of one plan on several machines
    Merge(bench::merge::MergeArgs),
    /// What changed between two runs: bytes, quality, BD-rate, times with their noise
    Compare(bench::compare::CompareArgs),
    /// Results as a table, also into a document
    Table(bench::table::TableArgs),
    /// Draw a figure of results against another one
    Plot(plot::PlotArgs),
    /// Draw an example of a run beside what came back of it
    Sides(sides::SidesArgs),
    /// Make an HTML report and plots of the folder of a run
    Report(html::ReportArgs),
    /// The field's data sets: licences, how to get them, and checking a local folder
    Data(data::DataArgs),
    /// Make inputs, run every codec and peer over them, report: nothing is downloaded
    Demo(demo::DemoArgs),
    /// Judge decoded files against originals of the same name
    Judge(bench::pairs::JudgeArgs),
    /// Draw spectrograms of files over one another
    Spectrogram {
        /// WAV or FLAC files, the original first
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// PNG to write
        #[arg(short, value_name = "PNG")]
        output: PathBuf,
    },
    /// What plans call where no program does it: zstd by rows under a dictionary, Parquet
    #[command(subcommand)]
    Peer(peer::PeerCommand),
}

fn main() -> ExitCode {
    match command(Args::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ALL_WELL),
        Err(e) => {
            eprintln!("Error: {e:?}");
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked; whether all is well.
fn command(command: Command) -> Result<bool> {
    let done = match command {
        Command::Run(args) => return bench::run::run(&args),
        Command::Merge(args) => return bench::merge::run(&args),
        Command::Compare(args) => return bench::compare::run(&args),
        Command::Table(args) => return bench::table::run(&args),
        Command::Demo(args) => return demo::run(&args),
        Command::Judge(args) => return bench::pairs::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Sides(args) => sides::run(&args),
        Command::Report(args) => html::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Spectrogram { inputs, output } => spectrogram::draw(&inputs, &output),
        Command::Peer(peer) => peer::run(&peer),
    };
    done.map(|()| true)
}
