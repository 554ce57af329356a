//! Killed at any time, and whatever else happens to a program: nothing partial under the final name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nc_core::rng::Rng;
use nc_corpora::{files::sha256, synth};

use xtask::opener::{REGISTRY, of_bytes, row};

use super::media::{wav, y4m};
use super::process::{Ran, command, complete, names, start};
use super::{Outcome, Setting};

/// Work that is killed: how it is run, what it writes, whether it is told to go on.
struct Job {
    name: &'static str,
    program: &'static str,
    args: Vec<OsString>,
    resume: Option<&'static str>,
    /// The output, and with it the name that nothing partial may have.
    output: PathBuf,
    /// Its folder of checkpoints, cleared before a fresh run.
    state: Option<PathBuf>,
}

fn words(all: &[&str]) -> Vec<OsString> {
    all.iter().map(OsString::from).collect()
}

fn table(path: &Path, rows: u32) -> Result<()> {
    let mut text = String::from("a,b,c,d\n");
    let mut rng = Rng::new(5);
    for i in 0..rows {
        let hidden = rng.below(4);
        let cell = |n: usize, rng: &mut Rng| hidden * n + rng.below(n);
        let (a, b, c) = (cell(3, &mut rng), cell(5, &mut rng), cell(2, &mut rng));
        text += &format!("{a},{b},word{c},{}\n", i % 7);
    }
    Ok(std::fs::write(path, text)?)
}

fn jobs(setting: &Setting) -> Result<Vec<Job>> {
    let at = |name: &str| setting.work.join(name);
    let (sound, clip, rows) = (at("in.wav"), at("in.y4m"), at("in.csv"));
    wav(&sound, 16_000, &synth::speech(8, 20.0))?;
    y4m(&clip, 70)?;
    table(&rows, 4000)?;
    let coded = at("coded.nc");
    let nc = setting.program("nc");
    let made = complete(
        &mut command(&nc, encode(&["-b", "3"], &sound, &coded)),
        &setting.work,
    )?;
    ensure!(made.code == Some(0), "{}", made.said);
    let states = at("states");
    let learner = REGISTRY.families().find(|f| !row(*f).learns.is_empty());
    let learner = learner.context("no codec that learns from a table")?;
    let (name, how) = (learner.info().name, row(learner).learns);
    let learn = |output: &Path| {
        let mut all = words(&["train", name, "-q", "-f"]);
        all.extend(words(how));
        all.extend([
            "--checkpoints".into(),
            states.clone().into(),
            "--data".into(),
            rows.clone().into(),
            "-o".into(),
            output.into(),
        ]);
        all
    };
    let mut video = words(&[
        "--quality",
        "5",
        "--option",
        "network=none",
        "--checkpoints",
    ]);
    video.push(states.clone().into());
    let (a, b, c, d) = (at("a.nc"), at("b.wav"), at("c.nc"), at("d.ncm"));
    let mut decode = words(&["decode", "-q", "-f"]);
    decode.extend([coded.into(), b.clone().into()]);
    let plan = at("plan.toml");
    std::fs::write(&plan, plan_text())?;
    let runs = at("runs");
    let mut judge = words(&["run"]);
    judge.extend([
        plan.into(),
        "-o".into(),
        runs.clone().into(),
        "--program".into(),
    ]);
    judge.push({
        let mut pair = OsString::from("nc=");
        pair.push(&nc);
        pair
    });
    judge.extend(["--data".into(), {
        let mut pair = OsString::from("speech=");
        pair.push(&setting.work);
        pair
    }]);
    Ok(vec![
        Job {
            name: "encode sound",
            program: "nc",
            args: encode(&["-b", "3"], &sound, &a),
            resume: None,
            output: a,
            state: None,
        },
        Job {
            name: "decode sound",
            program: "nc",
            args: decode,
            resume: None,
            output: b,
            state: None,
        },
        Job {
            name: "encode video",
            program: "nc",
            args: encode_os(video, &clip, &c),
            resume: Some("--resume"),
            output: c,
            state: Some(states.clone()),
        },
        Job {
            name: "train",
            program: "nc",
            args: learn(&d),
            resume: Some("--resume"),
            output: d,
            state: Some(states),
        },
        Job {
            name: "harness",
            program: "nc-rd",
            args: judge,
            resume: None,
            output: runs.join("results.json"),
            state: Some(runs),
        },
    ])
}

fn encode(how: &[&str], from: &Path, to: &Path) -> Vec<OsString> {
    encode_os(words(how), from, to)
}

fn encode_os(how: Vec<OsString>, from: &Path, to: &Path) -> Vec<OsString> {
    let mut all = words(&["encode", "-q", "-f"]);
    all.extend(how);
    all.extend([from.into(), to.into()]);
    all
}

