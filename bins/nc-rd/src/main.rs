//! nc-rd: rate and quality of nc's codecs and of those that people use today.
//!
//! Rates are bytes of real files, headers included; decoded sound comes back through the same
//! files. The figures of a README are made by these commands and not typed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

mod bench;
mod chart;
mod coder;
mod data;
mod demo;
mod html;
mod own;
mod peers;
mod plot;
mod records;
mod report;
mod run;
mod spectrogram;
mod video;

use coder::Coder;
use report::{Report, Row};

/// Exit code where a run has failed rows, a comparison something worse, a document another table.
const NOT_ALL_WELL: u8 = 3;

#[derive(Parser)]
#[command(
    version,
    about = "Rate-distortion runs over nc codecs and their peers",
    after_help = "Exit codes: 0 all is well; 1 it could not be done; 2 usage; 3 done, but runs failed (run), \
                  something got worse (compare), or the table is another (table --check)"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a plan: inputs x codecs x settings, to a folder of results. Goes on where it was stopped
    Run(bench::run::RunArgs),
    /// What changed between two runs: bytes, quality, BD-rate, times with their noise
    Compare(bench::compare::CompareArgs),
    /// Results as a table, also into a document
    Table(bench::table::TableArgs),
    /// Code every clip of a folder at each rate and judge what comes back
    Speech {
        /// Folder of WAV and FLAC clips, used as mono at 16 kHz
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Rates in kbit/s for nc's codecs
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "1.5,3,6",
            value_name = "KBPS,..."
        )]
        rates: Vec<f64>,
        /// Qualities of 0 to 10 for nc's codecs, instead of rates
        #[arg(
            long,
            value_delimiter = ',',
            value_name = "Q,...",
            conflicts_with = "rates"
        )]
        qualities: Vec<f32>,
        /// nc codec to run; `none` for the peers alone
        #[arg(long, default_value = "grvq")]
        codec: String,
        /// Model file instead of the embedded one
        #[arg(long, value_name = "FILE")]
        model: Option<PathBuf>,
        /// Leave out the commands of other codecs found on PATH
        #[arg(long)]
        no_peers: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Bytes per record of tables: nc's circuits, zstd with and without a dictionary, xz, Parquet.
    /// Every fifth row is held out and measured, the others are learnt from
    Records {
        /// CSV files with a header, no line ends within cells
        #[arg(required = true, value_name = "CSV")]
        tables: Vec<PathBuf>,
        /// The `nc` to run; by default the one beside this program, or on PATH
        #[arg(long, value_name = "PROGRAM")]
        nc: Option<PathBuf>,
        /// States of nc's circuit, instead of its default
        #[arg(long, value_name = "N")]
        states: Option<usize>,
        /// Write rows as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Code clips of video at each size and judge what comes back
    Video(video::VideoArgs),
    /// The field's data sets: licences, how to get them, and checking a local folder
    Data(data::DataArgs),
    /// Make inputs, run every codec and peer over them, report: nothing is downloaded
    Demo(demo::DemoArgs),
    /// Judge decoded files against originals of the same name
    Judge {
        /// Folder of originals
        #[arg(long = "ref", value_name = "DIR")]
        reference: PathBuf,
        /// Folder of decoded files
        #[arg(long = "deg", value_name = "DIR")]
        degraded: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Draw spectrograms of files over one another
    Spectrogram {
        /// WAV or FLAC files, the original first
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// PNG to write
        #[arg(short, value_name = "PNG")]
        output: PathBuf,
    },
    /// Make an HTML report and plots of the folder of a run
    Report(html::ReportArgs),
    /// Draw PESQ-WB and STOI against rate
    Plot {
        /// Results of `speech --json`
        #[arg(required = true, value_name = "JSON")]
        results: Vec<PathBuf>,
        /// SVG to write
        #[arg(short, value_name = "SVG")]
        output: PathBuf,
        /// Leave out the reference points measured on other clips
        #[arg(long)]
        no_references: bool,
    },
}

#[derive(clap::Args)]
struct Output {
    /// Write curves and rows as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write rows as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
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
        Command::Compare(args) => return bench::compare::run(&args),
        Command::Table(args) => return bench::table::run(&args),
        Command::Speech {
            data,
            rates,
            qualities,
            codec,
            model,
            no_peers,
            output,
        } => {
            let mut coders: Vec<Box<dyn Coder>> = Vec::new();
            let mut skipped = Vec::new();
            if codec != "none" {
                coders.extend(own::all(
                    &codec,
                    model.as_deref(),
                    if qualities.is_empty() { &rates } else { &[] },
                    &qualities,
                )?);
            }
            if !no_peers {
                let (found, missing) = peers::all();
                coders.extend(found);
                skipped.extend(missing.into_iter().map(String::from));
            }
            ensure!(!coders.is_empty(), "nothing to run");
            speech(&data, &coders, skipped, &output)
        }
        Command::Records {
            tables,
            nc,
            states,
            json,
        } => {
            let rows = records::run(&tables, nc.as_deref(), states)?;
            records::report(&rows, json.as_deref())
        }
        Command::Video(args) => video::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Demo(args) => return demo::run(&args),
        Command::Judge {
            reference,
            degraded,
            output,
        } => {
            let rows = run::judge(&reference, &degraded)?;
            write(
                &rows,
                |_, _| degraded.display().to_string(),
                Vec::new(),
                &output,
            )
        }
        Command::Spectrogram { inputs, output } => spectrogram::draw(&inputs, &output),
        Command::Report(args) => html::run(&args),
        Command::Plot {
            results,
            output,
            no_references,
        } => plot::draw(&results, &output, !no_references),
    };
    done.map(|()| true)
}

fn speech(
    data: &Path,
    coders: &[Box<dyn Coder>],
    skipped: Vec<String>,
    output: &Output,
) -> Result<()> {
    let clips = run::load(data)?;
    for name in &skipped {
        eprintln!("skipped: {name} not on PATH");
    }
    let mut rows = Vec::new();
    for coder in coders {
        eprintln!(
            "{} {}: {} clips",
            coder.name(),
            coder.setting(),
            clips.len()
        );
        rows.extend(run::run(coder.as_ref(), &clips));
    }
    let describe = |codec: &str, setting: &str| {
        coders
            .iter()
            .find(|c| c.name() == codec && c.setting() == setting)
            .map_or_else(String::new, |c| c.description().to_owned())
    };
    write(&rows, describe, skipped, output)
}

fn write(
    rows: &[Row],
    describe: impl Fn(&str, &str) -> String,
    skipped: Vec<String>,
    output: &Output,
) -> Result<()> {
    for row in rows.iter().filter(|r| r.error.is_some()) {
        let why = row.error.as_deref().unwrap_or_default();
        eprintln!("{} {} {}: {why}", row.codec, row.setting, row.clip);
    }
    // A closed pipe (`| head`) is the reader's wish and no failure.
    let _ = std::io::stdout().write_all(report::table(rows).as_bytes());
    if let Some(path) = &output.csv {
        std::fs::write(path, report::csv(rows)).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &output.json {
        let first = rows.first().map(|r| (&r.codec, &r.setting));
        let clips = || {
            rows.iter()
                .filter(|r| Some((&r.codec, &r.setting)) == first)
        };
        let report = Report {
            clips: clips().count(),
            seconds: clips().map(|r| r.seconds).sum(),
            skipped,
            curves: report::curves(rows, describe),
            rows: rows.to_vec(),
        };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    let scored = rows.iter().filter(|r| r.scores.is_some()).count();
    ensure!(scored > 0, "not one clip could be scored");
    Ok(())
}
