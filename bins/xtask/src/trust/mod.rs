//! `cargo xtask trust`: the promises of `SECURITY.md`, tried at a stated scale.

mod damage;
mod exact;
mod faults;
mod fuzz;
mod golden;
mod hostile;
mod load;
mod media;
mod process;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Failures that are told one by one.
const TOLD: usize = 20;

#[derive(clap::Args)]
pub struct Args {
    /// How much is tried: quick takes minutes, full hours
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    scale: Scale,
    /// Only these checks, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    only: Vec<String>,
    /// Seed of all that is random
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The programs nc and nc-rd, in this folder; by default they are built first
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Another nc that `exact` compares, such as an emulator and a program for its processor; may be repeated
    #[arg(long, value_name = "COMMAND")]
    also: Vec<String>,
    /// Print one line of JSON for each check instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scale {
    Quick,
    Full,
}

/// What a check is given.
struct Setting {
    scale: Scale,
    seed: u64,
    /// Folder of the programs nc and nc-rd.
    programs: PathBuf,
    /// Folder for files, empty at first.
    work: PathBuf,
    /// Commands that run as nc does.
    also: Vec<String>,
}

impl Setting {
    /// The number for the scale.
    fn of(&self, quick: usize, full: usize) -> usize {
        match self.scale {
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// What came of a check.
#[derive(Default)]
struct Outcome {
    tried: u64,
    failures: Vec<String>,
    /// What a reader of the table should know, such as what was left out.
    notes: Vec<String>,
}

impl Outcome {
    /// Counts one trial.
    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.tried += 1;
        if !holds {
            self.failures.push(what());
        }
    }
}

/// Name, promise, and the check itself.
type Check = (&'static str, &'static str, fn(&Setting) -> Result<Outcome>);

const CHECKS: [Check; 8] = [
    (
        "fuzz",
        "seeds changed at random break no target's property, nor its time and memory",
        fuzz::run,
    ),
    (
        "golden",
        "golden files decode to the same symbols and output, faulty ones to the error they should",
        golden::run,
    ),
    (
        "hostile",
        "right checksums over hostile content are refused within 100 ms and 64 MB",
        hostile::run,
    ),
    (
        "damage",
        "a cut or a changed byte gives an error or the right output",
        damage::run,
    ),
    (
        "exact",
        "every SIMD level, thread count and decoder gives the same bits",
        exact::run,
    ),
    (
        "kill",
        "killed at any time, nothing partial has the final name, and resumed work gives the same",
        faults::kill,
    ),
    (
        "faults",
        "full disk, closed pipe, unreadable input, interrupt: a clean message, code and folder",
        faults::run,
    ),
    (
        "load",
        "many files and a large one in flat memory; eight threads give what one gives",
        load::run,
    ),
];

/// Runs the checks; false where anything failed.
pub fn run(args: &Args) -> Result<bool> {
    for name in &args.only {
        let known = CHECKS.iter().any(|c| c.0 == name);
        ensure!(known, "there is no check {name}");
    }
    let programs = match &args.programs {
        Some(folder) => folder.canonicalize()?,
        None => build()?,
    };
    let mut all = true;
    if !args.json {
        println!("| check | promise | tried | failed | seconds |");
        println!("| --- | --- | ---: | ---: | ---: |");
    }
    for (name, promise, check) in CHECKS {
        if !(args.only.is_empty() || args.only.iter().any(|n| n == name)) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        let setting = Setting {
            scale: args.scale,
            seed: args.seed,
            programs: programs.clone(),
            work: folder.path().to_path_buf(),
            also: args.also.clone(),
        };
        let start = Instant::now();
        let outcome = check(&setting).with_context(|| name)?;
        let (tried, failed) = (outcome.tried, outcome.failures.len());
        let seconds = start.elapsed().as_secs_f64();
        // A check that tried nothing has shown nothing.
        all &= failed == 0 && tried > 0;
        if args.json {
            let line: Value = json!({
                "check": name, "promise": promise, "tried": tried, "failed": failed,
                "failures": outcome.failures, "notes": outcome.notes, "seconds": seconds,
            });
            println!("{line}");
            continue;
        }
        println!("| {name} | {promise} | {tried} | {failed} | {seconds:.1} |");
        for note in &outcome.notes {
            eprintln!("{name}: {note}");
        }
        for failure in outcome.failures.iter().take(TOLD) {
            eprintln!("{name}: FAILED: {failure}");
        }
    }
    Ok(all)
}

/// Builds the programs as a user has them; gives their folder.
fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = std::process::Command::new(crate::cargo())
        .current_dir(&root)
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "nc-codec-cli",
            "-p",
            "nc-codec-rd",
        ])
        .status()?;
    ensure!(built.success(), "nc and nc-rd do not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    Ok(target.join("release").canonicalize()?)
}