/// A plan of seconds: one sound, two codecs.
fn plan_text() -> &'static str {
    r#"name = "kill"
description = "what is killed"

[[dataset]]
name = "speech"
kind = "audio"
about = "A generated voice"
files = ["in.wav"]

[[run]]
codecs = ["nc grvq"]
datasets = ["speech"]
"#
}

/// Kills each job at random times; then lets it go on.
pub fn kill(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let jobs = jobs(setting)?;
    let times = setting.of(3, 40);
    let mut rng = Rng::new(setting.seed ^ 77);
    for job in &jobs {
        let program = setting.program(job.program);
        clear(job)?;
        let ran = complete(&mut command(&program, &job.args), &setting.work)?;
        ensure!(
            ran.code == Some(0),
            "{}: {:?} {}",
            job.name,
            ran.code,
            ran.said
        );
        let (right, seconds) = (content(job)?, ran.seconds);
        let mut killed = 0;
        for _ in 0..times {
            clear(job)?;
            let running = start(&mut command(&program, &job.args), &setting.work)?;
            let delay = Duration::from_secs_f64(seconds * f64::from(rng.unit()));
            let was = running.kill_after(delay)?;
            killed += usize::from(was);
            let partial = was && job.output.exists() && content(job)? != right;
            outcome.expect(!partial, || {
                format!("{}: a partial output after {delay:?}", job.name)
            });
            let mut again = job.args.clone();
            // Killed before its first checkpoint, there is nothing to go on from.
            again.extend(job.resume.filter(|_| kept(job)).map(OsString::from));
            let ran = complete(&mut command(&program, &again), &setting.work)?;
            let same = ran.code == Some(0) && content(job)? == right;
            outcome.expect(same, || {
                format!(
                    "{} after {delay:?}: goes on to something else: {}",
                    job.name, ran.said
                )
            });
        }
        outcome.notes.push(format!(
            "{}: {times} runs of {seconds:.2} s, {killed} killed before their end",
            job.name
        ));
    }
    Ok(outcome)
}

