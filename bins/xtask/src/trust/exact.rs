//! The same bits at every SIMD level, with every number of threads, from every decoder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nc_core::MediaKind;
use nc_corpora::files::sha256;
use nc_corpora::synth;
use nc_kernels::Level;
use xtask::corpus;
use xtask::opener::{REGISTRY, models_of, row};

use super::media::{wav, y4m};
use super::process::{Ran, command, complete};
use super::{Outcome, Setting, golden};

/// An emulator of a processor of the same kind, and processors that have less.
const EMULATOR: &str = "qemu-x86_64";
const PROCESSORS: [&str; 2] = ["Nehalem", "Haswell"];

/// An nc that is compared with the others.
struct Program {
    /// What a failure calls it.
    name: String,
    /// The program, or an emulator with its arguments and the program.
    words: Vec<OsString>,
    /// Environment that chooses a SIMD level.
    level: Option<String>,
    threads: &'static str,
}

impl Program {
    fn run(&self, args: &[OsString], folder: &Path) -> Result<Ran> {
        let (program, first) = self.words.split_first().context("no program")?;
        let mut command = command(Path::new(program), first.iter().chain(args));
        if let Some(level) = &self.level {
            command.env("NC_SIMD", level);
        }
        complete(&mut command, folder)
    }
}

pub fn run(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let nc = OsString::from(setting.program("nc"));
    let mut programs = Vec::new();
    let levels: Vec<String> = Level::available().iter().map(ToString::to_string).collect();
    for level in &levels {
        programs.extend(["1", "2"].map(|threads| Program {
            name: format!("{level}, {threads} threads"),
            words: vec![nc.clone()],
            level: Some(level.clone()),
            threads,
        }));
    }
    outcome
        .notes
        .push(format!("levels tried: {}", levels.join(", ")));
    let emulated = |name: String, words: Vec<OsString>| Program {
        name,
        words,
        level: None,
        threads: "2",
    };
    if process_exists(EMULATOR) {
        programs.extend(PROCESSORS.map(|processor| {
            let words = [EMULATOR, "-cpu", processor].map(OsString::from);
            let words = words.into_iter().chain([nc.clone()]).collect();
            emulated(processor.into(), words)
        }));
        outcome
            .notes
            .push(format!("{EMULATOR}: {}", PROCESSORS.join(", ")));
    } else {
        outcome.notes.push(format!(
            "{EMULATOR} is not installed: emulated processors were not run"
        ));
    }
    for also in &setting.also {
        let words = also.split_whitespace().map(OsString::from).collect();
        programs.push(emulated(also.clone(), words));
        outcome.notes.push(format!("also: {also}"));
    }
    let inputs = inputs(setting)?;
    let mut first: Vec<Option<String>> = vec![None; inputs.len()];
    for program in &programs {
        decode(setting, program, &mut outcome)?;
        encode(setting, &inputs, &mut first, program, &mut outcome)?;
    }
    python(&mut outcome)?;
    Ok(outcome)
}

