//! `cargo xtask`: what is tried beside the tests, with no tool to install.
//!
//! `trust` tries the promises of `SECURITY.md` and prints a table; `fuzz` builds a libFuzzer target with the stable
//! toolchain and runs it.
#![allow(
    clippy::indexing_slicing,
    reason = "it makes the files that others must survive"
)]

mod fuzz;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Peaks of memory are part of what is promised.
#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// What is tried beside the tests
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try every promise and print what was tried and what failed; exit code 1 where anything did
    Trust(trust::Args),
    /// Fuzz targets with libFuzzer, from their seeds; exit code 1 on a finding
    Fuzz(fuzz::Args),
}

/// The cargo that runs this; else that on PATH.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Trust(args) => trust::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::from(2)
        }
    }
}