fn clear(job: &Job) -> Result<()> {
    if let Some(state) = job.state.as_ref().filter(|s| s.exists()) {
        std::fs::remove_dir_all(state)?;
    }
    match std::fs::remove_file(&job.output) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// Whether a killed job left a checkpoint.
fn kept(job: &Job) -> bool {
    let files = job.state.as_ref().and_then(|s| std::fs::read_dir(s).ok());
    files.is_some_and(|mut files| files.next().is_some())
}

/// The hash of what was written; of results and models, without what is measured in seconds or memory.
fn content(job: &Job) -> Result<String> {
    let bytes = std::fs::read(&job.output).with_context(|| job.output.display().to_string())?;
    let (mut facts, rest): (serde_json::Value, &[u8]) = match job.name {
        "harness" => (serde_json::from_slice(&bytes)?, &[]),
        // The header of a model names the seconds that went into it.
        "train" => {
            let (length, rest) = bytes.split_first_chunk().context("no model")?;
            let length = usize::try_from(u64::from_le_bytes(*length))?;
            let (header, rest) = rest.split_at_checked(length).context("no model")?;
            (serde_json::from_slice(header)?, rest)
        }
        _ => return Ok(sha256(&bytes)),
    };
    without_times(&mut facts);
    Ok(sha256(&[facts.to_string().as_bytes(), rest].concat()))
}

fn without_times(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|k, _| {
                ![
                    "second", "time", "memory", "factor", "peak", "started", "wall",
                ]
                .iter()
                .any(|w| k.contains(w))
                    && !k.ends_with("_s")
            });
            map.values_mut().for_each(without_times);
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// A fault: what is run, and the exit codes that are right.
struct Fault {
    name: String,
    ran: Ran,
    codes: &'static [i32],
    /// A word that the message has; none where it may say nothing.
    says: &'static str,
}

/// Other faults than a kill.
pub fn run(setting: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let at = |name: &str| setting.work.join(name);
    let (sound, clip, coded) = (at("in.wav"), at("in.y4m"), at("coded.nc"));
    wav(&sound, 16_000, &synth::speech(8, 200.0))?;
    y4m(&clip, 70)?;
    let nc = setting.program("nc");
    let go = |args: Vec<OsString>| complete(&mut command(&nc, args), &setting.work);
    let made = go(encode(&["-b", "3"], &sound, &coded))?;
    ensure!(made.code == Some(0), "{}", made.said);
    let out = at("out");
    std::fs::create_dir(&out)?;
    let decode = |from: &Path, to: &Path| {
        let mut all = words(&["decode", "-f"]);
        all.extend([from.into(), to.into()]);
        all
    };
    let mut faults = Vec::new();
    let mut add = |name: &str, ran: Ran, codes, says| {
        faults.push(Fault {
            name: name.into(),
            ran,
            codes,
            says,
        });
    };
    let missing = at("missing.wav");
    for to in [Path::new("/dev/full"), &out.join("x.wav")] {
        if to.starts_with("/dev") && !to.exists() {
            continue;
        }
        let full = to.starts_with("/dev");
        let (codes, says): (&[i32], _) = if full { (&[1], "space") } else { (&[0], "") };
        add(
            "decode onto a full device",
            go(decode(&coded, to))?,
            codes,
            says,
        );
    }
    std::fs::remove_file(out.join("x.wav"))?;
    // A file may not grow beyond 64 KiB: as on a full disk, writing fails half-way.
    for (name, args) in [
        (
            "decode onto a full disk",
            decode(&coded, &out.join("y.wav")),
        ),
        (
            "encode onto a full disk",
            encode(&["--codec", of_bytes()?], &sound, &out.join("y.nc")),
        ),
    ] {
        let mut shell = words(&["-c", "ulimit -f 64; trap '' XFSZ; exec \"$@\"", "sh"]);
        shell.push(nc.clone().into());
        shell.extend(args);
        let ran = complete(&mut command(Path::new("bash"), shell), &setting.work)?;
        add(name, ran, &[1], "large");
    }
    if Path::new("/proc/self").exists() {
        add(
            "a folder that takes no files",
            go(decode(&coded, Path::new("/proc/x.wav")))?,
            &[1],
            "x.wav",
        );
        add(
            "an input that cannot be read",
            go(encode(&[], Path::new("/proc/self/mem"), &out.join("z.nc")))?,
            &[1, 2, 3],
            "mem",
        );
    }
    add(
        "no such input",
        go(encode(&[], &missing, &out.join("z.nc")))?,
        &[1],
        "missing.wav",
    );
    add(
        "a folder as input",
        go(decode(&setting.work, &out.join("z.wav")))?,
        &[1, 2, 3],
        "nc:",
    );
    add(
        "no such folder",
        go(decode(&coded, &out.join("no/z.wav")))?,
        &[1],
        "z.wav",
    );
    add("closed pipe", closed_pipe(setting, &nc, &coded)?, &[1], "");
    let mut slow = words(&["--preset", "slow", "--bytes", "9000"]);
    slow.extend(["--checkpoints".into(), at("states").into()]);
    let mut rng = Rng::new(setting.seed ^ 5);
    for i in 0..setting.of(4, 40) {
        let to = out.join("w.nc");
        let args = match i % 2 {
            0 => encode(&["-b", "3"], &sound, &to),
            _ => encode_os(slow.clone(), &clip, &to),
        };
        let delay = Duration::from_millis(30 + rng.below(400) as u64);
        let ran = start(&mut command(&nc, args), &setting.work)?.interrupt_after(delay)?;
        // What was done before the signal came is done.
        if ran.code == Some(0) {
            std::fs::remove_file(&to)?;
        }
        add(&format!("interrupt after {delay:?}"), ran, &[0, 1, 130], "");
    }
    for fault in faults {
        let Fault {
            name,
            ran,
            codes,
            says,
        } = fault;
        let code = ran.code.unwrap_or(-1);
        outcome.expect(codes.contains(&code), || {
            format!("{name}: exit code {code}: {}", ran.said)
        });
        let said = ran.said.contains(says) && !ran.said.contains("panicked");
        outcome.expect(said, || format!("{name} says: {}", ran.said));
        outcome.expect(ran.said.lines().count() <= 3, || {
            format!("{name} says: {}", ran.said)
        });
    }
    let left = names(&out)?;
    outcome.expect(left.is_empty(), || format!("left behind: {left:?}"));
    Ok(outcome)
}

/// Decodes into a pipe whose reader leaves after a few bytes.
fn closed_pipe(setting: &Setting, nc: &Path, coded: &Path) -> Result<Ran> {
    let said = setting.work.join("pipe.said");
    let mut child = Command::new(nc)
        .args(["decode".into(), coded.into(), OsString::from("-")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&said)?)
        .spawn()?;
    let mut first = [0; 64];
    if let Some(mut pipe) = child.stdout.take() {
        std::io::Read::read_exact(&mut pipe, &mut first)?;
    }
    let status = child.wait()?;
    Ok(Ran {
        code: status.code(),
        said: std::fs::read_to_string(&said)?,
        peak: None,
        seconds: 0.0,
    })
}