fn process_exists(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Tests all golden files that the program can be given a model for: `nc test` compares symbols and output.
fn decode(setting: &Setting, program: &Program, outcome: &mut Outcome) -> Result<()> {
    let golden = corpus::folder("golden");
    for path in corpus::files(&golden)? {
        let name = corpus::name(&path);
        if !name.ends_with(".nc") {
            continue;
        }
        let mut args: Vec<OsString> = ["test", "-q", "-T", program.threads].map(Into::into).into();
        if let Some(model) = model_of(&golden, &name)? {
            args.extend(["--model".into(), model.into()]);
        }
        args.push(path.into());
        let ran = program.run(&args, &setting.work)?;
        outcome.expect(ran.code == Some(0), || {
            format!("{name}, {}: {:?} {}", program.name, ran.code, ran.said)
        });
    }
    Ok(())
}

/// The golden model that a file names.
fn model_of(golden: &Path, name: &str) -> Result<Option<PathBuf>> {
    let file = std::fs::read(golden.join(name))?;
    let header = nc_core::Header::from_bytes(&file)?;
    for path in corpus::files(golden)? {
        if path.extension().is_some_and(|e| e == "ncm")
            && Some(nc_core::ModelId::of(&std::fs::read(&path)?)) == header.model
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Inputs of each kind of media that are encoded, and how: by every codec of the kind, with its golden model.
fn inputs(setting: &Setting) -> Result<Vec<(PathBuf, Vec<String>)>> {
    let golden = corpus::folder("golden");
    let at = |name: &str| setting.work.join(name);
    let (speech, music, clip) = (at("speech.wav"), at("music.wav"), at("clip.y4m"));
    wav(&speech, 16_000, &synth::speech(3, 5.0))?;
    wav(&music, 44_100, &synth::music(4, 4.0))?;
    y4m(&clip, 12)?;
    let table = golden.join("circuit-table.csv");
    let mut all = Vec::new();
    for family in REGISTRY.families() {
        let files = match family.info().kind {
            MediaKind::Bytes => vec![&speech],
            MediaKind::Audio => vec![&speech, &music],
            MediaKind::Records => vec![&table],
            MediaKind::Video => vec![&clip],
            _ => Vec::new(),
        };
        // A table's model has its name.
        let model = golden.join("circuit-table.ncm");
        let of_table = family.info().kind == MediaKind::Records && !models_of(family)?.is_empty();
        for (file, words) in files
            .iter()
            .flat_map(|f| row(family).commands.iter().map(move |c| (*f, *c)))
        {
            let mut how = vec!["--codec".to_owned(), family.info().name.to_owned()];
            how.extend(words.iter().map(|w| (*w).to_owned()));
            if of_table {
                how.extend(["--model".to_owned(), model.display().to_string()]);
            }
            all.push((file.clone(), how));
        }
    }
    Ok(all)
}

fn encode(
    setting: &Setting,
    inputs: &[(PathBuf, Vec<String>)],
    first: &mut [Option<String>],
    program: &Program,
    outcome: &mut Outcome,
) -> Result<()> {
    let out = setting.work.join("out.nc");
    for ((input, how), first) in inputs.iter().zip(first) {
        let mut args: Vec<OsString> = ["encode", "-q", "-f", "-T", program.threads]
            .map(Into::into)
            .into();
        args.extend(how.iter().map(Into::into));
        args.extend([input.clone().into(), out.clone().into()]);
        let ran = program.run(&args, &setting.work)?;
        let what = format!("{how:?} {}, {}", input.display(), program.name);
        let made = match ran.code {
            Some(0) => sha256(&std::fs::read(&out)?),
            code => format!("{code:?} {}", ran.said),
        };
        let same = first.get_or_insert_with(|| made.clone()) == &made;
        outcome.expect(same && ran.code == Some(0), || {
            format!("{what}: other bytes, {made}")
        });
    }
    Ok(())
}

/// The decoder written from FORMAT.md alone reads every lossless golden file.
fn python(outcome: &mut Outcome) -> Result<()> {
    if !process_exists("python3") {
        outcome
            .notes
            .push("python3 is not installed: the second decoder was not run".into());
        return Ok(());
    }
    let folder = corpus::folder("golden");
    let sums = golden::list("golden", "golden.sha256")?;
    let mut python = std::process::Command::new("python3");
    python
        .current_dir(&folder)
        .args(["../../tests/second_decoder.py", "--covered"]);
    for path in corpus::files(&folder)? {
        if path.extension().is_some_and(|e| e == "ncm") {
            python.arg("--model").arg(path);
        }
    }
    let output = python.args(sums.keys()).output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    outcome.expect(output.status.success(), || format!("python: {errors}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in said.lines() {
        let right = line
            .split_once("  ")
            .is_some_and(|(sum, name)| sums.get(name).is_some_and(|s| s == sum));
        outcome.expect(right, || format!("python: {line} {errors}"));
    }
    outcome.notes.push(format!(
        "the second decoder covers {} of {} golden files",
        said.lines().count(),
        sums.len()
    ));
    outcome.expect(said.lines().count() > 0, || format!("python: {errors}"));
    Ok(())
}
