//! `cargo xtask fuzz`: libFuzzer over the targets, with the stable toolchain.
//!
//! Counters of coverage are the stable compiler's too. The decoders have no `unsafe` outside the kernels, so that panics,
//! overflows, time and memory are what there is to find; for the kernels, `--address` adds AddressSanitizer, which the
//! nightly toolchain has.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xtask::targets::{TARGETS, Target};

/// Counters at every edge; checksums are passed over under `cfg(fuzzing)`. Operands of comparisons are not traced: it took
/// half of the time of every decoder, and the words of the formats, `fuzz/words.dict`, do for headers what it did.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Ccodegen-units=1",
];

#[derive(clap::Args)]
pub struct Args {
    /// Targets; all of them by default
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// Processes for each target
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: u32,
    /// AddressSanitizer, which needs the nightly toolchain
    #[arg(long)]
    address: bool,
    /// List the targets and their properties
    #[arg(long)]
    list: bool,
}

/// Runs the targets; false where one found something.
pub fn run(args: &Args) -> Result<bool> {
    if args.list {
        for target in TARGETS.iter() {
            println!("{:20} {}", target.name, target.property);
        }
        return Ok(true);
    }
    for name in &args.targets {
        ensure!(Target::of(name).is_some(), "there is no target {name}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let program = build(&root, args.address)?;
    let (mut clean, mut rows) = (true, Vec::new());
    for target in TARGETS.iter() {
        if !args.targets.is_empty() && !args.targets.contains(&target.name) {
            continue;
        }
        let corpus = root.join("fuzz/corpus").join(&target.name);
        let found = root.join("fuzz/artifacts").join(&target.name);
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&found)?;
        for (name, bytes) in target.seeds()? {
            if bytes.len() <= target.longest {
                std::fs::write(corpus.join(name), bytes)?;
            }
        }
        let mut fuzzer = Command::new(&program);
        fuzzer
            .env("NC_FUZZ", &target.name)
            .arg(&corpus)
            .arg(format!("-artifact_prefix={}/", found.display()))
            .arg(format!("-max_total_time={}", args.seconds))
            .args(["-timeout=30", "-rss_limit_mb=1024", "-malloc_limit_mb=256"])
            .arg(format!("-max_len={}", target.longest))
            .arg(format!("-dict={}", root.join("fuzz/words.dict").display()))
            // What takes long is tried less often.
            .arg("-entropic_scale_per_exec_time=1")
            .args(["-print_final_stats=1", "-verbosity=0"]);
        if args.jobs > 1 {
            fuzzer.arg(format!("-fork={}", args.jobs));
        }
        println!("{}: {}", target.name, target.property);
        let ran = watch(&mut fuzzer)?;
        println!("{}: {}", target.name, ran.found());
        clean &= ran.clean;
        rows.push((target, ran));
    }
    println!("\n| target | executions | minutes | found |\n| --- | ---: | ---: | --- |");
    for (target, ran) in rows {
        let (name, minutes) = (&target.name, ran.seconds / 60.0);
        println!(
            "| {name} | {} | {minutes:.1} | {} |",
            ran.executions,
            ran.found()
        );
    }
    Ok(clean)
}

/// What came of a target.
struct Ran {
    executions: u64,
    seconds: f64,
    clean: bool,
}

impl Ran {
    fn found(&self) -> &'static str {
        if self.clean { "nothing" } else { "SOMETHING" }
    }
}

/// Runs the fuzzer and counts; its messages are passed on but for those that say nothing here.
fn watch(fuzzer: &mut Command) -> Result<Ran> {
    const NOISE: [&str; 2] = ["NEW_FUNC[", "WARNING: Failed to find function"];
    let start = Instant::now();
    let mut running = fuzzer
        .stderr(Stdio::piped())
        .spawn()
        .context("the fuzzer")?;
    let said = running.stderr.take().context("the fuzzer")?;
    let mut executions = 0;
    for line in BufReader::new(said).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let Some(n) = line.strip_prefix("stat::number_of_executed_units:") {
            executions = n.trim().parse()?;
        }
        if !NOISE.iter().any(|n| line.trim_start().starts_with(n)) {
            eprintln!("{line}");
        }
    }
    Ok(Ran {
        executions,
        clean: running.wait()?.success(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Builds `fuzz/`, which is no member of the workspace: its flags are its own.
fn build(root: &Path, address: bool) -> Result<PathBuf> {
    let folder = root.join("fuzz");
    // A target is named so that build scripts and macros, which run on this machine, get no counters.
    let triple = host()?;
    let mut cargo = Command::new(crate::cargo());
    let (mut flags, mut at) = (FLAGS.to_vec(), folder.join("target"));
    if address {
        // The cargo that runs this task is of one toolchain; the one on PATH chooses.
        cargo = Command::new("cargo");
        cargo.arg("+nightly").env_remove("RUSTUP_TOOLCHAIN");
        cargo.env_remove("RUSTC").env_remove("RUSTDOC");
        flags.push("-Zsanitizer=address");
        at = at.join("address");
    }
    let built = cargo
        .current_dir(&folder)
        .args(["build", "--release", "--bin", "all", "--target", &triple])
        .env("CARGO_TARGET_DIR", &at)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .status()?;
    ensure!(built.success(), "fuzz/ does not build");
    Ok(at.join(triple).join("release/all"))
}

/// The machine's triple.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|l| l.strip_prefix("host: "));
    Ok(line.context("rustc does not tell its host")?.to_owned())
}
